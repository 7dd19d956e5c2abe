/*
 * How large checkpoints and archive will be, about: values as they are stored, rows of metrics, texts, and
 * for what HDF5 adds a number of bytes per file, column, layer, dataset and part of a virtual dataset, read
 * off small files (tests/test_size.c compares with others).
 */
#include "metazoa/store/size.h"

#include <string.h>

#include "archive_file.h"
#include "checkpoint_file.h"
#include "columns.h"
#include "metazoa/base/memory.h"
#include "metazoa/hdf5/io.h"
#include "rows.h"

enum {
    FILE_BYTES = 3500,
    COLUMN_BYTES = 650,
    ROW_BYTES = 8,
    AXES_BYTES = 1300,
    DATA_BYTES = 1000,
    SOURCE_BYTES = 100
};

static int64_t columns_bytes(int64_t n_rows, const struct archive_spec *spec, bool batches)
{
    const int columns_here = COLUMNS_ALWAYS + (batches ? 1 : 0) + (spec->interacts ? INTERACTION_KINDS : 0) +
                             (spec->prunes ? 1 : 0) + (spec->validates ? COLUMNS - COLUMN_VALIDATION : 0);
    return columns_here * (COLUMN_BYTES + n_rows * ROW_BYTES);
}

/* Axes of a layer, in every file: numbers of its cells and edges, or of the particles that were chosen. */
static int64_t axes_bytes(const struct organism_shape *shape, int layer, int64_t particles)
{
    const bool all = particles == organism_layer_particles(shape, layer);
    const int64_t cells = shape_edges(shape, layer) + (int64_t)shape->cells[layer + 1];
    return AXES_BYTES + (all ? cells * (int64_t)sizeof(int32_t)
                             : particles * (int64_t)(sizeof(int64_t) + 2 * sizeof(int32_t)));
}

int64_t checkpoint_bytes(const struct organism_shape *shape, const struct training *training,
                         const char *config, int64_t n_rows, const struct archive_spec *spec)
{
    int64_t bytes = FILE_BYTES + columns_bytes(n_rows, spec, false) + (int64_t)strlen(config);
    for (int l = 0; l < shape->layers; l++) {
        char name[64];
        bytes += axes_bytes(shape, l, organism_layer_particles(shape, l));
        for (int f = 0; f < FIELD_COUNT; f++) {
            if (!state_held((enum state_field)f, &shape->particle, training)) continue;
            const struct h5_data data = head_field(shape, l, (enum state_field)f, name);
            bytes += DATA_BYTES + h5_stored(&data);
        }
    }
    return bytes;
}

static int64_t segment_bytes(const struct archive_spec *spec, const struct organism_shape *shape, int64_t n)
{
    int64_t bytes = FILE_BYTES + columns_bytes(n, spec, archive_batches(spec));
    for (int l = 0; l < shape->layers; l++) {
        if (!archive_wants(spec, l)) continue;
        char name[64];
        const int64_t particles = rows_chosen(shape, spec->seed, l, spec->fraction);
        struct h5_data data = archive_trajectory(shape, l, particles, n, 0, name);
        bytes += axes_bytes(shape, l, particles) + 2 * DATA_BYTES + h5_stored(&data);
        data = archive_types(shape, l, particles, n, 0, name);
        bytes += h5_stored(&data);
    }
    return bytes;
}

static int64_t master_bytes(const struct archive_spec *spec, const struct organism_shape *shape,
                            const char *config, int64_t n_records, int64_t n_segments)
{
    int64_t bytes =
        FILE_BYTES + columns_bytes(n_records, spec, archive_batches(spec)) + (int64_t)strlen(config);
    for (int l = 0; l < shape->layers; l++)
        if (archive_wants(spec, l))
            bytes += axes_bytes(shape, l, rows_chosen(shape, spec->seed, l, spec->fraction)) +
                     2 * (DATA_BYTES + n_segments * SOURCE_BYTES);
    return bytes;
}

/* Bytes of a record's weights and types of one layer. */
static int64_t layer_bytes(const struct archive_spec *spec, const struct organism_shape *shape, int layer)
{
    if (!archive_wants(spec, layer)) return 0;
    return saturated_product(rows_chosen(shape, spec->seed, layer, spec->fraction),
                             (int64_t)sizeof(float) * shape->particle.weights + 1);
}

int64_t record_bytes(const struct archive_spec *spec, const struct organism_shape *shape)
{
    int64_t bytes = 0;
    for (int l = 0; l < shape->layers; l++) bytes = saturated_sum(bytes, layer_bytes(spec, shape, l));
    return bytes;
}

