/*
 * The same bits on every machine: runs small configurations that cover every kernel, and compares the
 * fingerprint of what each computes with the list in tests/fingerprints. `--print` prints the list: after a
 * change of the arithmetic on purpose, which raises ARITHMETIC. tests/long_bits.sh runs this program for
 * other compilers, vectors and processors, without MPI.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../src/task/image.h"
#include "metazoa/base/hash.h"
#include "metazoa/base/memory.h"
#include "metazoa/organism/organism.h"
#include "metazoa/parallel/random.h"
#include "metazoa/particle/kind.h"
#include "../src/particle/linear.h"
#include "metazoa/particle/state.h"

enum { SEED = 20221216, NAME = 64, LIST = 512 };

static struct {
    char name[LIST][NAME];
    uint64_t hash[LIST];
    int n;
} found;

static void report(const char *name, uint64_t hash)
{
    if (found.n == LIST) exit(1);
    snprintf(found.name[found.n], NAME, "%s", name);
    found.hash[found.n++] = hash;
}

static uint64_t hash_floats(uint64_t hash, const float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++) hash = hash_float(hash, x[i]);
    return hash;
}

/* Values of all sizes, some of them zero. */
static void draw(float *out, int64_t n, uint64_t id)
{
    struct random_stream stream = random_open(SEED, RANDOM_PROBE, 0, id);
    for (int64_t at = 0; at < n; at += 64) random_normal(&stream, out + at, n - at < 64 ? (int)(n - at) : 64);
}

/* ---- particles ---- */

struct particles {
    struct particle_shape shape;
    int64_t groups;
    float *field[FIELD_COUNT], *effective, *loss;
    double *gradient;
};

static struct particles particles_new(int width, int layers, int64_t groups)
{
    struct particles p = {.shape = particle_shape_new(width, layers), .groups = groups};
    float row[PARTICLE_WEIGHTS_MAX];
    const struct training any = {.task.optimizer = OPTIMIZER_ADAM, .self.optimizer = OPTIMIZER_ADAM};
    for (int f = 0; f < FIELD_COUNT; f++)
        if (f <= FIELD_VELOCITY_SELF || state_held((enum state_field)f, &p.shape, &any))
            p.field[f] =
                memory_new(groups * LANES * state_values((enum state_field)f, &p.shape), sizeof(float));
    p.effective = memory_new(groups * LANES, sizeof(float));
    p.loss = memory_new(groups * LANES, sizeof(float));
    p.gradient = memory_new(groups * LANES, sizeof(double));
    for (int64_t i = 0; i < groups * LANES; i++) {
        particle_draw(row, &p.shape, SEED, RANDOM_WEIGHTS, 0, (uint64_t)i, 1);
        particle_row_put(p.field[FIELD_WEIGHTS], i, p.shape.weights, row);
        p.gradient[i] = (double)(i % 13 - 6) / 7;
    }
    return p;
}

static void particles_free(struct particles *p)
{
    for (int f = 0; f < FIELD_COUNT; f++) memory_free(p->field[f]);
    memory_free(p->effective), memory_free(p->loss), memory_free(p->gradient);
}

/* With the first `fields` of them. */
static uint64_t particles_hash(const struct particles *p, int fields)
{
    uint64_t hash = 0;
    for (int f = 0; f < fields; f++)
        if (p->field[f])
            hash = hash_floats(hash, p->field[f],
                               p->groups * LANES * state_values((enum state_field)f, &p->shape));
    hash = hash_floats(hash, p->effective, p->groups * LANES);
    return hash_mix(hash_floats(hash, p->loss, p->groups * LANES));
}

static void sweeps(int width, int layers)
{
    char name[NAME];
    for (int buffers = MOMENTUM_SEPARATE; buffers <= MOMENTUM_RESET; buffers++) {
        struct particles p = particles_new(width, layers, 5); /* more than fit into pairs */
        struct sweep sweep = {DESCENT_SGD(0.01f, 0.9f), .buffers = (enum momentum_buffers)buffers,
                              .task_step = 1, .gradient_scale = 0.25f, .self_steps = 7};
        for (int i = 0; i < 3; i++)
            particle_sweep(&p.shape, &sweep, p.groups, p.field, p.effective, p.gradient, p.loss);
        snprintf(name, sizeof name, "sweep width %d layers %d %s", width, layers,
                 momentum_buffers_words[buffers]);
        report(name, particles_hash(&p, FIELD_VELOCITY_SELF + 1));
        particles_free(&p);
    }
}

