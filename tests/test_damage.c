/*
 * Damaged files are detected or harmless: flipped bits, cuts, attributes, values under HDF5's own checksums,
 * counters out of range. DAMAGE_FLIPS, DAMAGE_CUTS, SEED: more of it (tests/long_damage.sh).
 */
#include "store_run.h"

#include <sys/resource.h>

#include "metazoa/base/guard.h"
#include "metazoa/hdf5/h5.h"

static int64_t harmless, detected;

/* After a damage: verify must complain, or all contents must be as before. */
static void judge(const char *run, const char *path, bool is_checkpoint, uint64_t contents, const char *what)
{
    bool sound;
    char *text = verdict(path, &sound);
    if (!sound) {
        detected++;
        if (!strstr(text, "DAMAGED")) fail_msg("%s: %s: \"%s\"", path, what, text);
    } else {
        harmless++;
        const uint64_t now = is_checkpoint ? checkpoint_contents(path) : archive_contents(run);
        if (now != contents) fail_msg("%s: %s was not detected: %s", path, what, text);
    }
    free(text);
}

static void damage_file(const char *run, const char *name, int64_t flips, int64_t cuts)
{
    char *path = in(run, name), what[128];
    int64_t n;
    unsigned char *bytes = slurp(path, &n);
    const bool is_checkpoint = strncmp(name, "checkpoint", 10) == 0;
    const uint64_t contents = is_checkpoint ? checkpoint_contents(path) : archive_contents(run);
    assert_true(contents != 0);
    harmless = detected = 0;
    for (int64_t i = 0; i < flips; i++) { /* one in each of as many regions as there are flips */
        const int64_t begin = n * i / flips,
                      end = n * (i + 1) / flips > begin ? n * (i + 1) / flips : begin + 1;
        const int64_t at = begin + lrand48() % (end - begin), bit = lrand48() % 8;
        bytes[at] ^= (unsigned char)(1 << bit);
        spill(path, bytes, n);
        snprintf(what, sizeof what, "bit %" PRId64 " of byte %" PRId64 " flipped", bit, at);
        judge(run, path, is_checkpoint, contents, what);
        bytes[at] ^= (unsigned char)(1 << bit);
    }
    printf("%s: %" PRId64 " flips: %" PRId64 " detected, %" PRId64 " harmless", name, flips, detected,
           harmless);
    harmless = detected = 0;
    for (int64_t i = 0; i < cuts; i++) {
        const int64_t left = i == 0 ? n - 1 : lrand48() % n;
        spill(path, bytes, left);
        snprintf(what, sizeof what, "cut to %" PRId64 " bytes", left);
        judge(run, path, is_checkpoint, contents, what);
    }
    printf("; %" PRId64 " cuts: %" PRId64 " detected, %" PRId64 " harmless\n", cuts, detected, harmless);
    spill(path, bytes, n);
    memory_free(bytes);
    memory_free(path);
}

static void test_damage(void **state)
{
    (void)state;
    const int64_t seed = number("SEED", (int64_t)time(NULL) % 1000000);
    const int64_t flips = number("DAMAGE_FLIPS", 120) / 3, cuts = number("DAMAGE_CUTS", 30) / 3;
    printf("seed %" PRId64 "\n", seed);
    srand48(seed);
    char *run = in(root, "damage");
    make_run(run, 4, 3, 2, 0.5);
    damage_file(run, "checkpoint-4.h5", flips, cuts);
    damage_file(run, "archive/segment-000000.h5", flips, cuts);
    damage_file(run, "archive.h5", flips, cuts);
    bool sound;
    char *text = verdict(run, &sound);
    if (!sound) fail_msg("%s", text);
    free(text);
    memory_free(run);
}

/* The name of the i-th attribute of an object of a file; false: it has fewer. */
static bool attribute_name(const char *path, const char *object, int i, char name[64])
{
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    hid_t id = H5Aopen_by_idx(file, object, H5_INDEX_NAME, H5_ITER_INC, (hsize_t)i, H5P_DEFAULT, H5P_DEFAULT);
    if (id >= 0) H5Aget_name(id, 64, name);
    if (id >= 0) H5Aclose(id);
    H5Fclose(file);
    return id >= 0;
}

