/*
 * Interaction of particles on every process grid that this number of ranks allows: against a literal twin
 * that has all particles in one array and applies them layer by layer in double precision, and bit for bit
 * against one rank. Numbers of meetings that are known; fixpoints, which harm nobody; particles that are not
 * finite.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "metazoa/base/hash.h"
#include "metazoa/base/memory.h"
#include "metazoa/organism/interact.h"
#include "metazoa/parallel/random.h"

enum { SEED = 90210, FIELDS = 3 };

static struct comm *world;

struct example {
    const char *name;
    int layers;
    int32_t cells[4], block;
    int width, particle_layers;
    enum momentum_buffers buffers;
    double attack, melt;
    int64_t batches;
    /* Filled in by the first run: */
    bool known;
    uint64_t fingerprint;
};

static struct organism_shape shape_of(const struct example *example)
{
    struct organism_shape shape = {
        .layers = example->layers,
        .block = example->block,
        .chunk = 16,
        .particle = particle_shape_new(example->width, example->particle_layers),
    };
    memcpy(shape.cells, example->cells, (size_t)(example->layers + 1) * sizeof *example->cells);
    return shape;
}

/* Calls check on every grid of the ranks. */
static void on_every_grid(struct comm *comm, void (*check)(struct grid *grid, struct example *example),
                          struct example *example)
{
    const int n = comm_size(comm);
    for (int b = 1; b <= n; b++)
        for (int r = 1; r <= n / b; r++)
            if (n % (b * r) == 0) {
                struct grid grid;
                grid_new(&grid, comm, (int[]){b, r, n / b / r});
                check(&grid, example);
                grid_free(&grid);
            }
}

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
            out[(stretch[i].cell * organism->shape.cells[l] + stretch[i].edge) * weights + j] =
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

/* ---- the twin ---- */

/* Index over its maximum in the particle, as the paper's code has it. */
static double place(int index, int maximum)
{
    return index / (maximum + 1e-8);
}

/* A particle applied to five numbers, layer by layer. */
static double applied(const struct particle_shape *p, const double *w, const double input[PARTICLE_INPUTS])
{
    double now[PARTICLE_WIDTH_MAX] = {0}, next[PARTICLE_WIDTH_MAX];
    memcpy(now, input, PARTICLE_INPUTS * sizeof *now);
    for (int k = 0, at = 0; k < p->layers; k++) {
        for (int c = 0; c < particle_cells(p, k); c++) {
            next[c] = 0;
            for (int e = 0; e < particle_edges(p, k); e++) next[c] += w[at++] * now[e];
        }
        memcpy(now, next, sizeof now);
    }
    return now[0];
}

/* terms[i]: the sum of the sizes of all products that make up the victim's new weight i. */
static void twin_attack(const struct particle_shape *p, double *victim, const double *attacker, double *terms)
{
    double sizes[PARTICLE_WEIGHTS_MAX];
    for (int i = 0; i < p->weights; i++) sizes[i] = fabs(attacker[i]);
    const int last_edge = p->width > PARTICLE_INPUTS ? p->width - 1 : PARTICLE_INPUTS - 1;
    for (int k = 0, i = 0; k < p->layers; k++)
        for (int c = 0; c < particle_cells(p, k); c++)
            for (int e = 0; e < particle_edges(p, k); e++, i++) {
                const double input[PARTICLE_INPUTS] = {victim[i], place(k, p->layers - 1),
                                                       place(c, p->width - 1), place(e, last_edge), 0};
                const double input_sizes[PARTICLE_INPUTS] = {fabs(input[0]), input[1], input[2], input[3], 0};
                terms[i] = fabs(victim[i]) + applied(p, sizes, input_sizes);
                victim[i] = applied(p, attacker, input);
            }
}

static void twin_melt(struct random_stream stream, int weights, double *own, const double *other)
{
    uint32_t words[PARTICLE_WEIGHTS_MAX];
    int taken = 0;
    random_words(&stream, words, weights);
    for (int i = 0; i < weights; i++)
        if ((uint64_t)words[i] * (uint64_t)(weights - i) >> 32 < (uint64_t)(weights / 2 - taken)) {
            own[i] = other[i];
            taken++;
        }
    assert_int_equal(taken, weights / 2);
}

static struct random_stream twin_stream(int64_t epoch, int64_t batch, int64_t id)
{
    return random_open(hash_mix(SEED ^ hash_mix((uint64_t)batch + 1)), RANDOM_INTERACT, epoch, (uint64_t)id);
}

/* Which edge of a cell with n edges edge e meets. */
static int32_t twin_partner(int64_t epoch, int64_t batch, int64_t first, int32_t n, int32_t e)
{
    uint32_t words[4];
    struct random_stream stream = twin_stream(epoch, batch, first);
    random_words(&stream, words, 4);
    const int32_t sum = (int32_t)((uint64_t)words[0] * (uint64_t)n >> 32);
    return (sum - e + n) % n;
}

