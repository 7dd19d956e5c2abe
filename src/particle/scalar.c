/* A scalar: one weight, which is its own effective weight. Applying it changes nothing, and it is never
 * counted as a self-replicator. */
#include <math.h>
#include <stdio.h>

#include "linear.h"
#include "metazoa/particle/census.h"

static bool scalar_fits(int64_t width, int64_t layers)
{
    (void)width;
    return layers == 0;
}

static struct particle_shape scalar_shape(int width, int layers)
{
    (void)width, (void)layers;
    return (struct particle_shape){.kind = EDGES_SCALAR, .width = 1, .weights = 1};
}

static void scalar_describe(const struct particle_shape *shape, char *out, size_t room)
{
    (void)shape;
    snprintf(out, room, "scalar edges");
}

static void scalar_draw(float *out, const struct particle_shape *shape, float layer_bound)
{
    (void)shape;
    out[0] = (2 * out[0] - 1) * layer_bound;
}

static void scalar_scale(float *weights, const struct particle_shape *shape, int32_t cells, int32_t edges)
{
    (void)weights, (void)shape, (void)cells, (void)edges; /* its bound depends on the layer already */
}

static void scalar_auxiliary(const struct particle_shape *shape, const float *weights, const float *x,
                             float *out)
{
    (void)shape;
    for (int i = 0; i < LANES; i++) out[i] = x[i] * weights[0];
}

static void scalar_apply_by(const struct particle_shape *shape, int64_t groups, float *weights,
                            const float *by)
{
    (void)shape, (void)groups, (void)weights, (void)by;
}

static void scalar_movement(const struct particle_shape *shape, int64_t groups, const float *weights,
                            float *out)
{
    (void)shape;
    for (int64_t at = 0; at < groups * LANES; at++) out[at] = isfinite(weights[at]) ? 0 : INFINITY;
}

static void scalar_census(const struct particle_shape *shape, int64_t groups, const float *weights,
                          float epsilon, uint8_t *types)
{
    (void)shape;
    for (int64_t at = 0; at < groups * LANES; at++)
        types[at] = !isfinite(weights[at])          ? TYPE_DIVERGENT
                    : fabsf(weights[at]) <= epsilon ? TYPE_ZERO
                                                    : TYPE_OTHER;
}

const struct particle_kind kind_scalar = {
    .replicates = false,
    .fits = scalar_fits,
    .shape = scalar_shape,
    .describe = scalar_describe,
    .draw = scalar_draw,
    .scale = scalar_scale,
    .sweep = scalar_sweep,
    .auxiliary = scalar_auxiliary,
    .apply_by = scalar_apply_by,
    .movement = scalar_movement,
    .census = scalar_census,
};
