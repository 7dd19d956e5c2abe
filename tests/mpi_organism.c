/*
 * The organism on every process grid that this number of ranks allows: against the published code
 * (tests/golden), against a literal particle-by-particle evaluation and finite differences in double
 * precision, and bit for bit against one rank.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <hdf5.h>

#include "metazoa/base/memory.h"
#include "metazoa/organism/organism.h"
#include "metazoa/parallel/random.h"

enum { SEED = 4711 };

static struct comm *world;

/* A whole data set, of which a rank takes its columns. */
struct whole {
    int64_t samples;
    int32_t inputs, outputs;
    float *x;       /* [samples][inputs] */
    int32_t *label; /* or */
    float *y;       /* [samples][outputs] */
};

static struct task task_of(const struct whole *whole, const struct organism_shape *shape,
                           const struct grid *grid)
{
    struct task task = {
        .classification = whole->label != NULL, .inputs = whole->inputs, .outputs = whole->outputs};
    organism_inputs(shape, grid, &task.input_begin, &task.input_end);
    struct dataset *data = &task.train;
    int32_t width = task.input_end - task.input_begin;
    data->samples = whole->samples;
    data->stride = (width + 15) / 16 * 16;
    data->x = memory_new(data->samples + 1, (size_t)data->stride * sizeof *data->x);
    data->label = whole->label;
    data->y = whole->y;
    task.order = memory_new(data->samples, sizeof *task.order);
    for (int64_t s = 0; s < data->samples; s++) {
        task.order[s] = s;
        memcpy(data->x + s * data->stride, whole->x + s * whole->inputs + task.input_begin,
               (size_t)width * sizeof(float));
    }
    task.test = task.train;
    return task;
}

static void task_drop(struct task *task)
{
    memory_free(task->train.x);
    memory_free(task->order);
}

static struct whole whole_random(int64_t samples, int32_t inputs, int32_t outputs, bool classes)
{
    struct whole whole = {.samples = samples, .inputs = inputs, .outputs = outputs};
    whole.x = memory_new(samples * inputs, sizeof *whole.x);
    struct random_stream stream = random_open(SEED, RANDOM_PROBE, 0, 0);
    random_normal(&stream, whole.x, (int)(samples * inputs));
    if (classes) {
        whole.label = memory_new(samples, sizeof *whole.label);
        for (int64_t s = 0; s < samples; s++) whole.label[s] = (int32_t)((s * 7 + s / 3) % outputs);
    } else {
        whole.y = memory_new(samples * outputs, sizeof *whole.y);
        random_normal(&stream, whole.y, (int)(samples * outputs));
    }
    return whole;
}

static void whole_free(struct whole *whole)
{
    memory_free(whole->x), memory_free(whole->label), memory_free(whole->y);
}

static struct organism_shape shape_of(int layers, const int32_t *cells, int width, int particle_layers,
                                      bool gelu, enum loss loss, int32_t block, int32_t chunk)
{
    struct organism_shape shape = {.layers = layers,
                                   .activation = gelu ? ACTIVATION_GELU : ACTIVATION_LINEAR,
                                   .loss = loss,
                                   .block = block,
                                   .chunk = chunk,
                                   .particle = particle_shape_new(width, particle_layers)};
    memcpy(shape.cells, cells, (size_t)(layers + 1) * sizeof *cells);
    return shape;
}

static const struct training sgd = {.learning_rate = 0.004f, .momentum = 0.9f, .self_steps = 5};

/* A layer's weights of all ranks: out [cells][edges][weights]. */
static double *all_weights(struct organism *organism, int l)
{
    int weights = organism->shape.particle.weights;
    int64_t edges = organism->shape.cells[l], n = organism_layer_particles(&organism->shape, l) * weights,
            stretches, rows;
    double *out = memory_new(n, sizeof *out);
    struct stretch *stretch = organism_stretches(organism, l, &stretches, &rows);
    float *row = memory_new(rows * weights, sizeof *row);
    organism_export(organism, l, FIELD_WEIGHTS, row);
    for (int64_t i = 0; i < stretches; i++)
        for (int64_t j = 0; j < stretch[i].count * weights; j++)
            out[(stretch[i].cell * edges + stretch[i].edge) * weights + j] =
                (double)row[stretch[i].first * weights + j];
    memory_free(stretch), memory_free(row);
    comm_sum_double(organism->grid->all, out, n);
    return out;
}

