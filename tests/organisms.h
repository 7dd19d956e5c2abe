/* Organisms, their data and their weights as the tests of several ranks need them: all of a task's
 * samples, all weights of a layer, every process grid. */
#ifndef ORGANISMS_H
#define ORGANISMS_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <hdf5.h>

#include "grids.h"
#include "metazoa/base/memory.h"
#include "metazoa/organism/organism.h"
#include "metazoa/parallel/random.h"
#include "metazoa/particle/kind.h"

enum { SEED = 4711 };

static struct comm *world;

/* A whole data set, of which a rank takes its columns. */
struct whole {
    int64_t samples;
    int32_t inputs, outputs;
    float *x;       /* [samples][inputs] */
    int32_t *label; /* or */
    float *y;       /* [samples][outputs] */
};

static inline struct task task_of(const struct whole *whole, const struct organism_shape *shape,
                                  const struct grid *grid)
{
    struct task task = {
        .classification = whole->label != NULL, .inputs = whole->inputs, .outputs = whole->outputs};
    organism_inputs(shape, grid, &task.input_begin, &task.input_end);
    struct dataset *data = &task.train;
    int32_t width = task.input_end - task.input_begin;
    data->samples = whole->samples;
    data->stride = (width + 15) / 16 * 16;
    data->x = memory_new(data->samples + 1, (size_t)data->stride * sizeof *data->x);
    data->label = whole->label;
    data->y = whole->y;
    task.order = memory_new(data->samples, sizeof *task.order);
    for (int64_t s = 0; s < data->samples; s++) {
        task.order[s] = s;
        memcpy(data->x + s * data->stride, whole->x + s * whole->inputs + task.input_begin,
               (size_t)width * sizeof(float));
    }
    task.test = task.train;
    return task;
}

static inline void task_drop(struct task *task)
{
    memory_free(task->train.x);
    memory_free(task->order);
}

static inline struct whole whole_random(int64_t samples, int32_t inputs, int32_t outputs, bool classes)
{
    struct whole whole = {.samples = samples, .inputs = inputs, .outputs = outputs};
    whole.x = memory_new(samples * inputs, sizeof *whole.x);
    struct random_stream stream = random_open(SEED, RANDOM_PROBE, 0, 0);
    random_normal(&stream, whole.x, (int)(samples * inputs));
    if (classes) {
        whole.label = memory_new(samples, sizeof *whole.label);
        for (int64_t s = 0; s < samples; s++) whole.label[s] = (int32_t)((s * 7 + s / 3) % outputs);
    } else {
        whole.y = memory_new(samples * outputs, sizeof *whole.y);
        random_normal(&stream, whole.y, (int)(samples * outputs));
    }
    return whole;
}

static inline void whole_free(struct whole *whole)
{
    memory_free(whole->x), memory_free(whole->label), memory_free(whole->y);
}

static inline struct organism_shape shape_of(int layers, const int32_t *cells, int width, int particle_layers,
                                             bool gelu, enum loss loss, int32_t block, int32_t chunk)
{
    struct organism_shape shape = {.layers = layers,
                                   .activation = gelu ? ACTIVATION_GELU : ACTIVATION_LINEAR,
                                   .loss = loss,
                                   .block = block,
                                   .chunk = chunk,
                                   .particle = particle_shape_new(width, particle_layers)};
    memcpy(shape.cells, cells, (size_t)(layers + 1) * sizeof *cells);
    return shape;
}

/* The same with biases in the particles, and of the cells. */
static inline struct organism_shape affine(struct organism_shape shape, bool bias)
{
    shape.particle = particle_kinds[EDGES_AFFINE]->shape(shape.particle.width, shape.particle.layers);
    shape.bias = bias;
    return shape;
}

static const struct training sgd = {DESCENT_SGD(0.004f, 0.9f), .self_steps = 5};

/* A layer's weights of all ranks: out [cells][edges][weights]. */
static inline double *all_weights(struct organism *organism, int l)
{
    int weights = organism->shape.particle.weights;
    int64_t edges = shape_edges(&organism->shape, l),
            n = organism_layer_particles(&organism->shape, l) * weights, stretches, rows;
    double *out = memory_new(n, sizeof *out);
    struct stretch *stretch = organism_stretches(organism, l, &stretches, &rows);
    float *row = memory_new(rows * weights, sizeof *row);
    organism_export(organism, l, FIELD_WEIGHTS, row);
    for (int64_t i = 0; i < stretches; i++)
        for (int64_t j = 0; j < stretch[i].count * weights; j++)
            out[(stretch[i].cell * edges + stretch[i].edge) * weights + j] =
                (double)row[stretch[i].first * weights + j];
    memory_free(stretch), memory_free(row);
    comm_sum_double(organism->grid->all, out, n);
    return out;
}

/* Sets a layer's owned weights from [cells][edges][weights]. */
static inline void set_weights(struct organism *organism, int l, const double *all)
{
    int weights = organism->shape.particle.weights;
    int64_t edges = shape_edges(&organism->shape, l), stretches, rows;
    struct stretch *stretch = organism_stretches(organism, l, &stretches, &rows);
    float *row = memory_new(rows * weights, sizeof *row);
    for (int64_t i = 0; i < stretches; i++)
        for (int64_t j = 0; j < stretch[i].count * weights; j++)
            row[stretch[i].first * weights + j] =
                (float)all[(stretch[i].cell * edges + stretch[i].edge) * weights + j];
    organism_import(organism, l, FIELD_WEIGHTS, row);
    memory_free(stretch), memory_free(row);
}

#endif
