/* What follows from the sums: totals over ranks, means and covariances, numbers for files. */
#include <math.h>
#include <string.h>

#include "metazoa/base/memory.h"
#include "metazoa/parallel/exact.h"
#include "moments_class.h"

/* What squares are of the products. */
static void merge_squares(struct moments *into, const struct moments *from, int k)
{
    for (int i = 0; i < from->weights; i++)
        for (int is_square = 0; is_square < 2; is_square++) {
            const int j = is_square ? i : from->weights;
            into->by_class[k]->far[moments_place(into, i, j)] +=
                from->by_class[k]->far[moments_place(from, i, j)];
        }
}

void moments_merge(struct moments *into, const struct moments *from)
{
    const int64_t sums = moments_sums(from);
    into->excluded += from->excluded;
    for (int k = 0; k < MOMENTS_CLASSES; k++) {
        if (!from->by_class[k] || from->by_class[k]->samples == 0) continue;
        moments_settle(from, k);
        struct moments_class *class = moments_class(into, k);
        class->samples += from->by_class[k]->samples;
        if (into->kind != from->kind) merge_squares(into, from, k);
        for (int64_t i = 0; i < sums && into->kind == from->kind; i++)
            class->far[i] += from->by_class[k]->far[i];
    }
}

/* Integers of 128 bits travel as four digits of 32 bits, whose sums fit into 64 bits. */
enum { DIGITS = 4, DIGIT = 32 };

static void to_digits(uint64_t *digit, int128 value)
{
    for (int d = 0; d < DIGITS; d++, value >>= DIGIT) digit[d] = (uint32_t)value;
}

static int128 from_digits(const uint64_t *digit)
{
    unsigned __int128 value = 0;
    for (int d = 0; d < DIGITS; d++) value += (unsigned __int128)digit[d] << (DIGIT * d);
    return (int128)value;
}

static void sum_class(struct comm *comm, struct moments *moments, int k)
{
    const int64_t sums = moments_sums(moments);
    struct moments_class *class = moments_class(moments, k);
    moments_settle(moments, k);
    uint64_t *digits = memory_new(sums * DIGITS, sizeof *digits);
    for (int64_t i = 0; i < sums; i++) to_digits(digits + i * DIGITS, class->far[i]);
    comm_sum_u64(comm, digits, sums * DIGITS);
    for (int64_t i = 0; i < sums; i++) class->far[i] = from_digits(digits + i * DIGITS);
    memory_free(digits);
}

void moments_sum(struct comm *comm, struct moments *moments)
{
    uint64_t samples[MOMENTS_CLASSES + 1] = {0};
    for (int k = 0; k < MOMENTS_CLASSES; k++)
        samples[k] = moments->by_class[k] ? (uint64_t)moments->by_class[k]->samples : 0;
    samples[MOMENTS_CLASSES] = (uint64_t)moments->excluded;
    comm_sum_u64(comm, samples, MOMENTS_CLASSES + 1);
    moments->excluded = (int64_t)samples[MOMENTS_CLASSES];
    for (int k = 0; k < MOMENTS_CLASSES; k++) {
        if (samples[k] == 0) continue;
        sum_class(comm, moments, k);
        moments->by_class[k]->samples = (int64_t)samples[k];
    }
}

int64_t moments_count(const struct moments *moments)
{
    int64_t n = 0;
    for (int k = 0; k < MOMENTS_CLASSES; k++) n += moments->by_class[k] ? moments->by_class[k]->samples : 0;
    return n;
}

/* A number as the unrounded sum of two doubles. */
struct pair {
    double high, low;
};

static struct pair pair_add(struct pair a, double b)
{
    const double sum = a.high + b, part = sum - a.high, error = (a.high - (sum - part)) + (b - part) + a.low;
    return (struct pair){sum + error, error - ((sum + error) - sum)};
}

static struct pair pair_sum(struct pair a, struct pair b)
{
    return pair_add(pair_add(a, b.high), b.low);
}

static struct pair pair_product(struct pair a, struct pair b)
{
    const double high = a.high * b.high;
    const struct pair product = {high, fma(a.high, b.high, -high)};
    return pair_add(product, a.high * b.low + a.low * b.high);
}

static struct pair pair_over(struct pair a, double b)
{
    const double high = a.high / b;
    const double rest = (fma(-high, b, a.high) + a.low) / b;
    return pair_add((struct pair){high, 0}, rest);
}

