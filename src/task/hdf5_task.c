/*
 * HDF5: /x [samples, inputs] floats; /y [samples] integers, classes, or [samples, outputs] floats, values;
 * the same under /test, if there is such a group. Rank 0 finds out the shapes; then every rank reads its own
 * columns, each for itself (no MPI-IO: nothing here is collective, so that an error on one rank cannot leave
 * the others waiting).
 */
#include "hdf5_chunks.h"
#include "hdf5_data.h"
#include "metazoa/base/guard.h"
#include "metazoa/base/memory.h"
#include "source.h"

#include <math.h>

/* A pair /x and /y, open. */
struct pair {
    struct hdf5_data x, y;
};

static bool pair_open(struct pair *pair, const struct hdf5_file *file, bool test, struct problems *found)
{
    bool good = hdf5_data_open(&pair->x, file, test ? "/test/x" : "/x", found);
    return hdf5_data_open(&pair->y, file, test ? "/test/y" : "/y", found) && good;
}

static void pair_close(struct pair *pair)
{
    hdf5_data_close(&pair->x);
    hdf5_data_close(&pair->y);
}

/* Whether the shapes and types of a pair make samples. */
static bool pair_check(const struct pair *pair, const char *path, struct problems *found)
{
    const struct hdf5_data *x = &pair->x, *y = &pair->y;
    int before = found->n;
    if (!x->is_float || x->rank != 2)
        problems_add(found, EXIT_INPUT, "%s: %s: expected floats [samples, inputs], found %s", path, x->name,
                     x->what);
    if (!(y->is_float && y->rank == 2) && !(y->is_integer && y->rank == 1))
        problems_add(
            found, EXIT_INPUT,
            "%s: %s: expected integers [samples], classes, or floats [samples, outputs], values; found %s",
            path, y->name, y->what);
    if (x->rank >= 1 && y->rank >= 1 && x->size[0] != y->size[0])
        problems_add(found, EXIT_INPUT, "%s: %s: expected %lld samples, as in %s, found %lld", path, y->name,
                     (long long)x->size[0], x->name, (long long)y->size[0]);
    return found->n == before;
}

static bool pair_whole(const struct pair *pair, struct problems *found)
{
    return hdf5_chunks_whole(&pair->x, found) && hdf5_chunks_whole(&pair->y, found);
}

/* Reads one sample of all. */
static bool pair_taste(const struct pair *pair, struct problems *found)
{
    const struct hdf5_data *x = &pair->x, *y = &pair->y;
    int64_t columns = y->rank == 2 && y->size[1] > x->size[1] ? y->size[1] : x->size[1], class;
    float *row = memory_new(columns, sizeof *row);
    bool good = hdf5_data_floats(x, 1, 0, x->size[1], x->size[1], row, found) &&
                (y->rank == 2 ? hdf5_data_floats(y, 1, 0, y->size[1], y->size[1], row, found)
                              : hdf5_data_integers(y, 1, &class, found));
    memory_free(row);
    return good;
}

static bool same_shape(const struct pair *train, const struct pair *test, const char *path,
                       struct problems *found)
{
    int before = found->n;
    if (test->x.size[1] != train->x.size[1])
        problems_add(found, EXIT_INPUT, "%s: /test/x: expected %lld inputs, as in /x, found %lld", path,
                     (long long)train->x.size[1], (long long)test->x.size[1]);
    if (test->y.rank != train->y.rank)
        problems_add(found, EXIT_INPUT, "%s: /test/y: expected %s as in /y, found %s", path,
                     train->y.rank == 1 ? "classes" : "values", test->y.what);
    else if (train->y.rank == 2 && test->y.size[1] != train->y.size[1])
        problems_add(found, EXIT_INPUT, "%s: /test/y: expected %lld outputs, as in /y, found %lld", path,
                     (long long)train->y.size[1], (long long)test->y.size[1]);
    return found->n == before;
}

/* 1 + the largest class of all training samples, at least 2. */
static int32_t count_classes(const struct hdf5_data *y, const char *path, struct problems *found)
{
    int64_t *label = memory_new(y->size[0], sizeof *label), classes = 2;
    bool good = hdf5_data_integers(y, y->size[0], label, found);
    for (int64_t i = 0; i < y->size[0] && good; i++) {
        good = 0 <= label[i] && label[i] < TASK_CELLS_MAX;
        if (good && label[i] >= classes) classes = label[i] + 1;
        if (!good)
            problems_add(found, EXIT_INPUT, "%s: /y: sample %lld: expected a class from 0 to %d, found %lld",
                         path, (long long)i, TASK_CELLS_MAX - 1, (long long)label[i]);
    }
    memory_free(label);
    return good ? (int32_t)classes : 2;
}

