/* Images in the MNIST format: values, sizes, slices, order, and every way in which the files can be wrong. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <sys/stat.h>

#include "metazoa/base/memory.h"
#include "task_files.h"

static struct comm *world;
static char folder[64];

enum { TRAIN = 37, TEST = 11, ROWS = 9, COLUMNS = 7 };

static struct task_spec spec_new(int rows, int columns, double noise)
{
    return (struct task_spec){.kind = TASK_IDX,
                              .path = folder,
                              .size = {rows, columns},
                              .noise = noise,
                              .shuffle = true,
                              .seed = 42};
}

static struct task load(struct task_spec spec, int32_t begin, int32_t end)
{
    struct task task;
    struct problems problems = {0};
    task_open(&task, &spec, world, &problems);
    if (problems.n == 0) task_load(&task, begin, end < 0 ? task.inputs : end, world, &problems);
    problems_print(&problems, stderr);
    assert_int_equal(problems.n, 0);
    return task;
}

static int setup(void **state)
{
    (void)state;
    folder_new(folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    folder_clear(folder, true);
    return 0;
}

static void put_good_files(bool gzip)
{
    folder_clear(folder, false);
    struct idx_files files = idx_files_new(TRAIN, TEST, ROWS, COLUMNS);
    idx_files_put(&files, folder, gzip);
    idx_files_free(&files);
}

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

/* One damage to one file, and what the message has to say. */
static const struct damage {
    int file;
    int at, value;        /* byte that is replaced, at >= 0 */
    int grow;             /* bytes more, or fewer; GONE: no such file */
    const char *expected; /* after the file's name */
} damages[] = {
    {0, 3, 1, 0,
     "byte 0: expected the magic number 0x00000803 (unsigned bytes, dimensions: 3), found 0x00000801"},
    {0, 2, 0xd, 0,
     "byte 0: expected the magic number 0x00000803 (unsigned bytes, dimensions: 3), found 0x00000d03"},
    {1, 0, 9, 0,
     "byte 0: expected the magic number 0x00000801 (unsigned bytes, dimensions: 1), found 0x09000801"},
    {0, 7, 0, 0, "byte 4: expected at least 1 as the number of items, found 0"},
    {2, 11, 0, 0, "byte 8: expected at least 1 as the number of rows, found 0"},
    {2, 15, 0, 0, "byte 12: expected at least 1 as the number of columns, found 0"},
    {0, -1, 0, -1,
     "expected 2347 bytes by its header (37 images of 9 x 7), found 2346: the file is truncated"},
    {0, -1, 0, 1, "expected 2347 bytes by its header (37 images of 9 x 7), found more from byte 2347 on"},
    {0, -1, 0, -2347, "ends at byte 0; expected bytes 0 to 3, the magic number"},
    {0, -1, 0, -2340, "ends at byte 7; expected bytes 4 to 15, the header"},
    {1, -1, 0, -1, "ends at byte 44; expected bytes 8 to 44, the labels"},
    {3, -1, 0, 1, "expected 19 bytes by its header (11 labels), found more from byte 19 on"},
    {1, 7, TRAIN - 1, 0, "byte 4: expected 37 labels, one for each image in "},
    {2, 7, TEST + 1, 0, NULL}, /* the labels' message names the images' file */
    {2, 11, ROWS + 1, TEST *COLUMNS, "byte 8: expected images of 9 x 7, as in "},
    {3, 10, IDX_CLASSES, 0, "byte 10: expected a label from 0 to 6, as in the training labels, found 7"},
    {0, 8, 255, 0, "byte 8: expected images of at most 16777216 pixels, found 4278190089 x 7"},
#define GONE 1000000
    {3, -1, 0, GONE, "no such file, nor with .gz at its end"},
};

static struct problems open_problems(struct task_spec spec)
{
    struct task task;
    struct problems problems = {0};
    int64_t held = memory_held();
    task_open(&task, &spec, world, &problems);
    int64_t messages = memory_held() - held;
    task_free(&task);
    assert_true(messages < 8192 && memory_held() == held + messages); /* nothing but the messages is left */
    return problems;
}

