#include "constants.h"

bool constants_any(const struct organism_shape *shape)
{
    return shape->bias || shape->particle.shown > 1;
}

static bool block_has(const struct layer *layer, int64_t b)
{
    return layer->constant || layer->blocks[b].edge_end > layer->blocks[b].input_end;
}

static float *block_constants(const struct organism *organism, int l, int64_t b)
{
    return organism->workspace->constant[l] + b * layer_block_cells(organism, l);
}

void constants_pack(struct organism *organism, int l)
{
    const struct layer *layer = &organism->layer[l];
    for (int64_t b = 0; b < layer->n_blocks; b++) {
        const struct block *block = &layer->blocks[b];
        const int32_t edges = block->edge_end - block->edge_begin;
        float *constant = block_constants(organism, l, b);
        if (!block_has(layer, b)) continue;
        for (int32_t c = 0; c < block->cell_end - block->cell_begin; c++) {
            const int64_t first = block->group_begin * LANES + (int64_t)c * edges;
            double sum = block->edge_end > block->input_end ? (double)layer->effective[first + edges - 1] : 0;
            for (int32_t e = 0; e < edges && layer->constant; e++) sum += (double)layer->constant[first + e];
            constant[c] = (float)sum;
        }
    }
}

void constants_add(const struct organism *organism, int l, int64_t b, const struct result *to,
                   int32_t samples)
{
    const struct block *block = &organism->layer[l].blocks[b];
    const float *constant = block_constants(organism, l, b);
    if (!block_has(&organism->layer[l], b)) return;
    for (int32_t c = 0; c < block->cell_end - block->cell_begin; c++) {
        float row[LANES];
        for (int lane = 0; lane < LANES; lane++) row[lane] = constant[c];
        for (int32_t s = 0; s < samples; s += LANES) {
            const int64_t place = s / LANES * to->group + c * to->row;
            if (to->sum) exact_add(to->sum + place, row, LANES, to->exact);
            for (int lane = 0; lane < LANES && !to->sum; lane++) to->z[place + lane] += row[lane];
        }
    }
}

/* The sum over the samples of a row, lane by lane, then in a fixed tree: lanes 8, 4, 2 and 1 apart. */
static float row_sum(const float *g, int64_t group, int32_t samples)
{
    float sum[LANES] = {0};
    for (int32_t s = 0; s < samples; s += LANES, g += group)
        for (int lane = 0; lane < LANES; lane++) sum[lane] += g[lane];
    for (int apart = LANES / 2; apart > 0; apart /= 2)
        for (int lane = 0; lane < apart; lane++) sum[lane] += sum[lane + apart];
    return sum[0];
}

void constants_gradient(struct organism *organism, const struct slot *slot, int l)
{
    const int32_t rows = layer_rows(organism, l), held = layer_cells_held(organism, l);
    const float *g = slot->gradient[l + 1] +
                     (int64_t)(layer_cell_first(organism, l) - layer_row_first(organism, l)) * LANES;
    struct exact *exact = &organism->workspace->sums->exact[SUM_GRADIENT][l];
    for (int32_t c = 0; c < held; c++) {
        const float partial = row_sum(g + (int64_t)c * LANES, (int64_t)rows * LANES, slot->samples);
        exact_add(organism->layer[l].cell_gradient + c, &partial, 1, exact);
    }
}

/* The edges of block b that are owned here get the gradients of their cells: a bias, and the constants of
 * all. */
static void give(const struct organism *organism, int l, int b)
{
    const struct layer *layer = &organism->layer[l];
    const struct block *block = &layer->blocks[b];
    const int shown = organism->shape.particle.shown;
    const int32_t edges = block->edge_end - block->edge_begin, inputs = block->input_end - block->edge_begin;
    const int64_t first = (block->group_begin - layer->owned_begin) * LANES;
    const double *gradient = layer->cell_gradient + block->cell_begin - layer_cell_first(organism, l);
    int64_t begin, end;
    layer_block_owned(layer, b, &begin, &end);
    for (int32_t c = 0; c < block->cell_end - block->cell_begin; c++)
        for (int32_t e = shown > 1 ? 0 : inputs; e < edges; e++) {
            const int64_t at = first + (int64_t)c * edges + e;
            if (at < begin || at >= end) continue;
            if (e >= inputs) layer->gradient_owned[at] = gradient[c];
            if (shown == 1) continue;
            layer->gradient_shown[particle_index(at, shown, 0)] = layer->gradient_owned[at];
            layer->gradient_shown[particle_index(at, shown, 1)] = gradient[c];
        }
}

void constants_finish(struct organism *organism)
{
    if (!constants_any(&organism->shape)) return;
    comm_sum_double(organism->grid->axis[GRID_BATCH], organism->cell_gradient, organism->n_cell_gradients);
    for (int l = 0; l < organism->shape.layers; l++)
        for (int b = 0; b < organism->layer[l].n_blocks; b++)
            if (block_has(&organism->layer[l], b)) give(organism, l, b);
}
