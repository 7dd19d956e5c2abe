/* How numbers spread: sorting, quantiles, and how many are below a bound. NaN counts as larger than every
 * number. Local. */
#ifndef METAZOA_BASE_SPREAD_H
#define METAZOA_BASE_SPREAD_H

#include <stdint.h>

/* Puts n values into ascending order. */
void spread_sort(int64_t n, double *values);

/* The quantile q (0 to 1, linear between neighbours) of n values in ascending order; NaN for n = 0. */
double spread_quantile(int64_t n, const double *sorted, double q);

/* How many of n numbers in ascending order are smaller than the bound. */
int64_t spread_below(int64_t n, const uint64_t *sorted, uint64_t bound);

#endif
