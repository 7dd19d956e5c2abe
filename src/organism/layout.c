/*
 * Where the particles of this rank are: blocks, owners, and the way between the vector layout and rows.
 */
#include <assert.h>
#include <string.h>

#include "metazoa/base/error.h"
#include "metazoa/base/memory.h"
#include "metazoa/organism/organism.h"
#include "metazoa/parallel/cut.h"
#include "owners.h"
#include "workspace.h"

static int64_t block_particles(const struct block *block)
{
    return (int64_t)(block->cell_end - block->cell_begin) * (block->edge_end - block->edge_begin);
}

void layer_lay(struct layer *layer, const struct organism_shape *shape, const struct grid *grid, int l)
{
    int32_t edges = shape->cells[l], cells = shape->cells[l + 1];
    enum grid_axis edge_axis = grid_edge_axis(l), cell_axis = grid_cell_axis(l);
    layer->edge_parts = (int32_t)cut_parts(edges, shape->block);
    layer->cell_parts = (int32_t)cut_parts(cells, shape->block);
    layer->edge_part_begin =
        (int32_t)cut_begin(layer->edge_parts, grid->size[edge_axis], grid->at[edge_axis]);
    layer->edge_part_end =
        (int32_t)cut_begin(layer->edge_parts, grid->size[edge_axis], grid->at[edge_axis] + 1);
    layer->cell_part_begin =
        (int32_t)cut_begin(layer->cell_parts, grid->size[cell_axis], grid->at[cell_axis]);
    layer->cell_part_end =
        (int32_t)cut_begin(layer->cell_parts, grid->size[cell_axis], grid->at[cell_axis] + 1);
    if (__builtin_mul_overflow(layer->cell_part_end - layer->cell_part_begin,
                               layer->edge_part_end - layer->edge_part_begin, &layer->n_blocks))
        fatal("layer %d: a rank cannot hold 2^31 blocks: take more ranks or a larger parallel.block", l);
    layer->blocks = memory_new(layer->n_blocks, sizeof *layer->blocks);
    struct block *block = layer->blocks;
    for (int32_t i = layer->cell_part_begin; i < layer->cell_part_end; i++)
        for (int32_t j = layer->edge_part_begin; j < layer->edge_part_end; j++, block++) {
            block->cell_begin = (int32_t)cut_begin(cells, layer->cell_parts, i);
            block->cell_end = (int32_t)cut_begin(cells, layer->cell_parts, i + 1);
            block->edge_begin = (int32_t)cut_begin(edges, layer->edge_parts, j);
            block->edge_end = (int32_t)cut_begin(edges, layer->edge_parts, j + 1);
            block->group_begin = layer->groups;
            layer->groups += lanes_round(block_particles(block)) / LANES;
            block->group_end = layer->groups;
        }
}

/* One array for all layers, so that gradients and effective weights travel in one message each. */
static void share_out(struct organism *organism)
{
    const struct grid *grid = organism->grid;
    const int owners = grid->size[GRID_BATCH], me = grid->at[GRID_BATCH];
    int64_t groups = 0;
    for (int l = 0; l < organism->shape.layers; l++) groups += organism->layer[l].groups;
    organism->owner_groups = memory_new(owners + 1, sizeof *organism->owner_groups);
    for (int i = 0; i <= owners; i++) organism->owner_groups[i] = cut_begin(groups, owners, i);
    const int64_t owned = organism->owner_groups[me + 1] - organism->owner_groups[me];
    organism->effective = memory_new(groups * LANES, sizeof *organism->effective);
    organism->gradient = memory_new(groups * LANES, sizeof *organism->gradient);
    organism->gradient_owned =
        owners == 1 ? organism->gradient : memory_new(owned * LANES, sizeof *organism->gradient_owned);
}

/* The part of a layer, whose groups follow `first` others, in what each rank owns. */
static void layer_share(struct organism *organism, struct layer *layer, int64_t first)
{
    const struct grid *grid = organism->grid;
    const struct particle_shape *particle = &organism->shape.particle;
    const int owners = grid->size[GRID_BATCH], me = grid->at[GRID_BATCH];
    layer->owner_offsets = memory_new(owners + 1, sizeof *layer->owner_offsets);
    for (int i = 0; i <= owners; i++) {
        int64_t at = organism->owner_groups[i] - first;
        layer->owner_offsets[i] = at < 0 ? 0 : at > layer->groups ? layer->groups : at;
    }
    layer->owned_begin = layer->owner_offsets[me];
    layer->owned_end = layer->owner_offsets[me + 1];
    layer->effective = organism->effective + first * LANES;
    layer->gradient = organism->gradient + first * LANES;
    layer->gradient_owned =
        organism->gradient_owned +
        (owners == 1 ? first : first + layer->owned_begin - organism->owner_groups[me]) * LANES;
    for (int f = 0; f < FIELD_COUNT; f++)
        if (state_held((enum state_field)f, particle, &organism->training))
            layer->field[f] =
                memory_new(layer_owned(layer) * state_values((enum state_field)f, particle), sizeof(float));
}

void organism_inputs(const struct organism_shape *shape, const struct grid *grid, int32_t *begin,
                     int32_t *end)
{
    int64_t parts = cut_parts(shape->cells[0], shape->block);
    enum grid_axis axis = grid_edge_axis(0);
    *begin = (int32_t)cut_begin(shape->cells[0], parts, cut_begin(parts, grid->size[axis], grid->at[axis]));
    *end = (int32_t)cut_begin(shape->cells[0], parts, cut_begin(parts, grid->size[axis], grid->at[axis] + 1));
}

