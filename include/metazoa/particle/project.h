/*
 * Projection: the smallest change of the first weight layer that makes a particle a self-replicator and keeps
 * its effective weight (docs/mathematics.md, "Replication is free").
 *
 * With u = W_n ... W_2 the response is a = u W_1. Replication needs (a0, a1, a2, a3) = t = (1, 0, 0, 0),
 * which only columns 0 to 3 of W_1 decide; the effective weight a4 comes from column 4. So
 *
 *     W_1[:, j] += u (t_j - a_j) / (u . u),     j = 0 .. 3
 *
 * is the change of least Euclidean norm, and a4 keeps its bits.
 */
#ifndef METAZOA_PARTICLE_PROJECT_H
#define METAZOA_PARTICLE_PROJECT_H

#include <stdint.h>

#include "metazoa/particle/shape.h"

/*
 * Local. Projects every particle of weights [groups][weights][LANES], in place. Where u is small, a power of
 * two moves from W_1 to W_n first, which changes no response by a bit, so that neither gets large weights. u
 * is taken with the rounding of linear_response, so that the census agrees. A particle with u = 0, or with
 * a weight that is not finite, stays as it is; so does every particle of a kind that does not replicate.
 *
 * effective, [groups][LANES]: effective weights that the particles get instead of their own, by a new column
 * 4: to the bit where two numbers of u are not zero, else up to rounding; NULL: they keep their own, to the
 * bit.
 */
void particle_project(const struct particle_shape *shape, int64_t groups, float *weights,
                      const float *effective);

#endif