/* Changes one bit of an attribute's value, by way of HDF5, so that its own checksums are right. */
static void attribute_flip(const char *path, const char *object, const char *name, int bit)
{
    char values[4096] = "";
    hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    hid_t set = H5Oopen(file, object, H5P_DEFAULT), id = H5Aopen(set, name, H5P_DEFAULT),
          type = H5Aget_type(id);
    assert_true(H5Aget_storage_size(id) <= sizeof values && H5Aread(id, type, values) >= 0);
    values[bit / 8] = (char)(values[bit / 8] ^ 1 << bit % 8);
    if (H5Awrite(id, type, values) < 0) {
        H5Eprint2(H5E_DEFAULT, stderr);
        fail_msg("%s of %s cannot be written", name, object);
    }
    H5Tclose(type), H5Aclose(id), H5Oclose(set), H5Fclose(file);
}

/* A bit of any attribute of an object of a file is another one: verify and the program notice. */
static void attributes_flipped(const char *run, const char *file, const char *object)
{
    char *path = in(run, file), name[64];
    int64_t n;
    unsigned char *bytes = slurp(path, &n);
    int tried = 0;
    for (int i = 0; attribute_name(path, object, i, name); i++) {
        if (strcmp(name, "DIMENSION_LIST") == 0 || strcmp(name, "REFERENCE_LIST") == 0) continue;
        bool sound;
        attribute_flip(path, object, name, tried++ % 8); /* of the lowest byte, or the first letter */
        char *text = verdict(path, &sound);
        if (sound) fail_msg("%s: %s of %s was changed: \"%s\"", path, name, object, text);
        free(text);
        if (strncmp(file, "checkpoint", 10) == 0 && checkpoint_contents(path) != 0)
            fail_msg("%s: %s of %s was changed, and it was read", path, name, object);
        spill(path, bytes, n);
    }
    assert_true(tried >= 3);
    memory_free(bytes);
    memory_free(path);
}

static void test_attributes(void **state)
{
    (void)state;
    char *run = in(root, "attributes");
    make_run(run, 4, 3, 2, 0.5);
    attributes_flipped(run, "checkpoint-4.h5", "/");
    attributes_flipped(run, "checkpoint-4.h5", "/layers/0/weights");
    attributes_flipped(run, "archive/segment-000000.h5", "/");
    attributes_flipped(run, "archive.h5", "/");
    memory_free(run);
}

