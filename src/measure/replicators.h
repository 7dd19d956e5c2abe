/* The self-replicators of an organism, for probes that do something with each of them. */
#ifndef METAZOA_SRC_MEASURE_REPLICATORS_H
#define METAZOA_SRC_MEASURE_REPLICATORS_H

#include "metazoa/measure/probe.h"
#include "metazoa/measure/whole.h"

/* Collective. The weights of at most `most` self-replicators, rows [weights] of float; a random choice, by
 * the run's seed, if there are more. available: how many there are. Free with whole_free. */
void replicators_collect(struct whole *whole, struct subject *subject, int64_t most, int64_t *available);

#endif
