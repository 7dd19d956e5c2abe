/* The loops over samples. */
#include "metazoa/particle/moments.h"

#include <math.h>
#include <string.h>
#if defined __AVX512F__
#include <immintrin.h>
#endif

#include "metazoa/base/memory.h"
#include "metazoa/particle/vector.h"
#include "moments_class.h"

typedef double wide __attribute__((vector_size(WIDE * sizeof(double))));
typedef int64_t wide_bits __attribute__((vector_size(WIDE * sizeof(int64_t))));

enum { FRESH_MOST = 4096 }; /* products are below 2^50 grains: so many sums fit into 63 bits */

int moments_vectors(int weights)
{
    return (weights + WIDE) / WIDE; /* one number more than weights */
}

int64_t moments_sums(const struct moments *moments)
{
    const int64_t n = moments_vectors(moments->weights);
    return moments->kind == MOMENTS_SQUARES ? 2 * n * WIDE : n * (n + 1) / 2 * WIDE * WIDE;
}

void moments_new(struct moments *moments, int weights, enum moments_kind kind, int least)
{
    *moments = (struct moments){.weights = weights, .kind = kind, .least = least};
}

void moments_free(struct moments *moments)
{
    memory_free(moments->block);
    moments->block = NULL;
    for (int k = 0; k < MOMENTS_CLASSES; k++) {
        if (!moments->by_class[k]) continue;
        memory_free(moments->by_class[k]->near);
        memory_free(moments->by_class[k]->far);
        memory_free(moments->by_class[k]);
        moments->by_class[k] = NULL;
    }
}

void moments_clear(struct moments *moments)
{
    const size_t sums = (size_t)moments_sums(moments);
    moments->excluded = 0;
    for (int k = 0; k < MOMENTS_CLASSES; k++) {
        struct moments_class *class = moments->by_class[k];
        if (!class) continue;
        class->samples = class->fresh = 0;
        memset(class->near, 0, sums * sizeof *class->near);
        memset(class->far, 0, sums * sizeof *class->far);
    }
}

struct moments_class *moments_class(struct moments *moments, int k)
{
    if (moments->by_class[k]) return moments->by_class[k];
    const int64_t sums = moments_sums(moments);
    struct moments_class *class = memory_new(1, sizeof *class);
    class->near = memory_new(sums, sizeof *class->near);
    class->far = memory_new(sums, sizeof *class->far);
    return moments->by_class[k] = class;
}

/* Adding and subtracting it rounds to the grain; its bits count grains. */
static double magic_of(const struct moments *moments, int k)
{
    return ldexp(1.5, moments_grain(moments, k) + 52);
}