/* Sets a layer's owned weights from [cells][edges][weights]. */
static void set_weights(struct organism *organism, int l, const double *all)
{
    int weights = organism->shape.particle.weights;
    int64_t edges = organism->shape.cells[l], stretches, rows;
    struct stretch *stretch = organism_stretches(organism, l, &stretches, &rows);
    float *row = memory_new(rows * weights, sizeof *row);
    for (int64_t i = 0; i < stretches; i++)
        for (int64_t j = 0; j < stretch[i].count * weights; j++)
            row[stretch[i].first * weights + j] =
                (float)all[(stretch[i].cell * edges + stretch[i].edge) * weights + j];
    organism_import(organism, l, FIELD_WEIGHTS, row);
    memory_free(stretch), memory_free(row);
}

/* Runs a check on every grid that the communicator's size allows. */
static void on_every_grid(struct comm *comm, void (*check)(struct grid *grid, void *context), void *context)
{
    int n = comm_size(comm);
    for (int b = 1; b <= n; b++)
        for (int r = 1; r <= n / b; r++)
            if (n % (b * r) == 0) {
                struct grid grid;
                grid_new(&grid, comm, (int[]){b, r, n / b / r});
                check(&grid, context);
                grid_free(&grid);
            }
}

/* ---- golden data ---- */

static void read_any(hid_t file, const char *name, hid_t type, void *out)
{
    hid_t set = H5Dopen2(file, name, H5P_DEFAULT);
    assert_true(set >= 0 && H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out) >= 0);
    H5Dclose(set);
}

static int attribute(hid_t file, const char *name)
{
    int value = 0;
    hid_t a = H5Aopen(file, name, H5P_DEFAULT);
    assert_true(a >= 0 && H5Aread(a, H5T_NATIVE_INT, &value) >= 0);
    H5Aclose(a);
    return value;
}

struct golden {
    hid_t file;
    struct whole whole;
    struct organism_shape shape;
    struct training training;
    int batch, batches;
};

static void golden_compare(struct organism *organism, hid_t file, int after)
{
    for (int l = 0; l < organism->shape.layers; l++) {
        int64_t n = organism_layer_particles(&organism->shape, l) * organism->shape.particle.weights;
        double *expected = memory_new(n, sizeof *expected), *found = all_weights(organism, l), worst = 0,
               largest = 0;
        char name[64];
        snprintf(name, sizeof name,
                 after == 1 ? "after_1_batch/layers/%d/weights" : "after_%d_batches/layers/%d/weights",
                 after == 1 ? l : after, l);
        read_any(file, name, H5T_NATIVE_DOUBLE, expected);
        for (int64_t i = 0; i < n; i++) {
            worst = fmax(worst, fabs(expected[i] - found[i]));
            largest = fmax(largest, fabs(expected[i]));
        }
        if (!(worst < 1e-5 * largest))
            print_message("after %d, layer %d: %g of %g\n", after, l, worst, largest);
        assert_true(
            worst <
            1e-5 * largest); /* the tolerance that the golden data were checked with in single precision */
        memory_free(expected), memory_free(found);
    }
}

