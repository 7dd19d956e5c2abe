/*
 * Interaction of particles on every process grid that this number of ranks allows: against a literal twin
 * that has all particles in one array and applies them layer by layer in double precision, and bit for bit
 * against one rank. Numbers of meetings that are known; fixpoints, which harm nobody; particles that are not
 * finite.
 */
#include "grids.h"
#include "interact_twin.h"

static struct comm *world;

/* A field of a layer, of all ranks: [cells][edges][weights]; memory_free it. */
static double *collect(const struct organism *organism, int l, enum state_field field)
{
    const int weights = organism->shape.particle.weights;
    const int64_t n = organism_layer_particles(&organism->shape, l) * weights;
    int64_t stretches, rows;
    double *out = memory_new(n, sizeof *out);
    struct stretch *stretch = organism_stretches(organism, l, &stretches, &rows);
    float *row = memory_new(rows * weights, sizeof *row);
    if (organism->layer[l].field[field]) organism_export(organism, l, field, row); /* else zeros */
    for (int64_t i = 0; i < stretches; i++)
        for (int64_t j = 0; j < stretch[i].count * weights; j++)
            out[(stretch[i].cell * shape_edges(&organism->shape, l) + stretch[i].edge) * weights + j] =
                (double)row[stretch[i].first * weights + j];
    memory_free(stretch), memory_free(row);
    comm_sum_double(organism->grid->all, out, n);
    return out;
}

/* Sets a field of all owned particles by what `value` says for each global id and weight. */
static void fill(struct organism *organism, enum state_field field, float (*value)(int64_t id, int weight))
{
    const int weights = organism->shape.particle.weights;
    for (int l = 0; l < organism->shape.layers; l++) {
        int64_t stretches, rows;
        struct stretch *stretch = organism_stretches(organism, l, &stretches, &rows);
        float *row = memory_new(rows * weights, sizeof *row);
        for (int64_t i = 0; i < stretches; i++)
            for (int64_t j = 0; j < stretch[i].count * weights; j++)
                row[stretch[i].first * weights + j] = value(
                    organism_particle_id(&organism->shape, l, stretch[i].cell, stretch[i].edge + j / weights),
                    (int)(j % weights));
        if (organism->layer[l].field[field]) organism_import(organism, l, field, row);
        memory_free(stretch), memory_free(row);
    }
    organism_refresh(organism);
}

static float some_velocity(int64_t id, int weight)
{
    return (float)(1 + (id * 31 + weight * 7) % 97);
}

/* ---- on a grid ---- */

static void organism_make(struct organism *organism, const struct example *example, struct grid *grid)
{
    const struct organism_shape shape = shape_of(example);
    const struct training training = {DESCENT_SGD((float)RATE, (float)MOMENTUM), .buffers = example->buffers};
    organism_new(organism, &shape, &training, grid, SEED);
    organism_draw(organism);
    fill(organism, FIELD_VELOCITY_TASK, some_velocity);
    fill(organism, FIELD_VELOCITY_SELF, some_velocity);
}

/* An attack in single precision: each of its terms is rounded once in every product and sum on its way. All
 * else is exact. */
static void compare(const struct organism *organism, int l, double *const before[FIELDS],
                    double *const expected[FIELDS], const double *terms)
{
    const struct particle_shape *particle = &organism->shape.particle;
    const int64_t n = organism_layer_particles(&organism->shape, l) * particle->weights;
    const double roundings = particle->layers * (particle->width + 1) + 4;
    for (int field = 0; field < FIELDS; field++) {
        double *after = collect(organism, l, (enum state_field)field);
        for (int64_t i = 0; i < n; i++) {
            const double tolerance = field == 0 ? roundings * 0x1p-24 * terms[i] : 0;
            if (!(fabs(after[i] - expected[field][i]) <= tolerance))
                fail_msg("layer %d, field %d, number %ld: %.9g, not %.9g (before: %.9g)", l, field, (long)i,
                         after[i], expected[field][i], before[field][i]);
        }
        memory_free(after);
    }
}

