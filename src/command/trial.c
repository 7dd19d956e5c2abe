#include "trial.h"

#include "metazoa/base/timer.h"
#include "metazoa/store/checkpoint.h"
#include "metazoa/train/schedule.h"
#include "scratch.h"

#define TRIAL_SECONDS 1.0
enum { TRIAL_MOST = 100, SETTLE_STEPS = 16 };

/* Collective. Seconds of the slowest rank since `began`. */
static double since(double began, struct comm *world)
{
    double seconds = timer_now() - began;
    comm_max_double(world, &seconds, 1);
    return seconds;
}

/* What is trained in the trial. */
struct work {
    struct organism *organism;
    const struct task *task;
    const struct schedule *schedule;
    struct interaction *interaction; /* NULL: particles do not meet */
    int64_t stage;
};

/* Collective. Batches [from, to) of a stage, again from the first one after the last. */
static void train(const struct work *work, int64_t from, int64_t to)
{
    const int64_t batches = schedule_batches(work->schedule, work->stage);
    struct tally tally = {0};
    for (int64_t i = from; i < to; i++) {
        int flags = 0;
        const struct step step = schedule_step(work->schedule, work->stage, i % batches);
        uint64_t meetings[INTERACTION_KINDS] = {0};
        organism_sweep(work->organism, step.self_steps, &flags);
        if (work->interaction) interaction_batch(work->interaction, work->organism, 0, i, meetings);
        if (step.learn) organism_learn(work->organism, work->task, step.begin, step.end, &tally);
    }
}

/* Collective. Seconds of a batch of the stage; *tried grows by the batches that were tried for it. */
static double measure_stage(const struct work *work, int64_t *tried, struct comm *world)
{
    train(work, 0, 1); /* the first one warms up */
    double began = timer_now();
    train(work, 1, 2);
    const double one = since(began, world);
    const int64_t n = one * TRIAL_MOST < TRIAL_SECONDS ? TRIAL_MOST : 1 + (int64_t)(TRIAL_SECONDS / one);
    began = timer_now();
    train(work, 2, 2 + n);
    *tried += n;
    return since(began, world) / (double)n;
}

/* The mean batch of all epochs: stages that train the same take the same time. */
static void measure_batches(struct trial *trial, struct organism *organism, struct task *task,
                            const struct config *config, const struct schedule *schedule, struct comm *world)
{
    const struct schedule_spec *plan = &schedule->plan;
    const bool meet = interaction_chance(&config->interaction) > 0;
    struct work work = {organism, task, schedule,
                        meet ? interaction_new(organism, &config->interaction) : NULL, 0};
    double known[TRAIN_BOTH + 1] = {0}, sum = 0, epochs = 0;
    task_epoch(task, 1);
    for (work.stage = 0; work.stage < plan->n_stages; work.stage++) {
        const struct stage_spec *stage = &plan->stages[work.stage];
        if (known[stage->trains] == 0) known[stage->trains] = measure_stage(&work, &trial->batches, world);
        sum += known[stage->trains] * (double)stage->epochs;
        epochs += (double)stage->epochs;
    }
    trial->batch = epochs > 0 ? sum / epochs : known[plan->stages[0].trains];
    interaction_free(work.interaction);
}

static void measure_rest(struct trial *trial, struct organism *organism, const struct task *task,
                         const struct config *config, struct comm *world)
{
    struct tally tally = {0};
    int64_t counts[TYPE_COUNT];
    int flags = 0;
    double began = timer_now();
    organism_sweep(organism, SETTLE_STEPS, &flags);
    trial->settle_step = since(began, world) / SETTLE_STEPS;
    began = timer_now();
    if (task->test.samples > 0) organism_evaluate(organism, &task->test, &tally);
    trial->validation = since(began, world);
    began = timer_now();
    organism_census(organism, (float)config->measure.epsilon, counts, NULL);
    organism_fingerprint(organism);
    trial->census = since(began, world);
}

/* Collective. All files of a run, from one checkpoint that is written where they will be; what is written
 * to the archive takes as long as a checkpoint of as many bytes. 0: there is no room, or no right to
 * write. */
static void measure_files(struct trial *trial, const struct check_report *report, struct organism *organism,
                          struct comm *world)
{
    const struct config *config = report->config;
    const struct estimate *needs = &report->needs;
    const int64_t every = config->checkpoint.every, epochs = config->schedule.epochs,
                  checkpoints = every > 0 ? 1 + (epochs + every - 1) / every : 1;
    struct progress progress = {0};
    int64_t room = check_free_bytes(config->run.output) > 2 * needs->checkpoint;
    comm_min_i64(world, &room, 1);
    char *folder = room ? scratch_new(config->run.output, world) : NULL;
    if (!folder) return;
    comm_barrier(world);
    const double began = timer_now();
    checkpoint_write(folder, organism, &progress, "", 1, 1, NULL);
    const double one = since(began, world);
    scratch_free(folder, world);
    trial->files = one * ((double)checkpoints + (double)needs->archive / (double)needs->checkpoint);
}

/* A run's time; a part that happens every n epochs counts 1/n. */
static void conclude(struct trial *trial, const struct config *config, const struct schedule *schedule)
{
    const int64_t validate = config->measure.validate_every, census = config->measure.census_every;
    trial->epoch = (double)schedule_batches(schedule, 0) * trial->batch;
    if (validate > 0) trial->epoch += trial->validation / (double)validate;
    if (census > 0) trial->epoch += trial->census / (double)census;
    const bool plain = config->schedule.settle == SETTLE_PLAIN;
    trial->total = (double)config->schedule.epochs * trial->epoch + trial->files +
                   (plain ? (double)config->schedule.settle_steps * trial->settle_step : 0);
}

enum exit_code trial_run(struct check_report *report, struct task *task, struct comm *world)
{
    const struct config *config = report->config;
    struct problems problems = {0};
    struct organism organism;
    struct grid grid;
    int32_t begin, end;
    grid_place(&grid, world, report->grid, report->order);
    organism_inputs(report->shape, &grid, &begin, &end);
    task_load(task, begin, end, world, &problems);
    const enum exit_code code = comm_agree(world, &problems);
    if (code == EXIT_DONE) {
        const struct schedule schedule = schedule_new(config, task->train.samples);
        organism_new(&organism, report->shape, &config->training, &grid, (uint64_t)config->run.seed);
        organism_draw(&organism);
        measure_batches(&report->trial, &organism, task, config, &schedule, world);
        measure_rest(&report->trial, &organism, task, config, world);
        measure_files(&report->trial, report, &organism, world);
        conclude(&report->trial, config, &schedule);
        organism_free(&organism);
    }
    grid_free(&grid);
    return code;
}
