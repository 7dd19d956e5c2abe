/* A scalar: one weight, which is its own effective weight. Applying it changes nothing, and it is never
 * counted as a self-replicator. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "linear.h"
#include "metazoa/particle/census.h"
#include "metazoa/particle/state.h"
#include "optimizer.h"

static bool scalar_fits(int64_t width, int64_t layers)
{
    (void)width;
    return layers == 0;
}

static struct particle_shape scalar_shape(int width, int layers)
{
    (void)width, (void)layers;
    return (struct particle_shape){.kind = EDGES_SCALAR, .width = 1, .weights = 1, .shown = 1};
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

/* The task step of one vector: its gradient is that of the effective weight itself. */
VECTOR_INLINE void scalar_step(const struct sweep *sweep, float *const field[], int64_t i,
                               const double *gradient, const enum optimizer optimizer)
{
    vector none[2] = {{0}}, *squares = none, *age = none, g;
    struct mover m = mover_new(&sweep->task, optimizer, false);
    if (field[FIELD_SQUARES_TASK]) squares = (vector *)field[FIELD_SQUARES_TASK] + i;
    if (field[FIELD_AGE_TASK]) age = (vector *)field[FIELD_AGE_TASK] + i / PARTS * PARTS * 2 + i % PARTS;
    for (int lane = 0; lane < VECTOR; lane++) g[lane] = (float)gradient[i * VECTOR + lane];
    move_begin(&m, age);
    move_weight(&m, (vector *)field[FIELD_WEIGHTS] + i, (vector *)field[FIELD_VELOCITY_TASK] + i, squares,
                g * sweep->gradient_scale);
}

/* A conventional network's edge: nothing to self-train. */
static void scalar_sweep(const struct particle_shape *shape, const struct sweep *sweep, int64_t groups,
                         float *const field[], float *effective, const double *gradient, float *loss)
{
    (void)shape;
#define STEP(value, ...)                                                                                     \
    case value:                                                                                              \
        scalar_step(sweep, field, i, gradient, value);                                                       \
        break;
    for (int64_t i = 0; i < groups * PARTS && sweep->task_step; i++) switch (sweep->task.optimizer) {
            OPTIMIZERS(STEP)
        case OPTIMIZER_COUNT:
            break;
        }
    memcpy(effective, field[FIELD_WEIGHTS], (size_t)(groups * LANES) * sizeof *effective);
    if (sweep->self_steps > 0) memset(loss, 0, (size_t)(groups * LANES) * sizeof *loss);
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
