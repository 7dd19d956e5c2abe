/*
 * Exact sums do not depend on the order. Wide ones have the same limbs at every number of ranks and in every
 * order, up to their limit; beyond it, and with a value that is not finite, they are NaN everywhere.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "../src/organism/activation.h"
#include "metazoa/parallel/comm.h"
#include "metazoa/parallel/cut.h"
#include "metazoa/parallel/exact.h"
#include "metazoa/parallel/random.h"

enum { SEED = 61, VALUES = 1000, PARTS = 7 };

static struct comm *world;

enum { PARTIALS = 200, SUMS = 100 };

/* Partials of very different size add up to the same sums from either end, however they are cut, although
 * doubles as they are do not. What is not finite stays so, and does not count for the size. */
static void rounded(void **state)
{
    (void)state;
    float partial[PARTIALS][SUMS];
    struct random_stream stream = random_open(SEED, RANDOM_PROBE, 2, 0);
    random_normal(&stream, &partial[0][0], PARTIALS * SUMS);
    for (int p = 0; p < PARTIALS; p++)
        for (int s = 0; s < SUMS; s++) partial[p][s] *= ldexpf(1, -(p * 7 + s) % 60);
    struct exact exact = {exact_magic(PARTIALS, 16), 0};
    const double grain = exact.magic / 0x1.8p52;
    double up[SUMS] = {0}, down[SUMS] = {0}, plain_up[SUMS] = {0}, plain_down[SUMS] = {0};
    for (int p = 0; p < PARTIALS; p++) {
        exact_add(up, partial[p], SUMS, &exact);
        exact_add(down, partial[PARTIALS - 1 - p], SUMS, &exact);
        for (int s = 0; s < SUMS; s++) {
            plain_up[s] += (double)partial[p][s];
            plain_down[s] += (double)partial[PARTIALS - 1 - p][s];
        }
    }
    int differ = 0;
    for (int s = 0; s < SUMS; s++) {
        differ += plain_up[s] != plain_down[s];
        assert_true(fmod(up[s], grain) == 0);
        assert_true(fabs(up[s] - plain_up[s]) <= PARTIALS * grain);
    }
    assert_true(differ > 0);
    assert_memory_equal(up, down, sizeof up);
    assert_true(exact_magic(1, 16) == 0 && exact_magic(2, 0) == 3 && exact_magic(3, 0) == 6 &&
                exact_magic(4, 16) == 6 * 0x1p16);

    const float odd[4] = {1, -0.0f, -2e6f, (float)NAN};
    double sum[4] = {0};
    exact = (struct exact){exact_magic(3, 32), 0};
    exact_add(sum, odd, 4, &exact);
    assert_true(sum[0] == 1 && !signbit(sum[1]) && sum[2] == -2e6 && isnan(sum[3]));
    assert_int_equal(exact_exponent(exact.largest), 32); /* of 2e6, a little below 2^21; NaN does not count */
}

/* The values of all ranks, whose sum is about `total`: a few are large, most are small. */
static void draw(double values[VALUES], double total)
{
    float uniform[VALUES];
    struct random_stream stream = random_open(SEED, RANDOM_PROBE, 1, 0);
    random_uniform(&stream, uniform, VALUES);
    for (int i = 0; i < VALUES; i++) values[i] = (double)uniform[i] * total / 50 * pow(10, -(i % 10));
}

/* The sum of the values in an order of its own: from the front or the back, one by one or in parts that
 * are merged, on one rank or in pieces on all. */
static struct exact_wide sum_of(const double values[VALUES], bool forward, bool parts, bool on_all)
{
    struct exact_wide sum = {{0}}, part[PARTS] = {{{0}}};
    const int rank = on_all ? comm_rank(world) : 0, ranks = on_all ? comm_size(world) : 1;
    for (int64_t i = cut_begin(VALUES, ranks, rank); i < cut_begin(VALUES, ranks, rank + 1); i++)
        exact_wide_add(parts ? &part[i % PARTS] : &sum, values[forward ? i : VALUES - 1 - i]);
    for (int i = 0; parts && i < PARTS; i++) exact_wide_merge(&sum, &part[i]);
    if (on_all) exact_wide_sum(world, &sum);
    return sum;
}