/* Adds to the first value of a dataset, by way of HDF5, so that its own checksums are right. */
static void value_change(const char *path, const char *name, bool is_float)
{
    double values[4096];
    hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT), id = H5Dopen2(file, name, H5P_DEFAULT);
    hid_t type = is_float ? H5T_NATIVE_DOUBLE : H5T_NATIVE_INT64;
    assert_true(H5Dread(id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    int64_t number;
    memcpy(&number, values, sizeof number);
    number++;
    if (!is_float) memcpy(values, &number, sizeof number);
    if (is_float) values[0] += 1;
    assert_true(H5Dwrite(id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    H5Dclose(id), H5Fclose(file);
}

/* What checkpoint_read and verify say of a file; NULL: it is sound. The caller frees. */
static char *refusal(const char *path)
{
    struct subject subject;
    struct progress progress = {0};
    struct problems problems = {0};
    bool sound;
    subject_new(&subject, MOMENTUM_SEPARATE);
    const bool read = checkpoint_read(&subject.organism, &progress, path, &problems);
    char *text = verdict(path, &sound), *said = read ? NULL : memory_string(problems.text[0]);
    assert_int_equal(read, sound);
    if (!read) assert_non_null(strstr(text, strstr(said, ": ") + 2)); /* both say the same */
    free(text);
    problems_free(&problems);
    progress_free(&progress);
    subject_free(&subject);
    return said;
}

/* A value of any dataset is another one, whatever HDF5's own checksums say. */
static void test_digests(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool is_float;
    } data[] = {{"/layers/0/weights", true},
                {"/layers/1/velocity_self", true},
                {"/metrics/task_loss", true},
                {"/metrics/epoch", false},
                {"/layers/1/velocity_task", true}};
    char *run = in(root, "digests"), *path = in(run, "checkpoint-4.h5");
    int64_t n;
    make_run(run, 4, 3, 2, 1);
    unsigned char *bytes = slurp(path, &n);
    for (size_t i = 0; i < sizeof data / sizeof *data; i++) {
        value_change(path, data[i].name, data[i].is_float);
        char *said = refusal(path),
             *must = memory_print("%s: its digest is not the stored one", data[i].name);
        if (!said || !strstr(said, must)) fail_msg("%s: \"%s\"", data[i].name, said ? said : "sound");
        memory_free(said), memory_free(must);
        spill(path, bytes, n);
    }
    /* The fingerprint is another one, and nothing else: as in a file of version 0.1. */
    attribute_flip(path, "/", "fingerprint", 5);
    hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(H5Adelete(file, "attributes_digest") >= 0);
    H5Fclose(file);
    bool sound;
    char *text = verdict(path, &sound);
    assert_false(sound);
    assert_non_null(strstr(text, "the fingerprint of its particles is"));
    assert_true(checkpoint_contents(path) == 0);
    free(text);
    memory_free(bytes);
    memory_free(path), memory_free(run);
}

/* A file of version 0.1 has no digest of its attributes: it is read, but not with counters out of range. */
static void test_ranges(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t value;
    } bad[] = {{"epoch", -5},         {"epoch", INT64_C(1) << 62},
               {"epoch", 3},          {"batch", -5},
               {"stage", -1},         {"stage", 17},
               {"phase_epoch", 6},    {"settled", -1},
               {"finished", 2},       {"records", 6},
               {"records", -1},       {"self_sweeps", -1},
               {"samples", -1},       {"correct", 1},
               {"layers", 99},        {"layers", -1},
               {"particle_width", 0}, {"particle_layers", 77},
               {"version", 0},        {"arithmetic", 0},
               {"data_digest", 7},    {"samples", 7}};
    char *run = in(root, "ranges"), *path = in(run, "checkpoint-4.h5");
    bool sound;
    make_run(run, 4, 3, 2, 1);
    hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(H5Adelete(file, "attributes_digest") >= 0);
    H5Fclose(file);
    char *text = verdict(path, &sound);
    if (!sound) fail_msg("%s", text);
    free(text);
    assert_true(checkpoint_contents(path) != 0);
    int64_t n;
    unsigned char *bytes = slurp(path, &n);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
        hid_t id = H5Aopen(file, bad[i].name, H5P_DEFAULT);
        assert_true(H5Awrite(id, H5T_NATIVE_INT64, &bad[i].value) >= 0);
        H5Aclose(id), H5Fclose(file);
        text = verdict(path, &sound);
        if (sound) fail_msg("%s = %" PRId64 ": %s", bad[i].name, bad[i].value, text);
        free(text);
        assert_true(checkpoint_contents(path) == 0);
        spill(path, bytes, n);
    }
    memory_free(bytes);
    memory_free(path), memory_free(run);
}

/* Puts a virtual dataset of this many records in the place of /a. Its records [from, from + n) are the
 * first n of the dataset `name` of source.h5; the others are nowhere. */
static void virtual_replace(const char *path, hsize_t records, hsize_t from, hsize_t n, const char *name)
{
    const hsize_t size[] = {records, 3}, held[] = {2, 3}, low[] = {from, 0}, first[] = {0, 0},
                  part[] = {n, 3};
    hid_t id = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT), space = H5Screate_simple(2, size, NULL),
          source = H5Screate_simple(2, held, NULL), list = H5Pcreate(H5P_DATASET_CREATE);
    assert_true(H5Ldelete(id, "/a", H5P_DEFAULT) >= 0 && H5Pset_layout(list, H5D_VIRTUAL) >= 0);
    if (n > 0) {
        H5Sselect_hyperslab(space, H5S_SELECT_SET, low, NULL, part, NULL);
        H5Sselect_hyperslab(source, H5S_SELECT_SET, first, NULL, part, NULL);
        assert_true(H5Pset_virtual(list, space, "source.h5", name, source) >= 0);
    }
    hid_t data = H5Dcreate2(id, "/a", H5T_IEEE_F32LE, space, H5P_DEFAULT, list, H5P_DEFAULT);
    assert_true(data >= 0);
    H5Dclose(data), H5Pclose(list), H5Sclose(source), H5Sclose(space), H5Fclose(id);
}

