/*
 * Blocks: how a layer is cut, and which part of it lies at one place of the grid. All functions are local.
 */
#ifndef METAZOA_SRC_ORGANISM_BLOCKS_H
#define METAZOA_SRC_ORGANISM_BLOCKS_H

#include "metazoa/organism/organism.h"

/* Sets the cuts of a zeroed layer at the coordinates grid->at, and its numbers of blocks and groups. */
void layer_cut(struct layer *layer, const struct organism_shape *shape, const struct grid *grid, int l);

/* A layer that is cut into 2^31 local blocks or more is fatal: their numbers are of type int. */
void layer_check(const struct layer *layer, int l);

/* Fills in layer->blocks [n_blocks] of a layer that is cut. */
void layer_blocks(struct layer *layer, const struct organism_shape *shape, int l);

/* All of these; layer->blocks is allocated, and freed by the caller. */
void layer_lay(struct layer *layer, const struct organism_shape *shape, const struct grid *grid, int l);

/* The positions [begin, end) of the particles of local block b that this rank owns, without the padding;
 * empty if it owns none. */
void layer_block_owned(const struct layer *layer, int b, int64_t *begin, int64_t *end);

/* Features of layer l's input that are held here, and of its output; first feature of each. */
int32_t layer_edges_held(const struct organism *organism, int l);
int32_t layer_cells_held(const struct organism *organism, int l);
int32_t layer_edge_first(const struct organism *organism, int l);
int32_t layer_cell_first(const struct organism *organism, int l);

/* The features of a layer's output that its passes take, and the first of them: the held cells, or all
 * outputs. */
int32_t layer_rows(const struct organism *organism, int l);
int32_t layer_row_first(const struct organism *organism, int l);

#endif
