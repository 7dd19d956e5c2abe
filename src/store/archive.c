/* Records in memory, and when they become files. */
#include <assert.h>
#include <string.h>

#include "archive_file.h"
#include "columns.h"
#include "metazoa/base/file.h"
#include "metazoa/base/memory.h"

int64_t archive_record_bytes(const struct archive *archive)
{
    int64_t bytes = 0;
    for (int k = 0; k < archive->n_kept; k++)
        bytes += archive->kept[k].rows.n_global *
                 ((int64_t)sizeof(float) * archive->organism->shape.particle.weights + 1);
    return bytes;
}

static int64_t owned_particles(const struct organism *organism, int layer)
{
    struct rows rows;
    rows_new(&rows, organism, layer);
    const int64_t n = rows.n_owned;
    rows_free(&rows);
    return n;
}

static void keep_layer(struct archive *archive, int layer)
{
    struct kept *kept = &archive->kept[archive->n_kept++];
    kept->layer = layer;
    if (archive->spec.fraction < 1)
        rows_choose(&kept->rows, archive->organism, layer, archive->spec.fraction, &kept->pick,
                    &kept->chosen);
    else
        rows_new(&kept->rows, archive->organism, layer);
}

struct archive *archive_open(const char *run, const struct archive_spec *spec, struct organism *organism,
                             const char *config)
{
    struct archive *archive = memory_new(1, sizeof *archive);
    archive->run = memory_string(run);
    archive->config = memory_string(config);
    archive->spec = *spec;
    archive->organism = organism;
    fault_rank(comm_rank(organism->grid->all));
    int64_t most = 0;
    for (int l = 0; l < organism->shape.layers; l++) {
        if (!archive_wants(spec, l)) continue;
        keep_layer(archive, l);
        const int64_t owned = owned_particles(organism, l);
        if (owned > most) most = owned;
    }
    if (spec->fraction < 1) {
        archive->scratch = memory_new(most * organism->shape.particle.weights, sizeof *archive->scratch);
        archive->scratch_types = memory_new(most, 1);
    }
    const int64_t bytes = archive_record_bytes(archive);
    const int64_t room = spec->segment_bytes > 0 ? spec->segment_bytes : ARCHIVE_SEGMENT_BYTES;
    archive->segment_records = bytes > 0 && room / bytes > 0 ? room / bytes : 1;
    if (bytes == 0) archive->segment_records = INT32_MAX;
    return archive;
}

static void record_free(const struct archive *archive, struct record *record)
{
    for (int k = 0; k < archive->n_kept; k++) {
        memory_free(record->weights[k]);
        memory_free(record->types[k]);
    }
}

void archive_free(struct archive *archive)
{
    if (!archive) return;
    for (int64_t i = 0; i < archive->capacity; i++) record_free(archive, &archive->open[i]);
    for (int k = 0; k < archive->n_kept; k++) {
        rows_free(&archive->kept[k].rows);
        memory_free(archive->kept[k].pick);
        memory_free(archive->kept[k].chosen);
    }
    memory_free(archive->open);
    memory_free(archive->segments);
    memory_free(archive->rows);
    memory_free(archive->scratch);
    memory_free(archive->scratch_types);
    memory_free(archive->config);
    memory_free(archive->run);
    memory_free(archive);
}

void archive_reserve(struct archive *archive, int64_t n)
{
    if (n <= archive->capacity) return;
    struct record *open = memory_new(n, sizeof *open);
    if (archive->capacity > 0) memcpy(open, archive->open, (size_t)archive->capacity * sizeof *open);
    for (int64_t i = archive->capacity; i < n; i++)
        for (int k = 0; k < archive->n_kept; k++) {
            const int64_t owned = archive->kept[k].rows.n_owned;
            open[i].weights[k] = memory_new(owned * archive->organism->shape.particle.weights, sizeof(float));
            open[i].types[k] = memory_new(owned, 1);
        }
    memory_free(archive->open);
    archive->open = open;
    archive->capacity = n;
}

