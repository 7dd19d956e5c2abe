/* What a resume takes over from the newest checkpoint, says, and refuses. */
#include <inttypes.h>
#include <string.h>

#include "metazoa/base/memory.h"
#include "metazoa/base/processor.h"
#include "metazoa/train/run.h"

/* Of a finished run of version 0.1, whose settle_steps mean another settling today, nothing is left to do. */
static bool settles_alike(const struct schedule_spec *saved, const struct schedule_spec *now,
                          const struct progress *progress)
{
    const bool over = progress->finished && progress->arithmetic < ARITHMETIC;
    return (saved->settle == now->settle || over) && saved->settle_steps == now->settle_steps;
}

/* Refuses changes that a resume cannot make: fewer epochs than are done, other phases than those that have
 * begun, and other settling once it has begun. */
static void check_schedule(const struct run *run, const struct config *saved, struct problems *problems)
{
    const struct progress *progress = &run->progress;
    const struct config *config = run->config;
    if (progress->stage == STAGE_SETTLE) {
        if (saved->schedule.epochs != config->schedule.epochs ||
            !schedule_continues(&saved->schedule, &run->schedule, progress) ||
            !settles_alike(&saved->schedule, &config->schedule, progress) ||
            saved->schedule.patience != config->schedule.patience)
            problems_add(problems, EXIT_USAGE,
                         "%s: the organism settles already: training.phases, training.epochs = %" PRId64
                         ", training.settle = %s, training.settle_steps = %" PRId64
                         " and training.patience = %" PRId64
                         " must stay (train on from its weights in another folder with --init)",
                         run->folder, saved->schedule.epochs, settling_words[saved->schedule.settle],
                         saved->schedule.settle_steps, saved->schedule.patience);
    } else if (config->schedule.epochs < progress->epoch + !progress->finished) {
        problems_add(problems, EXIT_USAGE,
                     "%s: training.epochs = %" PRId64 ", but epoch %" PRId64
                     " %s: raise it, or train into another folder",
                     run->folder, config->schedule.epochs, progress->epoch + (progress->batch > 0),
                     progress->batch > 0 ? "has begun" : "is over, and was not trained as the last one");
    } else if (saved->schedule.epochs != config->schedule.epochs && schedule_needs_epochs(&saved->schedule)) {
        problems_add(problems, EXIT_USAGE,
                     "%s: training.epochs = %" PRId64
                     " must stay: the schedule of the learning rates is made "
                     "for it (train on from its weights in another folder with --init)",
                     run->folder, saved->schedule.epochs);
    } else if (!schedule_continues(&saved->schedule, &run->schedule, progress)) {
        problems_add(problems, EXIT_USAGE,
                     "%s: training.phases: phases that have begun must stay, and not be shorter than what is "
                     "done (those to come may change)",
                     run->folder);
    }
}

/* Rank 0. A folder without checkpoints is begun anew, unless that would lose what it has, or something was
 * asked for that is not asked for now. */
static void check_anew(const struct run *run, struct problems *problems)
{
    if (provenance_replayed(run->folder))
        problems_add(
            problems, EXIT_USAGE,
            "%s: what `metazoa replay` leaves cannot be resumed: it has no checkpoint. Resume the run "
            "that was replayed, or train into another folder",
            run->folder);
    else if (provenance_kept(run->folder))
        problems_add(
            problems, EXIT_INPUT,
            "%s: its checkpoints are gone, so that it cannot go on; what is left of it would be lost if it "
            "began anew: train into another folder",
            run->folder);
    else if (!run->request->init && provenance_began(run->folder, "--init"))
        problems_add(
            problems, EXIT_USAGE,
            "%s: its start with --init left no checkpoint: begin anew with --init, or in another folder",
            run->folder);
}

/* The configuration in the run's checkpoint, into saved; it must agree with today's. resumable: there is one.
 */
