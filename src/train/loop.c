/* The training loop: epochs and batches. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "metazoa/base/commit.h"
#include "metazoa/base/timer.h"
#include "metazoa/train/pruning.h"
#include "metazoa/train/run.h"

int run_look(struct run *run)
{
    pace_measure(&run->pace.commit, commit_look());
    return stop_look(&run->stop, &run->pace, comm_rank(run->comm) == 0);
}

/* The largest request of all ranks. */
static int agree(struct run *run)
{
    const enum phase before = timer_enter(PHASE_AGREE);
    int64_t request = run_look(run);
    comm_max_i64(run->comm, &request, 1);
    timer_enter(before);
    return (int)request;
}

/* Writes a checkpoint, and ends the run if a stop was requested. */
static enum verdict answer(struct run *run, int request)
{
    if (request == REQUEST_NONE) return VERDICT_GO_ON;
    if (request > REQUEST_SAVE) run->request_seen = request;
    const enum verdict verdict = run_save(run);
    if (verdict == VERDICT_DIVERGED) return verdict;
    return request > REQUEST_SAVE ? VERDICT_STOPPED : verdict;
}

/* Particles of a cell change each other, but not while the organism settles. False: the run is over. */
static bool interact(struct run *run, int64_t stage)
{
    const struct progress *progress = &run->progress;
    if (!run->interaction || stage == STAGE_SETTLE) return true;
    return run_mend(run, interaction_batch(run->interaction, &run->organism, progress->epoch, progress->batch,
                                           run->interactions));
}

/* Mean losses and the train score of the epoch under way. */
static struct metrics_row epoch_row(const struct run *run)
{
    const struct progress *progress = &run->progress;
    const struct tally *tally = &progress->tally;
    struct metrics_row row = run_row(run, progress->epoch + 1);
    if (tally->samples > 0) {
        const double samples = (double)tally->samples;
        row.task_loss = metrics_measured(exact_wide_value(&tally->loss) / samples);
        row.train_score = metrics_measured(tally_score(&run->task, tally));
    }
    const int64_t living = organism_particles(&run->organism.shape) - (run->pruned > 0 ? run->pruned : 0);
    const double sweeps = (double)progress->self_sweeps * (double)living;
    if (sweeps > 0) row.self_train_loss = metrics_measured(exact_wide_value(&progress->self_loss) / sweeps);
    if (run->interaction) memcpy(row.interactions, progress->interactions, sizeof row.interactions);
    return row;
}

/* A record inside the epoch, if one is due: of the state that a checkpoint here would hold. A divergent
 * particle is left to the next batch, so that records change nothing. */
static void record_batch(struct run *run)
{
    if (!run_batch_due(run)) return;
    int none = REQUEST_NONE;
    organism_sweep(&run->organism, 0, &none);
    run_collect(run);
    struct metrics_row row = epoch_row(run);
    row.epoch = run->progress.epoch;
    row.batch = run->progress.batch;
    run_record_batch(run, &row);
}

/* Self-training (with the task step that the batch before left), interactions, then the task on this batch.
 */
static enum verdict train_batch(struct run *run)
{
    struct progress *progress = &run->progress;
    const double began = timer_now();
    const int64_t stage = progress->stage;
    const struct step step = schedule_step(&run->schedule, stage, progress->batch);
    int request = run_look(run);
    run->organism.rates = schedule_rates(&run->schedule, stage, progress->epoch, progress->batch);
    const int64_t bad = organism_sweep(&run->organism, step.self_steps, &request);
    if (step.self_steps > 0) {
        exact_wide_merge(&run->self_loss, &run->organism.self_loss);
        progress->self_sweeps++;
    }
    if (!run_mend(run, bad) || !interact(run, stage)) return VERDICT_DIVERGED;
    if (step.project) organism_project(&run->organism);
    if (step.learn) organism_learn(&run->organism, &run->task, step.begin, step.end, &run->tally);
    if (stage == STAGE_SETTLE) progress->settled += step.self_steps;
    progress->batch++;
    run->batches++;
    record_batch(run);
    pace_measure(&run->pace.batch, timer_now() - began);
    display_batch(&run->display, progress->epoch, progress->batch, schedule_batches(&run->schedule, stage));
    return answer(run, request);
}

/* Begins the next epoch: its stage, its samples, and all sums at zero. */
static void epoch_advance(struct run *run, double train_score)
{
    struct progress *progress = &run->progress;
    const double accuracy = run->task.classification ? train_score : (double)NAN;
    progress->epoch++;
    progress->batch = 0;
    schedule_next(&run->schedule, progress, accuracy);
    progress->tally = (struct tally){0};
    progress->self_loss = (struct exact_wide){{0}};
    progress->self_sweeps = 0;
    memset(progress->interactions, 0, sizeof progress->interactions);
    progress->finished = progress->epoch >= schedule_epochs(&run->schedule);
}

