/* CIFAR-10: planes, grey, resizing, parts in their order, and files that are wrong. The files are made here.
 */
#include "task_tests.h"

enum { SIDE = 32, PIXELS = SIDE * SIDE, RECORD = 1 + 3 * PIXELS, PARTS = 6 };

/* Records of each file, the test's last; 300 is more than the reader takes at a time. */
static const int records[PARTS] = {3, 1, 300, 2, 4, 5};
enum { TRAIN = 3 + 1 + 300 + 2 + 4, TEST = 5 };

static uint8_t pixel(int record, int plane, int i)
{
    uint32_t x = (uint32_t)record * 2654435761u + (uint32_t)(plane * PIXELS + i) * 40503u;
    return (uint8_t)(x >> 11 ^ x >> 3);
}

static const char *part_name(int part)
{
    static char name[32];
    snprintf(name, sizeof name, part < 5 ? "data_batch_%d.bin" : "test_batch.bin", part + 1);
    return name;
}

/* Writes all parts; records count through, the test's from 1000 on. */
static void put_files(bool gzip)
{
    folder_clear(folder, false);
    uint8_t *bytes = malloc((size_t)300 * RECORD);
    for (int part = 0, record = 0; part < PARTS; part++) {
        if (part == 5) record = 1000;
        for (int r = 0; r < records[part]; r++, record++) {
            bytes[r * RECORD] = (uint8_t)(record % 10);
            for (int i = 0; i < 3 * PIXELS; i++)
                bytes[r * RECORD + 1 + i] = pixel(record, i / PIXELS, i % PIXELS);
        }
        file_put(folder, part_name(part), bytes, (size_t)records[part] * RECORD, gzip);
    }
    free(bytes);
}

static struct task_spec spec_new(bool colour, int side)
{
    return (struct task_spec){
        .kind = TASK_CIFAR10, .path = folder, .colour = colour, .size = {side, side}, .seed = 4};
}

static double value(int record, int plane, int i, bool colour)
{
    if (colour) return pixel(record, plane, i) / 255.0;
    return (0.299 * pixel(record, 0, i) + 0.587 * pixel(record, 1, i) + 0.114 * pixel(record, 2, i)) / 255.0;
}

/* Bilinear, as a tent over the source's pixels. */
static double resized(int record, int plane, int r, int c, int side, bool colour)
{
    double y = fmin(fmax((r + 0.5) * SIDE / side - 0.5, 0), SIDE - 1);
    double x = fmin(fmax((c + 0.5) * SIDE / side - 0.5, 0), SIDE - 1), sum = 0;
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) {
            double weight = fmax(0, 1 - fabs(y - i)) * fmax(0, 1 - fabs(x - j));
            if (weight > 0) sum += weight * value(record, plane, i * SIDE + j, colour);
        }
    return sum;
}

static void check(const struct dataset *data, int first, int step, int side, bool colour)
{
    for (int s = 0; s < data->samples; s += step) {
        assert_int_equal(data->label[s], (first + s) % 10);
        for (int i = 0; i < (colour ? 3 : 1) * side * side; i++) {
            int plane = i / (side * side), at = i % (side * side);
            double expected = resized(first + s, plane, at / side, at % side, side, colour);
            /* Values up to 1, a few products and sums in single precision. */
            assert_true(fabs((double)data->x[s * data->stride + i] - expected) < 6e-7);
        }
    }
}

static void values(void **state)
{
    (void)state;
    for (int i = 0; i < 6; i++) {
        bool colour = i % 2;
        int side = (int[]){0, 16, 13}[i / 2];
        put_files(i == 3); /* zlib reads what is packed under the same name */
        struct task task = load(spec_new(colour, side), 0, -1);
        if (side == 0) side = SIDE;
        assert_int_equal(task.inputs, (colour ? 3 : 1) * side * side);
        assert_int_equal(task.outputs, 10);
        assert_true(task.classification);
        assert_int_equal(task.train.samples, TRAIN);
        assert_int_equal(task.test.samples, TEST);
        check(&task.train, 0, 7, side, colour);
        check(&task.test, 1000, 1, side, colour);
        task_free(&task);
    }
}

