/*
 * Probes on small organisms: known answers (the hand-made fixpoint, chance when all is dropped, the census,
 * one sweep), a literal double-precision twin of one particle's robustness, and the same bytes on every
 * process grid as on one rank.
 */
#include "probes.h"

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
        bool finite = true, zero = true, same = true;
        double moved[PARTICLE_WEIGHTS_MAX];
        apply_literally(p, w, moved);
        for (int i = 0; i < p->weights; i++) {
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
        assert_true(row[0] >= 50 && row[0] <= 20000);
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

/* ---- the same bytes everywhere ---- */

static void probe_all(struct comm *comm, const int size[GRID_AXES], const char *run)
{
    static const char *const given[][3] = {
        {"robustness", "--cap", "50"},
        {"robustness", "--seeds", "3"},
        {"robustness", "--single-steps", "2000"},
        {"robustness", "--particles", "17"},
        {"settle", "--steps", "20"},
        {"stability", "--seeds", "2"},
        {"basins", "--steps", "200"},
        {"basins", "--particles", "17"},
        {"robustness", "--published-counting", ""},
        {"stability", "--random", "7"},
        {"lifetime", "--particles", "75"},
        {"lifetime", "--steps", "500"},
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

PROBE_TESTS(cmocka_unit_test(perfect), cmocka_unit_test(twin), cmocka_unit_test(orders),
            cmocka_unit_test(same_bytes))
