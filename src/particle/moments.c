/* Samples of classes: which are in a block, which are in the sums. The loops are in moments_block.c. */
#include "metazoa/particle/moments.h"

#include <math.h>
#include <string.h>

#include "metazoa/base/memory.h"
#include "moments_class.h"

enum { FRESH_MOST = 4096 }; /* products are below 2^50 grains: so many sums fit into 63 bits */

int moments_numbers(int weights)
{
    return (weights + TILE) / TILE * TILE; /* one number more than weights */
}

/* The length of `near`. */
static int64_t near_length(const struct moments *moments)
{
    const int64_t numbers = moments_numbers(moments->weights);
    return (moments->kind == MOMENTS_SQUARES ? 2 * numbers : numbers * (numbers + TILE) / 2) * WIDE;
}

/* Squares in a row. */
static int64_t sides(const struct moments *moments)
{
    return (moments->weights + SIDE) / SIDE;
}

int64_t moments_sums(const struct moments *moments)
{
    const int64_t n = sides(moments);
    return moments->kind == MOMENTS_SQUARES ? 2 * n * SIDE : n * (n + 1) / 2 * SIDE * SIDE;
}

int64_t moments_place(const struct moments *moments, int i, int j)
{
    if (moments->kind == MOMENTS_SQUARES) return (j == moments->weights ? 0 : sides(moments) * SIDE) + i;
    const int64_t a = i / SIDE, b = j / SIDE;
    return ((b * (b + 1) / 2 + a) * SIDE + i % SIDE) * SIDE + j % SIDE;
}

void moments_new(struct moments *moments, int weights, enum moments_kind kind, int least)
{
    *moments = (struct moments){.weights = weights, .kind = kind, .least = least};
}

void moments_free(struct moments *moments)
{
    if (moments->block) memory_free(moments->block->values);
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
    const size_t sums = (size_t)moments_sums(moments), near = (size_t)near_length(moments);
    moments->excluded = 0;
    if (moments->block) moments->block->n = 0;
    for (int k = 0; k < MOMENTS_CLASSES; k++) {
        struct moments_class *class = moments->by_class[k];
        if (!class) continue;
        class->samples = class->fresh = 0;
        memset(class->near, 0, near * sizeof *class->near);
        memset(class->far, 0, sums * sizeof *class->far);
    }
}