static void any_order(void **state)
{
    (void)state;
    static const double totals[] = {1e-16, 1e-9, 1, 0x1p30, 0x1p36, 0x1p40, 0x1p55};
    for (size_t t = 0; t < sizeof totals / sizeof *totals; t++) {
        double values[VALUES], expected = 0;
        draw(values, totals[t]);
        for (int i = 0; i < VALUES; i++) expected += values[i];
        const struct exact_wide one = sum_of(values, true, false, false);
        assert_true(fabs(exact_wide_value(&one) - expected) <= 1e-12 * expected + VALUES * 0x1p-65);
        for (int way = 0; way < 8; way++) {
            const struct exact_wide other = sum_of(values, way & 1, way & 2, way & 4);
            assert_memory_equal(&one, &other, sizeof one);
        }
    }
}

/* The digits of losses that docs/formats.md promises: cross-entropy to 2^-23 (1 + |largest output|), also
 * where the outputs are sure; squared errors of outputs as small as 1e-9 to 2^-65. */
static void digits(void **state)
{
    (void)state;
    enum { OUTPUTS = 5, TRIALS = 200 };
    double most = 0;
    for (int trial = 0; trial < TRIALS; trial++) {
        _Alignas(64) float z[OUTPUTS * LANES] = {0}, normal[OUTPUTS + 1];
        struct random_stream stream = random_open(SEED, RANDOM_PROBE, 3, (uint64_t)trial);
        random_normal(&stream, normal, OUTPUTS + 1);
        const float size = ldexpf(1, trial % 8);
        const int32_t label = trial % OUTPUTS;
        double largest = 0, sum = 0;
        for (int c = 0; c < OUTPUTS; c++) {
            z[c * LANES] = normal[c] * size;
            largest = fmax(largest, fabs((double)z[c * LANES]));
        }
        for (int c = 0; c < OUTPUTS; c++) sum += exp((double)z[c * LANES] - (double)z[label * LANES]);
        struct tally entropy = {0}, square = {0};
        activation_cross_entropy(z, NULL, &label, OUTPUTS, 1, &entropy);
        most = fmax(most, fabs(exact_wide_value(&entropy.loss) - log(sum)) / (1 + largest));
        const float zero = 0;
        z[0] = normal[OUTPUTS] * 1e-9f;
        activation_squared_error(z, NULL, &zero, 1, 1, &square);
        assert_true(fabs(exact_wide_value(&square.loss) - (double)z[0] * (double)z[0]) <= 0x1p-65);
        assert_true(exact_wide_value(&square.error) == fabs((double)z[0]));
    }
    print_message("cross-entropy: off by %.2g (1 + |largest output|) at most\n", most);
    assert_true(most > 0 && most <= 0x1p-23);
}

/* The sum over ranks may pass the limit where no part of it does. */
static void too_large(void **state)
{
    (void)state;
    const struct exact_wide nothing = {{(double)NAN, (double)NAN, (double)NAN, (double)NAN}};
    for (int k = 0; k < 2; k++) {
        const double each = EXACT_WIDE_LIMIT / VALUES + (k == 0 ? 256 : -256);
        double values[VALUES];
        for (int i = 0; i < VALUES; i++) values[i] = each + 1e-3 * i;
        for (int way = 2; way < 8; way++) {
            const struct exact_wide sum = sum_of(values, way & 1, way & 2, way & 4);
            if (k == 0)
                assert_memory_equal(&sum, &nothing, sizeof sum);
            else
                assert_true(isfinite(exact_wide_value(&sum)));
        }
    }
    static const double bad[] = {(double)INFINITY, (double)NAN};
    for (int k = 0; k < 2; k++) {
        double values[VALUES];
        draw(values, 1);
        values[VALUES / 3] = bad[k];
        for (int way = 2; way < 8; way++) {
            const struct exact_wide sum = sum_of(values, way & 1, way & 2, way & 4);
            assert_memory_equal(&sum, &nothing, sizeof sum);
        }
    }
}

int main(int argc, char **argv)
{
    world = comm_start(&argc, &argv);
    if (comm_rank(world) == 0) print_message("seed %d, %d ranks\n", SEED, comm_size(world));
    const struct CMUnitTest tests[] = {cmocka_unit_test(rounded), cmocka_unit_test(any_order),
                                       cmocka_unit_test(digits), cmocka_unit_test(too_large)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (failed) fatal("%d tests failed", failed);
    comm_finish(world);
    return 0;
}
