/*
 * Moments: sums of products of samples x (rows of weights, as floats), from which mean and covariance follow.
 * The sums are exact in the sense of parallel/exact.h: every product is rounded to a grain that depends on
 * its own sample alone, and the rounded products are added as integers. So the sums have the same bits in any
 * order, for every division into parts, ranks, and stops, and on every machine.
 *
 * The grain: a sample belongs to the first class k = 0, 1, ... with |x_i| < 2^(least + 4 k) for all weights.
 * Its products are rounded to multiples of 2^(2 (least + 4 k) - 50). Each class has sums of its own. Samples
 * with a weight that is not finite are left out and counted.
 */
#ifndef METAZOA_PARTICLE_MOMENTS_H
#define METAZOA_PARTICLE_MOMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "metazoa/parallel/comm.h"

enum {
    MOMENTS_LEAST = 3,    /* `least` where nothing is known of the samples: weights below 8 are one class */
    MOMENTS_CLASSES = 36, /* beyond the range of a float */
    MOMENTS_BLOCK = 128   /* samples that are added at a time */
};

/* What is summed. */
enum moments_kind {
    MOMENTS_PRODUCTS, /* x_i and x_i x_j */
    MOMENTS_SQUARES   /* x_i and x_i^2: for variances alone, at a tenth of the time */
};

struct moments_class;
struct moments_block;

struct moments {
    int weights; /* numbers in a sample */
    enum moments_kind kind;
    int least;
    int64_t excluded;                                /* samples that were not finite */
    struct moments_block *block;                     /* samples that are not in the sums yet; NULL; owned */
    struct moments_class *by_class[MOMENTS_CLASSES]; /* NULL: no samples; owned */
};

/* Local. No samples. Free with moments_free. moments_clear: no samples again. */
void moments_new(struct moments *moments, int weights, enum moments_kind kind, int least);
void moments_clear(struct moments *moments);
void moments_free(struct moments *moments);

/* Local. Adds samples rows[n][weights]; start: NULL, or as many rows, which are subtracted (in floats). */
void moments_add(struct moments *moments, int64_t n, const float *rows, const float *start);

/* Local. into += from, of the same number of weights and least. Products may be added to squares. */
void moments_merge(struct moments *into, const struct moments *from);

/* Collective. The sums over all ranks, on all ranks. */
void moments_sum(struct comm *comm, struct moments *moments);

/* Local. The number of samples that count. */
int64_t moments_count(const struct moments *moments);

/*
 * Local. Mean [weights], and the sums of products of deviations from the mean: scatter [weights][weights], of
 * MOMENTS_SQUARES only its diagonal [weights]. All zero without samples. Computed from the exact sums with
 * about 100 bits, and rounded once.
 */
void moments_finish(const struct moments *moments, double *mean, double *scatter);

/* Local. The trace of the covariance over n - 1; 0 for fewer than two samples. */
double moments_variance(const struct moments *moments);

/*
 * The sums as numbers for a file: a row of moments_packed(...) numbers for each class that has samples: its
 * number, its samples, then each sum as two words of a 128-bit integer, the low one first. A sample's numbers
 * here are its weights, a number `unit` (2^(least + 4 k), so that x_i unit stands for x_i), and zeros up to a
 * multiple of 8. Of MOMENTS_PRODUCTS the sums are squares of 8 x 8: square J (J + 1) / 2 + I, I <= J, has at
 * [r][c] the sum of the products of numbers 8 I + r and 8 J + c. Of MOMENTS_SQUARES: the sums of x_i unit,
 * then those of x_i^2. moments_pack returns the rows (memory_new'd) and counts them. moments_unpack takes one
 * row; false: no row of such sums.
 */
int64_t moments_packed(int weights, enum moments_kind kind);
uint64_t *moments_pack(const struct moments *moments, int64_t *rows);
bool moments_unpack(struct moments *moments, const uint64_t *row);

#endif
