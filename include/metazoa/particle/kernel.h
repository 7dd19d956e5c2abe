/*
 * Kernels: what particles compute, LANES of them at a time. A group of LANES particles is stored weight by
 * weight, float [weights][LANES]; an array of groups is [groups][weights][LANES] (particle_index). All
 * functions are local, and change nothing but the arrays that they are given.
 *
 * The mathematics (docs/mathematics.md) for a linear particle with N weights:
 *   a = W_n ... W_1                            response, a row of five numbers a0 .. a4
 *   w'_i = a0 w_i + a1 L_i + a2 C_i + a3 E_i    self-application (paper, section 3); L, C, E: shape.h
 *   a4                                         effective weight: what the particle does to its fifth input
 *   d = (a0 - 1, a1, a2, a3)                   zero for a fixpoint with a0 = 1
 *   G = P^T P, P_i = (w_i, L_i, C_i, E_i)
 *   d^T G d / N                                self-training loss
 *   (2 / N) G d                                its gradient with respect to a0 .. a3
 */
#ifndef METAZOA_PARTICLE_KERNEL_H
#define METAZOA_PARTICLE_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "metazoa/base/words.h"
#include "metazoa/particle/shape.h"

/*
 * How weights move along their gradients g: value, word, whether the squares of the gradients are state, text
 * for the help. The steps are PyTorch's (docs/mathematics.md has the equations): src/particle/optimizer.h.
 */
#define OPTIMIZERS(X)                                                                                        \
    X(OPTIMIZER_SGD, "sgd", false, "gradient descent with momentum; weight decay is added to the gradient.") \
    X(OPTIMIZER_ADAM, "adam", true, "Adam; weight decay is added to the gradient.")                          \
    X(OPTIMIZER_ADAMW, "adamw", true, "Adam; weight decay shrinks the weights, apart from the gradient.")
enum optimizer { OPTIMIZERS(WORDS_VALUE) OPTIMIZER_COUNT };

static inline bool optimizer_keeps_squares(enum optimizer optimizer)
{
#define OPTIMIZER_SQUARES(value, word, squares, help) [value] = squares,
    static const bool table[OPTIMIZER_COUNT] = {OPTIMIZERS(OPTIMIZER_SQUARES)};
    return table[optimizer];
}

/* How one of the two tasks of a particle moves its weights. */
struct descent {
    float rate; /* the learning rate */
    float momentum;
    enum optimizer optimizer;
    float decay;        /* weight decay */
    float beta[2], eps; /* of Adam */
};

/* Factors of the two learning rates; both are 1 where no schedule says otherwise. */
struct rates {
    float task, self;
};

/* The members `task` and `self` of a sweep (or of a training) with the same steps of SGD. */
#define DESCENT_SGD(RATE, MOMENTUM)                                                                          \
    .task = {.rate = RATE, .momentum = MOMENTUM}, .self = {.rate = RATE, .momentum = MOMENTUM}

/* Which velocity (and squares) the self-training uses: value, word, text for the help of
 * training.momentum_buffers. */
#define MOMENTUM_BUFFERS(X)                                                                                  \
    X(MOMENTUM_SEPARATE, "separate", "its own, kept between batches.")                                       \
    X(MOMENTUM_SHARED, "shared", "the task's.")                                                              \
    X(MOMENTUM_RESET, "reset", "its own, zero at the start of every batch.")
enum momentum_buffers { MOMENTUM_BUFFERS(WORDS_VALUE) };
extern const char *const momentum_buffers_words[];

/*
 * Which weights self-training moves: value, word, text for the help of training.self_train_weights. Only
 * columns 0 to 3 of W_1 make a0..a3 without having a part in a4 (particle/project.h): a particle that moves
 * no others replicates all the same, and its effective weight keeps its bits.
 */
#define SELF_WEIGHTS(X)                                                                                      \
    X(SELF_ALL, "all", "all of them, as in the paper.")                                                      \
    X(SELF_REPLICATION, "replication",                                                                       \
      "only those in the first layer that have no part in the effective weight; the task then learns to "    \
      "the bit what it learns without self-training.")
enum self_weights { SELF_WEIGHTS(WORDS_VALUE) };
extern const char *const self_weights_words[];

struct sweep {
    struct descent task, self;
    enum momentum_buffers buffers;
    enum self_weights self_weights;
    int task_step;        /* 1: a task step along `gradient` comes first */
    float gradient_scale; /* the gradient is multiplied by it */
    int self_steps;       /* number of self-training steps that follow */
};

/*
 * One sweep over groups: task step, self-training, new effective weight, in one pass over memory.
 *   field       the state, field[f] as particle/state.h lists them: [groups][values][LANES], updated; a field
 *               that this shape and sweep do not use may be NULL
 *   effective   [groups][shown][LANES], written: the numbers that an edge shows (kind.h), the effective weight first
 *   gradient    [groups][shown][LANES], d loss / d those numbers; read only with task_step
 *   loss        [groups][LANES], the loss before the last self-training step; written only if self_steps > 0
 */
void particle_sweep(const struct particle_shape *shape, const struct sweep *sweep, int64_t groups,
                    float *const field[], float *effective, const double *gradient, float *loss);

/* Auxiliary application, computed layer by layer: out[i] = N(0, 0, 0, 0, x[i]) for LANES numbers x and one
 * particle, whose weights are a row weights[weights]. It equals a4 x up to rounding. */
void particle_auxiliary(const struct particle_shape *shape, const float *weights, const float x[LANES],
                        float out[LANES]);

/* Application: replaces each particle of `weights` by w' = a0 w + a1 L + a2 C + a3 E, with the response a of
 * the particle at the same place of `by`. Both may be the same array. Applying a scalar changes nothing. */
void particle_apply_by(const struct particle_shape *shape, int64_t groups, float *weights, const float *by);

/* Self-application, `times` times, in place: each time the particle's current outputs become its weights. */
void particle_apply_self(const struct particle_shape *shape, int64_t groups, float *weights, int times);

/*
 * Learning from others (paper, definition 5): self_steps steps of the sweep's `self`, from velocity zero, towards reproducing the weights of another particle. As in self-training the gradient of the response
 * is (2 / N) G d, but G is the other's. Of it only the entries w.w, w.L, w.C, w.E depend on its weights.
 *   particle_moments   out [groups][4][LANES], those entries
 *   particle_learn     changes weights; moments: of the others, at the same places
 * Only for kinds that have these operations (kind.h).
 */
void particle_moments(const struct particle_shape *shape, int64_t groups, const float *weights, float *out);
void particle_learn(const struct particle_shape *shape, const struct sweep *sweep, int64_t groups,
                    float *weights, const float *moments);

/* How far one self-application would move each particle: out [groups][LANES], the largest absolute change of
 * a weight; infinity if a weight or a change is not finite. The census compares it with its tolerance. */
void particle_movement(const struct particle_shape *shape, int64_t groups, const float *weights, float *out);

#endif
