/*
 * The passes: chunks of samples go forward and backward through the layers. While a chunk's sum over rows or
 * columns is under way, the other slot's chunk computes.
 *
 * Forward of layer l: z = A x, summed over the ranks that share the cells (the edge axis; for the outputs,
 * over the whole plane, so that every rank has all outputs). Backward: d loss / d A = g x^T stays here until
 * the batch is complete; d loss / d x = A^T g is summed over the ranks that share the edges (the cell axis).
 */
#include <assert.h>
#include <string.h>

#include "activation.h"
#include "metazoa/base/memory.h"
#include "metazoa/base/timer.h"
#include "metazoa/organism/organism.h"
#include "metazoa/parallel/cut.h"
#include "product.h"
#include "workspace.h"

/* The samples of a pass: positions [begin, end) of an order (or of the dataset itself) in canonical chunks.
 */
struct samples {
    const struct dataset *data;
    const int64_t *order; /* NULL: 0, 1, 2, ... */
    int64_t begin, end;
    int64_t chunks;
};

static struct samples samples_new(const struct organism *organism, const struct dataset *data,
                                  const int64_t *order, int64_t begin, int64_t end)
{
    return (struct samples){data, order, begin, end, cut_parts(end - begin, organism->shape.chunk)};
}

static int64_t sample_at(const struct samples *samples, int64_t position)
{
    return samples->order ? samples->order[position] : position;
}

/* Rows in random order come from memory one latency at a time, unless they are asked for so many rows ahead.
 */
enum { AHEAD = 12 };

static void fetch(const float *row, int64_t width)
{
    for (int64_t i = 0; i < width; i += 64 / (int64_t)sizeof *row) __builtin_prefetch(row + i);
}

/* Brings the rows of a chunk into the slot, edge part by edge part; rows that lie ready are used where they
 * are. */
static void gather(struct organism *organism, struct slot *slot, const struct samples *samples, int64_t chunk)
{
    const struct dataset *data = samples->data;
    const struct layer *layer = &organism->layer[0];
    int64_t n = samples->end - samples->begin;
    slot->begin = samples->begin + cut_begin(n, samples->chunks, chunk);
    slot->end = samples->begin + cut_begin(n, samples->chunks, chunk + 1);
    slot->samples = (int32_t)(slot->end - slot->begin);
    int32_t held = layer->edge_part_end - layer->edge_part_begin;
    if (held == 1 && !samples->order && data->stride == input_stride(organism, layer->edge_part_begin)) {
        slot->x = data->x + slot->begin * data->stride;
        return;
    }
    float *to = slot->gathered;
    for (int b = 0; b < held; b++) { /* the blocks of the first cell part carry the edge parts */
        int32_t part = layer->edge_part_begin + b, stride = input_stride(organism, part);
        int64_t first = cut_begin(organism->shape.cells[0], layer->edge_parts, part);
        int64_t width = cut_begin(organism->shape.cells[0], layer->edge_parts, part + 1) - first;
        const float *from = data->x + (first - layer_edge_first(organism, 0));
        for (int32_t s = 0; s < slot->samples; s++, to += stride) {
            if (s + AHEAD < slot->samples)
                fetch(from + sample_at(samples, slot->begin + s + AHEAD) * data->stride, width);
            memcpy(to, from + sample_at(samples, slot->begin + s) * data->stride, (size_t)width * sizeof *to);
        }
    }
    slot->x = slot->gathered;
}

static struct product block_product(const struct organism *organism, const struct slot *slot, int l,
                                    const struct block *block, int32_t edge_part)
{
    return (struct product){.cells = block->cell_end - block->cell_begin,
                            .edges = block->edge_end - block->edge_begin,
                            .samples = slot->samples,
                            .stride = organism->workspace->stride,
                            .x_stride = l == 0 ? input_stride(organism, edge_part) : 0,
                            .padded = organism->workspace->padded};
}

/* The input of a block: of layer 0 sample-major, else feature-major. */
static const float *block_input(const struct organism *organism, const struct slot *slot, int l,
                                const struct block *block, int32_t edge_part)
{
    if (l > 0)
        return slot->input[l] +
               (int64_t)(block->edge_begin - layer_edge_first(organism, l)) * organism->workspace->stride;
    const float *x = slot->x;
    for (int32_t p = organism->layer[0].edge_part_begin; p < edge_part; p++)
        x += (int64_t)slot->samples * input_stride(organism, p);
    return x;
}

static bool residual(const struct organism_shape *shape, int l)
{
    return shape->residual && l > 0 && l < shape->layers - 1 && shape->cells[l] == shape->cells[l + 1];
}

/* Adds the rows that a block of a residual layer has on its diagonal: to[cell] += from[edge] or the reverse.
 */
