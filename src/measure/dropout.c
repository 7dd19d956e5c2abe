/* probe dropout: types of particles set to zero; pruning by several orders, of the organism and of a
 * conventional network. */
#include <math.h>
#include <stdio.h>

#include "metazoa/base/memory.h"
#include "metazoa/measure/dropout.h"
#include "metazoa/particle/kind.h"
#include "prune.h"
#include "sheet.h"

/* What the orders are made from. */
struct material {
    const struct organism *organism;
    uint8_t *const *types;
    float *const *movement; /* by one self-application */
    float epsilon;
    uint64_t seed;
    int64_t draw;
};

/* The self-replicators first, the ones that self-application moves least before the others; then all others,
 * likewise. */
static uint64_t by_replication(const void *context, int l, int64_t position, int64_t id)
{
    const struct material *m = context;
    float movement = m->movement[l][position];
    if (m->types[l][position] != TYPE_SELF_REPLICATOR && movement <= m->epsilon)
        movement = nextafterf(m->epsilon, 1);
    return order_value(movement, id);
}

/* The smallest absolute effective weight first, over all layers. */
static uint64_t by_magnitude(const void *context, int l, int64_t position, int64_t id)
{
    const struct layer *layer = &((const struct material *)context)->organism->layer[l];
    return order_value(fabsf(layer_effective(layer)[position]), id);
}

static uint64_t by_chance(const void *context, int l, int64_t position, int64_t id)
{
    const struct material *m = context;
    (void)l, (void)position;
    return order_random(m->seed, m->draw, id);
}

/* Type by type, by chance within a type. */
static uint64_t by_type(const void *context, int l, int64_t position, int64_t id)
{
    static const uint64_t rank[TYPE_COUNT] = {[TYPE_ZERO] = 0,
                                              [TYPE_SELF_REPLICATOR] = 1,
                                              [TYPE_SECONDARY] = 2,
                                              [TYPE_OTHER] = 3,
                                              [TYPE_DIVERGENT] = 4};
    const uint64_t chance = by_chance(context, l, position, id), low = ((uint64_t)1 << 33) - 1;
    /* 30 random bits above the id: the lowest three make room for the type. */
    return rank[((const struct material *)context)->types[l][position]] << 60 | (chance >> 36) << 33 |
           (chance & low);
}

enum strategy { REPLICATORS, MAGNITUDE, RANDOM, TYPES, STRATEGIES };
static const struct {
    const char *name, *description;
    order_key *key;
    bool drawn; /* differs from draw to draw */
} strategies[STRATEGIES] = {
    {"replicators",
     "the organism's self-replicators first, the ones that self-application moves least before the others, "
     "then all others; on "
     "the conventional network the same positions in the same order",
     by_replication, false},
    {"magnitude", "smallest absolute effective weight, or weight, over all layers first", by_magnitude,
     false},
    {"random", "by chance, a draw per row", by_chance, true},
    {"types",
     "zero, self_replicator, secondary, other, divergent, by chance within a type, a draw per row; on the "
     "conventional network "
     "the same positions in the same order",
     by_type, true},
};

/* ---- one network ---- */

/* The points of a curve, and after them the count of self-replicators. */
struct plan {
    int64_t points, *counts; /* [points + 1] */
    double *share;           /* [points] */
};

static struct plan plan_new(int64_t particles, int64_t points, int64_t replicators)
{
    struct plan plan = {.points = (particles < points ? particles : points) + 1};
    plan.counts = memory_new(plan.points + 1, sizeof *plan.counts);
    plan.share = memory_new(plan.points, sizeof *plan.share);
    for (int64_t i = 0; i < plan.points; i++) {
        plan.counts[i] = (int64_t)llround((double)particles * (double)i / (double)(plan.points - 1));
        plan.share[i] = (double)plan.counts[i] / (double)particles;
    }
    plan.counts[plan.points] = replicators;
    return plan;
}

/* The scores of one draw of a strategy; the organism's particles are those of the network at the same
 * positions. */
