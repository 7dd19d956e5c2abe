/*
 * HDF5: /x [samples, inputs] numbers; /y [samples] integers, classes, or [samples, outputs] numbers, values;
 * the same under /test, if there is such a group. Rank 0 finds the shapes; then every rank opens the file by
 * itself and reads its own columns. Nothing here is collective (no MPI-IO), so an error on one rank cannot
 * leave the others waiting.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metazoa/base/guard.h"
#include "metazoa/base/memory.h"
#include "metazoa/hdf5/foreign.h"
#include "source.h"
#include "stream.h"

/* A pair /x and /y, open. */
struct pair {
    struct foreign_data x, y;
};

static bool pair_open(struct pair *pair, const struct foreign *file, bool test, struct problems *found)
{
    bool good = foreign_data_open(&pair->x, file, test ? "/test/x" : "/x", found);
    return foreign_data_open(&pair->y, file, test ? "/test/y" : "/y", found) && good;
}

static void pair_close(struct pair *pair)
{
    foreign_data_close(&pair->x);
    foreign_data_close(&pair->y);
}

/* Floats, or integers that attributes make floats. */
static bool is_numbers(const struct foreign_data *data)
{
    return data->is_float || (data->is_integer && data->convention.scaled);
}

/* Whether the shapes and types of a pair are those of samples. */
static bool pair_check(const struct pair *pair, const struct task_spec *spec, struct problems *found)
{
    const char *path = spec->path;
    const struct foreign_data *x = &pair->x, *y = &pair->y;
    const bool takes = is_numbers(x) || (x->is_integer && spec->scaling != SCALING_NONE);
    int before = found->n;
    if (!takes || x->rank != 2)
        problems_add(found, EXIT_INPUT, "%s: %s: expected floats [samples, inputs], found %s%s", path,
                     x->name, x->what,
                     x->is_integer ? " without scale_factor or add_offset, which task.scaling: range takes"
                                   : "");
    if (!(is_numbers(y) && y->rank == 2) && !(y->is_integer && y->rank == 1))
        problems_add(
            found, EXIT_INPUT,
            "%s: %s: expected integers [samples], classes, or floats [samples, outputs], values; found %s",
            path, y->name, y->what);
    else if (y->rank == 1 && y->convention.scaled)
        problems_add(found, EXIT_INPUT,
                     "%s: %s: classes with scale_factor or add_offset: store them as they are", path,
                     y->name);
    if (x->rank >= 1 && y->rank >= 1 && x->size[0] != y->size[0])
        problems_add(found, EXIT_INPUT, "%s: %s: expected %lld samples, as in %s, found %lld", path, y->name,
                     (long long)x->size[0], x->name, (long long)y->size[0]);
    return found->n == before;
}

/* Reads rows of a dataset that a damaged file could make HDF5 crash on: one, or all where only reading shows
 * whether they are good. */
static bool data_taste(struct foreign_data *data, int64_t rows, struct problems *found)
{
    if (data->rank == 1) {
        int64_t label;
        return foreign_data_integers(data, 0, 1, &label, found);
    }
    const int64_t most = foreign_data_must_try(data) ? rows : 1;
    float *row = memory_new(most * data->size[1], sizeof *row);
    const bool good = foreign_data_floats(data, most, 0, data->size[1], data->size[1], row, found);
    memory_free(row);
    return good;
}

