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
        .edges = block->edge_end - block->edge_begin,
        .samples = slot->samples,
        .stride = organism->workspace->stride,
        .rows = l == 0 ? block_rows(organism, slot, block) : (struct rows){0},
        .scratch = organism->workspace->partial,
    };
}

/* The input of a block, feature-major; NULL in layer 0 if its rows are read in place. */
static float *block_input(const struct organism *organism, const struct slot *slot, int l,
                          const struct block *block)
{
    const int64_t row = block->edge_begin - layer_edge_first(organism, l);
    return slot->input[l] ? slot->input[l] + row * organism->workspace->stride : NULL;
}

/* Where the rows of a result lie that begin with row `at`: in z, or among the slot's sums if z is NULL. */
static struct result result_at(const struct organism *organism, struct slot *slot, float *z,
                               struct exact *exact, int64_t at)
{
    const int32_t stride = organism->workspace->stride;
    if (z) return (struct result){.z = z + at * stride, .stride = stride};
    return (struct result){.sum = slot->sum + at * stride, .exact = exact, .stride = stride};
}

/* Adds the rows that a block of a residual layer has on its diagonal: `from` begins with row from_first, the
 * result with row to_first. */
static void add_diagonal(const struct block *block, const struct result *to, int32_t to_first,
                         const float *from, int32_t from_first, int32_t samples)
{
    int32_t begin = block->cell_begin > block->edge_begin ? block->cell_begin : block->edge_begin;
    int32_t end = block->cell_end < block->edge_end ? block->cell_end : block->edge_end;
    for (int32_t i = begin; i < end; i++) {
        const int64_t place = (i - to_first) * to->stride;
        const float *row = from + (i - from_first) * to->stride;
        if (to->sum) exact_add(to->sum + place, row, samples, to->exact);
        for (int32_t s = 0; s < samples && to->z; s++) to->z[place + s] += row[s];
    }
}

/* The ranks over which the partial sums of a layer's cells are spread. */
static struct comm *forward_comm(const struct organism *organism, int l)
{
    return l == organism->shape.layers - 1 ? organism->grid->plane : organism->grid->axis[grid_edge_axis(l)];
}

static int32_t forward_rows(const struct organism *organism, int l)
{
    return l == organism->shape.layers - 1 ? organism->shape.cells[l + 1] : layer_cells_held(organism, l);
}

/* One canonical partial and one rank: nothing to sum, the product is the result. */
static bool forward_direct(const struct organism *organism, int l)
{
    return organism->layer[l].edge_parts == 1 && comm_size(forward_comm(organism, l)) == 1;
}

void chunk_forward_start(struct organism *organism, struct slot *slot, int l)
{
    enum phase before = timer_enter(organism->workspace->phase);
    const struct layer *layer = &organism->layer[l];
    const int32_t stride = organism->workspace->stride, rows = forward_rows(organism, l);
    const int32_t first = l == organism->shape.layers - 1 ? 0 : layer_cell_first(organism, l);
    const int32_t held = layer->edge_part_end - layer->edge_part_begin;
    float *z = forward_direct(organism, l) ? slot->input[l + 1] : NULL;
    struct exact *exact = &organism->workspace->sums->exact[SUM_FORWARD][l];
    if (!z) memset(slot->sum, 0, (size_t)((int64_t)rows * stride) * sizeof *slot->sum);
    for (int b = 0; b < layer->n_blocks; b++) {
        const struct block *block = &layer->blocks[b];
        const struct product product = block_product(organism, slot, l, block);
        const struct result to = result_at(organism, slot, z, exact, block->cell_begin - first);
        float *x = block_input(organism, slot, l, block);
        if (l == 0 && x && b < held) /* the blocks of the first cell part bring the edge parts */
            product_bring(&product, x);
        product_forward(&product, to, layer->effective + block->group_begin * LANES, x);
        if (shape_residual(&organism->shape, l))
            add_diagonal(block, &to, block->cell_begin, x, block->edge_begin, slot->samples);
        comm_progress();
    }
    if (!z)
        comm_sum_start(forward_comm(organism, l), slot->sum, slot->input[l + 1], (int64_t)rows * stride,
                       &slot->request);
    timer_enter(before);
}

/* Waits until a sum is complete. */
static void collect(struct slot *slot)
{
    enum phase before = timer_enter(PHASE_EXCHANGE);
    comm_wait(&slot->request);
    timer_enter(before);
}

/* What lies beyond the samples, up to a multiple of LANES, is zero: it takes part in sums over samples. */
static void clear_padding(float *to, int32_t rows, int32_t stride, int32_t samples)
{
    const int32_t padded = (samples + LANES - 1) / LANES * LANES;
    for (int32_t i = 0; i < rows && padded > samples; i++)
        memset(to + (int64_t)i * stride + samples, 0, (size_t)(padded - samples) * sizeof *to);
}