static void measure(struct subject *network, enum strategy strategy, const struct material *material,
                    int64_t draw, const struct plan *plan, double *curve, double *at_same)
{
    struct material now = *material;
    struct order order;
    uint64_t *bounds = memory_new(plan->points + 1, sizeof *bounds);
    now.draw = draw;
    now.organism = &network->organism;
    order_new(&order, &network->organism, strategies[strategy].key, &now);
    order_bounds(&order, plan->points + 1, plan->counts, bounds);
    for (int64_t i = 0; i < plan->points; i++) curve[i] = prune_score(network, &order, bounds[i]);
    *at_same = prune_score(network, &order, bounds[plan->points]);
    prune_restore(network);
    order_free(&order);
    memory_free(bounds);
}

static void put_network(struct sheet *sheet, const char *name, struct subject *network,
                        const struct material *material, int64_t random_draws, const struct plan *plan)
{
    const int64_t points = plan->points;
    char path[96];
    snprintf(path, sizeof path, "/curves/%s", name);
    sheet_group(sheet, path, "score against the dropped share");
    snprintf(path, sizeof path, "/same_count/%s", name);
    sheet_group(sheet, path, "score after dropping as many connections as there are self-replicators");
    sheet_object(sheet, name);
    for (int k = 0; k < STRATEGIES; k++) {
        const int64_t draws = strategies[k].drawn ? random_draws : 1, size[2] = {draws, points};
        double *curve = memory_new(draws * points, sizeof *curve),
               *at_same = memory_new(draws, sizeof *at_same), mean = 0;
        for (int64_t draw = 0; draw < draws; draw++)
            measure(network, (enum strategy)k, material, draw, plan, curve + draw * points, at_same + draw);
        for (int64_t draw = 0; draw < draws; draw++) mean += at_same[draw] / (double)draws;
        snprintf(path, sizeof path, "/curves/%s/%s", name, strategies[k].name);
        sheet_group(sheet, path, strategies[k].description);
        snprintf(path, sizeof path, "/curves/%s/%s/share", name, strategies[k].name);
        sheet_put(sheet, path, H5_F64, 1, &points, plan->share, "1", "dropped share of all connections");
        snprintf(path, sizeof path, "/curves/%s/%s/score", name, strategies[k].name);
        sheet_put(sheet, path, H5_F64, 2, size, curve, "1", "score at each share, a row per draw");
        snprintf(path, sizeof path, "/same_count/%s/%s", name, strategies[k].name);
        sheet_put(sheet, path, H5_F64, 1, &draws, at_same, "1", strategies[k].description);
        sheet_number(sheet, strategies[k].name, mean);
        memory_free(curve), memory_free(at_same);
    }
    sheet_end(sheet);
}

/* Each type dropped, and all but each type. */
static void put_types(struct sheet *sheet, struct subject *subject, uint8_t *const *types,
                      const int64_t counts[TYPE_COUNT])
{
    const int64_t size = TYPE_COUNT;
    double without[TYPE_COUNT], only[TYPE_COUNT];
    for (int type = 0; type < TYPE_COUNT; type++) {
        without[type] = prune_score_types(subject, types, 1u << type);
        only[type] = prune_score_types(subject, types, ~(1u << type));
    }
    prune_restore(subject);
    sheet_group(sheet, "/types", "divergent, zero, self_replicator, secondary, other");
    sheet_put(sheet, "/types/count", H5_I64, 1, &size, counts, "1", "particles of each type");
    sheet_put(sheet, "/types/score_without", H5_F64, 1, &size, without, "1",
              "score with all particles of this type zero");
    sheet_put(sheet, "/types/score_only", H5_F64, 1, &size, only, "1",
              "score with all particles but this type zero");
    sheet_census(sheet, "census", counts);
    sheet_types(sheet, "score_without", without);
    sheet_types(sheet, "score_only", only);
}

static void put_conventional(struct sheet *sheet, struct subject *network)
{
    const double score = subject_score(network);
    sheet_group(sheet, "/conventional", "a conventional network of the same shape");
    sheet_put(sheet, "/conventional/baseline", H5_F64, 0, NULL, &score, "1", "its score, nothing dropped");
    sheet_number(sheet, "conventional", score);
}