bool segment_ends(int64_t segment_every, int64_t first_epoch, int64_t epoch)
{
    if (segment_every <= 0) return false;
    const int64_t begun = first_epoch > 0 ? (first_epoch - 1) / segment_every : 0;
    const int64_t now = epoch > 0 ? (epoch - 1) / segment_every : 0;
    return begun != now;
}

static int64_t open_epoch(const struct archive *archive)
{
    return archive->rows[archive->n_rows - archive->n_open].epoch;
}

/* The open segment is complete: it is among the closed ones from now on. */
void archive_close_segment(struct archive *archive)
{
    archive_write(archive);
    struct segment *segments = memory_new(archive->n_segments + 1, sizeof *segments);
    if (archive->n_segments > 0)
        memcpy(segments, archive->segments, (size_t)archive->n_segments * sizeof *segments);
    memory_free(archive->segments);
    archive->segments = segments;
    segments[archive->n_segments++] =
        (struct segment){archive->n_rows - archive->n_open, archive->n_open, open_epoch(archive)};
    archive->n_open = archive->n_written = 0;
}

void archive_take_rows(struct archive *archive, const struct metrics_row *rows, int64_t n)
{
    if (archive->n_rows + n > archive->rows_capacity) {
        archive->rows_capacity = 2 * archive->rows_capacity + n + 64;
        struct metrics_row *more = memory_new(archive->rows_capacity, sizeof *more);
        if (archive->n_rows > 0) memcpy(more, archive->rows, (size_t)archive->n_rows * sizeof *more);
        memory_free(archive->rows);
        archive->rows = more;
    }
    for (int64_t i = 0; i < n; i++) archive->rows[archive->n_rows++] = columns_canonical(&rows[i]);
}

/* Weights and types of a layer into a record. */
static void take(struct archive *archive, int k, uint8_t *const *types, struct record *record)
{
    const struct kept *kept = &archive->kept[k];
    const size_t bytes = (size_t)archive->organism->shape.particle.weights * sizeof(float);
    float *weights = kept->pick ? archive->scratch : record->weights[k];
    uint8_t *type = kept->pick ? archive->scratch_types : record->types[k];
    const bool counted = types && types[kept->layer];
    organism_export(archive->organism, kept->layer, FIELD_WEIGHTS, weights);
    if (counted) organism_export_types(archive->organism, kept->layer, types[kept->layer], type);
    for (int64_t i = 0; i < kept->rows.n_owned && kept->pick; i++) {
        memcpy((char *)record->weights[k] + (size_t)i * bytes,
               (char *)weights + (size_t)kept->pick[i] * bytes, bytes);
        ((uint8_t *)record->types[k])[i] = type[kept->pick[i]];
    }
    if (!counted) memset(record->types[k], UINT8_MAX, (size_t)kept->rows.n_owned);
}

void archive_record(struct archive *archive, uint8_t *const *types, const struct metrics_row *row)
{
    enum phase before = timer_enter(PHASE_ARCHIVE);
    assert(archive->n_rows == 0 || row->epoch > archive->rows[archive->n_rows - 1].epoch);
    if (archive->n_open > 0 && segment_ends(archive->spec.segment_every, open_epoch(archive), row->epoch))
        archive_close_segment(archive);
    archive_reserve(archive, archive->n_open + 1);
    for (int k = 0; k < archive->n_kept; k++) take(archive, k, types, &archive->open[archive->n_open]);
    archive_take_rows(archive, row, 1);
    if (++archive->n_open == archive->segment_records) archive_close_segment(archive);
    timer_enter(before);
}

int64_t archive_records(const struct archive *archive)
{
    return archive->n_rows;
}

void archive_write(struct archive *archive)
{
    if (archive->n_written == archive->n_open) return;
    enum phase before = timer_enter(PHASE_ARCHIVE);
    segment_write(archive);
    archive->n_written = archive->n_open;
    timer_enter(before);
}
