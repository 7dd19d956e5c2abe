/* Where the particles of an archive are at its end, layer by layer, and how far they went from its first
 * record. */
#ifndef METAZOA_ANALYSE_MOVES_H
#define METAZOA_ANALYSE_MOVES_H

#include <stdbool.h>
#include <stdint.h>

#include "metazoa/base/error.h"
#include "metazoa/parallel/comm.h"
#include "metazoa/particle/census.h"

struct moves_layer {
    int number; /* in the organism, from 0 */
    int64_t particles;
    int64_t types[TYPE_NAMES]; /* in the last record */
    bool counted;              /* it has a census of those that are not pruned */
    double mean,
        farthest; /* Euclidean distances of weights between first and last record, of particles that are not pruned;
                     NaN: none is finite */
    int64_t cell, edge; /* of the particle that went farthest */
};

struct moves {
    int64_t records;
    int64_t first, last; /* epochs of the first and the last one */
    int n_layers;
    struct moves_layer *layer; /* [n_layers], owned: memory_free */
};

/*
 * Collective; the result is rank 0's. Reads two records. False: there is no archive of two records, or a
 * record takes more than `most` bytes. Damaged archives are problems (on rank 0 alone).
 */
bool moves_read(struct moves *moves, const char *run, int64_t most, struct comm *comm,
                struct problems *problems);

#endif
