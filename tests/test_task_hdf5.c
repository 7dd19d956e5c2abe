/* Tasks from HDF5 files: values, types, slices, and every way in which a file can be wrong. */
#include <hdf5.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "metazoa/base/memory.h"
#include "task_files.h"

static struct comm *world;
static char folder[64], path[512];

enum { N = 23, M = 6, INPUTS = 21, OUTPUTS = 3, CLASSES = 5 };

static float x_at(int test, int s, int i)
{
    return (float)((s * 131 + i * 17 + test * 1009) % 997) / 64 - 7;
}

/* How a file is written: everything that a damage may change. */
struct recipe {
    hid_t type_x, type_y; /* memory and file type */
    int rank_x, rank_y;
    hsize_t n, m, inputs, outputs, labels; /* labels: rows of /y */
    int chunk;                             /* rows of a chunk; 0: contiguous */
    bool deflate, with_test;
    const char *without; /* name that is left out */
    double bad;          /* value of sample 4, column 2 of /x, if not 0 */
    int64_t bad_label;   /* of sample 4, if not 0 */
    hsize_t test_inputs, test_outputs;
};

static struct recipe good_recipe(void)
{
    return (struct recipe){.type_x = H5T_NATIVE_FLOAT,
                           .type_y = H5T_NATIVE_INT64,
                           .rank_x = 2,
                           .rank_y = 1,
                           .n = N,
                           .m = M,
                           .inputs = INPUTS,
                           .outputs = OUTPUTS,
                           .labels = N,
                           .with_test = true,
                           .without = "",
                           .test_inputs = INPUTS,
                           .test_outputs = OUTPUTS};
}

/* Writes doubles as a dataset of the given type. */
static void put(hid_t file, const char *name, const struct recipe *r, hid_t type, int rank, hsize_t rows,
                hsize_t columns, const double *values)
{
    if (strcmp(name, r->without) == 0) return;
    hsize_t size[3] = {rows, columns, 1}, chunk[3] = {(hsize_t)r->chunk, columns, 1};
    if (rank == 1) size[0] = rows;
    hid_t list = H5Pcreate(H5P_DATASET_CREATE);
    if (r->chunk) H5Pset_chunk(list, rank, chunk);
    if (r->deflate) H5Pset_deflate(list, 6);
    hid_t space = rank == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(rank, size, NULL);
    hid_t data = H5Dcreate2(file, name, type, space, H5P_DEFAULT, list, H5P_DEFAULT);
    if (data < 0) exit(1);
    if (rows > 0 && H5Tget_class(type) != H5T_STRING)
        H5Dwrite(data, H5T_NATIVE_DOUBLE, space, space, H5P_DEFAULT, values);
    H5Dclose(data);
    H5Sclose(space);
    H5Pclose(list);
}

static void put_set(hid_t file, const struct recipe *r, int test)
{
    int n = (int)(test ? r->m : r->n), inputs = (int)(test ? r->test_inputs : r->inputs),
        outputs = (int)(test ? r->test_outputs : r->outputs);
    double *x = calloc((size_t)(n * inputs + 1), sizeof *x),
           *y = calloc((size_t)(n * outputs + 99), sizeof *y);
    for (int s = 0; s < n; s++)
        for (int i = 0; i < inputs; i++) x[s * inputs + i] = (double)x_at(test, s, i);
    if (!test && r->bad != 0) x[4 * inputs + 2] = r->bad;
    for (int i = 0; i < n * (r->rank_y == 2 ? outputs : 1); i++)
        y[i] = r->rank_y == 2 ? i / 8.0 : (i * 3 + test) % CLASSES;
    if (r->bad_label != 0) y[4] = (double)r->bad_label;
    put(file, test ? "/test/x" : "/x", r, r->type_x, r->rank_x, (hsize_t)n, (hsize_t)inputs, x);
    put(file, test ? "/test/y" : "/y", r, r->type_y, r->rank_y, test ? (hsize_t)n : r->labels,
        (hsize_t)outputs, y);
    free(x);
    free(y);
}

