/* How large an archive will be, before there is one. */
#include "archive_file.h"

/* What a file takes besides the chunks of its data: measured on files of 1 to 24 records and 3 to 7 layers.
 */
enum { FILE_BYTES = 13500, LAYER_BYTES = 2600, RECORD_BYTES = 90, CHUNK_INDEX_BYTES = 60 };
enum { INTERACTION_BYTES = 990, INTERACTION_RECORD_BYTES = 16 }; /* with interactions: two columns more */

static int64_t data_bytes(const struct h5_data *data)
{
    const int64_t deep = (data->records + data->chunk_records - 1) / data->chunk_records;
    const int64_t rows = data->chunk_rows[0] * (data->row_axes == 2 ? data->chunk_rows[1] : 1);
    return deep * h5_chunks(data) * (data->chunk_records * rows * h5_row_bytes(data) + CHUNK_INDEX_BYTES);
}

static int64_t particles_kept(const struct archive_spec *spec, const struct organism_shape *shape, int layer)
{
    bool wanted = spec->n_layers == 0;
    for (int i = 0; i < spec->n_layers; i++) wanted = wanted || spec->layers[i] == layer;
    const int64_t all = organism_layer_particles(shape, layer);
    if (!wanted) return 0;
    return spec->fraction < 1 ? (int64_t)((double)all * spec->fraction) : all;
}

/* Chunks are stored whole, also where data end within one. */
static int64_t segment_bytes(const struct archive_spec *spec, const struct organism_shape *shape,
                             int64_t records)
{
    int64_t bytes = FILE_BYTES + records * RECORD_BYTES;
    if (spec->interacts) bytes += INTERACTION_BYTES + records * INTERACTION_RECORD_BYTES;
    char name[64];
    for (int l = 0; l < shape->layers; l++) {
        const int64_t n = particles_kept(spec, shape, l);
        if (n == 0) continue;
        const struct h5_data weights = archive_trajectory(shape, l, n, records, 0, name);
        const struct h5_data types = archive_types(shape, l, n, records, 0, name);
        bytes += LAYER_BYTES + data_bytes(&weights) + data_bytes(&types);
    }
    return bytes;
}

int64_t archive_bytes(const struct archive_spec *spec, const struct organism_shape *shape, int64_t n_records)
{
    const int64_t room = spec->segment_bytes > 0 ? spec->segment_bytes : ARCHIVE_SEGMENT_BYTES;
    int64_t record = 0, bytes = 0, counted = 0, last = 0;
    for (int l = 0; l < shape->layers; l++)
        record += particles_kept(spec, shape, l) * ((int64_t)sizeof(float) * shape->particle.weights + 1);
    const int64_t most = record > 0 && room / record > 0 ? room / record : 1;
    for (int64_t first = 0, n; first < n_records; first += n) {
        const int64_t every = spec->trajectory_every, epoch = first * every;
        n = n_records - first;
        if (spec->segment_every > 0) {
            /* It ends with the last record up to the next multiple of segment_every epochs. */
            const int64_t end = ((epoch > 0 ? epoch - 1 : 0) / spec->segment_every + 1) * spec->segment_every;
            if (n > end / every - first + 1) n = end / every - first + 1;
        }
        if (n > most) n = most;
        if (n != counted) last = segment_bytes(spec, shape, counted = n);
        bytes += last;
    }
    return bytes;
}
