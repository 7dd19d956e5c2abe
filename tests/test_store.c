/*
 * What storing does on one rank: damaged files are detected or harmless, old checkpoints go, newer formats
 * and held folders are refused, a run that lost files can be read as far as it goes. DAMAGE_FLIPS,
 * DAMAGE_CUTS, SEED: more of it (tests/long_damage.sh).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <hdf5.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "metazoa/base/file.h"
#include "metazoa/base/hash.h"
#include "metazoa/base/memory.h"
#include "metazoa/store/archive.h"
#include "metazoa/store/checkpoint.h"
#include "metazoa/store/lock.h"
#include "metazoa/store/verify.h"

static struct comm *world;
static char root[128];
static const char config[] = "training: {epochs: 9}\n";

struct subject {
    struct grid grid;
    struct organism organism;
};

static void subject_new(struct subject *subject, enum momentum_buffers buffers)
{
    struct organism_shape shape = {
        .layers = 2, .cells = {13, 6, 5}, .block = 4, .chunk = 8, .particle = particle_shape_new(3, 3)};
    const struct training training = {
        .learning_rate = 0.01f, .momentum = 0.9f, .buffers = buffers, .self_steps = 3};
    grid_new(&subject->grid, world, (int[]){1, 1, 1});
    organism_new(&subject->organism, &shape, &training, &subject->grid, 7);
    organism_draw(&subject->organism);
}

static void subject_free(struct subject *subject)
{
    organism_free(&subject->organism);
    grid_free(&subject->grid);
}

/* A run of `epochs` epochs, a checkpoint every 3; part of the particles are archived. */
static void make_run(const char *run, int64_t epochs, int64_t every, int64_t keep, double fraction)
{
    struct subject subject;
    struct progress progress = {0};
    struct problems problems = {0};
    struct lock lock = {0};
    const struct archive_spec spec = {.trajectory_every = 1, .fraction = fraction};
    subject_new(&subject, MOMENTUM_SEPARATE);
    lock_take(&lock, run, false, world, &problems);
    assert_int_equal(problems.n, 0);
    struct archive *archive = archive_open(run, &spec, &subject.organism, config);
    archive_rewind(archive, NULL);
    for (int64_t epoch = 0; epoch <= epochs; epoch++) {
        int flags = 0;
        if (epoch > 0) organism_sweep(&subject.organism, 3, &flags);
        struct metrics_row row = metrics_row_empty(epoch);
        row.task_loss = 1.0 / (double)(epoch + 1);
        row.fingerprint = organism_fingerprint(&subject.organism);
        progress.epoch = epoch;
        progress_add(&progress, &row);
        archive_record(archive, NULL, &row);
        if (epoch % every == 0 || epoch == epochs)
            checkpoint_write(run, &subject.organism, &progress, config, every, keep, archive);
    }
    assert_int_equal(problems.n, 0);
    archive_free(archive);
    progress_free(&progress);
    lock_release(&lock, world);
    subject_free(&subject);
}

static char *in(const char *folder, const char *name)
{
    return memory_print("%s/%s", folder, name);
}

static unsigned char *slurp(const char *path, int64_t *n)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *n = ftell(file);
    rewind(file);
    unsigned char *bytes = memory_new(*n + 1, 1);
    assert_int_equal(fread(bytes, 1, (size_t)*n, file), *n);
    fclose(file);
    return bytes;
}

static void spill(const char *path, const unsigned char *bytes, int64_t n)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, (size_t)n, file), n);
    assert_int_equal(fclose(file), 0);
}

/* What verify prints of a path; sound: what it returns. The caller frees with free(). */
static char *verdict(const char *path, bool *sound)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    *sound = verify_path(path, out) == EXIT_DONE;
    fclose(out);
    return text;
}

/* A checkpoint that verify finds sound must be what it was, in all that is read from it. */
static uint64_t checkpoint_contents(const char *path)
{
    struct subject subject;
    struct progress progress = {0};
    struct problems problems = {0};
    subject_new(&subject, MOMENTUM_SEPARATE);
    uint64_t hash = 0;
    if (checkpoint_read(&subject.organism, &progress, path, &problems)) {
        hash = organism_fingerprint(&subject.organism);
        hash += hash_bytes(progress.rows, (size_t)progress.n_rows * sizeof *progress.rows, 1);
        progress.rows = NULL;
        hash += hash_bytes(&progress, sizeof progress, 2);
    }
    if (problems.n > 0) fprintf(stderr, "%s\n", problems.text[0]);
    problems_free(&problems);
    progress_free(&progress);
    subject_free(&subject);
    return hash;
}

