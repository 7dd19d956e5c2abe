/*
 * Pace: how long the parts of a run take, and what follows from it: how long a stop takes, how many epochs
 * fit into a limit, when a stop must begin so that the limit is kept. Every part counts with the longest time
 * seen. Local; rank 0's watch decides for all.
 */
#ifndef METAZOA_TRAIN_PACE_H
#define METAZOA_TRAIN_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct pace {
    double batch;      /* seconds from one look at the signals to the next */
    double epoch_end;  /* measures and archive at the end of an epoch */
    double checkpoint; /* one checkpoint; 0: none was written yet, the guess counts */
    double guess;
    double epoch;   /* mean seconds of a whole epoch, with all that belongs to it */
    int64_t epochs; /* in that mean */
};

/* A guess before anything is measured: a checkpoint of so many bytes on a slow disk. */
struct pace pace_new(double checkpoint_bytes);

/* Takes a measured time into account. */
void pace_measure(double *longest, double seconds);
void pace_epoch(struct pace *pace, double seconds);

/* Seconds that a checkpoint takes, as far as is known. */
double pace_checkpoint(const struct pace *pace);

/* Seconds from a signal to the end of the program, at most: the batch under way, the end of an epoch, a
 * checkpoint; a machine that others use as well may take three times the longest time seen. */
double pace_latency(const struct pace *pace);

/* Epochs that fit into so many seconds, with a checkpoint at the end. */
int64_t pace_fits(const struct pace *pace, double seconds);

/* "1:02:03", "4:05", "12.3 s": a duration for people. */
struct duration {
    char text[48];
};
struct duration duration_text(double seconds);

#endif
