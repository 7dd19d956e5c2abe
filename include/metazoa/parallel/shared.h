/*
 * Memory that ranks of one node share: one copy instead of one a rank (MPI-3 shared-memory windows). Where
 * there is nobody to share with, or the machine refuses, it is memory of the rank's own, and the same code is
 * right.
 */
#ifndef METAZOA_PARALLEL_SHARED_H
#define METAZOA_PARALLEL_SHARED_H

#include <stdbool.h>
#include <stdint.h>

#include "metazoa/parallel/comm.h"

struct shared {
    void *data; /* [bytes], zeroed, aligned to 64 bytes: on every rank the same memory */
    int64_t bytes;
    int rank, size; /* this rank among those that share it; 0 of 1: nobody else does */
    void *window;   /* NULL: memory of its own */
};

/*
 * Collective over comm. Ranks of one node that give the same two keys (from 0 to 2^30) share so many bytes,
 * if a copy for each of them would take `least` bytes in all; bytes and least are equal for equal keys.
 * Failure to share is none: see above.
 */
void shared_new(struct shared *shared, struct comm *comm, int64_t bytes, const int64_t keys[2],
                int64_t least);

/* Local. What shared_new does for so many ranks that could share. */
bool shared_pays(int64_t bytes, int64_t ranks, int64_t least);

/* Collective over those who share it. What each of them has written is there for all; call it before reading.
 */
void shared_ready(struct shared *shared);

/* Collective over those who share it. A zeroed one: nothing to do. */
void shared_free(struct shared *shared);

/* Collective. The most ranks of the group that are on one node. */
int shared_ranks(struct comm *comm);

#endif
