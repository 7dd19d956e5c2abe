/* What the file holds of a layer. */
#include <stdio.h>
#include <string.h>

#include "metazoa/base/memory.h"
#include "result.h"

enum { WALK_RECORDS = 1024 };

/* Places of the particles, where a part is archived. */
static void put_places(struct result *result, const struct source_layer *layer)
{
    char name[RESULT_NAME], axis[RESULT_NAME];
    const int64_t *const values[] = {layer->particle, layer->cell, layer->edge};
    static const char *const names[] = {"particle", "cell", "edge"},
                             *const texts[] = {"particle's number in the organism",
                                               "cell that a particle feeds",
                                               "cell of the layer before, or input, that it reads"};
    snprintf(axis, sizeof axis, "/layers/%d/particle", layer->number);
    if (!layer->particle) h5_put_index(&result->file, axis, layer->rows, texts[0]);
    for (int i = 0; i < 3; i++) {
        if (!values[i]) continue;
        snprintf(name, sizeof name, "/layers/%d/%s", layer->number, names[i]);
        struct h5_data data = {.name = name, .type = H5_I64, .row_axes = 1, .row_size = {layer->rows}};
        data.description = texts[i];
        data.units = "1";
        data.is_scale = i == 0;
        data.scales[0] = i == 0 ? NULL : axis;
        h5_chunk_choose(&data, H5_CHUNK_BYTES);
        h5_put(&result->file, &data, values[i]);
    }
}

/* The shown walkers of a layer: their rows. */
static void put_walkers(struct result *result, const struct job *job, int layer)
{
    const struct source_layer *here = &job->source.layer[layer];
    char name[RESULT_NAME];
    int64_t lo, hi;
    result_shown(result, job, layer, 0, here->rows, &lo, &hi);
    int64_t *rows = memory_new(hi, sizeof *rows);
    for (int64_t i = 0, k = 0; i < result->n_shown; i++) {
        const int64_t row = (int64_t)job->walkers.at[result->shown[i]] - here->first;
        if (row >= 0 && row < here->rows) rows[k++] = row;
    }
    snprintf(name, sizeof name, "/layers/%d/walker", here->number);
    struct h5_data data = {.name = name, .type = H5_I64, .row_axes = 1, .row_size = {hi}};
    data.description =
        "particles that the walks are beside: cell * edges + edge, or places along the axis particle";
    data.units = "1";
    data.is_scale = true;
    h5_chunk_choose(&data, H5_CHUNK_BYTES);
    h5_put(&result->file, &data, rows);
    memory_free(rows);
}

void result_layer(struct result *result, const struct job *job, int layer)
{
    const struct source_layer *here = &job->source.layer[layer];
    char name[RESULT_NAME];
    snprintf(name, sizeof name, "/layers/%d", here->number);
    h5_group(&result->file, name, "particles between two layers of cells");
    if (here->data.row_axes == 1) {
        put_places(result, here);
    } else {
        snprintf(name, sizeof name, "/layers/%d/cell", here->number);
        h5_put_index(&result->file, name, here->data.row_size[0], "cell that a particle feeds");
        snprintf(name, sizeof name, "/layers/%d/edge", here->number);
        h5_put_index(&result->file, name, here->data.row_size[1],
                     "cell of the layer before, or input, that it reads");
    }
    if (job->spec->walks > 0 && job->spec->scores) put_walkers(result, job, layer);
}

void result_shown(const struct result *result, const struct job *job, int layer, int64_t begin, int64_t end,
                  int64_t *lo, int64_t *hi)
{
    const struct source_layer *here = &job->source.layer[layer];
    *lo = *hi = 0;
    for (int64_t i = 0; i < result->n_shown; i++) {
        const int64_t row = (int64_t)job->walkers.at[result->shown[i]] - here->first;
        *lo += row >= 0 && row < begin;
        *hi += row >= 0 && row < end;
    }
}

