#include "workspace.h"

#include <string.h>

#include "constants.h"
#include "metazoa/base/memory.h"
#include "metazoa/parallel/cut.h"
#include "product.h"

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* The sizes of the parts [lo, hi) of a cut: they differ by one item at most. No parts: zero. */
struct part_sizes {
    int32_t least, most;
};

static struct part_sizes sizes_of(int32_t n, int32_t parts, int32_t lo, int32_t hi)
{
    const int64_t larger_ones = cut_larger(n, parts, lo, hi);
    if (lo == hi) return (struct part_sizes){0, 0};
    return (struct part_sizes){n / parts + (larger_ones == hi - lo), n / parts + (larger_ones > 0)};
}

static struct part_sizes cell_sizes(const struct organism *organism, int l)
{
    const struct layer *layer = &organism->layer[l];
    return sizes_of(organism->shape.cells[l + 1], layer->cell_parts, layer->cell_part_begin,
                    layer->cell_part_end);
}

bool layer_narrow(const struct organism *organism, int l)
{
    return product_narrow(cell_sizes(organism, l).most);
}

/* Floats of one sample in a layer's held inputs, each part rounded up to LANES. */
static int64_t padded_edges(const struct organism *organism, int l)
{
    const struct layer *layer = &organism->layer[l];
    const int32_t edges = organism->shape.cells[l], least = edges / layer->edge_parts;
    const int64_t parts = layer->edge_part_end - layer->edge_part_begin;
    const int64_t larger_parts =
        cut_larger(edges, layer->edge_parts, layer->edge_part_begin, layer->edge_part_end);
    return (parts - larger_parts) * lanes_round(least) + larger_parts * lanes_round(least + 1);
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

static void slot_new(struct slot *slot, const struct organism *organism, int32_t ahead, int64_t *plan)
{
    const struct organism_shape *shape = &organism->shape;
    const int64_t samples = lanes_round(shape->chunk);
    int64_t sums = 0;
    if (!layer_narrow(organism, 0))
        slot->input[0] = memory_take(plan, layer_edges_held(organism, 0) * samples, sizeof(float));
    slot->row = memory_take(plan, (int64_t)shape->chunk + ahead, sizeof *slot->row);
    for (int l = 1; l <= shape->layers; l++) {
        int64_t rows = l < shape->layers ? layer_edges_held(organism, l) : shape->cells[l];
        slot->input[l] = memory_take(plan, rows * samples, sizeof(float));
        slot->gradient[l] = memory_take(plan, rows * samples, sizeof(float));
        if (l < shape->layers) slot->slope[l] = memory_take(plan, rows * samples, sizeof(float));
        sums = larger(sums, rows * samples);
    }
    slot->sum = memory_take(plan, sums, sizeof *slot->sum);
}

bool workspace_copied(const struct organism *organism, int l)
{
    return l > 0 && l == organism->shape.layers - 1 && organism->layer[l].cell_parts == 1 &&
           organism->grid->size[grid_cell_axis(l)] > 1;
}

/* The last rank of the cell axis has the only part. */
static struct layer last_new(const struct organism *organism, int64_t *plan)
{
    const int l = organism->shape.layers - 1;
    const enum grid_axis axis = grid_cell_axis(l);
    struct layer last = {0};
    if (!workspace_copied(organism, l)) return last;
    struct grid there = *organism->grid; /* borrows its groups of ranks, which a layout does not touch */
    there.at[axis] = there.size[axis] - 1;
    layer_cut(&last, &organism->shape, &there, l);
    last.blocks = memory_take(plan, last.n_blocks, sizeof *last.blocks);
    last.effective = memory_take(plan, last.groups * LANES, sizeof *last.effective);
    if (last.blocks) layer_blocks(&last, &organism->shape, l);
    return last;
}

const struct layer *workspace_backward(const struct organism *organism, int l)
{
    return workspace_copied(organism, l) ? &organism->workspace->last : &organism->layer[l];
}

int64_t layer_block_cells(const struct organism *organism, int l)
{
    return cut_parts(organism->shape.cells[l + 1], organism->layer[l].cell_parts);
}

int64_t layer_block_room(const struct organism *organism, int l)
{
    const int64_t edges = cut_parts(organism->shape.cells[l], organism->layer[l].edge_parts);
    return lanes_round(edges) * lanes_round(layer_block_cells(organism, l));
}

static void packed_new(struct workspace *made, const struct organism *organism, int64_t *plan)
{
    for (int l = 0; l < organism->shape.layers; l++) {
        const int64_t room = layer_block_room(organism, l), blocks = organism->layer[l].n_blocks,
                      behind = workspace_copied(organism, l) ? made->last.n_blocks : blocks;
        made->packed[PACKED_FORWARD][l] = memory_take(plan, blocks * room, sizeof(float));
        if (l > 0) made->packed[PACKED_BACKWARD][l] = memory_take(plan, behind * room, sizeof(float));
        if (constants_any(&organism->shape))
            made->constant[l] = memory_take(plan, blocks * layer_block_cells(organism, l), sizeof(float));
    }
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

struct workspace *workspace_new(const struct organism *organism, int64_t *plan)
{
    const struct organism_shape *shape = &organism->shape;
    const int *size = organism->grid->size;
    struct workspace made = {.slots = size[GRID_ROWS] * size[GRID_COLUMNS] > 1 ? SLOTS_MAX : 1,
                             .ahead = samples_ahead(organism)};
    for (int i = 0; i < made.slots; i++) slot_new(&made.slot[i], organism, made.ahead, plan);
    int64_t turned = 0, owned = 0;
    for (int l = 0; l < shape->layers; l++) {
        owned = larger(owned, layer_owned(&organism->layer[l]));
        if (!layer_narrow(organism, l))
            turned = larger(turned, padded_edges(organism, l) * lanes_round(shape->chunk));
    }
    made.last = last_new(organism, plan);
    packed_new(&made, organism, plan);
    made.turned = memory_take(plan, turned, sizeof *made.turned);
    if (shape->particle.shown > 1)
        made.shown = memory_take(plan, owned * shape->particle.shown, sizeof *made.shown);
    made.losses = memory_take(plan, owned, sizeof *made.losses);
    made.types = memory_take(plan, owned, sizeof *made.types);
    made.offsets = memory_take(plan, (int64_t)size[GRID_BATCH] + 1, sizeof *made.offsets);
    made.label = memory_take(plan, shape->chunk, sizeof *made.label);
    if (shape->loss == LOSS_MSE)
        made.target =
            memory_take(plan, (int64_t)shape->chunk * shape->cells[shape->layers], sizeof *made.target);
    struct workspace *workspace = memory_take(plan, 1, sizeof *workspace);
    if (workspace) *workspace = made;
    return workspace;
}

void workspace_fill(struct workspace *workspace, const struct organism *organism)
{
    for (int i = 0; i <= organism->grid->size[GRID_BATCH]; i++)
        workspace->offsets[i] = organism->owner_groups[i] * LANES;
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
    for (int packing = 0; packing < PACKINGS; packing++)
        for (int l = 0; l < ORGANISM_LAYERS_MAX; l++) memory_free(workspace->packed[packing][l]);
    for (int l = 0; l < ORGANISM_LAYERS_MAX; l++) memory_free(workspace->constant[l]);
    memory_free(workspace->turned);
    memory_free(workspace->shown);
    memory_free(workspace->losses);
    memory_free(workspace->types);
    memory_free(workspace->offsets);
    memory_free(workspace->label);
    memory_free(workspace->target);
    memory_free(workspace);
}

float *workspace_shown(struct workspace *workspace)
{
    return workspace->shown;
}

float *workspace_losses(struct workspace *workspace)
{
    return workspace->losses;
}

uint8_t *workspace_types(struct workspace *workspace)
{
    return workspace->types;
}

int64_t sums_partials(const struct organism *organism, enum sum_kind kind, int l)
{
    const struct layer *layer = &organism->layer[l];
    const int64_t parts = kind == SUM_FORWARD ? layer->edge_parts : layer->cell_parts;
    const int64_t constants = kind == SUM_FORWARD && constants_any(&organism->shape) ? parts : 0;
    const int64_t others = shape_residual(&organism->shape, l) + constants;
    return parts == 1 && others <= 1 ? 1 : parts + others; /* of two single terms, the sum is rounded once */
}

static int64_t partials(const struct organism *organism, enum sum_kind kind, int l, int64_t chunks)
{
    if (kind == SUM_GRADIENT) return chunks;
    if (kind == SUM_BACKWARD && (chunks == 0 || l == 0)) return 0;
    return sums_partials(organism, kind, l);
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
    const enum phase before = timer_enter(PHASE_AGREE);
    comm_max_i64(organism->grid->all, &largest[0][0], SUM_KINDS * ORGANISM_LAYERS_MAX);
    timer_enter(before);
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
