/*
 * Schedule: what each batch of a run does, as a function of the configuration and of where the run stands.
 *   first    one task alone, until an epoch or an accuracy (training.first)
 *   both     self-training of every particle, then one task step on the batch
 *   settle   after the last task step, one more epoch, number epochs + 1 (training.settle):
 *            project   one batch, which projects all particles onto fixpoints
 *            plain     self-training alone. Its batches are portions of SETTLE_PORTION steps, so that signals are
 *                      seen in time. Velocities go on from portion to portion as they do from batch to batch
 *                      (momentum_buffers: reset starts every portion with none).
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

/* What one batch does: self_steps self-training steps, then the projection, then the task on samples [begin, end)
 * of the epoch's order. */
struct step {
    int self_steps;
    bool project, learn;
    int64_t begin, end;
};

/* Local, as all functions here. samples: training samples of an epoch. */
struct schedule schedule_new(const struct config *config, int64_t samples);

/* Epochs in all; the one that settles is the last. */
int64_t schedule_epochs(const struct schedule *schedule);

/* The stage of epoch 1, and of the epoch after `epoch` (completed in `stage` with this train accuracy, NaN:
 * none). */
enum stage schedule_begin(const struct schedule *schedule);
enum stage schedule_next(const struct schedule *schedule, enum stage stage, int64_t epoch,
                         double train_accuracy);

/* The stage of a run that was resumed after `epoch` epochs, perhaps with more epochs, or with steps to
 * settle, than before. */
enum stage schedule_resume(const struct schedule *schedule, enum stage stage, int64_t epoch);

/* Batches of an epoch in that stage, and what batch 0, 1, ... does. */
int64_t schedule_batches(const struct schedule *schedule, enum stage stage);
struct step schedule_step(const struct schedule *schedule, enum stage stage, int64_t batch);

/* Is what comes every so many epochs (0: never) due after this epoch, or because it is the last one, or the
 * last before settling? */
bool schedule_due(const struct schedule *schedule, int64_t every, int64_t epoch);

#endif
