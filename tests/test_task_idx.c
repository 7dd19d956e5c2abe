/* Images in the MNIST format: values, sizes, slices, order. */
#include "idx_tasks.h"

/* The bilinear kernel as a tent over all pixels of the source: no index arithmetic in common with the module.
 */
static double resized(int set, uint32_t image, int r, int c, int rows, int columns)
{
    double y = fmin(fmax((r + 0.5) * ROWS / rows - 0.5, 0), ROWS - 1);
    double x = fmin(fmax((c + 0.5) * COLUMNS / columns - 0.5, 0), COLUMNS - 1), sum = 0;
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < COLUMNS; j++)
            sum += fmax(0, 1 - fabs(y - i)) * fmax(0, 1 - fabs(x - j)) *
                   idx_pixel(set, image, (uint32_t)(i * COLUMNS + j)) / 255.0;
    return sum;
}

static void check_images(const struct dataset *data, int set, int rows, int columns)
{
    for (int64_t s = 0; s < data->samples; s++) {
        assert_int_equal(data->label[s], idx_label(set, (uint32_t)s));
        for (int i = 0; i < rows * columns; i++) {
            double expected = resized(set, (uint32_t)s, i / columns, i % columns, rows, columns);
            /* Values are at most 1: two products and sums in single precision. */
            assert_true(fabs((double)data->x[s * data->stride + i] - expected) < 4e-7);
        }
        for (int i = rows * columns; i < data->stride; i++) assert_true(data->x[s * data->stride + i] == 0);
    }
}

static void resizing(void **state)
{
    (void)state;
    put_good_files(false);
    const int sizes[][2] = {{0, 0}, {5, 4}, {15, 15}, {1, 1}, {9, 3}, {0, 20}, {18, 0}};
    for (int i = 0; i < 7; i++) {
        int rows = sizes[i][0] ? sizes[i][0] : ROWS, columns = sizes[i][1] ? sizes[i][1] : COLUMNS;
        struct task task = load(spec_new(sizes[i][0], sizes[i][1], 0), 0, -1);
        assert_true(task.classification);
        assert_int_equal(task.outputs, IDX_CLASSES);
        assert_int_equal(task.inputs, rows * columns);
        assert_int_equal(task.train.samples, TRAIN);
        assert_int_equal(task.test.samples, TEST);
        assert_int_equal(task.train.stride, (rows * columns + 15) / 16 * 16);
        assert_null(task.train.y);
        check_images(&task.train, 0, rows, columns);
        check_images(&task.test, 1, rows, columns);
        task_free(&task);
    }
}

/* Without resizing a pixel is exactly the rounded quotient. */
static void pixels_unchanged(void **state)
{
    (void)state;
    put_good_files(false);
    struct task task = load(spec_new(0, 0, 0), 0, -1);
    for (uint32_t s = 0; s < TRAIN; s++)
        for (uint32_t i = 0; i < ROWS * COLUMNS; i++)
            assert_true(task.train.x[s * (uint32_t)task.train.stride + i] ==
                        (float)idx_pixel(0, s, i) / 255.0f);
    task_free(&task);
}

static bool equal(const struct dataset *a, const struct dataset *b)
{
    return a->samples == b->samples && a->stride == b->stride &&
           memcmp(a->x, b->x, (size_t)(a->samples * a->stride) * sizeof *a->x) == 0 &&
           memcmp(a->label, b->label, (size_t)a->samples * sizeof *a->label) == 0;
}

static void gzip_and_dotted_names(void **state)
{
    (void)state;
    put_good_files(false);
    struct task plain = load(spec_new(5, 5, 1e-2), 0, -1);
    put_good_files(true);
    struct task gzip = load(spec_new(5, 5, 1e-2), 0, -1);
    for (int i = 0; i < IDX_FILES; i++) { /* half of them keep their names */
        char from[512], to[512];
        snprintf(from, sizeof from, "%s/%s.gz", folder, idx_names[i]);
        strcpy(to, from);
        strstr(to, "-idx")[0] = '.';
        if (i % 2) assert_int_equal(rename(from, to), 0);
    }
    struct task dotted = load(spec_new(5, 5, 1e-2), 0, -1);
    assert_true(equal(&plain.train, &gzip.train) && equal(&plain.test, &gzip.test));
    assert_true(equal(&plain.train, &dotted.train) && equal(&plain.test, &dotted.test));
    task_free(&plain);
    task_free(&gzip);
    task_free(&dotted);
}

/* Mean and variance, independence of the sets, and that it is drawn by sample and seed. */
static void noise(void **state)
{
    (void)state;
    put_good_files(false);
    struct task_spec spec = spec_new(20, 20, 0.5);
    struct task with = load(spec, 0, -1), again = load(spec, 0, -1);
    assert_true(equal(&with.train, &again.train));
    spec.seed++;
    struct task other = load(spec, 0, -1), without = load(spec_new(20, 20, 0), 0, -1);
    assert_false(equal(&with.train, &other.train));
    double sum = 0, squares = 0, product = 0, n = TRAIN * 400;
    for (int64_t s = 0; s < TRAIN; s++)
        for (int64_t i = 0; i < 400; i++) {
            int64_t at = s * 400 + i;
            double z = (double)(with.train.x[at] - without.train.x[at]) / 0.5;
            sum += z;
            squares += z * z;
            if (s < TEST) product += z * (double)(with.test.x[at] - without.test.x[at]) / 0.5;
        }
    /* Five standard deviations of each estimate. */
    assert_true(fabs(sum / n) < 5 / sqrt(n));
    assert_true(fabs(squares / n - 1) < 5 * sqrt(2 / n));
    assert_true(fabs(product) < 5 * sqrt(TEST * 400));
    task_free(&with);
    task_free(&again);
    task_free(&other);
    task_free(&without);
}

