/* What came of a run: summary.json, and the last words. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "metazoa/base/memory.h"
#include "metazoa/base/timer.h"
#include "metazoa/organism/cost.h"
#include "metazoa/train/run.h"

enum { EXTRA = 8192 };

#define append(text, ...) memory_append(text, EXTRA, __VA_ARGS__)

/* "name": number; null for what JSON has no number for. */
static void append_number(char *text, const char *name, double value)
{
    if (isfinite(value))
        append(text, "\"%s\": %.9g", name, value);
    else
        append(text, "\"%s\": null", name);
}

/* Collective. "phases": seconds of each phase, least, mean and most of all ranks, and the mean's share of the
 * loop. */
static void append_phases(char *text, struct run *run, double loop, double most[PHASE_COUNT])
{
    double least[PHASE_COUNT], sum[PHASE_COUNT];
    for (int phase = 0; phase < PHASE_COUNT; phase++)
        least[phase] = sum[phase] = most[phase] = timer_seconds((enum phase)phase);
    comm_min_double(run->comm, least, PHASE_COUNT);
    comm_max_double(run->comm, most, PHASE_COUNT);
    comm_sum_double(run->comm, sum, PHASE_COUNT);
    append(text, "\"phases\": {");
    for (int phase = 0; phase < PHASE_COUNT; phase++) {
        const double mean = sum[phase] / comm_size(run->comm);
        append(text, "%s\"%s\": {\"min\": %.6f, \"mean\": %.6f, \"max\": %.6f, \"share\": %.4f}",
               phase ? ", " : "", timer_name((enum phase)phase), least[phase], mean, most[phase],
               loop > 0 ? mean / loop : 0);
    }
    append(text, "}");
}

/* The row of the last epoch before settling, if the organism has settled. */
static const struct metrics_row *row_before_settling(const struct run *run)
{
    const struct progress *progress = &run->progress;
    if (progress->n_rows < 2 || progress->rows[progress->n_rows - 1].epoch <= run->schedule.plan.epochs)
        return NULL;
    return &progress->rows[progress->n_rows - 2];
}

static void append_settling(char *text, const struct run *run)
{
    const struct metrics_row *row = row_before_settling(run);
    append(text, "\"settle_steps\": %" PRId64, run->progress.settled);
    if (!row) return;
    append(text, ", \"census_before_settling\": {");
    for (int type = 0; type < TYPE_COUNT; type++)
        append(text, "%s\"%s\": %" PRId64, type ? ", " : "", particle_type_name((enum particle_type)type),
               row->census[type]);
    append(text, "}, ");
    append_number(text,
                  run->task.classification ? "test_accuracy_before_settling" : "test_mae_before_settling",
                  row->test_score);
}

/* "interactions": how many there were in all epochs. */
static void append_interactions(char *text, const struct run *run)
{
    if (!run->interaction) return;
    append(text, "\"interactions\": {");
    for (int kind = 0; kind < INTERACTION_KINDS; kind++) {
        int64_t sum = 0;
        for (int64_t i = 0; i < run->progress.n_rows; i++) sum += run->progress.rows[i].interactions[kind];
        append(text, "%s\"%s\": %" PRId64, kind ? ", " : "", interaction_name((enum interaction_kind)kind),
               sum);
    }
    append(text, "}, ");
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
static void append_memory(char *text, struct run *run)
{
    struct rusage usage;
    int64_t bytes[2] = {memory_peak(), 0};
    if (getrusage(RUSAGE_SELF, &usage) == 0) bytes[1] = (int64_t)usage.ru_maxrss * 1024;
    comm_max_i64(run->comm, bytes, 2);
    append(text, "\"memory_held\": %" PRId64 ", \"memory_resident\": %" PRId64, bytes[0], bytes[1]);
}

/* "model": what the cost model (docs/performance.md) says of the epochs' batches, in seconds on the busiest
 * rank; archive, checkpoints and measures are not in it. */
static void append_model(char *text, const struct run *run)
{
    const struct config *config = run->config;
    const struct machine machine = machine_default();
    const struct cost cost = cost_of_batch(&run->organism.shape, &machine, config->schedule.batch,
                                           (int)config->training.self_steps, run->grid.size);
    const double batches = (double)run->progress.epoch * (double)schedule_batches(&run->schedule, STAGE_BOTH);
    append(text, "\"model\": {");
    append_number(text, "computing", batches * (cost.particles + cost.passes));
    append(text, ", ");
    append_number(text, "communicating", batches * cost.reduce);
    append(text, ", ");
    append_number(text, "waiting", batches * cost.exchange);
    append(text, "}");
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
    char extra[EXTRA] = "";
    memcpy(summary.grid, run->grid.size, sizeof summary.grid);
    append_number(extra, "start_up_seconds", run->loop_began - run->request->started);
    append(extra, ", ");
    append_number(extra, "loop_seconds", loop);
    append(extra, ", ");
    if (!finished && run->request_seen != REQUEST_NONE)
        append(extra, "\"stopped_by\": \"%s\", ", stop_reason(run->request_seen).text);
    append_interactions(extra, run);
    append_settling(extra, run);
    append(extra, ", ");
    append_memory(extra, run);
    append(extra, ", ");
    append_model(extra, run);
    append(extra, ", ");
    append_phases(extra, run, loop, summary.phase_seconds);
    summary.extra = extra;
    summary_write(run->folder, &summary, run->comm);
}

/* Did an earlier start write the summary of the finished run? */
static bool summary_is_final(struct run *run)
{
    int64_t final = 0;
    if (comm_rank(run->comm) == 0) {
        char *path = memory_print("%s/summary.json", run->folder), text[4096];
        FILE *file = fopen(path, "r");
        while (file && fgets(text, sizeof text, file))
            if (strstr(text, "\"finished\": true")) final = 1;
        if (file) fclose(file);
        memory_free(path);
    }
    comm_broadcast(run->comm, &final, sizeof final, 0);
    return final;
}

/* A word as a shell reads it. */
static void say_word(FILE *out, const char *word)
{
    if (*word && strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=+./,:@%") ==
                     strlen(word)) {
        fprintf(out, " %s", word);
        return;
    }
    fputs(" '", out);
    for (; *word; word++)
        if (*word == '\'')
            fputs("'\\''", out);
        else
            fputc(*word, out);
    fputc('\'', out);
}

/* How this program was started: by srun inside a SLURM job, by mpirun with several ranks, or by itself. */
static void say_program(const struct request *request)
{
    const bool slurm = getenv("SLURM_JOB_ID") && getenv("SLURM_PROCID");
    if (slurm)
        fprintf(stderr, " srun -n %d", request->ranks);
    else if (request->ranks > 1)
        fprintf(stderr, " mpirun -n %d", request->ranks);
    say_word(stderr, program_invocation_name);
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
    if (file) fclose(file);
}

enum exit_code run_report(struct run *run, enum verdict verdict)
{
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
    display_say(&run->display, "finished   %s: %" PRId64 " epochs in %s (start-up %s)", run->folder,
                run->progress.epoch, duration_text(run->loop_ended - run->loop_began).text,
                duration_text(run->loop_began - run->request->started).text);
    return EXIT_DONE;
}
