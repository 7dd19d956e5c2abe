/* Makes the archive hold exactly the records of a checkpoint; if some are lost, starts a new archive. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "archive_file.h"
#include "columns.h"
#include "metazoa/base/file.h"
#include "metazoa/base/memory.h"
#include "metazoa/hdf5/share.h"
#include "metazoa/store/checkpoint.h"
#include "running.h"

struct rewind {
    struct archive *archive;
    const struct progress *progress;
    int64_t files; /* of the open block */
    bool exact;    /* they hold nothing but the open block's records */
    char problem[600];
};

bool archive_same_kind(const struct archive_head *a, const struct archive_head *b)
{
    bool same = organism_shape_same(&a->shape, &b->shape) && a->seed == b->seed && a->n_layers == b->n_layers;
    for (int i = 0; same && i < a->n_layers; i++)
        same = a->layers[i] == b->layers[i] && a->particles[i] == b->particles[i];
    return same;
}

/* The row of an epoch in the checkpoint is that of the record: it is of this run. Of a record inside an epoch
 * the checkpoint knows no row. */
static bool is_known(const struct progress *progress, const struct metrics_row *row)
{
    const struct metrics_row now = {.epoch = progress->epoch, .batch = progress->batch};
    if (row->batch > 0) return !row_before(&now, row);
    for (int64_t i = progress->n_rows - 1; i >= 0 && progress->rows[i].epoch >= row->epoch; i--)
        if (progress->rows[i].epoch == row->epoch) return columns_differ(&progress->rows[i], row) < 0;
    return false;
}

/* Takes the rows of the segment at `file`, as far as the checkpoint knew; it must continue where the archive
 * ends. *n: rows that were taken; 0: it is a part of a longer segment. *closed: nothing will be added to the
 * segment. */
static bool take_rows(struct rewind *rewind, struct h5 *file, int64_t *n, bool *closed)
{
    struct archive *archive = rewind->archive;
    const struct archive_head must = archive_head_of(archive);
    const int64_t here = archive->n_rows, begin = archive_begin(archive);
    struct archive_head head;
    *n = 0;
    if (!h5_read_begin(file, file->path) || !archive_head_get(file, &head, false)) return false;
    const int64_t left = rewind->progress->records - here;
    if (!archive_same_kind(&head, &must))
        h5_problem(file, "it belongs to another organism or holds other particles");
    else if (!segment_named(file, &head) || head.first_record + head.n_rows <= here)
        (void)0;
    else if (head.first_record != here || head.n_rows < 1)
        h5_problem(file, "it begins with record %" PRId64 ", but record %" PRId64 " is missing",
                   head.first_record, here);
    else if (here > 0 && !row_before(&archive->rows[here - 1], &head.rows[0]))
        h5_problem(file, "its epoch %" PRId64 " follows epoch %" PRId64, head.rows[0].epoch,
                   archive->rows[here - 1].epoch);
    else if (*n = head.n_rows < left ? head.n_rows : left, !is_known(rewind->progress, &head.rows[*n - 1]))
        h5_problem(file, "its records are not those of the checkpoint");
    else {
        const bool whole = *n == head.n_rows, old = head.block_records != archive_block(archive, begin);
        archive_take_rows(archive, head.rows, *n);
        *closed = whole && archive->n_open == 0 && (old || *n == archive_block(archive, begin));
        rewind->exact = rewind->exact && whole && !old;
    }
    archive_head_free(&head);
    return !*file->problem;
}

bool segment_inspect(struct h5 *file, const void *context)
{
    (void)context;
    struct archive_head head;
    const bool sound = archive_head_get(file, &head, false);
    archive_head_free(&head);
    return sound;
}

/* Adds one segment, on all ranks. False: it cannot be used. */
static bool take_segment(struct rewind *rewind, int64_t number)
{
    struct archive *archive = rewind->archive;
    struct comm *comm = archive->organism->grid->all;
    char *path = segment_path(archive->run, number);
    struct h5 file = {.id = -1, .path = path};
    int64_t n = 0;
    bool closed = false, sound = share_inspect(comm, &file, segment_inspect, NULL);
    if (sound) {
        take_rows(rewind, &file, &n, &closed);
        sound = share_sound(comm, &file);
    }
    if (sound && closed) {
        archive_add_closed(archive, n);
    } else if (sound && n > 0) {
        sound = segment_read(archive, &file, archive->n_open, n);
        archive->n_open += n;
        rewind->files++;
    }
    if (!sound) snprintf(rewind->problem, sizeof rewind->problem, "%s: %s", path, file.problem);
    h5_read_end(&file);
    memory_free(path);
    return sound;
}

/* The records are as many as the checkpoint knew, and no epoch up to it is missing at the end: an archive
 * that lay here before another one began is not continued. False: a problem. */
