/*
 * Pruning on every process grid that this number of ranks allows: which particles are chosen, against a
 * literal sort in double precision; what the others then compute and learn, against a literal evaluation
 * without the cut edges and its finite differences; that pruned ones stay exactly zero; the bits of one rank.
 */
#include "literal.h"
#include "metazoa/organism/prune.h"
#include "metazoa/particle/mask.h"

enum { LAYERS = 3 };
static const int32_t cells[LAYERS + 1] = {7, 6, 5, 3};

/* An organism with its data, on a grid. */
struct bed {
    struct organism organism;
    struct task task;
    double *weights[LAYERS]; /* before it was pruned: of all ranks, [cells][edges][weights] */
    bool *pruned[LAYERS];    /* which ones the literal sort chooses */
};

struct context {
    struct organism_shape shape;
    struct whole whole;
    enum strategy strategy;
    enum optimizer optimizer;
    int64_t count;
    uint64_t fingerprint; /* 0: not known yet */
};

static void bed_new(struct bed *bed, const struct context *context, struct grid *grid, float rate)
{
    const struct descent descent = {
        rate,           0.9f, context->optimizer, context->optimizer == OPTIMIZER_SGD ? 0 : 0.01f,
        {0.9f, 0.999f}, 1e-8f};
    const struct training training = {
        .task = descent, .self = descent, .self_steps = 3, .prunes = true, .rewinds = true};
    bed->task = task_of(&context->whole, &context->shape, grid);
    organism_new(&bed->organism, &context->shape, &training, grid, SEED);
    organism_draw(&bed->organism);
    for (int l = 0; l < LAYERS; l++) {
        bed->weights[l] = all_weights(&bed->organism, l);
        bed->pruned[l] = memory_new(organism_layer_particles(&context->shape, l), sizeof(bool));
    }
}

static void bed_free(struct bed *bed)
{
    for (int l = 0; l < LAYERS; l++) memory_free(bed->weights[l]), memory_free(bed->pruned[l]);
    task_drop(&bed->task);
    organism_free(&bed->organism);
}

/* ---- which particles: the m smallest by a score, layer by layer or of all ---- */

struct scored {
    double score;
    int layer;
    int64_t at;
};

static int by_score(const void *a, const void *b)
{
    const double x = ((const struct scored *)a)->score, y = ((const struct scored *)b)->score;
    return (x > y) - (x < y);
}

/* rms of what reaches the edge `at` of layer l: of the inputs here, of literal activations elsewhere. */
static double rms(const struct context *context, double *const *weights, int l, int64_t at)
{
    struct organism_shape part = context->shape;
    part.layers = l;
    const int64_t edge = at % cells[l];
    double sum = 0, out[64];
    for (int64_t s = 0; s < context->whole.samples; s++) {
        const float *x = context->whole.x + s * context->whole.inputs;
        if (l > 0) literal_outputs(&part, weights, NULL, x, out);
        /* the last layer of a part has no activation */
        const double seen = l == 0 ? (double)x[edge] : literal_gelu(out[edge]);
        sum += seen * seen;
    }
    return sqrt(sum / (double)context->whole.samples);
}

static double score_of(const struct context *context, double *const *weights, int l, int64_t at)
{
    const struct particle_shape *particle = &context->shape.particle;
    const double w = fabs(particle_apply(particle, weights[l] + at * particle->weights, 1));
    const bool active =
        context->strategy == STRATEGY_ACTIVITY || context->strategy == STRATEGY_ACTIVITY_LAYERS;
    return active ? w * rms(context, weights, l, at) : w;
}

/* Of `count` particles the shares of layers, rounded at the bounds of the layers: as shares add up. */
static int64_t layer_share(const struct organism_shape *shape, int l, int64_t count)
{
    double bound[2] = {0, 0};
    for (int k = 0; k <= l; k++) {
        bound[0] = bound[1];
        bound[1] += (double)organism_layer_particles(shape, k);
    }
    const double part = (double)count / (double)organism_particles(shape);
    return (int64_t)floor(bound[1] * part + 0.5) - (int64_t)floor(bound[0] * part + 0.5);
}

static void choose(struct scored *list, int64_t n, int64_t count, struct bed *bed)
{
    qsort(list, (size_t)n, sizeof *list, by_score);
    if (count > 0 && count < n) /* else rounding could decide: take other numbers */
        assert_true(list[count].score - list[count - 1].score > 1e-5 * list[count].score);
    for (int64_t i = 0; i < count; i++) bed->pruned[list[i].layer][list[i].at] = true;
}

