/*
 * A run's folder: made, inspected and locked against a second job. The lock is flock() on RUN/.lock by rank
 * 0: the kernel releases it when the process ends, however it ends. The file says who holds it.
 */
#ifndef METAZOA_STORE_LOCK_H
#define METAZOA_STORE_LOCK_H

#include <stdbool.h>

#include "metazoa/base/error.h"
#include "metazoa/parallel/comm.h"

struct lock {
    int file; /* descriptor on rank 0; -1: nothing is held */
};

/*
 * Collective. Makes the folder, and those above it, if need be, and locks it. Problems (EXIT_USAGE), on rank
 * 0 alone (agree on them): the folder cannot be made or written; another job holds it (host, process and
 * SLURM job are named); resume is false and the folder holds a run already (a config.yaml, a checkpoint or an
 * archive), which is never overwritten. Left-over temporary files of a killed job are removed.
 * Zero-initialise the lock.
 */
void lock_take(struct lock *lock, const char *run, bool resume, struct comm *comm, struct problems *problems);

/* Collective. Zeroed lock: nothing to do. */
void lock_release(struct lock *lock, struct comm *comm);

#endif
