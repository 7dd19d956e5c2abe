/*
 * The passes: chunks of samples go forward and backward through the layers. While a chunk's sum over rows or
 * columns is under way, the other slot's chunk computes.
 */
#include <assert.h>
#include <string.h>

#include "activation.h"
#include "chunk.h"
#include "constants.h"
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
    int64_t chunk, chunk_end; /* those that are computed here */
};

static struct samples samples_new(const struct organism *organism, const struct dataset *data,
                                  const int64_t *order, int64_t begin, int64_t end)
{
    const int64_t chunks = cut_parts(end - begin, organism->shape.chunk);
    return (struct samples){data, order, begin, end, chunks, 0, chunks};
}

/* Leaves the chunks of this rank's batch coordinate. */
static void samples_divide(struct samples *samples, const struct grid *grid)
{
    samples->chunk = cut_begin(samples->chunks, grid->size[GRID_BATCH], grid->at[GRID_BATCH]);
    samples->chunk_end = cut_begin(samples->chunks, grid->size[GRID_BATCH], grid->at[GRID_BATCH] + 1);
}

static int64_t chunk_begin(const struct samples *samples, int64_t chunk)
{
    return samples->begin + cut_begin(samples->end - samples->begin, samples->chunks, chunk);
}

static int64_t sample_at(const struct samples *samples, int64_t position)
{
    return samples->order ? samples->order[position] : position;
}

/* Where the samples of a chunk lie, which the first layer's product brings, and those that follow here: after
 * the last chunk the next batch's, if it has as many samples and the order goes on. */
static void locate(struct slot *slot, const struct samples *samples, int64_t chunk, int32_t ahead)
{
    const struct dataset *data = samples->data;
    const int64_t first = chunk_begin(samples, samples->chunk),
                  last = chunk_begin(samples, samples->chunk_end);
    const int64_t elsewhere = samples->end - samples->begin - (last - first);
    slot->begin = chunk_begin(samples, chunk);
    slot->end = chunk_begin(samples, chunk + 1);
    slot->samples = (int32_t)(slot->end - slot->begin);
    slot->first = chunk == samples->chunk;
    for (int32_t s = 0; s < slot->samples + ahead; s++) {
        int64_t position = slot->begin + s;
        if (position >= last) position += elsewhere;
        if (position >= data->samples) position = data->samples - 1;
        slot->row[s] = data->x + sample_at(samples, position) * data->stride;
    }
}

static void forward(struct organism *organism, int slots)
{
    struct slot *slot = organism->workspace->slot;
    for (int l = 0; l < organism->shape.layers; l++)
        for (int i = 0; i < slots; i++) {
            if (l > 0) chunk_forward_finish(organism, &slot[i], l - 1);
            chunk_forward_start(organism, &slot[i], l);
        }
    for (int i = 0; i < slots; i++) chunk_forward_finish(organism, &slot[i], organism->shape.layers - 1);
}

/* Loss of a chunk; one rank of a plane, which all have the same outputs, adds it to the tally. */
static void score(struct organism *organism, struct slot *slot, const struct samples *samples, bool learn,
                  struct tally *tally)
{
    const struct organism_shape *shape = &organism->shape;
    const struct dataset *data = samples->data;
    const int layers = shape->layers;
    const int32_t outputs = shape->cells[layers];
    struct tally ignored = {0};
    struct tally *to = comm_rank(organism->grid->plane) == 0 ? tally : &ignored;
    float *gradient = learn ? slot->gradient[layers] : NULL;
    if (data->label) {
        int32_t *label = organism->workspace->label;
        for (int32_t s = 0; s < slot->samples; s++)
            label[s] = data->label[sample_at(samples, slot->begin + s)];
        activation_cross_entropy(slot->input[layers], gradient, label, outputs, slot->samples, to);
    } else {
        float *y = organism->workspace->target;
        for (int32_t s = 0; s < slot->samples; s++)
            memcpy(y + (int64_t)s * outputs, data->y + sample_at(samples, slot->begin + s) * outputs,
                   (size_t)outputs * sizeof *y);
        activation_squared_error(slot->input[layers], gradient, y, outputs, slot->samples, to);
    }
}