static float **movements(const struct organism *organism)
{
    float **movement = memory_new(organism->shape.layers, sizeof *movement);
    for (int l = 0; l < organism->shape.layers; l++) {
        const struct layer *layer = &organism->layer[l];
        const int64_t groups = layer_owned_groups(layer);
        movement[l] = memory_new(groups * LANES, sizeof *movement[l]);
        particle_movement(&organism->shape.particle, groups, layer->field[FIELD_WEIGHTS], movement[l]);
    }
    return movement;
}

void dropout_run(struct subject *subject, struct subject *baseline, const struct dropout_options *options)
{
    struct organism *organism = &subject->organism;
    const float epsilon = (float)subject->config->measure.epsilon;
    int64_t census[TYPE_COUNT];
    uint8_t **types = order_types(organism, epsilon, census);
    float **movement = movements(organism);
    const struct plan plan =
        plan_new(organism_particles(&organism->shape), options->points, census[TYPE_SELF_REPLICATOR]);
    const struct material material = {organism, types, movement, epsilon, (uint64_t)subject->config->run.seed,
                                      0};
    const double score = subject_score(subject);
    struct sheet sheet;
    sheet_open(&sheet, subject);
    sheet_text(&sheet, "measure", subject_measure(subject));
    sheet_number(&sheet, "baseline", score);
    sheet_put(&sheet, "/baseline", H5_F64, 0, NULL, &score, "1", "the organism's score, nothing dropped");
    put_types(&sheet, subject, types, census);
    if (baseline) put_conventional(&sheet, baseline);
    sheet_group(&sheet, "/curves", "by network and strategy");
    sheet_group(&sheet, "/same_count", "by network and strategy");
    sheet_object(&sheet, "same_count");
    sheet_integer(&sheet, "dropped", census[TYPE_SELF_REPLICATOR]);
    put_network(&sheet, "organism", subject, &material, options->draws, &plan);
    if (baseline) put_network(&sheet, "conventional", baseline, &material, options->draws, &plan);
    sheet_end(&sheet);
    sheet_close(&sheet);
    for (int l = 0; l < organism->shape.layers; l++) memory_free(movement[l]);
    memory_free(movement);
    order_types_free(types, organism);
    memory_free(plan.counts), memory_free(plan.share);
}

/* ---- the probe ---- */

static const struct probe_option probe_rows[] = {
    {.name = "--seeds",
     PROBE_OPTION_INTEGER(dropout_options, draws, 1, 1000000),
     .initial = "10",
     .help = "random orders"},
    {.name = "--points",
     PROBE_OPTION_INTEGER(dropout_options, points, 1, 10000),
     .initial = "20",
     .help = "points of a curve"},
    {.name = "--baseline",
     PROBE_OPTION_RUN(dropout_options, baseline),
     .help = "a conventional network (organism.edges: scalar) to prune as well"},
    {.name = NULL},
};

/* Collective. */
static enum exit_code open_baseline(struct subject *baseline, const struct subject *subject, const char *run)
{
    struct subject_spec spec = subject->spec;
    spec.run = run, spec.epoch = PROBE_NEWEST, spec.like = subject;
    enum exit_code code = subject_open(baseline, &spec, subject->comm);
    if (code != EXIT_DONE || !particle_kind(&baseline->organism.shape.particle)->replicates) return code;
    struct problems problems = {0};
    problems_add(&problems, EXIT_USAGE,
                 "--baseline %s: is not a conventional network (organism.edges: scalar)", run);
    return comm_agree(subject->comm, &problems);
}

static enum exit_code run(struct subject *subject, const void *options)
{
    const struct dropout_options *dropout = options;
    struct subject baseline = {0};
    enum exit_code code = EXIT_DONE;
    if (dropout->baseline) code = open_baseline(&baseline, subject, dropout->baseline);
    if (code == EXIT_DONE) dropout_run(subject, dropout->baseline ? &baseline : NULL, dropout);
    subject_close(&baseline);
    return code;
}

const struct probe probe_dropout = {
    .kind = "dropout",
    .help = "score without each type of particle, and against the share of dropped connections",
    .test_data = true,
    .bytes = sizeof(struct dropout_options),
    .options = probe_rows,
    .run = run,
};
