/*
 * The loops over samples. A block holds WIDE samples side by side, so that a register holds one number of
 * WIDE samples; products of all pairs of numbers then need no work besides the multiplication, the rounding
 * and the sum, which are two instructions.
 */
#include <math.h>
#include <string.h>

#include "metazoa/particle/vector.h"
#include "moments_class.h"

typedef double wide __attribute__((vector_size(WIDE * sizeof(double))));
typedef uint64_t wide_bits __attribute__((vector_size(WIDE * sizeof(uint64_t)))); /* whose sums wrap around */
typedef float narrow __attribute__((vector_size(WIDE * sizeof(float))));
typedef int32_t narrow_bits __attribute__((vector_size(WIDE * sizeof(int32_t))));

/* a b + c, rounded once: a and b are floats, so that their product is exact, and a fused multiply-add is the
 * same. */
VECTOR_INLINE wide wide_fma(wide a, wide b, wide c)
{
#if defined __AVX512F__
    return (wide)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif defined __FMA__
    return (wide)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#else
    return a * b + c;
#endif
}

VECTOR_INLINE wide wide_all(double value)
{
    return value - (wide){0};
}

VECTOR_INLINE wide wide_of(narrow value)
{
#if defined __AVX512F__
    return (wide)_mm512_cvtps_pd((__m256)value);
#else
    return __builtin_convertvector(value, wide);
#endif
}

/* a and b in turn: of their lower or of their upper halves. */
VECTOR_INLINE wide wide_zip(wide a, wide b, bool upper)
{
#if defined __AVX512F__
    const __m512i low = {0, 8, 1, 9, 2, 10, 3, 11}, high = {4, 12, 5, 13, 6, 14, 7, 15};
    return (wide)_mm512_permutex2var_pd((__m512d)a, upper ? high : low, (__m512d)b);
#else
    wide out;
    for (int i = 0; i < WIDE; i++) out[i] = (i % 2 ? b : a)[(upper ? WIDE / 2 : 0) + i / 2];
    return out;
#endif
}

/* Turns a matrix of WIDE x WIDE. */
VECTOR_INLINE void turn(wide *x)
{
    UNROLL
    for (int round = 1; round < WIDE; round *= 2) {
        wide y[WIDE];
        UNROLL
        for (int i = 0; i < WIDE / 2; i++) {
            y[2 * i] = wide_zip(x[i], x[i + WIDE / 2], false);
            y[2 * i + 1] = wide_zip(x[i], x[i + WIDE / 2], true);
        }
        memcpy(x, y, sizeof y);
    }
}

/* The bits of |value|: larger numbers have larger ones, and those that are not finite the largest. */
VECTOR_INLINE int32_t size_of(float value)
{
    int32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits & 0x7fffffff;
}

static int32_t put_row(double *to, int weights, const float *row, const float *start)
{
    int32_t largest = 0;
    for (int i = 0; i < weights; i++) {
        const float value = start ? row[i] - start[i] : row[i];
        const int32_t size = size_of(value);
        largest = size > largest ? size : largest;
        to[i * WIDE] = (double)value;
    }
    return largest;
}

VECTOR_INLINE narrow load(const float *from)
{
    narrow value;
    memcpy(&value, from, sizeof value);
    return value;
}

/* WIDE numbers of WIDE rows. Returns the larger sizes. */
VECTOR_INLINE narrow_bits put_square(double *to, int weights, const float *rows, const float *start,
                                     narrow_bits largest)
{
    wide x[WIDE];
    UNROLL
    for (int s = 0; s < WIDE; s++) {
        const narrow value =
            start ? load(rows + s * weights) - load(start + s * weights) : load(rows + s * weights);
        const narrow_bits size = (narrow_bits)value & 0x7fffffff, more = size > largest;
        largest = (size & more) | (largest & ~more);
        x[s] = wide_of(value);
    }
    turn(x);
    UNROLL
    for (int i = 0; i < WIDE; i++) ((wide *)(void *)to)[i] = x[i];
    return largest;
}

/* WIDE rows, of at least WIDE weights. The last square overlaps the one before. */
VECTOR_INLINE int32_t put_rows(double *to, int weights, const float *rows, const float *start)
{
    narrow_bits sizes = {0};
    for (int i = 0; i < weights; i += WIDE) {
        const int at = i + WIDE <= weights ? i : weights - WIDE;
        sizes = put_square(to + at * WIDE, weights, rows + at, start ? start + at : NULL, sizes);
    }
    int32_t largest = 0;
    for (int i = 0; i < WIDE; i++) largest = sizes[i] > largest ? sizes[i] : largest;
    return largest;
}

