/* The end of an epoch: measures, records, checkpoints; and the treatment of divergent particles. */
#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "metazoa/base/commit.h"
#include "metazoa/base/timer.h"
#include "metazoa/train/run.h"

double tally_score(const struct task *task, const struct tally *tally)
{
    const double sum = task->classification ? (double)tally->correct : exact_wide_value(&tally->error);
    return sum / (double)tally->samples;
}

struct metrics_row run_row(const struct run *run, int64_t epoch)
{
    struct metrics_row row = metrics_row_empty(epoch);
    if (run->interaction) memset(row.interactions, 0, sizeof row.interactions);
    row.pruned = run->pruned;
    if (run->task.validation.samples > 0) row.validation_loss = row.validation_score = (double)NAN;
    return row;
}

/* The score of the samples, and their mean loss if it is asked for (otherwise NULL). */
static double evaluate(struct run *run, const struct dataset *data, double *loss)
{
    struct tally tally = {0};
    organism_evaluate(&run->organism, data, &tally);
    organism_tally_sum(&run->organism, &tally);
    if (loss) *loss = metrics_measured(exact_wide_value(&tally.loss) / (double)tally.samples);
    return metrics_measured(tally_score(&run->task, &tally));
}

static void validate(struct run *run, struct metrics_row *row)
{
    const double began = timer_now();
    display_doing(&run->display, "measuring on the test samples", run->validation_seconds);
    if (run->task.test.samples > 0) row->test_score = evaluate(run, &run->task.test, NULL);
    if (run->task.validation.samples > 0)
        row->validation_score = evaluate(run, &run->task.validation, &row->validation_loss);
    run->validation_seconds = timer_now() - began;
}

/* The rows of all epochs so far decide, so that a resume comes to the same answer. */
static void stop_early(struct run *run, const struct metrics_row *row)
{
    struct progress *progress = &run->progress;
    if (row->epoch >= run->schedule.plan.epochs) return;
    progress_add(progress, row);
    const int64_t best = schedule_stop_early(&run->schedule, progress->rows, progress->n_rows);
    progress->n_rows--;
    if (best < 0) return;
    const int64_t epochs = run->display.epochs = schedule_epochs(&run->schedule);
    if (!run->request->replay) provenance_put(run->folder, "epochs", (double)epochs, run->comm);
    display_say(&run->display,
                "stops early: the loss on the validation samples was least after epoch %" PRId64, best);
}

static void census(struct run *run, struct metrics_row *row)
{
    organism_census(&run->organism, (float)run->config->measure.epsilon, row->census, run->types);
}

void run_measure(struct run *run, struct metrics_row *row)
{
    const struct config *config = run->config;
    const enum phase before = timer_enter(PHASE_VALIDATE);
    if (schedule_due(&run->schedule, config->measure.validate_every, row->epoch)) validate(run, row);
    stop_early(run, row);
    timer_enter(PHASE_CENSUS);
    if (schedule_due(&run->schedule, config->measure.census_every, row->epoch)) census(run, row);
    row->fingerprint = organism_fingerprint(&run->organism);
    timer_enter(before);
}

/* The last epoch and the settled organism are always recorded. A replay counts from the begin of its
 * window; one that compares has the records of the run. */
static bool record_due(const struct run *run, int64_t epoch)
{
    const struct archive_spec *spec = &run->config->archive;
    const int64_t every = archive_every(spec);
    const struct replay *replay = run->request->replay;
    const int64_t batches = schedule_batches(&run->schedule, 0), from = replay ? replay->lo : 0;
    if (run->comparison) return comparison_has(run->comparison, epoch, 0);
    return run->archive && epoch >= from &&
           ((epoch - from) % every == 0 || epoch >= run->schedule.plan.epochs ||
            (replay && epoch == replay->hi) || archive_wants_step(spec, epoch * batches));
}

static bool batch_record_due(const struct run *run)
{
    const struct progress *progress = &run->progress;
    const struct replay *replay = run->request->replay;
    const int64_t batches = schedule_batches(&run->schedule, 0);
    if (run->comparison) return comparison_has(run->comparison, progress->epoch, progress->batch);
    return run->archive && (!replay || progress->epoch >= replay->lo) &&
           archive_wants_step(&run->config->archive, progress->epoch * batches + progress->batch);
}