static bool is_complete(struct rewind *rewind, const struct numbers *segments)
{
    const struct archive *archive = rewind->archive;
    const int64_t now = rewind->progress->epoch, every = archive->spec.trajectory_every,
                  n = rewind->progress->records;
    const int64_t last = n > 0 && archive->n_rows == n ? archive->rows[n - 1].epoch : now;
    if (archive->n_rows < n)
        snprintf(rewind->problem, sizeof rewind->problem,
                 "%s/archive: records %" PRId64 " to %" PRId64 " are missing", archive->run, archive->n_rows,
                 n - 1);
    else if (last < now - now % every || (n == 0 && now > 0 && segments->n > 0 && segments->number[0] <= now))
        snprintf(rewind->problem, sizeof rewind->problem,
                 "%s/archive: it is not the one that the checkpoint of epoch %" PRId64 " knew", archive->run,
                 now);
    return !*rewind->problem;
}

/* Adds all segments up to the checkpoint's records, on all ranks. False: some records are lost. */
static bool take_all(struct rewind *rewind)
{
    struct archive *archive = rewind->archive;
    struct comm *comm = archive->organism->grid->all;
    struct numbers segments = segments_shared(archive->run, comm);
    bool sound = true;
    for (int64_t i = 0; sound && i < segments.n && archive->n_rows < rewind->progress->records; i++)
        sound = take_segment(rewind, segments.number[i]);
    sound = sound && is_complete(rewind, &segments);
    memory_free(segments.number);
    return sound;
}

/* The first of RUN/archive-lost, RUN/archive-lost-2, ... that does not exist; owned by the caller. */
static char *free_folder(const char *run)
{
    char *path = file_path(run, "archive-lost");
    for (int i = 2; file_exists(path); i++) {
        memory_free(path);
        path = memory_print("%s/archive-lost-%d", run, i);
    }
    return path;
}

static void move_into(const char *folder, const char *run, const char *name)
{
    char *from = file_path(run, name), *to = file_path(folder, name);
    if (file_exists(from)) file_replace(from, to);
    memory_free(to);
    memory_free(from);
}

/* Rank 0. Moves the remaining files of the archive into a folder of their own, where they stay readable. */
static void move_aside(const char *run, const char *problem)
{
    char *aside = free_folder(run), *master = file_path(run, "archive.h5");
    struct numbers left = segments_here(run);
    const bool any = left.n > 0 || file_exists(master);
    if (any) {
        folder_make(aside);
        move_into(aside, run, "archive");
        move_into(aside, run, "archive.h5");
    }
    fprintf(stderr, "metazoa: %s: a new archive begins here; of the old one %s%s\n", problem,
            any ? "the rest is kept in " : "nothing is left", any ? aside : "");
    fflush(stderr);
    memory_free(left.number);
    memory_free(master);
    memory_free(aside);
}

/* Of a run that is finished: no new archive begins, so that its records stay where they are looked for. */
static void leave(const char *problem)
{
    fprintf(
        stderr,
        "metazoa: %s: what is left of the archive stays as it is, as the run is finished (`metazoa replay` "
        "computes records again)\n",
        problem);
    fflush(stderr);
}

void archive_rewind(struct archive *archive, const struct progress *progress)
{
    enum phase before = timer_enter(PHASE_ARCHIVE);
    if (archive->running && progress && progress->n_rows > 0) {
        char *path = checkpoint_path(archive->run, progress);
        running_get(archive->running, archive, path);
        memory_free(path);
    }
    if (archive->spec.trajectory_every == 0) {
        timer_enter(before);
        return;
    }
    struct comm *comm = archive->organism->grid->all;
    const struct progress none = {0};
    struct rewind rewind = {.archive = archive, .progress = progress ? progress : &none, .exact = true};
    if (!take_all(&rewind)) {
        archive->n_rows = archive->n_open = archive->n_closed = 0;
        if (comm_rank(comm) == 0 && rewind.progress->finished)
            leave(rewind.problem);
        else if (comm_rank(comm) == 0)
            move_aside(archive->run, rewind.problem);
        if (rewind.progress->finished) {
            timer_enter(before);
            return;
        }
    }
    if (comm_rank(comm) == 0) {
        char *folder = file_path(archive->run, "archive");
        folder_make(folder);
        memory_free(folder);
    }
    comm_barrier(comm);
    /* The number of records is a sum of distinct powers of two, one file each; all of them must exist. */
    if (rewind.exact && rewind.files == __builtin_popcountll((unsigned long long)archive->n_open))
        archive->n_written = archive->n_open;
    if (archive->n_open >= archive_block(archive, archive_begin(archive))) archive_close_block(archive);
    archive_write(archive);
    archive_publish(archive);
    timer_enter(before);
}
