/* The sums of a class of samples (moments.h), for the files moments*.c. */
#ifndef METAZOA_PARTICLE_MOMENTS_CLASS_H
#define METAZOA_PARTICLE_MOMENTS_CLASS_H

#include "metazoa/particle/moments.h"

/* Doubles are worked on WIDE at a time: one number of WIDE samples. */
#if defined __AVX512F__
enum { WIDE = 8 };
#else
enum { WIDE = 4 };
#endif

/* A tile of sums: TILE numbers of a sample by TILE numbers. */
enum { TILE = 4 };

/* Sums in files: SIDE x SIDE numbers of a sample are a square; whole squares are held. */
enum { SIDE = 8 };

__extension__ typedef __int128 int128;

/*
 * Samples that are not in the sums yet. A sample's numbers are its weights, a number `unit` (2^exponent of
 * its class, so that its product with a weight stands for the weight itself), and zeros up to whole tiles.
 */
struct moments_block {
    int64_t n;      /* samples, all of class 0 */
    double *values; /* [MOMENTS_BLOCK / WIDE][numbers][WIDE]: WIDE samples side by side */
};

struct moments_class {
    int64_t samples; /* those in a block count */
    int64_t fresh;   /* samples whose sums are still in `near`; whole groups of WIDE */
    int64_t *near;   /* of the bits of the rounded products, of each WIDE-th sample: tiles */
    int128 *far;     /* [moments_sums]: in grains; moments_place */
};

/* Local. Numbers of a sample; the length of `far`. */
int moments_numbers(int weights);
int64_t moments_sums(const struct moments *moments);

/* Local. The place in `far` (moments.h has the order) of the sum of x_i x_j; of MOMENTS_SQUARES, i = j; j
 * = weights: of x_i. Products of two numbers of the same square have two places: i, j and j, i. */
int64_t moments_place(const struct moments *moments, int i, int j);

/* Local. The exponent of a class, and that of its grain. */
static inline int moments_exponent(const struct moments *moments, int k)
{
    return moments->least + 4 * k;
}
static inline int moments_grain(const struct moments *moments, int k)
{
    return 2 * moments_exponent(moments, k) - 50;
}

/* Local. The class's sums, made if there are none yet. moments_settle: all its samples are in `far`. */
struct moments_class *moments_class(struct moments *moments, int k);
void moments_settle(const struct moments *moments, int k);

/*
 * Local, moments_block.c. Puts rows [n][weights], start subtracted, into a block from its sample `at` on, and
 * returns the largest size among them: the bits of |x|, as moments_exponent counts them. moments_block_add
 * adds the first n samples of a block to `near`, with this unit and 1.5 * 2^52 grains.
 */
int32_t moments_block_put(double *values, int64_t at, int64_t n, int weights, const float *rows,
                          const float *start);
void moments_block_add(const struct moments *moments, struct moments_class *class, int64_t n, double *values,
                       double unit, double magic);

#endif
