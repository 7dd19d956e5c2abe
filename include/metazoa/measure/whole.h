/*
 * Collects rows, one per particle, from all ranks. Afterwards every rank has all rows, ordered by the
 * particles' ids (layer, cell, edge), so the result does not depend on the grid.
 */
#ifndef METAZOA_MEASURE_WHOLE_H
#define METAZOA_MEASURE_WHOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "metazoa/organism/organism.h"

/* Local. The weights [weights] of the particle at an owned position (group * LANES + lane) of a layer. */
void whole_weights(const struct organism *organism, int layer, int64_t position, float *weights);

struct whole {
    int64_t n;
    int64_t *id; /* ascending */
    void *rows;  /* [n] rows of row_bytes */
};

/* Collective. Collects n_local rows of row_bytes bytes from each rank. All ids must differ. Free with
 * whole_free. */
void whole_gather(struct whole *whole, struct comm *comm, int64_t n_local, const int64_t *id,
                  const void *rows, size_t row_bytes);

/* Collective over grid->all. Calls `fill` for each owned particle, and collects the rows for which it returns
 * true. position: as above. Free with whole_free. */
typedef bool whole_fill(const void *context, int layer, int64_t position, int64_t id, void *row);
void whole_collect(struct whole *whole, const struct organism *organism, size_t row_bytes, whole_fill *fill,
                   const void *context);

void whole_free(struct whole *whole);

#endif