static void malformed(bool gzip)
{
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        const struct damage *d = &damages[i];
        struct idx_files files = idx_files_new(TRAIN, TEST, ROWS, COLUMNS);
        struct bytes *file = &files.file[d->file];
        if (d->grow != GONE) {
            size_t before = file->n;
            file->n = (size_t)((int64_t)file->n + d->grow);
            file->data = realloc(file->data, file->n + 1);
            if (file->n > before) memset(file->data + before, 0, file->n - before);
        }
        if (d->at >= 0) file->data[d->at] = (uint8_t)d->value;
        folder_clear(folder, false);
        idx_files_put(&files, folder, gzip);
        char path[512], expected[1024];
        snprintf(path, sizeof path, "%s/%s%s", folder, idx_names[d->file], gzip ? ".gz" : "");
        if (d->grow == GONE) unlink(path), path[strlen(path) - (gzip ? 3 : 0)] = 0;
        struct problems problems = open_problems(spec_new(5, 5, 0));
        if (problems.n != 1) problems_print(&problems, stderr);
        assert_int_equal(problems.n, 1);
        assert_int_equal(problems.code, EXIT_INPUT);
        snprintf(expected, sizeof expected, "%s: %s", path, d->expected ? d->expected : "");
        const char *text = problems.text[0];
        if (d->expected ? strncmp(text, expected, strlen(expected)) : !strstr(text, path))
            fail_msg("damage %zu: \"%s\" does not begin with \"%s\"", i, text, expected);
        problems_free(&problems);
        idx_files_free(&files);
    }
}

static void malformed_plain(void **state)
{
    (void)state;
    malformed(false);
}

static void malformed_gzip(void **state)
{
    (void)state;
    malformed(true);
}

/* The gzip stream itself: cut off, and with a wrong check sum. */
static void damaged_gzip(void **state)
{
    (void)state;
    for (int cut = 0; cut < 2; cut++) {
        put_good_files(true);
        char path[512];
        snprintf(path, sizeof path, "%s/%s.gz", folder, idx_names[0]);
        FILE *file = fopen(path, "r+b");
        fseek(file, 0, SEEK_END);
        long n = ftell(file);
        if (cut)
            assert_int_equal(ftruncate(fileno(file), n / 2), 0);
        else {
            fseek(file, n - 8, SEEK_SET);
            int c = fgetc(file);
            fseek(file, n - 8, SEEK_SET);
            fputc(c ^ 1, file);
        }
        fclose(file);
        struct problems problems = open_problems(spec_new(5, 5, 0));
        assert_int_equal(problems.n, 1);
        assert_int_equal(problems.code, EXIT_INPUT);
        assert_non_null(strstr(problems.text[0], path));
        assert_non_null(strstr(problems.text[0], "damaged or truncated gzip data"));
        problems_free(&problems);
    }
}

/* A header that claims 2^56 bytes takes no memory. */
static void great_claims(void **state)
{
    (void)state;
    put_good_files(false);
    struct bytes huge = idx_bytes(3, (uint32_t[]){1, 1, 1}, (uint8_t[]){1});
    memset(huge.data + 4, 255, 4);
    memcpy(huge.data + 8, (uint8_t[]){0, 0, 16, 0, 0, 0, 16, 0}, 8);
    uint8_t labels[8] = {0, 0, 8, 1, 255, 255, 255, 255};
    file_put(folder, idx_names[0], huge.data, huge.n, false);
    file_put(folder, idx_names[1], labels, 8, false);
    bytes_free(&huge);
    struct problems problems = open_problems(spec_new(0, 0, 0));
    assert_int_equal(problems.code, EXIT_INPUT);
    assert_non_null(strstr(problems.text[0], "expected 72057594021150736 bytes by its header"));
    problems_free(&problems);
}

