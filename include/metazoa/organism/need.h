/*
 * Needs: what one rank of a grid takes for an organism, without making it. Memory is counted by the code that
 * allocates (memory_take). Local. Numbers that 64 bits cannot hold are INT64_MAX.
 */
#ifndef METAZOA_ORGANISM_NEED_H
#define METAZOA_ORGANISM_NEED_H

#include "metazoa/organism/interact.h"
#include "metazoa/organism/organism.h"

struct organism_need {
    int64_t particles; /* bytes of the layers: state, effective weights, gradients */
    int64_t passes;    /* bytes of the passes' buffers */
    /* Of each layer: */
    int64_t owned[ORGANISM_LAYERS_MAX]; /* particles that the rank owns, padding included */
    int64_t local[ORGANISM_LAYERS_MAX]; /* ... of which it has the effective weights */
    int32_t edges[ORGANISM_LAYERS_MAX], cells[ORGANISM_LAYERS_MAX]; /* held here */
    bool copied[ORGANISM_LAYERS_MAX]; /* its effective weights are copied instead of summing gradients */
};

/* Of the grid only size and at are read: no rank needs to exist. */
struct organism_need organism_need(const struct organism_shape *shape, const struct training *training,
                                   const struct grid *grid);

/* Bytes that the rank sends in a batch of `batch` samples, at most (meetings: on average). */
struct organism_traffic {
    int64_t sums;     /* sums over rows and columns */
    int64_t batch;    /* gradients and effective weights along the batch axis */
    int64_t meetings; /* weights of particles that act on others */
};
struct organism_traffic organism_traffic(const struct organism_shape *shape, const struct organism_need *need,
                                         const struct interaction_spec *interaction,
                                         const int size[GRID_AXES], int64_t batch);

/* Bytes of memory that interactions take on average (interact.c). */
int64_t interaction_memory(const struct organism_shape *shape, const struct organism_need *need,
                           const struct interaction_spec *interaction);

#endif
