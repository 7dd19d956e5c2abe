/* The master: one file that joins the segments. And the way back to an earlier number of records. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive_file.h"
#include "checkpoint_file.h"
#include "metazoa/base/file.h"
#include "metazoa/base/memory.h"
#include "metazoa/hdf5/share.h"

void master_put(struct h5 *file, const struct archive_head *head, const char *config,
                int64_t *const chosen[ORGANISM_LAYERS_MAX], int64_t n_sources,
                const struct h5_source *sources)
{
    char name[64];
    format_put(file, ARCHIVE_FORMAT, ARCHIVE_VERSION, "trajectories of an organism's particles");
    archive_head_put(file, head);
    config_put(file, config);
    for (int k = 0; k < head->n_layers; k++) {
        const int layer = (int)head->layers[k];
        archive_put_layer(file, &head->shape, layer, chosen[k], head->particles[k]);
        struct h5_data data =
            archive_trajectory(&head->shape, layer, head->particles[k], head->n_rows, 0, name);
        h5_virtual(file, &data, n_sources, sources);
        data = archive_types(&head->shape, layer, head->particles[k], head->n_rows, 0, name);
        h5_virtual(file, &data, n_sources, sources);
    }
}

/* Rank 0. */
static void master_write(struct archive *archive, const char *path)
{
    struct archive_head head = archive_head_of(archive);
    head.n_rows = archive->n_rows;
    head.rows = archive->rows;
    const int64_t n = archive->n_segments + (archive->n_open > 0);
    struct h5_source *sources = memory_new(n, sizeof *sources);
    for (int64_t i = 0; i < n; i++) {
        const bool closed = i < archive->n_segments;
        const int64_t first = closed ? archive->segments[i].first : archive->n_rows - archive->n_open;
        sources[i] = (struct h5_source){segment_name(archive->rows[first].epoch), first,
                                        closed ? archive->segments[i].n : archive->n_open};
    }
    int64_t *chosen[ORGANISM_LAYERS_MAX] = {0};
    for (int k = 0; k < archive->n_kept; k++) chosen[k] = archive->kept[k].chosen;
    char *temporary = file_temporary(path);
    struct h5 file;
    h5_create(&file, temporary, NULL, 0);
    master_put(&file, &head, archive->config, chosen, n, sources);
    h5_close(&file);
    file_replace(temporary, path);
    memory_free(temporary);
    for (int64_t i = 0; i < n; i++) memory_free(sources[i].path);
    memory_free(sources);
}

void archive_publish(struct archive *archive)
{
    enum phase before = timer_enter(PHASE_ARCHIVE);
    struct comm *comm = archive->organism->grid->all;
    if (comm_rank(comm) == 0) {
        char *path = file_path(archive->run, "archive.h5");
        if (archive->n_rows > 0)
            master_write(archive, path);
        else
            file_remove(path);
        memory_free(path);
    }
    comm_barrier(comm);
    timer_enter(before);
}

static void add_epoch(void *context, const char *name)
{
    struct epochs *epochs = context;
    const int64_t epoch = segment_epoch(name);
    if (epoch < 0) return;
    int64_t *more = memory_new(epochs->n + 1, sizeof *more), at = epochs->n;
    while (at > 0 && epochs->epoch[at - 1] > epoch) at--;
    for (int64_t i = 0; i < epochs->n; i++) more[i + (i >= at)] = epochs->epoch[i];
    more[at] = epoch;
    memory_free(epochs->epoch);
    epochs->epoch = more;
    epochs->n++;
}

struct epochs epochs_here(const char *run)
{
    struct epochs epochs = {0};
    char *folder = file_path(run, "archive");
    folder_visit(folder, add_epoch, &epochs);
    memory_free(folder);
    return epochs;
}

static bool same_kind(const struct archive_head *a, const struct archive_head *b)
{
    bool same = a->shape.layers == b->shape.layers && a->shape.particle.width == b->shape.particle.width &&
                a->shape.particle.layers == b->shape.particle.layers && a->seed == b->seed &&
                a->n_layers == b->n_layers;
    for (int i = 0; same && i <= a->shape.layers; i++) same = a->shape.cells[i] == b->shape.cells[i];
    for (int i = 0; same && i < a->n_layers; i++)
        same = a->layers[i] == b->layers[i] && a->particles[i] == b->particles[i];
    return same;
}

static bool segment_inspect(struct h5 *file, const void *context)
{
    (void)context;
    struct archive_head head;
    const bool sound = archive_head_get(file, &head, false);
    archive_head_free(&head);
    return sound;
}

