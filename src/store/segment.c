/* Segments: the datasets and attributes of a file of consecutive records. All files of the archive use
 * them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "archive_file.h"
#include "checkpoint_file.h"
#include "columns.h"
#include "metazoa/base/file.h"
#include "metazoa/base/memory.h"
#include "metazoa/hdf5/share.h"
#include "metazoa/particle/census.h"

char *segment_name(int64_t number)
{
    return memory_print("archive/segment-%06" PRId64 ".h5", number);
}

char *segment_path(const char *run, int64_t number)
{
    return memory_print("%s/archive/segment-%06" PRId64 ".h5", run, number);
}

int64_t segment_number(const char *name)
{
    int64_t number = -1;
    char again[64];
    if (sscanf(name, "segment-%" SCNd64, &number) != 1 || number < 0) return -1;
    snprintf(again, sizeof again, "segment-%06" PRId64 ".h5", number);
    return strcmp(again, name) == 0 ? number : -1;
}

bool segment_named(struct h5 *file, const struct archive_head *head)
{
    const bool by_record = archive_version(head) == ARCHIVE_VERSION;
    const int64_t number = head->n_rows == 0 ? -1 : by_record ? head->first_record : head->rows[0].epoch;
    if (segment_number(file_name(file->path)) == number) return true;
    return h5_problem(file, "it was renamed: it begins with record %" PRId64 ", epoch %" PRId64,
                      head->first_record, head->n_rows > 0 ? head->rows[0].epoch : 0);
}

/* The axes of trajectories and types: record, cell, edge; or record, particle. */
static struct h5_data record_data(const struct organism_shape *shape, int layer, int64_t particles,
                                  int64_t records, int compress, char name[64], const char *what)
{
    static char axis[3][ORGANISM_LAYERS_MAX][32];
    static const char *const axes[3] = {"cell", "edge", "particle"};
    for (int i = 0; i < 3; i++)
        snprintf(axis[i][layer], sizeof axis[i][layer], "/layers/%d/%s", layer, axes[i]);
    snprintf(name, 64, "/layers/%d/%s", layer, what);
    const bool all = particles == organism_layer_particles(shape, layer);
    struct h5_data data = {
        .name = name,
        .has_record = true,
        .records = records,
        .chunk_records = records < ARCHIVE_CHUNK_RECORDS ? records : ARCHIVE_CHUNK_RECORDS,
        .row_axes = all ? 2 : 1,
        .row_size = {all ? shape->cells[layer + 1] : particles, all ? shape_edges(shape, layer) : 0},
        .compress = compress,
        .units = "1",
        .scales = {"/epoch", all ? axis[0][layer] : axis[2][layer], all ? axis[1][layer] : NULL}};
    return data;
}

struct h5_data archive_trajectory(const struct organism_shape *shape, int layer, int64_t particles,
                                  int64_t records, int compress, char name[64])
{
    struct h5_data data = record_data(shape, layer, particles, records, compress, name, "trajectory");
    data.type = H5_F32;
    data.has_width = true;
    data.width = shape->particle.weights;
    data.description = "weights of the particles after each of the epochs";
    data.scales[1 + data.row_axes] = "/weight";
    h5_chunk_choose(&data, H5_CHUNK_BYTES);
    return data;
}

struct h5_data archive_types(const struct organism_shape *shape, int layer, int64_t particles,
                             int64_t records, int compress, char name[64])
{
    struct h5_data data = record_data(shape, layer, particles, records, compress, name, "type");
    data.type = H5_U8;
    data.flags = particle_type_names;
    data.n_flags = TYPE_NAMES;
    data.description =
        "types of the particles: 0 divergent, 1 zero, 2 self-replicator, 3 secondary, 4 other, 5 pruned, "
        "255 not counted";
    h5_chunk_choose(&data, H5_CHUNK_BYTES);
    return data;
}

static void put_numbers(struct h5 *file, const char *name, enum h5_type type, int64_t n, const void *values,
                        const char *axis, const char *description)
{
    struct h5_data data = {.name = name,
                           .type = type,
                           .row_axes = 1,
                           .row_size = {n},
                           .description = description,
                           .units = "1",
                           .scales = {axis},
                           .is_scale = !axis};
    h5_chunk_choose(&data, H5_CHUNK_BYTES);
    h5_put(file, &data, values);
}

