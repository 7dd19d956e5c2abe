/*
 * Census: the type of each particle, with tolerance epsilon, tested in this order (paper, section 3.2).
 */
#ifndef METAZOA_PARTICLE_CENSUS_H
#define METAZOA_PARTICLE_CENSUS_H

#include <stdint.h>

#include "metazoa/particle/shape.h"

enum particle_type {
    TYPE_DIVERGENT,       /* a weight is not finite */
    TYPE_ZERO,            /* all |w| <= epsilon */
    TYPE_SELF_REPLICATOR, /* one self-application moves no weight by more than epsilon */
    TYPE_SECONDARY, /* two applications of the same particle do not: first to itself, then to the result */
    TYPE_OTHER,
    TYPE_COUNT,
    TYPE_PRUNED = TYPE_COUNT, /* in archives: all its weights are zero, and stay so (mask.h) */
    TYPE_NAMES
};

/* "divergent", "zero", "self_replicator", "secondary", "other", "pruned". */
extern const char *const particle_type_names[TYPE_NAMES];

/* Local. The share of self-replicators among the particles that live: pruned ones are in no census. 0:
 * none lives. */
double census_replicators(const int64_t census[TYPE_COUNT]);

/* Local. types: [groups][LANES]; weights: [groups][weights][LANES]. A scalar is divergent, zero or other. */
void particle_census(const struct particle_shape *shape, int64_t groups, const float *weights, float epsilon,
                     uint8_t *types);

#endif
