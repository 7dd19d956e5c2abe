/* The end of a run: summary.json, and the last lines of output. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "metazoa/base/json.h"
#include "metazoa/base/launcher.h"
#include "metazoa/base/memory.h"
#include "metazoa/base/timer.h"
#include "metazoa/organism/cost.h"
#include "metazoa/train/run.h"

/* What the ranks did with the time of the loop, in the mean. */
static void say_shares(struct run *run, double loop, const double sum[PHASE_COUNT])
{
    enum { LONG = 60 }; /* seconds from which one rank's files are worth a line */
    const double all = loop * comm_size(run->comm) / 100;
    if (!(all > 0) || (comm_size(run->comm) == 1 && loop < LONG)) return;
    const double waiting = sum[PHASE_REDUCE] + sum[PHASE_EXCHANGE] + sum[PHASE_AGREE];
    const double files = sum[PHASE_LOAD] + sum[PHASE_ARCHIVE] + sum[PHASE_CHECKPOINT];
    display_say(
        &run->display,
        "time       %.0f %% computing, %.0f %% sending and waiting for other ranks, %.0f %% files and data",
        (all * 100 - waiting - files) / all, waiting / all, files / all);
}

/* Collective. "phases": seconds of each phase, least, mean and most of all ranks, and the mean's share of the
 * loop. */
static void put_phases(json_t *json, struct run *run, double loop, double most[PHASE_COUNT])
{
    double least[PHASE_COUNT], sum[PHASE_COUNT];
    for (int phase = 0; phase < PHASE_COUNT; phase++)
        least[phase] = sum[phase] = most[phase] = timer_seconds((enum phase)phase);
    comm_min_double(run->comm, least, PHASE_COUNT);
    comm_max_double(run->comm, most, PHASE_COUNT);
    comm_sum_double(run->comm, sum, PHASE_COUNT);
    json_t *phases = json_object();
    for (int phase = 0; phase < PHASE_COUNT; phase++) {
        const double mean = sum[phase] / comm_size(run->comm);
        json_t *one = json_object();
        json_put(one, "min", json_finite(least[phase]));
        json_put(one, "mean", json_finite(mean));
        json_put(one, "max", json_finite(most[phase]));
        json_put(one, "share", json_finite(loop > 0 ? mean / loop : 0));
        json_put(phases, timer_name((enum phase)phase), one);
    }
    json_put(json, "phases", phases);
    say_shares(run, loop, sum);
}

/* The row of the last epoch before settling, if the organism has settled. */
static const struct metrics_row *row_before_settling(const struct run *run)
{
    const struct progress *progress = &run->progress;
    if (progress->n_rows < 2 || progress->rows[progress->n_rows - 1].epoch <= run->schedule.plan.epochs)
        return NULL;
    return &progress->rows[progress->n_rows - 2];
}

static void put_settling(json_t *json, const struct run *run)
{
    const struct metrics_row *row = row_before_settling(run);
    json_put(json, "settle", json_words(settling_words[run->schedule.plan.settle]));
    json_put(json, "settle_steps", json_integer(run->progress.settled));
    if (!row) return;
    json_put(json, "census_before_settling", summary_census(row->census, row->pruned));
    json_put(json, run->task.classification ? "test_accuracy_before_settling" : "test_mae_before_settling",
             json_finite(row->test_score));
}

/* "interactions": how many there were in all epochs. */
static void put_interactions(json_t *json, const struct run *run)
{
    if (!run->interaction) return;
    json_t *kinds = json_object();
    for (int kind = 0; kind < INTERACTION_KINDS; kind++) {
        int64_t sum = 0;
        for (int64_t i = 0; i < run->progress.n_rows; i++) sum += run->progress.rows[i].interactions[kind];
        json_put(kinds, interaction_name((enum interaction_kind)kind), json_integer(sum));
    }
    json_put(json, "interactions", kinds);
}

/* Wall time of the training loop: of the epochs so far, also of earlier starts, and of what follows them. */
static double wall_seconds(const struct run *run)
{
    double sum = 0;
    for (int64_t i = 0; i < run->progress.n_rows; i++) {
        const double seconds = run->progress.rows[i].seconds;
        if (isfinite(seconds)) sum += seconds;
    }
    return sum + (run->loop_ended - run->row_began);
}

/* Collective. The most of any rank: bytes that the program asked for, its share of what a node shares; and
 * what the process had in memory, with its libraries and all of what is shared. */
static void put_memory(json_t *json, struct run *run)
{
    struct rusage usage;
    int64_t bytes[2] = {memory_peak(), 0};
    if (getrusage(RUSAGE_SELF, &usage) == 0) bytes[1] = (int64_t)usage.ru_maxrss * 1024;
    comm_max_i64(run->comm, bytes, 2);
    json_put(json, "memory_held", json_integer(bytes[0]));
    json_put(json, "memory_resident", json_integer(bytes[1]));
}

/* "model": what the cost model (docs/performance.md) says of the epochs' batches, in seconds on the busiest
 * rank; archive, checkpoints and measures are not in it. */
static void put_model(json_t *json, const struct run *run)
{
    const struct config *config = run->config;
    struct machine machine = machine_default();
    machine.node = run->nodes.most;
    const struct cost cost = cost_of_batch(&run->organism.shape, &machine, config->schedule.batch,
                                           (int)config->training.self_steps, run->grid.size, run->grid.order);
    const double batches = (double)run->progress.epoch * (double)schedule_batches(&run->schedule, 0);
    json_t *model = json_object();
    json_put(model, "computing", json_finite(batches * (cost.particles + cost.passes)));
    json_put(model, "communicating", json_finite(batches * cost.reduce));
    json_put(model, "waiting", json_finite(batches * cost.exchange));
    json_put(json, "model", model);
}

