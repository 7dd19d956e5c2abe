#include "verify_kin.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "archive_file.h"
#include "columns.h"
#include "metazoa/base/file.h"
#include "metazoa/base/memory.h"

/* A state of the run of which nothing was measured; batch -1, of rows of whole epochs, is 0. */
static struct metrics_row state_of(int64_t epoch, int64_t batch, uint64_t fingerprint)
{
    struct metrics_row row = metrics_row_empty(epoch);
    row.batch = batch > 0 ? batch : 0;
    row.fingerprint = fingerprint;
    return row;
}

/* Adds what another row of the same state knows. */
static void unite(struct metrics_row *ours, const struct metrics_row *theirs)
{
    for (int c = 0; c < COLUMNS; c++)
        if (column_known(c, theirs))
            memcpy((char *)ours + columns[c].offset, (const char *)theirs + columns[c].offset, 8);
}

static bool differ(const struct kin *kin, const struct metrics_row *theirs, uint64_t ours, char *problem)
{
    char batch[40] = "";
    if (theirs->batch > 0) snprintf(batch, sizeof batch, ", batch %" PRId64 ",", theirs->batch);
    snprintf(problem, KIN_PROBLEM,
             "is of another run or state: at epoch %" PRId64 "%s it has the fingerprint %016" PRIx64
             ", %s has %016" PRIx64,
             theirs->epoch, batch, theirs->fingerprint, kin->first, ours);
    return false;
}

static bool differ_in(const struct kin *kin, const struct metrics_row *row, int c, char *problem)
{
    snprintf(problem, KIN_PROBLEM,
             "is of another run, or was changed: at epoch %" PRId64
             " it has another number in the column %s than %s",
             row->epoch, columns[c].name[kin->shape.loss == LOSS_CROSS_ENTROPY], kin->first);
    return false;
}

/* Merges ascending rows into those that are known. False: a state has two fingerprints, or other numbers. */
static bool merge(struct kin *kin, const struct metrics_row *rows, int64_t n, char *problem)
{
    struct metrics_row *all = memory_new(kin->n + n, sizeof *all);
    int64_t at = 0, count = 0;
    bool same = true;
    for (int64_t i = 0; i < n && same; i++) {
        struct metrics_row row = rows[i];
        row.batch = row.batch > 0 ? row.batch : 0;
        while (at < kin->n && row_before(&kin->rows[at], &row)) all[count++] = kin->rows[at++];
        if (at < kin->n && !row_before(&row, &kin->rows[at])) {
            const int other = columns_differ(&kin->rows[at], &row);
            if (kin->rows[at].fingerprint != row.fingerprint)
                same = differ(kin, &row, kin->rows[at].fingerprint, problem);
            else if (other >= 0)
                same = differ_in(kin, &row, other, problem);
            unite(&kin->rows[at], &row);
        } else {
            all[count++] = row;
        }
    }
    while (at < kin->n) all[count++] = kin->rows[at++];
    memory_free(kin->rows);
    kin->rows = all;
    kin->n = count;
    return same;
}

/* The first file decides; the others must agree. */
static bool take_run(struct kin *kin, const char *path, const struct organism_shape *shape, uint64_t seed,
                     char *problem)
{
    if (!kin->first) {
        kin->first = memory_string(file_name(path));
        kin->shape = *shape;
        kin->seed = seed;
    }
    const bool same_shape = organism_shape_same(&kin->shape, shape) && kin->shape.loss == shape->loss;
    if (same_shape && kin->seed == seed) return true;
    snprintf(problem, KIN_PROBLEM, "is of another run: its %s that of %s",
             same_shape ? "seed is not" : "organism is not", kin->first);
    return false;
}

static bool take_checkpoint(struct kin *kin, struct h5 *file, char *problem)
{
    struct head head = {0};
    bool same = true;
    if (head_get(file, &head)) {
        const struct metrics_row now = state_of(head.progress.epoch, head.progress.batch, head.fingerprint);
        same = take_run(kin, file->path, &head.shape, head.seed, problem) &&
               merge(kin, head.progress.rows, head.progress.n_rows, problem) && merge(kin, &now, 1, problem);
    }
    head_free(&head);
    return same;
}

static bool take_records(struct kin *kin, struct h5 *file, bool master, char *problem)
{
    struct archive_head head;
    bool same = true;
    if (archive_head_get(file, &head, master))
        same = take_run(kin, file->path, &head.shape, head.seed, problem) &&
               merge(kin, head.rows, head.n_rows, problem);
    archive_head_free(&head);
    return same;
}

bool kin_has(const struct kin *kin, int64_t epoch, int64_t batch, uint64_t fingerprint,
             char problem[KIN_PROBLEM])
{
    const struct metrics_row state = state_of(epoch, batch, fingerprint);
    for (int64_t i = 0; i < kin->n; i++)
        if (!row_before(&state, &kin->rows[i]) && !row_before(&kin->rows[i], &state))
            return kin->rows[i].fingerprint == fingerprint ||
                   differ(kin, &state, kin->rows[i].fingerprint, problem);
    return true;
}

/* A probe says of which state it is. Version 0.1 wrote no fingerprint. */
static bool is_of_state(struct kin *kin, struct h5 *file, char *problem)
{
    uint64_t fingerprint = 0;
    int64_t epoch = 0, batch = 0;
    if (!kin->first || !h5_has_attribute(file, "/", "fingerprint") || !h5_has_attribute(file, "/", "batch") ||
        !h5_get_u64(file, "/", "fingerprint", &fingerprint) || !h5_get_i64(file, "/", "epoch", 0, &epoch) ||
        !h5_get_i64(file, "/", "batch", 0, &batch))
        return true;
    return kin_has(kin, epoch, batch, fingerprint, problem);
}

/* Principal components have the fingerprint of their last record. */
static bool is_of_record(const struct kin *kin, struct h5 *file, char *problem)
{
    uint64_t fingerprint = 0;
    if (!kin->first || !h5_has_attribute(file, "/", "fingerprint") ||
        !h5_get_u64(file, "/", "fingerprint", &fingerprint))
        return true;
    for (int64_t i = 0; i < kin->n; i++)
        if (kin->rows[i].fingerprint == fingerprint) return true;
    snprintf(problem, KIN_PROBLEM,
             "is of another run or state: no file has its last record's fingerprint %016" PRIx64,
             fingerprint);
    return false;
}

bool kin_take(struct kin *kin, const char *path, char problem[KIN_PROBLEM])
{
    struct h5 file;
    char format[64] = "", kind[64] = "";
    bool same = true;
    *problem = 0;
    if (h5_read_begin(&file, path)) {
        if (h5_has_attribute(&file, "/", "format")) h5_get_text(&file, "/", "format", format, sizeof format);
        if (h5_has_attribute(&file, "/", "kind")) h5_get_text(&file, "/", "kind", kind, sizeof kind);
        if (strcmp(format, CHECKPOINT_FORMAT) == 0)
            same = take_checkpoint(kin, &file, problem);
        else if (strcmp(format, SEGMENT_FORMAT) == 0 || strcmp(format, ARCHIVE_FORMAT) == 0)
            same = take_records(kin, &file, strcmp(format, ARCHIVE_FORMAT) == 0, problem);
        else if (*kind)
            same = strcmp(kind, "pca") == 0 ? is_of_record(kin, &file, problem)
                                            : is_of_state(kin, &file, problem);
    }
    h5_read_end(&file);
    return same;
}

void kin_free(struct kin *kin)
{
    memory_free(kin->first);
    memory_free(kin->rows);
    *kin = (struct kin){0};
}
