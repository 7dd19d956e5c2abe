/* Opening what is to be probed. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metazoa/base/memory.h"
#include "metazoa/measure/probe.h"
#include "metazoa/store/claims.h"
#include "metazoa/train/run.h"

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

/* Collective. The process grid; the results do not depend on it. */
static void choose_grid(int size[GRID_AXES], enum grid_axis order[GRID_AXES], const struct subject *subject,
                        const struct organism_shape *shape)
{
    const int ranks = comm_size(subject->comm);
    const struct nodes nodes = nodes_of(subject->comm);
    if (subject->spec.like) {
        memcpy(size, subject->spec.like->grid.size, GRID_AXES * sizeof *size);
        memcpy(order, subject->spec.like->grid.order, GRID_AXES * sizeof *order);
    } else if (subject->spec.flat) {
        size[GRID_BATCH] = ranks, size[GRID_ROWS] = size[GRID_COLUMNS] = 1;
    } else {
        struct problems none = {0};
        struct config config = *subject->config; /* borrows its texts */
        const int64_t *wanted = config.grid;
        if (wanted[0] * wanted[1] * wanted[2] != ranks) memset(config.grid, 0, sizeof config.grid);
        run_grid(size, order, &config, shape, ranks, nodes.most, &none);
        problems_free(&none);
    }
}

/* The path of the checkpoint after an epoch; NULL: there is none. */
static char *checkpoint_of(const char *run, int64_t epoch, struct comm *comm)
{
    int64_t n;
    char **path = checkpoint_list(run, comm, &n), *found = NULL;
    for (int64_t i = 0; i < n && !found; i++) {
        int64_t at, batch;
        checkpoint_place(path[i], &at, &batch);
        if (at == epoch && batch == 0) found = memory_string(path[i]);
    }
    checkpoint_list_free(path, n);
    return found;
}

static void read_checkpoint(struct subject *subject, struct problems *problems)
{
    const int64_t epoch = subject->spec.epoch;
    if (epoch == PROBE_NEWEST) {
        char *path = checkpoint_read_newest(&subject->organism, &subject->progress, subject->run, problems);
        if (!path && problems->n == 0)
            problems_add(problems, EXIT_INPUT, "%s: holds no checkpoint to probe: train it first",
                         subject->run);
        if (path) claims_warn(subject->run, subject->progress.epoch, subject->comm);
        memory_free(path);
        return;
    }
    char *path = checkpoint_of(subject->run, epoch, subject->comm);
    if (path)
        checkpoint_read(&subject->organism, &subject->progress, path, problems);
    else
        problems_add(problems, EXIT_INPUT,
                     "%s: holds no checkpoint of epoch %" PRId64
                     ": without --epoch the newest is taken (checkpoint.keep "
                     "says how many stay)",
                     subject->run, epoch);
    memory_free(path);
}

static enum exit_code open_task(struct subject *subject)
{
    struct problems problems = {0};
    task_open(&subject->task, &subject->config->task, subject->comm, &problems);
    return comm_agree(subject->comm, &problems);
}

/* Local. Two organisms that are compared particle by particle are cut into the same blocks. */
static void check_shape(const struct subject *subject, const struct organism_shape *shape,
                        struct problems *problems)
{
    const struct subject *like = subject->spec.like;
    if (!like) return;
    const struct organism_shape *other = &like->organism.shape;
    if (shape->layers == other->layers && shape->block == other->block &&
        memcmp(shape->cells, other->cells, sizeof shape->cells) == 0)
        return;
    problems_add(problems, EXIT_USAGE,
                 "%s: has another shape (organism.hidden, parallel.block or the task's inputs) than %s",
                 subject->run, like->run);
}

