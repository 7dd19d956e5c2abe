/*
 * Owners: which rank owns a particle of a cell of which this rank holds at least a part. The edges of a cell
 * are spread over the layer's edge axis (parallel/grid.h), so other ranks hold the rest. Each rank computes
 * the layout of those ranks itself, without communication. All functions are local.
 */
#ifndef METAZOA_SRC_ORGANISM_OWNERS_H
#define METAZOA_SRC_ORGANISM_OWNERS_H

#include "blocks.h"

/* The blocks of all layers at other coordinates of the grid. Counting the groups of all layers there, layer l
 * begins with group first[l]. */
struct seat {
    struct layer layer[ORGANISM_LAYERS_MAX];
    int64_t first[ORGANISM_LAYERS_MAX + 1];
};

struct owners {
    const struct organism *organism; /* borrowed */
    /* For rows and columns: [ranks along the axis], the other coordinates as here. */
    struct seat *seat[GRID_AXES];
};

void owners_new(struct owners *owners, const struct organism *organism);
void owners_free(struct owners *owners);

/* The rank in grid->all that owns the particle (cell, edge); the cell must be held here. *at: the particle's
 * position (group * LANES + lane) among all particles of the layer that are held at the owner's row and
 * column of the grid. */
int owners_find(const struct owners *owners, int layer, int32_t cell, int32_t edge, int64_t *at);

#endif