static void golden_check(struct grid *grid, void *context)
{
    struct golden *golden = context;
    struct task task = task_of(&golden->whole, &golden->shape, grid);
    struct organism organism;
    organism_new(&organism, &golden->shape, &golden->training, grid, SEED);
    for (int l = 0; l < golden->shape.layers; l++) {
        char name[64];
        snprintf(name, sizeof name, "initial/layers/%d/weights", l);
        double *initial = memory_new(
            organism_layer_particles(&golden->shape, l) * golden->shape.particle.weights, sizeof *initial);
        read_any(golden->file, name, H5T_NATIVE_DOUBLE, initial);
        set_weights(&organism, l, initial);
        memory_free(initial);
    }
    organism_refresh(&organism);
    double *loss = memory_new(golden->batches, sizeof *loss),
           *self = memory_new(golden->batches, sizeof *self);
    read_any(golden->file, "task_loss", H5T_NATIVE_DOUBLE, loss);
    read_any(golden->file, "self_train_loss_sum", H5T_NATIVE_DOUBLE, self);
    for (int b = 0; b < golden->batches; b++) {
        int flags = 0;
        assert_int_equal(organism_sweep(&organism, golden->training.self_steps, &flags), -1);
        exact_wide_sum(grid->all, &organism.self_loss);
        double self_found = exact_wide_value(&organism.self_loss);
        struct tally tally = {0};
        organism_learn(&organism, &task, (int64_t)b * golden->batch, (int64_t)(b + 1) * golden->batch,
                       &tally);
        organism_tally_sum(&organism, &tally);
        assert_int_equal(tally.samples, golden->batch);
        double found = exact_wide_value(&tally.loss) / (double)tally.samples;
        assert_true(fabs(found - loss[b]) < 2e-5 * fmax(loss[b], 0.1));
        assert_true(fabs(self_found - self[b]) < 1e-4 * fmax(self[b], 0.1));
        if (b == 0 || b == golden->batches - 1) {
            organism_sweep(&organism, 0, &flags);
            golden_compare(&organism, golden->file, b + 1);
        }
    }
    int64_t outputs = golden->whole.outputs, last = (int64_t)(golden->batches - 1) * golden->batch;
    double *expected = memory_new(golden->batch * outputs, sizeof *expected);
    float *out = memory_new(golden->batch * outputs, sizeof *out);
    read_any(golden->file, "final_output", H5T_NATIVE_DOUBLE, expected);
    organism_outputs(&organism, &task.train, last, last + golden->batch, out);
    double worst = 0, worst_first = 0;
    for (int64_t i = 0; i < golden->batch * outputs; i++)
        worst = fmax(worst, fabs(expected[i] - (double)out[i]));
    organism_outputs(&organism, &task.train, 0, golden->batch, out);
    for (int64_t i = 0; i < golden->batch * outputs; i++)
        worst_first = fmax(worst_first, fabs(expected[i] - (double)out[i]));
    if (worst_first < worst)
        worst = worst_first; /* the file does not say of which batch: of the last or of the first */
    if (!(worst < 1e-4)) print_message("outputs differ by %g\n", worst);
    assert_true(worst < 1e-4);
    memory_free(expected), memory_free(out), memory_free(loss), memory_free(self);
    organism_free(&organism);
    task_drop(&task);
}

static void golden(const char *name, enum loss loss, bool gelu, int32_t block, int32_t chunk)
{
    struct golden golden = {.file = H5Fopen(name, H5F_ACC_RDONLY, H5P_DEFAULT), .training = sgd};
    assert_true(golden.file >= 0);
    hsize_t n[4];
    hid_t a = H5Aopen(golden.file, "cells", H5P_DEFAULT), space = H5Aget_space(a);
    int32_t cells[16], count = (int32_t)H5Sget_simple_extent_npoints(space);
    H5Aread(a, H5T_NATIVE_INT32, cells);
    H5Sclose(space), H5Aclose(a);
    golden.shape = shape_of(count - 1, cells, attribute(golden.file, "particle_width"),
                            attribute(golden.file, "particle_layers"), gelu, loss, block, chunk);
    golden.training.self_steps = attribute(golden.file, "self_train_steps");
    golden.batch = attribute(golden.file, "batch"), golden.batches = attribute(golden.file, "batches");
    hid_t set = H5Dopen2(golden.file, "x", H5P_DEFAULT), x = H5Dget_space(set);
    H5Sget_simple_extent_dims(x, n, NULL);
    H5Sclose(x), H5Dclose(set);
    golden.whole = (struct whole){(int64_t)n[0], (int32_t)n[1], cells[count - 1], NULL, NULL, NULL};
    golden.whole.x = memory_new((int64_t)(n[0] * n[1]), sizeof(float));
    read_any(golden.file, "x", H5T_NATIVE_FLOAT, golden.whole.x);
    if (loss == LOSS_CROSS_ENTROPY) {
        golden.whole.label = memory_new((int64_t)n[0], sizeof(int32_t));
        read_any(golden.file, "y", H5T_NATIVE_INT32, golden.whole.label);
    } else {
        golden.whole.y = memory_new((int64_t)n[0] * golden.whole.outputs, sizeof(float));
        read_any(golden.file, "y", H5T_NATIVE_FLOAT, golden.whole.y);
    }
    on_every_grid(world, golden_check, &golden);
    whole_free(&golden.whole);
    H5Fclose(golden.file);
}

