/*
 * Schedule: what each batch of a run does, as a function of the configuration, the stage, and the batch's
 * number. The stages of a run:
 *   first    one task alone, for a number of epochs or until an accuracy (training.first)
 *   both     self-training of every particle, then one task step on the batch
 *   settle   after the last task step, one more epoch, number epochs + 1 (training.settle):
 *            project   one batch, which projects all particles onto fixpoints
 *            plain     self-training alone, in batches of SETTLE_PORTION steps, so that signals are noticed in
 *                      time. Velocities are kept from batch to batch, as in training (momentum_buffers: reset
 *                      starts every batch with velocity zero).
 */
#ifndef METAZOA_TRAIN_SCHEDULE_H
#define METAZOA_TRAIN_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "metazoa/config/config.h"

enum stage { STAGE_FIRST, STAGE_BOTH, STAGE_SETTLE };
enum { SETTLE_PORTION = 16 };

struct schedule {
    struct schedule_spec plan;
    int self_steps;
    int64_t samples; /* training samples of an epoch */
};

/* What one batch does: self_steps self-training steps, then the projection, then the task on samples [begin,
 * end) of the epoch's order. */
struct step {
    int self_steps;
    bool project, learn;
    int64_t begin, end;
};

/* Local, like all functions here. samples: training samples per epoch. */
struct schedule schedule_new(const struct config *config, int64_t samples);

/* The number of epochs, including the last one, which settles. */
int64_t schedule_epochs(const struct schedule *schedule);

/* schedule_begin: the stage of epoch 1. schedule_next: the stage of the epoch after `epoch`, which was
 * completed in `stage` with this train accuracy (NaN: none). */
enum stage schedule_begin(const struct schedule *schedule);
enum stage schedule_next(const struct schedule *schedule, enum stage stage, int64_t epoch,
                         double train_accuracy);

/* The stage of a run that is resumed after `epoch` epochs in `stage`. Its configuration may now ask for more
 * epochs, or for settling. */
enum stage schedule_resume(const struct schedule *schedule, enum stage stage, int64_t epoch);

/* The number of batches of an epoch in that stage, and what batch 0, 1, ... does. */
int64_t schedule_batches(const struct schedule *schedule, enum stage stage);
struct step schedule_step(const struct schedule *schedule, enum stage stage, int64_t batch);

/* Whether something that happens every `every` epochs (0: never) happens after this epoch. It always happens
 * after the last epoch, and after the last one before settling. */
bool schedule_due(const struct schedule *schedule, int64_t every, int64_t epoch);

#endif
