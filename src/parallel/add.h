/* The arithmetic of sums over ranks: for the modules of this folder, and for the simulator, which replaces
 * it. Local. */
#ifndef METAZOA_SRC_PARALLEL_ADD_H
#define METAZOA_SRC_PARALLEL_ADD_H

#include <stdint.h>

/* to[i] += from[i] */
void add_values(double *restrict to, const double *restrict from, int64_t n);

/* to[i] = (float)from[i] */
void round_values(float *restrict to, const double *restrict from, int64_t n);

#endif
