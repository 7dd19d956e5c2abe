#include "metazoa/train/schedule.h"

#include <assert.h>

#include "metazoa/parallel/cut.h"

_Static_assert(STAGE_SETTLE + 1 == PROGRESS_PHASES, "checkpoints hold any stage");

struct schedule schedule_new(const struct config *config, int64_t samples)
{
    return (struct schedule){
        .plan = config->schedule,
        .self_steps = config->training.self_steps,
        .samples = samples,
    };
}

int64_t schedule_epochs(const struct schedule *schedule)
{
    return schedule->plan.epochs + (schedule->plan.settle != SETTLE_NONE);
}

/* The stage after `epoch` epochs, when nothing but their number counts. */
static enum stage stage_by_epoch(const struct schedule *schedule, int64_t epoch)
{
    if (epoch >= schedule->plan.epochs && schedule->plan.settle != SETTLE_NONE) return STAGE_SETTLE;
    if (schedule->plan.first != FIRST_NONE && epoch < schedule->plan.first_epochs) return STAGE_FIRST;
    return STAGE_BOTH;
}

enum stage schedule_begin(const struct schedule *schedule)
{
    return stage_by_epoch(schedule, 0);
}

enum stage schedule_next(const struct schedule *schedule, enum stage stage, int64_t epoch,
                         double train_accuracy)
{
    const enum stage next = stage_by_epoch(schedule, epoch);
    if (next != STAGE_FIRST) return next;
    const double until = schedule->plan.first_until_accuracy;
    const bool reached = stage == STAGE_BOTH || (until > 0 && train_accuracy >= until); /* NaN: not reached */
    return reached ? STAGE_BOTH : STAGE_FIRST;
}

enum stage schedule_resume(const struct schedule *schedule, enum stage stage, int64_t epoch)
{
    return stage_by_epoch(schedule, epoch) == STAGE_SETTLE ? STAGE_SETTLE : stage;
}

int64_t schedule_batches(const struct schedule *schedule, enum stage stage)
{
    if (stage == STAGE_SETTLE && schedule->plan.settle == SETTLE_PROJECT) return 1;
    if (stage == STAGE_SETTLE) return cut_parts(schedule->plan.settle_steps, SETTLE_PORTION);
    return cut_parts(schedule->samples, schedule->plan.batch);
}

struct step schedule_step(const struct schedule *schedule, enum stage stage, int64_t batch)
{
    assert(batch >= 0 && batch < schedule_batches(schedule, stage));
    if (stage == STAGE_SETTLE && schedule->plan.settle == SETTLE_PROJECT)
        return (struct step){.project = true};
    if (stage == STAGE_SETTLE) {
        const int64_t rest = schedule->plan.settle_steps - batch * SETTLE_PORTION;
        return (struct step){.self_steps = rest < SETTLE_PORTION ? (int)rest : SETTLE_PORTION};
    }
    const bool first = stage == STAGE_FIRST;
    const int64_t begin = batch * schedule->plan.batch, end = begin + schedule->plan.batch;
    return (struct step){
        .self_steps = first && schedule->plan.first == FIRST_TASK ? 0 : schedule->self_steps,
        .learn = !(first && schedule->plan.first == FIRST_SELF),
        .begin = begin,
        .end = end < schedule->samples ? end : schedule->samples,
    };
}

bool schedule_due(const struct schedule *schedule, int64_t every, int64_t epoch)
{
    return epoch >= schedule->plan.epochs || (every > 0 && epoch % every == 0);
}