/* Whether the rows that will be used are stored, and can be read. */
static bool pair_whole(struct pair *pair, int64_t samples, struct problems *found)
{
    struct foreign_data *x = &pair->x, *y = &pair->y;
    const int64_t rows = 0 < samples && samples < x->size[0] ? samples : x->size[0];
    return foreign_data_check(x, rows, found) &&
           foreign_data_check(y, y->rank == 1 ? y->size[0] : rows, found) && data_taste(x, rows, found) &&
           data_taste(y, rows, found);
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
static int32_t count_classes(const struct foreign_data *y, const char *path, struct problems *found)
{
    enum { PIECE = 1 << 16 };
    int64_t *label = memory_new(PIECE, sizeof *label), classes = 2;
    bool good = true;
    for (int64_t at = 0; at < y->size[0] && good; at += PIECE) {
        const int64_t n = y->size[0] - at < PIECE ? y->size[0] - at : PIECE;
        good = foreign_data_integers(y, at, at + n, label, found);
        for (int64_t i = 0; i < n && good; i++) {
            good = 0 <= label[i] && label[i] < TASK_CELLS_MAX;
            if (good && label[i] >= classes) classes = label[i] + 1;
            if (!good)
                problems_add(found, EXIT_INPUT,
                             "%s: /y: sample %lld: expected a class from 0 to %d, found %lld", path,
                             (long long)(at + i), TASK_CELLS_MAX - 1, (long long)label[i]);
        }
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
    struct foreign file;
    struct pair train = {0}, test = {0};
    bool good = foreign_open(&file, spec->path, found);
    bool with_test = good && foreign_has(&file, "/test");
    good = good && pair_open(&train, &file, false, found) && pair_check(&train, spec, found) &&
           pair_whole(&train, spec->samples, found);
    if (good && with_test)
        good = pair_open(&test, &file, true, found) && pair_check(&test, spec, found) &&
               same_shape(&train, &test, spec->path, found) && pair_whole(&test, spec->test_samples, found);
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
    foreign_close(&file);
}

/* The result of `look` as text, for the parent process: problems, each "CODE text", or the sizes of the
 * task. */
static bool look_in_child(void *context, FILE *out)
{
    struct task task = *(const struct task *)context;
    struct problems found = {0};
    look(&task, &found);
    for (int i = 0; i < found.n; i++) {
        for (char *at = found.text[i]; *at; at++) *at = *at == '\n' ? ' ' : *at;
        fprintf(out, "%d %s\n", (int)found.code, found.text[i]);
    }
    if (found.n == 0)
        fprintf(out, "%d %d %d %lld %lld\n", task.classification, task.inputs, task.outputs,
                (long long)task.train.samples, (long long)task.test.samples);
    const bool good = found.n == 0;
    problems_free(&found);
    return good;
}

/* Reads what look_in_child has written. */
static void take_findings(struct task *task, bool good, char *text, struct problems *found)
{
    int classification;
    long long train, test;
    if (good && sscanf(text, "%d %d %d %lld %lld", &classification, &task->inputs, &task->outputs, &train,
                       &test) == 5) {
        task->classification = classification;
        task->train.samples = train;
        task->test.samples = test;
        return;
    }
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        problems_add(found, *line == '2' ? EXIT_USAGE : EXIT_INPUT, "%s", strlen(line) > 2 ? line + 2 : line);
}

/* HDF5 crashes on some damaged files when they are opened or read, so a child process reads them first. */
static void hdf5_open(struct task *task, struct problems *found)
{
    char reason[128], *text;
    const bool good = guard_read(task->spec.path, look_in_child, task, &text, reason);
    if (*reason)
        problems_add(found, EXIT_INPUT, "%s: %s", task->spec.path, reason);
    else
        take_findings(task, good, text, found);
    free(text);
}

static bool load_targets(struct task *task, struct dataset *data, struct foreign_data *y,
                         struct problems *found)
{
    int64_t n = data->samples;
    if (!task->classification)
        return foreign_data_floats(y, n, 0, task->outputs, task->outputs, data->y, found);
    int64_t *label = memory_new(n, sizeof *label);
    bool good = foreign_data_integers(y, 0, n, label, found);
    for (int64_t i = 0; i < n && good; i++) {
        good = source_label(task, i, label[i], y->name, found);
        data->label[i] = (int32_t)label[i];
    }
    memory_free(label);
    return good;
}

/* The child of rank 0 has looked at the data; sources of virtual datasets may be missing on other nodes. */
static bool still_whole(const struct foreign_data *data, int64_t rows, struct problems *found)
{
    return !foreign_data_virtual(data) || foreign_data_check(data, rows, found);
}

static bool load_pair(struct task *task, struct dataset *data, const struct foreign *file, bool test,
                      struct problems *found)
{
    struct pair pair = {0};
    int32_t begin = task->input_begin, held = task->input_end - begin;
    int64_t n = data->samples;
    const bool good = pair_open(&pair, file, test, found) && pair_check(&pair, &task->spec, found) &&
                      still_whole(&pair.x, n, found) && still_whole(&pair.y, n, found) &&
                      load_targets(task, data, &pair.y, found) &&
                      foreign_data_floats(&pair.x, n, begin, held, data->stride, data->x, found);
    task->vanished += pair.x.vanished + pair.y.vanished;
    task->integers = !is_numbers(&pair.x);
    pair_close(&pair);
    return good;
}

static void hdf5_load(struct task *task, struct comm *comm, struct problems *found)
{
    (void)comm;
    struct foreign file;
    if (task->memory.rank != 0) return; /* one rank reads for all that share the memory */
    if (foreign_open(&file, task->spec.path, found) && load_pair(task, &task->train, &file, false, found) &&
        task->test.samples > 0)
        load_pair(task, &task->test, &file, true, found);
    foreign_close(&file);
}

/* The signature stands at byte 0, 512, 1024, 2048, ... */
static char *hdf5_looks(const char *path)
{
    static const char signature[] = "\211HDF\r\n\032\n";
    char bytes[8];
    FILE *file = path_look(path) == PATH_REGULAR ? fopen(path, "rbe") : NULL;
    bool good = false;
    for (long at = 0; file && !good && fseek(file, at, SEEK_SET) == 0 && fread(bytes, 1, 8, file) == 8;
         at = at ? 2 * at : 512)
        good = memcmp(bytes, signature, 8) == 0;
    if (file) fclose(file);
    return good ? memory_string(path) : NULL;
}

const struct task_source source_hdf5 = {.open = hdf5_open, .load = hdf5_load, .looks = hdf5_looks};
