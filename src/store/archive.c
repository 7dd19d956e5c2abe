/* Records in memory, and when they become files. */
#include <assert.h>
#include <string.h>

#include "archive_file.h"
#include "columns.h"
#include "running.h"
#include "metazoa/base/commit.h"
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

static int64_t power_below(int64_t n)
{
    int64_t power = 1;
    while (power <= n / 2) power *= 2;
    return power;
}

int64_t block_least(const struct archive_spec *spec, int64_t bytes)
{
    const int64_t room = spec->segment_bytes > 0 ? spec->segment_bytes : ARCHIVE_SEGMENT_BYTES;
    return bytes > room ? 1 : power_below(room / (bytes > 0 ? bytes : 1));
}

int64_t block_at(int64_t least, int64_t first)
{
    while (least <= first / 16) least *= 2;
    return least;
}

static int64_t owned_particles(const struct organism *organism, int layer)
{
    struct rows rows;
    rows_new(&rows, organism, layer, false);
    const int64_t n = rows.n_owned;
    rows_free(&rows);
    return n;
}

static void keep_layer(struct archive *archive, int layer)
{
    struct kept *kept = &archive->kept[archive->n_kept++];
    const int64_t line = 64; /* bytes */
    kept->layer = layer;
    if (archive->spec.fraction < 1)
        rows_choose(&kept->rows, archive->organism, layer, archive->spec.fraction, &kept->pick,
                    &kept->chosen);
    else
        rows_new(&kept->rows, archive->organism, layer, false);
    const int64_t row = archive->organism->shape.particle.weights * (int64_t)sizeof(float);
    kept->weights = archive->record_bytes;
    kept->types = kept->weights + kept->rows.n_owned * row;
    archive->record_bytes = (kept->types + kept->rows.n_owned + line - 1) / line * line;
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
    if (spec->moments) archive->running = running_new(archive);
    archive->first_block = block_least(spec, archive_record_bytes(archive));
    return archive;
}

void archive_free(struct archive *archive)
{
    if (!archive) return;
    running_free(archive->running, archive);
    for (int64_t i = 0; i < archive->capacity; i++) memory_free(archive->open[i]);
    for (int k = 0; k < archive->n_kept; k++) {
        rows_free(&archive->kept[k].rows);
        memory_free(archive->kept[k].pick);
        memory_free(archive->kept[k].chosen);
    }
    memory_free(archive->open);
    memory_free(archive->closed);
    memory_free(archive->rows);
    memory_free(archive->scratch);
    memory_free(archive->scratch_types);
    memory_free(archive->config);
    memory_free(archive->run);
    memory_free(archive);
}

void archive_reserve(struct archive *archive, int64_t n)
{
    if (n > archive->capacity) {
        archive->open = memory_grow(archive->open, n, sizeof *archive->open);
        archive->capacity = n;
    }
    for (int64_t i = n - 1; i >= 0 && !archive->open[i]; i--)
        archive->open[i] = memory_new(archive->record_bytes, 1);
}

int64_t archive_block(const struct archive *archive, int64_t first)
{
    return block_at(archive->first_block, first);
}

int64_t archive_begin(const struct archive *archive)
{
    return archive->n_rows - archive->n_open;
}

int64_t archive_number(const struct archive *archive, int64_t first)
{
    return archive_batches(&archive->spec) ? first : archive->rows[first].epoch;
}

struct segment *archive_layout(const struct archive *archive, int64_t *n)
{
    const int64_t begin = archive_begin(archive);
    *n = archive->n_closed;
    struct segment *layout = memory_new(*n + 64, sizeof *layout);
    if (*n > 0) memcpy(layout, archive->closed, (size_t)*n * sizeof *layout);
    for (int64_t at = 0, length; at < archive->n_open; at += length) {
        length = power_below(archive->n_open - at);
        layout[(*n)++] = (struct segment){begin + at, length, archive_number(archive, begin + at)};
    }
    return layout;
}

