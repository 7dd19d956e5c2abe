/* Tasks from HDF5 files: values, types, slices, noise. */
#include "hdf5_files.h"

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
        r.type_y = types[i % 5], r.type_x = floats[i / 5], r.chunk = i % 3 ? i % M + 1 : 0;
        r.deflate = r.chunk && i % 2, r.edges_plain = r.deflate && i % 4 == 3;
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

static void fewer_samples_of(const struct recipe *r)
{
    write_file(r);
    struct task_spec spec = spec_new(0);
    spec.samples = 2, spec.test_samples = 1;
    struct task task = load(spec, 3, 8);
    check_x(&task.train, 0, 2, 3, 8);
    check_x(&task.test, 1, 1, 3, 8);
    assert_int_equal(task.outputs, CLASSES);
    task_free(&task);
}

/* Also where they end within a chunk that is packed because it is full. */
static void fewer_samples(void **state)
{
    (void)state;
    struct recipe r = good_recipe();
    fewer_samples_of(&r);
    r.chunk = 5, r.deflate = r.edges_plain = true;
    fewer_samples_of(&r);
}

TASK_TESTS(cmocka_unit_test(classes), cmocka_unit_test(values), cmocka_unit_test(no_test_and_one_class),
           cmocka_unit_test(slices_and_noise), cmocka_unit_test(fewer_samples))
