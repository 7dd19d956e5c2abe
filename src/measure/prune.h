/*
 * Networks with some connections dropped: the effective weights of these are set to zero, their particles
 * stay as they are.
 */
#ifndef METAZOA_SRC_MEASURE_PRUNE_H
#define METAZOA_SRC_MEASURE_PRUNE_H

#include <stdint.h>

#include "metazoa/measure/probe.h"

/* Collective. The score with the particles dropped at the positions for which `drops` says so. */
typedef bool prune_drops(const void *context, int layer, int64_t position);
double prune_score(struct subject *subject, prune_drops *drops, const void *context);

/* Collective. The score with the particles dropped whose type's bit is set in `mask`. types: of this or
 * another network of the same layout, [layer] -> [owned groups][LANES]. */
double prune_score_types(struct subject *subject, uint8_t *const *types, unsigned mask);

/* Collective. Nothing is dropped any more. */
void prune_restore(struct subject *subject);

#endif
