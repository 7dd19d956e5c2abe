/*
 * What happens to the samples of all tasks once they are loaded: their digest, then noise.
 */
#ifndef METAZOA_TASK_SAMPLES_H
#define METAZOA_TASK_SAMPLES_H

#include "metazoa/task/task.h"

/* Local. Adds normal noise to the inputs of the samples that are this rank's to fill in. The noise of a
 * column does not depend on which columns are held. */
void samples_noise(const struct task *task, struct dataset *data);

/* Collective over comm. Fills in task->identity; the same for all ranks, however columns are held. */
void samples_identify(struct task *task, struct comm *comm);

/* Collective over comm. Fills in task->largest_input and largest_target. */
void samples_measure(struct task *task, struct comm *comm);

#endif