/* The effective weights belong to the weights. */
static void check_effective(struct organism *organism)
{
    const int64_t n = organism->owner_groups[organism->grid->size[GRID_BATCH]] * LANES;
    float *effective = memory_new(n, sizeof *effective);
    memcpy(effective, organism->effective, (size_t)n * sizeof *effective);
    organism_refresh(organism);
    assert_memory_equal(effective, organism->effective, (size_t)n * sizeof *effective);
    memory_free(effective);
}

static void check_twin(struct grid *grid, void *context)
{
    struct example *example = context;
    struct organism organism;
    organism_make(&organism, example, grid);
    struct interaction *interaction = interaction_new(
        &organism,
        &(struct interaction_spec){{example->attack, example->melt, example->learn}, example->severity});
    double *before[ORGANISM_LAYERS_MAX][FIELDS], *expected[FIELDS];
    for (int64_t batch = 0; batch < example->batches; batch++) {
        const int64_t epoch = batch / 3;
        uint64_t counts[INTERACTION_KINDS] = {0}, twin_counts[INTERACTION_KINDS] = {0};
        for (int l = 0; l < example->layers; l++)
            for (int k = 0; k < FIELDS; k++) before[l][k] = collect(&organism, l, (enum state_field)k);
        assert_int_equal(interaction_batch(interaction, &organism, epoch, batch % 3, counts), -1);
        comm_sum_u64(grid->all, counts, INTERACTION_KINDS);
        for (int l = 0; l < example->layers; l++) {
            const int64_t n = organism_layer_particles(&organism.shape, l) * organism.shape.particle.weights;
            for (int k = 0; k < FIELDS; k++) {
                expected[k] = memory_new(n, sizeof **expected);
                memcpy(expected[k], before[l][k], (size_t)n * sizeof **expected);
            }
            double *terms = memory_new(n, sizeof *terms);
            twin_layer(&organism.shape, example, l, epoch, batch % 3, expected, terms, twin_counts);
            compare(&organism, l, before[l], expected, terms);
            memory_free(terms);
            for (int k = 0; k < FIELDS; k++) memory_free(before[l][k]), memory_free(expected[k]);
        }
        assert_memory_equal(counts, twin_counts, sizeof counts);
        check_effective(&organism);
        /* Velocities as at first, so that those which become zero are seen. */
        fill(&organism, FIELD_VELOCITY_TASK, some_velocity);
        fill(&organism, FIELD_VELOCITY_SELF, some_velocity);
    }
    const uint64_t fingerprint = organism_fingerprint(&organism);
    if (!example->known) example->known = true, example->fingerprint = fingerprint;
    if (fingerprint != example->fingerprint)
        fail_msg("%s: other bits on grid %d x %d x %d", example->name, grid->size[0], grid->size[1],
                 grid->size[2]);
    interaction_free(interaction);
    organism_free(&organism);
}

static void twin(void **state)
{
    (void)state;
    struct example examples[] = {
        {"paper", 3, {2, 3, 3, 1}, 256, 3, 3, MOMENTUM_SEPARATE, 0.3, 0.4, 0, 1, 4, false, false, 0},
        {"both", 3, {7, 6, 9, 4}, 3, 3, 3, MOMENTUM_SEPARATE, 0.4, 0.3, 0, 1, 4, false, false, 0},
        {"attacks", 2, {40, 9, 5}, 16, 3, 3, MOMENTUM_SHARED, 1, 0, 0, 1, 3, false, false, 0},
        {"melts", 2, {21, 8, 5}, 4, 6, 2, MOMENTUM_RESET, 0, 1, 0, 1, 3, false, false, 0},
        {"wide particles", 2, {5, 17, 3}, 4, 2, 4, MOMENTUM_SEPARATE, 0.5, 0.5, 0, 1, 4, false, false, 0},
        {"lessons", 2, {9, 8, 5}, 4, 3, 3, MOMENTUM_SEPARATE, 0, 0, 1, 3, 3, false, false, 0},
        {"wide lessons", 1, {12, 7}, 5, 7, 2, MOMENTUM_SHARED, 0.2, 0.2, 0.6, 1, 3, false, false, 0},
        {"rare", 1, {33, 20}, 7, 3, 3, MOMENTUM_SEPARATE, 0.01, 0.02, 0, 1, 4, false, false, 0},
        {"biases", 2, {9, 8, 5}, 4, 3, 3, MOMENTUM_SEPARATE, 0.4, 0.2, 0.4, 1, 4, true, false, 0},
        {"lonely", 2, {1, 1, 1}, 1, 3, 3, MOMENTUM_SEPARATE, 0.5, 0.5, 0, 1, 3, false, false, 0},
    };
    struct comm *alone = comm_split(world, comm_rank(world), 0);
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        on_every_grid(alone, check_twin, &examples[i]);
        on_every_grid(world, check_twin, &examples[i]);
    }
    comm_free(alone);
}