void organism_new(struct organism *organism, const struct organism_shape *shape,
                  const struct training *training, struct grid *grid, uint64_t seed)
{
    assert(shape->layers >= 1 && shape->layers <= ORGANISM_LAYERS_MAX && shape->block > 0 &&
           shape->chunk > 0);
    *organism = (struct organism){.shape = *shape, .training = *training, .grid = grid, .seed = seed};
    for (int l = 0; l < shape->layers; l++) layer_lay(&organism->layer[l], shape, grid, l);
    share_out(organism);
    for (int64_t l = 0, first = 0; l < shape->layers; first += organism->layer[l++].groups)
        layer_share(organism, &organism->layer[l], first);
    organism->workspace = workspace_new(organism);
}

void organism_free(struct organism *organism)
{
    for (int l = 0; l < organism->shape.layers; l++) {
        struct layer *layer = &organism->layer[l];
        memory_free(layer->blocks);
        memory_free(layer->owner_offsets);
        for (int f = 0; f < FIELD_COUNT; f++) memory_free(layer->field[f]);
    }
    if (organism->gradient_owned != organism->gradient) memory_free(organism->gradient_owned);
    memory_free(organism->gradient);
    memory_free(organism->effective);
    memory_free(organism->owner_groups);
    workspace_free(organism->workspace);
    *organism = (struct organism){0};
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

int64_t organism_id(const struct organism *organism, int l, int64_t position)
{
    const struct layer *layer = &organism->layer[l];
    int64_t group = layer->owned_begin + position / LANES;
    int low = 0, high = layer->n_blocks - 1;
    while (low < high) {
        int middle = (low + high + 1) / 2;
        if (layer->blocks[middle].group_begin <= group)
            low = middle;
        else
            high = middle - 1;
    }
    const struct block *block = &layer->blocks[low];
    int64_t p = (group - block->group_begin) * LANES + position % LANES;
    int32_t edges = block->edge_end - block->edge_begin;
    int64_t cell = block->cell_begin + p / edges;
    if (cell >= block->cell_end) return -1;
    return organism_particle_id(&organism->shape, l, cell, block->edge_begin + p % edges);
}

struct stretch *organism_stretches(const struct organism *organism, int l, int64_t *n_stretches,
                                   int64_t *n_rows)
{
    const struct layer *layer = &organism->layer[l];
    int64_t n = 0, begin, end;
    for (int b = 0; b < layer->n_blocks; b++) {
        const struct block *block = &layer->blocks[b];
        const int64_t first = (block->group_begin - layer->owned_begin) * LANES;
        int32_t edges = block->edge_end - block->edge_begin;
        layer_block_owned(layer, b, &begin, &end);
        if (end > begin) n += (end - first - 1) / edges - (begin - first) / edges + 1;
    }
    struct stretch *stretches = memory_new(n, sizeof *stretches);
    *n_stretches = n;
    *n_rows = 0;
    struct stretch *next = stretches;
    for (int b = 0; b < layer->n_blocks; b++) {
        const struct block *block = &layer->blocks[b];
        int32_t edges = block->edge_end - block->edge_begin;
        const int64_t first = (block->group_begin - layer->owned_begin) * LANES;
        layer_block_owned(layer, b, &begin, &end);
        begin -= first, end -= first; /* positions in the block, row-major */
        for (int64_t at = begin; at < end; next++) {
            int64_t stop = (at / edges + 1) * edges < end ? (at / edges + 1) * edges : end;
            *next = (struct stretch){block->cell_begin + at / edges, block->edge_begin + at % edges,
                                     stop - at, *n_rows};
            *n_rows += stop - at;
            at = stop;
        }
    }
    assert(next == stretches + n);
    return stretches;
}

/* Calls visit for every run of owned particles of a layer: positions [from, to) are rows
 * [row, row + to - from). */
typedef void visit_function(void *context, int64_t from, int64_t to, int64_t row);

static void layer_visit(const struct layer *layer, visit_function *visit, void *context)
{
    int64_t row = 0, begin, end;
    for (int b = 0; b < layer->n_blocks; b++) {
        layer_block_owned(layer, b, &begin, &end);
        if (end > begin) visit(context, begin, end, row);
        row += end - begin;
    }
}

struct transfer {
    float *array; /* [owned groups][values][LANES] */
    int values;
    float *out;      /* rows to write, or NULL */
    const float *in; /* rows to read, or NULL */
};

static void transfer_visit(void *context, int64_t from, int64_t to, int64_t row)
{
    const struct transfer *t = context;
    for (int64_t at = from; at < to; at++, row++)
        if (t->out)
            particle_row_get(t->out + row * t->values, t->array, at, t->values);
        else
            particle_row_put(t->array, at, t->values, t->in + row * t->values);
}

static void layer_transfer(const struct organism *organism, int l, enum state_field field, float *out,
                           const float *in)
{
    const struct layer *layer = &organism->layer[l];
    struct transfer transfer = {layer->field[field], state_values(field, &organism->shape.particle), out, in};
    assert(transfer.array);
    layer_visit(layer, transfer_visit, &transfer);
}

void organism_export(const struct organism *organism, int l, enum state_field field, float *rows)
{
    layer_transfer(organism, l, field, rows, NULL);
}

void organism_import(struct organism *organism, int l, enum state_field field, const float *rows)
{
    layer_transfer(organism, l, field, NULL, rows);
}

struct types_transfer {
    const uint8_t *types;
    uint8_t *out;
};

static void types_visit(void *context, int64_t from, int64_t to, int64_t row)
{
    const struct types_transfer *t = context;
    memcpy(t->out + row, t->types + from, (size_t)(to - from));
}

void organism_export_types(const struct organism *organism, int l, const uint8_t *types, uint8_t *rows)
{
    struct types_transfer transfer = {types, rows};
    layer_visit(&organism->layer[l], types_visit, &transfer);
}