/* A virtual dataset that leads to other values than those of its name in the file that it joins, or not
 * for all of its records to any. */
static void test_parts(void **state)
{
    (void)state;
    static const struct {
        hsize_t records, from, n;
        const char *name, *said;
    } wrong[] = {{2, 0, 2, "/b", "read through the archive, its records are others"},
                 {2, 0, 1, "/a", "records from 1 on are in no part"},
                 {2, 1, 1, "/a", "its parts are not side by side"},
                 {2, 0, 0, "/a", "leads nowhere"},
                 {3, 0, 2, "/a", "has another shape than it must"}};
    char *source = in(root, "source.h5"), *master = in(root, "master.h5");
    const struct h5_data a = {.name = "/a",
                              .type = H5_F32,
                              .has_record = true,
                              .records = 2,
                              .chunk_records = 1,
                              .row_axes = 1,
                              .row_size = {3},
                              .chunk_rows = {3},
                              .description = "",
                              .units = "1"};
    struct h5_data b = a;
    b.name = "/b";
    const float one[6] = {1, 2, 3, 4, 5, 6}, other[6] = {1, 2, 3, 4, 5, 7};
    struct h5 file;
    h5_create(&file, source, NULL, 0);
    h5_put(&file, &a, one), h5_put(&file, &b, other);
    h5_close(&file);
    const struct h5_source whole = {.path = "source.h5", .n = 2};
    h5_create(&file, master, NULL, 0);
    h5_virtual(&file, &a, 1, &whole);
    h5_close(&file);
    char here[4096];
    assert_true(getcwd(here, sizeof here) && chdir(root) == 0);
    assert_true(
        h5_read_begin(&file, "master.h5")); /* its parts lie beside it, also if its path has no folder */
    assert_true(h5_verify_virtual(&file, &a));
    h5_read_end(&file);
    assert_int_equal(chdir(here), 0);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        virtual_replace(master, wrong[i].records, wrong[i].from, wrong[i].n, wrong[i].name);
        assert_true(h5_read_begin(&file, master));
        assert_false(h5_verify_virtual(&file, &a));
        if (!strstr(file.problem, wrong[i].said)) fail_msg("\"%s\", not \"%s\"", file.problem, wrong[i].said);
        h5_read_end(&file);
    }
    memory_free(source), memory_free(master);
}

/* In a guarded child. */
static bool reads_without_files(void *context, FILE *out)
{
    (void)out;
    const struct rlimit few = {3, 3};
    struct h5 file;
    return setrlimit(RLIMIT_NOFILE, &few) == 0 && h5_read_begin(&file, context);
}

/* A process that may open no more files ends: it does not call a good file damaged, and go on from an
 * older one. */
static void test_no_files(void **state)
{
    (void)state;
    char *run = in(root, "files"), *newest = in(run, "checkpoint-1.h5"), reason[128], said[1024] = "";
    make_run(run, 1, 1, 1, 1);
    FILE *out = fmemopen(said, sizeof said - 1, "w");
    assert_int_equal(guard_run(reads_without_files, newest, out, 60, reason), EXIT_FAILED);
    fclose(out);
    assert_non_null(strstr(said, "checkpoint-1.h5: cannot be opened: Too many open files"));
    memory_free(newest), memory_free(run);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_attributes), cmocka_unit_test(test_ranges),
                                       cmocka_unit_test(test_digests),    cmocka_unit_test(test_parts),
                                       cmocka_unit_test(test_no_files),   cmocka_unit_test(test_damage)};
    if (!tests_begin(argc, argv)) return 1;
    return tests_end(cmocka_run_group_tests(tests, NULL, NULL));
}
