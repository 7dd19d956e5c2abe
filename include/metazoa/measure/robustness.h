/*
 * Robustness (paper, figures 4 and 7): noise is added to the weights of a particle, which is then applied to
 * itself repeatedly. Measured are the number of self-applications during which it stays a self-replicator,
 * and the number until it diverges or becomes zero. All functions except robustness_alone are local.
 */
#ifndef METAZOA_MEASURE_ROBUSTNESS_H
#define METAZOA_MEASURE_ROBUSTNESS_H

#include <stdbool.h>
#include <stdint.h>

#include "metazoa/measure/whole.h"
#include "metazoa/particle/census.h"
#include "metazoa/particle/kernel.h"

/*
 * Noise: an independent random number for each weight, drawn for (seed, particle, draw). All levels use the
 * same draw, scaled by `size`: the standard deviation of a normal distribution, or the half width of a
 * uniform one.
 */
struct noise {
    bool uniform;
    int levels;
    double *size; /* [levels] */
    int64_t draws;
    uint64_t seed;
};

/*
 * Lifetimes in self-applications, [levels][n][draws] each:
 *   replicator  the first number after which the particle is not a self-replicator
 *   alive       the first number after which it is divergent or zero
 *   end         TYPE_DIVERGENT or TYPE_ZERO; TYPE_OTHER: neither
 * Counting stops at `cap`, a state that is not looked at: a lifetime of `cap` was `cap` or longer.
 */
struct lifetimes {
    int64_t n;
    int32_t *replicator, *alive;
    uint8_t *end;
};
void lifetimes_new(struct lifetimes *lifetimes, const struct noise *noise, int64_t n);
void lifetimes_free(struct lifetimes *lifetimes);

/* Fills in the lifetimes of particles [begin, end) of all n = lifetimes->n, whose ids (for the noise) are
 * id[n] and whose weights are weights [n][weights]. epsilon: tolerance of the census. */
void robustness_run(struct lifetimes *lifetimes, const struct particle_shape *shape,
                    const struct noise *noise, int64_t cap, float epsilon, const int64_t *id,
                    const float *weights, int64_t begin, int64_t end);

/*
 * Applies LANES particles, w [weights][LANES], to themselves until the first `lanes` of them have ended or
 * the cap is reached. replicator, alive, end: [lanes], as in struct lifetimes.
 */
void robustness_live(const struct particle_shape *shape, float *w, int64_t cap, float epsilon, int lanes,
                     int32_t *replicator, int32_t *alive, uint8_t *end);

/* The hand-made fixpoint: one path of ones, a = (1, 0, 0, 0, 0): w' = w exactly. */
void robustness_perfect(const struct particle_shape *shape, float *weights);

/*
 * Collective. Draws n new particles and trains them by `steps` self-training steps, without a task. Those
 * that are self-replicators in the end become the rows of `whole`, 1 + weights floats each; the first float
 * is the number of steps after which a census (one in about 50 steps) first found a self-replicator.
 * Free with whole_free.
 */
void robustness_alone(struct whole *whole, const struct organism *organism, uint64_t seed, float epsilon,
                      int64_t n, int64_t steps);

#endif
