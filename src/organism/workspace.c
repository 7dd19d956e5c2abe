#include "workspace.h"

#include <string.h>

#include "metazoa/base/memory.h"
#include "metazoa/parallel/cut.h"
#include "owners.h"
#include "product.h"

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
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

bool layer_narrow(const struct layer *layer)
{
    bool narrow = true;
    for (int b = 0; b < layer->n_blocks; b++)
        narrow = narrow && product_narrow(layer->blocks[b].cell_end - layer->blocks[b].cell_begin);
    return narrow;
}

/* Samples to know ahead: a chunk of them, or what finds room in the second cache beside the chunk that is
 * computed. */
static int32_t samples_ahead(const struct organism *organism)
{
    enum { ROOM = 1 << 18 };
    const int64_t bytes = (int64_t)layer_edges_held(organism, 0) * (int64_t)sizeof(float);
    int64_t n = organism->shape.chunk;
    if (n * bytes > ROOM) n = ROOM / bytes;
    return n > ROWS_AHEAD ? (int32_t)n : ROWS_AHEAD;
}

static void slot_new(struct slot *slot, const struct organism *organism, int32_t stride, int32_t ahead)
{
    const struct organism_shape *shape = &organism->shape;
    const struct layer *first = &organism->layer[0];
    int64_t sums = 0;
    if (!layer_narrow(first))
        slot->input[0] = memory_new((int64_t)layer_edges_held(organism, 0) * stride, sizeof(float));
    slot->row = memory_new(shape->chunk + ahead, sizeof *slot->row);
    for (int l = 1; l <= shape->layers; l++) {
        int64_t rows = l < shape->layers ? layer_edges_held(organism, l) : shape->cells[l];
        slot->input[l] = memory_new(rows * stride, sizeof(float));
        slot->gradient[l] = memory_new(rows * stride, sizeof(float));
        if (l < shape->layers) slot->slope[l] = memory_new(rows * stride, sizeof(float));
        sums = larger(sums, rows * stride);
    }
    slot->sum = memory_new(sums, sizeof *slot->sum);
}

bool workspace_copied(const struct organism *organism, int l)
{
    return l > 0 && l == organism->shape.layers - 1 && organism->layer[l].cell_parts == 1 &&
           organism->grid->size[grid_cell_axis(l)] > 1;
}

/* The last rank of the cell axis has the only part. */
static void last_new(struct layer *last, const struct organism *organism)
{
    const int l = organism->shape.layers - 1;
    const enum grid_axis axis = grid_cell_axis(l);
    if (!workspace_copied(organism, l)) return;
    struct grid there = *organism->grid; /* borrows its groups of ranks, which a layout does not touch */
    there.at[axis] = there.size[axis] - 1;
    layer_lay(last, &organism->shape, &there, l);
    last->effective = memory_new(last->groups * LANES, sizeof *last->effective);
}

void workspace_copy(struct organism *organism)
{
    const int l = organism->shape.layers - 1;
    const enum grid_axis axis = grid_cell_axis(l);
    struct layer *last = &organism->workspace->last;
    if (!workspace_copied(organism, l)) return;
    const int64_t bytes = last->groups * LANES * (int64_t)sizeof *last->effective;
    if (organism->layer[l].groups > 0) memcpy(last->effective, organism->layer[l].effective, (size_t)bytes);
    comm_broadcast(organism->grid->axis[axis], last->effective, bytes, organism->grid->size[axis] - 1);
}

