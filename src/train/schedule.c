#include "metazoa/train/schedule.h"

#include <assert.h>
#include <math.h>

#include "metazoa/parallel/cut.h"

/* A schedule without stages trains both tasks to the end. */
static void complete(struct schedule_spec *plan)
{
    if (plan->n_stages > 0) return;
    plan->stages[0] = (struct stage_spec){TRAIN_BOTH, plan->epochs, 0};
    plan->n_stages = 1;
}

struct schedule schedule_new(const struct config *config, int64_t samples)
{
    struct schedule schedule = {
        .plan = config->schedule,
        .self_steps = config->training.self_steps,
        .samples = samples,
        .planned = config->schedule.epochs,
    };
    complete(&schedule.plan);
    return schedule;
}

int64_t schedule_epochs(const struct schedule *schedule)
{
    return schedule->plan.epochs + (schedule->plan.settle != SETTLE_NONE);
}

/* Whether the stage under way ends after the epochs that are complete. */
static bool stage_over(const struct schedule *schedule, const struct progress *progress, double accuracy)
{
    const struct stage_spec *stage = &schedule->plan.stages[progress->stage];
    const int64_t done = progress->epoch + 1 - progress->stage_epoch;
    if (progress->stage == schedule->plan.n_stages - 1) return false;
    return done >= stage->epochs ||
           (stage->until_accuracy > 0 && accuracy >= stage->until_accuracy); /* NaN: no */
}

static void enter(struct progress *progress, int64_t stage)
{
    progress->stage = stage;
    progress->stage_epoch = progress->epoch + 1;
}

void schedule_next(const struct schedule *schedule, struct progress *progress, double train_accuracy)
{
    const struct schedule_spec *plan = &schedule->plan;
    if (progress->stage == STAGE_SETTLE) return;
    if (progress->epoch >= plan->epochs && plan->settle != SETTLE_NONE)
        enter(progress, STAGE_SETTLE);
    else
        for (; stage_over(schedule, progress, train_accuracy); train_accuracy = 0)
            enter(progress, progress->stage + 1);
}

void schedule_begin(const struct schedule *schedule, struct progress *progress)
{
    enter(progress, 0);
    schedule_next(schedule, progress, 0);
}

void schedule_resume(const struct schedule *schedule, struct progress *progress)
{
    const int last = schedule->plan.n_stages - 1;
    if (progress->stage != STAGE_SETTLE && progress->stage > last) progress->stage = last;
    if (progress->batch == 0) schedule_next(schedule, progress, 0);
}

bool schedule_continues(const struct schedule_spec *saved, const struct schedule *now,
                        const struct progress *progress)
{
    struct schedule_spec before = *saved;
    const struct schedule_spec *plan = &now->plan;
    complete(&before);
    const int last = before.n_stages - 1, stage = progress->stage < last ? (int)progress->stage : last;
    const int64_t begun = progress->epoch + 1 - progress->stage_epoch + (progress->batch > 0);
    if (stage >= plan->n_stages || before.stages[stage].trains != plan->stages[stage].trains ||
        before.stages[stage].until_accuracy != plan->stages[stage].until_accuracy)
        return false;
    /* Without a stage after it, it went on beyond its accuracy. */
    if (stage == last && before.stages[stage].until_accuracy > 0 && plan->n_stages > before.n_stages)
        return false;
    for (int i = 0; i < stage; i++)
        if (before.stages[i].trains != plan->stages[i].trains ||
            before.stages[i].epochs != plan->stages[i].epochs ||
            before.stages[i].until_accuracy != plan->stages[i].until_accuracy)
            return false;
    const bool settles = progress->stage == STAGE_SETTLE;
    return settles ? before.n_stages == plan->n_stages
                   : stage == plan->n_stages - 1 || begun <= plan->stages[stage].epochs;
}

int64_t schedule_batches(const struct schedule *schedule, int64_t stage)
{
    if (stage == STAGE_SETTLE && schedule->plan.settle == SETTLE_PROJECT) return 1;
    if (stage == STAGE_SETTLE) return cut_parts(schedule->plan.settle_steps, SETTLE_PORTION);
    return cut_parts(schedule->samples, schedule->plan.batch);
}

struct step schedule_step(const struct schedule *schedule, int64_t stage, int64_t batch)
{
    assert(batch >= 0 && batch < schedule_batches(schedule, stage));
    if (stage == STAGE_SETTLE && schedule->plan.settle == SETTLE_PROJECT)
        return (struct step){.project = true};
    if (stage == STAGE_SETTLE) {
        const int64_t rest = schedule->plan.settle_steps - batch * SETTLE_PORTION;
        return (struct step){.self_steps = rest < SETTLE_PORTION ? (int)rest : SETTLE_PORTION};
    }
    const enum trains trains = schedule->plan.stages[stage].trains;
    const int64_t begin = batch * schedule->plan.batch, end = begin + schedule->plan.batch;
    return (struct step){
        .self_steps = trains == TRAIN_TASK ? 0 : schedule->self_steps,
        .learn = trains != TRAIN_SELF,
        .begin = begin,
        .end = end < schedule->samples ? end : schedule->samples,
    };
}

void schedule_know(struct schedule *schedule, const struct progress *newest)
{
    if (newest->stage == STAGE_SETTLE) schedule->plan.epochs = newest->stage_epoch - 1;
    schedule->begun = newest->finished ? newest->epoch : newest->epoch + 1;
}

int64_t schedule_stop_early(struct schedule *schedule, const struct metrics_row *rows, int64_t n)
{
    const int64_t patience = schedule->plan.patience;
    int64_t best = -1;
    double least = INFINITY;
    for (int64_t i = 0; i < n && patience > 0; i++) {
        if (rows[i].epoch >= schedule->plan.epochs) break;
        if (!metrics_is_measured(rows[i].validation_loss)) continue;
        if (rows[i].validation_loss < least)
            least = rows[i].validation_loss, best = rows[i].epoch; /* NaN: no */
        if (best < 0 || rows[i].epoch - best < patience || rows[i].epoch < schedule->begun) continue;
        schedule->plan.epochs = rows[i].epoch;
        return best;
    }
    return -1;
}

bool schedule_due(const struct schedule *schedule, int64_t every, int64_t epoch)
{
    return epoch >= schedule->plan.epochs || (every > 0 && epoch % every == 0);
}

/* Epoch 0, every trajectory_every epochs, the last one, the one after settling, and those inside epochs. */
int64_t schedule_records(const struct config *config)
{
    const struct schedule schedule = schedule_new(config, 0);
    const int64_t every = config->archive.trajectory_every, epochs = schedule.plan.epochs;
    if (every == 0) return 0;
    return 1 + cut_parts(epochs, every) + (schedule_epochs(&schedule) - epochs) + config->archive.n_steps;
}
