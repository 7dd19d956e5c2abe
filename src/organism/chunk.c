/*
 * One chunk through one layer, in halves: what is computed here, and what follows when the sum over the ranks
 * is complete.
 *
 * Forward of layer l: z = A x, summed over the ranks that share the cells (the edge axis; for the outputs,
 * over the whole plane, so that every rank has all outputs). Backward: d loss / d A = g x^T stays here until
 * the batch is complete; d loss / d x = A^T g is summed over the ranks that share the edges (the cell axis).
 * Of the last layer, whose outputs all ranks have, each of those has a copy of the weights instead.
 */
#include "chunk.h"

#include <string.h>

#include "activation.h"
#include "constants.h"
#include "metazoa/base/timer.h"
#include "product.h"

/* The block's edges in the rows of the samples. */
static struct rows block_rows(const struct organism *organism, const struct slot *slot,
                              const struct block *block)
{
    const int32_t ahead = organism->workspace->ahead;
    return (struct rows){slot->row, block->edge_begin - layer_edge_first(organism, 0),
                         slot->samples < ahead ? slot->samples : ahead};
}

static struct product block_product(const struct organism *organism, const struct slot *slot, int l,
                                    const struct block *block)
{
    return (struct product){
        .cells = block->cell_end - block->cell_begin,
        .edges = block->input_end - block->edge_begin,
        .samples = slot->samples,
        .x_group = layer_edges_held(organism, l) * LANES,
        .g_group = layer_rows(organism, l) * LANES,
        .rows = l == 0 ? block_rows(organism, slot, block) : (struct rows){0},
    };
}

/* The input of a block; NULL in layer 0 if its rows are read in place. */
static float *block_input(const struct organism *organism, const struct slot *slot, int l,
                          const struct block *block)
{
    const int64_t row = block->edge_begin - layer_edge_first(organism, l);
    return slot->input[l] ? slot->input[l] + row * LANES : NULL;
}

/* The packed weights of a block, as the forward or the backward pass takes them. */
static float *block_packed(const struct organism *organism, enum packing packing, int l, int64_t b)
{
    return organism->workspace->packed[packing][l] + b * layer_block_room(organism, l);
}

/* Values of so many features of a chunk, samples rounded up to groups. */
static int64_t chunk_values(const struct slot *slot, int64_t rows)
{
    return rows * lanes_round(slot->samples);
}

/*
 * How the partials of a sum over blocks come together. WAY_DIRECT: one partial and one rank, so the product
 * is the result. WAY_LOCAL: one rank; the first product begins the sum, the last one completes it.
 * WAY_TOGETHER: a sum that begins with 0 is added up, and completed by all ranks; so it is where blocks are
 * not all of its partials: the diagonal of residual layers and constants are others.
 */
enum way { WAY_DIRECT, WAY_LOCAL, WAY_TOGETHER };

static enum way way_of(const struct organism *organism, enum sum_kind kind, int l, int64_t parts,
                       const struct comm *comm)
{
    const int64_t partials = sums_partials(organism, kind, l);
    if (comm_size(comm) > 1) return WAY_TOGETHER;
    if (partials == 1) return WAY_DIRECT;
    return partials > parts ? WAY_TOGETHER : WAY_LOCAL;
}

/* Where part `part` of `parts` leaves the rows of a result, of `rows` in all, that begin with row `at`. */
static struct result way_result(enum way way, struct slot *slot, float *z, struct exact *exact, int64_t rows,
                                int64_t at, int64_t part, int64_t parts)
{
    struct result to = {.exact = exact, .row = LANES, .group = rows * LANES};
    if (way == WAY_DIRECT || (way == WAY_LOCAL && part == parts - 1)) to.z = z + at * LANES;
    if (way != WAY_DIRECT) to.sum = slot->sum + at * LANES;
    to.first = way == WAY_LOCAL && part == 0;
    return to;
}

/* Adds the rows that a block of a residual layer has on its diagonal: `from` begins with row from_first, the
 * result with row to_first. */
static void add_diagonal(const struct block *block, const struct result *to, int32_t to_first,
                         const float *from, int64_t from_group, int32_t from_first, int32_t samples)
{
    int32_t begin = block->cell_begin > block->edge_begin ? block->cell_begin : block->edge_begin;
    int32_t end = block->cell_end < block->input_end ? block->cell_end : block->input_end;
    for (int32_t s = 0; s < samples; s += LANES, from += from_group)
        for (int32_t i = begin; i < end; i++) {
            const int64_t place = s / LANES * to->group + (i - to_first) * to->row;
            const float *row = from + (i - from_first) * LANES;
            if (to->sum) exact_add(to->sum + place, row, LANES, to->exact);
            for (int lane = 0; lane < LANES && !to->sum; lane++) to->z[place + lane] += row[lane];
        }
}

