/*
 * What happens to the samples of all tasks once they are loaded: scaling, their digest, then noise.
 */
#ifndef METAZOA_TASK_SAMPLES_H
#define METAZOA_TASK_SAMPLES_H

#include "metazoa/task/task.h"

/* Local. Adds normal noise to the inputs of the samples that are this rank's to fill in. The noise of a
 * column does not depend on which columns are held. */
void samples_noise(const struct task *task, struct dataset *data);

/* Collective over comm. Fills in task->identity; the same for all ranks, however columns are held. */
void samples_identify(struct task *task, struct comm *comm);

/* Collective over the ranks that share the samples' memory. Moves and scales each input so that its
 * training samples go from 0 to 1, and the test samples in the same way; an input that is always the same
 * becomes 0. False: a problem (EXIT_INPUT) names an input whose differences are lost in float32; nothing
 * is scaled. comm: of all ranks, which agree on that. */
bool samples_scale(struct task *task, struct comm *comm, struct problems *problems);

/* Local. How many of n training samples are held out for validation. */
int64_t samples_held_out(const struct task_spec *spec, int64_t n);

/* Collective over the ranks that share the samples' memory. The last ones of the training samples in a
 * seeded order, as many as the validation set has, move behind all others and become this set. */
void samples_hold_out(struct task *task);

/* Collective over comm. Fills in task->input_lo, input_hi and largest_target. */
void samples_measure(struct task *task, struct comm *comm);

#endif