struct moments_class *moments_class(struct moments *moments, int k)
{
    if (moments->by_class[k]) return moments->by_class[k];
    const int64_t sums = moments_sums(moments);
    struct moments_class *class = memory_new(1, sizeof *class);
    class->near = memory_new(near_length(moments), sizeof *class->near);
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

/* A sum over all WIDE parts, without the bits that the rounding added to it (none). */
static int64_t near_sum(const int64_t *near, uint64_t none)
{
    uint64_t sum = 0;
    for (int w = 0; w < WIDE; w++) sum += (uint64_t)near[w];
    return (int64_t)(sum - none);
}

static void settle_squares(const struct moments *moments, struct moments_class *class, uint64_t none)
{
    for (int i = 0; i <= moments->weights; i++) {
        const int64_t *near = class->near + (int64_t)2 * i * WIDE;
        class->far[moments_place(moments, i, moments->weights)] += near_sum(near, none);
        class->far[sides(moments) * SIDE + i] += near_sum(near + WIDE, none);
    }
}

static void settle_tile(const struct moments *moments, struct moments_class *class, const int64_t *near,
                        int i, int j, uint64_t none)
{
    for (int a = i; a < i + TILE; a++)
        for (int b = j; b < j + TILE; b++, near += WIDE) {
            if (a > b || b > moments->weights) continue;
            const int64_t sum = near_sum(near, none);
            class->far[moments_place(moments, a, b)] += sum;
            if (a < b && a / SIDE == b / SIDE) class->far[moments_place(moments, b, a)] += sum;
        }
}

/* `near` into `far`. */
static void settle_near(const struct moments *moments, struct moments_class *class, int k)
{
    const int numbers = moments_numbers(moments->weights);
    const uint64_t none = (uint64_t) class->fresh * (uint64_t)bits_of(magic_of(moments, k));
    const int64_t *near = class->near;
    if (class->fresh == 0) return;
    if (moments->kind == MOMENTS_SQUARES) settle_squares(moments, class, none);
    for (int j = 0; j < numbers && moments->kind == MOMENTS_PRODUCTS; j += TILE)
        for (int i = 0; i <= j; i += TILE, near += TILE * TILE * WIDE)
            settle_tile(moments, class, near, i, j, none);
    memset(class->near, 0, (size_t)near_length(moments) * sizeof *class->near);
    class->fresh = 0;
}

/* The first n samples of the block, all of class k. */
static void add_class(const struct moments *moments, int k, int64_t n)
{
    struct moments_class *class = moments->by_class[k];
    if (n == 0) return;
    if (class->fresh + MOMENTS_BLOCK > FRESH_MOST) settle_near(moments, class, k);
    moments_block_add(moments, class, n, moments->block->values, ldexp(1, moments_exponent(moments, k)),
                      magic_of(moments, k));
}

/* The samples of the block. */
static void add_block(const struct moments *moments)
{
    if (!moments->block) return;
    add_class(moments, 0, moments->block->n);
    moments->block->n = 0;
}

void moments_settle(const struct moments *moments, int k)
{
    if (k == 0) add_block(moments);
    if (moments->by_class[k]) settle_near(moments, moments->by_class[k], k);
}

/* The class of a sample whose largest size this is; -1: it is not finite. */
static int class_of(const struct moments *moments, int32_t largest)
{
    const int above = (largest >> 23) - 126 - moments->least; /* |x| < 2^(least + above) */
    return largest >= 0x7f800000 ? -1 : above <= 0 ? 0 : (above + 3) / 4;
}

/* Samples of several classes: one class after the other. The block is empty. */
static void add_mixed(struct moments *moments, int64_t n, const float *rows, const float *start)
{
    const int64_t weights = moments->weights;
    double *values = moments->block->values;
    int8_t class[MOMENTS_BLOCK];
    for (int64_t s = 0; s < n; s++) {
        class[s] =
            (int8_t)class_of(moments, moments_block_put(values, 0, 1, moments->weights, rows + s * weights,
                                                        start ? start + s * weights : NULL));
        moments->excluded += class[s] < 0;
    }
    for (int k = 0; k < MOMENTS_CLASSES; k++) {
        int64_t members = 0;
        for (int64_t s = 0; s < n; s++)
            if (class[s] == k)
                moments_block_put(values, members++, 1, moments->weights, rows + s * weights,
                                  start ? start + s * weights : NULL);
        if (members > 0) moments_class(moments, k)->samples += members;
        add_class(moments, k, members);
    }
}

/* As many samples as fit into the block. */
static void take(struct moments *moments, int64_t n, const float *rows, const float *start)
{
    struct moments_block *block = moments->block;
    const int32_t largest = moments_block_put(block->values, block->n, n, moments->weights, rows, start);
    if (class_of(moments, largest) == 0) {
        moments_class(moments, 0)->samples += n;
        block->n += n;
        if (block->n == MOMENTS_BLOCK) add_block(moments);
    } else {
        add_block(moments);
        add_mixed(moments, n, rows, start);
    }
}

static struct moments_block *block_new(int weights)
{
    struct moments_block *block = memory_new(1, sizeof *block);
    block->values = memory_new((int64_t)MOMENTS_BLOCK * moments_numbers(weights), sizeof *block->values);
    return block;
}

void moments_add(struct moments *moments, int64_t n, const float *rows, const float *start)
{
    const int64_t weights = moments->weights;
    if (!moments->block) moments->block = block_new(moments->weights);
    for (int64_t at = 0, now; at < n; at += now) {
        const int64_t room = MOMENTS_BLOCK - moments->block->n;
        now = n - at < room ? n - at : room;
        take(moments, now, rows + at * weights, start ? start + at * weights : NULL);
    }
}