static void golden_addition(void **state)
{
    (void)state;
    golden("tests/golden/organism_addition.h5", LOSS_MSE, false, 256, 256);
    golden("tests/golden/organism_addition.h5", LOSS_MSE, false, 2, 16);
}

static void golden_classify(void **state)
{
    (void)state;
    golden("tests/golden/organism_gelu_classify.h5", LOSS_CROSS_ENTROPY, true, 256, 256);
    golden("tests/golden/organism_gelu_classify.h5", LOSS_CROSS_ENTROPY, true, 4, 16);
}

static void golden_width2(void **state)
{
    (void)state;
    golden("tests/golden/organism_width2_2layers.h5", LOSS_CROSS_ENTROPY, true, 256, 256);
    golden("tests/golden/organism_width2_2layers.h5", LOSS_CROSS_ENTROPY, true, 3, 7);
}

/* ---- literal evaluation and finite differences ---- */

/* A particle applied to one number, layer by layer: N(0, 0, 0, 0, x). */
static double particle_apply(const struct particle_shape *p, const double *w, double x)
{
    double now[16] = {0, 0, 0, 0, x}, next[16];
    for (int k = 0, at = 0; k < p->layers; k++) {
        for (int c = 0; c < particle_cells(p, k); c++) {
            next[c] = 0;
            for (int e = 0; e < particle_edges(p, k); e++) next[c] += w[at++] * now[e];
        }
        memcpy(now, next, sizeof now);
    }
    return p->layers == 0 ? w[0] * x : now[0];
}

static double literal_gelu(double x)
{
    return x * 0.5 * erfc(-x / sqrt(2));
}

/* Outputs for one sample, every edge by its particle. */
static void literal_outputs(const struct organism_shape *shape, double *const *weights, const float *x,
                            double *out)
{
    double now[64], next[64];
    for (int32_t i = 0; i < shape->cells[0]; i++) now[i] = (double)x[i];
    for (int l = 0; l < shape->layers; l++) {
        for (int32_t c = 0; c < shape->cells[l + 1]; c++) {
            next[c] = 0;
            for (int32_t e = 0; e < shape->cells[l]; e++)
                next[c] +=
                    particle_apply(&shape->particle,
                                   weights[l] + (c * shape->cells[l] + e) * shape->particle.weights, now[e]);
            if (shape->residual && l > 0 && l < shape->layers - 1 && shape->cells[l] == shape->cells[l + 1])
                next[c] += now[c];
            if (l < shape->layers - 1 && shape->activation == ACTIVATION_GELU)
                next[c] = literal_gelu(next[c]);
        }
        memcpy(now, next, sizeof now);
    }
    memcpy(out, now, (size_t)shape->cells[shape->layers] * sizeof *out);
}

static double literal_loss(const struct organism_shape *shape, double *const *weights,
                           const struct whole *whole, double *correct)
{
    double total = 0, out[64];
    const int32_t outputs = shape->cells[shape->layers];
    *correct = 0;
    for (int64_t s = 0; s < whole->samples; s++) {
        literal_outputs(shape, weights, whole->x + s * whole->inputs, out);
        if (whole->label) {
            double sum = 0;
            int32_t best = 0;
            for (int32_t c = 0; c < outputs; c++) sum += exp(out[c]), best = out[c] > out[best] ? c : best;
            total += log(sum) - out[whole->label[s]];
            *correct += best == whole->label[s];
        } else
            for (int32_t c = 0; c < outputs; c++)
                total += (out[c] - (double)whole->y[s * outputs + c]) *
                         (out[c] - (double)whole->y[s * outputs + c]) / outputs;
    }
    return total / (double)whole->samples;
}

struct literal {
    struct organism_shape shape;
    struct whole whole;
};

/* One task step with rate 1 moves every weight by minus the slope of the literal loss (central differences).
 */
