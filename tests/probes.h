/* Small trained organisms for the tests of probes, a folder for every rank, and what a probe's file holds. */
#ifndef PROBES_H
#define PROBES_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <hdf5.h>

#include "metazoa/base/memory.h"
#include "metazoa/measure/dropout.h"
#include "metazoa/measure/literal.h"
#include "metazoa/organism/order.h"
#include "metazoa/measure/probe.h"
#include "metazoa/measure/robustness.h"
#include "metazoa/measure/whole.h"
#include "metazoa/parallel/random.h"

static struct comm *world;

static char folder[64]; /* of this test, the same on all ranks */

static const char addition[] = "run: {seed: 3}\n"
                               "task: {kind: addition, inputs: 5, samples: 200, test_samples: 300}\n"
                               "organism: {hidden: [4, 3], activation: linear}\n"
                               "training: {epochs: 6, batch: 50, self_train_steps: 25}\n"
                               "parallel: {block: 2, chunk: 16}\n";

static const char digits[] = "run: {seed: 5}\n"
                             "task: {kind: addition}\n"
                             "organism: {hidden: [6, 6], activation: gelu, residual: true}\n"
                             "particle: {width: 2, layers: 2}\n"
                             "training: {epochs: 4, batch: 40, self_train_steps: 10}\n"
                             "parallel: {block: 4, chunk: 32}\n";

/* Labels that follow from the inputs, so that there is something to learn. */
static inline void classes_fill(struct task *task, const struct grid *grid, int32_t inputs, int32_t classes)
{
    (void)grid;
    task->classification = true, task->inputs = inputs, task->outputs = classes;
    struct dataset *sets[2] = {&task->train, &task->test};
    for (int k = 0; k < 2; k++) {
        struct dataset *data = sets[k];
        const int32_t held = task->input_end - task->input_begin;
        data->samples = 160;
        data->stride = (held + 15) / 16 * 16;
        data->x = memory_new(data->samples + 1, (size_t)data->stride * sizeof *data->x);
        data->label = memory_new(data->samples, sizeof *data->label);
        for (int64_t s = 0; s < data->samples; s++) {
            float x[64];
            struct random_stream stream = random_open(11, k ? RANDOM_TEST : RANDOM_TRAIN, 0, (uint64_t)s);
            random_normal(&stream, x, inputs);
            for (int32_t c = 1; c < classes; c++)
                if (x[c] > x[data->label[s]]) data->label[s] = c;
            memcpy(data->x + s * data->stride, x + task->input_begin, (size_t)held * sizeof *x);
        }
    }
    task->order = memory_new(task->train.samples, sizeof *task->order);
    for (int64_t s = 0; s < task->train.samples; s++) task->order[s] = s;
}

enum { INPUTS = 9, CLASSES = 4 };

/* A trained organism on this grid. text: a configuration; the digits' data are made here. */
static inline void subject_make(struct subject *subject, struct config *config, const char *text, bool scalar,
                                struct comm *comm, const int size[GRID_AXES], const char *run)
{
    struct problems problems = {0};
    char *sets[1] = {(char *)(uintptr_t) "organism.edges=scalar"};
    config_parse(config, text, (int64_t)strlen(text), "text", scalar, sets, &problems);
    if (problems.n > 0) problems_print(&problems, stderr);
    assert_int_equal(problems.n, 0);
    *subject = (struct subject){.run = run, .config = config, .comm = comm};
    grid_new(&subject->grid, comm, size);
    struct task *task = &subject->task;
    const bool classes = text == digits;
    if (classes) {
        task->classification = true, task->inputs = INPUTS, task->outputs = CLASSES;
    } else {
        task_open(task, &config->task, comm, &problems);
    }
    const struct organism_shape shape = organism_shape_new(&config->organism, task);
    organism_inputs(&shape, &subject->grid, &task->input_begin, &task->input_end);
    if (classes)
        classes_fill(task, &subject->grid, INPUTS, CLASSES);
    else
        task_load(task, task->input_begin, task->input_end, comm, &problems);
    assert_int_equal(problems.n, 0);
    organism_new(&subject->organism, &shape, &config->training, &subject->grid, (uint64_t)config->run.seed);
    organism_draw(&subject->organism);
    for (int64_t epoch = 1; epoch <= config->schedule.epochs; epoch++) {
        if (!classes) task_epoch(task, epoch);
        struct tally tally = {0};
        for (int64_t begin = 0; begin < task->train.samples; begin += config->schedule.batch) {
            int flags = 0;
            organism_sweep(&subject->organism, config->training.self_steps, &flags);
            organism_learn(&subject->organism, task, begin, begin + config->schedule.batch, &tally);
        }
    }
    int flags = 0;
    organism_sweep(&subject->organism, 0, &flags);
    /* A few steps more, so that some particles are self-replicators and others are not. */
    organism_sweep(&subject->organism, scalar ? 0 : 500, &flags);
    subject->progress.epoch = config->schedule.epochs;
}

