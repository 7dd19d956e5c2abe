/*
 * The large collectives of MPI along the batch axis as messages without meaning, of the algorithms and sizes
 * that Open MPI 4 uses. (The sums over rows and columns are the program's own: parallel/sum.c.) Collective.
 */
#ifndef METAZOA_SIM_SCHEDULE_H
#define METAZOA_SIM_SCHEDULE_H

#include <mpi.h>
#include <stdint.h>

/* counts [ranks] doubles: summed, block i goes to rank i; or block i of rank i goes to all. In a ring, or up
 * to 64 KiB in logarithmically many rounds. */
void schedule_reduce_scatter(MPI_Comm comm, const int *counts);
void schedule_gather(MPI_Comm comm, const int64_t *counts);

/* What messages of so many bytes are sent from and land in. Local. */
void *schedule_nowhere(int64_t bytes);

/* Messages and bytes that this rank sent so far. */
struct sent {
    int64_t messages, bytes;
};
extern struct sent sent;

#endif
