#include "owners.h"

#include "metazoa/base/memory.h"
#include "metazoa/parallel/cut.h"

static void seat_new(struct seat *seat, const struct organism *organism, enum grid_axis axis, int at)
{
    struct grid there = *organism->grid; /* borrows its groups of ranks, which a layout does not touch */
    there.at[axis] = at;
    for (int l = 0; l < organism->shape.layers; l++) {
        layer_lay(&seat->layer[l], &organism->shape, &there, l);
        seat->first[l + 1] = seat->first[l] + seat->layer[l].groups;
    }
}

void owners_new(struct owners *owners, const struct organism *organism)
{
    *owners = (struct owners){.organism = organism};
    for (enum grid_axis axis = GRID_ROWS; axis <= GRID_COLUMNS; axis++) {
        const int size = organism->grid->size[axis];
        owners->seat[axis] = memory_new(size, sizeof *owners->seat[axis]);
        for (int at = 0; at < size; at++) seat_new(&owners->seat[axis][at], organism, axis, at);
    }
}

void owners_free(struct owners *owners)
{
    for (enum grid_axis axis = GRID_ROWS; axis <= GRID_COLUMNS && owners->organism; axis++) {
        for (int at = 0; at < owners->organism->grid->size[axis]; at++)
            for (int l = 0; l < owners->organism->shape.layers; l++)
                memory_free(owners->seat[axis][at].layer[l].blocks);
        memory_free(owners->seat[axis]);
    }
    *owners = (struct owners){0};
}

int owners_find(const struct owners *owners, int l, int32_t cell, int32_t edge, int64_t *at)
{
    const struct organism_shape *shape = &owners->organism->shape;
    const struct grid *grid = owners->organism->grid;
    const enum grid_axis axis = grid_edge_axis(l);
    const int32_t edge_parts = owners->organism->layer[l].edge_parts,
                  cell_parts = owners->organism->layer[l].cell_parts;
    const int32_t input = edge < shape->cells[l] ? edge : edge - 1; /* a bias lies behind the last input */
    const int64_t edge_part = cut_find(shape->cells[l], edge_parts, input),
                  cell_part = cut_find(shape->cells[l + 1], cell_parts, cell);
    int there[GRID_AXES] = {0, grid->at[GRID_ROWS], grid->at[GRID_COLUMNS]};
    there[axis] = (int)cut_find(edge_parts, grid->size[axis], edge_part);
    const struct seat *seat = &owners->seat[axis][there[axis]];
    const struct layer *layer = &seat->layer[l];
    const struct block *block =
        &layer
             ->blocks[(cell_part - layer->cell_part_begin) * (layer->edge_part_end - layer->edge_part_begin) +
                      edge_part - layer->edge_part_begin];
    *at = block->group_begin * LANES +
          (int64_t)(cell - block->cell_begin) * (block->edge_end - block->edge_begin) +
          (edge - block->edge_begin);
    const int64_t group = seat->first[l] + *at / LANES;
    there[GRID_BATCH] = (int)cut_find(seat->first[shape->layers], grid->size[GRID_BATCH], group);
    return grid_rank(grid, there);
}