/* Takes the rows of the segment at `file` up to n_records; it must continue where the archive ends. every: of
 * its records. */
static bool segment_take(struct archive *archive, struct h5 *file, int64_t n_records, int64_t *every,
                         bool *whole)
{
    const struct archive_head must = archive_head_of(archive);
    struct archive_head head;
    if (!h5_read_begin(file, file->path) || !archive_head_get(file, &head, false)) return false;
    if (!same_kind(&head, &must))
        h5_problem(file, "it belongs to another organism or holds other particles");
    else if (head.first_record != archive->n_rows || head.n_rows < 1)
        h5_problem(file, "it begins with record %" PRId64 ", but record %" PRId64 " is missing",
                   head.first_record, archive->n_rows);
    else {
        int64_t n = head.n_rows;
        if (n > n_records - archive->n_rows) n = n_records - archive->n_rows;
        archive_take_rows(archive, head.rows, n);
        *every = head.trajectory_every;
        *whole = n == head.n_rows;
    }
    archive_head_free(&head);
    return !*file->problem;
}

/* Whether the segment with the last n rows is complete, so that the next record begins another one. */
static bool is_complete(const struct archive *archive, int64_t n, int64_t every)
{
    const struct metrics_row *rows = archive->rows + archive->n_rows - n;
    const int64_t step = archive->spec.trajectory_every;
    return n >= archive->segment_records || every != step ||
           segment_ends(archive->spec.segment_every, rows[0].epoch, rows[n - 1].epoch + 1);
}

static void refuse(const struct h5 *file, struct problems *problems)
{
    problems_add(
        problems, EXIT_INPUT,
        "%s: %s (to have it computed again, move the checkpoints from its first epoch on elsewhere, and "
        "resume)",
        file->path, file->problem);
}

/* One segment more, on all ranks. False: a problem. */
static bool rewind_segment(struct archive *archive, int64_t epoch, int64_t n_records,
                           struct problems *problems)
{
    struct comm *comm = archive->organism->grid->all;
    char *path = segment_path(archive->run, epoch);
    struct h5 file = {.id = -1, .path = path};
    int64_t every = 0;
    bool whole = true;
    const int64_t before = archive->n_rows;
    bool sound = share_inspect(comm, &file, segment_inspect, NULL);
    if (sound) {
        segment_take(archive, &file, n_records, &every, &whole);
        sound = share_sound(comm, &file);
    }
    const int64_t n = archive->n_rows - before;
    archive->n_open = sound ? n : 0;
    archive->n_written = whole ? archive->n_open : 0; /* records from the future go with the next writing */
    const bool complete = sound && is_complete(archive, n, every);
    if (sound && (!complete || !whole)) sound = segment_read(archive, &file, n);
    if (sound && complete) archive_close_segment(archive);
    if (!sound) refuse(&file, problems);
    h5_read_end(&file);
    memory_free(path);
    return sound;
}

void archive_rewind(struct archive *archive, int64_t n_records, struct problems *problems)
{
    enum phase before = timer_enter(PHASE_ARCHIVE);
    struct comm *comm = archive->organism->grid->all;
    struct epochs epochs = {0};
    char *folder = file_path(archive->run, "archive");
    if (comm_rank(comm) == 0) {
        folder_make(folder);
        epochs = epochs_here(archive->run);
    }
    comm_broadcast(comm, &epochs.n, sizeof epochs.n, 0);
    if (!epochs.epoch) epochs.epoch = memory_new(epochs.n, sizeof *epochs.epoch);
    comm_broadcast(comm, epochs.epoch, epochs.n * (int64_t)sizeof *epochs.epoch, 0);
    int64_t used = 0;
    bool sound = true;
    while (sound && used < epochs.n && archive->n_rows < n_records)
        sound = rewind_segment(archive, epochs.epoch[used++], n_records, problems);
    if (sound && archive->n_rows < n_records) {
        problems_add(problems, EXIT_INPUT, "%s: records %" PRId64 " to %" PRId64 " are missing", folder,
                     archive->n_rows, n_records - 1);
        sound = false;
    }
    if (sound) { /* the master first: it must never name a file that is gone */
        archive_publish(archive);
        for (int64_t i = used; i < epochs.n && comm_rank(comm) == 0; i++) {
            char *path = segment_path(archive->run, epochs.epoch[i]);
            file_remove(path);
            memory_free(path);
        }
        comm_barrier(comm);
    }
    memory_free(epochs.epoch);
    memory_free(folder);
    timer_enter(before);
}