static void backward(struct organism *organism, int slots)
{
    enum phase before = timer_enter(PHASE_BACKWARD);
    struct slot *slot = organism->workspace->slot;
    const int last = organism->shape.layers - 1;
    for (int l = last; l >= 0; l--)
        for (int i = 0; i < slots; i++) {
            if (l < last) chunk_backward_finish(organism, &slot[i], l + 1);
            chunk_backward_start(organism, &slot[i], l);
        }
    timer_enter(before);
}

/* All chunks that are computed here, a few at a time. */
static void pass(struct organism *organism, const struct samples *samples, bool learn, struct tally *tally)
{
    struct workspace *workspace = organism->workspace;
    for (int64_t chunk = samples->chunk; chunk < samples->chunk_end;) {
        enum phase before = timer_enter(workspace->phase);
        int slots = 0;
        for (; slots < workspace->slots && chunk < samples->chunk_end; slots++)
            locate(&workspace->slot[slots], samples, chunk++, workspace->ahead);
        forward(organism, slots);
        if (learn) timer_enter(PHASE_BACKWARD);
        for (int i = 0; i < slots; i++) score(organism, &workspace->slot[i], samples, learn, tally);
        if (learn) backward(organism, slots);
        timer_enter(before);
    }
}

void organism_learn(struct organism *organism, const struct task *task, int64_t begin, int64_t end,
                    struct tally *tally)
{
    assert(!organism->task_pending && end > begin);
    const struct organism_shape *shape = &organism->shape;
    struct samples samples = samples_new(organism, &task->train, task->order, begin, end);
    samples_divide(&samples, organism->grid);
    const size_t gradients = (size_t)(organism->owner_groups[organism->grid->size[GRID_BATCH]] * LANES);
    organism->workspace->phase = PHASE_FORWARD;
    enum phase before = timer_enter(PHASE_REDUCE);
    workspace_copy(organism);
    timer_enter(PHASE_FORWARD);
    chunk_pack(organism, true);
    timer_enter(before);
    struct sums *sums = &organism->workspace->training;
    const struct tally before_pass = *tally;
    do {
        *tally = before_pass;
        sums_begin(organism, sums, samples.chunks);
        if (samples.chunk == samples.chunk_end) /* else the first chunk begins the sums */
            memset(organism->gradient, 0, gradients * sizeof *organism->gradient);
        memset(organism->cell_gradient, 0,
               (size_t)organism->n_cell_gradients * sizeof *organism->cell_gradient);
        pass(organism, &samples, true, tally);
    } while (!sums_agree(organism));
    before = timer_enter(PHASE_REDUCE);
    if (organism->grid->size[GRID_BATCH] > 1)
        comm_reduce_scatter(organism->grid->axis[GRID_BATCH], organism->gradient_owned, organism->gradient,
                            organism->workspace->offsets);
    constants_finish(organism);
    timer_enter(before);
    organism->task_pending = true;
    organism->pending_rate = organism->rates.task;
    organism->gradient_scale = shape->loss == LOSS_CROSS_ENTROPY
                                   ? 1 / (double)(end - begin)
                                   : 2 / ((double)(end - begin) * shape->cells[shape->layers]);
}

void organism_evaluate(struct organism *organism, const struct dataset *data, struct tally *tally)
{
    if (data->samples == 0) return;
    enum phase before = timer_enter(PHASE_VALIDATE);
    struct samples samples = samples_new(organism, data, NULL, 0, data->samples);
    samples_divide(&samples, organism->grid);
    organism->workspace->phase = PHASE_VALIDATE;
    chunk_pack(organism, false);
    struct sums *sums = &organism->workspace->evaluation;
    const struct tally before_pass = *tally;
    do {
        *tally = before_pass;
        sums_begin(organism, sums, 0);
        pass(organism, &samples, false, tally);
    } while (!sums_agree(organism));
    timer_enter(before);
}