/* One layer's batch; field[0]: weights, then the velocities: [cells][edges][weights] each. */
static void twin_layer(const struct organism_shape *shape, const struct example *example, int l,
                       int64_t epoch, int64_t batch, double *const field[FIELDS], double *terms,
                       uint64_t counts[INTERACTION_KINDS])
{
    const int32_t n = shape->cells[l];
    const int weights = shape->particle.weights;
    for (int32_t cell = 0; cell < shape->cells[l + 1]; cell++) {
        const int64_t first = organism_particle_id(shape, l, cell, 0);
        for (int32_t e = 0; e < n; e++) {
            const int32_t other = twin_partner(epoch, batch, first, n, e);
            assert_int_equal(twin_partner(epoch, batch, first, n, other), e);
            if (other <= e) continue;
            uint32_t words[4];
            struct random_stream stream = twin_stream(epoch, batch, first + e);
            random_words(&stream, words, 4);
            const double chance = words[1] / 4294967296.0;
            const int32_t active = words[2] & 0x80000000u ? e : other, passive = e + other - active;
            const int64_t to = ((int64_t)cell * n + passive) * weights,
                          from = ((int64_t)cell * n + active) * weights;
            if (chance < example->attack)
                twin_attack(&shape->particle, field[0] + to, field[0] + from, terms + to),
                    counts[INTERACTION_ATTACK]++;
            else if (chance < example->attack + example->melt)
                twin_melt(stream, weights, field[0] + to, field[0] + from), counts[INTERACTION_MELT]++;
            else
                continue;
            for (int k = 1; k < FIELDS; k++) memset(field[k] + to, 0, (size_t)weights * sizeof **field);
        }
    }
}

/* ---- on a grid ---- */

static void organism_make(struct organism *organism, const struct example *example, struct grid *grid)
{
    const struct organism_shape shape = shape_of(example);
    const struct training training = {.learning_rate = 0.01f, .momentum = 0.9f, .buffers = example->buffers};
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

static void check_twin(struct grid *grid, struct example *example)
{
    struct organism organism;
    organism_make(&organism, example, grid);
    struct interaction *interaction =
        interaction_new(&organism, &(struct interaction_spec){{example->attack, example->melt}});
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
        {"paper", 3, {2, 3, 3, 1}, 256, 3, 3, MOMENTUM_SEPARATE, 0.3, 0.4, 4, false, 0},
        {"both", 3, {7, 6, 9, 4}, 3, 3, 3, MOMENTUM_SEPARATE, 0.4, 0.3, 4, false, 0},
        {"attacks", 2, {40, 9, 5}, 16, 3, 3, MOMENTUM_SHARED, 1, 0, 3, false, 0},
        {"melts", 2, {21, 8, 5}, 4, 6, 2, MOMENTUM_RESET, 0, 1, 3, false, 0},
        {"wide particles", 2, {5, 17, 3}, 4, 2, 4, MOMENTUM_SEPARATE, 0.5, 0.5, 4, false, 0},
        {"rare", 1, {33, 20}, 7, 3, 3, MOMENTUM_SEPARATE, 0.01, 0.02, 4, false, 0},
        {"lonely", 2, {1, 1, 1}, 1, 3, 3, MOMENTUM_SEPARATE, 0.5, 0.5, 3, false, 0},
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
static void check_counts(struct grid *grid, struct example *example)
{
    struct organism organism;
    organism_make(&organism, example, grid);
    struct interaction *interaction =
        interaction_new(&organism, &(struct interaction_spec){{example->attack, example->melt}});
    uint64_t counts[INTERACTION_KINDS] = {0}, meetings = 0;
    for (int l = 0; l < example->layers; l++)
        meetings += (uint64_t)(example->cells[l + 1] * (example->cells[l] / 2) * example->batches);
    for (int64_t batch = 0; batch < example->batches; batch++)
        interaction_batch(interaction, &organism, 5, batch, counts);
    comm_sum_u64(grid->all, counts, INTERACTION_KINDS);
    const double p[INTERACTION_KINDS] = {example->attack, example->melt};
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
        {"all melt", 2, {5, 7, 3}, 2, 2, 2, MOMENTUM_SEPARATE, 0, 1, 8, false, 0}, /* exactly */
        {"some melt", 2, {5, 7, 3}, 2, 2, 2, MOMENTUM_SEPARATE, 0, 0.2, 60, false, 0},
        {"nothing", 2, {5, 7, 3}, 2, 2, 2, MOMENTUM_SEPARATE, 0, 0, 8, false, 0}, /* exactly */
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

static void check_harmless(struct grid *grid, struct example *example)
{
    struct organism organism;
    organism_make(&organism, example, grid);
    fill(&organism, FIELD_WEIGHTS, perfect);
    struct interaction *interaction =
        interaction_new(&organism, &(struct interaction_spec){{example->attack, example->melt}});
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
    interaction = interaction_new(&organism, &(struct interaction_spec){{0}});
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
    struct example example = {"perfect", 1, {9, 4}, 2, 3, 3, MOMENTUM_SEPARATE, 1, 0, 1, false, 0};
    on_every_grid(world, check_harmless, &example);
}

static float broken(int64_t id, int weight)
{
    (void)weight;
    return id >= 9 && id < 18 ? (float)NAN : 0.25f;
}

/* A cell of particles that are not finite makes no other cell so. */
static void check_broken(struct grid *grid, struct example *example)
{
    struct organism organism;
    organism_make(&organism, example, grid);
    fill(&organism, FIELD_WEIGHTS, broken);
    struct interaction *interaction =
        interaction_new(&organism, &(struct interaction_spec){{example->attack, example->melt}});
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
    struct example example = {"broken", 1, {9, 4}, 2, 3, 3, MOMENTUM_SEPARATE, 0.5, 0.5, 1, false, 0};
    on_every_grid(world, check_broken, &example);
}

int main(int argc, char **argv)
{
    world = comm_start(&argc, &argv);
    if (comm_rank(world) == 0) print_message("seed %d, %d ranks\n", SEED, comm_size(world));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(twin),     cmocka_unit_test(known_counts), cmocka_unit_test(meetings_are_even),
        cmocka_unit_test(harmless), cmocka_unit_test(not_finite),
    };
    int64_t failed = cmocka_run_group_tests(tests, NULL, NULL);
    comm_max_i64(world, &failed, 1);
    comm_finish(world);
    return failed > 0;
}