int64_t archive_bytes(const struct archive_spec *spec, const struct organism_shape *shape, const char *config,
                      int64_t n_records)
{
    const int64_t least = block_least(spec, record_bytes(spec, shape));
    int64_t bytes = 0, begin = 0, segments = 0, n;
    if (n_records == 0) return 0;
    for (; (n = block_at(least, begin)) <= n_records - begin; begin += n, segments++)
        bytes += segment_bytes(spec, shape, n);
    for (int64_t left = n_records - begin; left > 0; left -= n, segments++)
        bytes += segment_bytes(spec, shape, n = left & -left);
    return bytes + master_bytes(spec, shape, config, n_records, segments);
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* The most records that the open block can hold. */
static int64_t open_records(const struct archive_spec *spec, int64_t record, int64_t n_records)
{
    const int64_t least = block_least(spec, record);
    int64_t begin = 0, block = least;
    for (; begin + block < n_records; block = block_at(least, begin)) begin += block;
    return n_records < block ? n_records : block;
}

/* What it takes to write a file of this many bytes, of whose largest dataset `largest` bytes are written
 * together: a writer's window, and messages between ranks, which the MPI library holds a third time in its
 * shared memory (all seen in runs of one and two ranks). */
static int64_t writing_memory(int64_t ranks, int64_t bytes, int64_t largest)
{
    const int64_t share = largest / io_writers(io_used(), (double)bytes, (int)ranks);
    const int64_t window = share < IO_WINDOW_BYTES ? share : IO_WINDOW_BYTES;
    return window + 3 * (window / ranks * (ranks - 1));
}

/* Of an archive's records on a rank. */
struct waiting {
    int64_t open, step;    /* records that wait at most; records from one writing to the next */
    int64_t record, piece; /* bytes of a record: of all ranks, here */
    int64_t largest;       /* of its largest dataset */
};

/* Those that wait here, and what is written beside them: by `other`, or segments. The last few records
 * decide. Of the records that are written at once, as many as a chunk has are written together. */
static int64_t waiting_memory(const struct waiting *w, int64_t ranks, int64_t other)
{
    const int64_t bytes = saturated_product(w->open, w->record);
    int64_t most = saturated_sum(saturated_product(w->open, w->piece), other);
    for (int64_t n = larger(1, w->open - ARCHIVE_CHUNK_RECORDS); n <= w->open; n++) {
        const int64_t before = (n - 1) / w->step * w->step;
        int64_t together = 1;
        if (n % w->step != 0 && n != w->open) continue;
        while (together < ARCHIVE_CHUNK_RECORDS && before / (2 * together) != n / (2 * together))
            together *= 2;
        const int64_t writing = writing_memory(ranks, bytes, saturated_product(together, w->largest));
        most = larger(most, saturated_sum(saturated_product(n, w->piece), writing));
    }
    return most;
}

/* Records that wait, writing them or (`other`) the checkpoint, and a copy of a layer from which rows are
 * picked. */
static int64_t records_memory(const struct archive_spec *spec, const struct organism_shape *shape,
                              const int64_t *owned, int64_t ranks, int64_t n_records, int64_t every,
                              int64_t other)
{
    const int64_t row = (int64_t)sizeof(float) * shape->particle.weights + 1;
    struct waiting w = {.record = record_bytes(spec, shape)};
    int64_t most = 0;
    double here = 0;
    for (int l = 0; l < shape->layers; l++) {
        if (!archive_wants(spec, l)) continue;
        w.largest = larger(w.largest, layer_bytes(spec, shape, l));
        most = larger(most, owned[l]);
        here += spec->fraction * (double)owned[l] * (double)row;
    }
    if (n_records == 0 || w.record == 0) return other;
    w.open = open_records(spec, w.record, n_records);
    w.step = every > 0 && spec->trajectory_every > 0 ? larger(1, every / spec->trajectory_every) : w.open;
    w.piece = memory_piece((int64_t)here);
    return saturated_sum(waiting_memory(&w, ranks, other),
                         spec->fraction < 1 ? saturated_product(most, row) : 0);
}

/* A list of n rows of metrics that grows row by row: memory_grow doubles it, and copies the half that
 * there was. */
static int64_t rows_memory(int64_t n)
{
    int64_t room = n > 0 ? 1 : 0;
    while (room < n && room < INT64_MAX / 2) room *= 2;
    return saturated_product(saturated_sum(room, room / 2), sizeof(struct metrics_row));
}

int64_t store_memory(const struct archive_spec *spec, const struct organism_shape *shape,
                     const struct training *training, const int64_t *owned, int64_t ranks, int64_t n_rows,
                     int64_t n_records, int64_t every)
{
    const int64_t weights = (int64_t)sizeof(float) * shape->particle.weights;
    int64_t largest = 0;
    for (int l = 0; l < shape->layers; l++)
        largest = larger(largest, saturated_product(organism_layer_particles(shape, l), weights));
    const int64_t checkpoint =
        saturated_product(organism_particles(shape), state_bytes(&shape->particle, training));
    int64_t records = records_memory(spec, shape, owned, ranks, n_records, every,
                                     writing_memory(ranks, checkpoint, largest));
    /* Running sums hold the weights of the first record, and one record where there is no archive. */
    for (int l = 0; l < shape->layers && spec->moments; l++)
        if (archive_wants(spec, l))
            records = saturated_sum(records, saturated_product(2 * owned[l], weights));
    /* Rows of metrics: the run's, the archive's, and a column on its way to a file. */
    const int64_t rows = saturated_sum(rows_memory(saturated_sum(n_rows, 1)), rows_memory(n_records));
    const int64_t column = saturated_product(saturated_sum(n_rows, 1), sizeof(int64_t));
    return saturated_sum(records, saturated_sum(rows, column));
}
