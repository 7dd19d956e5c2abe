/* probe dropout: types of particles set to zero; pruning by several orders, of the organism and of a
 * conventional network. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "metazoa/base/memory.h"
#include "metazoa/measure/dropout.h"
#include "metazoa/organism/prune.h"
#include "metazoa/particle/mask.h"
#include "metazoa/particle/kind.h"
#include "metazoa/store/members.h"
#include "prune.h"
#include "sheet.h"
#include "metazoa/organism/strategies.h"

/* ---- one network ---- */

/* The points of a curve, and after them the count of self-replicators. Rankings begin with what is pruned
 * already. */
struct plan {
    int64_t points, *counts; /* [points + 1] */
    double *share;           /* [points] of the connections that live */
};

static struct plan plan_new(const struct organism *organism, int64_t points, int64_t replicators)
{
    const int64_t pruned = organism_pruned(organism), living = organism_living(organism);
    struct plan plan = {.points = (living < points ? living : points) + 1};
    plan.counts = memory_new(plan.points + 1, sizeof *plan.counts);
    plan.share = memory_new(plan.points, sizeof *plan.share);
    for (int64_t i = 0; i < plan.points && living > 0; i++) {
        const int64_t dropped = (int64_t)llround((double)living * (double)i / (double)(plan.points - 1));
        plan.counts[i] = pruned + dropped;
        plan.share[i] = (double)dropped / (double)living;
    }
    plan.counts[plan.points] = pruned + replicators;
    return plan;
}

static void plan_free(struct plan *plan)
{
    memory_free(plan->counts), memory_free(plan->share);
}

/* A point of a plan: the first counts[i] particles of a ranking are dropped. */
struct point {
    const struct ranking *ranking;
    int64_t i;
};

static bool is_first(const void *context, int layer, int64_t position)
{
    const struct point *point = context;
    return ranking_has(point->ranking, point->i, layer, position);
}

/* Which particles each strategy drops first, as many as there are self-replicators: [layer] -> [owned]
 * bits of strategies; of random orders the first draw. */
struct chosen {
    uint32_t *by[ORGANISM_LAYERS_MAX];
};

static struct chosen chosen_new(const struct organism *organism)
{
    struct chosen chosen = {{NULL}};
    for (int l = 0; l < organism->shape.layers; l++)
        chosen.by[l] = memory_new(layer_owned(&organism->layer[l]), sizeof *chosen.by[l]);
    return chosen;
}

static void chosen_free(struct chosen *chosen)
{
    for (int l = 0; l < ORGANISM_LAYERS_MAX; l++) memory_free(chosen->by[l]);
}

static void chosen_add(struct chosen *chosen, const struct organism *organism, enum strategy strategy,
                       const struct ranking *ranking, int64_t i)
{
    for (int l = 0; l < organism->shape.layers; l++)
        for (int64_t at = 0; at < layer_owned(&organism->layer[l]); at++)
            if (ranking_has(ranking, i, l, at) && !mask_has(organism->layer[l].field[FIELD_PRUNED], at))
                chosen->by[l][at] |= (uint32_t)1 << strategy;
}

/* The scores of one draw of a strategy. */
static void measure(struct subject *network, enum strategy strategy, const struct material *material,
                    int64_t draw, const struct plan *plan, struct chosen *chosen, double *curve,
                    double *at_same)
{
    struct material now = *material;
    struct ranking ranking;
    now.draw = draw;
    ranking_new(&ranking, &now, strategy, plan->points + 1, plan->counts);
    for (int64_t i = 0; i < plan->points; i++)
        curve[i] = prune_score(network, is_first, &(struct point){&ranking, i});
    *at_same = prune_score(network, is_first, &(struct point){&ranking, plan->points});
    prune_restore(network);
    if (draw == 0) chosen_add(chosen, &network->organism, strategy, &ranking, plan->points);
    ranking_free(&ranking);
}