static void slices(void **state)
{
    (void)state;
    put_good_files(false);
    struct task whole = load(spec_new(19, 17, 1e-1), 0, -1);
    const int32_t cuts[] = {0, 0, 1, 2, 100, 256, 257, 300, 323};
    for (int i = 0; i + 1 < 9; i++) {
        struct task slice = load(spec_new(19, 17, 1e-1), cuts[i], cuts[i + 1]);
        int32_t held = cuts[i + 1] - cuts[i];
        assert_int_equal(slice.input_begin, cuts[i]);
        assert_int_equal(slice.input_end, cuts[i + 1]);
        assert_int_equal(slice.train.stride, (held + 15) / 16 * 16);
        for (int64_t s = 0; s < TRAIN; s++)
            assert_memory_equal(slice.train.x + s * slice.train.stride,
                                whole.train.x + s * whole.train.stride + cuts[i],
                                (size_t)held * sizeof(float));
        assert_memory_equal(slice.test.label, whole.test.label, TEST * sizeof(int32_t));
        task_free(&slice);
    }
    task_free(&whole);
}

static void fewer_samples(void **state)
{
    (void)state;
    put_good_files(false);
    struct task_spec spec = spec_new(0, 0, 0);
    spec.samples = 3, spec.test_samples = 2;
    struct task task = load(spec, 0, -1);
    assert_int_equal(task.train.samples, 3);
    assert_int_equal(task.test.samples, 2);
    assert_int_equal(task.outputs, IDX_CLASSES); /* of the whole file: the organism's shape does not change */
    check_images(&task.train, 0, ROWS, COLUMNS);
    task_free(&task);
    spec.samples = TRAIN + 1;
    struct problems problems = {0};
    task_open(&task, &spec, world, &problems);
    assert_int_equal(problems.n, 1);
    assert_int_equal(problems.code, EXIT_USAGE);
    assert_non_null(strstr(problems.text[0], "task.samples: 38"));
    problems_free(&problems);
    task_free(&task);
}

static void order(void **state)
{
    (void)state;
    put_good_files(false);
    struct task_spec spec = spec_new(0, 0, 0);
    struct task task = load(spec, 0, -1);
    int64_t orders[3][TRAIN], moved = 0;
    for (int64_t epoch = 1; epoch <= 3; epoch++) {
        task_epoch(&task, epoch);
        memcpy(orders[epoch - 1], task.order, sizeof orders[0]);
        int seen[TRAIN] = {0};
        for (int i = 0; i < TRAIN; i++) {
            assert_in_range(task.order[i], 0, TRAIN - 1);
            seen[task.order[i]]++;
            moved += task.order[i] != i;
        }
        for (int i = 0; i < TRAIN; i++) assert_int_equal(seen[i], 1);
    }
    assert_true(moved > TRAIN);
    assert_memory_not_equal(orders[0], orders[1], sizeof orders[0]);
    assert_memory_not_equal(orders[1], orders[2], sizeof orders[0]);
    task_epoch(&task, 2); /* an epoch does not depend on the one before */
    assert_memory_equal(task.order, orders[1], sizeof orders[1]);
    task_free(&task);
    spec.shuffle = false;
    task = load(spec, 0, -1);
    task_epoch(&task, 5);
    for (int i = 0; i < TRAIN; i++) assert_int_equal(task.order[i], i);
    task_free(&task);
}

/* Real data, where they are installed: the sum of all bytes was computed apart from this program. */
static void fashion_mnist(void **state)
{
    (void)state;
    struct task_spec spec = spec_new(0, 0, 0);
    spec.path = "/usr/share/datasets/fashion-mnist";
    if (access(spec.path, R_OK) != 0) skip();
    struct task task = load(spec, 0, -1);
    assert_int_equal(task.train.samples, 60000);
    assert_int_equal(task.test.samples, 10000);
    assert_int_equal(task.inputs, 784);
    assert_int_equal(task.outputs, 10);
    int64_t count[10] = {0}, bytes = 0;
    for (int64_t s = 0; s < 60000; s++) {
        count[task.train.label[s]]++;
        for (int i = 0; i < 784; i++) bytes += lrintf(task.train.x[s * task.train.stride + i] * 255);
    }
    for (int i = 0; i < 10; i++) assert_int_equal(count[i], 6000);
    assert_int_equal(bytes, 3431114169);
    task_free(&task);
}

TASK_TESTS(cmocka_unit_test(resizing), cmocka_unit_test(pixels_unchanged), cmocka_unit_test(slices),
           cmocka_unit_test(gzip_and_dotted_names), cmocka_unit_test(noise), cmocka_unit_test(fewer_samples),
           cmocka_unit_test(order), cmocka_unit_test(fashion_mnist))
