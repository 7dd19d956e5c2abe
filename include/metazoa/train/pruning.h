/*
 * Pruning in rounds, with training before, between and after them. Round r = 1, 2, ... comes before epoch
 * begin + (r - 1) every + 1: the state after an epoch, which files hold, is always that of its training. With
 * n particles and R rounds, the number that are pruned after round r is, rounded,
 *
 *   oneshot     share n
 *   iterative   (1 - (1 - share)^(r / R)) n
 *   gradual     share (1 - (1 - r / R)^3) n        (Zhu and Gupta, "To prune, or not to prune", 2017)
 *
 * What lives may then go back to earlier weights (Frankle and Carbin, "The lottery ticket hypothesis", 2019),
 * and a share of those that were pruned before comes back.
 */
#ifndef METAZOA_TRAIN_PRUNING_H
#define METAZOA_TRAIN_PRUNING_H

#include "metazoa/train/run.h"

/* Local. Whether an organism of this shape can be pruned as the configuration says; if not, says why. */
void pruning_check(const struct config *config, const struct organism_shape *shape,
                   struct problems *problems);

/* Local. The round that comes after this many epochs: 1, 2, ...; 0: none. */
int64_t pruning_round(const struct pruning_spec *spec, int64_t epoch);

/* Local. How many of n particles are pruned after a round. */
int64_t pruning_count(const struct pruning_spec *spec, int64_t round, int64_t n);

/* Collective. What is due before the first batch of an epoch: keeps weights to go back to, and does a round.
 * The epoch's samples must be loaded. */
void pruning_begin_epoch(struct run *run);

#endif
