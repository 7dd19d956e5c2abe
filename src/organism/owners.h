/*
 * Owners: which rank owns a particle of a cell that this rank holds, or holds a part of. A cell's edges lie
 * at all places of the layer's edge axis; what is held there is laid out here as it is there, so that nobody
 * has to be asked. All functions are local.
 */
#ifndef METAZOA_SRC_ORGANISM_OWNERS_H
#define METAZOA_SRC_ORGANISM_OWNERS_H

#include "metazoa/organism/organism.h"

/* The blocks of a layer at the grid's place; `layer` zeroed. Of the layer nothing else is set or allocated.
 */
void layer_lay(struct layer *layer, const struct organism_shape *shape, const struct grid *grid, int l);

/* The positions [begin, end) of the particles of local block b that this rank owns, without the padding;
 * empty if it owns none. */
void layer_block_owned(const struct layer *layer, int b, int64_t *begin, int64_t *end);

/* All layers' blocks at another place of the grid; layer l begins with group first[l] of all. */
struct seat {
    struct layer layer[ORGANISM_LAYERS_MAX];
    int64_t first[ORGANISM_LAYERS_MAX + 1];
};

struct owners {
    const struct organism *organism; /* borrowed */
    struct seat *seat[GRID_AXES]; /* rows, columns: the places that differ from this one in that coordinate */
};

void owners_new(struct owners *owners, const struct organism *organism);
void owners_free(struct owners *owners);

/* The rank in grid->all; *at: the particle's position (group * LANES + lane) among all particles of the layer
 * that are held there. cell: held here. */
int owners_find(const struct owners *owners, int layer, int32_t cell, int32_t edge, int64_t *at);

#endif