/* Organism, data, checkpoint: everything after the shape is known. */
static enum exit_code fill(struct subject *subject)
{
    const struct config *config = subject->config;
    struct problems problems = {0};
    const struct organism_shape shape = organism_shape_new(&config->organism, &subject->task);
    check_shape(subject, &shape, &problems);
    enum exit_code code = comm_agree(subject->comm, &problems);
    if (code == EXIT_DONE) {
        int size[GRID_AXES];
        int32_t begin, end;
        enum grid_axis order[GRID_AXES] = {GRID_BATCH, GRID_ROWS, GRID_COLUMNS};
        choose_grid(size, order, subject, &shape);
        grid_place(&subject->grid, subject->comm, size, order);
        organism_new(&subject->organism, &shape, &config->training, &subject->grid,
                     (uint64_t)config->run.seed);
        organism_inputs(&shape, &subject->grid, &begin, &end);
        task_load(&subject->task, begin, end, subject->comm, &problems);
        if (!subject->spec.any_data) subject->progress.data = subject->task.identity;
        read_checkpoint(subject, &problems);
        code = comm_agree(subject->comm, &problems);
        subject->fingerprint = organism_fingerprint(&subject->organism);
    }
    return code;
}

/* The keys that --set has changed of those that make the organism, or its inputs, what the checkpoint holds;
 * NULL: none. Owned by the caller. */
static char *changed(const struct config *own, const struct config *now, bool any_data)
{
    struct config compared = *own; /* borrows its texts */
    compared.run.seed = now->run.seed;
    compared.organism = now->organism;
    compared.pruning = now->pruning;
    compared.training.task.optimizer = now->training.task.optimizer;
    compared.training.self.optimizer = now->training.self.optimizer;
    compared.training.buffers = now->training.buffers;
    if (!any_data) compared.task.noise = now->task.noise;
    return config_conflicts(own, &compared);
}

/* The words of --set that give a key another value than the run had, of those that results may depend on:
 * "a.b=1, c.d=2"; NULL: none. Owned by the caller. */
static char *told(const struct config *own, const struct config *now, const struct subject_spec *spec)
{
    char *keys = config_conflicts(own, now), *all = NULL;
    for (int i = 0; keys && i < spec->n_sets; i++) {
        const size_t key = strcspn(spec->sets[i], "=") + 1;
        bool last = true;
        for (int k = i + 1; k < spec->n_sets; k++)
            last = last && strncmp(spec->sets[i], spec->sets[k], key) != 0;
        char *name = memory_print(" %.*s,", (int)key - 1, spec->sets[i]), *among = memory_print(" %s,", keys);
        if (last && strstr(among, name)) {
            char *more = memory_print("%s%s%s", all ? all : "", all ? ", " : "", spec->sets[i]);
            memory_free(all);
            all = more;
        }
        memory_free(name), memory_free(among);
    }
    memory_free(keys);
    return all;
}

/* The run's configuration with the changes of --set. Results of another organism under the run's fingerprint
 * would be wrong. */
static enum exit_code read_config(struct subject *subject)
{
    const struct subject_spec *spec = &subject->spec;
    struct config own = {0};
    struct problems problems = {0};
    enum exit_code code = config_read_run(&own, spec->run, 0, NULL, subject->comm);
    if (code == EXIT_DONE)
        code = config_read_run(&subject->loaded, spec->run, spec->n_sets, spec->sets, subject->comm);
    if (code == EXIT_DONE) {
        char *keys = changed(&own, &subject->loaded, spec->any_data);
        if (keys)
            problems_add(&problems, EXIT_USAGE,
                         "%s: --set changes what the run was trained with: %s (leave that out)", spec->run,
                         keys);
        memory_free(keys);
        code = comm_agree(subject->comm, &problems);
    }
    if (code == EXIT_DONE) subject->changed = told(&own, &subject->loaded, spec);
    config_free(&own);
    return code;
}

enum exit_code subject_open(struct subject *subject, const struct subject_spec *spec, struct comm *comm)
{
    *subject = (struct subject){.spec = *spec, .run = spec->run, .comm = comm};
    subject->config = &subject->loaded;
    enum exit_code code = read_config(subject);
    if (code == EXIT_DONE) code = open_task(subject);
    if (code == EXIT_DONE) code = fill(subject);
    return code;
}

void subject_close(struct subject *subject)
{
    progress_free(&subject->progress);
    organism_free(&subject->organism);
    task_free(&subject->task);
    if (subject->grid.all) grid_free(&subject->grid);
    config_free(&subject->loaded);
    memory_free(subject->result);
    memory_free(subject->changed);
    *subject = (struct subject){0};
}
