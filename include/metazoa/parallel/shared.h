/*
 * Memory that ranks of one node share: one copy per node instead of one per rank (MPI-3 shared-memory
 * windows). Falls back to private memory if sharing is impossible; callers need no special case.
 */
#ifndef METAZOA_PARALLEL_SHARED_H
#define METAZOA_PARALLEL_SHARED_H

#include <stdbool.h>
#include <stdint.h>

#include "metazoa/parallel/comm.h"

struct shared {
    void *data; /* [bytes], zeroed, aligned to 64 bytes; the same memory on all ranks that share it */
    int64_t bytes;
    int rank, size; /* this rank among those that share the memory; private memory has rank 0 of 1 */
    void *window;   /* of MPI; NULL: private memory */
};

/*
 * Collective over comm. Ranks of one node that pass the same two keys (0 .. 2^30) share an array of `bytes`
 * bytes, if private copies would take at least `least` bytes together. Ranks with equal keys must pass equal
 * bytes and least. Never fails, except by lack of memory (fatal). Free with shared_free.
 */
void shared_new(struct shared *shared, struct comm *comm, int64_t bytes, const int64_t keys[2],
                int64_t least);

/* Local. Whether shared_new shares the memory of this many ranks of a node. */
bool shared_pays(int64_t bytes, int64_t ranks, int64_t least);

/* Collective over the ranks that share the memory. After it, each of them sees what all have written. */
void shared_ready(struct shared *shared);

/* Collective over the ranks that share the memory. Does nothing for a zeroed struct. */
void shared_free(struct shared *shared);

#endif