/* The axis of a layer that is archived in part: the chosen particles' ids, and for each its cell and edge. */
static void put_chosen(struct h5 *file, const struct organism_shape *shape, int layer, const int64_t *chosen,
                       int64_t n)
{
    char group[32], axis[48], name[48];
    snprintf(group, sizeof group, "/layers/%d", layer);
    snprintf(axis, sizeof axis, "%s/particle", group);
    int64_t *ids = memory_new(n, sizeof *ids);
    int32_t *place = memory_new(n, sizeof *place);
    h5_group(file, group, "particles between two layers of cells: a part of them, chosen at random");
    const int64_t edges = shape_edges(shape, layer);
    for (int64_t i = 0; i < n && chosen; i++) ids[i] = organism_particle_id(shape, layer, 0, 0) + chosen[i];
    put_numbers(file, axis, H5_I64, n, ids, NULL, "particle's number in the organism");
    for (int is_edge = 0; is_edge < 2; is_edge++) {
        snprintf(name, sizeof name, "%s/%s", group, is_edge ? "edge" : "cell");
        for (int64_t i = 0; i < n && chosen; i++)
            place[i] = (int32_t)(is_edge ? chosen[i] % edges : chosen[i] / edges);
        put_numbers(file, name, H5_I32, n, place, axis,
                    is_edge ? "cell of the layer before, or input, that it reads"
                            : "cell that a particle feeds");
    }
    memory_free(place);
    memory_free(ids);
}

void archive_put_layer(struct h5 *file, const struct organism_shape *shape, int layer, const int64_t *chosen,
                       int64_t particles)
{
    if (particles == organism_layer_particles(shape, layer))
        axes_put_layer(file, shape, layer);
    else
        put_chosen(file, shape, layer, chosen, particles);
}

struct archive_head archive_head_of(const struct archive *archive)
{
    struct archive_head head = {.shape = archive->organism->shape,
                                .seed = archive->organism->seed,
                                .fraction = archive->spec.fraction,
                                .n_layers = archive->n_kept,
                                .n_rows = archive->n_rows,
                                .rows = archive->rows};
    for (int k = 0; k < archive->n_kept; k++) {
        head.layers[k] = archive->kept[k].layer;
        head.particles[k] = archive->kept[k].rows.n_global;
    }
    return head;
}

void archive_head_put(struct h5 *file, const struct archive_head *head)
{
    shape_put(file, &head->shape);
    h5_put_u64(file, "/", "seed", head->seed);
    h5_put_f64(file, "/", "fraction", 0, &head->fraction);
    const int64_t n = head->n_layers;
    h5_put_i64(file, "/", "archived", 0, &n);
    h5_put_i64(file, "/", "archived_layers", head->n_layers, head->layers);
    h5_put_i64(file, "/", "archived_particles", head->n_layers, head->particles);
    columns_put(file, "/epoch", head->shape.loss == LOSS_CROSS_ENTROPY, head->rows, head->n_rows);
    axes_put_weight(file, &head->shape);
    h5_group(file, "/layers", "layers of particles, from the inputs to the outputs");
}

bool archive_head_get(struct h5 *file, struct archive_head *head, bool master)
{
    *head = (struct archive_head){0};
    int64_t n = 0;
    if (!format_get(file, master ? ARCHIVE_FORMAT : SEGMENT_FORMAT, ARCHIVE_VERSION) ||
        !shape_get(file, &head->shape) || !h5_get_u64(file, "/", "seed", &head->seed) ||
        !h5_get_f64(file, "/", "fraction", 0, &head->fraction) || !h5_get_i64(file, "/", "archived", 0, &n))
        return false;
    if (n < 1 || n > head->shape.layers) return h5_problem(file, "it claims %" PRId64 " archived layers", n);
    head->n_layers = (int)n;
    if (!h5_get_i64(file, "/", "archived_layers", (int)n, head->layers) ||
        !h5_get_i64(file, "/", "archived_particles", (int)n, head->particles))
        return false;
    const bool old = !h5_has_attribute(file, "/", "block_records");
    if (!master && (!h5_get_i64(file, "/", "first_record", 0, &head->first_record) ||
                    (!old && !h5_get_i64(file, "/", "block_records", 0, &head->block_records))))
        return false;
    for (int i = 0; i < head->n_layers; i++)
        if (head->layers[i] < 0 || head->layers[i] >= head->shape.layers || head->particles[i] < 0 ||
            head->particles[i] > organism_layer_particles(&head->shape, (int)head->layers[i]))
            return h5_problem(file, "it claims a layer %" PRId64 " of %" PRId64 " particles", head->layers[i],
                              head->particles[i]);
    head->rows = columns_get(file, "/epoch", head->shape.loss == LOSS_CROSS_ENTROPY, &head->n_rows);
    return head->rows != NULL;
}