static void add_diagonal(const struct block *block, float *to, int32_t to_first, const float *from,
                         int32_t from_first, int32_t stride)
{
    int32_t begin = block->cell_begin > block->edge_begin ? block->cell_begin : block->edge_begin;
    int32_t end = block->cell_end < block->edge_end ? block->cell_end : block->edge_end;
    for (int32_t i = begin; i < end; i++)
        for (int32_t s = 0; s < stride; s++)
            to[(int64_t)(i - to_first) * stride + s] += from[(int64_t)(i - from_first) * stride + s];
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

static void forward_start(struct organism *organism, struct slot *slot, int l)
{
    enum phase before = timer_enter(organism->workspace->phase);
    const struct layer *layer = &organism->layer[l];
    struct workspace *workspace = organism->workspace;
    const int32_t stride = workspace->stride, rows = forward_rows(organism, l);
    const int32_t first = l == organism->shape.layers - 1 ? 0 : layer_cell_first(organism, l);
    const bool direct = forward_direct(organism, l);
    if (!direct) memset(slot->sum, 0, (size_t)((int64_t)rows * stride) * sizeof *slot->sum);
    int32_t held = layer->edge_part_end - layer->edge_part_begin;
    for (int b = 0; b < layer->n_blocks; b++) {
        const struct block *block = &layer->blocks[b];
        int32_t part = layer->edge_part_begin + b % held;
        struct product product = block_product(organism, slot, l, block, part);
        const float *x = block_input(organism, slot, l, block, part);
        int64_t at = (int64_t)(block->cell_begin - first) * stride;
        float *z = direct ? slot->input[l + 1] + at : workspace->partial;
        product_forward(&product, z, layer->effective + block->group_begin * LANES, x);
        if (residual(&organism->shape, l))
            add_diagonal(block, z, block->cell_begin, x, block->edge_begin, stride);
        if (!direct) exact_add(slot->sum + at, z, (int64_t)product.cells * stride, layer->edge_parts);
    }
    if (!direct) comm_sum_start(forward_comm(organism, l), slot->sum, (int64_t)rows * stride, &slot->request);
    timer_enter(before);
}

/* Completes a sum: doubles to floats. */
static void collect(struct slot *slot, float *to, int64_t n)
{
    enum phase before = timer_enter(PHASE_EXCHANGE);
    comm_wait(&slot->request);
    timer_enter(before);
    for (int64_t i = 0; i < n; i++) to[i] = (float)slot->sum[i];
}

/* What lies beyond the samples, up to a multiple of LANES, is zero: it takes part in sums over samples. */
static void clear_padding(float *to, int32_t rows, int32_t stride, int32_t samples)
{
    const int32_t padded = (samples + LANES - 1) / LANES * LANES;
    for (int32_t i = 0; i < rows && padded > samples; i++)
        memset(to + (int64_t)i * stride + samples, 0, (size_t)(padded - samples) * sizeof *to);
}

static void forward_finish(struct organism *organism, struct slot *slot, int l)
{
    enum phase before = timer_enter(organism->workspace->phase);
    const int32_t stride = organism->workspace->stride, rows = forward_rows(organism, l);
    const int64_t n = (int64_t)rows * stride;
    float *z = slot->input[l + 1];
    if (!forward_direct(organism, l)) collect(slot, z, n);
    const int32_t padded = (slot->samples + LANES - 1) / LANES * LANES;
    clear_padding(z, rows, stride, slot->samples);
    if (l < organism->shape.layers - 1) {
        if (organism->shape.activation == ACTIVATION_GELU)
            for (int32_t i = 0; i < rows; i++)
                activation_gelu(z + (int64_t)i * stride, slot->slope[l + 1] + (int64_t)i * stride, padded);
    }
    timer_enter(before);
}

static void forward(struct organism *organism, int slots)
{
    struct slot *slot = organism->workspace->slot;
    for (int l = 0; l < organism->shape.layers; l++)
        for (int i = 0; i < slots; i++) {
            if (l > 0) forward_finish(organism, &slot[i], l - 1);
            forward_start(organism, &slot[i], l);
        }
    for (int i = 0; i < slots; i++) forward_finish(organism, &slot[i], organism->shape.layers - 1);
}

/* Loss of a chunk; one rank of a plane, which all have the same outputs, adds it to the tally. */
static void score(struct organism *organism, struct slot *slot, const struct samples *samples, bool learn,
                  struct tally *tally)
{
    const struct organism_shape *shape = &organism->shape;
    const struct dataset *data = samples->data;
    const int layers = shape->layers;
    const int32_t outputs = shape->cells[layers], stride = organism->workspace->stride;
    struct tally ignored = {0};
    struct tally *to = comm_rank(organism->grid->plane) == 0 ? tally : &ignored;
    float *gradient = learn ? slot->gradient[layers] : NULL;
    if (data->label) {
        int32_t *label = organism->workspace->label;
        for (int32_t s = 0; s < slot->samples; s++)
            label[s] = data->label[sample_at(samples, slot->begin + s)];
        activation_cross_entropy(slot->input[layers], gradient, label, outputs, slot->samples, stride, to);
    } else {
        float *y = organism->workspace->target;
        for (int32_t s = 0; s < slot->samples; s++)
            memcpy(y + (int64_t)s * outputs, data->y + sample_at(samples, slot->begin + s) * outputs,
                   (size_t)outputs * sizeof *y);
        activation_squared_error(slot->input[layers], gradient, y, outputs, slot->samples, stride, to);
    }
}

static bool backward_direct(const struct organism *organism, int l)
{
    return organism->layer[l].cell_parts == 1 && comm_size(organism->grid->axis[grid_cell_axis(l)]) == 1;
}

/* d loss / d x of a layer's held edges: partial sums, under way over the cell axis. */
static void backward_inputs(struct organism *organism, struct slot *slot, int l, const float *g,
                            int32_t g_first)
{
    const struct layer *layer = &organism->layer[l];
    struct workspace *workspace = organism->workspace;
    const int32_t stride = workspace->stride, first = layer_edge_first(organism, l);
    const int64_t n = (int64_t)layer_edges_held(organism, l) * stride;
    const bool direct = backward_direct(organism, l);
    if (!direct) memset(slot->sum, 0, (size_t)n * sizeof *slot->sum);
    for (int b = 0; b < layer->n_blocks; b++) {
        const struct block *block = &layer->blocks[b];
        struct product product = block_product(organism, slot, l, block, 0);
        int64_t at = (int64_t)(block->edge_begin - first) * stride;
        const float *from = g + (int64_t)(block->cell_begin - g_first) * stride;
        float *dx = direct ? slot->gradient[l] + at : workspace->partial;
        product_backward(&product, dx, layer->effective + block->group_begin * LANES, from);
        if (residual(&organism->shape, l))
            add_diagonal(block, dx, block->edge_begin, from, block->cell_begin, stride);
        if (!direct) exact_add(slot->sum + at, dx, (int64_t)product.edges * stride, layer->cell_parts);
    }
    if (!direct) comm_sum_start(organism->grid->axis[grid_cell_axis(l)], slot->sum, n, &slot->request);
}

static void backward_start(struct organism *organism, struct slot *slot, const struct samples *samples, int l)
{
    const struct layer *layer = &organism->layer[l];
    const int32_t stride = organism->workspace->stride;
    const int32_t g_first = l == organism->shape.layers - 1 ? 0 : layer_cell_first(organism, l);
    const float *g = slot->gradient[l + 1];
    if (l > 0) backward_inputs(organism, slot, l, g, g_first);
    int32_t held = layer->edge_part_end - layer->edge_part_begin;
    for (int b = 0; b < layer->n_blocks; b++) {
        const struct block *block = &layer->blocks[b];
        int32_t part = layer->edge_part_begin + b % held;
        struct product product = block_product(organism, slot, l, block, part);
        const float *x = block_input(organism, slot, l, block, part);
        float *partial = organism->workspace->partial;
        int32_t row =
            product_gradient(&product, partial, g + (int64_t)(block->cell_begin - g_first) * stride, x);
        double *sum = layer->gradient + block->group_begin * LANES;
        if (row == product.edges)
            exact_add(sum, partial, (int64_t)product.cells * product.edges, samples->chunks);
        else
            for (int32_t c = 0; c < product.cells; c++)
                exact_add(sum + (int64_t)c * product.edges, partial + (int64_t)c * row, product.edges,
                          samples->chunks);
        comm_progress(&slot->request);
    }
}

static void backward_finish(struct organism *organism, struct slot *slot, int l)
{
    const int32_t stride = organism->workspace->stride;
    const int64_t n = (int64_t)layer_edges_held(organism, l) * stride;
    float *g = slot->gradient[l];
    if (!backward_direct(organism, l)) collect(slot, g, n);
    const int32_t padded = (slot->samples + LANES - 1) / LANES * LANES;
    clear_padding(g, layer_edges_held(organism, l), stride, slot->samples);
    if (organism->shape.activation == ACTIVATION_GELU)
        for (int32_t i = 0; i < layer_edges_held(organism, l); i++) {
            float *row = g + (int64_t)i * stride;
            const float *slope = slot->slope[l] + (int64_t)i * stride;
            for (int32_t s = 0; s < padded; s++) row[s] *= slope[s];
        }
}

static void backward(struct organism *organism, const struct samples *samples, int slots)
{
    enum phase before = timer_enter(PHASE_BACKWARD);
    struct slot *slot = organism->workspace->slot;
    const int last = organism->shape.layers - 1;
    for (int l = last; l >= 0; l--)
        for (int i = 0; i < slots; i++) {
            if (l < last) backward_finish(organism, &slot[i], l + 1);
            backward_start(organism, &slot[i], samples, l);
        }
    timer_enter(before);
}

/* All chunks of this rank's batch coordinate, a few at a time. */
static void pass(struct organism *organism, const struct samples *samples, int64_t chunk, int64_t end,
                 bool learn, struct tally *tally)
{
    struct workspace *workspace = organism->workspace;
    while (chunk < end) {
        enum phase before = timer_enter(workspace->phase);
        int slots = 0;
        for (; slots < workspace->slots && chunk < end; slots++)
            gather(organism, &workspace->slot[slots], samples, chunk++);
        forward(organism, slots);
        if (learn) timer_enter(PHASE_BACKWARD);
        for (int i = 0; i < slots; i++) score(organism, &workspace->slot[i], samples, learn, tally);
        if (learn) backward(organism, samples, slots);
        timer_enter(before);
    }
}

static int64_t own_chunks(const struct organism *organism, const struct samples *samples, int next)
{
    const struct grid *grid = organism->grid;
    return cut_begin(samples->chunks, grid->size[GRID_BATCH], grid->at[GRID_BATCH] + next);
}

void organism_learn(struct organism *organism, const struct task *task, int64_t begin, int64_t end,
                    struct tally *tally)
{
    assert(!organism->task_pending && end > begin);
    const struct organism_shape *shape = &organism->shape;
    struct samples samples = samples_new(organism, &task->train, task->order, begin, end);
    memset(organism->gradient, 0,
           (size_t)(organism->owner_groups[organism->grid->size[GRID_BATCH]] * LANES) *
               sizeof *organism->gradient);
    organism->workspace->phase = PHASE_FORWARD;
    pass(organism, &samples, own_chunks(organism, &samples, 0), own_chunks(organism, &samples, 1), true,
         tally);
    enum phase before = timer_enter(PHASE_REDUCE);
    int size = organism->grid->size[GRID_BATCH];
    int64_t *offsets = organism->workspace->offsets;
    for (int i = 0; i <= size; i++) offsets[i] = organism->owner_groups[i] * LANES;
    if (size > 1)
        comm_reduce_scatter(organism->grid->axis[GRID_BATCH], organism->gradient_owned, organism->gradient,
                            offsets);
    timer_enter(before);
    organism->task_pending = true;
    organism->gradient_scale = shape->loss == LOSS_CROSS_ENTROPY
                                   ? 1 / (double)(end - begin)
                                   : 2 / ((double)(end - begin) * shape->cells[shape->layers]);
}

void organism_evaluate(struct organism *organism, const struct task *task, const struct dataset *data,
                       struct tally *tally)
{
    (void)task;
    if (data->samples == 0) return;
    enum phase before = timer_enter(PHASE_VALIDATE);
    struct samples samples = samples_new(organism, data, NULL, 0, data->samples);
    organism->workspace->phase = PHASE_VALIDATE;
    pass(organism, &samples, own_chunks(organism, &samples, 0), own_chunks(organism, &samples, 1), false,
         tally);
    timer_enter(before);
}

void organism_outputs(struct organism *organism, const struct dataset *data, int64_t begin, int64_t end,
                      float *out)
{
    if (end <= begin) return;
    const int layers = organism->shape.layers;
    const int32_t outputs = organism->shape.cells[layers], stride = organism->workspace->stride;
    struct samples samples = samples_new(organism, data, NULL, begin, end);
    for (int64_t chunk = 0; chunk < samples.chunks;
         chunk++) { /* every batch coordinate computes all: few samples */
        struct slot *slot = &organism->workspace->slot[0];
        gather(organism, slot, &samples, chunk);
        forward(organism, 1);
        for (int32_t s = 0; s < slot->samples; s++)
            for (int32_t c = 0; c < outputs; c++)
                out[(slot->begin - begin + s) * outputs + c] = slot->input[layers][(int64_t)c * stride + s];
    }
}

void organism_tally_sum(struct organism *organism, struct tally *tally)
{
    uint64_t counts[2] = {(uint64_t)tally->samples, (uint64_t)tally->correct};
    comm_sum_u64(organism->grid->all, counts, 2);
    tally->samples = (int64_t)counts[0];
    tally->correct = (int64_t)counts[1];
    comm_sum_double(organism->grid->all, tally->loss.limb, 3);
    comm_sum_double(organism->grid->all, tally->error.limb, 3);
}
