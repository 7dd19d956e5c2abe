/* Opening what is to be probed. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metazoa/base/memory.h"
#include "metazoa/measure/probe.h"
#include "metazoa/train/run.h"

const struct probe probes[] = {
    {"robustness", "how long self-replicators with noise on their weights stay so, and stay alive",
     probe_robustness, false, false},
    {"substitution", "the organism beside a conventional network of its particles' responses",
     probe_substitution, true, true},
    {"dropout", "score without each type of particle, and against the share of dropped connections",
     probe_dropout, false, true},
    {"goal", "shares of fixpoints and of test data within tolerances", probe_goal, false, true},
    {"settle", "self-training alone, from here on", probe_settle, false, true},
    {NULL, NULL, NULL, false, false},
};

struct probe_spec probe_defaults(const struct config *config)
{
    struct probe_spec spec = {
        .seed = (uint64_t)config->run.seed,
        .draws = 10,
        .cap = 1000,
        .particles = 10000,
        .alone_steps = -1,
        .points = 20,
        .steps = 2000,
        .n_epsilon = 8,
        .epsilon = {1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9},
        .n_zeta = 10,
        .zeta = {0.9, 0.5, 0.2, 0.1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7},
    };
    return spec;
}

const char *subject_measure(const struct subject *subject)
{
    return subject->task.classification ? "test_accuracy" : "test_mae";
}

double subject_score(struct subject *subject)
{
    struct tally tally = {0};
    organism_evaluate(&subject->organism, &subject->task.test, &tally);
    organism_tally_sum(&subject->organism, &tally);
    return tally_score(&subject->task, &tally);
}

/* The process grid, which is no part of what a probe finds. */
static void choose_grid(int size[GRID_AXES], const struct subject *subject,
                        const struct organism_shape *shape, const struct subject *like, bool flat)
{
    const int ranks = comm_size(subject->comm);
    if (like) {
        memcpy(size, like->grid.size, GRID_AXES * sizeof *size);
    } else if (flat) {
        size[GRID_BATCH] = ranks, size[GRID_ROWS] = size[GRID_COLUMNS] = 1;
    } else {
        struct problems none = {0};
        struct config config = *subject->config; /* borrows its texts */
        const int64_t *wanted = config.grid;
        if (wanted[0] * wanted[1] * wanted[2] != ranks) memset(config.grid, 0, sizeof config.grid);
        run_grid(size, &config, shape, ranks, &none);
        problems_free(&none);
    }
}

/* The path of the checkpoint after an epoch; NULL: there is none. */
static char *checkpoint_of(const char *run, int64_t epoch, struct comm *comm)
{
    int64_t n;
    char **path = checkpoint_list(run, comm, &n), *found = NULL;
    for (int64_t i = 0; i < n && !found; i++) {
        const char *slash = strrchr(path[i], '/'), *number = slash ? slash + 1 : path[i];
        char *end;
        number += strcspn(number, "0123456789");
        if (strtoll(number, &end, 10) == epoch && strcmp(end, ".h5") == 0) found = memory_string(path[i]);
    }
    checkpoint_list_free(path, n);
    return found;
}

static void read_checkpoint(struct subject *subject, int64_t epoch, struct problems *problems)
{
    if (epoch == PROBE_NEWEST) {
        char *path = checkpoint_read_newest(&subject->organism, &subject->progress, subject->run, problems);
        if (!path && problems->n == 0)
            problems_add(problems, EXIT_INPUT, "%s: holds no checkpoint to probe: train it first",
                         subject->run);
        memory_free(path);
        return;
    }
    char *path = checkpoint_of(subject->run, epoch, subject->comm);
    if (path)
        checkpoint_read(&subject->organism, &subject->progress, path, problems);
    else
        problems_add(problems, EXIT_INPUT,
                     "%s: holds no checkpoint of epoch %" PRId64
                     ": without --epoch the newest is probed (checkpoint.keep "
                     "says how many stay)",
                     subject->run, epoch);
    memory_free(path);
}

/* Organism, data, checkpoint: everything after the shape is known. */
static void fill(struct subject *subject, const struct organism_shape *shape, int64_t epoch,
                 const struct subject *like, bool flat, struct problems *problems)
{
    int size[GRID_AXES];
    choose_grid(size, subject, shape, like, flat);
    grid_new(&subject->grid, subject->comm, size);
    organism_new(&subject->organism, shape, &subject->config->training, &subject->grid,
                 (uint64_t)subject->config->run.seed);
    int32_t begin, end;
    organism_inputs(shape, &subject->grid, &begin, &end);
    task_load(&subject->task, begin, end, subject->comm, problems);
    read_checkpoint(subject, epoch, problems);
}

enum exit_code subject_open(struct subject *subject, const struct config *config, const char *run,
                            int64_t epoch, const struct subject *like, bool flat, struct comm *comm)
{
    *subject = (struct subject){.run = run, .config = config, .comm = comm};
    struct problems problems = {0};
    task_open(&subject->task, &config->task, comm, &problems);
    enum exit_code code = comm_agree(comm, &problems);
    if (code != EXIT_DONE) return code;
    const struct organism_shape shape = organism_shape_new(&config->organism, &subject->task);
    const struct organism_shape *other = like ? &like->organism.shape : &shape;
    if (shape.layers != other->layers || shape.block != other->block ||
        memcmp(shape.cells, other->cells, sizeof shape.cells) != 0)
        problems_add(&problems, EXIT_USAGE,
                     "%s: has another shape (organism.hidden, parallel.block or the task's inputs) than %s",
                     run, like->run);
    code = comm_agree(comm, &problems);
    if (code == EXIT_DONE) {
        fill(subject, &shape, epoch, like, flat, &problems);
        code = comm_agree(comm, &problems);
    }
    return code;
}

void subject_close(struct subject *subject)
{
    progress_free(&subject->progress);
    organism_free(&subject->organism);
    task_free(&subject->task);
    if (subject->grid.all) grid_free(&subject->grid);
    *subject = (struct subject){0};
}