static enum exit_code saved_config(struct run *run, struct config *saved, bool *resumable)
{
    struct problems problems = {0};
    char *text = run->request->resume ? checkpoint_config(run->folder, run->comm, &problems) : NULL;
    *resumable = text != NULL;
    if (run->request->resume && !text && problems.n == 0 && comm_rank(run->comm) == 0)
        check_anew(run, &problems);
    if (text) config_parse(saved, text, (int64_t)strlen(text), run->folder, 0, NULL, &problems);
    /* Version 0.1 had no key `settle`: its settle_steps were steps of self-training. */
    if (text && !strstr(text, "\n  settle:") && saved->schedule.settle_steps > 0)
        saved->schedule.settle = SETTLE_PLAIN;
    if (text && problems.n == 0) {
        char *conflicts = config_conflicts(saved, run->config);
        if (conflicts)
            problems_add(&problems, EXIT_USAGE,
                         "%s: cannot go on with another configuration than it began with; these differ: %s "
                         "(set them back, or train into another folder)",
                         run->folder, conflicts);
        memory_free(conflicts);
    }
    memory_free(text);
    return comm_agree(run->comm, &problems);
}

/* From here on the run is trained on these data; says so if they differ, or if that is not known. */
static void take_data(struct run *run, struct problems *problems)
{
    struct task_identity *data = &run->progress.data;
    char *differences = task_differences(data, &run->task.identity);
    if (differences && run->was_finished)
        problems_add(
            problems, EXIT_USAGE,
            "%s: it is finished, and no epoch would be trained on other data; these differ: %s (give it "
            "the same data, or more epochs)",
            run->folder, differences);
    else if (data->part[TASK_TRAIN_SAMPLES] == 0)
        display_say(&run->display,
                    "note       the checkpoint, of version 0.1, does not say what data it was trained on");
    else if (differences)
        display_say(&run->display, "note       goes on with other data; these differ: %s", differences);
    memory_free(differences);
    *data = run->task.identity;
}

/* From the newest checkpoint that is sound. */
static enum exit_code fill_from_checkpoint(struct run *run, const struct config *saved)
{
    struct problems problems = {0};
    struct progress *progress = &run->progress;
    if (!run->request->accept_other_data) progress->data = run->task.identity;
    char *path = checkpoint_read_newest(&run->organism, progress, run->folder, &problems);
    if (path) {
        run->resumed = run->saved = true;
        check_schedule(run, saved, &problems);
        schedule_know(&run->schedule, progress);
        schedule_stop_early(&run->schedule, progress->rows, progress->n_rows);
        if (problems.n == 0) schedule_resume(&run->schedule, progress);
        progress->finished = run->was_finished = progress->epoch >= schedule_epochs(&run->schedule);
        if (progress->batch > schedule_batches(&run->schedule, progress->stage))
            problems_add(&problems, EXIT_INPUT,
                         "%s: it stands after batch %" PRId64 " of an epoch that has fewer", path,
                         progress->batch);
    }
    if (problems.n == 0)
        display_say(&run->display, "resumes    %s: epoch %" PRId64 ", batch %" PRId64, path, progress->epoch,
                    progress->batch);
    if (problems.n == 0 && run->request->init)
        display_say(&run->display,
                    "note       --init is not read: it is for the start of a run, and this one goes on");
    char *changes = problems.n == 0 && path ? config_changes(saved, run->config) : NULL;
    if (changes)
        display_say(&run->display, "note       these keys have other values from here on: %s", changes);
    memory_free(changes);
    if (problems.n == 0 && progress->arithmetic != ARITHMETIC)
        display_say(&run->display,
                    "note       its first epochs were computed by arithmetic %" PRId64
                    ", what follows by %d: the run as a whole cannot be computed again",
                    progress->arithmetic, ARITHMETIC);
    if (problems.n == 0) take_data(run, &problems);
    memory_free(path);
    return comm_agree(run->comm, &problems);
}

enum exit_code run_resume(struct run *run, bool *resumable)
{
    struct config saved = {0};
    enum exit_code code = saved_config(run, &saved, resumable);
    if (code == EXIT_DONE && *resumable) code = fill_from_checkpoint(run, &saved);
    config_free(&saved);
    return code;
}