struct workspace *workspace_new(const struct organism *organism)
{
    const struct organism_shape *shape = &organism->shape;
    struct workspace *workspace = memory_new(1, sizeof *workspace);
    workspace->stride = organism_row(shape->chunk);
    workspace->slots = comm_size(organism->grid->plane) > 1 ? SLOTS_MAX : 1;
    workspace->ahead = samples_ahead(organism);
    for (int i = 0; i < workspace->slots; i++)
        slot_new(&workspace->slot[i], organism, workspace->stride, workspace->ahead);
    int64_t partial = 0, turned = 0, owned = 0;
    for (int l = 0; l < shape->layers; l++) {
        const struct layer *layer = &organism->layer[l];
        const int held = layer->edge_part_end - layer->edge_part_begin;
        int64_t row = 0;
        owned = larger(owned, layer_owned(layer));
        for (int b = 0; b < layer->n_blocks; b++) {
            const struct block *block = &layer->blocks[b];
            const int32_t cells = block->cell_end - block->cell_begin,
                          edges = block->edge_end - block->edge_begin;
            if (b < held) row += organism_row(edges);
            if (l == 0 && product_narrow(cells)) partial = larger(partial, cells * organism_row(edges));
        }
        if (l > 0 && !layer_narrow(layer)) turned = larger(turned, row * shape->chunk);
    }
    last_new(&workspace->last, organism);
    workspace->partial = memory_new(partial, sizeof *workspace->partial);
    workspace->turned = memory_new(turned, sizeof *workspace->turned);
    workspace->losses = memory_new(owned, sizeof *workspace->losses);
    workspace->types = memory_new(owned, sizeof *workspace->types);
    workspace->offsets = memory_new(organism->grid->size[GRID_BATCH] + 1, sizeof *workspace->offsets);
    for (int i = 0; i <= organism->grid->size[GRID_BATCH]; i++)
        workspace->offsets[i] = organism->owner_groups[i] * LANES;
    workspace->label = memory_new(shape->chunk, sizeof *workspace->label);
    if (shape->loss == LOSS_MSE)
        workspace->target =
            memory_new((int64_t)shape->chunk * shape->cells[shape->layers], sizeof *workspace->target);
    return workspace;
}

void workspace_free(struct workspace *workspace)
{
    if (!workspace) return;
    for (int i = 0; i < workspace->slots; i++) {
        struct slot *slot = &workspace->slot[i];
        memory_free(slot->row);
        memory_free(slot->sum);
        for (int l = 0; l <= ORGANISM_LAYERS_MAX; l++) {
            memory_free(slot->input[l]);
            memory_free(slot->slope[l]);
            memory_free(slot->gradient[l]);
        }
    }
    memory_free(workspace->last.blocks);
    memory_free(workspace->last.effective);
    memory_free(workspace->partial);
    memory_free(workspace->turned);
    memory_free(workspace->losses);
    memory_free(workspace->types);
    memory_free(workspace->offsets);
    memory_free(workspace->label);
    memory_free(workspace->target);
    memory_free(workspace);
}

float *workspace_losses(struct workspace *workspace)
{
    return workspace->losses;
}

uint8_t *workspace_types(struct workspace *workspace)
{
    return workspace->types;
}

/* The number of canonical partials: in a residual layer the input is one more than the parts of a cut. */
static int64_t partials(const struct organism *organism, enum sum_kind kind, int l, int64_t chunks)
{
    const struct layer *layer = &organism->layer[l];
    if (kind == SUM_GRADIENT) return chunks;
    if (kind == SUM_BACKWARD && (chunks == 0 || l == 0)) return 0;
    const int64_t parts = kind == SUM_FORWARD ? layer->edge_parts : layer->cell_parts;
    return parts > 1 && shape_residual(&organism->shape, l) ? parts + 1 : parts;
}

void sums_begin(struct organism *organism, struct sums *sums, int64_t chunks)
{
    organism->workspace->sums = sums;
    sums->rounded = false;
    for (int kind = 0; kind < SUM_KINDS; kind++)
        for (int l = 0; l < organism->shape.layers; l++) {
            const int64_t n = partials(organism, (enum sum_kind)kind, l, chunks);
            sums->exact[kind][l] = (struct exact){exact_magic(n, sums->exponent[kind][l]), 0};
            sums->rounded = sums->rounded || n > 1;
        }
}

bool sums_agree(struct organism *organism)
{
    struct sums *sums = organism->workspace->sums;
    int64_t largest[SUM_KINDS][ORGANISM_LAYERS_MAX] = {{0}};
    if (!sums->rounded) return true;
    for (int kind = 0; kind < SUM_KINDS; kind++)
        for (int l = 0; l < organism->shape.layers; l++) largest[kind][l] = sums->exact[kind][l].largest;
    comm_max_i64(organism->grid->all, &largest[0][0], SUM_KINDS * ORGANISM_LAYERS_MAX);
    bool agree = true;
    for (int kind = 0; kind < SUM_KINDS; kind++)
        for (int l = 0; l < organism->shape.layers; l++) {
            const int exponent = exact_exponent((int32_t)largest[kind][l]);
            if (exponent == sums->exponent[kind][l] || sums->exact[kind][l].magic == 0) continue;
            sums->exponent[kind][l] = exponent;
            agree = false;
        }
    return agree;
}
