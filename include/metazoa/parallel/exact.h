/*
 * Exact sums: each of n partial values is rounded to a multiple of a grain; as long as every partial is
 * smaller than EXACT_LIMIT, the sum of n of them is exact in double precision, so that it does not depend on
 * the order, and so not on the number of ranks. A partial that is too large or not finite becomes NaN and
 * makes the sum NaN. The grain is 2^-32 times the next power of two of n: a sum of n partials then stays
 * below 2^53 grains.
 */
#ifndef METAZOA_PARALLEL_EXACT_H
#define METAZOA_PARALLEL_EXACT_H

#include <math.h>
#include <stdint.h>

#define EXACT_LIMIT 0x1p20

/* Local. 1.5 * 2^52 grains: adding and subtracting it rounds to the grid. n: the canonical number of
 * partials. */
static inline double exact_magic(int64_t n)
{
    double magic = 1.5 * 0x1p20; /* 1.5 * 2^52 * 2^-32 */
    for (int64_t power = 1; power < n; power *= 2) magic *= 2;
    return magic;
}

/* Local. The value on the grid, or NaN. */
static inline double exact_round(double value, double magic)
{
    return fabs(value) < EXACT_LIMIT ? (value + magic) - magic : (double)NAN;
}

/*
 * Local. sum[i] += partial[i], on the grid for n canonical partials of each sum. With n = 1 nothing is
 * rounded (but -0 becomes +0, as it does in any sum).
 */
void exact_add(double *sum, const float *partial, int64_t count, int64_t n);

/*
 * A wide exact sum, for few but very different values (losses): each value is split into multiples of 2^-16, 2^-40 and
 * 2^-64, and each kind summed in a double of its own. Exact for up to 2^29 values whose sum stays below 2^36; a value
 * that is not finite makes the sum NaN. Sums of the same values are equal limb by limb, in any order.
 */
struct exact_wide {
    double limb[3];
};

/* Local. */
static inline void exact_wide_add(struct exact_wide *sum, double value)
{
    static const double magic[3] = {1.5 * 0x1p36, 1.5 * 0x1p12, 1.5 * 0x1p-12};
    for (int k = 0; k < 3; k++) {
        double part = (value + magic[k]) - magic[k];
        sum->limb[k] += part;
        value -= part;
    }
}

static inline void exact_wide_merge(struct exact_wide *sum, const struct exact_wide *other)
{
    for (int k = 0; k < 3; k++) sum->limb[k] += other->limb[k];
}

static inline double exact_wide_value(const struct exact_wide *sum)
{
    return sum->limb[0] + (sum->limb[1] + sum->limb[2]);
}

#endif
