/*
 * Dropout (paper, figure 8): the score after some effective weights are set to zero, for several orders in
 * which they are dropped; the same for a conventional network, if one is given.
 */
#ifndef METAZOA_MEASURE_DROPOUT_H
#define METAZOA_MEASURE_DROPOUT_H

#include "metazoa/measure/probe.h"

struct dropout_options {
    int64_t draws;        /* random orders */
    int64_t points;       /* points of a curve besides the one where nothing is dropped */
    const char *baseline; /* the run of a conventional network of the same shape; NULL: none */
};

/* Collective. Writes the probe's files; baseline: the conventional network, open on the same grid, or NULL.
 */
void dropout_run(struct subject *subject, struct subject *baseline, const struct dropout_options *options);

#endif
