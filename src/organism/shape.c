#include "metazoa/organism/shape.h"

#include <assert.h>

int64_t organism_layer_particles(const struct organism_shape *shape, int layer)
{
    return (int64_t)shape->cells[layer] * shape->cells[layer + 1];
}

int64_t organism_particles(const struct organism_shape *shape)
{
    int64_t sum = 0;
    for (int l = 0; l < shape->layers; l++) sum += organism_layer_particles(shape, l);
    return sum;
}

int64_t organism_particle_id(const struct organism_shape *shape, int layer, int64_t cell, int64_t edge)
{
    int64_t id = cell * shape->cells[layer] + edge;
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
    *cell = id / shape->cells[l];
    *edge = id % shape->cells[l];
}
