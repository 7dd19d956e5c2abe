/*
 * The organism taken literally: every particle is applied to (0, 0, 0, 0, x) through its own layers, in
 * single precision, and a cell sums its particles' outputs edge by edge. What the passes compute through
 * effective weights, computed without them.
 */
#ifndef METAZOA_MEASURE_LITERAL_H
#define METAZOA_MEASURE_LITERAL_H

#include <stdint.h>

#include "metazoa/organism/organism.h"
#include "metazoa/task/task.h"

/*
 * Collective over grid->all; on a grid [ranks, 1, 1] alone (assertion), where each rank holds all inputs. The
 * outputs for samples [0, n) of the data: out [n][outputs], on every rank. Samples are divided over ranks;
 * each rank holds one cell's particles at a time.
 */
void literal_outputs(const struct organism *organism, const struct dataset *data, int64_t n, float *out);

#endif