/* What the kinds of datasets are: their axes besides cell and edge. */
static const struct {
    const char *name, *description;
    enum h5_type type;
    const char *first, *last; /* axes before and after the particles' */
} kinds[RESULT_KINDS] = {
    [RESULT_PROJECTION] = {"projection", "scores of the trajectories", H5_F32, "/epoch", "/component"},
    [RESULT_WALK] = {"walk", "scores of the first random walk, in the walks' own components", H5_F32,
                     "/epoch", "/component"},
    [RESULT_MEAN] = {"mean", "mean of the samples", H5_F32, NULL, "/weight"},
    [RESULT_COMPONENTS] = {"components", "principal components, the largest variance first", H5_F32,
                           "/component", "/weight"},
    [RESULT_VARIANCE] = {"variance", "variance along each component", H5_F64, NULL, "/component"},
    [RESULT_RATIO] = {"ratio", "share of the variance that each component explains", H5_F64, NULL,
                      "/component"},
    [RESULT_WALK_RATIO] = {"walk_ratio", "the same of the random walks; NaN: the particle has none", H5_F64,
                           "/walk", "/component"},
};

static int64_t axis_size(const struct job *job, const char *axis)
{
    return strcmp(axis, "/epoch") == 0       ? job->source.hi - job->source.lo
           : strcmp(axis, "/component") == 0 ? job->keep
           : strcmp(axis, "/walk") == 0      ? job->spec->walks
                                             : job->weights;
}

void result_begin(struct result *result, const struct job *job, int layer, enum result_kind kind,
                  struct result_data *into)
{
    const struct source_layer *here = &job->source.layer[layer];
    *into = (struct result_data){.data = here->data};
    struct h5_data *data = &into->data;
    const char *const rows[3] = {here->data.row_axes == 2 ? "cell" : "particle", "edge", "walker"};
    for (int i = 0; i < 3; i++) snprintf(into->axis[i], RESULT_NAME, "/layers/%d/%s", here->number, rows[i]);
    snprintf(into->name, RESULT_NAME, "/layers/%d/%s", here->number, kinds[kind].name);
    data->name = into->name;
    data->type = kinds[kind].type;
    data->has_record = kinds[kind].first != NULL;
    data->records = data->has_record ? axis_size(job, kinds[kind].first) : 1;
    data->chunk_records = 1;
    data->width = axis_size(job, kinds[kind].last);
    data->description = kinds[kind].description;
    data->units = "1";
    int n = 0;
    memset(data->scales, 0, sizeof data->scales);
    if (data->has_record) data->scales[n++] = kinds[kind].first;
    for (int i = 0; i < data->row_axes && kind != RESULT_WALK; i++) data->scales[n++] = into->axis[i];
    if (kind == RESULT_WALK) { /* a chunk is a walk */
        int64_t lo;
        data->scales[n++] = into->axis[2];
        data->row_axes = 1;
        result_shown(result, job, layer, 0, here->rows, &lo, &data->row_size[0]);
        data->chunk_rows[0] = 1;
        data->chunk_records = data->records < WALK_RECORDS ? data->records : WALK_RECORDS;
    }
    data->scales[n] = kinds[kind].last;
    h5_new(&result->file, data);
}

void result_put(struct result *result, struct result_data *into, int64_t record, int64_t n, int64_t begin,
                int64_t end, const void *values)
{
    const int64_t bytes = (end - begin) * h5_row_bytes(&into->data);
    for (int64_t i = 0; i < n; i++)
        into->digest += h5_digest(&into->data, record + i, begin, end, (const char *)values + i * bytes);
    h5_write(&result->file, &into->data, record, n, begin, end, values);
}

void result_end(struct result *result, const struct job *job, struct result_data *into)
{
    comm_sum_u64(job->comm, &into->digest, 1);
    h5_end(&result->file, &into->data, into->digest);
}
