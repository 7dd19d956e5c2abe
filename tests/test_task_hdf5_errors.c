/* Every way in which an HDF5 file of a task can be wrong has its message. */
#include "hdf5_files.h"

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
    DAMAGE(r.type_x = H5T_C_S1, "/x: expected floats [samples, inputs], found texts", "");
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
           r.type_x = H5T_NATIVE_DOUBLE, "/x: sample 4, column 2: expected a finite float32", "1e+300");
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
    hid_t file = H5Fopen(task_file, H5F_ACC_RDWR, H5P_DEFAULT), data = H5Dopen2(file, "/test/y", H5P_DEFAULT);
    float y[M * OUTPUTS] = {0};
    y[OUTPUTS + 2] = NAN;
    H5Dwrite(data, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, y);
    H5Dclose(data);
    H5Fclose(file);
    expect(spec_new(0), EXIT_INPUT, "/test/y: sample 1, column 2: expected a finite float32", "nan");
    r = good_recipe();
    write_file(&r);
    file = H5Fopen(task_file, H5F_ACC_RDWR, H5P_DEFAULT), data = H5Dopen2(file, "/test/y", H5P_DEFAULT);
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
        hid_t file = H5Fcreate(task_file, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT),
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
    unlink(task_file);
    expect(spec, EXIT_INPUT, "No such file", "");
    spec.path = folder;
    expect(spec, EXIT_INPUT, "expected a regular file, found a folder", "");
    spec.path = task_file;
    file_put(folder, "task.h5", "not HDF5 at all", 15, false);
    expect(spec, EXIT_INPUT, "cannot be opened as an HDF5 file: it is no HDF5 file, or its beginning is lost",
           "");
    struct recipe r = good_recipe();
    write_file(&r);
    assert_int_equal(truncate(task_file, 3000), 0);
    expect(spec, EXIT_INPUT, "cannot be opened as an HDF5 file: its end is missing", "");
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
    hid_t file = H5Fcreate(task_file, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT),
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
    FILE *raw = fopen(task_file, "r+b");
    fseek(raw, (long)at + 100, SEEK_SET);
    int byte = fgetc(raw);
    fseek(raw, (long)at + 100, SEEK_SET);
    fputc(byte ^ 4, raw);
    fclose(raw);
    expect(spec_new(0), EXIT_INPUT, "/x: cannot be read: its values have another checksum", "");
}

/* Chunks that unpack to less than their length, which HDF5 would read past. */
static void short_chunks(void **state)
{
    (void)state;
    for (int filters = 1; filters < 3; filters++) {
        hid_t file = H5Fcreate(task_file, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT),
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
        file = H5Fopen(task_file, H5F_ACC_RDWR, H5P_DEFAULT);
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

TASK_TESTS(cmocka_unit_test(malformed), cmocka_unit_test(malformed_targets), cmocka_unit_test(great_claims),
           cmocka_unit_test(not_a_file), cmocka_unit_test(damaged_chunk), cmocka_unit_test(short_chunks))