static void write_file(const struct recipe *r)
{
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    put_set(file, r, 0);
    if (r->with_test) {
        H5Gclose(H5Gcreate2(file, "/test", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
        put_set(file, r, 1);
    }
    H5Fclose(file);
}

static struct task_spec spec_new(double noise)
{
    return (struct task_spec){.kind = TASK_HDF5, .path = path, .noise = noise, .seed = 9};
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

static void check_x(const struct dataset *data, int test, int64_t samples, int begin, int end)
{
    assert_int_equal(data->samples, samples);
    for (int s = 0; s < samples; s++)
        for (int i = begin; i < end; i++)
            assert_true(data->x[s * data->stride + i - begin] == x_at(test, s, i));
}

/* Classes of all integer types, inputs of both float types and byte orders, contiguous, chunked and
 * compressed. */
static void classes(void **state)
{
    (void)state;
    const hid_t types[] = {H5T_NATIVE_INT64, H5T_NATIVE_UINT8, H5T_STD_I16BE, H5T_NATIVE_UINT64,
                           H5T_NATIVE_INT8};
    const hid_t floats[] = {H5T_NATIVE_FLOAT, H5T_NATIVE_DOUBLE, H5T_IEEE_F32BE};
    for (int i = 0; i < 15; i++) {
        struct recipe r = good_recipe();
        r.type_y = types[i % 5], r.type_x = floats[i / 5], r.chunk = i % 3 ? 5 * i + 1 : 0,
        r.deflate = r.chunk % 2;
        if (r.chunk > M) r.chunk = M;
        write_file(&r);
        struct task task = load(spec_new(0), 0, -1);
        assert_true(task.classification);
        assert_int_equal(task.inputs, INPUTS);
        assert_int_equal(task.outputs, CLASSES);
        check_x(&task.train, 0, N, 0, INPUTS);
        check_x(&task.test, 1, M, 0, INPUTS);
        for (int s = 0; s < N; s++) assert_int_equal(task.train.label[s], s * 3 % CLASSES);
        for (int s = 0; s < M; s++) assert_int_equal(task.test.label[s], (s * 3 + 1) % CLASSES);
        assert_null(task.train.y);
        task_free(&task);
    }
}

static void values(void **state)
{
    (void)state;
    struct recipe r = good_recipe();
    r.type_y = H5T_NATIVE_DOUBLE, r.rank_y = 2;
    write_file(&r);
    struct task task = load(spec_new(0), 0, -1);
    assert_false(task.classification);
    assert_int_equal(task.outputs, OUTPUTS);
    assert_null(task.train.label);
    for (int i = 0; i < N * OUTPUTS; i++) assert_true(task.train.y[i] == (float)i / 8);
    for (int i = 0; i < M * OUTPUTS; i++) assert_true(task.test.y[i] == (float)i / 8);
    task_free(&task);
}

static void no_test_and_one_class(void **state)
{
    (void)state;
    struct recipe r = good_recipe();
    r.with_test = false, r.n = r.labels = 1;
    write_file(&r);
    struct task task = load(spec_new(0), 0, -1);
    assert_int_equal(task.test.samples, 0);
    assert_int_equal(task.outputs, 2);
    task_free(&task);
}

static void slices_and_noise(void **state)
{
    (void)state;
    struct recipe r = good_recipe();
    r.chunk = 4;
    write_file(&r);
    struct task whole = load(spec_new(0.25), 0, -1), clean = load(spec_new(0), 0, -1);
    double squares = 0;
    for (int s = 0; s < N; s++)
        for (int i = 0; i < INPUTS; i++)
            squares += pow((double)(whole.train.x[s * 32 + i] - clean.train.x[s * 32 + i]) / 0.25, 2);
    assert_true(fabs(squares / (N * INPUTS) - 1) < 5 * sqrt(2.0 / (N * INPUTS)));
    const int32_t cuts[] = {0, 0, 1, 16, 18, INPUTS};
    for (int i = 0; i + 1 < 6; i++) {
        struct task slice = load(spec_new(0.25), cuts[i], cuts[i + 1]);
        for (int s = 0; s < N; s++)
            assert_memory_equal(slice.train.x + s * slice.train.stride, whole.train.x + s * 32 + cuts[i],
                                (size_t)(cuts[i + 1] - cuts[i]) * sizeof(float));
        assert_memory_equal(slice.train.label, whole.train.label, N * sizeof(int32_t));
        task_free(&slice);
    }
    task_free(&whole);
    task_free(&clean);
}

static void fewer_samples(void **state)
{
    (void)state;
    struct recipe r = good_recipe();
    write_file(&r);
    struct task_spec spec = spec_new(0);
    spec.samples = 2, spec.test_samples = 1;
    struct task task = load(spec, 3, 8);
    check_x(&task.train, 0, 2, 3, 8);
    check_x(&task.test, 1, 1, 3, 8);
    assert_int_equal(task.outputs, CLASSES);
    task_free(&task);
}

/* Opens and loads; exactly one problem of this code whose text has both parts. */
static void expect(struct task_spec spec, enum exit_code code, const char *one, const char *two)
{
    struct task task;
    struct problems problems = {0};
    task_open(&task, &spec, world, &problems);
    if (problems.n == 0) task_load(&task, 0, task.inputs, world, &problems);
    if (problems.n != 1) problems_print(&problems, stderr);
    assert_int_equal(problems.n, 1);
    assert_int_equal(problems.code, code);
    if (!strstr(problems.text[0], one) || !strstr(problems.text[0], two) ||
        !strstr(problems.text[0], spec.path))
        fail_msg("\"%s\" has not \"%s\" and \"%s\"", problems.text[0], one, two);
    problems_free(&problems);
    task_free(&task);
}

#define DAMAGE(change, one, two)                                                                             \
    do {                                                                                                     \
        struct recipe r = good_recipe();                                                                     \
        change;                                                                                              \
        write_file(&r);                                                                                      \
        expect(spec_new(0), EXIT_INPUT, one, two);                                                           \
    } while (0)

static void malformed(void **state)
{
    (void)state;
    DAMAGE(r.without = "/x", "/x: expected a dataset, found none: there is no /x in", "");
    DAMAGE(r.without = "/y", "/y: expected a dataset, found none", "");
    DAMAGE(r.without = "/test/y", "/test/y: expected a dataset, found none", "");
    DAMAGE(r.rank_x = 1, "/x: expected floats [samples, inputs], found float32 [", "]");
    DAMAGE(r.type_x = H5T_NATIVE_INT, "/x: expected floats [samples, inputs], found integer32 [23, 21]", "");
    DAMAGE(r.type_x = H5T_C_S1, "/x: expected floats [samples, inputs], found another type", "");
    DAMAGE(r.rank_y = 2, "/y: expected integers [samples]", "found integer64 [23, 3]");
    DAMAGE(r.type_y = H5T_NATIVE_FLOAT, "or floats [samples, outputs], values; found float32 [23]", "/y");
    DAMAGE(r.rank_y = 3; r.type_y = H5T_NATIVE_FLOAT, "/y: expected integers", "found float32 [23, 3, 1]");
    DAMAGE(r.rank_y = 0, "/y: expected an array of at least one element", "");
    DAMAGE(r.labels = N - 1, "/y: expected 23 samples, as in /x, found 22", "");
    DAMAGE(r.labels = 0, "/y: expected an array of at least one element, found integer64 [0]", "");
    DAMAGE(r.inputs = 0, "/x: expected an array of at least one element, found float32 [23, 0]", "");
    DAMAGE(r.bad = (double)NAN, "/x: sample 4, column 2: expected a finite float32, found ", "nan");
    DAMAGE(r.bad = -HUGE_VAL, "/x: sample 4, column 2: expected a finite float32, found -inf", "");
    DAMAGE(r.bad = 1e300;
           r.type_x = H5T_NATIVE_DOUBLE, "/x: sample 4, column 2: expected a finite float32", "inf");
    DAMAGE(r.bad_label = -1, "/y: sample 4: expected a class from 0 to", "found -1");
    DAMAGE(r.bad_label = 1 << 24, "/y: sample 4: expected a class from 0 to 16777215, found 16777216", "");
    DAMAGE(r.test_inputs = INPUTS + 1, "/test/x: expected 21 inputs, as in /x, found 22", "");
    DAMAGE(r.rank_y = 2; r.type_y = H5T_NATIVE_FLOAT;
           r.test_outputs = 2, "/test/y: expected 3 outputs, as in /y, found 2", "");
}

/* Values, too, must be finite; a test label must be one of the training's classes. */
static void malformed_targets(void **state)
{
    (void)state;
    struct recipe r = good_recipe();
    r.rank_y = 2, r.type_y = H5T_NATIVE_FLOAT, r.bad_label = 1;
    write_file(&r);
    hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT), data = H5Dopen2(file, "/test/y", H5P_DEFAULT);
    float y[M * OUTPUTS] = {0};
    y[OUTPUTS + 2] = NAN;
    H5Dwrite(data, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, y);
    H5Dclose(data);
    H5Fclose(file);
    expect(spec_new(0), EXIT_INPUT, "/test/y: sample 1, column 2: expected a finite float32", "nan");
    r = good_recipe();
    write_file(&r);
    file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT), data = H5Dopen2(file, "/test/y", H5P_DEFAULT);
    int64_t label[M] = {0, 1, 2, 3, 4, CLASSES};
    H5Dwrite(data, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, label);
    H5Dclose(data);
    H5Fclose(file);
    expect(spec_new(0), EXIT_INPUT, "/test/y: sample 5: expected a class from 0 to 4, found 5", "");
}

/* A shape of 2^50 elements with nothing behind it, as a whole or in chunks, takes no memory. */
static void great_claims(void **state)
{
    (void)state;
    for (int chunked = 0; chunked < 2; chunked++) {
        hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT),
              list = H5Pcreate(H5P_DATASET_CREATE);
        hsize_t size[2] = {(hsize_t)1 << 30, 1 << 20}, chunk[2] = {1024, 1024};
        if (chunked) H5Pset_chunk(list, 2, chunk);
        hid_t space = H5Screate_simple(2, size, NULL), line = H5Screate_simple(1, size, NULL);
        H5Dclose(H5Dcreate2(file, "/x", H5T_NATIVE_FLOAT, space, H5P_DEFAULT, list, H5P_DEFAULT));
        H5Dclose(H5Dcreate2(file, "/y", H5T_NATIVE_INT8, line, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
        H5Sclose(space);
        H5Sclose(line);
        H5Pclose(list);
        H5Fclose(file);
        struct task task;
        struct problems problems = {0};
        struct task_spec spec = spec_new(0);
        task_open(&task, &spec, world, &problems);
        assert_int_equal(problems.n, 1);
        assert_int_equal(problems.code, EXIT_INPUT);
        assert_non_null(strstr(problems.text[0], "/x: float32 [1073741824, 1048576]: "));
        assert_non_null(strstr(problems.text[0], "claims more than the file of"));
        problems_free(&problems);
        task_free(&task);
    }
}

static void not_a_file(void **state)
{
    (void)state;
    struct task_spec spec = spec_new(0);
    unlink(path);
    expect(spec, EXIT_INPUT, "No such file", "");
    spec.path = folder;
    expect(spec, EXIT_INPUT, "expected a regular file, found a folder", "");
    spec.path = path;
    file_put(folder, "task.h5", "not HDF5 at all", 15, false);
    expect(spec, EXIT_INPUT, "cannot be opened as an HDF5 file; HDF5 says: ", "");
    struct recipe r = good_recipe();
    write_file(&r);
    assert_int_equal(truncate(path, 3000), 0);
    expect(spec, EXIT_INPUT, "cannot be opened as an HDF5 file; HDF5 says: ", "truncated");
    spec.samples = N + 1;
    write_file(&r);
    expect(spec, EXIT_USAGE, "task.samples: 24, but ", "holds 23 samples");
    r.with_test = false;
    write_file(&r);
    spec.samples = 0, spec.test_samples = 1;
    expect(spec, EXIT_USAGE, "task.test_samples: 1, but ", "holds 0 samples");
}

/* A compressed chunk whose bytes were changed is found by its check sum. */
static void damaged_chunk(void **state)
{
    (void)state;
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT),
          list = H5Pcreate(H5P_DATASET_CREATE);
    hsize_t size[2] = {64, 32};
    H5Pset_chunk(list, 2, size);
    H5Pset_fletcher32(list);
    float *x = calloc(64 * 32, sizeof *x);
    for (int i = 0; i < 64 * 32; i++) x[i] = 12345.678f;
    uint8_t y[64] = {1};
    hid_t space = H5Screate_simple(2, size, NULL), line = H5Screate_simple(1, size, NULL);
    hid_t data = H5Dcreate2(file, "/x", H5T_NATIVE_FLOAT, space, H5P_DEFAULT, list, H5P_DEFAULT);
    H5Dwrite(data, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, x);
    haddr_t at;
    hsize_t stored, zero[2] = {0};
    unsigned mask;
    H5Fflush(file, H5F_SCOPE_LOCAL);
    assert_true(H5Dget_chunk_info(data, space, 0, zero, &mask, &at, &stored) >= 0);
    H5Dclose(data);
    data = H5Dcreate2(file, "/y", H5T_NATIVE_UINT8, line, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Dwrite(data, H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, y);
    H5Dclose(data);
    H5Sclose(space);
    H5Sclose(line);
    H5Pclose(list);
    H5Fclose(file);
    free(x);
    FILE *raw = fopen(path, "r+b");
    fseek(raw, (long)at + 100, SEEK_SET);
    int byte = fgetc(raw);
    fseek(raw, (long)at + 100, SEEK_SET);
    fputc(byte ^ 4, raw);
    fclose(raw);
    expect(spec_new(0), EXIT_INPUT, "/x: cannot be read; HDF5 says: ", "");
}

/* Chunks that unpack to less than their length, which HDF5 would read past. */
static void short_chunks(void **state)
{
    (void)state;
    for (int filters = 1; filters < 3; filters++) {
        hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT),
              list = H5Pcreate(H5P_DATASET_CREATE);
        hsize_t size[2] = {40, 30}, chunk[2] = {16, 16}, at[2] = {16, 16};
        H5Pset_chunk(list, 2, chunk);
        H5Pset_shuffle(list);
        H5Pset_deflate(list, 4);
        if (filters == 2) H5Pset_fletcher32(list);
        static float x[40][30];
        static uint8_t y[40], packed[2000];
        for (int i = 0; i < 40 * 30; i++) x[i / 30][i % 30] = (float)(i % 77);
        hid_t space = H5Screate_simple(2, size, NULL), line = H5Screate_simple(1, size, NULL);
        hid_t data = H5Dcreate2(file, "/x", H5T_NATIVE_FLOAT, space, H5P_DEFAULT, list, H5P_DEFAULT);
        H5Dwrite(data, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, x);
        hid_t labels = H5Dcreate2(file, "/y", H5T_NATIVE_UINT8, line, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        H5Dwrite(labels, H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, y);
        H5Dclose(data);
        H5Dclose(labels);
        H5Fclose(file);
        struct task task = load(spec_new(0), 0, -1); /* good so far */
        for (int i = 0; i < 40 * 30; i++)
            assert_true(task.train.x[i / 30 * task.train.stride + i % 30] == (float)(i % 77));
        task_free(&task);
        file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
        data = H5Dopen2(file, "/x", H5P_DEFAULT);
        uLongf n = sizeof packed;
        compress(packed, &n, (const Bytef *)x, 16 * 16 * 4 - 4);
        /* Mask 4 leaves out the check sum. */
        assert_true(H5Dwrite_chunk(data, H5P_DEFAULT, filters == 2 ? 4 : 0, at, n, packed) >= 0);
        H5Dclose(data);
        H5Sclose(space);
        H5Sclose(line);
        H5Pclose(list);
        H5Fclose(file);
        expect(spec_new(0), EXIT_INPUT,
               "/x: float32 [40, 30]: the chunk that begins at row 16, column 16 is damaged", "1024 bytes");
    }
}

int main(int argc, char **argv)
{
    world = comm_start(&argc, &argv);
    folder_new(folder);
    folder_path(path, folder, "task.h5");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes),
        cmocka_unit_test(values),
        cmocka_unit_test(no_test_and_one_class),
        cmocka_unit_test(slices_and_noise),
        cmocka_unit_test(fewer_samples),
        cmocka_unit_test(malformed),
        cmocka_unit_test(malformed_targets),
        cmocka_unit_test(great_claims),
        cmocka_unit_test(not_a_file),
        cmocka_unit_test(damaged_chunk),
        cmocka_unit_test(short_chunks),
    };
    int64_t before = memory_held();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (memory_held() != before)
        failed++, print_error("%lld bytes leaked\n", (long long)(memory_held() - before));
    folder_clear(folder, true);
    comm_finish(world);
    return failed;
}
