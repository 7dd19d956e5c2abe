/*
 * How self-application behaves near a particle, in double precision. Write it as a map of all N weights,
 *
 *     F(w) = a0(w) w + a1(w) L + a2(w) C + a3(w) E.
 *
 * Its Jacobian is a0 I + P K, with P = (w, L, C, E) (N x 4) and K the gradients of a0 ... a3 (4 x N). So a0
 * is an eigenvalue N - 4 times, and the four others are a0 plus the eigenvalues of the 4 x 4 matrix K P
 * (docs/mathematics.md, section 1). With biases P has a fifth column of ones and K the gradient of the
 * constant b: five eigenvalues. All functions are local; they use no function of the C library whose result
 * may differ between machines.
 */
#ifndef METAZOA_MEASURE_STABILITY_H
#define METAZOA_MEASURE_STABILITY_H

#include <stdint.h>

#include "metazoa/particle/shape.h"

enum { STABILITY_VALUES_MAX = 5 };

/* How many eigenvalues there are besides a0: 4; with biases 5. */
int stability_values(const struct particle_shape *shape);

/* The eigenvalues of the Jacobian: `rest`, and stability_values others, the largest modulus first. All are
 * NaN where the particle is not finite. Simple ones are right to about ten digits, multiple ones to about
 * five.
 */
struct eigenvalues {
    double rest, real[STABILITY_VALUES_MAX], imaginary[STABILITY_VALUES_MAX];
};
void stability_eigenvalues(struct eigenvalues *out, const struct particle_shape *shape,
                           const double *weights);

/* Makes the particle a fixpoint: particle_project in double precision (without its powers of two); of
 * biases those of the first layer, so that the constant is 0. A particle with u = 0 becomes NaN. */
void stability_project(const struct particle_shape *shape, double *weights);

/* The first number of self-applications after which the particle is not finite in single precision, or all
 * its |w| <= epsilon; at most cap. Changes the weights. */
int stability_life(const struct particle_shape *shape, double *weights, double epsilon, int cap);

#endif