static void write_summary(struct run *run, bool finished)
{
    const struct progress *progress = &run->progress;
    const struct metrics_row none = metrics_row_empty(0);
    const double loop = run->loop_ended - run->loop_began;
    struct summary summary = {
        .row = progress->n_rows > 0 ? &progress->rows[progress->n_rows - 1] : &none,
        .classification = run->task.classification,
        .finished = finished,
        .particles = organism_particles(&run->organism.shape),
        .epochs = progress->epoch,
        .wall_seconds = wall_seconds(run),
    };
    memcpy(summary.grid, run->grid.size, sizeof summary.grid);
    json_t *extra = summary.extra = json_object();
    json_put(extra, "start_up_seconds", json_finite(run->loop_began - run->request->started));
    json_put(extra, "loop_seconds", json_finite(loop));
    json_put(extra, "batches", json_integer(run->batches));
    if (!finished && run->request_seen != REQUEST_NONE)
        json_put(extra, "stopped_by", json_words(stop_reason(run->request_seen).text));
    put_interactions(extra, run);
    put_settling(extra, run);
    put_memory(extra, run);
    put_model(extra, run);
    put_phases(extra, run, loop, summary.phase_seconds);
    summary_write(run->folder, &summary, run->comm);
}

/* Whether an earlier start has written the summary of the finished run: not that of an end which was given
 * more epochs. */
static bool summary_is_final(struct run *run)
{
    const struct progress *progress = &run->progress;
    int64_t final = 0;
    if (comm_rank(run->comm) == 0) {
        json_t *json = json_read(run->folder, "summary.json");
        const char *print = json_string_value(json_object_get(json, "fingerprint"));
        char last[20];
        const uint64_t end = progress->n_rows > 0 ? progress->rows[progress->n_rows - 1].fingerprint : 0;
        snprintf(last, sizeof last, "%016" PRIx64, end);
        final = json_is_true(json_object_get(json, "finished")) && print && strcmp(print, last) == 0 &&
                json_integer_value(json_object_get(json, "epochs")) == progress->epoch;
        json_decref(json);
    }
    comm_broadcast(run->comm, &final, sizeof final, 0);
    return final;
}

static void say_word(FILE *out, const char *word)
{
    char *quoted = command_word(word);
    fprintf(out, " %s", quoted);
    memory_free(quoted);
}

/* How this program was started: by srun inside a SLURM job, by mpirun with several ranks, or by itself. */
static void say_program(const struct request *request)
{
    const bool slurm = getenv("SLURM_JOB_ID") && getenv("SLURM_PROCID");
    if (slurm)
        fprintf(stderr, " srun -n %d", request->ranks);
    else if (request->ranks > 1)
        fprintf(stderr, " %s -n %d", launcher_command(comm_library()), request->ranks);
    fprintf(stderr, " %s", program_called);
}

/* A stop is told on standard error, also with --quiet: with the command that goes on. */
static void say_stopped(const struct run *run)
{
    const struct request *request = run->request;
    const struct progress *progress = &run->progress;
    fprintf(stderr, "metazoa: %sstopped after epoch %" PRId64, request->label, progress->epoch);
    if (progress->batch > 0) fprintf(stderr, ", batch %" PRId64, progress->batch);
    fprintf(stderr, ": %s; go on with:", stop_reason(run->request_seen).text);
    say_program(request);
    bool resumes = false;
    for (int i = 0; i < request->argc; i++) {
        say_word(stderr, request->argv[i]);
        resumes = resumes || strcmp(request->argv[i], "--resume") == 0;
    }
    fprintf(stderr, "%s\n", resumes ? "" : " --resume");
    fflush(stderr);
}

/* A stop file has done its work when it was obeyed; the other runs of an ensemble must hear of the stop. */
static void pass_on(const struct run *run)
{
    if (run->request_seen == REQUEST_FILE) unlink(run->stop.files[0]);
    FILE *file = run->request->stop_file ? fopen(run->request->stop_file, "w") : NULL;
    if (!file) return;
    fputs("one of the runs was stopped\n", file); /* not empty: no user's wish */
    fclose(file);
}

enum exit_code run_report(struct run *run, enum verdict verdict)
{
    if (run->request->replay) return replay_report(run, verdict == VERDICT_GO_ON);
    if (run->was_finished && summary_is_final(run)) {
        display_say(&run->display, "finished   %s was finished already: %" PRId64 " epochs", run->folder,
                    run->progress.epoch);
        return EXIT_DONE;
    }
    write_summary(run, run->progress.finished && verdict == VERDICT_GO_ON);
    if (verdict == VERDICT_DIVERGED) return EXIT_FAILED;
    if (verdict == VERDICT_STOPPED) {
        if (comm_rank(run->comm) == 0) {
            say_stopped(run);
            pass_on(run);
        }
        return EXIT_STOPPED;
    }
    display_say(&run->display, "finished   %s: %" PRId64 " epochs in %s%s (start-up %s)", run->folder,
                run->progress.epoch, duration_text(wall_seconds(run)).text,
                run->resumed ? " with the earlier starts" : "",
                duration_text(run->loop_began - run->request->started).text);
    return EXIT_DONE;
}
