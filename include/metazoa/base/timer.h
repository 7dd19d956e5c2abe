/*
 * Timers: how the wall time of this rank divides into phases. One phase runs at a time; starting a phase ends
 * the one before, so the phases add up to the whole time. Reading the clock takes about 25 ns.
 */
#ifndef METAZOA_BASE_TIMER_H
#define METAZOA_BASE_TIMER_H

enum phase {
    PHASE_OTHER,      /* everything that is not in a phase below */
    PHASE_LOAD,       /* reading and preparing data */
    PHASE_SWEEP,      /* particles: task update, self-training, effective weight */
    PHASE_FORWARD,    /* organism: forward products and activations, gathering of samples */
    PHASE_BACKWARD,   /* organism: loss, backward products */
    PHASE_REDUCE,     /* communication over the batch axis: gradients and effective weights */
    PHASE_EXCHANGE,   /* waiting for sums over rows and columns */
    PHASE_AGREE,      /* waiting for the ranks' agreement at each batch */
    PHASE_VALIDATE,   /* test data */
    PHASE_CENSUS,     /* census and fingerprint */
    PHASE_ARCHIVE,    /* trajectory archive */
    PHASE_CHECKPOINT, /* checkpoints */
    PHASE_COUNT
};

/* Local. Seconds on a monotonic clock. */
double timer_now(void);

/* Local. Ends the running phase and starts this one. Returns the phase that ran, so that the caller can go
 * back to it. */
enum phase timer_enter(enum phase phase);

/* Local. Seconds spent in a phase since timer_reset. */
double timer_seconds(enum phase phase);
const char *timer_name(enum phase phase);
void timer_reset(void);

#endif