/* Every optimizer with weight decay for the task, the next one without for the self-training. */
static void optimizers(int width, int layers)
{
    char name[NAME];
    for (int k = 0; k < OPTIMIZER_COUNT; k++) {
        struct particles p = particles_new(width, layers, 5);
        struct sweep sweep = {.task = {0.01f, 0.9f, (enum optimizer)k, 0.1f, {0.9f, 0.999f}, 1e-8f},
                              .self_weights = k % 2 ? SELF_REPLICATION : SELF_ALL,
                              .buffers = k % 2 ? MOMENTUM_RESET : MOMENTUM_SEPARATE,
                              .task_step = 1,
                              .gradient_scale = 0.25f,
                              .self_steps = 7};
        sweep.self = sweep.task, sweep.self.decay = 0;
        sweep.self.optimizer = (enum optimizer)((k + 1) % OPTIMIZER_COUNT);
        for (int i = 0; i < 3; i++)
            particle_sweep(&p.shape, &sweep, p.groups, p.field, p.effective, p.gradient, p.loss);
        snprintf(name, sizeof name, "%s width %d layers %d", optimizer_words[k], width, layers);
        report(name, particles_hash(&p, FIELD_AGE_SELF + 1));
        particles_free(&p);
    }
}

static void applications(int width, int layers)
{
    char name[NAME];
    struct particles p = particles_new(width, layers, 3);
    float *response = memory_new(p.groups * LANES * PARTICLE_INPUTS, sizeof(float));
    uint8_t *types = memory_new(p.groups * LANES, 1);
    linear_response(&p.shape, p.groups, p.field[FIELD_WEIGHTS], response);
    uint64_t hash = hash_floats(0, response, p.groups * LANES * PARTICLE_INPUTS);
    particle_movement(&p.shape, p.groups, p.field[FIELD_WEIGHTS], p.loss);
    particle_census(&p.shape, p.groups, p.field[FIELD_WEIGHTS], 0.5f, types);
    particle_apply_self(&p.shape, p.groups, p.field[FIELD_WEIGHTS], 2);
    hash ^= hash_bytes(types, (size_t)(p.groups * LANES), 0) ^ particles_hash(&p, FIELD_VELOCITY_SELF + 1);
    snprintf(name, sizeof name, "application width %d layers %d", width, layers);
    report(name, hash);
    memory_free(response), memory_free(types);
    particles_free(&p);
}

/* Self-training of the weights that replication needs, and learning from others. */
static void partial_sweeps(int width, int layers)
{
    char name[NAME];
    struct particles p = particles_new(width, layers, 5);
    struct sweep sweep = {DESCENT_SGD(0.01f, 0.9f), .self_weights = SELF_REPLICATION, .task_step = 1,
                          .gradient_scale = 0.25f, .self_steps = 7};
    for (int i = 0; i < 3; i++)
        particle_sweep(&p.shape, &sweep, p.groups, p.field, p.effective, p.gradient, p.loss);
    snprintf(name, sizeof name, "replication width %d layers %d", width, layers);
    report(name, particles_hash(&p, FIELD_VELOCITY_SELF + 1));
    particles_free(&p);

    p = particles_new(width, layers, 3);
    float *moments = memory_new(p.groups * LANES * 4, sizeof(float));
    sweep.self_weights = SELF_ALL;
    particle_moments(&p.shape, p.groups, p.field[FIELD_WEIGHTS], moments);
    particle_learn(&p.shape, &sweep, p.groups - 1, p.field[FIELD_WEIGHTS], moments + 4 * LANES);
    snprintf(name, sizeof name, "learning width %d layers %d", width, layers);
    report(name, particles_hash(&p, FIELD_VELOCITY_SELF + 1));
    memory_free(moments);
    particles_free(&p);
}

static void particles(void)
{
    static const int widths[] = {1, 2, 3, 4, 5, 6, 7, 8, 16};
    for (int layers = PARTICLE_LAYERS_MIN; layers <= PARTICLE_LAYERS_MAX; layers++)
        for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
            sweeps(widths[i], layers);
            applications(widths[i], layers);
            if (i % 2 == 0) partial_sweeps(widths[i], layers);
        }
    sweeps(1, 0);
}

static void all_optimizers(void)
{
    static const int widths[] = {1, 3, 6, 16};
    for (int layers = PARTICLE_LAYERS_MIN; layers <= PARTICLE_LAYERS_MAX; layers++)
        for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) optimizers(widths[i], layers);
    optimizers(1, 0);
}

/* ---- organisms ---- */