bool run_batch_due(const struct run *run)
{
    const struct progress *progress = &run->progress;
    const struct replay *replay = run->request->replay;
    if (progress->batch >= schedule_batches(&run->schedule, progress->stage)) return false;
    return batch_record_due(run) ||
           (replay && claims_about(&replay->claims, progress->epoch, progress->batch));
}

static void record(struct run *run, const struct metrics_row *row)
{
    uint8_t *const *types = row->census[0] >= 0 ? run->types : NULL;
    if (run->comparison)
        replay_compare(run, types, row);
    else
        archive_record(run->archive, types, row);
}

void run_record_batch(struct run *run, struct metrics_row *row)
{
    const enum phase before = timer_enter(PHASE_CENSUS);
    const bool due = batch_record_due(run);
    if (due) census(run, row);
    row->fingerprint = organism_fingerprint(&run->organism);
    if (due) record(run, row);
    if (run->request->replay) replay_check(run, row);
    timer_enter(before);
}

void run_record_start(struct run *run)
{
    const struct progress *progress = &run->progress;
    if (progress->batch > 0 || progress->n_rows == 0) return;
    struct metrics_row row = progress->rows[progress->n_rows - 1];
    if (row.epoch != progress->epoch) return;
    row.fingerprint = organism_fingerprint(&run->organism);
    if (record_due(run, row.epoch)) {
        census(run, &row);
        record(run, &row);
    }
    replay_check(run, &row);
}

void run_write_rows(struct run *run)
{
    const struct progress *progress = &run->progress;
    if (progress->n_rows == run->rows_written || !run->folder) return;
    const enum phase before = timer_enter(PHASE_ARCHIVE);
    lock_check(&run->lock, run->folder);
    metrics_append(run->folder, run->task.classification, progress->rows, run->rows_written, progress->n_rows,
                   run->comm);
    run->rows_written = progress->n_rows;
    run->rows_written_at = timer_now();
    timer_enter(before);
}

void run_record(struct run *run, const struct metrics_row *row)
{
    const enum phase before = timer_enter(PHASE_ARCHIVE);
    progress_add(&run->progress, row);
    if (timer_now() - run->rows_written_at >= 1) run_write_rows(run);
    if (record_due(run, row->epoch)) record(run, row);
    if (run->request->replay) replay_check(run, row);
    timer_enter(before);
    if (run->drawn_anew > 0)
        display_say(&run->display, "epoch %" PRId64 ": %" PRId64 " divergent particles were drawn anew",
                    row->epoch, run->drawn_anew);
    run->drawn_anew = 0;
}

void run_collect(struct run *run)
{
    struct progress *progress = &run->progress;
    organism_tally_sum(&run->organism, &run->tally);
    exact_wide_sum(run->comm, &run->self_loss);
    if (run->interaction) comm_sum_u64(run->comm, run->interactions, INTERACTION_KINDS);
    for (int k = 0; k < INTERACTION_KINDS; k++) {
        progress->interactions[k] += (int64_t)run->interactions[k];
        run->interactions[k] = 0;
    }
    progress->tally.samples += run->tally.samples;
    progress->tally.correct += run->tally.correct;
    exact_wide_merge(&progress->tally.loss, &run->tally.loss);
    exact_wide_merge(&progress->tally.error, &run->tally.error);
    exact_wide_merge(&progress->self_loss, &run->self_loss);
    run->tally = (struct tally){0};
    run->self_loss = (struct exact_wide){{0}};
}

/* Of checkpoints that are on the disk: what they took at most; the next start plans by it. */
void run_committed(struct run *run)
{
    struct pace *pace = &run->pace;
    pace_measure(&pace->commit, commit_look());
    if (pace->checkpoint == 0 || pace_checkpoint(pace) <= run->checkpoint_told) return;
    run->checkpoint_told = pace_checkpoint(pace);
    provenance_put(run->folder, "checkpoint_seconds", run->checkpoint_told, run->comm);
}

