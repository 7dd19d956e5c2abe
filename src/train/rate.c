/* Learning rates from batch to batch. To add a schedule: a word in RATES (config.h), a function and a row
 * here. */
#include <assert.h>
#include <math.h>

#include "metazoa/base/cosine.h"
#include "metazoa/train/schedule.h"

static double constant(const struct rate_spec *spec, double done, double all)
{
    (void)spec, (void)done, (void)all;
    return 1;
}

/* PyTorch's CosineAnnealingLR. */
static double cosine_down(const struct rate_spec *spec, double done, double all)
{
    return spec->factor + (1 - spec->factor) * (1 + cosine_half(done < all ? done / all : 1)) / 2;
}

/* PyTorch's StepLR. */
static double steps(const struct rate_spec *spec, double done, double all)
{
    (void)all;
    const double little = 1e-9; /* of an epoch, less than a batch: 2.3 - 0.3 is less than 2 in doubles */
    double factor = 1;
    for (double at = (double)spec->every; at <= done + little && factor > 0; at += (double)spec->every)
        factor *= spec->factor;
    return factor;
}

/* The factor after `done` of `all` epochs, both counted from the end of the warm-up. */
static double (*const table[RATE_KINDS])(const struct rate_spec *spec, double done, double all) = {
    [RATE_CONSTANT] = constant, [RATE_COSINE] = cosine_down, [RATE_STEP] = steps};

/* Of a batch after `done` epochs; batches: of an epoch. */
static double factor_of(const struct rate_spec *spec, double done, double all, double batches)
{
    const double warmup = spec->warmup;
    if (done < warmup) return fmin(1, (done + 1 / batches) / warmup);
    return table[spec->kind](spec, done - warmup, all - warmup);
}

struct rates schedule_rates(const struct schedule *schedule, int64_t stage, int64_t epoch, int64_t batch)
{
    if (stage == STAGE_SETTLE) return (struct rates){1, 1};
    const struct schedule_spec *plan = &schedule->plan;
    const struct rate_spec *task = &plan->task_rate,
                           *self = plan->self_rate.kind == RATE_KIND_SAME ? task : &plan->self_rate;
    const double batches = (double)schedule_batches(schedule, 0), all = (double)schedule->planned,
                 done = (double)epoch + (double)batch / batches;
    return (struct rates){(float)factor_of(task, done, all, batches),
                          (float)factor_of(self, done, all, batches)};
}

bool schedule_needs_epochs(const struct schedule_spec *plan)
{
#define NEEDS(value, word, needs, help) [value] = needs,
    static const bool needs[RATE_KINDS + 1] = {RATES(NEEDS)};
    return needs[plan->task_rate.kind] || needs[plan->self_rate.kind];
}