/* value 2^exponent. */
static struct pair pair_of(int128 value, int exponent)
{
    const double high = (double)value;
    return (struct pair){ldexp(high, exponent), ldexp((double)(value - (int128)high), exponent)};
}

/* The sum of x_i x_j; j = weights: of x_i. */
static struct pair total(const struct moments *moments, int i, int j)
{
    struct pair sum = {0, 0};
    for (int k = 0; k < MOMENTS_CLASSES; k++) {
        if (!moments->by_class[k]) continue;
        const int unit = j == moments->weights ? moments_exponent(moments, k) : 0;
        sum = pair_sum(sum, pair_of(moments->by_class[k]->far[moments_place(moments, i, j)],
                                    moments_grain(moments, k) - unit));
    }
    return sum;
}

/* The sum of products of deviations. */
static double deviation(const struct moments *moments, int i, int j, const struct pair *sum, double n)
{
    const struct pair square = pair_over(pair_product(sum[i], sum[j]), n);
    const struct pair rest = pair_sum(total(moments, i, j), (struct pair){-square.high, -square.low});
    return rest.high + rest.low;
}

void moments_finish(const struct moments *moments, double *mean, double *scatter)
{
    const int weights = moments->weights;
    const double n = (double)moments_count(moments);
    struct pair *sum = memory_new(weights, sizeof *sum);
    for (int k = 0; k < MOMENTS_CLASSES; k++) moments_settle(moments, k);
    for (int i = 0; i < weights; i++) {
        sum[i] = n > 0 ? total(moments, i, weights) : (struct pair){0, 0};
        mean[i] = n > 0 ? pair_over(sum[i], n).high : 0;
    }
    for (int i = 0; i < weights && moments->kind == MOMENTS_SQUARES; i++)
        scatter[i] = n > 0 ? deviation(moments, i, i, sum, n) : 0;
    for (int i = 0; i < weights && moments->kind == MOMENTS_PRODUCTS; i++)
        for (int j = i; j < weights; j++)
            scatter[i * weights + j] = scatter[j * weights + i] =
                n > 0 ? deviation(moments, i, j, sum, n) : 0;
    memory_free(sum);
}

double moments_variance(const struct moments *moments)
{
    const int64_t weights = moments->weights, n = moments_count(moments);
    const bool squares = moments->kind == MOMENTS_SQUARES;
    double *mean = memory_new(weights, sizeof *mean),
           *scatter = memory_new(weights * (squares ? 1 : weights), sizeof *scatter), trace = 0;
    moments_finish(moments, mean, scatter);
    for (int64_t i = 0; i < weights; i++) trace += scatter[squares ? i : i * weights + i];
    memory_free(scatter);
    memory_free(mean);
    return n > 1 ? trace / (double)(n - 1) : 0;
}

int64_t moments_packed(int weights, enum moments_kind kind)
{
    struct moments moments;
    moments_new(&moments, weights, kind, 0);
    return 2 + 2 * moments_sums(&moments);
}

uint64_t *moments_pack(const struct moments *moments, int64_t *rows)
{
    const int64_t width = moments_packed(moments->weights, moments->kind), sums = moments_sums(moments);
    uint64_t *packed = memory_new(MOMENTS_CLASSES * width, sizeof *packed);
    *rows = 0;
    for (int k = 0; k < MOMENTS_CLASSES; k++) {
        const struct moments_class *class = moments->by_class[k];
        if (!class || class->samples == 0) continue;
        moments_settle(moments, k);
        uint64_t *row = packed + (*rows)++ * width;
        row[0] = (uint64_t)k;
        row[1] = (uint64_t) class->samples;
        for (int64_t i = 0; i < sums; i++) {
            row[2 + 2 * i] = (uint64_t) class->far[i];
            row[3 + 2 * i] = (uint64_t)(class->far[i] >> 64);
        }
    }
    return packed;
}

bool moments_unpack(struct moments *moments, const uint64_t *row)
{
    if (row[0] >= MOMENTS_CLASSES || row[1] == 0 || row[1] > INT64_MAX) return false;
    struct moments_class *class = moments_class(moments, (int)row[0]);
    class->samples += (int64_t)row[1];
    for (int64_t i = 0; i < moments_sums(moments); i++)
        class->far[i] += (int128)((unsigned __int128)row[3 + 2 * i] << 64 | row[2 + 2 * i]);
    return true;
}
