/*
 * Schedule: what each batch of a run does, as a function of the configuration, the stage, and the batch's
 * number. The stages of a run:
 *   0, 1, ...       the phases of training.phases, each for a number of epochs or until an accuracy: the task
 *                   alone, self-training alone, or self-training of every particle and then one task step on
 *                   the batch. The last one lasts until the epochs of all are done.
 *   STAGE_SETTLE    after the last task step, one more epoch, number epochs + 1 (training.settle):
 *       project     one batch, which projects all particles onto fixpoints
 *       plain       self-training alone, in batches of SETTLE_PORTION steps, so that signals are noticed in
 *                   time. Velocities are kept from batch to batch, as in training (momentum_buffers: reset
 *                   starts every batch with velocity zero).
 */
#ifndef METAZOA_TRAIN_SCHEDULE_H
#define METAZOA_TRAIN_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "metazoa/config/config.h"

enum { SETTLE_PORTION = 16 };

struct schedule {
    struct schedule_spec plan; /* with one stage at least */
    int self_steps;
    int64_t samples; /* training samples of an epoch */
    int64_t
        planned; /* epochs as they were configured: learning rates go by them, also if training ends early */
    int64_t begun; /* training does not end early before this epoch, as a checkpoint knows of later ones */
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

/* These set the stage of the progress. schedule_begin sets that of epoch 1, schedule_next that of the next
 * epoch; progress->epoch was completed with this train accuracy (NaN: none). schedule_resume: of a run
 * that goes on from a checkpoint; its configuration may now ask for more epochs, other phases to come, or
 * settling. */
void schedule_begin(const struct schedule *schedule, struct progress *progress);
void schedule_next(const struct schedule *schedule, struct progress *progress, double train_accuracy);
void schedule_resume(const struct schedule *schedule, struct progress *progress);

/* Whether a checkpoint of a run with the phases of `saved` may go on: phases that have ended are the
 * same, and the one under way trains the same; its length and `until` may differ. */
bool schedule_continues(const struct schedule_spec *saved, const struct schedule *now,
                        const struct progress *progress);

/* The number of batches of an epoch in that stage, and what batch 0, 1, ... does. */
int64_t schedule_batches(const struct schedule *schedule, int64_t stage);
struct step schedule_step(const struct schedule *schedule, int64_t stage, int64_t batch);

/* What the newest checkpoint of a run says of its end: training did not end before it, whatever the
 * patience is by now; and an organism that settles has ended its training. To be called before
 * schedule_stop_early. */
void schedule_know(struct schedule *schedule, const struct progress *newest);

/* If the validation loss of these rows has not been below its best for `patience` epochs, training ends
 * with the first epoch that was looked at and in which that is so: the plan has no more epochs than that.
 * Returns the best epoch, or -1: it goes on. */
int64_t schedule_stop_early(struct schedule *schedule, const struct metrics_row *rows, int64_t n);

/* The factors of the learning rates in a batch: of a task step along its gradient, and of its self-training. */
struct rates schedule_rates(const struct schedule *schedule, int64_t stage, int64_t epoch, int64_t batch);

/* Whether the rates depend on the number of epochs, so that a resume may not change it. */
bool schedule_needs_epochs(const struct schedule_spec *plan);

/* About how many archive records a whole run makes (those inside epochs may fall on the ends of epochs). 0:
 * no archive. */
int64_t schedule_records(const struct config *config);

/* Whether something that happens every `every` epochs (0: never) happens after this epoch. It always happens
 * after the last epoch, and after the last one before settling. */
bool schedule_due(const struct schedule *schedule, int64_t every, int64_t epoch);

#endif
