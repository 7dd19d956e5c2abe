/*
 * Tasks at several rank counts: each rank's slice has the bits that one rank alone gets for the whole, and
 * problems that one rank meets are known to all.
 */
#include <hdf5.h>
#include <math.h>

#include "metazoa/base/hash.h"
#include "metazoa/parallel/cut.h"
#include "task_files.h"

enum { TRAIN = 29, TEST = 13, ROWS = 8, COLUMNS = 9, INPUTS = 19 * 14 };

static struct comm *world, *alone;
static char folder[64];
static int failed = 0;

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            failed++,                                                                                        \
                fprintf(stderr, "rank %d: %s:%d: %s\n", comm_rank(world), __FILE__, __LINE__, #condition);   \
    } while (0)

static struct task load(struct task_spec spec, struct comm *comm, int32_t begin, int32_t end)
{
    struct task task;
    struct problems problems = {0};
    task_open(&task, &spec, comm, &problems);
    if (problems.n == 0) task_load(&task, begin, end < 0 ? task.inputs : end, comm, &problems);
    CHECK(problems.n == 0);
    problems_print(&problems, stderr);
    return task;
}

static void check_dataset(const struct task *slice, const struct dataset *part, const struct dataset *whole)
{
    int32_t held = slice->input_end - slice->input_begin;
    CHECK(part->samples == whole->samples);
    for (int64_t s = 0; s < whole->samples; s++)
        CHECK(memcmp(part->x + s * part->stride, whole->x + s * whole->stride + slice->input_begin,
                     (size_t)held * sizeof(float)) == 0);
    size_t targets = (size_t)whole->samples * 4; /* one label or one value of four bytes */
    CHECK(memcmp(slice->classification ? (void *)part->label : part->y,
                 slice->classification ? (void *)whole->label : whole->y, targets) == 0);
}

/* This rank's cut of the columns, against the whole as a single rank has it; the cut is empty on some ranks.
 */
static void compare(struct task_spec spec, int32_t inputs)
{
    int size = comm_size(world), rank = comm_rank(world);
    for (int parts = size; parts <= 2 * size; parts += size) {
        int32_t begin = (int32_t)cut_begin(inputs, parts, rank),
                end = (int32_t)cut_begin(inputs, parts, rank + 1);
        if (parts > size && rank == 0) end = begin; /* holds nothing */
        struct task slice = load(spec, world, begin, end), whole = load(spec, alone, 0, -1);
        CHECK(whole.inputs == inputs && slice.inputs == inputs && slice.outputs == whole.outputs);
        check_dataset(&slice, &slice.test, &whole.test);
        check_dataset(&slice, &slice.validation, &whole.validation);
        for (int64_t epoch = 1; epoch <= 2; epoch++) {
            task_epoch(&slice, epoch);
            task_epoch(&whole, epoch);
            check_dataset(&slice, &slice.train, &whole.train);
            CHECK(memcmp(slice.order, whole.order, (size_t)whole.train.samples * sizeof *whole.order) == 0);
        }
        task_free(&slice);
        task_free(&whole);
    }
}

/* A fifth of the training samples is held out: with the others they are all samples, each once, and
 * another seed holds out other ones. */
static void held_out(struct task_spec spec, int32_t inputs)
{
    struct task all = load(spec, alone, 0, -1);
    uint64_t first[2] = {0};
    spec.validation = 0.2;
    compare(spec, inputs);
    for (int k = 0; k < 2; k++) {
        spec.seed += (uint64_t)k;
        struct task some = load(spec, alone, 0, -1);
        const struct dataset *set[2] = {&some.train, &some.validation};
        CHECK(some.validation.samples == 6 && some.train.samples == TRAIN - 6);
        int found[TRAIN] = {0};
        for (int s = 0; s < 2; s++)
            for (int64_t i = 0; i < set[s]->samples; i++)
                for (int64_t j = 0; j < TRAIN; j++)
                    found[j] += all.train.label[j] == set[s]->label[i] &&
                                memcmp(all.train.x + j * all.train.stride, set[s]->x + i * set[s]->stride,
                                       (size_t)inputs * sizeof(float)) == 0;
        for (int64_t j = 0; j < TRAIN; j++) CHECK(found[j] == 1);
        for (int64_t i = 0; i < some.validation.samples; i++)
            first[k] +=
                hash_bytes(some.validation.x + i * some.validation.stride, (size_t)inputs * sizeof(float), 0);
        CHECK(memcmp(&some.identity, &all.identity, sizeof all.identity) == 0);
        task_free(&some);
    }
    CHECK(first[0] != first[1]);
    task_free(&all);
}

/* Opens and loads; all ranks must have the same one problem. */
static void expect_problem(struct task_spec spec, int32_t begin, int32_t end, const char *text)
{
    struct task task;
    struct problems problems = {0};
    task_open(&task, &spec, world, &problems);
    if (problems.n == 0) task_load(&task, begin, end, world, &problems);
    CHECK(problems.n == 1 && problems.code == EXIT_INPUT);
    CHECK(problems.n > 0 && strstr(problems.text[0], text));
    problems_free(&problems);
    task_free(&task);
}