/* A segment: by way of the merged archive, all of whose bytes follow from the segments' contents. */
static uint64_t archive_contents(const char *run)
{
    char *merged = in(root, "merged.h5"), *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    const bool done = archive_merge(run, merged, out);
    fclose(out);
    free(text);
    uint64_t hash = 0;
    if (done) {
        int64_t n;
        unsigned char *bytes = slurp(merged, &n);
        hash = hash_bytes(bytes, (size_t)n, 0);
        memory_free(bytes);
    }
    memory_free(merged);
    return hash;
}

static int64_t number(const char *name, int64_t otherwise)
{
    const char *text = getenv(name);
    return text ? atoll(text) : otherwise;
}

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

/* The newest checkpoint is damaged: the one before it is used. All are: nothing is. */
static void test_fall_back(void **state)
{
    (void)state;
    char *run = in(root, "fall"), *newest = in(run, "checkpoint-4.h5"), *older = in(run, "checkpoint-3.h5");
    make_run(run, 4, 3, 2, 1);
    spill(newest, (const unsigned char *)"no", 2);
    struct subject subject;
    struct progress progress = {0};
    struct problems problems = {0};
    subject_new(&subject, MOMENTUM_SEPARATE);
    char *path = checkpoint_read_newest(&subject.organism, &progress, run, &problems);
    assert_string_equal(path, older);
    assert_int_equal(problems.n, 0);
    assert_int_equal(progress.epoch, 3);
    assert_int_equal(progress.n_rows, 4);
    assert_true(progress.rows[3].fingerprint == organism_fingerprint(&subject.organism));
    assert_true(progress.rows[3].task_loss == 0.25);
    assert_true(isnan(progress.rows[3].test_score) && progress.rows[3].census[0] == -1);
    memory_free(path);
    char *text = checkpoint_config(run, world, &problems);
    assert_string_equal(text, config);
    memory_free(text);
    spill(older, (const unsigned char *)"no", 2);
    assert_null(checkpoint_read_newest(&subject.organism, &progress, run, &problems));
    assert_int_equal(problems.n, 1);
    assert_int_equal(problems.code, EXIT_INPUT);
    assert_non_null(strstr(problems.text[0], "none of its 2 checkpoints"));
    problems_free(&problems);
    progress_free(&progress);
    subject_free(&subject);
    memory_free(run), memory_free(newest), memory_free(older);
}

static bool is_there(const char *run, const char *name)
{
    char *path = in(run, name);
    const bool there = access(path, F_OK) == 0;
    memory_free(path);
    return there;
}

static void test_keep(void **state)
{
    (void)state;
    char *run = in(root, "keep");
    struct subject subject;
    struct progress progress = {0};
    make_run(run, 9, 3, 2, 1);
    assert_true(is_there(run, "checkpoint-9.h5") && is_there(run, "checkpoint-6.h5"));
    assert_false(is_there(run, "checkpoint-3.h5") || is_there(run, "checkpoint-0.h5"));
    /* One inside an epoch counts, but does not push out those of whole multiples. */
    subject_new(&subject, MOMENTUM_SEPARATE);
    progress.epoch = 10, progress.batch = 3;
    checkpoint_write(run, &subject.organism, &progress, config, 3, 3, NULL);
    progress.batch = 5;
    checkpoint_write(run, &subject.organism, &progress, config, 3, 3, NULL);
    assert_true(is_there(run, "checkpoint-10-5.h5") && is_there(run, "checkpoint-9.h5") &&
                is_there(run, "checkpoint-6.h5"));
    assert_false(is_there(run, "checkpoint-10-3.h5"));
    /* Those from beyond a new one go; a finished run keeps no odd ones. */
    progress.epoch = 10, progress.batch = 0, progress.finished = true;
    checkpoint_write(run, &subject.organism, &progress, config, 3, 3, NULL);
    assert_true(is_there(run, "checkpoint-10.h5") && is_there(run, "checkpoint-9.h5"));
    assert_false(is_there(run, "checkpoint-10-5.h5"));
    int64_t n;
    char **list = checkpoint_list(run, world, &n);
    assert_int_equal(n, 3);
    assert_non_null(strstr(list[0], "checkpoint-10.h5"));
    checkpoint_list_free(list, n);
    subject_free(&subject);
    memory_free(run);
}

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
               {"phase", -1},         {"phase", 3},
               {"phase_epoch", 6},    {"settled", -1},
               {"finished", 2},       {"records", 6},
               {"records", -1},       {"self_sweeps", -1},
               {"samples", -1},       {"correct", 1},
               {"layers", 99},        {"layers", -1},
               {"particle_width", 0}, {"particle_layers", 77},
               {"version", 0}};
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

