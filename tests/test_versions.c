/* Files of other programs: newer formats are refused, checkpoints of older programs are read as far as
 * they go, --init takes weights alone. */
#include "store_run.h"

static void test_newer_version(void **state)
{
    (void)state;
    char *run = in(root, "newer"), *newest = in(run, "checkpoint-4.h5");
    make_run(run, 4, 3, 2, 1);
    const int64_t version = CHECKPOINT_VERSION + 1;
    hid_t file = H5Fopen(newest, H5F_ACC_RDWR, H5P_DEFAULT), id = H5Aopen(file, "version", H5P_DEFAULT);
    assert_true(H5Awrite(id, H5T_NATIVE_INT64, &version) >= 0);
    H5Aclose(id);
    H5Fclose(file);
    struct problems problems = {0};
    assert_null(checkpoint_config(run, world, &problems));
    assert_int_equal(problems.n, 1);
    assert_non_null(
        strstr(problems.text[0], "format version 2; this program reads version 1: use a newer program"));
    struct subject subject;
    struct progress progress = {0};
    subject_new(&subject, MOMENTUM_SEPARATE);
    assert_null(checkpoint_read_newest(&subject.organism, &progress, run, &problems));
    assert_int_equal(problems.n, 2);
    problems_free(&problems);
    subject_free(&subject);
    memory_free(run), memory_free(newest);
}

/* Replaces an attribute by its first (or last) n values. */
static void attribute_shorten(hid_t file, const char *name, hid_t type, hsize_t n, bool first)
{
    char values[8 * 16];
    hid_t id = H5Aopen(file, name, H5P_DEFAULT), space = H5Aget_space(id);
    const hssize_t all = H5Sget_simple_extent_npoints(space);
    assert_true(all <= 16 && H5Aread(id, type, values) >= 0);
    H5Aclose(id), H5Sclose(space), H5Adelete(file, name);
    space = H5Screate_simple(1, &n, NULL);
    id = H5Acreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5Awrite(id, type, values + (first ? 0 : 8 * (all - (hssize_t)n))) >= 0);
    H5Aclose(id), H5Sclose(space);
}

/* A checkpoint of a program that knew one kind of interaction, and no first limb of sums: what it has is
 * read, the rest is 0. Data of other programs are known by their digests, however few samples there are. */
static void test_fewer_kinds(void **state)
{
    (void)state;
    char *run = in(root, "kinds"), *path = in(run, "checkpoint-1-3.h5");
    struct subject subject;
    struct lock lock = {0};
    struct problems problems = {0};
    struct progress progress = {.epoch = 1,
                                .batch = 3,
                                .interactions = {5, 7, 9},
                                .tally = {.samples = 4, .loss = {{0, 3, 4, 5}}, .error = {{0, 6, 7, 8}}},
                                .self_loss = {{0, 9, 10, 11}},
                                .data = {{1, 0, 13, 5, 12345}}};
    subject_new(&subject, MOMENTUM_SEPARATE);
    lock_take(&lock, run, false, world, &problems);
    for (int64_t epoch = 0; epoch < 2; epoch++) {
        struct metrics_row row = metrics_row_empty(epoch);
        row.interactions[INTERACTION_ATTACK] = 10 + epoch;
        row.interactions[INTERACTION_MELT] = 20 + epoch;
        row.interactions[INTERACTION_LEARN] = 30 + epoch;
        progress_add(&progress, &row);
    }
    checkpoint_write(run, &subject.organism, &progress, config, 0, 1, NULL);
    lock_release(&lock, world);
    progress_free(&progress);
    hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    attribute_shorten(file, "interactions", H5T_NATIVE_INT64, 2, true);
    attribute_shorten(file, "loss_sum", H5T_NATIVE_DOUBLE, 3, false);
    attribute_shorten(file, "error_sum", H5T_NATIVE_DOUBLE, 3, false);
    attribute_shorten(file, "self_loss_sum", H5T_NATIVE_DOUBLE, 3, false);
    assert_true(H5Adelete(file, "attributes_digest") >= 0 &&
                H5Ldelete(file, "/metrics/lessons", H5P_DEFAULT) >= 0);
    H5Fclose(file);
    progress = (struct progress){0};
    assert_true(checkpoint_read(&subject.organism, &progress, path, &problems));
    assert_true(progress.interactions[INTERACTION_ATTACK] == 5 &&
                progress.interactions[INTERACTION_MELT] == 7 &&
                progress.interactions[INTERACTION_LEARN] == 0);
    const double loss[] = {0, 3, 4, 5}, error[] = {0, 6, 7, 8}, self[] = {0, 9, 10, 11};
    assert_memory_equal(progress.tally.loss.limb, loss, sizeof loss);
    assert_memory_equal(progress.tally.error.limb, error, sizeof error);
    assert_memory_equal(progress.self_loss.limb, self, sizeof self);
    assert_int_equal(progress.n_rows, 2);
    for (int64_t i = 0; i < 2; i++) {
        assert_int_equal(progress.rows[i].interactions[INTERACTION_ATTACK], 10 + i);
        assert_int_equal(progress.rows[i].interactions[INTERACTION_MELT], 20 + i);
        assert_int_equal(progress.rows[i].interactions[INTERACTION_LEARN], 0);
    }
    progress_free(&progress);
    /* One sample, and another one. */
    progress = (struct progress){.data = {{1, 0, 13, 5, 54321}}};
    assert_false(checkpoint_read(&subject.organism, &progress, path, &problems));
    assert_non_null(strstr(problems.text[0], "was trained on other data; these differ: training samples"));
    problems_free(&problems), progress_free(&progress);
    subject_free(&subject);
    memory_free(path), memory_free(run);
}

