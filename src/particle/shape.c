#include "metazoa/particle/shape.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>

#include "linear.h"

const char *const self_weights_words[] = {SELF_WEIGHTS(WORDS_TEXT) NULL};
const char *const momentum_buffers_words[] = {MOMENTUM_BUFFERS(WORDS_TEXT) NULL};

int particle_cells(const struct particle_shape *shape, int k)
{
    return k == shape->layers - 1 ? 1 : shape->width;
}

int particle_edges(const struct particle_shape *shape, int k)
{
    return (k == 0 ? PARTICLE_INPUTS : shape->width) + shape->bias;
}

/* As in the published code: an index over its maximum in the particle, kept from dividing by zero. */
static float position(int index, int maximum)
{
    return (float)(index / (maximum + 1e-8));
}

bool linear_fits(int64_t width, int64_t layers)
{
    return width >= 1 && width <= PARTICLE_WIDTH_MAX && layers >= PARTICLE_LAYERS_MIN &&
           layers <= PARTICLE_LAYERS_MAX;
}

/* A bias has the position of an edge behind those of its cell. */
struct particle_shape linear_shape_of(enum edges kind, int width, int layers, int bias)
{
    assert(linear_fits(width, layers));
    struct particle_shape shape = {
        .kind = kind, .width = width, .layers = layers, .bias = bias, .shown = 1 + bias};
    int last_edge = (width > PARTICLE_INPUTS ? width : PARTICLE_INPUTS) - 1 + bias;
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

struct particle_shape linear_shape(int width, int layers)
{
    return linear_shape_of(EDGES_PARTICLE, width, layers, 0);
}

void linear_describe(const struct particle_shape *shape, char *out, size_t room)
{
    snprintf(out, room, "particles of width %d and %d layers, %d weights each", shape->width, shape->layers,
             shape->weights);
}

/* Xavier-uniform in each weight layer, of whose edges a bias is none. */
void linear_draw(float *out, const struct particle_shape *shape, float layer_bound)
{
    (void)layer_bound;
    for (int k = 0, i = 0; k < shape->layers; k++) {
        int cells = particle_cells(shape, k), edges = particle_edges(shape, k);
        float bound = sqrtf(6.0f / (float)(cells + edges - shape->bias));
        for (int j = 0; j < cells * edges; j++, i++) out[i] = (2 * out[i] - 1) * bound;
    }
}

/*
 * The effective weight of a Xavier-uniform particle of width w has the variance 4 w / ((5 + w) (w + 1)),
 * whatever its number of layers; a conventional network's, 2 / (cells + edges). Effective weights are linear
 * in the weights at the fifth input, and the responses that make a self-replicator do not depend on these.
 */
float linear_scaling(const struct particle_shape *shape, int32_t cells, int32_t edges)
{
    const float w = (float)shape->width, wanted = 2 / ((float)cells + (float)edges);
    return sqrtf(wanted * (5 + w) * (w + 1) / (4 * w));
}

void linear_scale(float *weights, const struct particle_shape *shape, int32_t cells, int32_t edges)
{
    const float scale = linear_scaling(shape, cells, edges);
    for (int cell = 0; cell < particle_cells(shape, 0); cell++)
        weights[cell * PARTICLE_INPUTS + PARTICLE_INPUTS - 1] *= scale;
}

const struct particle_kind kind_linear = {
    .replicates = true,
    .fits = linear_fits,
    .shape = linear_shape,
    .describe = linear_describe,
    .draw = linear_draw,
    .scale = linear_scale,
    .sweep = linear_sweep,
    .auxiliary = linear_auxiliary,
    .apply_by = linear_apply_by,
    .moments = linear_moments,
    .learn = linear_learn,
    .project = linear_project,
    .movement = linear_movement,
    .census = linear_census,
};
