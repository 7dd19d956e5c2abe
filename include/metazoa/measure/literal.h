/*
 * The outputs of an organism by its definition, without effective weights: every particle is applied to (0,
 * 0, 0, 0, x), layer by layer in single precision, and a cell sums its particles' outputs edge by edge. The
 * probe `substitution` compares them with the outputs of the passes.
 */
#ifndef METAZOA_MEASURE_LITERAL_H
#define METAZOA_MEASURE_LITERAL_H

#include <stdint.h>

#include "metazoa/organism/organism.h"
#include "metazoa/task/task.h"

/*
 * Collective over grid->all. The grid must be [ranks, 1, 1] (assertion), so that each rank holds all inputs.
 * Writes the outputs of samples [0, n) to out [n][outputs] on every rank. Samples are divided over the ranks;
 * a rank holds the particles of one cell at a time.
 */
void literal_outputs(const struct organism *organism, const struct dataset *data, int64_t n, float *out);

#endif
