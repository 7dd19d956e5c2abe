/*
 * The particles of this rank: their memory, which of them it owns, and the way between groups and rows.
 */
#include <assert.h>
#include <string.h>

#include "metazoa/base/error.h"
#include "metazoa/base/memory.h"
#include "metazoa/organism/need.h"
#include "metazoa/parallel/cut.h"
#include "constants.h"

/* Where a rank of the batch axis begins, in a layer whose groups follow `first` of all local `groups`. */
static int64_t owner_begin(const struct layer *layer, int64_t groups, int owners, int owner, int64_t first)
{
    const int64_t at = cut_begin(groups, owners, owner) - first;
    return at < 0 ? 0 : at > layer->groups ? layer->groups : at;
}

/* Everything about the layout that is a number. Returns the local groups of all layers. */
static int64_t cut_all(struct organism *organism)
{
    const struct grid *grid = organism->grid;
    const int owners = grid->size[GRID_BATCH], me = grid->at[GRID_BATCH];
    int64_t groups = 0, first = 0;
    for (int l = 0; l < organism->shape.layers; l++) {
        layer_cut(&organism->layer[l], &organism->shape, grid, l);
        groups += organism->layer[l].groups;
    }
    for (int l = 0; l < organism->shape.layers; first += organism->layer[l++].groups) {
        struct layer *layer = &organism->layer[l];
        layer->owned_begin = owner_begin(layer, groups, owners, me, first);
        layer->owned_end = owner_begin(layer, groups, owners, me + 1, first);
    }
    return groups;
}

/* All memory of an organism whose cuts are known; a plan: see memory_take. Gradients and effective weights of
 * all layers are one array each, so that they travel in one message each. */
static void take_all(struct organism *organism, int64_t groups, struct organism_need *plan)
{
    int64_t *particles = plan ? &plan->particles : NULL, *passes = plan ? &plan->passes : NULL, owned = 0;
    const int owners = organism->grid->size[GRID_BATCH];
    const struct particle_shape *shape = &organism->shape.particle;
    for (int l = 0; l < organism->shape.layers; l++) {
        struct layer *layer = &organism->layer[l];
        layer->blocks = memory_take(particles, layer->n_blocks, sizeof *layer->blocks);
        layer->owner_offsets = memory_take(particles, owners + 1, sizeof *layer->owner_offsets);
        for (int f = 0; f < FIELD_COUNT; f++)
            if (state_held((enum state_field)f, shape, &organism->training))
                layer->field[f] = memory_take(
                    particles, layer_owned(layer) * state_values((enum state_field)f, shape), sizeof(float));
        owned += layer_owned(layer);
    }
    organism->owner_groups = memory_take(particles, owners + 1, sizeof *organism->owner_groups);
    organism->effective = memory_take(particles, groups * LANES, sizeof *organism->effective);
    if (shape->shown > 1) {
        organism->constant = memory_take(particles, groups * LANES, sizeof *organism->constant);
        organism->gradient_shown =
            memory_take(particles, owned * shape->shown, sizeof *organism->gradient_shown);
    }
    organism->gradient = memory_take(particles, groups * LANES, sizeof *organism->gradient);
    organism->gradient_owned =
        owners == 1 ? organism->gradient : memory_take(particles, owned, sizeof *organism->gradient_owned);
    for (int l = 0; l < organism->shape.layers && constants_any(&organism->shape); l++)
        organism->n_cell_gradients += layer_cells_held(organism, l);
    organism->cell_gradient =
        memory_take(passes, organism->n_cell_gradients, sizeof *organism->cell_gradient);
    organism->workspace = workspace_new(organism, passes);
}

/* What the arrays hold and where the layers' parts of them begin. */
static void lay_all(struct organism *organism, int64_t groups)
{
    const int owners = organism->grid->size[GRID_BATCH];
    int64_t first = 0, owned = 0, cells = 0;
    for (int l = 0; l < organism->shape.layers; l++) {
        struct layer *layer = &organism->layer[l];
        layer_blocks(layer, &organism->shape, l);
        for (int i = 0; i <= owners; i++)
            layer->owner_offsets[i] = owner_begin(layer, groups, owners, i, first);
        layer->effective = organism->effective + first * LANES;
        if (organism->constant) layer->constant = organism->constant + first * LANES;
        layer->gradient = organism->gradient + first * LANES;
        layer->gradient_owned = organism->gradient_owned + owned;
        layer->gradient_shown = organism->gradient_shown
                                    ? organism->gradient_shown + owned * organism->shape.particle.shown
                                    : layer->gradient_owned;
        layer->cell_gradient = organism->cell_gradient + cells;
        if (organism->n_cell_gradients > 0) cells += layer_cells_held(organism, l);
        first += layer->groups;
        owned += layer_owned(layer);
    }
    for (int i = 0; i <= owners; i++) organism->owner_groups[i] = cut_begin(groups, owners, i);
    workspace_fill(organism->workspace, organism);
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
    *organism = (struct organism){.shape = *shape,
                                  .training = *training,
                                  .grid = grid,
                                  .seed = seed,
                                  .rates = {1, 1},
                                  .pending_rate = 1};
    const int64_t groups = cut_all(organism);
    for (int l = 0; l < shape->layers; l++) layer_check(&organism->layer[l], l);
    take_all(organism, groups, NULL);
    lay_all(organism, groups);
}

struct organism_need organism_need(const struct organism_shape *shape, const struct training *training,
                                   const struct grid *grid)
{
    struct organism_need need = {0};
    struct grid place = *grid; /* an organism does not promise to leave its grid alone */
    struct organism organism = {.shape = *shape, .training = *training, .grid = &place};
    take_all(&organism, cut_all(&organism), &need);
    for (int l = 0; l < shape->layers; l++) {
        const struct layer *layer = &organism.layer[l];
        need.owned[l] = layer_owned(layer);
        need.local[l] = layer->groups * LANES;
        need.edges[l] = layer_edges_held(&organism, l);
        need.cells[l] = layer_cells_held(&organism, l);
        need.copied[l] = workspace_copied(&organism, l);
    }
    return need;
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
    memory_free(organism->cell_gradient);
    memory_free(organism->effective);
    memory_free(organism->constant);
    memory_free(organism->gradient_shown);
    memory_free(organism->owner_groups);
    workspace_free(organism->workspace);
    *organism = (struct organism){0};
}

int64_t organism_id(const struct organism *organism, int l, int64_t position)
{
    const struct layer *layer = &organism->layer[l];
    int64_t group = layer->owned_begin + position / LANES;
    int low = 0, high = (int)layer->n_blocks - 1;
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
                                     stop - at, *n_rows, first + at};
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