/* The paper's particles have their own copies of the loop, of known length. */
static int32_t put_wide(double *to, int weights, const float *rows, const float *start)
{
    return weights == 27 && start ? put_rows(to, 27, rows, start)
           : weights == 27        ? put_rows(to, 27, rows, NULL)
                                  : put_rows(to, weights, rows, start);
}

int32_t moments_block_put(double *values, int64_t at, int64_t n, int weights, const float *rows,
                          const float *start)
{
    const int64_t numbers = moments_numbers(weights);
    int32_t largest = 0, here;
    for (int64_t end = at + n, now; at < end; at += now, rows += now * weights) {
        double *group = values + at / WIDE * numbers * WIDE;
        now = at % WIDE == 0 && end - at >= WIDE && weights >= WIDE ? WIDE : 1;
        here = now == WIDE ? put_wide(group, weights, rows, start)
                           : put_row(group + at % WIDE, weights, rows, start);
        largest = here > largest ? here : largest;
        if (start) start += now * weights;
    }
    return largest;
}

/* One tile: products of numbers i, ... and j, ... of all groups of samples, x [groups][numbers]. */
static void add_tile(wide_bits *sums, int64_t groups, const wide *x, int numbers, int i, int j, wide magic)
{
    wide_bits sum[TILE * TILE];
    UNROLL
    for (int a = 0; a < TILE; a++) {
        UNROLL
        for (int b = 0; b < TILE; b++) sum[a * TILE + b] = sums[a * TILE + b];
    }
    for (int64_t g = 0; g < groups; g++, x += numbers) {
        UNROLL
        for (int a = 0; a < TILE; a++) {
            UNROLL
            for (int b = 0; b < TILE; b++)
                sum[a * TILE + b] += (wide_bits)wide_fma(x[i + a], x[j + b], magic);
        }
    }
    UNROLL
    for (int a = 0; a < TILE; a++) {
        UNROLL
        for (int b = 0; b < TILE; b++) sums[a * TILE + b] = sum[a * TILE + b];
    }
}

static void add_squares(int64_t *sums, int64_t groups, const wide *x, int numbers, wide unit, wide magic)
{
    for (int i = 0; i < numbers; i++) {
        wide_bits sum[2];
        memcpy(sum, sums + (int64_t)2 * i * WIDE, sizeof sum);
        for (int64_t g = 0; g < groups; g++) {
            const wide value = x[g * numbers + i];
            sum[0] += (wide_bits)wide_fma(value, unit, magic);
            sum[1] += (wide_bits)wide_fma(value, value, magic);
        }
        memcpy(sums + (int64_t)2 * i * WIDE, sum, sizeof sum);
    }
}

/* Samples that only fill up the last group are zero, and so are numbers behind the unit. */
static void fill_up(double *values, int64_t n, int weights, double unit)
{
    const int64_t numbers = moments_numbers(weights), end = (n + WIDE - 1) / WIDE * WIDE;
    for (int64_t s = n; s < end; s++)
        for (int64_t i = 0; i < weights; i++) values[(s / WIDE * numbers + i) * WIDE + s % WIDE] = 0;
    for (int64_t s = 0; s < end; s++)
        values[(s / WIDE * numbers + weights) * WIDE + s % WIDE] = s < n ? unit : 0;
}

void moments_block_add(const struct moments *moments, struct moments_class *class, int64_t n, double *values,
                       double unit, double magic)
{
    const int numbers = moments_numbers(moments->weights);
    const int64_t groups = (n + WIDE - 1) / WIDE;
    const wide *x = (const wide *)(const void *)values;
    fill_up(values, n, moments->weights, unit);
    class->fresh += groups * WIDE;
    if (moments->kind == MOMENTS_SQUARES) {
        add_squares(class->near, groups, x, numbers, wide_all(unit), wide_all(magic));
        return;
    }
    int64_t *near = class->near;
    for (int j = 0; j < numbers; j += TILE)
        for (int i = 0; i <= j; i += TILE, near += TILE * TILE * WIDE)
            add_tile((wide_bits *)(void *)near, groups, x, numbers, i, j, wide_all(magic));
}
