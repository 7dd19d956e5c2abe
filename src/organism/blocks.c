#include "blocks.h"

#include <assert.h>

#include "metazoa/base/error.h"
#include "metazoa/base/memory.h"
#include "metazoa/parallel/cut.h"

static int64_t block_particles(const struct block *block)
{
    return (int64_t)(block->cell_end - block->cell_begin) * (block->edge_end - block->edge_begin);
}

static int64_t groups_of(int64_t cells, int64_t edges)
{
    return lanes_round(cells * edges) / LANES;
}

/* Groups of all blocks of a layer that are held here: a block has one of two heights and one of two
 * widths, but those that end with a bias have one edge more. */
static int64_t groups_held(const struct layer *layer, int32_t edges, int32_t cells, bool bias)
{
    const int64_t wide = cut_larger(edges, layer->edge_parts, layer->edge_part_begin, layer->edge_part_end);
    const int64_t high = cut_larger(cells, layer->cell_parts, layer->cell_part_begin, layer->cell_part_end);
    int64_t columns[2] = {layer->edge_part_end - layer->edge_part_begin - wide, wide};
    const int64_t rows[2] = {layer->cell_part_end - layer->cell_part_begin - high, high};
    const int64_t height = cells / layer->cell_parts, width = edges / layer->edge_parts;
    const int64_t last_wide = cut_larger(edges, layer->edge_parts, layer->edge_parts - 1, layer->edge_parts);
    const bool last =
        bias && layer->edge_part_begin < layer->edge_part_end && layer->edge_part_end == layer->edge_parts;
    int64_t groups = 0;
    columns[last_wide] -= last;
    for (int i = 0; i < 2; i++) {
        for (int j = 0; j < 2; j++) groups += rows[i] * columns[j] * groups_of(height + i, width + j);
        if (last) groups += rows[i] * groups_of(height + i, width + last_wide + 1);
    }
    return groups;
}

void layer_cut(struct layer *layer, const struct organism_shape *shape, const struct grid *grid, int l)
{
    const int32_t edges = shape->cells[l], cells = shape->cells[l + 1];
    const enum grid_axis edge_axis = grid_edge_axis(l), cell_axis = grid_cell_axis(l);
    const int64_t edge_parts = cut_parts(edges, shape->block), cell_parts = cut_parts(cells, shape->block);
    layer->edge_parts = (int32_t)edge_parts;
    layer->cell_parts = (int32_t)cell_parts;
    layer->edge_part_begin = (int32_t)cut_begin(edge_parts, grid->size[edge_axis], grid->at[edge_axis]);
    layer->edge_part_end = (int32_t)cut_begin(edge_parts, grid->size[edge_axis], grid->at[edge_axis] + 1);
    layer->cell_part_begin = (int32_t)cut_begin(cell_parts, grid->size[cell_axis], grid->at[cell_axis]);
    layer->cell_part_end = (int32_t)cut_begin(cell_parts, grid->size[cell_axis], grid->at[cell_axis] + 1);
    layer->n_blocks = (int64_t)(layer->cell_part_end - layer->cell_part_begin) *
                      (layer->edge_part_end - layer->edge_part_begin);
    layer->groups = groups_held(layer, edges, cells, shape->bias);
}

void layer_blocks(struct layer *layer, const struct organism_shape *shape, int l)
{
    const int32_t edges = shape->cells[l], cells = shape->cells[l + 1];
    struct block *block = layer->blocks;
    int64_t groups = 0;
    for (int32_t i = layer->cell_part_begin; i < layer->cell_part_end; i++)
        for (int32_t j = layer->edge_part_begin; j < layer->edge_part_end; j++, block++) {
            block->cell_begin = (int32_t)cut_begin(cells, layer->cell_parts, i);
            block->cell_end = (int32_t)cut_begin(cells, layer->cell_parts, i + 1);
            block->edge_begin = (int32_t)cut_begin(edges, layer->edge_parts, j);
            block->input_end = (int32_t)cut_begin(edges, layer->edge_parts, j + 1);
            block->edge_end = block->input_end + (shape->bias && block->input_end == edges);
            block->group_begin = groups;
            groups += lanes_round(block_particles(block)) / LANES;
            block->group_end = groups;
        }
    assert(groups == layer->groups);
}

void layer_check(const struct layer *layer, int l)
{
    if (layer->n_blocks > INT32_MAX)
        fatal("layer %d: a rank cannot hold 2^31 blocks: take more ranks or a larger parallel.block", l);
}

void layer_lay(struct layer *layer, const struct organism_shape *shape, const struct grid *grid, int l)
{
    layer_cut(layer, shape, grid, l);
    layer_check(layer, l);
    layer->blocks = memory_new(layer->n_blocks, sizeof *layer->blocks);
    layer_blocks(layer, shape, l);
}

void layer_block_owned(const struct layer *layer, int b, int64_t *begin, int64_t *end)
{
    const struct block *block = &layer->blocks[b];
    const int64_t first = (block->group_begin - layer->owned_begin) * LANES, owned = layer_owned(layer);
    *begin = first > 0 ? first : 0;
    *end = first + block_particles(block);
    if (*end > owned) *end = owned;
    if (*end < *begin) *end = *begin;
}

int32_t layer_edge_first(const struct organism *organism, int l)
{
    const struct layer *layer = &organism->layer[l];
    return (int32_t)cut_begin(organism->shape.cells[l], layer->edge_parts, layer->edge_part_begin);
}

int32_t layer_edges_held(const struct organism *organism, int l)
{
    const struct layer *layer = &organism->layer[l];
    return (int32_t)cut_begin(organism->shape.cells[l], layer->edge_parts, layer->edge_part_end) -
           layer_edge_first(organism, l);
}

int32_t layer_cell_first(const struct organism *organism, int l)
{
    const struct layer *layer = &organism->layer[l];
    return (int32_t)cut_begin(organism->shape.cells[l + 1], layer->cell_parts, layer->cell_part_begin);
}

int32_t layer_cells_held(const struct organism *organism, int l)
{
    const struct layer *layer = &organism->layer[l];
    return (int32_t)cut_begin(organism->shape.cells[l + 1], layer->cell_parts, layer->cell_part_end) -
           layer_cell_first(organism, l);
}

int32_t layer_rows(const struct organism *organism, int l)
{
    return l == organism->shape.layers - 1 ? organism->shape.cells[l + 1] : layer_cells_held(organism, l);
}

int32_t layer_row_first(const struct organism *organism, int l)
{
    return l == organism->shape.layers - 1 ? 0 : layer_cell_first(organism, l);
}