static void put_strategy(struct sheet *sheet, const char *network_name, struct subject *network,
                         enum strategy strategy, const struct material *material, int64_t random_draws,
                         const struct plan *plan, struct chosen *chosen)
{
    const struct strategy_row *row = &strategy_table[strategy];
    const int64_t points = plan->points, draws = row->drawn ? random_draws : 1, size[2] = {draws, points};
    double *curve = memory_new(draws * points, sizeof *curve), *at_same = memory_new(draws, sizeof *at_same),
           mean = 0;
    char path[96];
    for (int64_t draw = 0; draw < draws; draw++)
        measure(network, strategy, material, draw, plan, chosen, curve + draw * points, at_same + draw);
    for (int64_t draw = 0; draw < draws; draw++) mean += at_same[draw] / (double)draws;
    snprintf(path, sizeof path, "/curves/%s/%s", network_name, strategy_words[strategy]);
    sheet_group(sheet, path, row->description);
    snprintf(path, sizeof path, "/curves/%s/%s/share", network_name, strategy_words[strategy]);
    sheet_put(sheet, path, H5_F64, 1, &points, plan->share, "1", "dropped share of all connections");
    snprintf(path, sizeof path, "/curves/%s/%s/score", network_name, strategy_words[strategy]);
    sheet_put(sheet, path, H5_F64, 2, size, curve, "1", "score at each share, a row per draw");
    snprintf(path, sizeof path, "/same_count/%s/%s", network_name, strategy_words[strategy]);
    sheet_put(sheet, path, H5_F64, 1, &draws, at_same, "1", row->description);
    sheet_number(sheet, strategy_words[strategy], mean);
    memory_free(curve), memory_free(at_same);
}

static void put_network(struct sheet *sheet, const char *name, struct subject *network,
                        const struct material *material, int64_t random_draws, const struct plan *plan,
                        struct chosen *chosen)
{
    char path[96];
    snprintf(path, sizeof path, "/curves/%s", name);
    sheet_group(sheet, path, "score against the dropped share");
    snprintf(path, sizeof path, "/same_count/%s", name);
    sheet_group(sheet, path, "score after dropping as many connections as there are self-replicators");
    sheet_object(sheet, name);
    for (int k = 0; k < STRATEGY_COUNT; k++)
        put_strategy(sheet, name, network, (enum strategy)k, material, random_draws, plan, chosen);
    sheet_end(sheet);
}

/* How many particles each strategy on one network has in common with each one on another. */
static void put_overlap(struct sheet *sheet, const char *name, const struct organism *organism,
                        const struct chosen *one, const struct chosen *other)
{
    uint64_t both[STRATEGY_COUNT * STRATEGY_COUNT] = {0};
    for (int l = 0; l < organism->shape.layers; l++)
        for (int64_t at = 0; at < layer_owned(&organism->layer[l]); at++)
            for (int i = 0; i < STRATEGY_COUNT; i++)
                for (int j = 0; j < STRATEGY_COUNT; j++)
                    both[i * STRATEGY_COUNT + j] += one->by[l][at] >> i & other->by[l][at] >> j & 1;
    comm_sum_u64(organism->grid->all, both, STRATEGY_COUNT * STRATEGY_COUNT);
    const int64_t size[2] = {STRATEGY_COUNT, STRATEGY_COUNT};
    int64_t count[STRATEGY_COUNT * STRATEGY_COUNT];
    char path[64], names[512] = "";
    for (int i = 0; i < STRATEGY_COUNT * STRATEGY_COUNT; i++) count[i] = (int64_t)both[i];
    for (int i = 0; i < STRATEGY_COUNT; i++)
        memory_append(names, sizeof names, "%s%s", i ? " " : "", strategy_words[i]);
    snprintf(path, sizeof path, "/overlap/%s", name);
    sheet_put(sheet, path, H5_I64, 2, size, count, "1",
              "connections that two strategies both drop first, as many each as there are self-replicators; "
              "rows and "
              "columns in the order of the attribute strategies");
    sheet_attribute(sheet, path, "strategies", names);
    sheet_object(sheet, name);
    for (int i = 0; i < STRATEGY_COUNT; i++) sheet_integer(sheet, strategy_words[i], count[i]);
    sheet_end(sheet);
}

static void put_overlaps(struct sheet *sheet, const struct organism *organism, const struct chosen *own,
                         const struct chosen *conventional)
{
    sheet_group(sheet, "/overlap",
                "of the chosen sets: within the organism, within the conventional network, and between the "
                "two (rows: the "
                "organism's strategies)");
    sheet_object(sheet, "overlap_with_replicators");
    put_overlap(sheet, "organism", organism, own, own);
    if (conventional) put_overlap(sheet, "conventional", organism, conventional, conventional);
    if (conventional) put_overlap(sheet, "between", organism, own, conventional);
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
    char fingerprint[20];
    snprintf(fingerprint, sizeof fingerprint, "%016" PRIx64, network->fingerprint);
    sheet_group(sheet, "/conventional", "a conventional network of the same shape");
    sheet_attribute(sheet, "/conventional", "fingerprint", fingerprint);
    sheet_text(sheet, "conventional_fingerprint", fingerprint);
    sheet_put(sheet, "/conventional/baseline", H5_F64, 0, NULL, &score, "1", "its score, nothing dropped");
    sheet_number(sheet, "conventional", score);
}

