#include "metazoa/organism/shape.h"

#include <assert.h>

#include "metazoa/particle/kind.h"
#include "metazoa/task/task.h"

const char *const activation_words[] = {ACTIVATIONS(WORDS_TEXT) NULL};
const char *const organism_start_words[] = {STARTS(WORDS_TEXT) NULL};

struct organism_shape organism_shape_new(const struct organism_spec *spec, const struct task *task)
{
    struct organism_shape shape = {
        .layers = spec->n_hidden + 1,
        .activation = spec->activation,
        .loss = task->classification ? LOSS_CROSS_ENTROPY : LOSS_MSE,
        .residual = spec->residual,
        .bias = spec->bias,
        .scaled = spec->start == START_LAYER,
        .block = spec->block,
        .chunk = spec->chunk,
        .particle = particle_kinds[spec->edges]->shape(spec->width, spec->layers),
    };
    shape.cells[0] = task->inputs;
    for (int i = 0; i < spec->n_hidden; i++) shape.cells[i + 1] = spec->hidden[i];
    shape.cells[shape.layers] = task->outputs;
    return shape;
}

bool organism_shape_same(const struct organism_shape *a, const struct organism_shape *b)
{
    bool same = a->layers == b->layers && a->bias == b->bias && a->particle.kind == b->particle.kind &&
                a->particle.width == b->particle.width && a->particle.layers == b->particle.layers;
    for (int i = 0; same && i <= a->layers; i++) same = a->cells[i] == b->cells[i];
    return same;
}

bool shape_residual(const struct organism_shape *shape, int l)
{
    return shape->residual && l > 0 && l < shape->layers - 1 && shape->cells[l] == shape->cells[l + 1];
}

int32_t shape_edges(const struct organism_shape *shape, int l)
{
    return shape->cells[l] + shape->bias;
}

int64_t organism_layer_particles(const struct organism_shape *shape, int layer)
{
    return (int64_t)shape_edges(shape, layer) * shape->cells[layer + 1];
}

int64_t organism_particles(const struct organism_shape *shape)
{
    int64_t sum = 0;
    for (int l = 0; l < shape->layers; l++) sum += organism_layer_particles(shape, l);
    return sum;
}

int64_t organism_particle_id(const struct organism_shape *shape, int layer, int64_t cell, int64_t edge)
{
    int64_t id = cell * shape_edges(shape, layer) + edge;
    for (int l = 0; l < layer; l++) id += organism_layer_particles(shape, l);
    return id;
}

void organism_particle_place(const struct organism_shape *shape, int64_t id, int *layer, int64_t *cell,
                             int64_t *edge)
{
    assert(id >= 0 && id < organism_particles(shape));
    int l = 0;
    for (; id >= organism_layer_particles(shape, l); l++) id -= organism_layer_particles(shape, l);
    *layer = l;
    *cell = id / shape_edges(shape, l);
    *edge = id % shape_edges(shape, l);
}
