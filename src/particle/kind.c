/* The table of kinds, and the public functions, which call the kind's own. */
#include "metazoa/particle/kind.h"

#include <assert.h>

#include "linear.h"
#include "metazoa/parallel/random.h"
#include "metazoa/particle/census.h"
#include "metazoa/particle/mask.h"
#include "metazoa/particle/project.h"
#include "metazoa/particle/state.h"

const char *const edges_words[] = {EDGES(WORDS_TEXT) NULL};

const struct particle_kind *const particle_kinds[EDGES_COUNT] = {
    [EDGES_PARTICLE] = &kind_linear,
    [EDGES_SCALAR] = &kind_scalar,
    [EDGES_AFFINE] = &kind_affine,
};

int particle_kind_find(int64_t width, int64_t layers)
{
    for (int kind = 0; kind < EDGES_COUNT; kind++)
        if (particle_kinds[kind]->fits(width, layers)) return kind;
    return -1;
}

int particle_kind_projected(void)
{
    int kind = 0;
    while (kind < EDGES_COUNT && !particle_kinds[kind]->project) kind++;
    return kind;
}

struct particle_shape particle_shape_new(int width, int layers)
{
    const int kind = particle_kind_find(width, layers);
    assert(kind >= 0);
    return particle_kinds[kind]->shape(width, layers);
}

void particle_describe(const struct particle_shape *shape, char *out, size_t room)
{
    particle_kind(shape)->describe(shape, out, room);
}

void particle_draw(float *out, const struct particle_shape *shape, uint64_t seed, int purpose, int64_t epoch,
                   uint64_t id, float layer_bound)
{
    struct random_stream stream = random_open(seed, (enum random_purpose)purpose, epoch, id);
    random_uniform(&stream, out, shape->weights);
    particle_kind(shape)->draw(out, shape, layer_bound);
}

void particle_steps(const struct particle_shape *shape, const struct sweep *sweep, int64_t groups,
                    float *const field[], float *effective, const double *gradient, float *loss)
{
    particle_kind(shape)->sweep(shape, sweep, groups, field, effective, gradient, loss);
}

void particle_sweep(const struct particle_shape *shape, const struct sweep *sweep, int64_t groups,
                    float *const field[], float *effective, const double *gradient, float *loss)
{
    if (field[FIELD_PRUNED])
        mask_sweep(shape, sweep, groups, field, effective, gradient, loss);
    else
        particle_steps(shape, sweep, groups, field, effective, gradient, loss);
}

void particle_auxiliary(const struct particle_shape *shape, const float *weights, const float x[LANES],
                        float out[LANES])
{
    particle_kind(shape)->auxiliary(shape, weights, x, out);
}

void particle_apply_by(const struct particle_shape *shape, int64_t groups, float *weights, const float *by)
{
    particle_kind(shape)->apply_by(shape, groups, weights, by);
}

void particle_moments(const struct particle_shape *shape, int64_t groups, const float *weights, float *out)
{
    assert(particle_kind(shape)->moments);
    particle_kind(shape)->moments(shape, groups, weights, out);
}

void particle_learn(const struct particle_shape *shape, const struct sweep *sweep, int64_t groups,
                    float *weights, const float *moments)
{
    assert(particle_kind(shape)->learn);
    particle_kind(shape)->learn(shape, sweep, groups, weights, moments);
}

void particle_apply_self(const struct particle_shape *shape, int64_t groups, float *weights, int times)
{
    for (int t = 0; t < times; t++) particle_apply_by(shape, groups, weights, weights);
}

void particle_project(const struct particle_shape *shape, int64_t groups, float *weights,
                      const float *effective)
{
    if (particle_kind(shape)->project) particle_kind(shape)->project(shape, groups, weights, effective);
}

void particle_movement(const struct particle_shape *shape, int64_t groups, const float *weights, float *out)
{
    particle_kind(shape)->movement(shape, groups, weights, out);
}

void particle_census(const struct particle_shape *shape, int64_t groups, const float *weights, float epsilon,
                     uint8_t *types)
{
    particle_kind(shape)->census(shape, groups, weights, epsilon, types);
}
