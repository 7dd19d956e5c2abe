/*
 * Particles against the published code run in double precision (tests/golden), and against literal twins in
 * double precision written here: input rows, matrices and gradients by finite differences, nothing
 * simplified.
 */
#include "../src/particle/linear.h"
#include "particle_literal.h"

/* Golden: single precision within 2e-6 after 25 steps, 2e-5 after 500 (rounding grows with the steps).
 * Adam divides by what can be small, so its errors are larger. */
static void golden_self_training(void **state)
{
    static const struct {
        const char *name;
        int width;
        struct descent self;
        double worst;
        enum edges kind;
    } files[] = {
        {"w2", 2, {0.004f, 0.9f, OPTIMIZER_SGD, 0, {0}, 0}, 2e-6, EDGES_PARTICLE},
        {"w3", 3, {0.004f, 0.9f, OPTIMIZER_SGD, 0, {0}, 0}, 2e-6, EDGES_PARTICLE},
        {"w5", 5, {0.004f, 0.9f, OPTIMIZER_SGD, 0, {0}, 0}, 2e-6, EDGES_PARTICLE},
        {"sgd_decay", 3, {0.01f, 0.9f, OPTIMIZER_SGD, 0.03f, {0}, 0}, 2e-6, EDGES_PARTICLE},
        {"adam", 2, {0.001f, 0, OPTIMIZER_ADAM, 0.02f, {0.9f, 0.999f}, 1e-8f}, 2e-6, EDGES_PARTICLE},
        {"adamw", 3, {0.002f, 0, OPTIMIZER_ADAMW, 0.1f, {0.9f, 0.999f}, 1e-8f}, 2e-6, EDGES_PARTICLE},
        {"affine", 3, {0.004f, 0.9f, OPTIMIZER_SGD, 0, {0}, 0}, 2e-6, EDGES_AFFINE},
    };
    static const int steps[] = {1, 25, 500};
    (void)state;
    for (size_t k = 0; k < sizeof files / sizeof *files; k++) {
        char name[64];
        snprintf(name, sizeof name, "tests/golden/self_train_%s.h5", files[k].name);
        hid_t file = H5Fopen(name, H5F_ACC_RDONLY, H5P_DEFAULT);
        assert_true(file >= 0);
        hsize_t dims[2];
        double *initial = read_doubles(file, "/initial", dims);
        for (int t = 0; t < 3; t++) {
            struct groups g = groups_of(files[k].kind, files[k].width, 3, (int64_t)dims[0]);
            assert_int_equal(dims[1], g.shape.weights);
            for (int64_t p = 0; p < g.n; p++)
                for (int i = 0; i < g.shape.weights; i++)
                    *weight(&g, p, i) = (float)initial[p * g.shape.weights + i];
            struct sweep s = sgd;
            s.self_steps = steps[t], s.self = files[k].self;
            sweep(&g, s);
            snprintf(name, sizeof name, "/after_%d/weights", steps[t]);
            double *expected = read_doubles(file, name, dims), worst = 0, worst_loss = 0;
            snprintf(name, sizeof name, "/after_%d/loss_of_last_step", steps[t]);
            hsize_t loss_dims[2];
            double *loss = read_doubles(file, name, loss_dims);
            for (int64_t p = 0; p < g.n; p++) {
                for (int i = 0; i < g.shape.weights; i++)
                    worst = fmax(worst, fabs((double)*weight(&g, p, i) - expected[p * g.shape.weights + i]));
                worst_loss = fmax(worst_loss, fabs((double)g.loss[p] - loss[p]));
            }
            print_message("%s, %3d steps: weights within %.1e, loss within %.1e\n", files[k].name, steps[t],
                          worst, worst_loss);
            assert_true(worst < (steps[t] == 500 ? 10 : 1) * files[k].worst);
            assert_true(worst_loss < 2e-6);
            memory_free(expected), memory_free(loss);
            groups_free(&g);
        }
        memory_free(initial);
        H5Fclose(file);
    }
}

/* Whether a weight is in columns 0 to 3 of the first layer. */
static bool replicates(const struct particle_shape *shape, int i)
{
    return i < PARTICLE_INPUTS * shape->width && i % PARTICLE_INPUTS < PARTICLE_INPUTS - 1;
}

/* The central difference of the literal loss of w on the rows of `of`, along weight i. */
static double literal_slope(const struct particle_shape *shape, const double *w, const double *of, int i)
{
    const double h = 1e-5;
    double moved[PARTICLE_WEIGHTS_MAX];
    memcpy(moved, w, sizeof moved);
    moved[i] += h;
    const double up = literal_loss(shape, moved, of);
    moved[i] -= 2 * h;
    return (up - literal_loss(shape, moved, of)) / (2 * h);
}

/* One self-training step of every shape moves the weights (all, or those that replication needs) along the
 * literal loss's central differences. */
