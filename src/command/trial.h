/* A trial: some batches, run for real, from which the time of a whole run follows. */
#ifndef METAZOA_SRC_COMMAND_TRIAL_H
#define METAZOA_SRC_COMMAND_TRIAL_H

#include "check_report.h"
#include "metazoa/base/error.h"
#include "metazoa/parallel/comm.h"

/* Collective over world, whose ranks report->grid fits. Loads the data, trains a fresh organism for about a
 * second, writes a checkpoint beside run.output and removes it, and fills in report->trial. Needs
 * report->needs. Problems of the data are agreed on and printed, then their exit code is
 * returned. */
enum exit_code trial_run(struct check_report *report, struct task *task, struct comm *world);

#endif