static void choose_all(const struct context *context, struct bed *bed)
{
    struct scored list[256];
    int64_t n = 0;
    for (int l = 0; l < LAYERS; l++) {
        for (int64_t at = 0; at < organism_layer_particles(&context->shape, l); at++)
            list[n++] = (struct scored){score_of(context, bed->weights, l, at), l, at};
        if (!strategy_table[context->strategy].by_layer) continue;
        choose(list, n, layer_share(&context->shape, l, context->count), bed);
        n = 0;
    }
    if (n > 0) choose(list, n, context->count, bed);
}

/* The program's choice. */
static void prune(struct bed *bed, enum strategy strategy, int64_t count, int64_t draw)
{
    struct material material = {
        .organism = &bed->organism, .seed = SEED, .purpose = RANDOM_PRUNE, .draw = draw};
    struct ranking ranking;
    material_measure(&material, &bed->organism, &bed->task);
    ranking_new(&ranking, &material, strategy, 1, &count);
    organism_prune(&bed->organism, &ranking, 0);
    ranking_free(&ranking);
    material_free(&material);
}

/* ---- what the others do ---- */

/* Exactly zero: weights, velocities, effective weights; and those alone. */
static void check_zeros(struct bed *bed)
{
    const struct organism *organism = &bed->organism;
    const struct particle_shape *particle = &organism->shape.particle;
    for (int l = 0; l < LAYERS; l++)
        for (int64_t at = 0; at < layer_owned(&organism->layer[l]); at++) {
            const struct layer *layer = &organism->layer[l];
            const int64_t id = organism_id(organism, l, at);
            if (id < 0) continue;
            const bool pruned = bed->pruned[l][id - organism_particle_id(&organism->shape, l, 0, 0)];
            assert_int_equal(mask_has(layer->field[FIELD_PRUNED], at), pruned);
            assert_true(!pruned || layer_effective(layer)[at] == 0);
            for (int f = 0; f < FIELD_COUNT; f++) {
                const int values = state_values((enum state_field)f, particle);
                for (int i = 0; i < values && layer->field[f] && pruned && !state_table[f].stays; i++)
                    assert_true(layer->field[f][particle_index(at, values, i)] == 0);
            }
        }
}

/* One task step with rate 1 moves each weight of a living particle by minus the slope of the literal loss. */
static void check_slopes(const struct context *context, struct bed *bed)
{
    const int weights = context->shape.particle.weights;
    double ignored, largest = 0;
    int flags = 0;
    organism_sweep(&bed->organism, 0, &flags);
    for (int l = 0; l < LAYERS; l++) {
        double *after = all_weights(&bed->organism, l);
        const int64_t n = organism_layer_particles(&context->shape, l) * weights;
        for (int64_t i = 0; i < n; i += 1 + n / 80) {
            if (bed->pruned[l][i / weights]) continue;
            double keep = bed->weights[l][i], h = 1e-5, *at = &bed->weights[l][i];
            *at = keep + h;
            const double up =
                literal_loss(&context->shape, bed->weights, bed->pruned, &context->whole, &ignored);
            *at = keep - h;
            const double down =
                literal_loss(&context->shape, bed->weights, bed->pruned, &context->whole, &ignored);
            *at = keep;
            const double slope = (up - down) / (2 * h);
            largest = fmax(largest, fabs(slope));
            assert_true(fabs(keep - slope - after[i]) < 3e-6);
        }
        memory_free(after);
    }
    assert_true(largest > 1e-3);
}

static void literal_check(struct grid *grid, void *given)
{
    const struct context *context = given;
    struct bed bed;
    struct tally tally = {0};
    double correct;
    int flags = 0;
    bed_new(&bed, context, grid, 1);
    choose_all(context, &bed);
    prune(&bed, context->strategy, context->count, 0);
    assert_int_equal(organism_pruned(&bed.organism), context->count);
    check_zeros(&bed);
    organism_learn(&bed.organism, &bed.task, 0, context->whole.samples, &tally);
    organism_tally_sum(&bed.organism, &tally);
    const double loss = literal_loss(&context->shape, bed.weights, bed.pruned, &context->whole, &correct);
    assert_true(fabs(exact_wide_value(&tally.loss) / (double)tally.samples - loss) < 1e-5 * (1 + loss));
    assert_int_equal(tally.correct, (int64_t)correct);
    if (context->strategy == STRATEGY_MAGNITUDE)
        check_slopes(context, &bed); /* the others choose other edges */
    bed.organism.training.task.rate = bed.organism.training.self.rate = 0.004f;
    for (int batch = 0; batch < 4; batch++) { /* fine-tuning by both tasks */
        organism_sweep(&bed.organism, 3, &flags);
        organism_learn(&bed.organism, &bed.task, 0, context->whole.samples, &tally);
    }
    organism_sweep(&bed.organism, 3, &flags);
    check_zeros(&bed);
    bed_free(&bed);
}