static void self_gradient(void **state)
{
    (void)state;
    for (int layers = 2; layers <= 4; layers++)
        for (int k = 3; k < 51; k++) {
            const int width = k / 3;
            const enum self_weights which = k % 3 == 1 ? SELF_REPLICATION : SELF_ALL;
            struct groups g = groups_of(k % 3 == 2 ? EDGES_AFFINE : EDGES_PARTICLE, width, layers, 3);
            draw(&g);
            double before[3][PARTICLE_WEIGHTS_MAX], largest = 0, worst = 0;
            for (int p = 0; p < 3; p++)
                for (int i = 0; i < g.shape.weights; i++) before[p][i] = (double)*weight(&g, p, i);
            struct sweep s = sgd;
            s.self_steps = 1;
            s.self.rate = 1;
            s.self_weights = which;
            sweep(&g, s);
            for (int p = 0; p < 3; p++) {
                assert_true(fabs((double)g.loss[p] - literal_loss(&g.shape, before[p], before[p])) <
                            1e-5 * (1 + (double)g.loss[p]));
                for (int i = 0; i < g.shape.weights; i++) {
                    const double slope = literal_slope(&g.shape, before[p], before[p], i);
                    if (which == SELF_REPLICATION && !replicates(&g.shape, i)) {
                        assert_true((double)*weight(&g, p, i) == before[p][i]);
                        continue;
                    }
                    largest = fmax(largest, fabs(slope));
                    worst = fmax(worst, fabs(before[p][i] - slope - (double)*weight(&g, p, i)));
                }
            }
            assert_true(largest > 1e-3); /* not the gradient of nothing */
            if (worst > 2e-6 * (1 + largest))
                print_message("width %d, layers %d: %g of %g\n", width, layers, worst, largest);
            assert_true(worst <
                        2e-6 * (1 + largest)); /* single precision; central differences err by 1e-10 */
            groups_free(&g);
        }
}

/* The literal twin of `replication` over several batches is plain training of the task alone: the same
 * bits in the effective weights and in all weights that make them. Meanwhile the particles replicate
 * better and better. */
static void replication_leaves_the_task_alone(void **state)
{
    (void)state;
    for (int layers = 2; layers <= 4; layers++)
        for (int buffers = MOMENTUM_SEPARATE; buffers <= MOMENTUM_RESET; buffers++) {
            struct groups with = groups_new(3 + layers, layers, 40),
                          without = groups_new(3 + layers, layers, 40);
            const struct particle_shape *shape = &with.shape;
            struct sweep s = sgd;
            s.buffers = (enum momentum_buffers)buffers, s.self_weights = SELF_REPLICATION, s.task_step = 1;
            draw(&with), draw(&without);
            double first = 0, last = 0;
            for (int batch = 0; batch < 8; batch++) {
                for (int64_t p = 0; p < with.n; p++)
                    with.gradient[p] = without.gradient[p] = (double)((p * 7 + batch * 5) % 11 - 5) / 3;
                s.self_steps = 25;
                sweep(&with, s);
                s.self_steps = 0;
                sweep(&without, s);
                last = 0;
                for (int64_t p = 0; p < with.n; p++) last += (double)with.loss[p];
                if (batch == 0) first = last;
                assert_memory_equal(with.effective, without.effective,
                                    (size_t)(with.groups * LANES) * sizeof(float));
            }
            for (int64_t p = 0; p < with.n; p++)
                for (int i = 0; i < shape->weights; i++)
                    if (!replicates(shape, i)) assert_true(*weight(&with, p, i) == *weight(&without, p, i));
            assert_true(last < first / 2);
            groups_free(&with), groups_free(&without);
        }
}

/* Learning from another particle: one step moves the weights along the literal loss on the other's rows;
 * two steps from velocity zero are the sum of both gradients with momentum. */
static void learning_from_others(void **state)
{
    (void)state;
    for (int layers = 2; layers <= 4; layers++)
        for (int width = 1; width <= 16; width += 3) {
            struct groups learner = groups_new(width, layers, 3), teacher = groups_new(width, layers, 6);
            const int n = learner.shape.weights;
            double before[3][PARTICLE_WEIGHTS_MAX], of[3][PARTICLE_WEIGHTS_MAX], largest = 0;
            _Alignas(64) float moments[4 * LANES];
            draw(&learner), draw(&teacher);
            for (int p = 0; p < 3; p++)
                for (int i = 0; i < n; i++) {
                    before[p][i] = (double)*weight(&learner, p, i);
                    *weight(&teacher, p, i) = *weight(&teacher, p + 3, i); /* of other particles */
                    of[p][i] = (double)*weight(&teacher, p, i);
                }
            struct sweep s = sgd;
            s.self_steps = 1, s.self.rate = 1;
            particle_moments(&teacher.shape, 1, teacher.w, moments);
            particle_learn(&learner.shape, &s, 1, learner.w, moments);
            for (int p = 0; p < 3; p++)
                for (int i = 0; i < n; i++) {
                    const double slope = literal_slope(&learner.shape, before[p], of[p], i);
                    largest = fmax(largest, fabs(slope));
                    assert_true(fabs(before[p][i] - slope - (double)*weight(&learner, p, i)) <
                                4e-6 * (1 + fabs(slope)));
                }
            assert_true(largest > 1e-3);
            groups_free(&learner), groups_free(&teacher);
        }
}

