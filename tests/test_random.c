/* Random numbers: the published answers of Philox, whole and broken blocks, permutations. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "metazoa/parallel/random.h"

enum { MOST = 1000 };

static void expect_block(struct random_stream stream, const uint32_t want[4])
{
    uint32_t words[4];
    random_words(&stream, words, 4);
    for (int i = 0; i < 4; i++) assert_int_equal(words[i], want[i]);
}

/* Random123's file of known answers, philox4x32-10. */
static void known_answers(void **state)
{
    (void)state;
    const uint32_t zeros[4] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
    const uint32_t ones[4] = {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd};
    const uint32_t pi[4] = {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1};
    expect_block((struct random_stream){{0}, {0}}, zeros);
    expect_block(
        (struct random_stream){{UINT32_MAX, UINT32_MAX}, {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX}},
        ones);
    expect_block(
        (struct random_stream){{0xa4093822, 0x299f31d0}, {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}},
        pi);
}

/* However many are asked for, each block of four is that of its counter, and the next call begins a new one.
 */
static void blocks(void **state)
{
    (void)state;
    for (int n = 0; n <= MOST; n = n < 70 ? n + 1 : n + 93) {
        struct random_stream stream = random_open(77, RANDOM_SHUFFLE, 5, 1234567890123);
        stream.counter[0] = UINT32_MAX - 3; /* it goes around */
        const struct random_stream first = stream;
        uint32_t words[MOST + 1], block[4];
        words[n] = 4711;
        random_words(&stream, words, n);
        assert_int_equal(words[n], 4711);
        for (int i = 0; i < n; i += 4) {
            struct random_stream here = first;
            here.counter[0] += (uint32_t)i / 4;
            random_words(&here, block, 4);
            assert_memory_equal(words + i, block, (size_t)(n - i < 4 ? n - i : 4) * sizeof *block);
        }
        assert_int_equal(stream.counter[0], first.counter[0] + (uint32_t)(n + 3) / 4);
        assert_memory_equal(stream.counter + 1, first.counter + 1, 3 * sizeof *stream.counter);
    }
}

/* Two words make two numbers: the radius of the first times the cosine and the sine of the second's angle;
 * so many are written as were asked for, and so many words are taken as there are pairs. */
static void normal_numbers(void **state)
{
    (void)state;
    enum { N = 20000 };
    static uint32_t words[N];
    static float numbers[N], few[N + 1];
    const struct random_stream first = random_open(90, RANDOM_TRAIN, 2, 8);
    struct random_stream stream = first, other = first;
    random_words(&stream, words, N);
    random_normal(&other, numbers, N);
    assert_memory_equal(&stream, &other, sizeof stream);
    for (int i = 0; i < N; i += 2) {
        const double radius = sqrt(-2 * log(((words[i] >> 8) + 1) * 0x1p-24));
        const double angle = 2 * acos(-1) * (words[i + 1] >> 8) * 0x1p-24;
        assert_true(fabs((double)numbers[i] - radius * cos(angle)) <= 1e-6 * radius);
        assert_true(fabs((double)numbers[i + 1] - radius * sin(angle)) <= 1e-6 * radius);
    }
    for (int n = 0; n < 600; n++) {
        other = stream = first;
        few[n] = 4711;
        random_normal(&other, few, n);
        assert_memory_equal(few, numbers, (size_t)n * sizeof *few);
        assert_true(few[n] == 4711);
        random_words(&stream, words, (n + 1) / 2 * 2);
        assert_memory_equal(&stream, &other, sizeof stream);
    }
}

/* Every number once, whatever the size; every epoch another order; every place equally likely for a number.
 */
static void permutations(void **state)
{
    (void)state;
    static int64_t order[MOST], other[MOST];
    for (int64_t n = 1; n <= MOST; n = 3 * n + 1) {
        int seen[MOST] = {0};
        random_permutation(3, 1, n, order);
        for (int64_t i = 0; i < n; i++) {
            assert_in_range(order[i], 0, n - 1);
            seen[order[i]]++;
        }
        for (int64_t i = 0; i < n; i++) assert_int_equal(seen[i], 1);
    }
    random_permutation(3, 1, MOST, order);
    random_permutation(3, 2, MOST, other);
    assert_memory_not_equal(order, other, sizeof order);
    enum { SIZE = 10, EPOCHS = 20000 };
    int at[SIZE][SIZE] = {{0}};
    for (int epoch = 1; epoch <= EPOCHS; epoch++) {
        random_permutation(3, epoch, SIZE, order);
        for (int i = 0; i < SIZE; i++) at[i][order[i]]++;
    }
    double deviation = 0; /* chi squared of 81 degrees of freedom: above 140 once in ten thousand */
    for (int i = 0; i < SIZE; i++)
        for (int j = 0; j < SIZE; j++)
            deviation += pow(at[i][j] - EPOCHS / SIZE, 2) / (EPOCHS / (double)SIZE);
    assert_true(deviation < 140);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(known_answers), cmocka_unit_test(blocks),
                                       cmocka_unit_test(normal_numbers), cmocka_unit_test(permutations)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