static void test_lock(void **state)
{
    (void)state;
    char *run = memory_print("%s/lock/deep/er", root);
    struct lock first = {0}, second = {0};
    struct problems problems = {0};
    lock_take(&first, run, false, world, &problems);
    assert_int_equal(problems.n, 0);
    lock_take(&second, run, false, world, &problems);
    assert_int_equal(problems.n, 1);
    assert_int_equal(problems.code, EXIT_USAGE);
    char mine[64];
    snprintf(mine, sizeof mine, "process %ld", (long)getpid());
    assert_non_null(strstr(problems.text[0], "another job works in this folder"));
    assert_non_null(strstr(problems.text[0], mine));
    lock_release(&second, world);
    lock_release(&first, world);
    text_write(run, "config.yaml", config, world);
    lock_take(&first, run, false, world, &problems);
    assert_int_equal(problems.n, 2);
    assert_non_null(strstr(problems.text[1], "holds a run already"));
    lock_release(&first, world);
    lock_take(&first, run, true, world, &problems);
    assert_int_equal(problems.n, 2);
    lock_release(&first, world);
    problems_free(&problems);
    memory_free(run);
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
    assert_true(checkpoint_init(&subject.organism, path, &problems));
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
    assert_false(checkpoint_init(&subject.organism, path, &problems));
    assert_non_null(strstr(problems.text[0], "/layers/1/weights is missing"));
    assert_false(checkpoint_init(&subject.organism, "/nowhere/to/be/found.h5", &problems));
    assert_non_null(strstr(problems.text[1], "there is no such file"));
    assert_int_equal(problems.code, EXIT_INPUT);
    problems_free(&problems);
    subject_free(&subject);
    memory_free(path);
}

/* archive.h5 is read as a reader does: a segment that is there, but holds other records, is found there, too. */
static void test_other_segment(void **state)
{
    (void)state;
    char *run = in(root, "other"), *first = in(run, "archive/segment-000000.h5"),
         *last = in(run, "archive/segment-000008.h5");
    bool sound;
    make_run(run, 9, 3, 2, 1);
    int64_t bytes;
    unsigned char *contents = slurp(last, &bytes);
    file_write(first, contents, bytes);
    char *text = verdict(run, &sound);
    assert_false(sound);
    assert_non_null(strstr(text, "archive.h5: DAMAGED"));
    free(text);
    memory_free(contents), memory_free(run), memory_free(first), memory_free(last);
}

/* A run that lost a segment: named, and what is left is said. A resume keeps what is left, and begins a new
 * archive; records that are not of this run count as lost. */
static void test_lost_segment(void **state)
{
    (void)state;
    char *run = in(root, "lost"), *segment = in(run, "archive/segment-000000.h5"),
         *aside = in(root, "aside.h5");
    bool sound;
    make_run(run, 9, 3, 2, 1);
    assert_int_equal(rename(segment, aside), 0);
    char *text = verdict(run, &sound);
    assert_false(sound);
    assert_non_null(
        strstr(text, "segment-000008.h5: DAMAGED: begins with record 8, but 0 records come before it"));
    assert_non_null(strstr(text, "its part"));
    assert_non_null(strstr(text, "train --resume begins a new archive"));
    assert_non_null(strstr(text, "recoverable: training, by train --resume from checkpoint-9.h5"));
    free(text);
    assert_true(archive_contents(run) == 0);
    assert_int_equal(rename(aside, segment), 0);
    text = verdict(run, &sound);
    assert_true(sound);
    free(text);

    const struct archive_spec spec = {.trajectory_every = 1, .fraction = 1};
    const char *const left[] = {"archive-lost/archive/segment-000008.h5", "archive-lost-2/archive.h5"};
    for (int i = 0; i < 2; i++) {
        struct subject subject;
        struct problems problems = {0};
        struct progress progress = {0};
        subject_new(&subject, MOMENTUM_SEPARATE);
        memory_free(checkpoint_read_newest(&subject.organism, &progress, run, &problems));
        assert_int_equal(progress.records, i == 0 ? 10 : 1);
        if (i == 0) assert_int_equal(rename(segment, aside), 0);
        if (i == 1) progress.rows[progress.n_rows - 1].fingerprint++; /* as another run's would be */
        struct archive *archive = archive_open(run, &spec, &subject.organism, config);
        archive_rewind(archive, &progress);
        assert_int_equal(archive_records(archive), 0);
        struct metrics_row row = metrics_row_empty(++progress.epoch);
        row.fingerprint = organism_fingerprint(&subject.organism);
        progress_add(&progress, &row);
        archive_record(archive, NULL, &row);
        checkpoint_write(run, &subject.organism, &progress, config, 3, 1, archive);
        archive_free(archive);
        text = verdict(run, &sound);
        assert_true(sound);
        assert_non_null(strstr(text, "; 1 records of the archive, to epoch 1"));
        free(text);
        char *kept = in(run, left[i]);
        assert_true(file_exists(kept));
        memory_free(kept);
        progress_free(&progress);
        subject_free(&subject);
    }
    memory_free(run), memory_free(segment), memory_free(aside);
}