void chunk_forward_finish(struct organism *organism, struct slot *slot, int l)
{
    enum phase before = timer_enter(organism->workspace->phase);
    const int32_t stride = organism->workspace->stride, rows = forward_rows(organism, l);
    float *z = slot->input[l + 1];
    collect(slot);
    const int32_t padded = (slot->samples + LANES - 1) / LANES * LANES;
    clear_padding(z, rows, stride, slot->samples);
    const struct activation_row *activation = &activation_table[organism->shape.activation];
    if (l < organism->shape.layers - 1 && activation->forward)
        for (int32_t i = 0; i < rows; i++)
            activation->forward(z + (int64_t)i * stride, slot->slope[l + 1] + (int64_t)i * stride, padded);
    timer_enter(before);
}

/* Whether each rank computes all of d loss / d x of its edges: the product is the result. */
static bool backward_direct(const struct organism *organism, int l)
{
    return organism->layer[l].cell_parts == 1 &&
           (comm_size(organism->grid->axis[grid_cell_axis(l)]) == 1 || workspace_copied(organism, l));
}

/* d loss / d x of a layer's held edges: partial sums, under way over the cell axis. */
static void backward_inputs(struct organism *organism, struct slot *slot, int l, const float *g,
                            int32_t g_first)
{
    const struct layer *layer =
        workspace_copied(organism, l) ? &organism->workspace->last : &organism->layer[l];
    const int32_t stride = organism->workspace->stride, first = layer_edge_first(organism, l);
    const int64_t n = (int64_t)layer_edges_held(organism, l) * stride;
    float *dx = backward_direct(organism, l) ? slot->gradient[l] : NULL;
    struct exact *exact = &organism->workspace->sums->exact[SUM_BACKWARD][l];
    if (!dx) memset(slot->sum, 0, (size_t)n * sizeof *slot->sum);
    for (int b = 0; b < layer->n_blocks; b++) {
        const struct block *block = &layer->blocks[b];
        const struct product product = block_product(organism, slot, l, block);
        const struct result to = result_at(organism, slot, dx, exact, block->edge_begin - first);
        const float *from = g + (int64_t)(block->cell_begin - g_first) * stride;
        product_backward(&product, to, layer->effective + block->group_begin * LANES, from);
        if (shape_residual(&organism->shape, l))
            add_diagonal(block, &to, block->edge_begin, from, block->cell_begin, slot->samples);
        comm_progress();
    }
    if (!dx)
        comm_sum_start(organism->grid->axis[grid_cell_axis(l)], slot->sum, slot->gradient[l], n,
                       &slot->request);
}

/* The input of a block as its gradient takes it. Blocks of the first cell part turn their edge part for all
 * that are not narrow: part after part, each with room for the whole chunk. */
static const float *gradient_input(const struct organism *organism, const struct slot *slot, int l, int b,
                                   const struct product *product)
{
    const struct layer *layer = &organism->layer[l];
    const int32_t held = layer->edge_part_end - layer->edge_part_begin;
    const float *x = block_input(organism, slot, l, &layer->blocks[b]);
    if (l == 0 || layer_narrow(organism, l)) return x;
    float *turned = organism->workspace->turned;
    for (int p = 0; p < b % held; p++)
        turned +=
            organism->shape.chunk * organism_row(layer->blocks[p].edge_end - layer->blocks[p].edge_begin);
    if (b < held) product_turn(product, turned, x);
    return product_narrow(product->cells) ? x : turned;
}

void chunk_backward_start(struct organism *organism, struct slot *slot, int l)
{
    const struct layer *layer = &organism->layer[l];
    const int32_t stride = organism->workspace->stride;
    const int32_t g_first = l == organism->shape.layers - 1 ? 0 : layer_cell_first(organism, l);
    const float *g = slot->gradient[l + 1];
    if (l > 0) backward_inputs(organism, slot, l, g, g_first);
    struct exact *exact = &organism->workspace->sums->exact[SUM_GRADIENT][l];
    for (int b = 0; b < layer->n_blocks; b++) {
        const struct block *block = &layer->blocks[b];
        const struct product product = block_product(organism, slot, l, block);
        const struct result to = {
            .sum = layer->gradient + block->group_begin * LANES, .exact = exact, .stride = product.edges};
        product_gradient(&product, to, g + (int64_t)(block->cell_begin - g_first) * stride,
                         gradient_input(organism, slot, l, b, &product));
        comm_progress();
    }
}

void chunk_backward_finish(struct organism *organism, struct slot *slot, int l)
{
    const int32_t stride = organism->workspace->stride;
    float *g = slot->gradient[l];
    collect(slot);
    const int32_t padded = (slot->samples + LANES - 1) / LANES * LANES;
    clear_padding(g, layer_edges_held(organism, l), stride, slot->samples);
    if (activation_table[organism->shape.activation].forward)
        for (int32_t i = 0; i < layer_edges_held(organism, l); i++) {
            float *row = g + (int64_t)i * stride;
            const float *slope = slot->slope[l] + (int64_t)i * stride;
            for (int32_t s = 0; s < padded; s++) row[s] *= slope[s];
        }
}
