#include "metazoa/train/pruning.h"

#include <inttypes.h>
#include <math.h>

#include "metazoa/base/timer.h"
#include "metazoa/organism/prune.h"

void pruning_check(const struct config *config, const struct organism_shape *shape, struct problems *problems)
{
    if (config->training.prunes && organism_particles(shape) > ORDER_PARTICLES_MAX)
        problems_add(problems, EXIT_USAGE,
                     "pruning.schedule: %" PRId64 " particles cannot be put in order for pruning; %" PRId64
                     " at most can",
                     organism_particles(shape), ORDER_PARTICLES_MAX);
}

int64_t pruning_round(const struct pruning_spec *spec, int64_t epoch)
{
    const int64_t since = epoch - spec->begin, round = since / spec->every + 1;
    const bool due = spec->schedule != PRUNING_NONE && since >= 0 && since % spec->every == 0;
    return due && round <= spec->rounds ? round : 0;
}

static double power(double x, int64_t n)
{
    double product = 1;
    for (int64_t i = 0; i < n; i++) product *= x;
    return product;
}

/* The n-th root of a number from 0 to 1, by bisection: the C library's functions may differ between
 * machines. */
static double root(double x, int64_t n)
{
    double low = 0, high = 1;
    for (int bit = 0; bit < 60; bit++) {
        const double middle = (low + high) / 2;
        if (power(middle, n) < x)
            low = middle;
        else
            high = middle;
    }
    return high;
}

int64_t pruning_count(const struct pruning_spec *spec, int64_t round, int64_t n)
{
    const double rest = (double)(spec->rounds - round) / (double)spec->rounds;
    double share = spec->share;
    if (spec->schedule == PRUNING_GRADUAL) share *= 1 - power(rest, 3);
    if (spec->schedule == PRUNING_ITERATIVE && round < spec->rounds)
        share = 1 - power(root(1 - share, spec->rounds), round);
    return (int64_t)floor(share * (double)n + 0.5);
}

/* Particles that come back, of those that were pruned before; as many more are pruned. */
static int64_t regrown(const struct run *run, int64_t count, int64_t n)
{
    const int64_t wanted = (int64_t)floor(run->config->pruning.regrow * (double)run->pruned + 0.5);
    return wanted < n - count ? wanted : n - count;
}

/* The first `count` by score. */
static void prune(struct run *run, int64_t count)
{
    struct organism *organism = &run->organism;
    const enum strategy score = run->config->pruning.score;
    int64_t ignored[TYPE_COUNT];
    float **movement = movements_new(organism);
    struct material material = {.organism = organism,
                                .types = run->types,
                                .movement = movement,
                                .epsilon = (float)run->config->measure.epsilon,
                                .seed = organism->seed,
                                .purpose = RANDOM_PRUNE,
                                .draw = run->progress.epoch};
    struct ranking ranking;
    organism_census(organism, material.epsilon, ignored, run->types);
    if (strategy_table[score].data) material_measure(&material, organism, &run->task);
    ranking_new(&ranking, &material, score, 1, &count);
    organism_prune(organism, &ranking, 0);
    ranking_free(&ranking);
    material_free(&material);
    movements_free(movement, organism);
}

static void do_round(struct run *run, int64_t round)
{
    struct organism *organism = &run->organism;
    const struct pruning_spec *spec = &run->config->pruning;
    const int64_t n = organism_particles(&organism->shape), planned = pruning_count(spec, round, n),
                  count = planned > run->pruned ? planned : run->pruned, back = regrown(run, count, n);
    struct order order;
    uint64_t bound;
    organism_regrow_order(&order, organism, run->progress.epoch);
    order_bounds(&order, 1, &back, &bound);
    prune(run, count + back);
    if (spec->rewind != REWIND_NONE) organism_rewind(organism);
    organism_regrow(organism, &order, bound, run->progress.epoch);
    order_free(&order);
    run->pruned = organism_pruned(organism);
    display_say(&run->display, "epoch %" PRId64 ": %" PRId64 " of %" PRId64 " particles are pruned now (%s)",
                run->progress.epoch, run->pruned, n, strategy_words[spec->score]);
}

void pruning_begin_epoch(struct run *run)
{
    const struct pruning_spec *spec = &run->config->pruning;
    const int64_t round = pruning_round(spec, run->progress.epoch);
    const enum phase before = timer_enter(PHASE_CENSUS);
    if (run->organism.training.rewinds && run->progress.epoch == spec->rewind) organism_keep(&run->organism);
    if (round > 0) do_round(run, round);
    timer_enter(before);
}
