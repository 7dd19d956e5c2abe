/*
 * Exact sums: each of n partial values is rounded to a multiple of a grain that is the same for all of them,
 * so that their sum is exact in double precision, and depends neither on the order nor on the number of
 * ranks. The proof is in docs/mathematics.md, section 5.
 *
 * The grain follows the size of what is summed. `exponent` is a multiple of 16 with |partial| <= 2^exponent
 * for every finite partial; the grain is 2^(exponent - 52) times the next power of two of n. A partial
 * that is not finite makes its sum not finite.
 */
#ifndef METAZOA_PARALLEL_EXACT_H
#define METAZOA_PARALLEL_EXACT_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "metazoa/base/processor.h" /* refuses -ffast-math, by which rounding would vanish */

/* Local. The exponent for sums whose largest partial has this size. `largest`: the bits of a float, as
 * exact_larger gives them. */
static inline int exact_exponent(int32_t largest)
{
    enum { STEP = 16 };
    const int above = (largest >> 23) - 126; /* size < 2^above; 0 has -126 */
    return (above + 8 * STEP + STEP - 1) / STEP * STEP - 8 * STEP;
}

/* Local. 1.5 * 2^52 grains: adding and subtracting it rounds to the grid. n: the canonical number of
 * partials. A single one is not rounded: 0. */
static inline double exact_magic(int64_t n, int exponent)
{
    if (n <= 1) return 0;
    double magic = ldexp(1.5, exponent);
    for (int64_t power = 1; power < n; power *= 2) magic *= 2;
    return magic;
}

static inline double exact_round(double value, double magic)
{
    return (value + magic) - magic;
}

/* The larger of a size and |partial|, as bits of a float. A partial that is not finite does not count. */
static inline int32_t exact_larger(int32_t largest, float partial)
{
    int32_t bits;
    memcpy(&bits, &partial, sizeof bits);
    bits &= 0x7fffffff;
    bits = bits < 0x7f800000 ? bits : 0;
    return bits > largest ? bits : largest;
}

/* Sums of the same kind: how they are rounded, and the largest size that was met. */
struct exact {
    double magic;
    int32_t largest;
};

/* Local. Counts partials that are added elsewhere in the largest size. */
static inline void exact_see(struct exact *exact, const float *partial, int64_t count)
{
    int32_t largest = exact->largest;
    for (int64_t i = 0; i < count; i++) largest = exact_larger(largest, partial[i]);
    exact->largest = largest;
}

/* Local. sum[i] += partial[i], rounded; -0 becomes +0, as it does in any sum. */
static inline void exact_add(double *__restrict sum, const float *__restrict partial, int64_t count,
                             struct exact *exact)
{
    const double magic = exact->magic;
    for (int64_t i = 0; i < count; i++) sum[i] += exact_round((double)partial[i], magic);
    exact_see(exact, partial, count);
}

/*
 * A wide exact sum, for values that are not negative but of very different size (losses): each value is split
 * into multiples of 2^8, 2^-16, 2^-40 and 2^-64, its limbs, and each kind is summed in a double of its own.
 * So a value is first rounded to a multiple of 2^-64, the grain of the smallest limb; the rounded values are
 * summed exactly. This holds for up to 2^29 values whose sum stays below EXACT_WIDE_LIMIT. If the sum reaches
 * it, or a value was not finite, exact_wide_merge and exact_wide_sum make all limbs NaN (exact_wide_add does
 * not look). Sums of the same values are equal limb by limb, in any order.
 */
enum { EXACT_LIMBS = 4 };
#define EXACT_WIDE_LIMIT 0x1p60

struct exact_wide {
    double limb[EXACT_LIMBS];
};

/* Local. */
static inline void exact_wide_add(struct exact_wide *sum, double value)
{
    static const double magic[EXACT_LIMBS] = {1.5 * 0x1p60, 1.5 * 0x1p36, 1.5 * 0x1p12, 1.5 * 0x1p-12};
    for (int k = 0; k < EXACT_LIMBS; k++) {
        double part = (value + magic[k]) - magic[k];
        sum->limb[k] += part;
        value -= part;
    }
}

/* Local. Adds another sum. */
void exact_wide_merge(struct exact_wide *sum, const struct exact_wide *other);

/* Collective. The sum over all ranks, in place. */
struct comm;
void exact_wide_sum(struct comm *comm, struct exact_wide *sum);

/* Local. */
static inline double exact_wide_value(const struct exact_wide *sum)
{
    return sum->limb[0] + (sum->limb[1] + (sum->limb[2] + sum->limb[3]));
}

#endif
