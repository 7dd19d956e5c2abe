/*
 * Mask: pruned particles. All weights and other numbers of a pruned particle are zero, and it takes no step,
 * so that its effective weight is exactly zero. The mask is a state field, FIELD_PRUNED, which only runs that
 * prune hold; without it these functions do nothing. All functions are local.
 */
#ifndef METAZOA_PARTICLE_MASK_H
#define METAZOA_PARTICLE_MASK_H

#include <stdbool.h>

#include "metazoa/particle/kernel.h"

/* Whether the particle at a position (group * LANES + lane) is pruned. pruned: [groups][LANES]; NULL: none
 * is. */
static inline bool mask_has(const float *pruned, int64_t position)
{
    return pruned && pruned[position] != 0;
}

/* particle_sweep with a mask, field[FIELD_PRUNED]: pruned particles stay zero, and so are their effective
 * weight and loss. */
void mask_sweep(const struct particle_shape *shape, const struct sweep *sweep, int64_t groups,
                float *const field[], float *effective, const double *gradient, float *loss);

#endif
