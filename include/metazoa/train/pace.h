/*
 * Pace: measures how long the parts of a run take, and predicts from it how long a stop takes and how many
 * epochs fit into a time limit. Each part counts with its longest measured time. Local; rank 0's clock
 * decides for all ranks. Times are in seconds.
 */
#ifndef METAZOA_TRAIN_PACE_H
#define METAZOA_TRAIN_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct pace {
    double batch;      /* seconds from one look at the signals to the next */
    double epoch_end;  /* measures and archive at the end of an epoch */
    double checkpoint; /* one checkpoint until its commit; 0: none was written yet, so `guess` counts */
    double commit;     /* one commit (base/commit.h) */
    double guess;      /* of the time of a checkpoint: measured by an earlier start, or from its size */
    double epoch;      /* mean seconds of a whole epoch, with all that belongs to it */
    int64_t epochs;    /* in that mean */
};

/* Nothing is measured yet. The guess assumes a slow disk, to which `writers` ranks write at the same time. */
struct pace pace_new(double checkpoint_bytes, int writers);

/* pace_measure: *longest becomes the larger of itself and `seconds`. pace_epoch: adds an epoch to the
 * mean. */
void pace_measure(double *longest, double seconds);
void pace_epoch(struct pace *pace, double seconds);

/* The predicted time of a checkpoint until it is on the disk: `checkpoint` and `commit`, or `guess`. */
double pace_checkpoint(const struct pace *pace);

/* The predicted time from a signal to the end of the program, at most: two batches, the end of an epoch, and
 * a checkpoint, each three times as long as measured, because the machine may be shared with other jobs. */
double pace_latency(const struct pace *pace);

/* The number of epochs that fit into `seconds`, with a checkpoint at the end. */
int64_t pace_fits(const struct pace *pace, double seconds);

/* A duration as a text: "1:02:03", "4:05", "12.3 s". */
struct duration {
    char text[48];
};
struct duration duration_text(double seconds);

#endif
