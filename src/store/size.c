/*
 * How large checkpoints and archive will be, about: values as they are stored, rows of metrics, texts, and for
 * what HDF5 adds a number of bytes per file, column, layer, dataset and part of a virtual dataset, read off
 * small files (tests/test_size.c compares with others).
 */
#include <string.h>

#include "archive_file.h"
#include "checkpoint_file.h"
#include "columns.h"
#include "rows.h"

enum {
    FILE_BYTES = 3500,
    COLUMN_BYTES = 650,
    ROW_BYTES = 8,
    AXES_BYTES = 1300,
    DATA_BYTES = 1000,
    SOURCE_BYTES = 100
};

static int64_t columns_bytes(int64_t n_rows, bool interacts, bool batches)
{
    const int columns_here = COLUMNS_ALWAYS + (batches ? 1 : 0) + (interacts ? INTERACTION_KINDS : 0);
    return columns_here * (COLUMN_BYTES + n_rows * ROW_BYTES);
}

/* Axes of a layer, in every file: numbers of its cells and edges, or of the particles that were chosen. */
static int64_t axes_bytes(const struct organism_shape *shape, int layer, int64_t particles)
{
    const bool all = particles == organism_layer_particles(shape, layer);
    const int64_t cells = shape->cells[layer] + (int64_t)shape->cells[layer + 1];
    return AXES_BYTES + (all ? cells * (int64_t)sizeof(int32_t)
                             : particles * (int64_t)(sizeof(int64_t) + 2 * sizeof(int32_t)));
}

int64_t checkpoint_bytes(const struct organism_shape *shape, const struct training *training,
                         const char *config, int64_t n_rows, bool interacts)
{
    int64_t bytes = FILE_BYTES + columns_bytes(n_rows, interacts, false) + (int64_t)strlen(config);
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
    int64_t bytes = FILE_BYTES + columns_bytes(n, spec->interacts, archive_batches(spec));
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
    int64_t bytes = FILE_BYTES + columns_bytes(n_records, spec->interacts, archive_batches(spec)) +
                    (int64_t)strlen(config);
    for (int l = 0; l < shape->layers; l++)
        if (archive_wants(spec, l))
            bytes += axes_bytes(shape, l, rows_chosen(shape, spec->seed, l, spec->fraction)) +
                     2 * (DATA_BYTES + n_segments * SOURCE_BYTES);
    return bytes;
}

static int64_t record_bytes(const struct archive_spec *spec, const struct organism_shape *shape)
{
    int64_t bytes = 0;
    for (int l = 0; l < shape->layers; l++)
        if (archive_wants(spec, l))
            bytes += rows_chosen(shape, spec->seed, l, spec->fraction) *
                     ((int64_t)sizeof(float) * shape->particle.weights + 1);
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

int64_t archive_open_records(const struct archive_spec *spec, int64_t bytes, int64_t n_records)
{
    const int64_t least = block_least(spec, bytes);
    int64_t begin = 0, block = least;
    for (; begin + block < n_records; block = block_at(least, begin)) begin += block;
    return n_records < block ? n_records : block;
}