/* The ranks over which the partial sums of a layer's cells are spread. */
static struct comm *forward_comm(const struct organism *organism, int l)
{
    return l == organism->shape.layers - 1 ? organism->grid->plane : organism->grid->axis[grid_edge_axis(l)];
}

static enum way forward_way(const struct organism *organism, int l)
{
    return way_of(organism, SUM_FORWARD, l, organism->layer[l].edge_parts, forward_comm(organism, l));
}

/* A sum that is added up and completed by all ranks begins with 0, and is under way when all is added. */
static void together_begin(enum way way, struct slot *slot, int64_t n)
{
    if (way == WAY_TOGETHER) memset(slot->sum, 0, (size_t)n * sizeof *slot->sum);
}

static void together_start(enum way way, struct slot *slot, struct comm *comm, float *to, int64_t n)
{
    if (way == WAY_TOGETHER) comm_sum_start(comm, slot->sum, to, n, &slot->request);
}

/* Waits until a sum is complete. */
static void collect(struct slot *slot)
{
    if (!slot->request.handle) return; /* and ask no clock */
    enum phase before = timer_enter(PHASE_EXCHANGE);
    comm_wait(&slot->request);
    timer_enter(before);
}

void chunk_forward_start(struct organism *organism, struct slot *slot, int l)
{
    enum phase before = timer_enter(organism->workspace->phase);
    const struct layer *layer = &organism->layer[l];
    const int32_t rows = layer_rows(organism, l), first = layer_row_first(organism, l);
    const int32_t held = layer->edge_part_end - layer->edge_part_begin;
    const enum way way = forward_way(organism, l);
    struct exact *exact = &organism->workspace->sums->exact[SUM_FORWARD][l];
    together_begin(way, slot, chunk_values(slot, rows));
    for (int64_t b = 0; b < layer->n_blocks; b++) {
        const struct block *block = &layer->blocks[b];
        const struct product product = block_product(organism, slot, l, block);
        const struct result to =
            way_result(way, slot, slot->input[l + 1], exact, rows, block->cell_begin - first, b % held, held);
        float *x = block_input(organism, slot, l, block);
        if (l == 0 && x && b < held) /* the blocks of the first cell part bring the edge parts */
            product_bring(&product, x);
        product_forward(&product, to, block_packed(organism, PACKED_FORWARD, l, b), x);
        if (shape_residual(&organism->shape, l))
            add_diagonal(block, &to, block->cell_begin, x, product.x_group, block->edge_begin, slot->samples);
        if (constants_any(&organism->shape)) constants_add(organism, l, b, &to, slot->samples);
        comm_progress();
    }
    together_start(way, slot, forward_comm(organism, l), slot->input[l + 1], chunk_values(slot, rows));
    timer_enter(before);
}

/* What lies beyond the samples, in the last group, is zero: it takes part in sums over samples. */
static void clear_padding(float *to, int32_t rows, int32_t samples)
{
    const int32_t used = samples % LANES;
    if (used == 0) return;
    to += (int64_t)(samples / LANES) * rows * LANES;
    for (int32_t i = 0; i < rows; i++) memset(to + i * LANES + used, 0, (size_t)(LANES - used) * sizeof *to);
}

void chunk_forward_finish(struct organism *organism, struct slot *slot, int l)
{
    enum phase before = timer_enter(organism->workspace->phase);
    const int32_t rows = layer_rows(organism, l);
    const int64_t n = chunk_values(slot, rows);
    float *z = slot->input[l + 1];
    collect(slot);
    clear_padding(z, rows, slot->samples);
    const struct activation_row *activation = &activation_table[organism->shape.activation];
    if (l < organism->shape.layers - 1 && activation->forward) activation->forward(z, slot->slope[l + 1], n);
    timer_enter(before);
}

static struct comm *backward_comm(const struct organism *organism, int l)
{
    return organism->grid->axis[grid_cell_axis(l)];
}

static enum way backward_way(const struct organism *organism, int l)
{
    if (workspace_copied(organism, l)) return WAY_DIRECT; /* all cells, in one part */
    return way_of(organism, SUM_BACKWARD, l, organism->layer[l].cell_parts, backward_comm(organism, l));
}

/* d loss / d x of a layer's held edges: partial sums, under way over the cell axis. Edge part by edge part,
 * so that a part's sums stay in cache. */
