/*
 * Schedules: collectives of MPI as rounds of messages without meaning, of the algorithms and sizes that Open
 * MPI 4 uses. A schedule in the background moves on only inside calls of MPI, as in Open MPI: a rank that
 * computes lets the messages under way arrive, but begins no new round.
 */
#ifndef METAZOA_SIM_SCHEDULE_H
#define METAZOA_SIM_SCHEDULE_H

#include <mpi.h>
#include <stdbool.h>
#include <stdint.h>

struct schedule;

/* A sum of n doubles over all ranks: up and down a binomial tree (what Open MPI does for MPI_Iallreduce in
 * place), or by halving and doubling (what it does for 64 KiB and more that are not in place, on 4 ranks and
 * more). */
struct schedule *schedule_tree(MPI_Comm comm, int64_t n);
struct schedule *schedule_halving(MPI_Comm comm, int64_t n);

/* counts [ranks] doubles: summed, block i goes to rank i; or block i of rank i goes to all. In a ring, or up
 * to 64 KiB in logarithmically many rounds. */
struct schedule *schedule_reduce_scatter(MPI_Comm comm, const int *counts);
struct schedule *schedule_gather(MPI_Comm comm, const int64_t *counts);

/* Moves on all schedules in the background; says whether this one is complete. */
bool schedule_test(struct schedule *schedule);

/* Completes and frees it. */
void schedule_wait(struct schedule *schedule);

/* Messages and bytes that this rank sent so far. */
struct sent {
    int64_t messages, bytes;
};
extern struct sent sent;

#endif