/* What an edge makes of its input is w x + c: w + c / 2, where c of linear particles is 0. */
static double literal_shown(const struct particle_shape *shape, const double *w)
{
    const double zero[5] = {0}, one[5] = {0, 0, 0, 0, 1};
    return literal_output(shape, w, one) - literal_output(shape, w, zero) / 2;
}

/* A task step with the gradients 1 and 1/2 moves the weights along the slope of that. */
static void task_gradient(void **state)
{
    (void)state;
    for (int layers = 2; layers <= 4; layers++)
        for (int k = 2; k < 34; k++) {
            const int width = k / 2;
            struct groups g = groups_of(k % 2 ? EDGES_AFFINE : EDGES_PARTICLE, width, layers, 2);
            draw(&g);
            double before[2][PARTICLE_WEIGHTS_MAX], one[5] = {0, 0, 0, 0, 1}, zero[5] = {0}, largest = 0;
            for (int p = 0; p < 2; p++) {
                for (int i = 0; i < g.shape.weights; i++) before[p][i] = (double)*weight(&g, p, i);
                g.gradient[p] = 2;
                if (g.shape.shown > 1) g.gradient[LANES + p] = 1;
            }
            struct sweep s = sgd;
            s.task_step = 1, s.gradient_scale = 0.5f, s.task.rate = 0.25f;
            sweep(&g, s);
            for (int p = 0; p < 2; p++)
                for (int i = 0; i < g.shape.weights; i++) {
                    double w[PARTICLE_WEIGHTS_MAX], h = 1e-5;
                    memcpy(w, before[p], sizeof w);
                    w[i] += h;
                    double up = literal_shown(&g.shape, w);
                    w[i] -= 2 * h;
                    double slope = (up - literal_shown(&g.shape, w)) / (2 * h);
                    largest = fmax(largest, fabs(slope));
                    assert_true(fabs(before[p][i] - 0.25 * slope - (double)*weight(&g, p, i)) < 2e-6);
                }
            assert_true(largest > 1e-3);
            for (int p = 0; p < 2; p++) {
                double w[PARTICLE_WEIGHTS_MAX];
                for (int i = 0; i < g.shape.weights; i++) w[i] = (double)*weight(&g, p, i);
                const double constant = g.shape.shown > 1 ? (double)g.effective[LANES + p] : 0;
                assert_true(fabs((double)g.effective[p] + constant - literal_output(&g.shape, w, one)) <
                            2e-6);
                assert_true(fabs(constant - literal_output(&g.shape, w, zero)) < 2e-6);
            }
            groups_free(&g);
        }
}

/* A fused sweep gives the same bits as its two halves; a group gives the same bits wherever it stands. */
static void sweep_parts(void **state)
{
    (void)state;
    static const int shapes[][3] = {{2, 3, 0},           {3, 3, 0}, {4, 3, 0},
                                    {5, 3, 0},           {6, 3, 0}, {8, 3, 0},
                                    {3, 2, 0},           {3, 4, 0}, {3, 3, EDGES_AFFINE},
                                    {5, 2, EDGES_AFFINE}};
    for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++)
        for (int mode = 0; mode < 3 * (MOMENTUM_RESET + 1); mode++) {
            const int buffers = mode / 3;
            const enum edges kind = (enum edges)shapes[k][2];
            struct groups a = groups_of(kind, shapes[k][0], shapes[k][1], 7 * LANES),
                          b = groups_of(kind, shapes[k][0], shapes[k][1], 7 * LANES);
            const int shown = a.shape.shown;
            draw(&a), draw(&b);
            for (int64_t p = 0; p < a.n * shown; p++)
                a.gradient[p] = b.gradient[p] = 0.01 * (double)(p % 13 - 6);
            for (int round = 0; round < 3; round++) {
                struct sweep both = sgd;
                both.buffers = (enum momentum_buffers)buffers, both.task_step = 1, both.self_steps = 5;
                if (mode % 3 > 0) both.task = adamw, both.self = adamw, both.self.decay = 0;
                if (mode % 3 > 1) both.self.optimizer = OPTIMIZER_SGD;
                sweep(&a, both);
                struct sweep half = both;
                half.self_steps = 0;
                sweep(&b, half);
                half.task_step = 0, half.self_steps = 5;
                /* in two unequal calls, the second starting inside a bundle */
                particle_sweep(&b.shape, &half, 3, b.field, b.effective, NULL, b.loss);
                float *rest[FIELD_COUNT];
                for (int f = 0; f < FIELD_COUNT; f++)
                    rest[f] = !b.field[f]
                                  ? NULL
                                  : b.field[f] + 3 * LANES * state_values((enum state_field)f, &b.shape);
                particle_sweep(&b.shape, &half, 4, rest, b.effective + 3 * LANES * shown, NULL,
                               b.loss + 3 * LANES);
                for (int f = 0; f < FIELD_COUNT; f++)
                    if (a.field[f])
                        assert_memory_equal(a.field[f], b.field[f],
                                            (size_t)(a.n * state_values((enum state_field)f, &a.shape)) *
                                                sizeof(float));
                assert_memory_equal(a.effective, b.effective, (size_t)(a.n * shown) * sizeof(float));
                assert_memory_equal(a.loss, b.loss, (size_t)a.n * sizeof(float));
            }
            groups_free(&a), groups_free(&b);
        }
}

