/*
 * Particle kernels: LANES particles at a time. A group of LANES particles is stored weight by weight,
 * float [weights][LANES]; an array of groups is [groups][weights][LANES]. All functions are local and pure.
 *
 * With a = W_n ... W_1 (one row of 5), d = (a0 - 1, a1, a2, a3) and G = P^T P over the input rows
 * P = (w, layer, cell, edge): self-training loss d^T G d / n, its gradient with respect to a0..a3 is (2 / n)
 * G d; a4 is the effective weight; self-application is w' = a0 w + a1 layer + a2 cell + a3 edge.
 */
#ifndef METAZOA_PARTICLE_KERNEL_H
#define METAZOA_PARTICLE_KERNEL_H

#include <stdint.h>

#include "metazoa/base/words.h"
#include "metazoa/particle/shape.h"

/*
 * PyTorch's SGD: v = momentum v + gradient; w -= rate v. Which velocity the self-training uses:
 *   separate   its own, kept between batches
 *   shared     the task's
 *   reset      its own, zero at the start of every sweep
 */
#define MOMENTUM_BUFFERS(X)                                                                                  \
    X(MOMENTUM_SEPARATE, "separate") X(MOMENTUM_SHARED, "shared") X(MOMENTUM_RESET, "reset")
enum momentum_buffers { MOMENTUM_BUFFERS(WORDS_VALUE) };
extern const char *const momentum_buffers_words[];

struct sweep {
    float learning_rate, momentum;
    enum momentum_buffers buffers;
    int task_step;        /* 1: a task step along `gradient` comes first */
    float gradient_scale; /* the gradient is multiplied by it */
    int self_steps;       /* then so many self-training steps */
};

/*
 * One sweep over groups: task step, self-training, new effective weight, in one pass over memory.
 *   field       the state, field[f] as particle/state.h lists them: [groups][values][LANES], updated; a field
 *               that this shape and sweep do not use may be NULL
 *   effective   [groups][LANES], written
 *   gradient    [groups][LANES], d loss / d effective weight; read only with task_step
 *   loss        [groups][LANES], the loss before the last self-training step; written only if self_steps > 0
 */
void particle_sweep(const struct particle_shape *shape, const struct sweep *sweep, int64_t groups,
                    float *const field[], float *effective, const double *gradient, float *loss);

/* a0..a4 of every particle: out [groups][5][LANES]. A scalar has (1, 0, 0, 0, w). */
void particle_response(const struct particle_shape *shape, int64_t groups, const float *weights, float *out);

/* Application: each of the particles `weights` becomes what the one at the same place of `by` makes of it,
 * w' = a0 w + a1 layer + a2 cell + a3 edge with the a of `by`. Both may be the same array. A scalar makes of
 * any particle what it was. */
void particle_apply_by(const struct particle_shape *shape, int64_t groups, float *weights, const float *by);

/* Self-application, `times` times, in place: each time the particle's current outputs become its weights. */
void particle_apply_self(const struct particle_shape *shape, int64_t groups, float *weights, int times);

/* By how much one self-application would move each particle: the largest change of a weight, [groups][LANES];
 * infinity where a weight or a change is not finite. What the census compares with its tolerance. */
void particle_movement(const struct particle_shape *shape, int64_t groups, const float *weights, float *out);

#endif