static void fewer_and_slices(void **state)
{
    (void)state;
    put_files(false);
    struct task_spec spec = spec_new(true, 16);
    spec.noise = 0.5;
    struct task whole = load(spec, 0, -1);
    spec.samples = 4 + 300, spec.test_samples = 2; /* whole parts */
    struct task slice = load(spec, 250, 523);
    assert_int_equal(slice.train.samples, 304);
    assert_int_equal(slice.test.samples, 2);
    for (int64_t s = 0; s < 304; s++)
        assert_memory_equal(slice.train.x + s * slice.train.stride,
                            whole.train.x + s * whole.train.stride + 250, (523 - 250) * sizeof(float));
    assert_memory_equal(slice.train.label, whole.train.label, 304 * sizeof(int32_t));
    task_free(&slice);
    spec.samples = 2; /* less than a part */
    slice = load(spec, 0, 768);
    assert_memory_equal(slice.train.x, whole.train.x, 2 * 768 * sizeof(float));
    task_free(&slice);
    task_free(&whole);
}

static void expect(int problem_count, const char *name, const char *text)
{
    struct task task;
    struct problems problems = {0};
    struct task_spec spec = spec_new(true, 0);
    task_open(&task, &spec, world, &problems);
    if (problems.n == 0) task_load(&task, 0, task.inputs, world, &problems);
    if (problems.n != problem_count) problems_print(&problems, stderr);
    assert_int_equal(problems.n, problem_count);
    assert_int_equal(problems.code, EXIT_INPUT);
    if (!strstr(problems.text[0], name) || !strstr(problems.text[0], text))
        fail_msg("\"%s\" has not \"%s\" and \"%s\"", problems.text[0], name, text);
    problems_free(&problems);
    task_free(&task);
}

static void malformed(void **state)
{
    (void)state;
    char path[512];
    put_files(false);
    folder_path(path, folder, "data_batch_4.bin");
    assert_int_equal(truncate(path, 2 * RECORD - 1), 0);
    expect(1, "data_batch_4.bin",
           "expected records of 3073 bytes, found 6145 bytes: 1 records and 3072 bytes");
    assert_int_equal(truncate(path, 0), 0);
    expect(1, "data_batch_4.bin", "expected records of 3073 bytes, found 0 bytes");
    unlink(path);
    expect(1, "data_batch_4.bin", "no such file; task.path must name the folder of the six files");
    folder_clear(folder, false);
    expect(6, "data_batch_1.bin", "no such file");
    for (int set = 0; set < 2; set++) {
        put_files(false);
        folder_path(path, folder, set ? "test_batch.bin" : "data_batch_3.bin");
        FILE *file = fopen(path, "r+b");
        fseek(file, 2 * RECORD, SEEK_SET);
        fputc(10, file);
        fclose(file);
        expect(1, folder,
               set ? "test_batch.bin: sample 2: expected a class from 0 to 9, found 10"
                   : "data_batch_3.bin: sample 6: expected a class from 0 to 9, found 10");
    }
}

/* A part that becomes shorter between the two looks at it. */
static void changed_meanwhile(void **state)
{
    (void)state;
    put_files(false);
    struct task task;
    struct problems problems = {0};
    struct task_spec spec = spec_new(false, 0);
    task_open(&task, &spec, world, &problems);
    assert_int_equal(problems.n, 0);
    char path[512];
    folder_path(path, folder, "data_batch_1.bin");
    assert_int_equal(truncate(path, RECORD), 0);
    task_load(&task, 0, task.inputs, world, &problems);
    assert_int_equal(problems.n, 1);
    assert_non_null(strstr(problems.text[0], "have become shorter"));
    problems_free(&problems);
    task_free(&task);
}

TASK_TESTS(cmocka_unit_test(values), cmocka_unit_test(fewer_and_slices), cmocka_unit_test(malformed),
           cmocka_unit_test(changed_meanwhile))
