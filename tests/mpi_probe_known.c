/* Probes have known answers on every process grid: chance when all is dropped, the census, one sweep,
 * nothing moved by a fixpoint. */
#include "metazoa/measure/basins.h"
#include "metazoa/measure/stability.h"
#include "probes.h"

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
                                                                            "replicators",
                                                                            "magnitude",
                                                                            "activity",
                                                                            "gradient",
                                                                            "taylor",
                                                                            "magnitude_layers",
                                                                            "activity_layers",
                                                                            "gradient_layers",
                                                                            "taylor_layers",
                                                                            "random",
                                                                            "types"};
    for (int n = 0; n < (baseline ? 2 : 1); n++)
        for (int s = 0; s < 11; s++) {
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

static bool take_effective(const void *context, int l, int64_t position, int64_t id, void *row)
{
    (void)id;
    *(float *)row = layer_effective(&((const struct organism *)context)->layer[l])[position];
    return true;
}

/* Mean squares of what the first two layers read: by the data, and by the effective weights. */
static void check_mean_squares(struct subject *subject)
{
    const struct organism_shape *shape = &subject->organism.shape;
    const struct dataset *data = &subject->task.train;
    const int32_t begin = subject->task.input_begin, held = subject->task.input_end - begin;
    double *square[ORGANISM_LAYERS_MAX];
    struct whole whole;
    for (int l = 0; l < shape->layers; l++) square[l] = memory_new(shape->cells[l], sizeof(double));
    organism_mean_squares(&subject->organism, data, square);
    whole_collect(&whole, &subject->organism, sizeof(float), take_effective, &subject->organism);
    for (int32_t e = 0; e < held; e++) {
        double sum = 0;
        for (int64_t s = 0; s < data->samples; s++) sum += pow((double)data->x[s * data->stride + e], 2);
        assert_true(fabs(sum / (double)data->samples / square[0][begin + e] - 1) < 1e-12);
    }
    for (int c = 0; c < shape->cells[1] && held == shape->cells[0]; c++) {
        double sum = 0;
        for (int64_t s = 0; s < data->samples; s++) {
            double z = 0;
            for (int32_t e = 0; e < held; e++)
                z += (double)((float *)whole.rows)[organism_particle_id(shape, 0, c, e)] *
                     (double)data->x[s * data->stride + e];
            sum += z * z;
        }
        assert_true(fabs(sum / (double)data->samples / square[1][c] - 1) < 1e-4);
    }
    for (int l = 0; l < shape->layers; l++) memory_free(square[l]);
    whole_free(&whole);
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
        assert_true(read_one(subject->run, "settle", "/project/types", TYPE_SELF_REPLICATOR) ==
                    (double)organism_particles(&organism->shape));
        assert_true(read_one(subject->run, "settle", "/project/score", 0) == score);
    }
    /* Where the probe has left it: the gradient there, by a step without momentum. */
    probe_with(subject, "settle", "--steps", "0");
    const struct training keep = organism->training;
    organism->training.task.rate = 1, organism->training.task.momentum = 0;
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

/* ---- stability ---- */

/* Self-replicators have the eigenvalue 1 + n, and what a decade of noise is worth follows from it. */
static void check_stability(struct subject *subject)
{
    probe_with(subject, "stability", "--seeds", "2");
    if (comm_rank(subject->comm) != 0) return;
    int64_t n, values;
    double *type = read_values(subject->run, "stability", "/organism/type", &n),
           *real = read_values(subject->run, "stability", "/organism/real", &values),
           *decade = read_values(subject->run, "stability", "/organism/steps_per_decade", &n), mean = 0;
    const int layers = subject->organism.shape.particle.layers;
    int found = 0;
    assert_int_equal(n, organism_particles(&subject->organism.shape));
    for (int64_t i = 0; i < n; i++) {
        assert_true((type[i] == TYPE_SELF_REPLICATOR) == !isnan(decade[i]));
        if (isnan(decade[i])) continue;
        bool theorem = false;
        for (int k = 0; k < 4; k++) theorem = theorem || fabs(real[4 * i + k] - 1 - layers) < 1e-2;
        assert_true(theorem);
        mean += decade[i], found++;
    }
    assert_true(found > 0 && mean / found > 0.8 / log10(1 + layers) &&
                mean / found < 1.1 / log10(1 + layers));
    memory_free(type), memory_free(real), memory_free(decade);
}

/* ---- lifetime ---- */

/* Self-application by its definition until the particle has ended: the number of applications. */
static int literal_end(const struct particle_shape *shape, double *w, double *type)
{
    for (int t = 0;; t++) {
        double most = 0, moved[PARTICLE_WEIGHTS_MAX];
        for (int i = 0; i < shape->weights; i++) most = fmax(most, fabs(w[i]));
        *type = most <= 1e-5 ? TYPE_ZERO : TYPE_DIVERGENT;
        if (most <= 1e-5 || !(most <= (double)3.402823466e38f)) return t;
        apply_literally(shape, w, moved);
        memcpy(w, moved, (size_t)shape->weights * sizeof *w);
    }
}

/* Without training the particles are those that are drawn: types, movements and ends are those of their
 * twins. Trained, all become self-replicators, and stay what single precision lets them be. */
static void check_lifetime(struct subject *subject)
{
    static const char *const steps[] = {"0", "8000"};
    const struct particle_shape *shape = &subject->organism.shape.particle;
    for (int k = 0; k < 2; k++) {
        probe_with(subject, "lifetime", "--steps", steps[k]);
        if (comm_rank(subject->comm) != 0) continue;
        int64_t n, same = 0, replicators = 0;
        double *end = read_values(subject->run, "lifetime", "/application/end", &n),
               *applications = read_values(subject->run, "lifetime", "/application/steps", &n),
               *type = read_values(subject->run, "lifetime", "/training/type", &n),
               *found = read_values(subject->run, "lifetime", "/training/steps", &n),
               *movement = read_values(subject->run, "lifetime", "/training/movement", &n);
        assert_int_equal(n, 10000);
        for (int64_t id = 0; id < n; id += 7) {
            float drawn[PARTICLE_WEIGHTS_MAX];
            double w[PARTICLE_WEIGHTS_MAX], moved[PARTICLE_WEIGHTS_MAX], literal, most = 0;
            particle_draw(drawn, shape, (uint64_t)subject->config->run.seed, RANDOM_PROBE, (1 << 24) - 1,
                          (uint64_t)id, 0);
            for (int i = 0; i < shape->weights; i++) w[i] = (double)drawn[i];
            apply_literally(shape, w, moved);
            for (int i = 0; i < shape->weights; i++) most = fmax(most, fabs(moved[i] - w[i]));
            if (k == 0) assert_true(type[id] == TYPE_OTHER && found[id] == 0);
            if (k == 0) assert_true(fabs(movement[id] / most - 1) < 1e-4);
            same += literal_end(shape, w, &literal) == (int)applications[id] && literal == end[id];
        }
        for (int64_t i = 0; i < n; i++) replicators += type[i] == TYPE_SELF_REPLICATOR && found[i] > 0;
        assert_true(same >= (n + 6) / 7 * 99 / 100); /* single precision may decide one on the border */
        if (k == 1) assert_true(replicators >= n * 999 / 1000);
        memory_free(end), memory_free(applications), memory_free(type), memory_free(found);
        memory_free(movement);
    }
}

/* ---- basins ---- */

/* Without training clones stay where the noise put them; with it they are self-replicators again, at a
 * distance. */
static void check_basins(struct subject *subject)
{
    static const char *const steps[] = {"0", "3000"};
    for (int k = 0; k < 2; k++) {
        probe_with(subject, "basins", "--steps", steps[k]);
        if (comm_rank(subject->comm) != 0) continue;
        int64_t n;
        double *start = read_values(subject->run, "basins", "/distance_start", &n),
               *end = read_values(subject->run, "basins", "/distance_end", &n),
               *moved = read_values(subject->run, "basins", "/distance_moved", &n),
               *permuted = read_values(subject->run, "basins", "/distance_permuted", &n),
               *type = read_values(subject->run, "basins", "/type", &n), sum = 0;
        const int64_t a_level = n / 7;
        for (int64_t i = 0; i < n; i++) {
            assert_true(permuted[i] <= end[i] || isnan(end[i]));
            if (k == 0) assert_true(moved[i] == 0 && end[i] == start[i]);
            if (k == 1 && i / a_level == 3) { /* noise of 1e-3 */
                assert_int_equal(type[i], TYPE_SELF_REPLICATOR);
                assert_true(end[i] > 0 && end[i] < start[i]);
                sum += start[i] * start[i] / (double)a_level;
            }
        }
        /* The mean square of the noise. */
        if (k == 1) assert_true(fabs(sum / (1e-6 * subject->organism.shape.particle.weights) - 1) < 0.15);
        memory_free(start), memory_free(end), memory_free(moved), memory_free(permuted), memory_free(type);
    }
}

static void known_check(struct comm *comm, const int size[GRID_AXES], void *context)
{
    const char *text = context;
    struct subject subject, baseline;
    struct config config, baseline_config;
    subject_make(&subject, &config, text, false, comm, size, folder);
    subject_make(&baseline, &baseline_config, text, true, comm, size, folder);
    movement_check(&subject);
    check_mean_squares(&subject);
    check_dropout(&subject, &baseline);
    check_goal(&subject);
    check_stability(&subject);
    check_lifetime(&subject);
    check_basins(&subject);
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

PROBE_TESTS(cmocka_unit_test(known_addition))
