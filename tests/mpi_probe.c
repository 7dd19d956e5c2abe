/*
 * Probes on small organisms: known answers (the hand-made fixpoint, chance when all is dropped, the census,
 * one sweep), a literal double-precision twin of one particle's robustness, and the same bytes on every
 * process grid as on one rank.
 */
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
#include "metazoa/measure/order.h"
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
static void classes_fill(struct task *task, const struct grid *grid, int32_t inputs, int32_t classes)
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
static void subject_make(struct subject *subject, struct config *config, const char *text, bool scalar,
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

static void subject_drop(struct subject *subject, struct config *config)
{
    subject_close(subject);
    config_free(config);
}

static void on_every_grid(struct comm *comm,
                          void (*check)(struct comm *comm, const int size[GRID_AXES], void *context),
                          void *context)
{
    const int n = comm_size(comm);
    for (int b = 1; b <= n; b++)
        for (int r = 1; r <= n / b; r++)
            if (n % (b * r) == 0) check(comm, (int[]){b, r, n / b / r}, context);
}

/* ---- files ---- */

static char *read_bytes(const char *run, const char *name, long *length)
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
static double *read_values(const char *run, const char *kind, const char *name, int64_t *n)
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

static double read_one(const char *run, const char *kind, const char *name, int64_t i)
{
    int64_t n;
    double *values = read_values(run, kind, name, &n);
    assert_true(i < n);
    const double value = values[i < 0 ? n + i : i];
    memory_free(values);
    return value;
}

/* ---- robustness ---- */

/* Without noise the hand-made fixpoint stays for ever; the smaller the noise, the longer it stays. */
static void perfect(void **state)
{
    (void)state;
    double size[] = {1, 1e-1, 1e-3, 1e-5, 1e-7, 0};
    enum { N = sizeof size / sizeof *size, DRAWS = 20, CAP = 300 };
    const struct noise noise = {.levels = N, .size = size, .draws = DRAWS, .seed = 1};
    static const int shapes[][2] = {{3, 3}, {2, 2}, {5, 4}, {1, 3}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        const struct particle_shape shape = particle_shape_new(shapes[s][0], shapes[s][1]);
        float weights[PARTICLE_WEIGHTS_MAX], again[PARTICLE_WEIGHTS_MAX];
        robustness_perfect(&shape, weights);
        const int64_t id = 7;
        struct lifetimes lifetimes;
        lifetimes_new(&lifetimes, &noise, 1);
        memcpy(again, weights, sizeof again);
        robustness_run(&lifetimes, &shape, &noise, CAP, 1e-5f, &id, weights, 0, 1);
        assert_memory_equal(weights, again, (size_t)shape.weights * sizeof *weights);
        double mean[N] = {0};
        for (int level = 0; level < N; level++)
            for (int draw = 0; draw < DRAWS; draw++) {
                const int at = level * DRAWS + draw;
                mean[level] += lifetimes.replicator[at];
                assert_true(lifetimes.replicator[at] <= lifetimes.alive[at] && lifetimes.alive[at] <= CAP);
                assert_true((lifetimes.end[at] == TYPE_OTHER) == (lifetimes.alive[at] == CAP));
                if (size[level] == 0) assert_int_equal(lifetimes.replicator[at], CAP);
            }
        assert_true(mean[0] == 0 && mean[2] == 0);
        assert_true(mean[4] > 0 && mean[4] >= mean[3] && mean[5] >= mean[4]);
        lifetimes_free(&lifetimes);
    }
}

/* One life in double precision, without vectors: the published definitions word by word. */
static void literal_life(const struct particle_shape *p, double *w, int cap, int *replicator, int *alive)
{
    *replicator = *alive = cap;
    for (int t = 0; t < cap; t++) {
        double a[16] = {0}, next[16];
        /* a = W_n ... W_1, by five unit inputs through the layers */
        for (int input = 0; input < 5; input++) {
            double now[16] = {0};
            now[input] = 1;
            for (int k = 0, at = 0; k < p->layers; k++) {
                for (int c = 0; c < particle_cells(p, k); c++) {
                    next[c] = 0;
                    for (int e = 0; e < particle_edges(p, k); e++) next[c] += w[at++] * now[e];
                }
                memcpy(now, next, sizeof now);
            }
            a[input] = now[0];
        }
        bool finite = true, zero = true, same = true;
        double moved[PARTICLE_WEIGHTS_MAX];
        for (int i = 0; i < p->weights; i++) {
            moved[i] = a[0] * w[i] + a[1] * (double)p->layer_at[i] + a[2] * (double)p->cell_at[i] +
                       a[3] * (double)p->edge_at[i];
            finite = finite && fabs(w[i]) <= (double)3.402823466e38f;
            zero = zero && fabs(w[i]) <= 1e-5;
            same = same && fabs(moved[i] - w[i]) <= 1e-5;
        }
        if (*replicator == cap && (!finite || zero || !same)) *replicator = t;
        if (!finite || zero) {
            *alive = t;
            return;
        }
        memcpy(w, moved, (size_t)p->weights * sizeof *w);
    }
}

/*
 * Lives of particles trained alone, beside their twins. Noise well above single precision's rounding decides
 * a life, so that both agree but for a step now and then; noise below it does not (that part is only asked to
 * be ordered).
 */
static void twin(void **state)
{
    (void)state;
    enum { N = 32, DRAWS = 4, CAP = 400 };
    double size[] = {1e-1, 1e-2, 1e-3, 1e-4};
    const struct noise noise = {.levels = 4, .size = size, .draws = DRAWS, .seed = 9};
    struct subject subject;
    struct config config;
    struct whole whole;
    struct comm *alone = comm_split(world, comm_rank(world), 0);
    subject_make(&subject, &config, addition, false, alone, (int[]){1, 1, 1}, folder);
    const struct particle_shape *shape = &subject.organism.shape.particle;
    robustness_alone(&whole, &subject.organism, 1, 1e-5f, N, 20000);
    print_message("%d of %d particles alone became self-replicators\n", (int)whole.n, N);
    assert_true(whole.n >= N / 2);
    float *weights = memory_new(whole.n * shape->weights, sizeof *weights);
    for (int64_t i = 0; i < whole.n; i++) {
        const float *row = (const float *)whole.rows + i * (1 + shape->weights);
        assert_true(row[0] >= CENSUS_STEPS && row[0] <= 20000);
        memcpy(weights + i * shape->weights, row + 1, (size_t)shape->weights * sizeof *weights);
    }
    struct lifetimes lifetimes;
    lifetimes_new(&lifetimes, &noise, whole.n);
    robustness_run(&lifetimes, shape, &noise, CAP, 1e-5f, whole.id, weights, 0, whole.n);
    int64_t total = 0, exact = 0;
    double mean[4] = {0};
    for (int level = 0; level < 4; level++)
        for (int64_t i = 0; i < whole.n; i++)
            for (int draw = 0; draw < DRAWS; draw++) {
                double w[PARTICLE_WEIGHTS_MAX];
                float z[PARTICLE_WEIGHTS_MAX];
                struct random_stream stream = random_open(9, RANDOM_PROBE, draw, (uint64_t)whole.id[i]);
                random_normal(&stream, z, shape->weights);
                for (int j = 0; j < shape->weights; j++)
                    w[j] = (double)(weights[i * shape->weights + j] + (float)size[level] * z[j]);
                int replicator, alive;
                literal_life(shape, w, CAP, &replicator, &alive);
                const int64_t at = (level * whole.n + i) * DRAWS + draw;
                mean[level] += alive;
                total++;
                exact += replicator == lifetimes.replicator[at] && alive == lifetimes.alive[at];
                if (abs(alive - lifetimes.alive[at]) > 1 + alive / 10 ||
                    abs(replicator - lifetimes.replicator[at]) > 1)
                    print_message("noise %g, particle %d: %d %d, twin %d %d\n", size[level], (int)whole.id[i],
                                  lifetimes.replicator[at], lifetimes.alive[at], replicator, alive);
            }
    print_message("%d of %d lives equal; mean %g %g %g %g\n", (int)exact, (int)total,
                  mean[0] / (double)total * 4, mean[1] / (double)total * 4, mean[2] / (double)total * 4,
                  mean[3] / (double)total * 4);
    assert_true(exact >= total * 95 / 100);
    assert_true(mean[0] > 0 && mean[3] > mean[2] && mean[2] > mean[1] && mean[1] > mean[0]);
    lifetimes_free(&lifetimes);
    memory_free(weights);
    whole_free(&whole);
    subject_drop(&subject, &config);
    comm_free(alone);
}

/* ---- wholes and orders ---- */

static bool take_id(const void *context, int l, int64_t position, int64_t id, void *row)
{
    (void)context, (void)l, (void)position;
    *(int64_t *)row = id * 3;
    return id % 4 != 1;
}

static uint64_t odd_first(const void *context, int l, int64_t position, int64_t id)
{
    (void)context, (void)l, (void)position;
    return id % 5 == 0 ? ORDER_NONE : order_value((float)(id % 2 ? 0.25 : 1e10), id);
}

static void order_check(struct comm *comm, const int size[GRID_AXES], void *context)
{
    (void)context;
    struct subject subject;
    struct config config;
    subject_make(&subject, &config, digits, false, comm, size, folder);
    struct whole whole;
    whole_collect(&whole, &subject.organism, sizeof(int64_t), take_id, NULL);
    const int64_t particles = organism_particles(&subject.organism.shape);
    int64_t at = 0;
    for (int64_t id = 0; id < particles; id++)
        if (id % 4 != 1) {
            assert_int_equal(whole.id[at], id);
            assert_int_equal(((int64_t *)whole.rows)[at++], id * 3);
        }
    assert_int_equal(at, whole.n);
    whole_free(&whole);
    struct order order;
    order_new(&order, &subject.organism, odd_first, NULL);
    assert_int_equal(order.n, particles - (particles + 4) / 5);
    int64_t *counts = memory_new(order.n + 1, sizeof *counts), found;
    uint64_t *bounds = memory_new(order.n + 1, sizeof *bounds);
    for (int64_t i = 0; i <= order.n; i++) counts[i] = i;
    order_bounds(&order, order.n + 1, counts, bounds);
    for (int64_t i = 0; i <= order.n; i++) {
        uint64_t below = 0;
        for (int l = 0; l < subject.organism.shape.layers; l++) {
            const struct layer *layer = &subject.organism.layer[l];
            for (int64_t k = 0; k < layer_owned(layer); k++) below += order.key[l][k] < bounds[i];
        }
        comm_sum_u64(comm, &below, 1);
        found = (int64_t)below;
        assert_int_equal(found, i);
    }
    /* Odd ones, in ascending order, before even ones. */
    assert_true(bounds[1] == order_value(0.25f, 1) + 1 && bounds[2] == order_value(0.25f, 3) + 1);
    assert_true(order_value(0, 9) < order_value(1e-40f, 1) &&
                order_value(1e30f, 1) < order_value(INFINITY, 0));
    assert_true(order_value(INFINITY, 5) < order_value(NAN, 0) && order_value(NAN, 5) < ORDER_NONE);
    memory_free(counts), memory_free(bounds);
    order_free(&order);
    subject_drop(&subject, &config);
}

static void orders(void **state)
{
    (void)state;
    on_every_grid(world, order_check, NULL);
}

/* ---- known answers ---- */

/* Movement is what the census compares. */
static void movement_check(struct subject *subject)
{
    struct organism *organism = &subject->organism;
    uint8_t **types = order_types(organism, 1e-5f, NULL);
    uint64_t replicators = 0;
    for (int l = 0; l < organism->shape.layers; l++) {
        const int64_t groups = layer_owned_groups(&organism->layer[l]);
        float *movement = memory_new(groups * LANES, sizeof *movement);
        particle_movement(&organism->shape.particle, groups, organism->layer[l].field[FIELD_WEIGHTS],
                          movement);
        for (int64_t i = 0; i < groups * LANES; i++) {
            replicators += types[l][i] == TYPE_SELF_REPLICATOR;
            if (types[l][i] == TYPE_SELF_REPLICATOR) assert_true(movement[i] <= 1e-5f);
            if (types[l][i] == TYPE_OTHER || types[l][i] == TYPE_SECONDARY) assert_true(movement[i] > 1e-5f);
        }
        memory_free(movement);
    }
    comm_sum_u64(subject->comm, &replicators, 1);
    assert_true(replicators > 0);
    order_types_free(types, organism);
}

/* Runs a probe with one option that differs from its default, or none (NULL). */
static void probe_with(struct subject *subject, const char *kind, const char *option, const char *value)
{
    struct problems problems = {0};
    const struct probe *probe = probe_find(kind);
    void *options = probe_options(probe);
    if (option) probe_set(probe, options, option, value, &problems);
    assert_int_equal(problems.n, 0);
    assert_int_equal(probe_run(probe, subject, options), EXIT_DONE);
    memory_free(options);
}

/* The score of outputs that are all zero. */
static double chance(const struct task *task)
{
    double sum = 0;
    const struct dataset *data = &task->test;
    for (int64_t s = 0; s < data->samples; s++)
        sum += task->classification ? data->label[s] == 0 : fabs((double)data->y[s]);
    return sum / (double)data->samples;
}

static void check_dropout(struct subject *subject, struct subject *baseline)
{
    const double score = subject_score(subject);
    const uint64_t before = organism_fingerprint(&subject->organism);
    int64_t census[TYPE_COUNT];
    organism_census(&subject->organism, (float)subject->config->measure.epsilon, census, NULL);
    assert_true(census[TYPE_SELF_REPLICATOR] > 0 && census[TYPE_OTHER] > 0);
    subject->probe = probe_find("dropout");
    dropout_run(subject, baseline, &(struct dropout_options){.draws = 2, .points = 4});
    assert_true(organism_fingerprint(&subject->organism) == before);
    assert_true(subject_score(subject) == score);
    if (comm_rank(subject->comm) != 0) return;
    static const char *const networks[] = {"organism", "conventional"}, *const strategies[] = {
                                                                            "replicators", "magnitude",
                                                                            "random", "types"};
    for (int n = 0; n < (baseline ? 2 : 1); n++)
        for (int s = 0; s < 4; s++) {
            char *name = memory_print("/curves/%s/%s/score", networks[n], strategies[s]);
            char *unpruned = memory_print("%s/baseline", n ? "/conventional" : "");
            assert_true(read_one(subject->run, "dropout", name, 0) ==
                        read_one(subject->run, "dropout", unpruned, 0));
            assert_true(fabs(read_one(subject->run, "dropout", name, -1) - chance(&subject->task)) < 1e-6);
            memory_free(name), memory_free(unpruned);
        }
    assert_true(read_one(subject->run, "dropout", "/baseline", 0) == score);
    for (int t = 0; t < TYPE_COUNT; t++)
        assert_true(read_one(subject->run, "dropout", "/types/count", t) == (double)census[t]);
    /* Nobody is divergent: dropping them changes nothing, dropping all others leaves nothing. */
    assert_true(read_one(subject->run, "dropout", "/types/score_without", TYPE_DIVERGENT) == score);
    assert_true(fabs(read_one(subject->run, "dropout", "/types/score_only", TYPE_DIVERGENT) -
                     chance(&subject->task)) < 1e-6);
    /* The replicators are the first in their order. */
    assert_true(read_one(subject->run, "dropout", "/same_count/organism/replicators", 0) ==
                read_one(subject->run, "dropout", "/types/score_without", TYPE_SELF_REPLICATOR));
    assert_true(read_one(subject->run, "dropout", "/types/score_without", TYPE_OTHER) != score);
}

static void check_goal(struct subject *subject)
{
    int64_t census[TYPE_COUNT];
    organism_census(&subject->organism, 1e-5f, census, NULL);
    probe_with(subject, "goal", NULL, NULL);
    const double particles = (double)organism_particles(&subject->organism.shape),
                 score = subject_score(subject);
    if (comm_rank(subject->comm) != 0) return;
    assert_true(read_one(subject->run, "goal", "/epsilon", 3) == 1e-5);
    assert_true(read_one(subject->run, "goal", "/share_self_replicators", 3) ==
                (double)census[TYPE_SELF_REPLICATOR] / particles);
    assert_int_equal(census[TYPE_ZERO], 0);
    assert_true(read_one(subject->run, "goal", "/share_fixpoints", 3) ==
                (double)census[TYPE_SELF_REPLICATOR] / particles);
    /* A label's probability above one half is the largest; one that is the largest is at least 1 / classes.
     */
    if (subject->task.classification)
        assert_true(read_one(subject->run, "goal", "/share_within", 1) <= score);
    if (subject->task.classification)
        assert_true(read_one(subject->run, "goal", "/share_within", 0) >= score);
}

static void check_substitution(struct subject *subject)
{
    probe_with(subject, "substitution", NULL, NULL);
    if (comm_rank(subject->comm) != 0) return;
    int64_t n;
    double *difference = read_values(subject->run, "substitution", "/difference", &n), most = 0;
    assert_int_equal(n, subject->task.test.samples * subject->task.outputs);
    for (int64_t i = 0; i < n; i++) most = fmax(most, difference[i]);
    print_message("substitution: at most %g\n", most);
    assert_true(most > 0 && most < 1e-5); /* rounding of single precision, of outputs of order one */
    memory_free(difference);
}

/* The size of one task step at rate 1 is that of the gradient; settling is nothing but sweeps. */
static void check_settle(struct subject *subject)
{
    struct organism *organism = &subject->organism;
    struct tally ignored = {0};
    int flags = 0;
    float *before[ORGANISM_LAYERS_MAX];
    uint8_t **types = order_types(organism, 1e-5f, NULL);
    const double score = subject_score(subject);
    const int weights = organism->shape.particle.weights;
    int64_t census[TYPE_COUNT];
    organism_census(organism, 1e-5f, census, NULL);
    probe_with(subject, "settle", "--steps", "300");
    int64_t n;
    double least = INFINITY, worst = 0;
    if (comm_rank(subject->comm) == 0) {
        assert_true(read_one(subject->run, "settle", "/score", 0) == score);
        assert_true(read_one(subject->run, "settle", "/steps", -1) == 300);
        for (int t = 0; t < TYPE_COUNT; t++)
            assert_true(read_one(subject->run, "settle", "/types", t) == (double)census[t]);
        assert_true(read_one(subject->run, "settle", "/types", 5 - 1 + TYPE_COUNT * 0) ==
                    (double)census[TYPE_OTHER]);
        assert_true(read_one(subject->run, "settle", "/distance_max", 0) == 0);
        assert_true(read_one(subject->run, "settle", "/distance_max", -1) > 0);
        double *moved = read_values(subject->run, "settle", "/distance_mean", &n);
        for (int64_t i = 1; i < n; i++) assert_true(moved[i] > 0);
        memory_free(moved);
    }
    /* Where the probe has left it: the gradient there, by a step without momentum. */
    probe_with(subject, "settle", "--steps", "0");
    const struct training keep = organism->training;
    organism->training.learning_rate = 1, organism->training.momentum = 0;
    for (int l = 0; l < organism->shape.layers; l++) {
        const int64_t floats = layer_owned(&organism->layer[l]) * weights;
        before[l] = memory_new(floats, sizeof *before[l]);
        if (floats > 0)
            memcpy(before[l], organism->layer[l].field[FIELD_WEIGHTS], (size_t)floats * sizeof(float));
    }
    organism_learn(organism, &subject->task, 0, subject->task.train.samples, &ignored);
    organism_sweep(organism, 0, &flags);
    double *size = comm_rank(subject->comm) == 0
                       ? read_values(subject->run, "settle", "/gradient/size", &n)
                       : memory_new(organism_particles(&organism->shape), sizeof *size);
    comm_broadcast(subject->comm, size, organism_particles(&organism->shape) * (int64_t)sizeof *size, 0);
    for (int l = 0; l < organism->shape.layers; l++) {
        for (int64_t at = 0; at < layer_owned(&organism->layer[l]); at++) {
            const int64_t id = organism_id(organism, l, at);
            if (id < 0) continue;
            double square = 0;
            for (int i = 0; i < weights; i++) {
                const int64_t k = particle_index(at, weights, i);
                const double x = (double)organism->layer[l].field[FIELD_WEIGHTS][k] - (double)before[l][k];
                square += x * x;
            }
            least = fmin(least, size[id]);
            worst = fmax(worst, fabs(sqrt(square) - size[id]));
        }
        memory_free(before[l]);
    }
    assert_true(least > 0 && worst < 1e-6); /* differences of weights of order one */
    organism->training = keep;
    memory_free(size);
    order_types_free(types, organism);
}

static void known_check(struct comm *comm, const int size[GRID_AXES], void *context)
{
    const char *text = context;
    struct subject subject, baseline;
    struct config config, baseline_config;
    subject_make(&subject, &config, text, false, comm, size, folder);
    subject_make(&baseline, &baseline_config, text, true, comm, size, folder);
    movement_check(&subject);
    check_dropout(&subject, &baseline);
    check_goal(&subject);
    if (size[GRID_BATCH] == comm_size(comm)) check_substitution(&subject);
    check_settle(&subject);
    subject_drop(&subject, &config);
    subject_drop(&baseline, &baseline_config);
}

static void known_addition(void **state)
{
    (void)state;
    known_check(world, (int[]){1, comm_size(world), 1}, (void *)(uintptr_t)addition);
    known_check(world, (int[]){comm_size(world), 1, 1}, (void *)(uintptr_t)addition);
}

/* ---- the same bytes everywhere ---- */

static void probe_all(struct comm *comm, const int size[GRID_AXES], const char *run)
{
    static const char *const given[][3] = {
        {"robustness", "--cap", "50"},
        {"robustness", "--seeds", "3"},
        {"robustness", "--single-steps", "2000"},
        {"robustness", "--particles", "17"},
        {"settle", "--steps", "20"},
    };
    for (int i = 0; probes[i]; i++) {
        const struct probe *probe = probes[i];
        if (probe->flat && size[GRID_BATCH] != comm_size(comm)) continue;
        struct subject subject, baseline;
        struct config config, baseline_config;
        struct problems problems = {0};
        subject_make(&subject, &config, addition, false, comm, size, run);
        subject_make(&baseline, &baseline_config, addition, true, comm, size, run);
        void *options = probe_options(probe);
        for (size_t k = 0; k < sizeof given / sizeof *given; k++)
            if (strcmp(given[k][0], probe->kind) == 0)
                probe_set(probe, options, given[k][1], given[k][2], &problems);
        assert_int_equal(problems.n, 0);
        subject.probe = probe;
        if (strcmp(probe->kind, "dropout") == 0)
            dropout_run(&subject, &baseline, &(struct dropout_options){.draws = 3, .points = 3});
        else
            assert_int_equal(probe_run(probe, &subject, options), EXIT_DONE);
        memory_free(options);
        subject_drop(&subject, &config);
        subject_drop(&baseline, &baseline_config);
    }
}

static void same_check(struct comm *comm, const int size[GRID_AXES], void *context)
{
    const char *reference = context;
    char *run = memory_print("%s/grid", folder);
    probe_all(comm, size, run);
    for (int i = 0; probes[i] && comm_rank(comm) == 0; i++) {
        const struct probe *probe = probes[i];
        if (probe->flat && size[GRID_BATCH] != comm_size(comm)) continue;
        for (int k = 0; k < 2; k++) {
            long n, m;
            char *name = memory_print("probe-%s.%s", probe->kind, k ? "json" : "h5");
            char *here = read_bytes(run, name, &n), *there = read_bytes(reference, name, &m);
            if (n != m || memcmp(here, there, (size_t)n) != 0)
                print_message("%s differs on grid %d x %d x %d\n", name, size[0], size[1], size[2]);
            assert_int_equal(n, m);
            assert_memory_equal(here, there, (size_t)n);
            memory_free(here), memory_free(there), memory_free(name);
        }
    }
    comm_barrier(comm);
    memory_free(run);
}

static void same_bytes(void **state)
{
    (void)state;
    struct comm *alone = comm_split(world, comm_rank(world), 0);
    char *reference = memory_print("%s/alone-%d", folder, comm_rank(world)),
         *first = memory_print("%s/alone-0", folder);
    probe_all(alone, (int[]){1, 1, 1}, reference);
    comm_barrier(world);
    on_every_grid(world, same_check, first);
    memory_free(reference), memory_free(first);
    comm_free(alone);
}

/* A folder with one for every rank and one for all, on rank 0's machine, which is everyone's. */
static void make_folders(void)
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

int main(int argc, char **argv)
{
    world = comm_start(&argc, &argv);
    make_folders();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(perfect),        cmocka_unit_test(twin),       cmocka_unit_test(orders),
        cmocka_unit_test(known_addition), cmocka_unit_test(same_bytes),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    comm_barrier(world);
    char *command = memory_print("rm -rf %s", folder);
    if (comm_rank(world) == 0 && system(command) != 0) fatal("%s cannot be removed", folder);
    memory_free(command);
    if (failed) fatal("%d tests failed", failed);
    comm_finish(world);
    return 0;
}
