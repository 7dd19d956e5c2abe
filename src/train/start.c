/* The start and end of a run: folder, data, grid, and organism. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "metazoa/base/file.h"
#include "metazoa/base/json.h"
#include "metazoa/base/memory.h"
#include "metazoa/base/processor.h"
#include "metazoa/base/timer.h"
#include "metazoa/organism/prune.h"
#include "metazoa/train/pruning.h"
#include "metazoa/train/run.h"

#define EVALUATION_RATE 1e9 /* products of a sample and a particle per second and rank: a guess as well */
#define DATA_RATE                                                                                            \
    1e8 /* bytes of samples that are read, scaled and digested per second: a guess, for a message */

/* The organism that metazoa compile makes. */
static void fill_compiled(struct run *run, struct problems *problems)
{
    int layer;
    int64_t cell, edge;
    const int64_t bad = organism_compile(&run->organism, run->request->function);
    if (bad < 0) return;
    organism_particle_place(&run->organism.shape, bad, &layer, &cell, &edge);
    problems_add(problems, EXIT_USAGE,
                 "layer %d, cell %" PRId64 ", edge %" PRId64
                 ": this edge's effective weight is too large for a self-replicator of finite weights, or is "
                 "itself not finite; nothing was compiled",
                 layer, cell, edge);
}

/* Random weights, or those of --init. */
static enum exit_code fill_anew(struct run *run)
{
    struct problems problems = {0};
    bool other_steps = false;
    schedule_begin(&run->schedule, &run->progress);
    run->progress.data = run->task.identity;
    if (run->request->function)
        fill_compiled(run, &problems);
    else if (run->request->init)
        checkpoint_init(&run->organism, run->request->init, &other_steps, &problems);
    else
        organism_draw(&run->organism);
    if (other_steps && problems.n == 0)
        display_say(&run->display,
                    "note       %s has velocities of another optimizer or of other momentum_buffers: they "
                    "begin at zero",
                    run->request->init);
    if (run->request->resume && problems.n == 0)
        display_say(&run->display, "note       no checkpoint is in %s: the run begins", run->folder);
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
    bool resumable = false;
    if (run->request->replay) return fill_replay(run);
    const enum exit_code code = run_resume(run, &resumable);
    return code == EXIT_DONE && !resumable ? fill_anew(run) : code;
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
    if (!run->was_finished &&
        comm_rank(run->comm) == 0) { /* what it says is of the end of an earlier start */
        char *summary = file_path(run->folder, "summary.json");
        file_remove(summary);
        memory_free(summary);
    }
    const double measured = provenance_number(run->folder, "checkpoint_seconds", run->comm);
    if (run->resumed && measured > 0) run->pace.guess = measured;
    provenance_write(run->folder, run->request->version, run->request->argc, run->request->argv,
                     run->grid.size, describe_data(&run->task), &run->request->ensemble, run->comm);
    char *text = config_text(config);
    text_write(run->folder, "config.yaml", text,
               run->comm); /* after run.json, which says what made the folder */
    memory_free(text);
    run->display.epochs = schedule_epochs(&run->schedule); /* fewer if an earlier start has stopped early */
    provenance_put(run->folder, "epochs", (double)run->display.epochs, run->comm);
    const struct metrics_row kind = run_row(run, 0);
    metrics_rewrite(run->folder, run->task.classification, &kind, run->progress.rows, run->progress.n_rows,
                    run->comm);
    run->rows_written = run->progress.n_rows;
    if (run->was_finished)
        checkpoint_prune(run->folder, &run->progress, config->checkpoint.every, config->checkpoint.keep,
                         run->comm);
}

/* Rank 0. What a replay left that did not end: without archive.h5, which comes last. It is begun anew there. */
static bool left_by_replay(const struct run *run)
{
    if (!run->request->replay || comm_rank(run->comm) != 0) return false;
    char *archive = file_path(run->folder, "archive.h5");
    const bool ended = file_exists(archive);
    memory_free(archive);
    return !ended && provenance_replayed(run->folder);
}

/* Checks grid and folder, before anything that takes time. */
static enum exit_code take_place(struct run *run, const struct organism_shape *shape)
{
    struct problems problems = {0};
    int size[GRID_AXES] = {0};
    enum grid_axis order[GRID_AXES] = {GRID_BATCH, GRID_ROWS, GRID_COLUMNS};
    run->nodes = nodes_of(run->comm);
    run_grid(size, order, run->config, shape, comm_size(run->comm), run->nodes.most, &problems);
    pruning_check(run->config, shape, &problems);
    if (problems.n == 0 && run->folder)
        lock_take(&run->lock, run->folder, run->request->resume || left_by_replay(run), run->comm, &problems);
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
