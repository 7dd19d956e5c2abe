#include "metazoa/store/compare.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "archive_file.h"
#include "columns.h"
#include "metazoa/base/memory.h"
#include "metazoa/hdf5/share.h"

/* A record of the run's archive, and where it is. */
struct known {
    int64_t segment, at, n; /* the segment's number, its record `at` of n */
    struct metrics_row row;
};

struct comparison {
    const char *run; /* borrowed */
    struct archive
        *archive;    /* without records: its open records are those of one segment, and one more for the
                                organism as it is */
    int64_t segment; /* whose records these are; -1: none */
    int64_t n;
    struct known *known; /* [n] in order */
};

/* The rows of a segment, unless it is a part of a longer one. */
static void take_rows(struct comparison *comparison, struct h5 *file, int64_t number)
{
    const struct archive_head must = archive_head_of(comparison->archive);
    struct archive_head head;
    if (h5_read_begin(file, file->path) && archive_head_get(file, &head, false)) {
        if (!archive_same_kind(&head, &must))
            h5_problem(file, "it belongs to another organism or holds other particles");
        const bool is_new = !*file->problem && head.first_record + head.n_rows > comparison->n;
        const int64_t n = is_new ? head.n_rows : 0;
        comparison->known = memory_grow(comparison->known, comparison->n + n, sizeof *comparison->known);
        for (int64_t i = 0; i < n; i++)
            comparison->known[comparison->n++] = (struct known){number, i, n, head.rows[i]};
        archive_head_free(&head);
    }
    h5_read_end(file);
}

struct comparison *comparison_open(const char *run, const struct archive_spec *spec,
                                   struct organism *organism, struct problems *problems)
{
    struct comparison *comparison = memory_new(1, sizeof *comparison);
    struct comm *comm = organism->grid->all;
    *comparison = (struct comparison){.run = run, .segment = -1};
    comparison->archive = archive_open(run, spec, organism, "");
    struct numbers segments = segments_shared(run, comm);
    bool sound = true;
    for (int64_t i = 0; i < segments.n && sound; i++) {
        char *path = segment_path(run, segments.number[i]);
        struct h5 file = {.id = -1, .path = path};
        sound = share_inspect(comm, &file, segment_inspect, NULL);
        if (sound) {
            take_rows(comparison, &file, segments.number[i]);
            sound = share_sound(comm, &file);
        }
        if (!sound) problems_add(problems, EXIT_INPUT, "%s: %s", path, file.problem);
        memory_free(path);
    }
    memory_free(segments.number);
    if (sound) return comparison;
    comparison_free(comparison);
    return NULL;
}

void comparison_free(struct comparison *comparison)
{
    if (!comparison) return;
    archive_free(comparison->archive);
    memory_free(comparison->known);
    memory_free(comparison);
}

static const struct known *find(const struct comparison *comparison, int64_t epoch, int64_t batch)
{
    for (int64_t i = 0; i < comparison->n; i++) {
        const struct metrics_row *row = &comparison->known[i].row;
        if (row->epoch == epoch && (row->batch > 0 ? row->batch : 0) == batch) return &comparison->known[i];
    }
    return NULL;
}

bool comparison_has(const struct comparison *comparison, int64_t epoch, int64_t batch)
{
    return find(comparison, epoch, batch) != NULL;
}

/* The records of a segment into memory. False: text says why not. */
static bool load(struct comparison *comparison, const struct known *known, char text[256])
{
    if (comparison->segment == known->segment) return true;
    char *path = segment_path(comparison->run, known->segment);
    struct h5 file = {.id = -1, .path = path};
    comparison->segment = known->segment;
    archive_reserve(comparison->archive, known->n + 1);
    h5_read_begin(&file, path);
    bool sound = share_sound(comparison->archive->organism->grid->all, &file);
    sound = sound && segment_read(comparison->archive, &file, 0, known->n);
    if (!sound) snprintf(text, 256, "%.250s", file.problem);
    if (!sound) comparison->segment = -1;
    h5_read_end(&file);
    memory_free(path);
    return sound;
}

/* Particles of a kept layer whose weights, or known types, differ between two records, over all ranks. */
static int64_t differing(const struct archive *archive, const struct kept *kept, const char *a, const char *b)
{
    const size_t bytes = (size_t)archive->organism->shape.particle.weights * sizeof(float);
    const uint8_t *type_a = (const uint8_t *)a + kept->types, *type_b = (const uint8_t *)b + kept->types;
    uint64_t n = 0;
    for (int64_t i = 0; i < kept->rows.n_owned; i++) {
        const int64_t at = kept->weights + i * (int64_t)bytes;
        const bool counted = type_a[i] != UINT8_MAX && type_b[i] != UINT8_MAX;
        n += memcmp(a + at, b + at, bytes) != 0 || (counted && type_a[i] != type_b[i]);
    }
    comm_sum_u64(archive->organism->grid->all, &n, 1);
    return (int64_t)n;
}

bool comparison_record(struct comparison *comparison, uint8_t *const *types, const struct metrics_row *row,
                       char text[256])
{
    struct archive *archive = comparison->archive;
    const struct known *known = find(comparison, row->epoch, row->batch > 0 ? row->batch : 0);
    if (!load(comparison, known, text)) return false;
    char *now = archive->open[known->n];
    archive_take(archive, types, now);
    *text = 0;
    for (int k = 0; k < archive->n_kept; k++) {
        const int64_t n = differing(archive, &archive->kept[k], archive->open[known->at], now);
        if (n > 0 && !*text)
            snprintf(text, 256, "%" PRId64 " particles of layer %d have other weights or types", n,
                     archive->kept[k].layer);
    }
    const struct metrics_row ours = columns_canonical(row), theirs = columns_canonical(&known->row);
    const int other = columns_differ(&ours, &theirs);
    if (other >= 0 && !*text)
        snprintf(text, 256, "%s is another one",
                 columns[other].name[archive->organism->shape.loss == LOSS_CROSS_ENTROPY]);
    return !*text;
}
