/*
 * A run's folder: creates it, and locks it so that no second job writes into it. Rank 0 holds flock() on
 * RUN/.lock; the kernel releases it when the process ends, also after a crash. The file's text says who holds
 * the lock.
 */
#ifndef METAZOA_STORE_LOCK_H
#define METAZOA_STORE_LOCK_H

#include <stdbool.h>

#include "metazoa/base/error.h"
#include "metazoa/parallel/comm.h"

struct lock {
    int file; /* descriptor on rank 0; -1: no lock is held */
};

/*
 * Collective. Creates the folder and its parents if they do not exist, locks it, and removes temporary files
 * of the run's own that a killed job left. Zero-initialise the lock. Problems (EXIT_USAGE, or EXIT_INPUT for the last) are on
 * rank 0 only, so call comm_agree afterwards:
 *   - the folder cannot be created or written;
 *   - another job holds the lock (the message names host, process and SLURM job);
 *   - resume is false and the folder already holds a run (config.yaml, a checkpoint or an archive). A run is never
 *     overwritten;
 *   - a folder, pipe or device has the name of a file that the run will read or replace.
 */
void lock_take(struct lock *lock, const char *run, bool resume, struct comm *comm, struct problems *problems);

/* Local. Whether a job works in this folder now, and what it says of itself ("host, process 123"). False where the
 * file system has no locks. */
enum { LOCK_HOLDER = 256 };
bool lock_held(const char *run, char holder[LOCK_HOLDER]);

/* Local. Fatal if the folder of this name is no longer the one that was locked: it was removed or renamed, and another
 * job made one of the same name. */
void lock_check(const struct lock *lock, const char *run);

/* Local. Adds a problem (EXIT_USAGE) if `path` has a name of the files that a run keeps in its folder: nothing that
 * is derived from a run may replace them; and if there is something else than a regular file, such as a device. */
void lock_spare(const char *path, struct problems *problems);

/* Collective. Does nothing for a lock that was not taken. */
void lock_release(struct lock *lock, struct comm *comm);

#endif