static int64_t bits_of(double value)
{
    int64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

void moments_settle(const struct moments *moments, int k)
{
    struct moments_class *class = moments->by_class[k];
    if (!class || class->fresh == 0) return;
    const int64_t sums = moments_sums(moments);
    const uint64_t none = (uint64_t) class->fresh * (uint64_t)bits_of(magic_of(moments, k));
    for (int64_t i = 0; i < sums; i++) {
        class->far[i] += (int64_t)((uint64_t) class->near[i] - none);
        class->near[i] = 0;
    }
    class->fresh = 0;
}

/* a b + c, rounded once: a and b are floats, so that their product is exact, and a fused multiply-add is the
 * same. */
VECTOR_INLINE wide wide_fma(wide a, wide b, wide c)
{
#if defined __AVX512F__
    return (wide)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#else
    return a * b + c;
#endif
}

VECTOR_INLINE wide wide_all(double value)
{
    return value - (wide){0};
}

/* One tile: the products of vectors i and j of n samples, x [n][vectors]. */
static void add_tile(int64_t *sums, int64_t n, const wide *x, int vectors, int i, int j, wide magic)
{
    wide_bits sum[WIDE];
    memcpy(sum, sums, sizeof sum);
    for (int64_t s = 0; s < n; s++, x += vectors) {
        const wide right = x[j];
        UNROLL
        for (int r = 0; r < WIDE; r++) sum[r] += (wide_bits)wide_fma(wide_all(x[i][r]), right, magic);
    }
    memcpy(sums, sum, sizeof sum);
}

static void add_squares(int64_t *sums, int64_t n, const wide *x, int vectors, wide unit, wide magic)
{
    for (int i = 0; i < vectors; i++) {
        wide_bits first, second;
        memcpy(&first, sums + i * WIDE, sizeof first);
        memcpy(&second, sums + (vectors + i) * WIDE, sizeof second);
        for (int64_t s = 0; s < n; s++) {
            const wide value = x[s * vectors + i];
            first += (wide_bits)wide_fma(value, unit, magic);
            second += (wide_bits)wide_fma(value, value, magic);
        }
        memcpy(sums + i * WIDE, &first, sizeof first);
        memcpy(sums + (vectors + i) * WIDE, &second, sizeof second);
    }
}

/* Adds a block of samples of one class. */
static void add_class(struct moments *moments, int k, int64_t n, wide *x)
{
    struct moments_class *class = moments_class(moments, k);
    const int vectors = moments_vectors(moments->weights);
    const wide magic = wide_all(magic_of(moments, k));
    const double unit = ldexp(1, moments_exponent(moments, k));
    if (class->fresh + n > FRESH_MOST) moments_settle(moments, k);
    class->samples += n;
    class->fresh += n;
    for (int64_t s = 0; s < n; s++) x[s * vectors + moments->weights / WIDE][moments->weights % WIDE] = unit;
    if (moments->kind == MOMENTS_SQUARES) {
        add_squares(class->near, n, x, vectors, wide_all(unit), magic);
        return;
    }
    for (int j = 0, tile = 0; j < vectors; j++)
        for (int i = 0; i <= j; i++, tile++)
            add_tile(class->near + tile * WIDE * WIDE, n, x, vectors, i, j, magic);
}

/* The bits of |value|: larger numbers have larger ones, and those that are not finite the largest. */
VECTOR_INLINE int32_t size_of(float value)
{
    int32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits & 0x7fffffff;
}

/* Samples [n][weights], start subtracted, as doubles. Returns the largest size. */
VECTOR_INLINE int32_t take_rows(double *x, int64_t room, int64_t n, int weights, const float *rows,
                                const float *start)
{
    int32_t largest = 0;
    for (int64_t s = 0; s < n; s++, x += room, rows += weights) {
        for (int i = 0; i < weights; i++) {
            const float value = start ? rows[i] - start[i] : rows[i];
            const int32_t size = size_of(value);
            largest = size > largest ? size : largest;
            x[i] = (double)value;
        }
        if (start) start += weights;
    }
    return largest;
}

/* The class of a sample whose largest size this is; -1: it is not finite. */
static int class_of(const struct moments *moments, int32_t largest)
{
    const int above = (largest >> 23) - 126 - moments->least; /* |x| < 2^(least + above) */
    return largest >= 0x7f800000 ? -1 : above <= 0 ? 0 : (above + 3) / 4;
}

/* Samples of several classes: one class after the other. */
static void add_mixed(struct moments *moments, int64_t n, const float *rows, const float *start, wide *x)
{
    const int weights = moments->weights, vectors = moments_vectors(weights);
    int8_t class[MOMENTS_BLOCK];
    for (int64_t s = 0; s < n; s++) {
        const float *from = start ? start + s * weights : NULL;
        class[s] = (int8_t)class_of(moments, take_rows((double *)x, 0, 1, weights, rows + s * weights, from));
        moments->excluded += class[s] < 0;
    }
    for (int k = 0; k < MOMENTS_CLASSES; k++) {
        int64_t members = 0;
        for (int64_t s = 0; s < n; s++) {
            if (class[s] != k) continue;
            take_rows((double *)(x + members * vectors), 0, 1, weights, rows + s * weights,
                      start ? start + s * weights : NULL);
            members++;
        }
        if (members > 0) add_class(moments, k, members, x);
    }
}

static void add_block(struct moments *moments, int64_t n, const float *rows, const float *start)
{
    const int weights = moments->weights;
    const int64_t room = (int64_t)moments_vectors(weights) * WIDE;
    double *into = moments->block;
    /* The paper's particles have their own copies of the loop, of known length. */
    const int32_t largest = weights == 27 && start ? take_rows(into, room, n, 27, rows, start)
                            : weights == 27        ? take_rows(into, room, n, 27, rows, NULL)
                                                   : take_rows(into, room, n, weights, rows, start);
    if (class_of(moments, largest) == 0)
        add_class(moments, 0, n, (wide *)(void *)into);
    else
        add_mixed(moments, n, rows, start, (wide *)(void *)into);
}

void moments_add(struct moments *moments, int64_t n, const float *rows, const float *start)
{
    const int64_t weights = moments->weights;
    if (!moments->block)
        moments->block = memory_new((int64_t)MOMENTS_BLOCK * moments_vectors(moments->weights), sizeof(wide));
    for (int64_t at = 0; at < n; at += MOMENTS_BLOCK) {
        const int64_t left = n - at, now = left < MOMENTS_BLOCK ? left : MOMENTS_BLOCK;
        add_block(moments, now, rows + at * weights, start ? start + at * weights : NULL);
    }
}
