/* How numbers spread: sorting and quantiles. NaN counts as larger than every number. Local. */
#ifndef METAZOA_BASE_SPREAD_H
#define METAZOA_BASE_SPREAD_H

#include <stdint.h>

/* Puts n values into ascending order. */
void spread_sort(int64_t n, double *values);

/* The quantile q (0 to 1, linear between neighbours) of n values in ascending order; NaN for n = 0. */
double spread_quantile(int64_t n, const double *sorted, double q);

#endif
