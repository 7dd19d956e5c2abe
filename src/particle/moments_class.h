/* The sums of a class of samples (moments.h), for the files moments*.c. */
#ifndef METAZOA_PARTICLE_MOMENTS_CLASS_H
#define METAZOA_PARTICLE_MOMENTS_CLASS_H

#include "metazoa/particle/moments.h"

/* Doubles are worked on WIDE at a time. A sample takes whole vectors: its weights, a number `unit`
 * (2^exponent of its class, so that its product with a weight stands for the weight itself), and zeros. */
enum { WIDE = 8 };

__extension__ typedef __int128 int128;

/*
 * Products of two vectors of a sample, I and J >= I, are a tile of WIDE x WIDE sums: tile J (J + 1) / 2 + I,
 * sum [r][c] is of x[I WIDE + r] x[J WIDE + c]. Of squares: first the sums of x_i unit, then those of x_i^2.
 */
struct moments_class {
    int64_t samples;
    int64_t fresh; /* samples whose sums are still in `near` */
    int64_t *near; /* [sums]: of the bits of the rounded products */
    int128 *far;   /* [sums]: in grains */
};

/* Local. Vectors of a sample; numbers of sums. */
int moments_vectors(int weights);
int64_t moments_sums(const struct moments *moments);

/* Local. The exponent of a class, and that of its grain. */
static inline int moments_exponent(const struct moments *moments, int k)
{
    return moments->least + 4 * k;
}
static inline int moments_grain(const struct moments *moments, int k)
{
    return 2 * moments_exponent(moments, k) - 50;
}

/* Local. The class's sums, made if there are none yet. moments_settle: `near` is in `far`. */
struct moments_class *moments_class(struct moments *moments, int k);
void moments_settle(const struct moments *moments, int k);

#endif
