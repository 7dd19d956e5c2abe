/* Moments: the sums of any parts, in any order, have the same bits; mean and scatter are those of the
 * samples. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "metazoa/base/hash.h"
#include "metazoa/base/memory.h"
#include "metazoa/parallel/random.h"
#include "metazoa/particle/moments.h"

enum { SAMPLES = 1000, MOST = 40, SEED = 11 };

/* Samples of sizes from 2^-40 to 2^40 (wide), or of about 1. */
static float *samples_new(int weights, bool wide)
{
    float *rows = memory_new((int64_t)SAMPLES * weights, sizeof *rows);
    struct random_stream stream = random_open(SEED, RANDOM_PROBE, weights, wide);
    for (int s = 0; s < SAMPLES; s++) {
        float size;
        random_normal(&stream, rows + s * weights, weights);
        random_uniform(&stream, &size, 1);
        for (int i = 0; i < weights && wide; i++)
            rows[s * weights + i] = ldexpf(rows[s * weights + i], (int)(80 * size) - 40);
    }
    return rows;
}

static uint64_t *packed(const struct moments *moments, size_t *bytes)
{
    int64_t rows;
    uint64_t *row = moments_pack(moments, &rows);
    *bytes = (size_t)(rows * moments_packed(moments->weights, moments->kind)) * sizeof *row;
    return row;
}

static bool same(const struct moments *a, const struct moments *b)
{
    size_t bytes, others;
    uint64_t *x = packed(a, &bytes), *y = packed(b, &others);
    const bool equal = bytes > 0 && bytes == others && memcmp(x, y, bytes) == 0 && a->excluded == b->excluded;
    memory_free(x);
    memory_free(y);
    return equal;
}

/* In one piece; and in pieces of random length, the last one first, merged. */
static void test_parts(void **state)
{
    (void)state;
    for (int weights = 1; weights <= MOST; weights += 13)
        for (int wide = 0; wide < 2; wide++)
            for (int kind = MOMENTS_PRODUCTS; kind <= MOMENTS_SQUARES; kind++) {
                float *rows = samples_new(weights, wide);
                struct moments whole, part, sum;
                moments_new(&whole, weights, (enum moments_kind)kind, MOMENTS_LEAST);
                moments_new(&part, weights, (enum moments_kind)kind, MOMENTS_LEAST);
                moments_new(&sum, weights, (enum moments_kind)kind, MOMENTS_LEAST);
                moments_add(&whole, SAMPLES, rows, NULL);
                for (int at = SAMPLES, n; at > 0; at -= n) {
                    n = 1 + (int)((unsigned)at * 2654435761u % 300);
                    n = n < at ? n : at;
                    moments_clear(&part);
                    moments_add(&part, n, rows + (at - n) * weights, NULL);
                    moments_merge(&sum, &part);
                }
                assert_true(same(&whole, &sum));
                moments_free(&whole);
                moments_free(&part);
                moments_free(&sum);
                memory_free(rows);
            }
}

/* Two passes in long doubles. */
static void reference(int weights, const float *rows, long double *mean, long double *scatter)
{
    for (int i = 0; i < weights; i++) mean[i] = 0;
    for (int i = 0; i < weights * weights; i++) scatter[i] = 0;
    for (int s = 0; s < SAMPLES; s++)
        for (int i = 0; i < weights; i++) mean[i] += (long double)rows[s * weights + i] / SAMPLES;
    for (int s = 0; s < SAMPLES; s++)
        for (int i = 0; i < weights; i++)
            for (int j = 0; j < weights; j++)
                scatter[i * weights + j] += ((long double)rows[s * weights + i] - mean[i]) *
                                            ((long double)rows[s * weights + j] - mean[j]);
}

/* Also where samples lie so far from the origin that squares cancel to the last few bits. */
static void test_mean_and_scatter(void **state)
{
    (void)state;
    const int weights = 27;
    for (int far = 0; far < 2; far++) {
        float *rows = samples_new(weights, false);
        for (int i = 0; i < SAMPLES * weights && far; i++) rows[i] += 4096;
        long double mean[27], scatter[27 * 27];
        double ours[27], sums[27 * 27], squares[27];
        reference(weights, rows, mean, scatter);
        struct moments moments, diagonal;
        moments_new(&moments, weights, MOMENTS_PRODUCTS, MOMENTS_LEAST);
        moments_new(&diagonal, weights, MOMENTS_SQUARES, MOMENTS_LEAST);
        moments_add(&moments, SAMPLES, rows, NULL);
        moments_add(&diagonal, SAMPLES, rows, NULL);
        moments_finish(&moments, ours, sums);
        moments_finish(&diagonal, ours, squares);
        assert_int_equal(moments_count(&moments), SAMPLES);
        for (int i = 0; i < weights; i++) assert_true(fabsl(ours[i] - mean[i]) < 1e-9L);
        for (int i = 0; i < weights * weights; i++)
            assert_true(fabsl(sums[i] - scatter[i]) < 1e-3L * (far ? 1 : 1e-6L));
        for (int i = 0; i < weights; i++) assert_true(squares[i] == sums[i * weights + i]);
        moments_free(&moments);
        moments_free(&diagonal);
        memory_free(rows);
    }
}