struct setting {
    const char *name;
    int32_t cells[5]; /* ends with 0 */
    int32_t block, chunk;
    int width, layers; /* of a particle; layers 0: scalar */
    enum activation activation;
    enum loss loss;
    bool residual, scaled, bias;
    float size; /* of the inputs and targets */
};

static const struct setting settings[] = {
    {"narrow", {60, 5, 5, 10}, 256, 16, 3, 3, ACTIVATION_GELU, LOSS_CROSS_ENTROPY, false, false, false, 1},
    {"wide", {70, 41, 33, 18}, 20, 32, 3, 3, ACTIVATION_GELU, LOSS_CROSS_ENTROPY, false, false, false, 1},
    {"whole blocks", {64, 96, 80, 10}, 256, 64, 2, 3, ACTIVATION_GELU, LOSS_CROSS_ENTROPY, 0, 0, 0, 1},
    {"residual", {33, 40, 40, 9}, 16, 48, 3, 3, ACTIVATION_GELU, LOSS_CROSS_ENTROPY, true, false, false, 1},
    {"residual whole", {33, 40, 40, 9}, 64, 48, 3, 3, ACTIVATION_GELU, LOSS_MSE, true, false, false, 1},
    {"scaled", {50, 60, 17}, 32, 100, 4, 3, ACTIVATION_GELU, LOSS_CROSS_ENTROPY, false, true, false, 1},
    {"linear", {2, 3, 3, 1}, 256, 50, 3, 3, ACTIVATION_LINEAR, LOSS_MSE, false, false, false, 1},
    {"odd cuts", {37, 22, 19, 3}, 7, 11, 6, 2, ACTIVATION_GELU, LOSS_MSE, false, false, false, 1},
    {"scalar", {40, 33, 9}, 17, 16, 1, 0, ACTIVATION_GELU, LOSS_CROSS_ENTROPY, false, true, false, 1},
    {"large numbers", {20, 18, 4}, 8, 16, 3, 3, ACTIVATION_LINEAR, LOSS_MSE, false, true, false, 1e4f},
    {"small numbers", {20, 18, 4}, 8, 1, 3, 3, ACTIVATION_GELU, LOSS_MSE, false, true, false, 1e-4f},
    {"biases", {37, 22, 19, 3}, 7, 11, 3, 3, ACTIVATION_GELU, LOSS_MSE, false, false, true, 1},
    {"biases residual", {33, 40, 40, 9}, 64, 48, 1, 0, ACTIVATION_GELU, LOSS_MSE, true, false, true, 1},
    {"affine", {37, 22, 19, 3}, 7, 11, 3, 3, ACTIVATION_GELU, LOSS_MSE, false, false, true, 1},
    {"affine wide", {2, 3, 3, 1}, 256, 50, 5, 4, ACTIVATION_LINEAR, LOSS_MSE, false, true, false, 1},
};

enum { SAMPLES = 150, BATCHES = 3 };

static struct task task_new(const struct setting *setting, int32_t inputs, int32_t outputs)
{
    struct task task = {0};
    struct dataset *data = &task.train;
    data->samples = SAMPLES;
    data->stride = (int32_t)lanes_round(inputs);
    data->x = memory_new(SAMPLES + 1, (size_t)data->stride * sizeof(float));
    task.order = memory_new(SAMPLES, sizeof *task.order);
    random_permutation(SEED, 0, SAMPLES, task.order);
    for (int64_t s = 0; s < SAMPLES; s++) draw(data->x + s * data->stride, inputs, (uint64_t)s);
    for (int64_t i = 0; i < SAMPLES * data->stride; i++) data->x[i] *= setting->size;
    if (setting->loss == LOSS_CROSS_ENTROPY) {
        data->label = memory_new(SAMPLES, sizeof(int32_t));
        for (int64_t s = 0; s < SAMPLES; s++) data->label[s] = (int32_t)(s % outputs);
    } else {
        data->y = memory_new(SAMPLES * outputs, sizeof(float));
        draw(data->y, SAMPLES * outputs, SAMPLES);
        for (int64_t i = 0; i < SAMPLES * outputs; i++) data->y[i] *= setting->size;
    }
    return task;
}

static uint64_t tally_hash(const struct tally *tally)
{
    const double value[2] = {exact_wide_value(&tally->loss), exact_wide_value(&tally->error)};
    return hash_bytes(value, sizeof value, (uint64_t)tally->correct);
}

