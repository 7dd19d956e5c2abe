/* How large checkpoints and archive will be, before there are any: sketches of the files, put together. */
#include <stdio.h>

#include "archive_file.h"
#include "checkpoint_file.h"
#include "columns.h"
#include "metazoa/base/memory.h"
#include "metazoa/hdf5/io.h"

/* Sketched are at most so many rows of metrics and joined segments; further ones are as large as those. */
enum { ROWS_MAX = 4096, SEGMENTS_MAX = 256 };

static int64_t min_of(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static struct metrics_row *rows_new_empty(int64_t n, bool interacts)
{
    struct metrics_row *rows = memory_new(n, sizeof *rows);
    for (int64_t i = 0; i < n; i++) {
        rows[i] = metrics_row_empty(i);
        for (int k = 0; k < INTERACTION_KINDS && interacts; k++) rows[i].interactions[k] = 0;
    }
    return rows;
}

static int64_t further_rows(int64_t n, bool interacts)
{
    return (n - min_of(n, ROWS_MAX)) * 8 * columns_count(interacts);
}

int64_t checkpoint_bytes(const struct organism_shape *shape, const struct training *training,
                         const char *config, int64_t n_rows, bool interacts)
{
    struct h5 file;
    struct head head = {.shape = *shape, .config = (char *)(uintptr_t)config};
    head.progress.n_rows = min_of(n_rows, ROWS_MAX);
    head.progress.rows = rows_new_empty(head.progress.n_rows, interacts);
    h5_sketch(&file);
    head_put(&file, &head);
    axes_put_weight(&file, shape);
    h5_group(&file, "/layers", "layers of particles, from the inputs to the outputs");
    for (int l = 0; l < shape->layers; l++) {
        char name[64];
        axes_put_layer(&file, shape, l);
        for (int f = 0; f < FIELD_COUNT; f++) {
            if (!state_held((enum state_field)f, &shape->particle, training)) continue;
            const struct h5_data data = head_field(shape, l, (enum state_field)f, name);
            h5_sketch_data(&file, &data, io_used()->alignment);
        }
    }
    memory_free(head.progress.rows);
    return h5_sketch_close(&file) + further_rows(n_rows, interacts);
}

static struct archive_head head_of(const struct archive_spec *spec, const struct organism_shape *shape)
{
    struct archive_head head = {.shape = *shape, .seed = spec->seed, .fraction = spec->fraction};
    for (int l = 0; l < shape->layers; l++) {
        if (!archive_wants(spec, l)) continue;
        head.layers[head.n_layers] = l;
        head.particles[head.n_layers++] = rows_chosen(shape, spec->seed, l, spec->fraction);
    }
    return head;
}

static int64_t segment_bytes(const struct archive_spec *spec, struct archive_head *head, int64_t records)
{
    struct h5 file;
    char name[64];
    head->n_rows = min_of(records, ROWS_MAX);
    head->rows = rows_new_empty(head->n_rows, spec->interacts);
    h5_sketch(&file);
    segment_head_put(&file, head);
    for (int k = 0; k < head->n_layers; k++) {
        const int layer = (int)head->layers[k];
        const int64_t n = head->particles[k], alignment = io_used()->alignment;
        archive_put_layer(&file, &head->shape, layer, NULL, n);
        struct h5_data data = archive_trajectory(&head->shape, layer, n, records, spec->compress, name);
        h5_sketch_data(&file, &data, alignment);
        data = archive_types(&head->shape, layer, n, records, spec->compress, name);
        h5_sketch_data(&file, &data, alignment);
    }
    memory_free(head->rows);
    return h5_sketch_close(&file) + further_rows(records, spec->interacts);
}

/* The master of so many segments. */
static int64_t master_bytes(const struct archive_spec *spec, struct archive_head *head, const char *config,
                            int64_t n_records, int64_t segments)
{
    static int64_t *const none[ORGANISM_LAYERS_MAX];
    struct h5 file;
    struct h5_source *sources = memory_new(segments, sizeof *sources);
    head->n_rows = min_of(n_records, ROWS_MAX);
    head->rows = rows_new_empty(head->n_rows, spec->interacts);
    for (int64_t i = 0; i < segments; i++)
        sources[i] = (struct h5_source){segment_name(i), min_of(i, n_records - 1), 1};
    h5_sketch(&file);
    master_put(&file, head, config, none, segments, sources);
    for (int64_t i = 0; i < segments; i++) memory_free(sources[i].path);
    memory_free(sources);
    memory_free(head->rows);
    return h5_sketch_close(&file) + further_rows(n_records, spec->interacts);
}

/* Records of the segment that begins with record `first`, n at most. */
static int64_t segment_records(const struct archive_spec *spec, int64_t first, int64_t n)
{
    const int64_t every = spec->trajectory_every, epoch = first * every;
    if (spec->segment_every == 0) return n;
    /* It ends with the last record up to the next multiple of segment_every epochs. */
    const int64_t end = ((epoch > 0 ? epoch - 1 : 0) / spec->segment_every + 1) * spec->segment_every;
    return min_of(n, end / every - first + 1);
}

int64_t archive_bytes(const struct archive_spec *spec, const struct organism_shape *shape, const char *config,
                      int64_t n_records)
{
    const int64_t room = spec->segment_bytes > 0 ? spec->segment_bytes : ARCHIVE_SEGMENT_BYTES;
    struct archive_head head = head_of(spec, shape);
    int64_t record = 0, bytes = 0, counted = 0, last = 0, segments = 0;
    for (int k = 0; k < head.n_layers; k++)
        record += head.particles[k] * ((int64_t)sizeof(float) * shape->particle.weights + 1);
    const int64_t most = record > 0 && room / record > 0 ? room / record : record > 0 ? 1 : INT32_MAX;
    for (int64_t first = 0, n; first < n_records; first += n, segments++) {
        n = min_of(segment_records(spec, first, n_records - first), most);
        if (n != counted) last = segment_bytes(spec, &head, counted = n);
        bytes += last;
    }
    if (n_records == 0) return 0;
    const int64_t joined = min_of(segments, SEGMENTS_MAX),
                  master = master_bytes(spec, &head, config, n_records, joined);
    if (joined == segments) return bytes + master;
    const int64_t half = master_bytes(spec, &head, config, n_records, joined / 2);
    return bytes + master + (segments - joined) * (master - half) / (joined - joined / 2);
}