/* Both networks pruned by all strategies, with as many connections as there are self-replicators and along
 * the curves. */
static void put_pruning(struct sheet *sheet, struct subject *subject, struct subject *baseline,
                        struct material *material, int64_t replicators, const struct dropout_options *options)
{
    struct subject *const network[2] = {subject, baseline};
    static const char *const names[2] = {"organism", "conventional"};
    struct chosen chosen[2] = {{{NULL}}};
    sheet_group(sheet, "/curves", "by network and strategy");
    sheet_group(sheet, "/same_count", "by network and strategy");
    sheet_object(sheet, "same_count");
    sheet_integer(sheet, "dropped", replicators);
    for (int k = 0; k < 2 && network[k]; k++) {
        chosen[k] = chosen_new(&network[k]->organism);
        const int64_t epoch = network[k]->progress.epoch;
        task_epoch(&network[k]->task, epoch > 0 ? epoch : 1);
        material_measure(material, &network[k]->organism, &network[k]->task);
        struct plan plan = plan_new(&network[k]->organism, options->points, replicators);
        put_network(sheet, names[k], network[k], material, options->draws, &plan, &chosen[k]);
        plan_free(&plan);
        material_free(material);
    }
    sheet_end(sheet);
    put_overlaps(sheet, &subject->organism, &chosen[0], baseline ? &chosen[1] : NULL);
    for (int k = 0; k < 2; k++) chosen_free(&chosen[k]);
}

void dropout_run(struct subject *subject, struct subject *baseline, const struct dropout_options *options)
{
    struct organism *organism = &subject->organism;
    const float epsilon = (float)subject->config->measure.epsilon;
    int64_t census[TYPE_COUNT];
    uint8_t **types = order_types(organism, epsilon, census);
    float **movement = movements_new(organism);
    struct material material = {.types = types,
                                .movement = movement,
                                .epsilon = epsilon,
                                .seed = (uint64_t)subject->config->run.seed,
                                .purpose = RANDOM_PROBE};
    const double score = subject_score(subject);
    struct sheet sheet;
    sheet_open(&sheet, subject);
    sheet_text(&sheet, "measure", subject_measure(subject));
    sheet_number(&sheet, "baseline", score);
    sheet_put(&sheet, "/baseline", H5_F64, 0, NULL, &score, "1", "the organism's score, nothing dropped");
    put_types(&sheet, subject, types, census);
    if (baseline) put_conventional(&sheet, baseline);
    put_pruning(&sheet, subject, baseline, &material, census[TYPE_SELF_REPLICATOR], options);
    sheet_close(&sheet);
    movements_free(movement, organism);
    order_types_free(types, organism);
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
     .help =
         "a conventional network (organism.edges: scalar) to prune as well; of two ensembles: the run of the "
         "same seed"},
    {.name = NULL},
};

/* What of the test data differs, owned by the caller; NULL: nothing. Networks may be trained on different
 * samples. */
static char *other_test_data(const struct task *ours, const struct task *theirs)
{
    static const enum task_part of_training[] = {TASK_TRAIN_SAMPLES, TASK_TRAIN_INPUTS, TASK_TRAIN_TARGETS};
    struct task_identity identity = theirs->identity;
    if (task_draws(ours->spec.kind) && task_draws(theirs->spec.kind)) return NULL;
    for (size_t i = 0; i < sizeof of_training / sizeof *of_training; i++)
        identity.part[of_training[i]] = ours->identity.part[of_training[i]];
    return task_differences(&ours->identity, &identity);
}

/* Collective. */
static enum exit_code open_baseline(struct subject *baseline, const struct subject *subject, const char *run)
{
    struct subject_spec spec = subject->spec;
    char *same = members_same(run, subject->run, subject->comm);
    spec.run = same, spec.epoch = PROBE_NEWEST, spec.like = subject;
    enum exit_code code = subject_open(baseline, &spec, subject->comm);
    baseline->run = NULL; /* it is not asked for again */
    memory_free(same);
    if (code != EXIT_DONE) return code;
    struct problems problems = {0};
    if (particle_kind(&baseline->organism.shape.particle)->replicates)
        problems_add(&problems, EXIT_USAGE,
                     "--baseline %s: is not a conventional network (organism.edges: scalar)", run);
    char *differences = spec.any_data ? NULL : other_test_data(&subject->task, &baseline->task);
    if (differences)
        problems_add(&problems, EXIT_USAGE,
                     "--baseline %s: its scores are of other data than those of %s; these differ: %s "
                     "(--accept-other-data takes them)",
                     run, subject->run, differences);
    memory_free(differences);
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