static void test_start_is_subtracted(void **state)
{
    (void)state;
    const int weights = 27;
    float *rows = samples_new(weights, false), *start = samples_new(weights, true),
          *moved = memory_new((int64_t)SAMPLES * weights, sizeof *moved);
    for (int i = 0; i < SAMPLES * weights; i++) moved[i] = rows[i] - start[i];
    struct moments a, b;
    moments_new(&a, weights, MOMENTS_PRODUCTS, MOMENTS_LEAST);
    moments_new(&b, weights, MOMENTS_PRODUCTS, MOMENTS_LEAST);
    moments_add(&a, SAMPLES, rows, start);
    moments_add(&b, SAMPLES, moved, NULL);
    assert_true(same(&a, &b));
    moments_free(&a);
    moments_free(&b);
    memory_free(rows);
    memory_free(start);
    memory_free(moved);
}

static void test_what_is_not_finite_is_left_out(void **state)
{
    (void)state;
    const int weights = 14;
    float *rows = samples_new(weights, false);
    rows[3 * weights + 13] = (float)NAN;
    rows[700 * weights] = -(float)INFINITY;
    rows[999 * weights + 5] = 0x1.fffffep127f; /* the largest number counts */
    struct moments moments;
    double mean[14], scatter[14 * 14];
    moments_new(&moments, weights, MOMENTS_PRODUCTS, MOMENTS_LEAST);
    moments_add(&moments, SAMPLES, rows, NULL);
    assert_int_equal(moments_count(&moments), SAMPLES - 2);
    assert_int_equal(moments.excluded, 2);
    moments_finish(&moments, mean, scatter);
    assert_true(fabs(mean[5] / (0x1.fffffep127 / (SAMPLES - 2)) - 1) < 1e-12);
    moments_free(&moments);
    memory_free(rows);
}

static void test_numbers_for_a_file(void **state)
{
    (void)state;
    float *rows = samples_new(27, true);
    struct moments moments, again;
    moments_new(&moments, 27, MOMENTS_PRODUCTS, MOMENTS_LEAST);
    moments_new(&again, 27, MOMENTS_PRODUCTS, MOMENTS_LEAST);
    moments_add(&moments, SAMPLES, rows, NULL);
    int64_t n;
    uint64_t *row = moments_pack(&moments, &n);
    for (int64_t i = 0; i < n; i++)
        assert_true(moments_unpack(&again, row + i * moments_packed(27, MOMENTS_PRODUCTS)));
    assert_true(same(&moments, &again));
    row[0] = MOMENTS_CLASSES;
    assert_false(moments_unpack(&again, row));
    memory_free(row);
    moments_free(&moments);
    moments_free(&again);
    memory_free(rows);
}

/* Files of earlier versions hold such sums: they keep their bits. Calls of all lengths, of one class and of
 * several, with and without a start. */
static void test_bits_stay(void **state)
{
    (void)state;
    uint64_t all = 0;
    for (int weights = 1; weights <= MOST; weights++)
        for (int which = 0; which < 8; which++) {
            float *rows = samples_new(weights, which & 1), *start = samples_new(weights, !(which & 1));
            struct moments moments;
            size_t bytes;
            moments_new(&moments, weights, (enum moments_kind)(which >> 1 & 1), MOMENTS_LEAST);
            moments_add(&moments, SAMPLES, rows, which & 4 ? start : NULL);
            for (int n = 0; n < 72; n++) moments_add(&moments, n % 8, rows + weights * (n % 8), NULL);
            for (int k = 0; k < 12 && weights == 27; k++) moments_add(&moments, SAMPLES, rows, NULL);
            uint64_t *row = packed(&moments, &bytes);
            all = hash_mix(all + hash_bytes(row, bytes, (uint64_t)moments_count(&moments)));
            memory_free(row);
            moments_free(&moments);
            memory_free(rows);
            memory_free(start);
        }
    assert_true(all == 0x717c1ad0b92484fdu);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_mean_and_scatter),
        cmocka_unit_test(test_start_is_subtracted),
        cmocka_unit_test(test_what_is_not_finite_is_left_out),
        cmocka_unit_test(test_numbers_for_a_file),
        cmocka_unit_test(test_bits_stay),
    };
    print_message("seed %d\n", SEED);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