enum verdict run_save(struct run *run)
{
    if (run->request->replay) return VERDICT_GO_ON;
    const enum phase before = timer_enter(PHASE_CHECKPOINT);
    const double began = timer_now();
    int request = run_look(run);
    const int64_t bad = organism_check(&run->organism, &request);
    /* Inside an epoch divergent particles are drawn anew by the next batch, as they are without a checkpoint
     * here. */
    if (run->config->schedule.on_divergence == DIVERGENCE_STOP && !run_mend(run, bad))
        return VERDICT_DIVERGED;
    if (request >= REQUEST_HURRY && run->saved) {
        run->request_seen = request;
        timer_enter(before);
        return VERDICT_STOPPED;
    }
    run_collect(run);
    lock_check(&run->lock, run->folder);
    commit_begin();
    run_write_rows(run);
    display_doing(&run->display, "writing a checkpoint", pace_checkpoint(&run->pace));
    checkpoint_write(run->folder, &run->organism, &run->progress, run->text, run->config->checkpoint.every,
                     run->config->checkpoint.keep, run->archive);
    run->saved = true;
    run->stop.last_save = timer_now();
    pace_measure(&run->pace.checkpoint, run->stop.last_save - began);
    run_committed(run);
    commit_end();
    timer_enter(before);
    return VERDICT_GO_ON;
}

/* Why particles diverge, and what helps. Data far from 1 make outputs, losses and gradients large, steps
 * of which the usual learning rates are too large, or which float32 does not hold. */
struct cause {
    char text[400];
};

static struct cause cause(const struct run *run)
{
    const struct task *task = &run->task;
    const double input = task_largest_input(task), most = fmax(input, task->largest_target);
    const bool stops = run->config->schedule.on_divergence == DIVERGENCE_STOP;
    const char *then = stops ? "the checkpoints before it stay" : "all particles are drawn anew";
    struct cause cause;
    if (most >= 8)
        snprintf(cause.text, sizeof cause.text,
                 "the data go up to %.4g (inputs) and %.4g (targets), which makes gradients too large for "
                 "training.learning_rate: scale the data to about 1, or take a smaller rate; %s",
                 input, task->largest_target, then);
    else
        snprintf(cause.text, sizeof cause.text,
                 "the data go up to %.4g, so that is not the cause: a smaller training.learning_rate may "
                 "help%s; %s",
                 most, stops ? ", or training.on_divergence: reset" : "", then);
    return cause;
}

/* Names the particle on standard error. */
static void name_particle(struct run *run, int64_t id, const char *consequence)
{
    int layer;
    int64_t cell, edge;
    organism_particle_place(&run->organism.shape, id, &layer, &cell, &edge);
    display_end(&run->display);
    if (comm_rank(run->comm) != 0) return;
    fprintf(stderr,
            "metazoa: %sparticle at layer %d, cell %" PRId64 ", edge %" PRId64 " diverged in epoch %" PRId64
            ": its weights are no longer finite; %s\n",
            run->request->label, layer, cell, edge, run->progress.epoch + 1, consequence);
    fflush(stderr);
}

bool run_mend(struct run *run, int64_t id)
{
    const struct progress *progress = &run->progress;
    if (id < 0) return true;
    switch (run->config->schedule.on_divergence) {
    case DIVERGENCE_IGNORE:
        if (!run->warned) name_particle(run, id, "the run goes on (training.on_divergence: ignore)");
        run->warned = true;
        return true;
    case DIVERGENCE_RESET: {
        /* One number for each batch of the run, within the 24 bits of a random stream's epoch. */
        const int64_t batches = schedule_batches(&run->schedule, progress->stage) + 1;
        const int64_t when = (progress->epoch * batches + progress->batch) % (1 << 24);
        const int64_t drawn = organism_reset_divergent(&run->organism, when);
        if (drawn == organism_particles(&run->organism.shape) && !run->warned) {
            name_particle(run, id, cause(run).text);
            run->warned = true;
        }
        run->drawn_anew += drawn;
        return true;
    }
    case DIVERGENCE_STOP:
        name_particle(run, id, cause(run).text);
        return false;
    }
    assert(0);
    return false;
}