static void literal_check(struct grid *grid, void *context)
{
    struct literal *literal = context;
    const struct organism_shape *shape = &literal->shape;
    struct training training = sgd;
    training.learning_rate = 1;
    struct task task = task_of(&literal->whole, shape, grid);
    struct organism organism;
    organism_new(&organism, shape, &training, grid, SEED);
    organism_draw(&organism);
    double *weights[ORGANISM_LAYERS_MAX], *after[ORGANISM_LAYERS_MAX], correct, ignored;
    for (int l = 0; l < shape->layers; l++) weights[l] = all_weights(&organism, l);
    struct tally tally = {0}, test = {0};
    organism_learn(&organism, &task, 0, literal->whole.samples, &tally);
    organism_tally_sum(&organism, &tally);
    double loss = literal_loss(shape, weights, &literal->whole, &correct);
    assert_true(fabs(exact_wide_value(&tally.loss) / (double)tally.samples - loss) < 1e-5 * (1 + loss));
    organism_evaluate(&organism, &task.test, &test);
    organism_tally_sum(&organism, &test);
    assert_true(fabs(exact_wide_value(&test.loss) / (double)test.samples - loss) < 1e-5 * (1 + loss));
    if (literal->whole.label) {
        assert_int_equal(tally.correct, (int64_t)correct);
        assert_int_equal(test.correct, (int64_t)correct);
    }
    float *out = memory_new(literal->whole.samples * shape->cells[shape->layers], sizeof *out);
    organism_outputs(&organism, &task.train, 0, literal->whole.samples, out);
    for (int64_t s = 0; s < literal->whole.samples; s++) {
        double expected[64];
        literal_outputs(shape, weights, literal->whole.x + s * literal->whole.inputs, expected);
        for (int32_t c = 0; c < shape->cells[shape->layers]; c++)
            assert_true(fabs(expected[c] - (double)out[s * shape->cells[shape->layers] + c]) <
                        1e-5 * (1 + fabs(expected[c])));
    }
    memory_free(out);
    int flags = 0;
    organism_sweep(&organism, 0, &flags);
    double largest = 0;
    for (int l = 0; l < shape->layers; l++) {
        after[l] = all_weights(&organism, l);
        int64_t n = organism_layer_particles(shape, l) * shape->particle.weights;
        for (int64_t i = 0; i < n; i += 1 + n / 60) {
            double keep = weights[l][i], h = 1e-5;
            weights[l][i] = keep + h;
            double up = literal_loss(shape, weights, &literal->whole, &ignored);
            weights[l][i] = keep - h;
            double slope = (up - literal_loss(shape, weights, &literal->whole, &ignored)) / (2 * h);
            weights[l][i] = keep;
            largest = fmax(largest, fabs(slope));
            if (!(fabs(keep - slope - after[l][i]) < 3e-6))
                print_message("layer %d weight %ld: %g %g\n", l, (long)i, slope, keep - after[l][i]);
            assert_true(fabs(keep - slope - after[l][i]) <
                        3e-6); /* single precision on values of order one */
        }
    }
    assert_true(largest > 1e-3);
    for (int l = 0; l < shape->layers; l++) memory_free(weights[l]), memory_free(after[l]);
    organism_free(&organism);
    task_drop(&task);
}

static void literal(void **state)
{
    (void)state;
    static const int32_t deep[] = {7, 6, 6, 6, 3}, flat[] = {5, 4, 2}, single[] = {6, 3};
    struct literal cases[] = {
        {shape_of(4, deep, 3, 3, true, LOSS_CROSS_ENTROPY, 3, 5), whole_random(23, 7, 3, true)},
        {shape_of(4, deep, 3, 3, true, LOSS_CROSS_ENTROPY, 4, 64), whole_random(23, 7, 3, true)},
        {shape_of(2, flat, 6, 2, false, LOSS_MSE, 2, 6), whole_random(13, 5, 2, false)},
        {shape_of(2, flat, 2, 4, true, LOSS_MSE, 64, 64), whole_random(13, 5, 2, false)},
        {shape_of(1, single, 1, 2, true, LOSS_CROSS_ENTROPY, 2, 4), whole_random(9, 6, 3, true)},
        {shape_of(4, deep, 1, 0, true, LOSS_CROSS_ENTROPY, 3, 5), whole_random(23, 7, 3, true)},
    };
    cases[1].shape.residual = true;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        on_every_grid(world, literal_check, &cases[i]);
        whole_free(&cases[i].whole);
    }
}

/* ---- the same bits everywhere ---- */

