#include "metazoa/particle/shape.h"

#include <assert.h>
#include <math.h>

#include "metazoa/parallel/random.h"
#include "metazoa/particle/kernel.h"

const char *const momentum_buffers_words[] = {MOMENTUM_BUFFERS(WORDS_TEXT) NULL};

int particle_cells(const struct particle_shape *shape, int k)
{
    return k == shape->layers - 1 ? 1 : shape->width;
}

int particle_edges(const struct particle_shape *shape, int k)
{
    return k == 0 ? PARTICLE_INPUTS : shape->width;
}

/* As in the published code: an index over its maximum in the particle, kept from dividing by zero. */
static float position(int index, int maximum)
{
    return (float)(index / (maximum + 1e-8));
}

struct particle_shape particle_shape_new(int width, int layers)
{
    if (layers == 0) return (struct particle_shape){.width = 1, .weights = 1};
    assert(width >= 1 && width <= PARTICLE_WIDTH_MAX);
    assert(layers >= PARTICLE_LAYERS_MIN && layers <= PARTICLE_LAYERS_MAX);
    struct particle_shape shape = {.width = width, .layers = layers};
    int last_edge = width > PARTICLE_INPUTS ? width - 1 : PARTICLE_INPUTS - 1;
    for (int k = 0; k < layers; k++)
        for (int cell = 0; cell < particle_cells(&shape, k); cell++)
            for (int edge = 0; edge < particle_edges(&shape, k); edge++) {
                shape.layer_at[shape.weights] = position(k, layers - 1);
                shape.cell_at[shape.weights] = position(cell, width - 1);
                shape.edge_at[shape.weights] = position(edge, last_edge);
                shape.weights++;
            }
    return shape;
}

void particle_draw(float *out, const struct particle_shape *shape, uint64_t seed, int purpose, int64_t epoch,
                   uint64_t id, float scalar_bound)
{
    struct random_stream stream = random_open(seed, (enum random_purpose)purpose, epoch, id);
    random_uniform(&stream, out, shape->weights);
    if (shape->layers == 0) out[0] = (2 * out[0] - 1) * scalar_bound;
    for (int k = 0, i = 0; k < shape->layers; k++) {
        int cells = particle_cells(shape, k), edges = particle_edges(shape, k);
        float bound = sqrtf(6.0f / (float)(cells + edges));
        for (int j = 0; j < cells * edges; j++, i++) out[i] = (2 * out[i] - 1) * bound;
    }
}
