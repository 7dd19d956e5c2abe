#include "metazoa/measure/literal.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "metazoa/base/memory.h"
#include "metazoa/parallel/cut.h"
#include "metazoa/particle/vector.h"

/* A particle applied to a vector of samples: N(0, 0, 0, 0, x). */
static vector particle_apply(const struct particle_shape *shape, const float *w, vector x)
{
    if (shape->layers == 0) return x * w[0];
    vector now[PARTICLE_WIDTH_MAX] = {[PARTICLE_INPUTS - 1] = x}, next[PARTICLE_WIDTH_MAX];
    for (int k = 0; k < shape->layers; k++) {
        const int cells = particle_cells(shape, k), edges = particle_edges(shape, k);
        for (int c = 0; c < cells; c++) {
            vector sum = {0};
            for (int e = 0; e < edges; e++) sum += *w++ * now[e];
            next[c] = sum;
        }
        memcpy(now, next, (size_t)cells * sizeof *now);
    }
    return now[0];
}

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
    const int64_t floats = part->organism->shape.cells[part->layer] * (int64_t)n;
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

static float gelu(float x)
{
    return 0.5f * x * erfcf(x * -0.70710678f);
}

/* One layer: now [edges][groups] of vectors of samples to next [cells][groups]. */
static void layer_apply(const struct organism *organism, int l, const vector *now, vector *next,
                        int64_t groups)
{
    const struct organism_shape *shape = &organism->shape;
    const int n = shape->particle.weights;
    const int64_t edges = shape->cells[l], cells = shape->cells[l + 1];
    const bool hidden = l < shape->layers - 1,
               residual = shape->residual && l > 0 && hidden && edges == cells;
    struct part part = part_new(organism, l);
    double *sum = memory_new(edges * n, sizeof *sum);
    float *weights = memory_new(edges * n, sizeof *weights);
    for (int64_t c = 0; c < cells; c++) {
        part_cell(&part, c, sum, weights);
        for (int64_t g = 0; g < groups; g++) {
            vector z = {0};
            for (int64_t e = 0; e < edges; e++)
                z += particle_apply(&shape->particle, weights + e * n, now[e * groups + g]);
            if (residual) z += now[c * groups + g];
            for (int i = 0; i < VECTOR && hidden && shape->activation == ACTIVATION_GELU; i++)
                z[i] = gelu(z[i]);
            next[c * groups + g] = z;
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
    const int64_t groups = (end - begin + VECTOR - 1) / VECTOR;
    int64_t widest = 0;
    for (int l = 0; l <= shape->layers; l++) widest = shape->cells[l] > widest ? shape->cells[l] : widest;
    vector *now = memory_new(widest * groups, sizeof *now), *next = memory_new(widest * groups, sizeof *next);
    for (int64_t s = begin; s < end; s++)
        for (int64_t e = 0; e < shape->cells[0]; e++)
            now[e * groups + (s - begin) / VECTOR][(s - begin) % VECTOR] = data->x[s * data->stride + e];
    for (int l = 0; l < shape->layers; l++) {
        layer_apply(organism, l, now, next, groups);
        vector *swap = now;
        now = next, next = swap;
    }
    for (int64_t s = begin; s < end; s++)
        for (int c = 0; c < outputs; c++)
            out[s * outputs + c] = now[c * groups + (s - begin) / VECTOR][(s - begin) % VECTOR];
    int64_t *offset = memory_new(size + 1, sizeof *offset);
    for (int i = 0; i <= size; i++) offset[i] = cut_begin(n, size, i);
    comm_gather_all(comm, out, (size_t)outputs * sizeof *out, offset);
    memory_free(offset);
    memory_free(now), memory_free(next);
}
