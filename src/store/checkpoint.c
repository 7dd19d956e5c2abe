/* Writing checkpoints, and which of them stay. */
#include "metazoa/store/checkpoint.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint_file.h"
#include "metazoa/base/commit.h"
#include "metazoa/base/file.h"
#include "metazoa/base/memory.h"
#include "rows.h"

static void field_write(struct h5 *file, const struct organism *organism, int layer, enum state_field field,
                        struct rows *rows)
{
    char name[64];
    const struct h5_data data = head_field(&organism->shape, layer, field, name);
    rows->field = organism->layer[layer].field[field];
    rows_write(rows, file, &data, NULL);
}

/* Of all fields of a checkpoint. */
static int64_t field_bytes(const struct organism *organism)
{
    return organism_particles(&organism->shape) * state_bytes(&organism->shape.particle, &organism->training);
}

static void file_fill(struct h5 *file, struct organism *organism, const struct head *head,
                      struct archive *archive)
{
    head_put(file, head);
    axes_put_fields(file, organism);
    h5_group(file, "/layers", "layers of particles, from the inputs to the outputs");
    for (int l = 0; l < organism->shape.layers; l++) {
        struct rows rows;
        rows_new(&rows, organism, l, true);
        axes_put_layer(file, &organism->shape, l);
        for (int f = 0; f < FIELD_COUNT; f++)
            if (organism->layer[l].field[f]) field_write(file, organism, l, (enum state_field)f, &rows);
        rows_free(&rows);
    }
    if (archive) archive_put_sums(archive, file);
}

/* A checkpoint in the run's folder. */
struct found {
    int64_t epoch, batch;
    bool whole; /* of the configuration's own epochs: not of a signal or a time */
};

struct found_list {
    const char *run;
    int64_t n;
    struct found *found;
};

static char *found_path(const char *run, const struct found *found)
{
    return found->batch > 0
               ? memory_print("%s/checkpoint-%" PRId64 "-%" PRId64 ".h5", run, found->epoch, found->batch)
               : memory_print("%s/checkpoint-%" PRId64 ".h5", run, found->epoch);
}

char *checkpoint_path(const char *run, const struct progress *progress)
{
    const struct found found = {.epoch = progress->epoch, .batch = progress->batch};
    return found_path(run, &found);
}

static void found_add(void *context, const char *name)
{
    struct found_list *list = context;
    struct found found = {0};
    if (sscanf(name, "checkpoint-%" SCNd64 "-%" SCNd64, &found.epoch, &found.batch) < 1) return;
    char *path = found_path(list->run, &found); /* the one name that these numbers give */
    const bool same = strcmp(file_name(path), name) == 0;
    memory_free(path);
    if (!same) return;
    list->found = memory_grow(list->found, list->n + 1, sizeof *list->found);
    list->found[list->n++] = found;
}

static int newer_first(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    if (x->epoch != y->epoch) return x->epoch < y->epoch ? 1 : -1;
    return x->batch == y->batch ? 0 : x->batch < y->batch ? 1 : -1;
}

static struct found_list found_here(const char *run)
{
    struct found_list list = {.run = run};
    folder_visit(run, found_add, &list);
    if (list.n > 0) qsort(list.found, (size_t)list.n, sizeof *list.found, newer_first);
    return list;
}

void checkpoint_prune(const char *run, const struct progress *now, int64_t every, int64_t keep,
                      struct comm *comm)
{
    if (comm_rank(comm) != 0) return;
    struct found_list list = found_here(run);
    int64_t left = keep - 1; /* besides the new one */
    for (int whole = 1; whole >= 0; whole--)
        for (int64_t i = 0; i < list.n; i++) {
            struct found *found = &list.found[i];
            const struct found new = {.epoch = now->epoch, .batch = now->batch};
            const int order = newer_first(found, &new);
            found->whole = found->batch == 0 && every > 0 && found->epoch % every == 0;
            if (found->whole != (whole == 1) || order == 0) continue;
            if (order > 0 && left > 0 && (found->whole || !now->finished)) {
                left--;
                continue;
            }
            char *path = found_path(run, found);
            file_remove(path);
            memory_free(path);
        }
    memory_free(list.found);
}

void checkpoint_write(const char *run, struct organism *organism, struct progress *progress,
                      const char *config, int64_t every, int64_t keep, struct archive *archive)
{
    assert(!organism->task_pending);
    struct comm *comm = organism->grid->all;
    enum phase before = timer_enter(PHASE_CHECKPOINT);
    fault_rank(comm_rank(comm));
    commit_begin();
    if (archive) archive_write(archive);
    progress->records = archive ? archive_records(archive) : 0;

    const struct head head = {.shape = organism->shape,
                              .seed = organism->seed,
                              .fingerprint = organism_fingerprint(organism),
                              .progress = *progress,
                              .config = (char *)(uintptr_t)config};
    char *path = checkpoint_path(run, progress), *temporary = file_temporary(path);
    struct h5 file;
    h5_create(&file, temporary, comm, field_bytes(organism));
    file_fill(&file, organism, &head, archive);
    h5_close(&file);
    if (comm_rank(comm) == 0) file_replace(temporary, path);
    if (archive) archive_publish(archive);
    checkpoint_prune(run, progress, every, keep, comm);
    commit_end();
    comm_barrier(comm); /* what is not carried out in the background is in place for all ranks */
    memory_free(temporary);
    memory_free(path);
    timer_enter(before);
}

char **checkpoint_list(const char *run, struct comm *comm, int64_t *n)
{
    struct found_list list = {.run = run};
    if (!comm || comm_rank(comm) == 0) list = found_here(run);
    if (comm) {
        comm_broadcast(comm, &list.n, sizeof list.n, 0);
        if (comm_rank(comm) != 0) list.found = memory_new(list.n, sizeof *list.found);
        comm_broadcast(comm, list.found, list.n * (int64_t)sizeof *list.found, 0);
    }
    char **paths = memory_new(list.n, sizeof *paths);
    for (int64_t i = 0; i < list.n; i++) paths[i] = found_path(run, &list.found[i]);
    memory_free(list.found);
    *n = list.n;
    return paths;
}

void checkpoint_place(const char *path, int64_t *epoch, int64_t *batch)
{
    *epoch = *batch = 0;
    sscanf(file_name(path), "checkpoint-%" SCNd64 "-%" SCNd64, epoch, batch);
}

bool checkpoint_is_at(const char *path, const struct progress *progress)
{
    int64_t epoch, batch;
    checkpoint_place(path, &epoch, &batch);
    return epoch == progress->epoch && batch == progress->batch;
}

void checkpoint_list_free(char **paths, int64_t n)
{
    for (int64_t i = 0; i < n; i++) memory_free(paths[i]);
    memory_free(paths);
}