void archive_add_closed(struct archive *archive, int64_t n)
{
    struct segment *closed = memory_new(archive->n_closed + 1, sizeof *closed);
    if (archive->n_closed > 0) memcpy(closed, archive->closed, (size_t)archive->n_closed * sizeof *closed);
    memory_free(archive->closed);
    archive->closed = closed;
    const int64_t first = archive->n_rows - n;
    closed[archive->n_closed++] = (struct segment){first, n, archive_number(archive, first)};
}

void archive_close_block(struct archive *archive)
{
    int64_t n;
    commit_begin();
    archive_write(archive);
    commit_end();
    struct segment *layout = archive_layout(archive, &n);
    memory_free(archive->closed);
    archive->closed = layout;
    archive->n_closed = n;
    archive->n_open = archive->n_written = 0;
}

void archive_take_rows(struct archive *archive, const struct metrics_row *rows, int64_t n)
{
    archive->rows = memory_grow(archive->rows, archive->n_rows + n, sizeof *archive->rows);
    for (int64_t i = 0; i < n; i++) archive->rows[archive->n_rows++] = columns_canonical(&rows[i]);
}

/* Weights and types of a layer into a record. */
static void take(struct archive *archive, int k, uint8_t *const *types, char *record)
{
    const struct kept *kept = &archive->kept[k];
    const size_t bytes = (size_t)archive->organism->shape.particle.weights * sizeof(float);
    float *weights = kept->pick ? archive->scratch : (float *)(void *)(record + kept->weights);
    uint8_t *into = (uint8_t *)record + kept->types, *type = kept->pick ? archive->scratch_types : into;
    const bool counted = types && types[kept->layer];
    organism_export(archive->organism, kept->layer, FIELD_WEIGHTS, weights);
    if (counted) organism_export_types(archive->organism, kept->layer, types[kept->layer], type);
    for (int64_t i = 0; i < kept->rows.n_owned && kept->pick; i++) {
        memcpy(record + kept->weights + (size_t)i * bytes, (char *)weights + (size_t)kept->pick[i] * bytes,
               bytes);
        into[i] = type[kept->pick[i]];
    }
    if (!counted) memset(into, UINT8_MAX, (size_t)kept->rows.n_owned);
}

void archive_take(struct archive *archive, uint8_t *const *types, char *record)
{
    for (int k = 0; k < archive->n_kept; k++) take(archive, k, types, record);
}

void archive_record(struct archive *archive, uint8_t *const *types, const struct metrics_row *row)
{
    enum phase before = timer_enter(PHASE_ARCHIVE);
    struct metrics_row placed = *row;
    placed.batch = !archive_batches(&archive->spec) ? -1 : row->batch > 0 ? row->batch : 0;
    assert(archive->n_rows == 0 || row_before(&archive->rows[archive->n_rows - 1], &placed));
    archive_reserve(archive, archive->n_open + 1);
    archive_take(archive, types, archive->open[archive->n_open]);
    if (archive->running) running_add(archive->running, archive, archive->open[archive->n_open]);
    if (archive->spec.trajectory_every == 0) {
        timer_enter(before);
        return;
    }
    archive_take_rows(archive, &placed, 1);
    archive->n_open++;
    if (archive->n_open >= archive_block(archive, archive_begin(archive))) archive_close_block(archive);
    timer_enter(before);
}

void archive_put_sums(struct archive *archive, struct h5 *file)
{
    if (archive->running) running_put(archive->running, archive, file);
}

int64_t archive_records(const struct archive *archive)
{
    return archive->n_rows;
}

void archive_write(struct archive *archive)
{
    if (archive->n_written == archive->n_open) return;
    enum phase before = timer_enter(PHASE_ARCHIVE);
    /* The last file first: the first one replaces a file of the same name that may hold more records, and
     * they must not be lost if the process is killed in between. A file of n records is as it must be if the
     * written records, too, have it among their powers of two. */
    for (int64_t end = archive->n_open, n; end > 0; end -= n) {
        n = end & -end;
        if (archive->n_written / n != archive->n_open / n) segment_write(archive, end - n, n);
    }
    archive->n_written = archive->n_open;
    timer_enter(before);
}