/* The three momentum modes against a literal SGD with numerical gradients would be slow: the self-step's
 * effect of each mode's starting velocity is linear, w = w0 - rate (momentum v + gradient). */
static void momentum_modes(void **state)
{
    (void)state;
    for (int buffers = MOMENTUM_SEPARATE; buffers <= MOMENTUM_RESET; buffers++) {
        struct groups g = groups_new(3, 3, 1), plain = groups_new(3, 3, 1);
        draw(&g), draw(&plain);
        for (int i = 0; i < g.shape.weights; i++) g.task[i * LANES] = 0.5f, g.self[i * LANES] = -0.25f;
        struct sweep s = sgd;
        s.self_steps = 1, s.buffers = MOMENTUM_RESET;
        sweep(&plain, s);
        s.buffers = (enum momentum_buffers)buffers;
        sweep(&g, s);
        double start = buffers == MOMENTUM_SEPARATE ? -0.25 : buffers == MOMENTUM_SHARED ? 0.5 : 0;
        for (int i = 0; i < g.shape.weights; i++) {
            double moved = (double)*weight(&g, 0, i) - (double)*weight(&plain, 0, i);
            assert_true(fabs(moved + 0.004 * 0.9 * start) < 2e-7);
            if (buffers != MOMENTUM_SHARED) assert_true(g.task[i * LANES] == 0.5f);
            if (buffers != MOMENTUM_SEPARATE) assert_true(g.self[i * LANES] == -0.25f);
        }
        groups_free(&g), groups_free(&plain);
    }
}

static void check_application(enum edges kind)
{
    struct groups g = groups_of(kind, 5, 4, 20);
    draw(&g);
    double w[20][PARTICLE_WEIGHTS_MAX], next[PARTICLE_WEIGHTS_MAX], response[5];
    _Alignas(64) float a[2 * 5 * LANES];
    linear_response(&g.shape, g.groups, g.w, a);
    for (int p = 0; p < 20; p++) {
        for (int i = 0; i < g.shape.weights; i++) w[p][i] = (double)*weight(&g, p, i);
        for (int j = 0; j < 5; j++) {
            double unit[5] = {0};
            unit[j] = 1;
            const double zero[5] = {0};
            response[j] = literal_output(&g.shape, w[p], unit) - literal_output(&g.shape, w[p], zero);
            assert_true(fabs(response[j] - (double)a[particle_index(p, PARTICLE_INPUTS, j)]) < 2e-6);
        }
    }
    particle_apply_self(&g.shape, g.groups, g.w, 2);
    for (int p = 0; p < 20; p++) {
        for (int t = 0; t < 2; t++) {
            literal_apply(&g.shape, w[p], w[p], next);
            memcpy(w[p], next, sizeof next);
        }
        for (int i = 0; i < g.shape.weights; i++)
            assert_true(fabs(w[p][i] - (double)*weight(&g, p, i)) < 2e-5 * (1 + fabs(w[p][i])));
    }
    groups_free(&g);
}

static void self_application(void **state)
{
    (void)state;
    check_application(EDGES_PARTICLE), check_application(EDGES_AFFINE);
}

int main(void)
{
    print_message("seed %d\n", SEED);
    const struct CMUnitTest tests[] = {cmocka_unit_test(golden_self_training),
                                       cmocka_unit_test(self_gradient),
                                       cmocka_unit_test(replication_leaves_the_task_alone),
                                       cmocka_unit_test(learning_from_others),
                                       cmocka_unit_test(task_gradient),
                                       cmocka_unit_test(sweep_parts),
                                       cmocka_unit_test(momentum_modes),
                                       cmocka_unit_test(self_application)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