/* ---- what is known without the twin ---- */

/* An odd number of edges: all but one of a cell's particles meet somebody, in every batch. */
static void check_counts(struct grid *grid, void *context)
{
    struct example *example = context;
    struct organism organism;
    organism_make(&organism, example, grid);
    struct interaction *interaction = interaction_new(
        &organism,
        &(struct interaction_spec){{example->attack, example->melt, example->learn}, example->severity});
    uint64_t counts[INTERACTION_KINDS] = {0}, meetings = 0;
    for (int l = 0; l < example->layers; l++)
        meetings += (uint64_t)(example->cells[l + 1] * (example->cells[l] / 2) * example->batches);
    for (int64_t batch = 0; batch < example->batches; batch++)
        interaction_batch(interaction, &organism, 5, batch, counts);
    comm_sum_u64(grid->all, counts, INTERACTION_KINDS);
    const double p[INTERACTION_KINDS] = {example->attack, example->melt, example->learn};
    for (int kind = 0; kind < INTERACTION_KINDS; kind++) {
        const double mean = p[kind] * (double)meetings, deviation = sqrt(mean * (1 - p[kind]));
        if (!(fabs((double)counts[kind] - mean) <= 5 * deviation))
            fail_msg("%s: %s %llu times, expected %g +- %g", example->name,
                     interaction_name((enum interaction_kind)kind), (unsigned long long)counts[kind], mean,
                     deviation);
    }
    interaction_free(interaction);
    organism_free(&organism);
}

static void known_counts(void **state)
{
    (void)state;
    struct example examples[] = {
        {"all melt", 2, {5, 7, 3}, 2, 2, 2, MOMENTUM_SEPARATE, 0, 1, 0, 1, 8, false, false, 0}, /* exactly */
        {"some melt", 2, {5, 7, 3}, 2, 2, 2, MOMENTUM_SEPARATE, 0, 0.2, 0, 1, 60, false, false, 0},
        {"some learn", 2, {5, 7, 3}, 2, 2, 2, MOMENTUM_SEPARATE, 0, 0, 0.2, 1, 60, false, false, 0},
        {"nothing", 2, {5, 7, 3}, 2, 2, 2, MOMENTUM_SEPARATE, 0, 0, 0, 1, 8, false, false, 0}, /* exactly */
    };
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++)
        on_every_grid(world, check_counts, &examples[i]);
}

/* Any two of a cell meet equally often. */
static void meetings_are_even(void **state)
{
    (void)state;
    enum { EDGES = 6, BATCHES = 6000 };
    int64_t met[EDGES][EDGES] = {{0}};
    for (int64_t batch = 0; batch < BATCHES; batch++)
        for (int32_t e = 0; e < EDGES; e++) met[e][twin_partner(3, batch, 12, EDGES, e)]++;
    const double mean = (double)BATCHES / EDGES, deviation = sqrt(mean * (1 - 1.0 / EDGES));
    for (int i = 0; i < EDGES; i++)
        for (int j = 0; j < EDGES; j++) {
            /* Itself it meets for one sum of two: as often. */
            assert_true(fabs((double)met[i][j] - mean) < 5 * deviation);
            assert_int_equal(met[i][j], met[j][i]);
        }
}

