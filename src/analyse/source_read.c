/* Reading rows of the source's files. */
#include <assert.h>
#include <stdio.h>

#include "source.h"

/* The trajectory of a layer in a part, open; NULL with a reason. */
static struct h5_data *part_data(struct source *source, int64_t p, int l, char *reason)
{
    struct source_part *part = &source->parts[p];
    struct h5_data *data = &part->data[l];
    if (data->id >= 0) return data;
    const struct h5_data *must = &source->layer[l].data;
    if (source_part_open(source, p)) {
        *data = *must;
        if (h5_find(&part->file, data)) {
            part->plain[l] = h5_plain(data);
            bool fits = data->width == must->width && data->records >= part->offset + part->n;
            for (int i = 0; i < must->row_axes; i++) fits = fits && data->row_size[i] == must->row_size[i];
            if (fits) return data;
            h5_leave(data);
            h5_problem(&part->file, "%s has another shape than the archive says", must->name);
        }
    }
    data->id = -1;
    snprintf(reason, 512, "%.200s: %.300s", part->path, part->file.problem);
    return NULL;
}

/* The end of the chunk that holds a row. */
static int64_t chunk_end(const struct h5_data *data, int64_t row)
{
    const int64_t edges = data->row_axes == 2 ? data->row_size[1] : 1,
                  across = data->row_axes == 2 ? data->chunk_rows[1] : 1;
    const int64_t cell = row / edges, edge = row % edges;
    const int64_t next = (cell / data->chunk_rows[0] + 1) * data->chunk_rows[0] * edges;
    if (across < edges)
        return cell * edges + ((edge / across + 1) * across < edges ? (edge / across + 1) * across : edges);
    return next < h5_rows(data) ? next : h5_rows(data);
}

/* Chunk by chunk, as they lie in the file. */
static bool read_plain(struct source_part *part, const struct h5_data *data, int64_t record, int64_t n,
                       int64_t begin, int64_t end, float *values, int64_t stride)
{
    for (int64_t at = begin, stop; at < end; at = stop) {
        stop = chunk_end(data, at) < end ? chunk_end(data, at) : end;
        for (int64_t i = 0, deep; i < n; i += deep) {
            deep = data->chunk_records - (record + i) % data->chunk_records;
            if (deep > n - i) deep = n - i;
            if (!h5_read_plain(&part->file, data, record + i, deep, at, stop,
                               values + i * stride + (at - begin) * data->width,
                               stride * (int64_t)sizeof(float)))
                return false;
        }
    }
    return true;
}

/* Through HDF5: filters, other types, other chunks. */
static bool read_packed(struct source_part *part, const struct h5_data *data, int64_t record, int64_t n,
                        int64_t begin, int64_t end, float *values, int64_t stride)
{
    const int64_t width = (end - begin) * data->width;
    if (stride == width) return h5_read(&part->file, data, record, n, begin, end, values);
    for (int64_t i = 0; i < n; i++)
        if (!h5_read(&part->file, data, record + i, 1, begin, end, values + i * stride)) return false;
    return true;
}

bool source_read(struct source *source, int layer, int64_t record, int64_t n, int64_t begin, int64_t end,
                 float *values, int64_t stride, char *reason)
{
    const int64_t p = source_part(source, record);
    struct source_part *part = &source->parts[p];
    const struct h5_data *data = part_data(source, p, layer, reason);
    if (!data) return false;
    assert(record + n <= part->first + part->n);
    const int64_t there = record - part->first + part->offset;
    if ((part->plain[layer] ? read_plain : read_packed)(part, data, there, n, begin, end, values, stride))
        return true;
    snprintf(reason, 512, "%.200s: %.300s", part->path, part->file.problem);
    return false;
}

bool source_types(struct source *source, int layer, int64_t begin, int64_t end, uint8_t *types, char *reason)
{
    const int64_t record = source->hi - 1, p = source_part(source, record);
    struct source_part *part = &source->parts[p];
    struct h5_data data = source->layer[layer].type;
    const bool found = source_part_open(source, p) && h5_find(&part->file, &data);
    const int64_t there = record - part->first + part->offset;
    if (found && (h5_rows(&data) != source->layer[layer].rows || data.records <= there))
        h5_problem(&part->file, "%s has another shape than the archive says", data.name);
    const bool sound =
        found && !*part->file.problem && h5_read(&part->file, &data, there, 1, begin, end, types);
    if (found) h5_leave(&data);
    if (!sound) snprintf(reason, 512, "%.200s: %.300s", part->path, part->file.problem);
    return sound;
}

void source_rest(struct source *source, int64_t p)
{
    struct source_part *part = &source->parts[p];
    for (int l = 0; l < source->n_layers; l++) {
        if (part->data[l].id < 0 || (part->plain[l] && p < SOURCE_OPEN)) continue;
        h5_leave(&part->data[l]);
        part->data[l].id = -1;
    }
    if (p >= SOURCE_OPEN) h5_read_end(&part->file);
}

bool source_digest(struct source *source, int64_t p, int layer, uint64_t *digest)
{
    char reason[512];
    struct source_part *part = &source->parts[p];
    const struct h5_data *data = part_data(source, p, layer, reason);
    if (!data || part->offset != 0 || part->n != data->records || part->first < source->lo ||
        part->first + part->n > source->hi || !h5_has_attribute(&part->file, data->name, "digest"))
        return false;
    return h5_get_u64(&part->file, data->name, "digest", digest);
}
