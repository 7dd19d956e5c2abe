/*
 * Sums and products of counts that may be too large for 64 bits: the result INT64_MAX means "that or more".
 * Local; the arguments are not negative.
 */
#ifndef METAZOA_BASE_SATURATE_H
#define METAZOA_BASE_SATURATE_H

#include <stdint.h>

static inline int64_t saturated_sum(int64_t a, int64_t b)
{
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

static inline int64_t saturated_product(int64_t a, int64_t b)
{
    int64_t product;
    return __builtin_mul_overflow(a, b, &product) ? INT64_MAX : product;
}

#endif