static void organism(struct comm *world, const struct setting *setting)
{
    const int kind = strncmp(setting->name, "affine", 6) == 0
                         ? EDGES_AFFINE
                         : particle_kind_find(setting->width, setting->layers);
    struct organism_shape shape = {.activation = setting->activation,
                                   .loss = setting->loss,
                                   .residual = setting->residual,
                                   .scaled = setting->scaled,
                                   .bias = setting->bias,
                                   .block = setting->block,
                                   .chunk = setting->chunk,
                                   .particle = particle_kinds[kind]->shape(setting->width, setting->layers)};
    while (setting->cells[shape.layers + 1] > 0 && shape.layers < 3) shape.layers++;
    memcpy(shape.cells, setting->cells, (size_t)(shape.layers + 1) * sizeof *shape.cells);
    const int32_t outputs = shape.cells[shape.layers];
    const float rate = setting->size > 1 ? 1e-12f : 0.004f;
    const struct training training = {DESCENT_SGD(rate, 0.9f), .self_steps = 5};
    struct task task = task_new(setting, shape.cells[0], outputs);
    struct grid grid;
    struct organism organism;
    struct tally tally = {0};
    int flags = 0;
    char name[NAME];
    grid_new(&grid, world, (int[]){1, 1, 1});
    organism_new(&organism, &shape, &training, &grid, SEED);
    organism_draw(&organism);
    uint64_t hash = organism_fingerprint(&organism);
    for (int64_t b = 0; b < BATCHES; b++) {
        organism_sweep(&organism, training.self_steps, &flags);
        organism_learn(&organism, &task, b * SAMPLES / BATCHES, (b + 1) * SAMPLES / BATCHES, &tally);
    }
    if (organism_sweep(&organism, 0, &flags) != -1) {
        printf("organism %s diverged\n", setting->name);
        exit(1);
    }
    organism_evaluate(&organism, &task.train, &tally);
    hash = hash_mix(hash + organism_fingerprint(&organism)) + tally_hash(&tally);
    snprintf(name, sizeof name, "organism %s", setting->name);
    report(name, hash);
    organism_free(&organism);
    grid_free(&grid);
    memory_free(task.train.x), memory_free(task.train.label), memory_free(task.train.y),
        memory_free(task.order);
}

/* ---- what prepares data ---- */

static void numbers(void)
{
    enum { N = 1 << 18 };
    float *x = memory_new(N, sizeof *x);
    draw(x, N, 1);
    report("normal numbers", hash_mix(hash_floats(0, x, N)));
    memory_free(x);
}

static void images(void)
{
    enum { ROWS = 28, COLUMNS = 31 };
    struct image image;
    uint32_t words[3 * ROWS * COLUMNS];
    uint8_t bytes[3 * ROWS * COLUMNS];
    struct random_stream stream = random_open(SEED, RANDOM_PROBE, 0, 2);
    random_words(&stream, words, 3 * ROWS * COLUMNS);
    for (int i = 0; i < 3 * ROWS * COLUMNS; i++) bytes[i] = (uint8_t)(words[i] >> 24);
    for (int grey = 0; grey < 2; grey++) {
        image_new(&image, 3, grey, (int32_t[]){ROWS, COLUMNS}, (int32_t[]){15, 45});
        image_convert(&image, bytes);
        report(grey ? "image grey" : "image", hash_mix(hash_floats(0, image.out, (grey ? 1 : 3) * 15 * 45)));
        image_free(&image);
    }
}

/* ---- the list ---- */

static int compare(const char *path)
{
    char name[NAME];
    uint64_t hash;
    int different = 0, i = 0;
    FILE *list = fopen(path, "r");
    if (!list) {
        fprintf(stderr, "%s cannot be opened\n", path);
        return 1;
    }
    for (; fscanf(list, "%" SCNx64 " %63[^\n]", &hash, name) == 2; i++) {
        if (i < found.n && strcmp(name, found.name[i]) == 0 && hash == found.hash[i]) continue;
        printf("DIFFERENT %s\n", i < found.n ? found.name[i] : name);
        different++;
    }
    fclose(list);
    printf("%d of %d fingerprints differ from %s\n", different, found.n, path);
    return different > 0 || i != found.n;
}

int main(int argc, char **argv)
{
    struct comm *world = comm_start(&argc, &argv);
    particles();
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) organism(world, &settings[i]);
    numbers();
    images();
    all_optimizers();
    int failed = 0;
    if (argc > 1 && strcmp(argv[1], "--print") == 0)
        for (int i = 0; i < found.n; i++) printf("%016" PRIx64 " %s\n", found.hash[i], found.name[i]);
    else
        failed = compare("tests/fingerprints");
    comm_finish(world);
    return failed;
}
