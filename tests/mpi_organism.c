/*
 * The organism on every process grid that this number of ranks allows: against the published code
 * (tests/golden), against a literal particle-by-particle evaluation and finite differences in double
 * precision, and bit for bit against one rank.
 */
#include "literal.h"
#include "organisms.h"

/* ---- literal evaluation and finite differences ---- */

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
    training.task.rate = training.self.rate = 1;
    struct task task = task_of(&literal->whole, shape, grid);
    struct organism organism;
    organism_new(&organism, shape, &training, grid, SEED);
    organism_draw(&organism);
    double *weights[ORGANISM_LAYERS_MAX], *after[ORGANISM_LAYERS_MAX], correct, ignored;
    for (int l = 0; l < shape->layers; l++) weights[l] = all_weights(&organism, l);
    struct tally tally = {0}, test = {0};
    organism_learn(&organism, &task, 0, literal->whole.samples, &tally);
    organism_tally_sum(&organism, &tally);
    double loss = literal_loss(shape, weights, NULL, &literal->whole, &correct);
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
        literal_outputs(shape, weights, NULL, literal->whole.x + s * literal->whole.inputs, expected);
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
            double up = literal_loss(shape, weights, NULL, &literal->whole, &ignored);
            weights[l][i] = keep - h;
            double slope = (up - literal_loss(shape, weights, NULL, &literal->whole, &ignored)) / (2 * h);
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
        {shape_of(4, deep, 3, 3, true, LOSS_CROSS_ENTROPY, 4, 5), whole_random(23, 7, 3, true)},
        {shape_of(4, deep, 2, 2, true, LOSS_MSE, 64, 64), whole_random(13, 7, 3, false)},
        {shape_of(1, single, 1, 0, true, LOSS_CROSS_ENTROPY, 6, 4), whole_random(9, 6, 3, true)},
        {affine(shape_of(4, deep, 3, 3, true, LOSS_CROSS_ENTROPY, 4, 5), false),
         whole_random(23, 7, 3, true)},
        {affine(shape_of(4, deep, 2, 2, true, LOSS_MSE, 64, 64), true), whole_random(13, 7, 3, false)},
    };
    cases[1].shape.residual = cases[7].shape.residual = cases[10].shape.residual = true;
    cases[6].shape.bias = cases[7].shape.bias = cases[8].shape.bias = true;
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
        {.shape = shape_of(3, deep, 3, 3, true, LOSS_CROSS_ENTROPY, 5, 16), /* biases from here on */
         .training = sgd,
         .whole = whole_random(180, 37, 9, true)},
        {.shape =
             shape_of(3, deep, 2, 2, true, LOSS_MSE, 64, 16), /* one part: constants beside the diagonal */
         .training = sgd,
         .whole = whole_random(180, 37, 9, false)},
        {.shape = shape_of(2, tiny, 1, 0, false, LOSS_MSE, 1, 3),
         .training = sgd,
         .whole = whole_random(60, 2, 1, false)},
        {.shape = affine(shape_of(3, deep, 3, 3, true, LOSS_CROSS_ENTROPY, 5, 16),
                         true), /* and in the particles */
         .training = sgd,
         .whole = whole_random(180, 37, 9, true)},
        {.shape = affine(shape_of(2, tiny, 3, 3, false, LOSS_MSE, 1, 3), false),
         .training = sgd,
         .whole = whole_random(60, 2, 1, false)},
    };
    cases[0].shape.residual = cases[7].shape.residual = true;
    for (int i = 6; i < 9; i++) cases[i].shape.bias = true;
    cases[4].training.task = (struct descent){0.002f, 0, OPTIMIZER_ADAMW, 0.1f, {0.9f, 0.999f}, 1e-8f};
    cases[5].training.task = (struct descent){0.001f, 0.9f, OPTIMIZER_ADAM, 0, {0.8f, 0.99f}, 1e-6f};
    cases[5].training.self = (struct descent){0.01f, 0, OPTIMIZER_SGD, 0.02f, {0}, 0};
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
    assert_int_equal(organism_check(&organism, &flags), id); /* without a loss */
    flags = 2 + comm_rank(grid->all);
    assert_int_equal(organism_sweep(&organism, 2, &flags), id);
    assert_int_equal(flags, 1 + comm_size(grid->all));
    int64_t census[TYPE_COUNT];
    organism_census(&organism, 1e-5f, census, NULL);
    assert_int_equal(census[TYPE_DIVERGENT], 2);
    assert_int_equal(organism_reset_divergent(&organism, 5), 2);
    assert_int_equal(organism_sweep(&organism, 2, &flags), -1);
    assert_int_equal(organism_check(&organism, &flags), -1);
    organism_census(&organism, 1e-5f, census, NULL);
    assert_int_equal(census[TYPE_DIVERGENT], 0);
    int layer;
    int64_t cell, edge;
    organism_particle_place(&shape, later, &layer, &cell, &edge);
    assert_true(layer == 1 && cell == 2 && edge == 1);
    memory_free(all[0]), memory_free(all[1]);
    organism_free(&organism);
}

/* A loss that leaves all bounds counts as divergence even while all weights are finite: here every step is
 * tiny. */
static void loss_check(struct grid *grid, void *context)
{
    (void)context;
    static const int32_t cells[] = {9, 8, 4};
    const struct organism_shape shape = shape_of(2, cells, 3, 3, true, LOSS_CROSS_ENTROPY, 3, 8);
    const struct training training = {DESCENT_SGD(1e-32f, 0), .self_steps = 1};
    struct organism organism;
    organism_new(&organism, &shape, &training, grid, SEED);
    organism_draw(&organism);
    double *all = all_weights(&organism, 0), *particle = all + (5 * 9 + 7) * 27;
    memset(particle, 0, 27 * sizeof *particle);
    particle[0] = particle[15] = particle[24] = 1e5; /* its response is 1e15 */
    set_weights(&organism, 0, all);
    int flags = 0;
    assert_int_equal(organism_sweep(&organism, 1, &flags), organism_particle_id(&shape, 0, 5, 7));
    int64_t census[TYPE_COUNT];
    organism_census(&organism, 1e-5f, census, NULL);
    assert_int_equal(census[TYPE_DIVERGENT], 0);
    memory_free(all);
    organism_free(&organism);
}

static void divergence(void **state)
{
    (void)state;
    on_every_grid(world, divergence_check, NULL);
    on_every_grid(world, loss_check, NULL);
}

int main(int argc, char **argv)
{
    world = comm_start(&argc, &argv);
    if (comm_rank(world) == 0) print_message("seed %d, %d ranks\n", SEED, comm_size(world));
    const struct CMUnitTest tests[] = {cmocka_unit_test(literal), cmocka_unit_test(same_bits),
                                       cmocka_unit_test(divergence)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (failed) fatal("%d tests failed", failed);
    comm_finish(world);
    return 0;
}
