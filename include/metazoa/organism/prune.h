/*
 * Pruning: particles whose edge is cut for good (particle/mask.h), and what becomes of those that live. When
 * and how many: train/pruning.h. An organism prunes if its struct training says so; organism_keep and
 * organism_rewind need training.rewinds. A pruned particle has no neighbour to meet: interactions and pruning
 * exclude each other (config/rules.c).
 */
#ifndef METAZOA_ORGANISM_PRUNE_H
#define METAZOA_ORGANISM_PRUNE_H

#include "metazoa/organism/strategies.h"

/* Collective. How many particles are pruned; 0 if the organism does not prune. */
int64_t organism_pruned(const struct organism *organism);

/* Collective. How many are not. */
int64_t organism_living(const struct organism *organism);

/* Collective. Prunes the first counts[i] particles of a ranking of this organism: all their state becomes
 * zero, and so does their effective weight. No task step may be pending (assertion). */
void organism_prune(struct organism *organism, const struct ranking *ranking, int64_t i);

/* Local. Remembers the weights of all particles, for organism_rewind. */
void organism_keep(struct organism *organism);

/* Collective. The particles that live get the weights that were remembered, and velocities of zero. */
void organism_rewind(struct organism *organism);

/*
 * Particles that come back. organism_regrow_order (collective) is an order by chance of those that are pruned
 * now: its first ones are chosen before others are pruned, and organism_regrow (collective) gives them fresh
 * weights (RANDOM_REGROWN at `epoch`) afterwards, if their key is below `bound` (order_bounds). What was
 * pruned when weights were remembered will remember these.
 */
void organism_regrow_order(struct order *order, const struct organism *organism, int64_t epoch);
void organism_regrow(struct organism *organism, const struct order *order, uint64_t bound, int64_t epoch);

#endif