struct answer {
    struct organism_shape shape;
    struct training training;
    struct whole whole;
    bool known;
    uint64_t fingerprint;
    struct tally tally;
    struct exact_wide self;
    int64_t census[TYPE_COUNT];
};

static void same_check(struct grid *grid, void *context)
{
    struct answer *answer = context;
    struct task task = task_of(&answer->whole, &answer->shape, grid);
    struct organism organism;
    organism_new(&organism, &answer->shape, &answer->training, grid, SEED);
    organism_draw(&organism);
    struct tally tally = {0};
    struct exact_wide self = {{0}};
    int flags = 0;
    for (int64_t b = 0; b < 6; b++) {
        assert_int_equal(organism_sweep(&organism, organism.training.self_steps, &flags), -1);
        exact_wide_merge(&self, &organism.self_loss);
        organism_learn(&organism, &task, b * answer->whole.samples / 6, (b + 1) * answer->whole.samples / 6,
                       &tally);
    }
    organism_sweep(&organism, 0, &flags);
    organism_evaluate(&organism, &task.test, &tally);
    organism_tally_sum(&organism, &tally);
    exact_wide_sum(grid->all, &self);
    uint64_t fingerprint = organism_fingerprint(&organism);
    int64_t census[TYPE_COUNT], particles = 0;
    organism_census(&organism, 1e-5f, census, NULL);
    for (int t = 0; t < TYPE_COUNT; t++) particles += census[t];
    assert_int_equal(particles, organism_particles(&answer->shape));
    assert_int_equal(tally.samples, 2 * answer->whole.samples);
    if (!answer->known) {
        answer->known = true, answer->fingerprint = fingerprint, answer->tally = tally, answer->self = self;
        memcpy(answer->census, census, sizeof census);
    }
    if (fingerprint != answer->fingerprint)
        print_message("grid %d x %d x %d\n", grid->size[0], grid->size[1], grid->size[2]);
    assert_true(fingerprint == answer->fingerprint);
    assert_memory_equal(&tally, &answer->tally, sizeof tally);
    assert_memory_equal(&self, &answer->self, sizeof self);
    assert_memory_equal(census, answer->census, sizeof census);
    organism_free(&organism);
    task_drop(&task);
}

static void same_bits(void **state)
{
    (void)state;
    static const int32_t deep[] = {37, 22, 22, 9}, paper[] = {60, 5, 5, 10}, tiny[] = {2, 1, 1},
                         wide[] = {70, 41, 33, 18}, mixed[] = {40, 33, 9}; /* blocks of 16 cells and of 17 */
    struct answer cases[] = {
        {.shape = shape_of(3, deep, 3, 3, true, LOSS_CROSS_ENTROPY, 4, 16),
         .training = sgd,
         .whole = whole_random(180, 37, 9, true)},
        {.shape = shape_of(3, paper, 3, 3, true, LOSS_CROSS_ENTROPY, 256, 16),
         .training = sgd,
         .whole = whole_random(300, 60, 10, true)},
        {.shape = shape_of(2, tiny, 2, 2, false, LOSS_MSE, 1, 3),
         .training = sgd,
         .whole = whole_random(60, 2, 1, false)},
        {.shape = shape_of(3, wide, 5, 3, true, LOSS_CROSS_ENTROPY, 20, 32),
         .training = sgd,
         .whole = whole_random(240, 70, 18, true)},
        {.shape = shape_of(3, deep, 4, 4, true, LOSS_CROSS_ENTROPY, 8, 64),
         .training = sgd,
         .whole = whole_random(180, 37, 9, true)},
        {.shape = shape_of(2, mixed, 3, 3, true, LOSS_CROSS_ENTROPY, 17, 16),
         .training = sgd,
         .whole = whole_random(180, 40, 9, true)},
    };
    cases[0].shape.residual = true;
    cases[1].training.buffers = MOMENTUM_SHARED;
    cases[3].training.buffers = MOMENTUM_RESET;
    struct comm *alone = comm_split(world, comm_rank(world), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        on_every_grid(alone, same_check, &cases[i]);
        on_every_grid(world, same_check, &cases[i]);
        uint64_t sum = cases[i].fingerprint;
        comm_sum_u64(world, &sum, 1);
        assert_true(sum == cases[i].fingerprint * (uint64_t)comm_size(world));
        whole_free(&cases[i].whole);
    }
    comm_free(alone);
}

