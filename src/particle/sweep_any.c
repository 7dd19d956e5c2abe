/* The sweep of all shapes for which sweep.c has no code of its own, and learning from others. Loops whose
 * length the compiler does not know are left as they are: unrolled they take half a minute to compile, and
 * no less time to run. */
#define UNROLL
#include "sweep.h"

#include "linear.h"

#ifndef __clang__ /* of loops of unknown length GCC does not see that they are equally long */
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

KERNEL(sweep_plain_any, shape->width, shape->layers, true, 0, false)
KERNEL(sweep_other_any, shape->width, shape->layers, false, shape->bias, false)

/* One version for all shapes: particles that learn from others are few. */
void linear_moments(const struct particle_shape *shape, int64_t groups, const float *weights, float *out)
{
    const struct frame f = {shape->width, shape->layers, true, 0, false};
    for (int64_t i = 0; i < groups * PARTS; i++) {
        vector moment[5], *to = (vector *)out + i / PARTS * PARTS * 4 + i % PARTS;
        moments(f, (const vector *)weights + i / PARTS * PARTS * shape->weights + i % PARTS, shape, moment);
        for (int j = 0; j < 4; j++) to[j * PARTS] = moment[j];
    }
}

/* The self-training's steps of one vector of particles towards others, from no state. */
VECTOR_INLINE void learn_steps(const struct particle_shape *shape, const struct gram *gram,
                               const struct sweep *sweep, vector *w, const vector *other,
                               const enum optimizer optimizer)
{
    const struct frame f = {shape->width, shape->layers, false, 0, false};
    struct mover m = mover_new(&sweep->self, optimizer, false);
    vector loss, v[PARTICLE_WEIGHTS_MAX * PARTS] = {{0}}, s[PARTICLE_WEIGHTS_MAX * PARTS] = {{0}},
                                          age[2 * PARTS] = {{0}};
    struct seen seen;
    for (int step = 0; step < sweep->self_steps; step++) {
        self_look(f, shape, w, &seen);
        for (int j = 0; j < 4; j++) seen.moment[j] = other[j * PARTS];
        move_begin(&m, age);
        self_move(f, gram, sweep->self_weights, &seen, w, v, s, &m, &loss);
    }
}

void linear_learn(const struct particle_shape *shape, const struct sweep *sweep, int64_t groups,
                  float *weights, const float *others)
{
    const struct gram gram = gram_new(shape);
    for (int64_t i = 0; i < groups * PARTS; i++) {
        vector *w = (vector *)weights + i / PARTS * PARTS * shape->weights + i % PARTS;
        const vector *other = (const vector *)others + i / PARTS * PARTS * 4 + i % PARTS;
#define OPTIMIZER_CALL(value) learn_steps(shape, &gram, sweep, w, other, value)
        OPTIMIZER_SWITCH(sweep->self.optimizer)
#undef OPTIMIZER_CALL
    }
}