static void backward_inputs(struct organism *organism, struct slot *slot, int l)
{
    const struct layer *layer = workspace_backward(organism, l);
    const int32_t first = layer_edge_first(organism, l), rows = layer_edges_held(organism, l);
    const int64_t held = layer->edge_part_end - layer->edge_part_begin,
                  parts = held ? layer->n_blocks / held : 0;
    const enum way way = backward_way(organism, l);
    struct exact *exact = &organism->workspace->sums->exact[SUM_BACKWARD][l];
    together_begin(way, slot, chunk_values(slot, rows));
    for (int64_t i = 0; i < layer->n_blocks; i++) {
        const int64_t part = i % parts, b = part * held + i / parts;
        const struct block *block = &layer->blocks[b];
        const struct product product = block_product(organism, slot, l, block);
        const struct result to =
            way_result(way, slot, slot->gradient[l], exact, rows, block->edge_begin - first, part, parts);
        const float *from =
            slot->gradient[l + 1] + (int64_t)(block->cell_begin - layer_row_first(organism, l)) * LANES;
        product_backward(&product, to, block_packed(organism, PACKED_BACKWARD, l, b), from);
        if (shape_residual(&organism->shape, l))
            add_diagonal(block, &to, block->edge_begin, from, product.g_group, block->cell_begin,
                         slot->samples);
        comm_progress();
    }
    together_start(way, slot, backward_comm(organism, l), slot->gradient[l], chunk_values(slot, rows));
}

/* The input of a block as its gradient takes it. Blocks of the first cell part turn their edge part for all
 * that are not narrow: part after part, each with room for the whole chunk. */
static const float *gradient_input(const struct organism *organism, const struct slot *slot, int l, int64_t b,
                                   const struct product *product)
{
    const struct layer *layer = &organism->layer[l];
    const int32_t held = layer->edge_part_end - layer->edge_part_begin;
    const float *x = block_input(organism, slot, l, &layer->blocks[b]);
    if (layer_narrow(organism, l)) return x;
    float *turned = organism->workspace->turned;
    for (int64_t p = 0; p < b % held; p++)
        turned += lanes_round(organism->shape.chunk) *
                  lanes_round(layer->blocks[p].input_end - layer->blocks[p].edge_begin);
    if (b < held) product_turn(product, turned, x);
    return product_narrow(product->cells) ? x : turned;
}

void chunk_backward_start(struct organism *organism, struct slot *slot, int l)
{
    const struct layer *layer = &organism->layer[l];
    if (l > 0) backward_inputs(organism, slot, l);
    if (constants_any(&organism->shape)) constants_gradient(organism, slot, l);
    struct exact *exact = &organism->workspace->sums->exact[SUM_GRADIENT][l];
    for (int64_t b = 0; b < layer->n_blocks; b++) {
        const struct block *block = &layer->blocks[b];
        const struct product product = block_product(organism, slot, l, block);
        const struct result to = {.sum = layer->gradient + block->group_begin * LANES,
                                  .first = slot->first,
                                  .exact = exact,
                                  .row = block->edge_end - block->edge_begin,
                                  .group = LANES};
        const float *g =
            slot->gradient[l + 1] + (int64_t)(block->cell_begin - layer_row_first(organism, l)) * LANES;
        product_gradient(&product, to, g, gradient_input(organism, slot, l, b, &product));
        comm_progress();
    }
}

void chunk_backward_finish(struct organism *organism, struct slot *slot, int l)
{
    const int32_t rows = layer_edges_held(organism, l);
    const int64_t n = chunk_values(slot, rows);
    float *g = slot->gradient[l];
    const float *slope = slot->slope[l];
    collect(slot);
    clear_padding(g, rows, slot->samples);
    if (activation_table[organism->shape.activation].forward)
        for (int64_t i = 0; i < n; i++) g[i] *= slope[i];
}

static void pack(struct organism *organism, enum packing packing, const struct layer *layer, int l)
{
    void (*const how)(float *restrict, const float *restrict, int32_t, int32_t, int32_t) =
        packing == PACKED_FORWARD ? product_pack : product_pack_turned;
    for (int64_t b = 0; b < layer->n_blocks; b++) {
        const struct block *block = &layer->blocks[b];
        how(block_packed(organism, packing, l, b), layer->effective + block->group_begin * LANES,
            block->cell_end - block->cell_begin, block->input_end - block->edge_begin,
            block->edge_end - block->edge_begin);
    }
}

void chunk_pack(struct organism *organism, bool learn)
{
    for (int l = 0; l < organism->shape.layers; l++) {
        pack(organism, PACKED_FORWARD, &organism->layer[l], l);
        if (constants_any(&organism->shape)) constants_pack(organism, l);
        if (learn && l > 0) pack(organism, PACKED_BACKWARD, workspace_backward(organism, l), l);
    }
}