static int32_t cells(int64_t n)
{
    return (int32_t)(n <= TASK_CELLS_MAX ? n : TASK_CELLS_MAX + 1);
}

static void look(struct task *task, struct problems *found)
{
    const struct task_spec *spec = &task->spec;
    struct hdf5_file file;
    struct pair train = {0}, test = {0};
    bool good = hdf5_file_open(&file, spec->path, found);
    bool with_test = good && hdf5_file_has(&file, "/test");
    good = good && pair_open(&train, &file, false, found) && pair_check(&train, spec->path, found) &&
           pair_whole(&train, found) && pair_taste(&train, found);
    if (good && with_test)
        good = pair_open(&test, &file, true, found) && pair_check(&test, spec->path, found) &&
               same_shape(&train, &test, spec->path, found) && pair_whole(&test, found) &&
               pair_taste(&test, found);
    if (good) {
        task->classification = train.y.rank == 1;
        task->inputs = cells(train.x.size[1]);
        task->outputs =
            task->classification ? count_classes(&train.y, spec->path, found) : cells(train.y.size[1]);
        task->train.samples =
            source_samples(train.x.size[0], spec->samples, "task.samples", spec->path, found);
        if (with_test || spec->test_samples > 0)
            task->test.samples = source_samples(with_test ? test.x.size[0] : 0, spec->test_samples,
                                                "task.test_samples", spec->path, found);
    }
    pair_close(&train);
    pair_close(&test);
    hdf5_file_close(&file);
}

static bool look_in_child(void *context, FILE *out)
{
    struct task task = *(const struct task *)context;
    struct problems found = {0};
    (void)out;
    look(&task, &found); /* what it finds is found once more outside */
    return true;
}

/* HDF5 crashes on some damaged files, when they are opened or read: a child looks first. */
static void hdf5_open(struct task *task, struct problems *found)
{
    enum { SILENCE = 600 /* s, in which a child reads the labels */ };
    char reason[128];
    if (guard_run(look_in_child, task, NULL, SILENCE, reason))
        look(task, found);
    else
        problems_add(found, EXIT_INPUT, "%s: damaged: %s", task->spec.path, reason);
}

static bool all_finite(const float *values, int64_t rows, int64_t columns, int64_t stride,
                       int64_t first_column, const char *path, const char *name, struct problems *found)
{
    for (int64_t row = 0; row < rows; row++)
        for (int64_t column = 0; column < columns; column++) {
            float value = values[row * stride + column];
            if (isfinite(value)) continue;
            problems_add(found, EXIT_INPUT,
                         "%s: %s: sample %lld, column %lld: expected a finite float32, found %g", path, name,
                         (long long)row, (long long)(first_column + column), (double)value);
            return false;
        }
    return true;
}

static bool load_targets(struct task *task, struct dataset *data, const struct hdf5_data *y,
                         struct problems *found)
{
    int64_t n = data->samples;
    if (!task->classification)
        return hdf5_data_floats(y, n, 0, task->outputs, task->outputs, data->y, found) &&
               all_finite(data->y, n, task->outputs, task->outputs, 0, task->spec.path, y->name, found);
    int64_t *label = memory_new(n, sizeof *label);
    bool good = hdf5_data_integers(y, n, label, found);
    for (int64_t i = 0; i < n && good; i++) {
        good = source_label(task, i, label[i], y->name, found);
        data->label[i] = (int32_t)label[i];
    }
    memory_free(label);
    return good;
}

static bool load_pair(struct task *task, struct dataset *data, const struct hdf5_file *file, bool test,
                      struct problems *found)
{
    struct pair pair = {0};
    int32_t begin = task->input_begin, held = task->input_end - begin;
    int64_t n = data->samples;
    bool good = pair_open(&pair, file, test, found) && pair_check(&pair, task->spec.path, found) &&
                load_targets(task, data, &pair.y, found) &&
                hdf5_data_floats(&pair.x, n, begin, held, data->stride, data->x, found) &&
                all_finite(data->x, n, held, data->stride, begin, task->spec.path, pair.x.name, found);
    for (int64_t i = 0; i < n && good; i++) source_noise(task, data, i);
    pair_close(&pair);
    return good;
}

static void hdf5_load(struct task *task, struct comm *comm, struct problems *found)
{
    (void)comm;
    struct hdf5_file file;
    if (task->memory.rank != 0) return; /* the first of those who share the memory reads for all of them */
    if (hdf5_file_open(&file, task->spec.path, found) && load_pair(task, &task->train, &file, false, found) &&
        task->test.samples > 0)
        load_pair(task, &task->test, &file, true, found);
    hdf5_file_close(&file);
}

const struct task_source source_hdf5 = {hdf5_open, hdf5_load, NULL};