static void no_folder_and_no_file(void **state)
{
    (void)state;
    struct task_spec spec = spec_new(0, 0, 0);
    spec.path = "/nonexistent/mnist";
    struct problems problems = open_problems(spec);
    assert_int_equal(problems.n, 4);
    assert_int_equal(problems.code, EXIT_INPUT);
    assert_non_null(strstr(problems.text[0], "/nonexistent/mnist/train-images-idx3-ubyte: no such file"));
    assert_non_null(strstr(problems.text[0], "make data"));
    problems_free(&problems);
    /* A pipe, which would keep a reader waiting. */
    put_good_files(false);
    char path[512], command[600];
    folder_path(path, folder, idx_names[3]);
    unlink(path);
    snprintf(command, sizeof command, "mkfifo %s", path);
    assert_int_equal(system(command), 0);
    problems = open_problems(spec_new(0, 0, 0));
    assert_int_equal(problems.n, 1);
    assert_non_null(strstr(problems.text[0], "t10k-labels-idx1-ubyte is something else"));
    problems_free(&problems);
}

/* A folder or a dangling link of the first name, as some archives of MNIST unpack, does not hide the good file. */
static void first_regular_file(void **state)
{
    (void)state;
    char path[512], dotted[512];
    put_good_files(false);
    for (int i = 0; i < IDX_FILES; i++) {
        folder_path(path, folder, idx_names[i]);
        folder_path(dotted, folder, idx_names[i]);
        *(strstr(dotted, "-idx")) = '.';
        assert_int_equal(rename(path, dotted), 0);
        assert_int_equal(i % 2 ? mkdir(path, 0777) : symlink("/nowhere", path), 0);
    }
    struct problems problems = open_problems(spec_new(0, 0, 0));
    problems_print(&problems, stderr);
    assert_int_equal(problems.n, 0);
    assert_int_equal(unlink(dotted), 0); /* now the last one is a folder only */
    problems = open_problems(spec_new(0, 0, 0));
    assert_int_equal(problems.n, 1);
    assert_non_null(strstr(problems.text[0], "t10k-labels-idx1-ubyte is a folder"));
    problems_free(&problems);
    for (int i = 0; i < IDX_FILES; i++) {
        folder_path(path, folder, idx_names[i]);
        assert_int_equal(remove(path), 0);
    }
    folder_clear(folder, false);
}

/* Files that change between the two looks at them. */
static void changed_meanwhile(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        put_good_files(false);
        struct task_spec spec = spec_new(0, 0, 0);
        struct task task;
        struct problems problems = {0};
        task_open(&task, &spec, world, &problems);
        assert_int_equal(problems.n, 0);
        struct idx_files other = idx_files_new(TRAIN, TEST, ROWS + (i == 0), COLUMNS);
        if (i == 1) other.file[0].n -= 1;
        if (i == 2) other.file[1].data[20] = IDX_CLASSES;
        idx_files_put(&other, folder, false);
        idx_files_free(&other);
        task_load(&task, 0, task.inputs, world, &problems);
        assert_true(problems.n >= 1);
        assert_int_equal(problems.code, EXIT_INPUT);
        problems_free(&problems);
        task_free(&task);
    }
}

/* Inputs beyond what an organism can have. */
static void too_many_inputs(void **state)
{
    (void)state;
    put_good_files(false);
    struct problems problems = open_problems(spec_new(32768, 32768, 0));
    assert_int_equal(problems.n, 1);
    assert_int_equal(problems.code, EXIT_USAGE);
    problems_free(&problems);
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

int main(int argc, char **argv)
{
    world = comm_start(&argc, &argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resizing),
        cmocka_unit_test(pixels_unchanged),
        cmocka_unit_test(slices),
        cmocka_unit_test(gzip_and_dotted_names),
        cmocka_unit_test(noise),
        cmocka_unit_test(fewer_samples),
        cmocka_unit_test(order),
        cmocka_unit_test(malformed_plain),
        cmocka_unit_test(malformed_gzip),
        cmocka_unit_test(damaged_gzip),
        cmocka_unit_test(great_claims),
        cmocka_unit_test(no_folder_and_no_file),
        cmocka_unit_test(first_regular_file),
        cmocka_unit_test(changed_meanwhile),
        cmocka_unit_test(too_many_inputs),
        cmocka_unit_test(fashion_mnist),
    };
    int64_t before = memory_held();
    int failed = cmocka_run_group_tests(tests, setup, teardown);
    if (memory_held() != before)
        failed++, print_error("%lld bytes leaked\n", (long long)(memory_held() - before));
    comm_finish(world);
    return failed;
}
