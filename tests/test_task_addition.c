/* The addition task: exact sums, fresh samples every epoch, values by seed, epoch and sample alone. */
#include "task_tests.h"

static struct task load_sums(int inputs, int64_t samples, uint64_t seed, int32_t begin, int32_t end)
{
    struct task_spec spec = {.kind = TASK_ADDITION,
                             .inputs = inputs,
                             .samples = samples,
                             .seed = seed,
                             .noise = 0.1 /* for other tasks */};
    return load(spec, begin, end);
}

static void check_sums(const struct task *task, const struct dataset *data)
{
    for (int64_t s = 0; s < data->samples; s++) {
        double sum = 0;
        for (int32_t i = 0; i < task->inputs; i++) sum += (double)data->x[s * data->stride + i];
        assert_true(data->y[s] == (float)sum);
        for (int32_t i = task->inputs; i < data->stride; i++) assert_true(data->x[s * data->stride + i] == 0);
    }
}

static void shapes(void **state)
{
    (void)state;
    struct task task = load_sums(2, 0, 1, 0, 2);
    assert_false(task.classification);
    assert_int_equal(task.inputs, 2);
    assert_int_equal(task.outputs, 1);
    assert_int_equal(task.train.samples, 1000);
    assert_int_equal(task.test.samples, 1000);
    assert_int_equal(task.train.stride, 16);
    assert_null(task.train.label);
    task_free(&task);
    assert_null(task.train.x);
}

static void sums_are_exact(void **state)
{
    (void)state;
    const int inputs[] = {1, 2, 3, 255, 256, 257, 600};
    for (int i = 0; i < 7; i++) {
        struct task task = load_sums(inputs[i], 50, 3, 0, inputs[i]);
        check_sums(&task, &task.test);
        for (int64_t epoch = 1; epoch <= 2; epoch++) {
            task_epoch(&task, epoch);
            check_sums(&task, &task.train);
        }
        task_free(&task);
    }
}

/* All numbers of three epochs, and of the test set, differ; an epoch drawn again is the same. */
static void fresh_every_epoch(void **state)
{
    (void)state;
    enum { N = 1000 };
    struct task task = load_sums(2, N, 7, 0, 2);
    static float drawn[4][N][2];
    double mean = 0, squares = 0;
    for (int e = 0; e < 4; e++) {
        if (e < 3) task_epoch(&task, e + 1);
        const struct dataset *data = e < 3 ? &task.train : &task.test;
        for (int64_t s = 0; s < N; s++)
            for (int i = 0; i < 2; i++) {
                drawn[e][s][i] = data->x[s * data->stride + i];
                mean += (double)drawn[e][s][i] / (8 * N);
                squares += pow((double)drawn[e][s][i], 2) / (8 * N);
            }
    }
    for (int e = 0; e < 4; e++)
        for (int f = e + 1; f < 4; f++) {
            int equal = 0;
            for (int s = 0; s < N; s++) equal += drawn[e][s][0] == drawn[f][s][0];
            assert_true(equal < 3);
        }
    assert_true(fabs(mean) < 5 / sqrt(8 * N));
    assert_true(fabs(squares - 1) < 5 * sqrt(2.0 / (8 * N)));
    int64_t allocated = memory_peak();
    task_epoch(&task, 2);
    for (int s = 0; s < N; s++) {
        assert_memory_equal(task.train.x + s * task.train.stride, drawn[1][s], sizeof drawn[1][s]);
        assert_int_equal(task.order[s], s);
    }
    assert_int_equal(memory_peak(), allocated);
    struct task other = load_sums(2, N, 8, 0, 2);
    task_epoch(&other, 2);
    assert_memory_not_equal(other.train.x, task.train.x, sizeof(float[2]));
    task_free(&other);
    task_free(&task);
}

static void slices(void **state)
{
    (void)state;
    enum { INPUTS = 300 };
    struct task whole = load_sums(INPUTS, 20, 5, 0, INPUTS);
    task_epoch(&whole, 4);
    const int32_t cuts[] = {0, 0, 1, 17, 255, 258, INPUTS};
    for (int i = 0; i + 1 < 7; i++) {
        struct task slice = load_sums(INPUTS, 20, 5, cuts[i], cuts[i + 1]);
        task_epoch(&slice, 4);
        for (int64_t s = 0; s < 20; s++)
            assert_memory_equal(slice.train.x + s * slice.train.stride,
                                whole.train.x + s * whole.train.stride + cuts[i],
                                (size_t)(cuts[i + 1] - cuts[i]) * sizeof(float));
        assert_memory_equal(slice.train.y, whole.train.y, 20 * sizeof(float));
        assert_memory_equal(slice.test.y, whole.test.y, 20 * sizeof(float));
        task_free(&slice);
    }
    task_free(&whole);
}

TASK_TESTS(cmocka_unit_test(shapes), cmocka_unit_test(sums_are_exact), cmocka_unit_test(fresh_every_epoch),
           cmocka_unit_test(slices))