/* --init: weights without velocities, and shapes that do not fit. */
static void test_init(void **state)
{
    (void)state;
    char *path = in(root, "weights.h5");
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t layers = H5Gcreate2(file, "layers", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    const hsize_t size[2][3] = {{6, 13, 27}, {5, 6, 27}};
    for (int l = 0; l < 2; l++) {
        double values[6 * 13 * 27];
        char name[32];
        for (int i = 0; i < 6 * 13 * 27; i++) values[i] = 1000 * l + i / 27 + 0.01 * (i % 27);
        hid_t group = H5Gcreate2(layers, l ? "1" : "0", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        hid_t space = H5Screate_simple(3, size[l], NULL);
        snprintf(name, sizeof name, "weights");
        hid_t id = H5Dcreate2(group, name, H5T_IEEE_F64BE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        assert_true(H5Dwrite(id, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
        H5Dclose(id), H5Sclose(space), H5Gclose(group);
    }
    H5Gclose(layers), H5Fclose(file);
    struct subject subject;
    struct problems problems = {0};
    subject_new(&subject, MOMENTUM_SEPARATE);
    int flags = 0;
    organism_sweep(&subject.organism, 3, &flags);
    bool other_steps = true;
    assert_true(checkpoint_init(&subject.organism, path, &other_steps, &problems));
    assert_false(other_steps); /* there are none */
    float rows[6 * 13 * 27];
    int64_t n, n_rows;
    struct stretch *stretches = organism_stretches(&subject.organism, 0, &n, &n_rows);
    organism_export(&subject.organism, 0, FIELD_WEIGHTS, rows);
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < stretches[i].count; k++)
            for (int w = 0; w < 27; w++) {
                const double q = (double)(stretches[i].cell * 13 + stretches[i].edge + k);
                assert_true(rows[(stretches[i].first + k) * 27 + w] == (float)(q + 0.01 * w));
            }
    memory_free(stretches);
    organism_export(&subject.organism, 0, FIELD_VELOCITY_SELF, rows);
    for (int i = 0; i < 6 * 13 * 27; i++) assert_true(rows[i] == 0);
    subject_free(&subject);
    /* Another shape, and no file at all. */
    file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    H5Ldelete(file, "layers/1/weights", H5P_DEFAULT);
    H5Fclose(file);
    subject_new(&subject, MOMENTUM_SEPARATE);
    assert_false(checkpoint_init(&subject.organism, path, &other_steps, &problems));
    assert_non_null(strstr(problems.text[0], "/layers/1/weights is missing"));
    assert_false(checkpoint_init(&subject.organism, "/nowhere/to/be/found.h5", &other_steps, &problems));
    assert_non_null(strstr(problems.text[1], "there is no such file"));
    assert_int_equal(problems.code, EXIT_INPUT);
    problems_free(&problems);
    subject_free(&subject);
    memory_free(path);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_newer_version),
                                       cmocka_unit_test(test_fewer_kinds), cmocka_unit_test(test_init)};
    if (!tests_begin(argc, argv)) return 1;
    return tests_end(cmocka_run_group_tests(tests, NULL, NULL));
}