/* The n-th operation fails or the process dies there, for every n: the older checkpoint is sound afterwards,
 * the program said why. */
static void test_faults(void **state)
{
    (void)state;
    for (int kill = 0; kill < 2; kill++)
        for (int n = 1, more = 1; more; n += (int)number("FAULT_STEP", 401)) {
            char *run = memory_print("%s/fault-%d-%d", root, kill, n), *messages = in(root, "messages"),
                 at[16];
            snprintf(at, sizeof at, "%d", n);
            fflush(NULL);
            pid_t pid = fork();
            if (pid == 0) {
                if (!freopen(messages, "w", stderr)) _exit(9);
                error_set_job(-1, NULL);
                fault_set(kill ? 0 : n, kill ? n : 0);
                make_run(run, 4, 2, 2, 1);
                _exit(0);
            }
            int status;
            waitpid(pid, &status, 0);
            more = !(WIFEXITED(status) && WEXITSTATUS(status) == 0);
            if (more && kill) assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
            if (more && !kill) {
                int64_t bytes;
                unsigned char *text = slurp(messages, &bytes);
                if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_FAILED || bytes < 20)
                    fail_msg("n %d: status %x: %s", n, status, (char *)text);
                memory_free(text);
            }
            /* Whatever is there: no damaged checkpoint, and its archive is complete. */
            struct problems problems = {0};
            struct progress progress = {0};
            struct subject subject;
            const struct archive_spec spec = {.trajectory_every = 1, .fraction = 1};
            subject_new(&subject, MOMENTUM_SEPARATE);
            char *path = checkpoint_read_newest(&subject.organism, &progress, run, &problems);
            assert_int_equal(problems.n, 0);
            if (!more) assert_int_equal(progress.epoch, 4);
            if (path) {
                struct archive *archive = archive_open(run, &spec, &subject.organism, config);
                assert_int_equal(progress.records, progress.epoch + 1);
                archive_rewind(archive, &progress);
                if (archive_records(archive) != progress.records) fail_msg("n %d: records are lost", n);
                archive_free(archive);
                bool sound;
                char *text = verdict(run, &sound);
                if (!sound) fail_msg("n %d: %s", n, text);
                free(text);
            }
            if (!more) printf("%s: %d operations\n", kill ? "kills" : "failures", n);
            memory_free(path);
            progress_free(&progress);
            subject_free(&subject);
            memory_free(run), memory_free(messages);
        }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fall_back),     cmocka_unit_test(test_keep),
        cmocka_unit_test(test_newer_version), cmocka_unit_test(test_lock),
        cmocka_unit_test(test_init),          cmocka_unit_test(test_lost_segment),
        cmocka_unit_test(test_other_segment), cmocka_unit_test(test_attributes),
        cmocka_unit_test(test_ranges),        cmocka_unit_test(test_digests),
        cmocka_unit_test(test_faults),        cmocka_unit_test(test_damage),
    };
    world = comm_start(&argc, &argv);
    snprintf(root, sizeof root, "/tmp/metazoa-store-XXXXXX");
    if (!mkdtemp(root)) return 1;
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    char *command = memory_print("rm -rf '%s'", root);
    if (system(command) != 0) failed++;
    memory_free(command);
    comm_finish(world);
    return failed;
}
