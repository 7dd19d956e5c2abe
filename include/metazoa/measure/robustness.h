/*
 * Robustness (paper, figures 4 and 7): noise is added to a particle's weights, then the particle applies
 * itself again and again. How long does it stay a self-replicator, how long until it diverges or becomes
 * zero? All functions but robustness_alone are local.
 */
#ifndef METAZOA_MEASURE_ROBUSTNESS_H
#define METAZOA_MEASURE_ROBUSTNESS_H

#include <stdbool.h>
#include <stdint.h>

#include "metazoa/measure/whole.h"
#include "metazoa/particle/census.h"
#include "metazoa/particle/kernel.h"

/*
 * Noise: independent numbers on each weight, normal (size: standard deviation) or uniform (half width), drawn
 * for (seed, particle, draw). The magnitudes scale the same draw.
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
 *   replicator  k: it is a self-replicator after 0 ... k - 1 of them, and none after k
 *   alive       the first number after which it is divergent or zero
 *   end         TYPE_DIVERGENT, TYPE_ZERO, or TYPE_OTHER: neither after `cap` of them
 * A count that reaches `cap` means that it had not ended by then.
 */
struct lifetimes {
    int64_t n;
    int32_t *replicator, *alive;
    uint8_t *end;
};
void lifetimes_new(struct lifetimes *lifetimes, const struct noise *noise, int64_t n);
void lifetimes_free(struct lifetimes *lifetimes);

/* Particles [begin, end) of n = lifetimes->n: ids (for the noise) and weights [n][weights]. */
void robustness_run(struct lifetimes *lifetimes, const struct particle_shape *shape,
                    const struct noise *noise, int64_t cap, float epsilon, const int64_t *id,
                    const float *weights, int64_t begin, int64_t end);

/* The hand-made fixpoint: one path of ones, a = (1, 0, 0, 0, 0): w' = w exactly. */
void robustness_perfect(const struct particle_shape *shape, float *weights);

/*
 * Collective. n particles, drawn anew, that take self-training steps alone, `portion` after `portion` (what a
 * batch does). Those that are self-replicators in the end: rows of 1 + weights floats, the first the number
 * of steps after which a census (one in CENSUS_STEPS steps) first found it so.
 */
enum { CENSUS_STEPS = 50 };
void robustness_alone(struct whole *whole, const struct organism *organism, uint64_t seed, float epsilon,
                      int64_t n, int64_t steps);

#endif