/* A path of ones: a = (1, 0, 0, 0, 0), which leaves any particle as it is. */
static float perfect(int64_t id, int weight)
{
    (void)id;
    return weight == 0 || weight == 15 || weight == 24 ? 1 : 0;
}

static void check_harmless(struct grid *grid, void *context)
{
    struct example *example = context;
    struct organism organism;
    organism_make(&organism, example, grid);
    fill(&organism, FIELD_WEIGHTS, perfect);
    struct interaction *interaction = interaction_new(
        &organism,
        &(struct interaction_spec){{example->attack, example->melt, example->learn}, example->severity});
    double *before = collect(&organism, 0, FIELD_WEIGHTS);
    uint64_t counts[INTERACTION_KINDS] = {0};
    assert_int_equal(interaction_batch(interaction, &organism, 0, 0, counts), -1);
    double *after = collect(&organism, 0, FIELD_WEIGHTS);
    assert_memory_equal(before, after,
                        (size_t)(organism_layer_particles(&organism.shape, 0) * 27) * sizeof *after);
    comm_sum_u64(grid->all, counts, INTERACTION_KINDS);
    assert_int_equal(counts[INTERACTION_ATTACK], 4 * (9 - 1) / 2);
    /* Probability 0: not a bit changes. */
    interaction_free(interaction);
    fill(&organism, FIELD_VELOCITY_TASK, some_velocity);
    interaction = interaction_new(&organism, &(struct interaction_spec){.severity = 1});
    const uint64_t fingerprint = organism_fingerprint(&organism);
    assert_int_equal(interaction_batch(interaction, &organism, 1, 1, counts), -1);
    assert_true(organism_fingerprint(&organism) == fingerprint);
    interaction_free(interaction);
    memory_free(before), memory_free(after);
    organism_free(&organism);
}

static void harmless(void **state)
{
    (void)state;
    struct example example = {"perfect", 1, {9, 4}, 2,     3,     3, MOMENTUM_SEPARATE, 1, 0,
                              0,         1, 1,      false, false, 0};
    on_every_grid(world, check_harmless, &example);
}

static float broken(int64_t id, int weight)
{
    (void)weight;
    return id >= 9 && id < 18 ? (float)NAN : 0.25f;
}

/* A cell of particles that are not finite makes no other cell so. */
static void check_broken(struct grid *grid, void *context)
{
    struct example *example = context;
    struct organism organism;
    organism_make(&organism, example, grid);
    fill(&organism, FIELD_WEIGHTS, broken);
    struct interaction *interaction = interaction_new(
        &organism,
        &(struct interaction_spec){{example->attack, example->melt, example->learn}, example->severity});
    uint64_t counts[INTERACTION_KINDS] = {0};
    int64_t census[TYPE_COUNT];
    assert_int_equal(interaction_batch(interaction, &organism, 0, 0, counts), 9);
    organism_census(&organism, 1e-5f, census, NULL);
    assert_int_equal(census[TYPE_DIVERGENT], 9);
    interaction_free(interaction);
    organism_free(&organism);
}

static void not_finite(void **state)
{
    (void)state;
    struct example example = {"broken", 1, {9, 4}, 2,     3,     3, MOMENTUM_SEPARATE, 0.5, 0.5,
                              0,        1, 1,      false, false, 0};
    on_every_grid(world, check_broken, &example);
}

int main(int argc, char **argv)
{
    world = comm_start(&argc, &argv);
    if (comm_rank(world) == 0) print_message("seed %d, %d ranks\n", SEED, comm_size(world));
    const struct CMUnitTest tests[] = {cmocka_unit_test(twin), cmocka_unit_test(known_counts),
                                       cmocka_unit_test(meetings_are_even), cmocka_unit_test(harmless),
                                       cmocka_unit_test(not_finite)};
    int64_t failed = cmocka_run_group_tests(tests, NULL, NULL);
    comm_max_i64(world, &failed, 1);
    comm_finish(world);
    return failed > 0;
}