void archive_head_free(struct archive_head *head)
{
    memory_free(head->rows);
    *head = (struct archive_head){0};
}

int64_t archive_version(const struct archive_head *head)
{
    return head->n_rows > 0 && head->rows[0].batch >= 0 ? ARCHIVE_VERSION : 1;
}

/* The attributes of a segment. */
static void segment_head_put(struct h5 *file, const struct archive_head *head)
{
    format_put(file, SEGMENT_FORMAT, archive_version(head), "consecutive records of a trajectory archive");
    h5_put_i64(file, "/", "first_record", 0, &head->first_record);
    h5_put_i64(file, "/", "block_records", 0, &head->block_records);
    archive_head_put(file, head);
}

/* Weights or types of a kept layer in n open records, from the open record `at` on: memory_free the list. */
static void **open_rows(const struct archive *archive, const struct kept *kept, bool is_type, int64_t at,
                        int64_t n)
{
    void **owned = memory_new(n, sizeof *owned);
    for (int64_t i = 0; i < n; i++)
        owned[i] = archive->open[at + i] + (is_type ? kept->types : kept->weights);
    return owned;
}

static struct h5_data open_data(const struct archive *archive, const struct kept *kept, bool is_type,
                                int64_t n, char name[64])
{
    return (is_type ? archive_types : archive_trajectory)(
        &archive->organism->shape, kept->layer, kept->rows.n_global, n, archive->spec.compress, name);
}

void segment_write(struct archive *archive, int64_t at, int64_t n)
{
    struct archive_head head = archive_head_of(archive);
    const int64_t begin = archive_begin(archive);
    head.first_record = begin + at;
    head.block_records = archive_block(archive, begin);
    head.rows += head.first_record;
    head.n_rows = n;
    struct comm *comm = archive->organism->grid->all;
    char *path = segment_path(archive->run, archive_number(archive, head.first_record)),
         *temporary = file_temporary(path), name[64];
    struct h5 file;
    h5_create(&file, temporary, comm, n * archive_record_bytes(archive));
    segment_head_put(&file, &head);
    for (int k = 0; k < archive->n_kept; k++) {
        const struct kept *kept = &archive->kept[k];
        archive_put_layer(&file, &head.shape, kept->layer, kept->chosen, kept->rows.n_global);
        for (int is_type = 0; is_type < 2; is_type++) {
            const struct h5_data data = open_data(archive, kept, is_type, n, name);
            void **owned = open_rows(archive, kept, is_type, at, n);
            rows_write(&kept->rows, &file, &data, owned);
            memory_free(owned);
        }
    }
    h5_close(&file);
    if (comm_rank(comm) == 0) file_replace(temporary, path);
    memory_free(temporary);
    memory_free(path);
}

bool segment_read(struct archive *archive, struct h5 *file, int64_t at, int64_t n)
{
    char name[64];
    archive_reserve(archive, at + n);
    for (int k = 0; k < archive->n_kept; k++) {
        const struct kept *kept = &archive->kept[k];
        for (int is_type = 0; is_type < 2; is_type++) {
            uint64_t digest = 0;
            struct h5_data data = open_data(archive, kept, is_type, n, name);
            void **owned = open_rows(archive, kept, is_type, at, n);
            rows_read(&kept->rows, file, &data, n, owned, &digest);
            if (data.records == n) h5_digest_holds(file, name, digest);
            memory_free(owned);
        }
    }
    return share_sound(archive->organism->grid->all, file);
}
