/* The start and end of a run: folder, data, grid, organism, and the checkpoint to resume from. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "metazoa/base/file.h"
#include "metazoa/base/json.h"
#include "metazoa/base/memory.h"
#include "metazoa/base/processor.h"
#include "metazoa/base/timer.h"
#include "metazoa/organism/prune.h"
#include "metazoa/train/run.h"

#define EVALUATION_RATE 1e9 /* products of a sample and a particle per second and rank: a guess as well */
#define DATA_RATE                                                                                            \
    1e8 /* bytes of samples that are read, scaled and digested per second: a guess, for a message */

/* Refuses changes that a resume cannot make: fewer epochs than are done, other phases than those that have
 * begun, and other settling once it has begun. */
static void check_schedule(const struct run *run, const struct config *saved, struct problems *problems)
{
    const struct progress *progress = &run->progress;
    const struct config *config = run->config;
    if (progress->stage == STAGE_SETTLE) {
        if (saved->schedule.epochs != config->schedule.epochs ||
            !schedule_continues(&saved->schedule, &run->schedule, progress) ||
            saved->schedule.settle != config->schedule.settle ||
            saved->schedule.settle_steps != config->schedule.settle_steps ||
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

/* Rank 0. A folder without checkpoints is begun anew, unless that would lose what it has, or something was asked for
 * that is not asked for now. */
static void check_anew(const struct run *run, struct problems *problems)
{
    char *archive = file_path(run->folder, "archive.h5");
    if (provenance_replayed(run->folder))
        problems_add(
            problems, EXIT_USAGE,
            "%s: what `metazoa replay` leaves cannot be resumed: it has no checkpoint. Resume the run "
            "that was replayed, or train into another folder",
            run->folder);
    else if (file_exists(archive))
        problems_add(
            problems, EXIT_INPUT,
            "%s: its checkpoints are gone, so that it cannot go on; its archive would be lost if it began "
            "anew: train into another folder",
            run->folder);
    else if (!run->request->init && provenance_asked(run->folder, "--init"))
        problems_add(
            problems, EXIT_USAGE,
            "%s: its start with --init left no checkpoint: begin anew with --init, or in another folder",
            run->folder);
    memory_free(archive);
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
static void take_data(struct run *run)
{
    struct task_identity *data = &run->progress.data;
    char *differences = task_differences(data, &run->task.identity);
    if (data->part[TASK_TRAIN_SAMPLES] == 0)
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
    if (problems.n == 0 && progress->arithmetic != ARITHMETIC)
        display_say(&run->display,
                    "note       its first epochs were computed by arithmetic %" PRId64
                    ", what follows by %d: the run as a whole cannot be computed again",
                    progress->arithmetic, ARITHMETIC);
    if (problems.n == 0) take_data(run);
    memory_free(path);
    return comm_agree(run->comm, &problems);
}

/* Random weights, or those of --init. */
static enum exit_code fill_anew(struct run *run)
{
    struct problems problems = {0};
    bool other_steps = false;
    schedule_begin(&run->schedule, &run->progress);
    run->progress.data = run->task.identity;
    if (run->request->function)
        organism_compile(&run->organism, run->request->function);
    else if (run->request->init)
        checkpoint_init(&run->organism, run->request->init, &other_steps, &problems);
    else
        organism_draw(&run->organism);
    if (other_steps && problems.n == 0)
        display_say(&run->display,
                    "note       %s has velocities of another optimizer or of other momentum_buffers: they "
                    "begin at zero",
                    run->request->init);
    return comm_agree(run->comm, &problems);
}

/* From the newest checkpoint at or before the window, or anew. The newest of all is read first: it says what
 * data the run was trained on. If none is sound, the fingerprints will say whether it is the same run. Epoch
 * 0 follows from the configuration: its checkpoint is not believed. */
static enum exit_code fill_replay(struct run *run)
{
    struct problems problems = {0};
    struct replay *replay = run->request->replay;
    struct progress *progress = &run->progress;
    char *path = NULL;
    int64_t arithmetic = 0;
    for (int newest = 1; newest >= 0 && !path && problems.n == 0; newest--) {
        progress->data = run->task.identity;
        path = checkpoint_read_until(&run->organism, progress, replay->run, newest ? INT64_MAX : replay->lo,
                                     &problems);
        if (path && newest) {
            arithmetic = progress->arithmetic;
            schedule_know(&run->schedule, progress);
        }
        const bool before =
            progress->epoch < replay->lo || (progress->epoch == replay->lo && progress->batch == 0);
        const bool begun = progress->epoch > 0 || progress->batch > 0;
        if (!path || (before && begun)) continue;
        memory_free(path);
        path = NULL;
        progress_free(progress);
    }
    if (arithmetic > 0 && arithmetic != ARITHMETIC)
        display_say(&run->display,
                    "note       the first epochs of the run were computed by arithmetic %" PRId64
                    "; this program has %d and cannot prove them",
                    arithmetic, ARITHMETIC);
    run->resumed = path != NULL;
    replay->start = path ? progress->epoch : -1;
    if (path) schedule_stop_early(&run->schedule, progress->rows, progress->n_rows);
    if (path) schedule_resume(&run->schedule, progress);
    if (path)
        display_say(&run->display, "replays    %s: from epoch %" PRId64 ", batch %" PRId64, path,
                    progress->epoch, progress->batch);
    memory_free(path);
    const enum exit_code code = comm_agree(run->comm, &problems);
    return code == EXIT_DONE && !run->resumed ? fill_anew(run) : code;
}

static enum exit_code fill(struct run *run)
{
    if (run->request->replay) return fill_replay(run);
    struct config saved = {0};
    bool resumable;
    enum exit_code code = saved_config(run, &saved, &resumable);
    if (code == EXIT_DONE) code = resumable ? fill_from_checkpoint(run, &saved) : fill_anew(run);
    config_free(&saved);
    return code;
}

/* What the run is trained on. */
static json_t *describe_data(const struct task *task)
{
    char digest[20];
    snprintf(digest, sizeof digest, "%016" PRIx64, task_digest(&task->identity));
    json_t *json = json_object(), *shape = json_array();
    for (int i = 0; i < 3 && task->shape[0] > 0; i++) json_add(shape, json_integer(task->shape[i]));
    if (task->shape[0] == 0) {
        json_decref(shape);
        shape = json_null();
    }
    json_put(json, "digest", json_words(digest));
    json_put(json, "seed", json_integer((json_int_t)task->spec.seed));
    json_put(json, "task", json_words(task_words[task->spec.kind]));
    json_put(json, "classification", json_boolean(task->classification));
    json_put(json, "inputs", json_integer(task->inputs));
    json_put(json, "inputs_shape", shape);
    json_put(json, "outputs", json_integer(task->outputs));
    json_put(json, "training_samples", json_integer(task->train.samples + task->validation.samples));
    json_put(json, "test_samples", json_integer(task->test.samples));
    if (task->validation.samples > 0)
        json_put(json, "validation_samples", json_integer(task->validation.samples));
    return json;
}

/* A replay that leaves nothing reads the run's archive instead. */
static enum exit_code open_comparison(struct run *run)
{
    struct problems problems = {0};
    run->comparison =
        comparison_open(run->request->replay->run, &run->config->archive, &run->organism, &problems);
    return comm_agree(run->comm, &problems);
}

/* Brings archive and text files to the state from which the run continues. */
static void open_files(struct run *run)
{
    const struct config *config = run->config;
    struct archive_spec spec = config->archive;
    spec.classification = run->task.classification;
    io_use(&config->io);
    if (run->request->replay) spec.moments = false; /* its records have checkpoints of their own run */
    if (archive_every(&spec) > 0) {
        run->archive = archive_open(run->folder, &spec, &run->organism, run->text);
        archive_rewind(run->archive, run->request->replay ? NULL : &run->progress);
    }
    const double measured = provenance_number(run->folder, "checkpoint_seconds", run->comm);
    if (run->resumed && measured > 0) run->pace.guess = measured;
    char *text = config_text(config);
    text_write(run->folder, "config.yaml", text, run->comm);
    memory_free(text);
    provenance_write(run->folder, run->request->version, run->request->argc, run->request->argv,
                     run->grid.size, describe_data(&run->task), &run->request->ensemble, run->comm);
    provenance_put(run->folder, "epochs", (double)schedule_epochs(&run->schedule), run->comm);
    const struct metrics_row kind = run_row(run, 0);
    metrics_rewrite(run->folder, run->task.classification, &kind, run->progress.rows, run->progress.n_rows,
                    run->comm);
    run->rows_written = run->progress.n_rows;
    if (run->was_finished)
        checkpoint_prune(run->folder, &run->progress, config->checkpoint.every, config->checkpoint.keep,
                         run->comm);
}

/* Checks grid and folder, before anything that takes time. */
static enum exit_code take_place(struct run *run, const struct organism_shape *shape)
{
    struct problems problems = {0};
    int size[GRID_AXES] = {0};
    enum grid_axis order[GRID_AXES] = {GRID_BATCH, GRID_ROWS, GRID_COLUMNS};
    run->nodes = nodes_of(run->comm);
    run_grid(size, order, run->config, shape, comm_size(run->comm), run->nodes.most, &problems);
    if (problems.n == 0 && run->folder)
        lock_take(&run->lock, run->folder, run->request->resume, run->comm, &problems);
    const enum exit_code code = comm_agree(run->comm, &problems);
    if (code == EXIT_DONE) grid_place(&run->grid, run->comm, size, order);
    return code;
}

/* Of the samples of a task, as they are held. */
static double data_bytes(const struct task *task)
{
    const double samples = (double)(task->train.samples + task->test.samples);
    return task_draws(task->spec.kind) ? 0 : samples * task->inputs * (double)sizeof(float);
}

/* The organism on the grid, and this rank's share of the data. */
static enum exit_code lay_out(struct run *run, const struct organism_shape *shape)
{
    struct problems problems = {0};
    organism_new(&run->organism, shape, &run->config->training, &run->grid, (uint64_t)run->config->run.seed);
    int32_t begin, end;
    organism_inputs(shape, &run->grid, &begin, &end);
    run->validation_seconds = (double)run->task.test.samples * (double)organism_particles(shape) /
                              (EVALUATION_RATE * comm_size(run->comm));
    display_doing(&run->display, "reading data", data_bytes(&run->task) / DATA_RATE);
    task_load(&run->task, begin, end, run->comm, &problems);
    return comm_agree(run->comm, &problems);
}

/* Buffers, schedule, clocks. */
static void prepare(struct run *run)
{
    const struct config *config = run->config;
    const struct request *request = run->request;
    const struct organism *organism = &run->organism;
    if (interaction_chance(&config->interaction) > 0)
        run->interaction = interaction_new(organism, &config->interaction);
    run->schedule = schedule_new(config, run->task.train.samples);
    run->display.classification = run->task.classification;
    run->display.epochs = schedule_epochs(&run->schedule);
    run->types = memory_new(organism->shape.layers, sizeof *run->types);
    for (int l = 0; l < organism->shape.layers; l++)
        run->types[l] = memory_new(layer_owned(&organism->layer[l]), 1);
    const double bytes = (double)state_bytes(&organism->shape.particle, &organism->training) *
                         (double)organism_particles(&organism->shape);
    run->pace = pace_new(bytes, io_writers(&config->io, bytes, comm_size(run->comm)));
    run->stop = (struct stop){.limit = request->limit, .save_every = 60 * config->checkpoint.minutes};
    run->stop.files[run->stop.n_files++] =
        memory_print("%s/stop", run->folder ? run->folder : request->replay->run);
    if (request->stop_file) run->stop.files[run->stop.n_files++] = request->stop_file;
    run->text = config_text_for_files(config);
}

enum exit_code run_open(struct run *run, const struct config *config, const struct request *request,
                        struct comm *comm)
{
    const enum phase before = timer_enter(PHASE_LOAD);
    *run = (struct run){.config = config, .request = request, .folder = config->run.output, .comm = comm};
    if (request->replay && request->replay->compare) run->folder = NULL;
    run->display = display_new(request->quiet || comm_rank(comm) != 0, request->progress, request->label,
                               request->place);
    struct problems problems = {0};
    task_open(&run->task, &config->task, comm, &problems);
    enum exit_code code = comm_agree(comm, &problems);
    if (code == EXIT_DONE) {
        const struct organism_shape shape = organism_shape_new(&config->organism, &run->task);
        code = take_place(run, &shape);
        if (code == EXIT_DONE) code = lay_out(run, &shape);
    }
    if (code == EXIT_DONE) {
        prepare(run);
        run_introduce(run);
        code = fill(run);
    }
    run->pruned = code == EXIT_DONE && config->training.prunes ? organism_pruned(&run->organism) : -1;
    if (code == EXIT_DONE && !run->folder) code = open_comparison(run);
    if (code == EXIT_DONE && run->folder) open_files(run);
    if (code != EXIT_DONE) display_end(&run->display);
    timer_enter(before);
    return code;
}

void run_close(struct run *run)
{
    lock_release(&run->lock, run->comm);
    archive_free(run->archive);
    comparison_free(run->comparison);
    for (int l = 0; run->types && l < run->organism.shape.layers; l++) memory_free(run->types[l]);
    memory_free(run->types);
    memory_free(run->text);
    if (run->stop.n_files > 0) memory_free((char *)(uintptr_t)run->stop.files[0]);
    progress_free(&run->progress);
    interaction_free(run->interaction);
    organism_free(&run->organism);
    task_free(&run->task);
    grid_free(&run->grid);
    *run = (struct run){0};
}