static inline void subject_drop(struct subject *subject, struct config *config)
{
    subject_close(subject);
    config_free(config);
}

static inline void on_every_grid(struct comm *comm,
                                 void (*check)(struct comm *comm, const int size[GRID_AXES], void *context),
                                 void *context)
{
    const int n = comm_size(comm);
    for (int b = 1; b <= n; b++)
        for (int r = 1; r <= n / b; r++)
            if (n % (b * r) == 0) check(comm, (int[]){b, r, n / b / r}, context);
}

static inline char *read_bytes(const char *run, const char *name, long *length)
{
    char *path = memory_print("%s/%s", run, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *length = ftell(file);
    rewind(file);
    char *bytes = memory_new(*length + 1, 1);
    assert_int_equal(fread(bytes, 1, (size_t)*length, file), *length);
    fclose(file);
    memory_free(path);
    return bytes;
}

/* A dataset of the probe's file as doubles; their number. By rank 0 alone. */
static inline double *read_values(const char *run, const char *kind, const char *name, int64_t *n)
{
    char *path = memory_print("%s/probe-%s.h5", run, kind);
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT), set = H5Dopen2(file, name, H5P_DEFAULT);
    if (set < 0) print_message("%s has no %s\n", path, name);
    assert_true(set >= 0);
    hid_t space = H5Dget_space(set);
    *n = H5Sget_simple_extent_npoints(space);
    double *values = memory_new(*n, sizeof *values);
    assert_true(H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    H5Sclose(space), H5Dclose(set), H5Fclose(file);
    memory_free(path);
    return values;
}

static inline double read_one(const char *run, const char *kind, const char *name, int64_t i)
{
    int64_t n;
    double *values = read_values(run, kind, name, &n);
    assert_true(i < n);
    const double value = values[i < 0 ? n + i : i];
    memory_free(values);
    return value;
}

/* A folder with one for every rank and one for all, on rank 0's machine, which is everyone's. */
/* Self-application by its definition, in double precision: a = W_n ... W_1, from five unit inputs through the
 * layers, and b from none; out = a0 w + a1 L + a2 C + a3 E + b. */
static inline void apply_literally(const struct particle_shape *p, const double *w, double *out)
{
    double a[PARTICLE_INPUTS], next[PARTICLE_WIDTH_MAX + 1] = {0}, b = 0;
    for (int input = PARTICLE_INPUTS; input >= 0; input--) {
        double now[PARTICLE_WIDTH_MAX + 1] = {0};
        now[input] = 1;
        for (int k = 0, at = 0; k < p->layers; k++) {
            if (p->bias) now[particle_edges(p, k) - 1] = 1;
            for (int c = 0; c < particle_cells(p, k); c++) {
                next[c] = 0;
                for (int e = 0; e < particle_edges(p, k); e++) next[c] += w[at++] * now[e];
            }
            memcpy(now, next, sizeof now);
        }
        if (input == PARTICLE_INPUTS)
            b = p->bias ? now[0] : 0;
        else
            a[input] = now[0] - b;
    }
    for (int i = 0; i < p->weights; i++)
        out[i] = a[0] * w[i] + a[1] * (double)p->layer_at[i] + a[2] * (double)p->cell_at[i] +
                 a[3] * (double)p->edge_at[i] + b;
}

static inline void make_folders(void)
{
    if (comm_rank(world) == 0) {
        strcpy(folder, "/tmp/metazoa-probe-XXXXXX");
        if (!mkdtemp(folder)) fatal("no temporary folder");
        char *command = memory_print("cd %s && mkdir grid && for i in $(seq 0 %d); do mkdir alone-$i; done",
                                     folder, comm_size(world));
        if (system(command) != 0) fatal("no folders");
        memory_free(command);
    }
    comm_broadcast(world, folder, sizeof folder, 0);
}

static inline int probe_tests(int argc, char **argv, const struct CMUnitTest *tests, size_t n)
{
    world = comm_start(&argc, &argv);
    make_folders();
    const int failed = _cmocka_run_group_tests("tests", tests, n, NULL, NULL);
    comm_barrier(world);
    char *command = memory_print("rm -rf %s", folder);
    if (comm_rank(world) == 0 && system(command) != 0) fatal("%s cannot be removed", folder);
    memory_free(command);
    if (failed) fatal("%d tests failed", failed);
    comm_finish(world);
    return 0;
}

/* The main function of a test of probes. */
#define PROBE_TESTS(...)                                                                                     \
    int main(int argc, char **argv)                                                                          \
    {                                                                                                        \
        const struct CMUnitTest tests[] = {__VA_ARGS__};                                                     \
        return probe_tests(argc, argv, tests, sizeof tests / sizeof *tests);                                 \
    }

#endif