/* ---- faults in the numbers ---- */

static void divergence_check(struct grid *grid, void *context)
{
    (void)context;
    static const int32_t cells[] = {9, 8, 4};
    struct organism_shape shape = shape_of(2, cells, 3, 3, true, LOSS_CROSS_ENTROPY, 3, 8);
    struct organism organism;
    organism_new(&organism, &shape, &sgd, grid, SEED);
    organism_draw(&organism);
    double *all[2] = {all_weights(&organism, 0), all_weights(&organism, 1)};
    int64_t id = organism_particle_id(&shape, 0, 5, 7), later = organism_particle_id(&shape, 1, 2, 1);
    all[0][(5 * 9 + 7) * 27 + 3] = NAN; /* not in the effective weight's way: seen through the loss */
    all[1][(2 * 8 + 1) * 27 + 26] = INFINITY;
    set_weights(&organism, 0, all[0]), set_weights(&organism, 1, all[1]);
    int flags = 2 + comm_rank(grid->all);
    assert_int_equal(organism_sweep(&organism, 2, &flags), id);
    assert_int_equal(flags, 1 + comm_size(grid->all));
    int64_t census[TYPE_COUNT];
    organism_census(&organism, 1e-5f, census, NULL);
    assert_int_equal(census[TYPE_DIVERGENT], 2);
    assert_int_equal(organism_reset_divergent(&organism, 5), 2);
    assert_int_equal(organism_sweep(&organism, 2, &flags), -1);
    organism_census(&organism, 1e-5f, census, NULL);
    assert_int_equal(census[TYPE_DIVERGENT], 0);
    int layer;
    int64_t cell, edge;
    organism_particle_place(&shape, later, &layer, &cell, &edge);
    assert_true(layer == 1 && cell == 2 && edge == 1);
    memory_free(all[0]), memory_free(all[1]);
    organism_free(&organism);
}

static void divergence(void **state)
{
    (void)state;
    on_every_grid(world, divergence_check, NULL);
}

/* Partial sums that are too large or not finite poison the sum; rounded ones add up in any order. */
static void exact_sums(void **state)
{
    (void)state;
    float partial[4] = {1, -0.0f, -2e6f, NAN};
    double sum[4] = {0, 0, 0, 0};
    struct exact exact = {exact_magic(3, 32), 0};
    exact_add(sum, partial, 4, &exact);
    assert_true(sum[0] == 1 && !signbit(sum[1]) && sum[2] == -2e6 && isnan(sum[3]));
    assert_int_equal(exact_exponent(exact.largest), 32); /* of 2e6, a little below 2^21; NaN does not count */
    double forward = 0, backward = 0;
    struct random_stream stream = random_open(SEED, RANDOM_PROBE, 1, 0);
    float values[1000];
    random_normal(&stream, values, 1000);
    struct exact_wide up = {{0}}, down = {{0}};
    for (int i = 0; i < 1000; i++) {
        forward += exact_round((double)values[i], exact_magic(1000, 16));
        backward += exact_round((double)values[999 - i], exact_magic(1000, 16));
        exact_wide_add(&up, (double)values[i] * pow(10, i % 17 - 12));
        exact_wide_add(&down, (double)values[999 - i] * pow(10, (999 - i) % 17 - 12));
    }
    assert_true(forward == backward && forward != 0);
    assert_memory_equal(&up, &down, sizeof up);
    struct exact_wide small = {{0}};
    for (int i = 0; i < 1000; i++) exact_wide_add(&small, 1e-13);
    assert_true(fabs(exact_wide_value(&small) - 1e-10) < 1e-15);
    exact_wide_add(&small, INFINITY);
    assert_true(!isfinite(exact_wide_value(&small)));
}

int main(int argc, char **argv)
{
    world = comm_start(&argc, &argv);
    if (comm_rank(world) == 0) print_message("seed %d, %d ranks\n", SEED, comm_size(world));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_addition), cmocka_unit_test(golden_classify), cmocka_unit_test(golden_width2),
        cmocka_unit_test(literal),         cmocka_unit_test(same_bits),       cmocka_unit_test(divergence),
        cmocka_unit_test(exact_sums),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (failed) fatal("%d tests failed", failed);
    comm_finish(world);
    return 0;
}