/* Predictions, after the first epoch of this start has shown the speed. */
static void announce(struct run *run)
{
    struct pace *pace = &run->pace;
    const double left = run->stop.limit - timer_now();
    if (pace->epochs != 1 || run->progress.finished) return;
    display_say(&run->display, "a stop request is answered within %s, at most",
                duration_text(pace_latency(pace)).text);
    if (isinf(left)) return;
    const int64_t fit = pace_fits(pace, left),
                  to_come = schedule_epochs(&run->schedule) - run->progress.epoch;
    if (fit >= to_come)
        display_say(&run->display, "the time limit leaves %s: the %" PRId64 " epochs to come fit",
                    duration_text(left).text, to_come);
    else
        display_say(&run->display,
                    "the time limit leaves %s: about %" PRId64 " of the %" PRId64 " epochs to come fit",
                    duration_text(left).text, fit, to_come);
}

/* Measures what is due, and records the row. A row's seconds are the wall time since the row before. */
static void close_row(struct run *run, struct metrics_row *row)
{
    const double began = timer_now();
    run_measure(run, row);
    const double now = timer_now();
    row->seconds = now - run->row_began;
    run->row_began = now;
    run_record(run, row);
    pace_measure(&run->pace.epoch_end, timer_now() - began);
}

/* The end of an epoch: measures, record, checkpoint if due. */
static enum verdict epoch_end(struct run *run)
{
    int request = run_look(run);
    const int64_t bad = organism_check(&run->organism, &request);
    if (!run_mend(run, bad)) return VERDICT_DIVERGED;
    run_collect(run);
    struct metrics_row row = epoch_row(run);
    close_row(run, &row);
    epoch_advance(run, row.train_score);
    pace_epoch(&run->pace, row.seconds);

    request = agree(run);
    const int64_t every = run->config->checkpoint.every;
    const bool due = every > 0 && run->progress.epoch % every == 0;
    enum verdict verdict;
    if (run->progress.finished)
        verdict = run_save(run);
    else
        verdict = answer(run, due && request == REQUEST_NONE ? REQUEST_SAVE : request);
    display_epoch(&run->display, &row, run->pace.epoch);
    announce(run);
    return verdict;
}

static enum verdict train_epoch(struct run *run)
{
    struct progress *progress = &run->progress;
    const int64_t batches = schedule_batches(&run->schedule, progress->stage);
    if (progress->stage != STAGE_SETTLE) {
        const enum phase before = timer_enter(PHASE_LOAD);
        task_epoch(&run->task, progress->epoch + 1);
        timer_enter(before);
        if (progress->batch == 0) pruning_begin_epoch(run);
    }
    enum verdict verdict = VERDICT_GO_ON;
    while (progress->batch < batches && verdict == VERDICT_GO_ON) verdict = train_batch(run);
    return verdict == VERDICT_GO_ON ? epoch_end(run) : verdict;
}

/* Epoch 0: the organism before training. Its checkpoint shows early how long a checkpoint takes, and that it
 * can be written. */
static enum verdict begin(struct run *run)
{
    struct metrics_row row = run_row(run, 0);
    close_row(run, &row);
    run->progress.finished = schedule_epochs(&run->schedule) == 0;
    const bool due =
        run->progress.finished || run->config->checkpoint.every > 0 || run->config->checkpoint.minutes > 0;
    return due ? run_save(run) : VERDICT_GO_ON;
}

/* The last files are on the disk. */
static void finish_files(struct run *run)
{
    const enum phase before = timer_enter(PHASE_CHECKPOINT);
    run_write_rows(run);
    commit_background(false);
    run_committed(run);
    timer_enter(before);
}

enum verdict run_train(struct run *run)
{
    timer_reset();
    run->loop_began = run->row_began = run->stop.last_save = timer_now();
    const struct replay *replay = run->request->replay;
    if (replay && run->resumed) run_record_start(run);
    enum verdict verdict = run->resumed ? VERDICT_GO_ON : begin(run);
    commit_background(true);
    while (verdict == VERDICT_GO_ON &&
           run->progress.epoch < (replay ? replay->hi : schedule_epochs(&run->schedule)))
        verdict = train_epoch(run);
    finish_files(run);
    run->loop_ended = timer_now();
    const struct display_place *place = &run->display.place;
    if (verdict != VERDICT_GO_ON || place->member + 1 >= place->members) display_end(&run->display);
    return verdict;
}
