/*
 * Basins (the journal paper of 2022, "Self-Replication in Neural Networks"): clones of a fixpoint get noise
 * on their weights and train themselves again. Does a clone become a self-replicator, and how far from its
 * parent?
 *
 * Fixpoints form a manifold, so a clone that comes back finds a fixpoint near its parent rather than the
 * parent. A permutation of the cells of a hidden layer changes no response, only the order of the weights; so
 * distances are also given to the nearest such permutation of the parent. All functions are local.
 */
#ifndef METAZOA_MEASURE_BASINS_H
#define METAZOA_MEASURE_BASINS_H

#include <stdint.h>

#include "metazoa/particle/shape.h"

/* The number of permutations of the hidden cells, (w!)^(n - 1); 0: more than BASINS_PERMUTATIONS. */
enum { BASINS_PERMUTATIONS = 20000 };
int64_t basins_permutations(const struct particle_shape *shape);

/* Sets order[weights] so that weight order[i] of a particle is weight i of permutation `which` of it; 0 is
 * the identity. */
void basins_permutation(const struct particle_shape *shape, int64_t which, int *order);

/* Euclidean distance of two particles' weights. order: of the second one's weights; NULL: as they are. */
double basins_distance(int weights, const float *a, const float *b, const int *order);

#endif