void organism_outputs(struct organism *organism, const struct dataset *data, int64_t begin, int64_t end,
                      float *out)
{
    if (end <= begin) return;
    const int layers = organism->shape.layers;
    const int32_t outputs = organism->shape.cells[layers];
    struct samples samples = samples_new(organism, data, NULL, begin, end);
    struct sums *sums = &organism->workspace->evaluation;
    chunk_pack(organism, false);
    do {
        sums_begin(organism, sums, 0);
        for (int64_t chunk = 0; chunk < samples.chunks;
             chunk++) { /* on every batch coordinate: few samples */
            struct slot *slot = &organism->workspace->slot[0];
            locate(slot, &samples, chunk, organism->workspace->ahead);
            forward(organism, 1);
            for (int32_t s = 0; s < slot->samples; s++)
                for (int32_t c = 0; c < outputs; c++)
                    out[(slot->begin - begin + s) * outputs + c] =
                        slot->input[layers][particle_index(s, outputs, c)];
        }
    } while (!sums_agree(organism));
}

/* Adds the squares of a chunk's inputs. Of the ranks that share a layer's edges, the first of the cell
 * axis counts. */
static void add_squares(const struct organism *organism, const struct slot *slot,
                        struct exact_wide *const *sum)
{
    for (int l = 0; l < organism->shape.layers; l++) {
        const int32_t held = layer_edges_held(organism, l), first = layer_edge_first(organism, l);
        if (comm_rank(organism->grid->axis[grid_cell_axis(l)]) != 0) continue;
        for (int32_t e = 0; e < held; e++)
            for (int32_t s = 0; s < slot->samples; s++) {
                const double x =
                    (double)(l == 0 ? slot->row[s][e] : slot->input[l][particle_index(s, held, e)]);
                exact_wide_add(&sum[l][first + e], x * x);
            }
    }
}

void organism_mean_squares(struct organism *organism, const struct dataset *data, double *const *out)
{
    const struct organism_shape *shape = &organism->shape;
    struct samples samples = samples_new(organism, data, NULL, 0, data->samples);
    samples_divide(&samples, organism->grid);
    struct sums *sums = &organism->workspace->evaluation;
    struct exact_wide *sum[ORGANISM_LAYERS_MAX];
    for (int l = 0; l < shape->layers; l++) sum[l] = memory_new(shape->cells[l], sizeof *sum[l]);
    chunk_pack(organism, false);
    do {
        for (int l = 0; l < shape->layers; l++) memset(sum[l], 0, (size_t)shape->cells[l] * sizeof *sum[l]);
        sums_begin(organism, sums, 0);
        for (int64_t chunk = samples.chunk; chunk < samples.chunk_end; chunk++) {
            struct slot *slot = &organism->workspace->slot[0];
            locate(slot, &samples, chunk, organism->workspace->ahead);
            forward(organism, 1);
            add_squares(organism, slot, sum);
        }
    } while (!sums_agree(organism));
    for (int l = 0; l < shape->layers; l++) {
        comm_sum_double(organism->grid->all, sum[l]->limb, (int64_t)shape->cells[l] * EXACT_LIMBS);
        for (int32_t e = 0; e < shape->cells[l]; e++)
            out[l][e] = exact_wide_value(&sum[l][e]) / (double)data->samples;
        if (shape->bias) out[l][shape->cells[l]] = 1;
        memory_free(sum[l]);
    }
}

void organism_tally_sum(struct organism *organism, struct tally *tally)
{
    uint64_t counts[2] = {(uint64_t)tally->samples, (uint64_t)tally->correct};
    comm_sum_u64(organism->grid->all, counts, 2);
    tally->samples = (int64_t)counts[0];
    tally->correct = (int64_t)counts[1];
    exact_wide_sum(organism->grid->all, &tally->loss);
    exact_wide_sum(organism->grid->all, &tally->error);
}