static void put_idx(bool gzip)
{
    comm_barrier(world); /* another rank may still read what was there */
    if (comm_rank(world) == 0) {
        folder_clear(folder, false);
        struct idx_files files = idx_files_new(TRAIN, TEST, ROWS, COLUMNS);
        idx_files_put(&files, folder, gzip);
        idx_files_free(&files);
    }
    comm_barrier(world);
}

static void idx(void)
{
    struct task_spec spec = {.kind = TASK_IDX,
                             .path = folder,
                             .size = {19, 14},
                             .noise = 0.5,
                             .shuffle = true,
                             .seed = 11,
                             .share_data = SHARE_ALWAYS};
    for (int gzip = 0; gzip < 2; gzip++) {
        put_idx(gzip);
        compare(spec, INPUTS);
    }
    spec.noise = 0;
    held_out(spec, INPUTS);
    put_idx(false);
    char path[512];
    folder_path(path, folder, idx_names[2]);
    if (comm_rank(world) == 0 && truncate(path, 100) != 0) failed++;
    comm_barrier(world);
    expect_problem(spec, 0, INPUTS, "the file is truncated");
}

/* Damage between task_open and task_load: all come back, with the same problem. */
static void idx_changed(void)
{
    struct task_spec spec = {.kind = TASK_IDX, .path = folder, .share_data = SHARE_ALWAYS};
    struct task task;
    struct problems problems = {0};
    char path[512];
    folder_path(path, folder, idx_names[0]);
    put_idx(false);
    task_open(&task, &spec, world, &problems);
    CHECK(problems.n == 0);
    if (comm_rank(world) == 0 && truncate(path, 500) != 0) failed++;
    comm_barrier(world);
    task_load(&task, 0, task.inputs, world, &problems);
    CHECK(problems.n == 1 && strstr(problems.text[0], "ends at byte 500"));
    problems_free(&problems);
    task_free(&task);
}

static void put_hdf5(const char *path, int bad_column)
{
    static float x[TRAIN][INPUTS];
    int64_t y[TRAIN];
    for (int s = 0; s < TRAIN; s++) {
        y[s] = s % 4;
        for (int i = 0; i < INPUTS; i++) x[s][i] = (float)((s * 31 + i * 7) % 101);
    }
    if (bad_column >= 0) x[TRAIN - 1][bad_column] = NAN;
    hsize_t size[2] = {TRAIN, INPUTS};
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT),
          space = H5Screate_simple(2, size, NULL), line = H5Screate_simple(1, size, NULL);
    H5Gclose(H5Gcreate2(file, "/test", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    const char *names[] = {"/x", "/y", "/test/x", "/test/y"};
    for (int i = 0; i < 4; i++) {
        hid_t type = i % 2 ? H5T_NATIVE_INT64 : H5T_NATIVE_FLOAT;
        hid_t data =
            H5Dcreate2(file, names[i], type, i % 2 ? line : space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        H5Dwrite(data, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, i % 2 ? (void *)y : x);
        H5Dclose(data);
    }
    H5Sclose(space);
    H5Sclose(line);
    H5Fclose(file);
}

static void hdf5(void)
{
    char path[512];
    folder_path(path, folder, "task.h5");
    struct task_spec spec = {.kind = TASK_HDF5,
                             .path = path,
                             .noise = 0.5,
                             .shuffle = true,
                             .seed = 12,
                             .share_data = SHARE_ALWAYS};
    if (comm_rank(world) == 0) put_hdf5(path, -1);
    comm_barrier(world);
    compare(spec, INPUTS);
    /* The last column is wrong: the last rank alone sees it. */
    comm_barrier(world);
    if (comm_rank(world) == 0) put_hdf5(path, INPUTS - 1);
    comm_barrier(world);
    int size = comm_size(world), rank = comm_rank(world);
    expect_problem(spec, (int32_t)cut_begin(INPUTS, size, rank), (int32_t)cut_begin(INPUTS, size, rank + 1),
                   "/x: sample 28, column 265: expected a finite float32");
}

static void addition(void)
{
    struct task_spec spec = {
        .kind = TASK_ADDITION, .inputs = INPUTS, .samples = TRAIN, .test_samples = TEST, .seed = 3};
    compare(spec, INPUTS);
    spec.inputs = 2; /* fewer columns than ranks */
    compare(spec, 2);
}

int main(int argc, char **argv)
{
    world = comm_start(&argc, &argv);
    alone = comm_split(world, comm_rank(world), 0);
    if (comm_rank(world) == 0) folder_new(folder);
    comm_broadcast(world, folder, sizeof folder, 0);
    idx();
    idx_changed();
    hdf5();
    addition();
    comm_barrier(world);
    if (comm_rank(world) == 0) folder_clear(folder, true);
    comm_free(alone);
    comm_finish(world);
    return failed > 0;
}