/* ---- rounds: the same bits on every grid ---- */

/* Living particles that go back have their weights of then; those that come back have others, which follow
 * from the epoch alone; the rest stay zero. */
static void rounds_check(struct grid *grid, void *given)
{
    struct context *context = given;
    struct bed bed;
    struct tally tally = {0};
    struct order order;
    int flags = 0;
    const int64_t back = 5, count = context->count;
    uint64_t bound;
    bed_new(&bed, context, grid, 0.01f);
    organism_keep(&bed.organism);
    for (int batch = 0; batch < 3; batch++) {
        organism_learn(&bed.organism, &bed.task, 0, context->whole.samples, &tally);
        organism_sweep(&bed.organism, 3, &flags);
    }
    prune(&bed, context->strategy, count, 1);
    assert_int_equal(organism_pruned(&bed.organism), count);
    organism_regrow_order(&order, &bed.organism, 2);
    assert_int_equal(order.n, count);
    order_bounds(&order, 1, &back, &bound);
    prune(&bed, context->strategy, count + 10, 2);
    organism_rewind(&bed.organism);
    for (int l = 0; l < LAYERS; l++) {
        double *now = all_weights(&bed.organism, l);
        const int weights = context->shape.particle.weights;
        for (int64_t i = 0; i < organism_layer_particles(&context->shape, l) * weights; i++)
            assert_true(now[i] == 0 || now[i] == bed.weights[l][i]);
        memory_free(now);
    }
    organism_regrow(&bed.organism, &order, bound, 2);
    assert_int_equal(organism_pruned(&bed.organism), count + 10 - back);
    order_free(&order);
    organism_learn(&bed.organism, &bed.task, 0, context->whole.samples, &tally);
    organism_sweep(&bed.organism, 3, &flags);
    const uint64_t fingerprint = organism_fingerprint(&bed.organism);
    if (context->fingerprint == 0) context->fingerprint = fingerprint;
    assert_true(fingerprint == context->fingerprint);
    bed_free(&bed);
}

static struct context context_new(int width, int layers)
{
    struct context context = {.shape = shape_of(LAYERS, cells, width, layers, true, LOSS_CROSS_ENTROPY, 3, 5),
                              .whole = whole_random(23, cells[0], cells[LAYERS], true)};
    return context;
}

static void literal(void **state)
{
    (void)state;
    static const enum strategy strategies[] = {STRATEGY_MAGNITUDE, STRATEGY_ACTIVITY,
                                               STRATEGY_MAGNITUDE_LAYERS, STRATEGY_ACTIVITY_LAYERS};
    for (int scalar = 0; scalar < 2; scalar++) {
        struct context context = context_new(scalar ? 1 : 3, scalar ? 0 : 3);
        for (int k = 0; k < 4; k++) {
            context.strategy = strategies[k];
            context.count = k < 2 ? 40 : 25; /* of 87 */
            on_every_grid(world, literal_check, &context);
        }
        whole_free(&context.whole);
    }
}

static void rounds(void **state)
{
    (void)state;
    static const enum strategy strategies[] = {STRATEGY_RANDOM, STRATEGY_TAYLOR, STRATEGY_GRADIENT_LAYERS};
    struct comm *alone = comm_split(world, comm_rank(world), 0);
    for (int k = 0; k < 6; k++) {
        struct context context = context_new(k < 3 ? 3 : 1, k < 3 ? 3 : 0);
        context.strategy = strategies[k % 3], context.count = 30;
        context.optimizer = (enum optimizer)(k % OPTIMIZER_COUNT);
        on_every_grid(alone, rounds_check, &context);
        on_every_grid(world, rounds_check, &context);
        uint64_t sum = context.fingerprint;
        comm_sum_u64(world, &sum, 1);
        assert_true(sum == context.fingerprint * (uint64_t)comm_size(world));
        whole_free(&context.whole);
    }
    comm_free(alone);
}

int main(int argc, char **argv)
{
    world = comm_start(&argc, &argv);
    if (comm_rank(world) == 0) print_message("seed %d, %d ranks\n", SEED, comm_size(world));
    const struct CMUnitTest tests[] = {cmocka_unit_test(literal), cmocka_unit_test(rounds)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (failed) fatal("%d tests failed", failed);
    comm_finish(world);
    return 0;
}
