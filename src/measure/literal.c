#include "metazoa/measure/literal.h"

#include <assert.h>
#include <string.h>

#include "metazoa/base/memory.h"
#include "metazoa/parallel/cut.h"
#include "metazoa/particle/kernel.h"

/* The weights of particles [begin, end) of a layer, by (cell, edge), on every rank: rows [end -
 * begin][weights]. */
struct part {
    const struct organism *organism;
    int layer;
    int64_t n_stretches, n_rows;
    struct stretch *stretches;
    float *rows; /* owned */
};

static struct part part_new(const struct organism *organism, int l)
{
    struct part part = {.organism = organism, .layer = l};
    part.stretches = organism_stretches(organism, l, &part.n_stretches, &part.n_rows);
    part.rows = memory_new(part.n_rows * organism->shape.particle.weights, sizeof *part.rows);
    organism_export(organism, l, FIELD_WEIGHTS, part.rows);
    return part;
}

static void part_free(struct part *part)
{
    memory_free(part->stretches);
    memory_free(part->rows);
}

/* One cell's particles, [edges][weights]: each is in one rank's stretches; all others add zeros. */
static void part_cell(const struct part *part, int64_t cell, double *sum, float *weights)
{
    const int n = part->organism->shape.particle.weights;
    const int64_t floats = shape_edges(&part->organism->shape, part->layer) * (int64_t)n;
    memset(sum, 0, (size_t)floats * sizeof *sum);
    for (int64_t i = 0; i < part->n_stretches; i++) {
        const struct stretch *stretch = &part->stretches[i];
        if (stretch->cell != cell) continue;
        for (int64_t j = 0; j < stretch->count * n; j++)
            sum[stretch->edge * n + j] = (double)part->rows[stretch->first * n + j];
    }
    comm_sum_double(part->organism->grid->all, sum, floats);
    for (int64_t j = 0; j < floats; j++) weights[j] = (float)(sum[j] + 0.0); /* -0 is +0 at any rank count */
}

/* One layer: from the samples' values now [edges][groups][LANES] to next [cells][groups][LANES]. */
static void layer_apply(const struct organism *organism, int l, const float *now, float *next, int64_t groups)
{
    const struct organism_shape *shape = &organism->shape;
    const int n = shape->particle.weights;
    const int64_t edges = shape_edges(shape, l), cells = shape->cells[l + 1];
    const bool hidden = l < shape->layers - 1, residual = shape_residual(shape, l);
    struct part part = part_new(organism, l);
    double *sum = memory_new(edges * n, sizeof *sum);
    float *weights = memory_new(edges * n, sizeof *weights), one[LANES];
    for (int i = 0; i < LANES; i++) one[i] = 1;
    for (int64_t c = 0; c < cells; c++) {
        part_cell(&part, c, sum, weights);
        for (int64_t g = 0; g < groups; g++) {
            float z[LANES] = {0}, out[LANES];
            for (int64_t e = 0; e < edges; e++) {
                const float *x = e < shape->cells[l] ? now + (e * groups + g) * LANES : one;
                particle_auxiliary(&shape->particle, weights + e * n, x, out);
                for (int i = 0; i < LANES; i++) z[i] += out[i];
            }
            for (int i = 0; i < LANES; i++) {
                if (residual) z[i] += now[(c * groups + g) * LANES + i];
                next[(c * groups + g) * LANES + i] =
                    hidden ? activation_plain(shape->activation, z[i]) : z[i];
            }
        }
    }
    memory_free(weights), memory_free(sum);
    part_free(&part);
}

void literal_outputs(const struct organism *organism, const struct dataset *data, int64_t n, float *out)
{
    const struct organism_shape *shape = &organism->shape;
    struct comm *comm = organism->grid->all;
    const int size = comm_size(comm), rank = comm_rank(comm), outputs = shape->cells[shape->layers];
    assert(organism->grid->size[GRID_BATCH] == size);
    const int64_t begin = cut_begin(n, size, rank), end = cut_begin(n, size, rank + 1);
    const int64_t samples = lanes_round(end - begin);
    int64_t widest = 0;
    for (int l = 0; l <= shape->layers; l++) widest = shape->cells[l] > widest ? shape->cells[l] : widest;
    float *now = memory_new(widest * samples, sizeof *now),
          *next = memory_new(widest * samples, sizeof *next);
    for (int64_t s = begin; s < end; s++)
        for (int64_t e = 0; e < shape->cells[0]; e++)
            now[e * samples + s - begin] = data->x[s * data->stride + e];
    for (int l = 0; l < shape->layers; l++) {
        layer_apply(organism, l, now, next, samples / LANES);
        float *swap = now;
        now = next, next = swap;
    }
    for (int64_t s = begin; s < end; s++)
        for (int c = 0; c < outputs; c++) out[s * outputs + c] = now[c * samples + s - begin];
    int64_t *offset = memory_new(size + 1, sizeof *offset);
    for (int i = 0; i <= size; i++) offset[i] = cut_begin(n, size, i);
    comm_gather_all(comm, out, (size_t)outputs * sizeof *out, offset);
    memory_free(offset);
    memory_free(now), memory_free(next);
}
