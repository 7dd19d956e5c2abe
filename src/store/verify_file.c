/* One file, read whole, by a child process. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive_file.h"
#include "checkpoint_file.h"
#include "metazoa/base/file.h"
#include "metazoa/base/guard.h"
#include "../hdf5/h5_private.h"
#include "metazoa/base/memory.h"
#include "verify_file.h"

static const int64_t window_bytes = 32 << 20;

/* The axes of a dataset lead to the scales that they must. Of all that a file holds only these links have no
 * checksum. */
static bool scales_sound(struct h5 *file, const struct h5_data *data, hid_t id)
{
    const int axes = data->has_record + data->row_axes + data->has_width;
    bool any = false;
    for (int i = 0; i < axes; i++) any = any || data->scales[i];
    if (!any) return true;
    hvl_t list[H5_AXES_MAX] = {{0}};
    hid_t attribute = H5Aopen(id, "DIMENSION_LIST", H5P_DEFAULT), type = H5Tvlen_create(H5T_STD_REF_OBJ);
    hid_t space = attribute >= 0 ? H5Aget_space(attribute) : -1;
    bool sound =
        space >= 0 && H5Sget_simple_extent_npoints(space) == axes && H5Aread(attribute, type, list) >= 0;
    for (int i = 0; i < axes && sound; i++) {
        char name[128] = "";
        sound = list[i].len == (data->scales[i] ? 1 : 0);
        if (!sound || !data->scales[i]) continue;
        hid_t scale = H5Rdereference2(id, H5P_DEFAULT, H5R_OBJECT, list[i].p);
        sound = scale >= 0 && H5Iget_name(scale, name, sizeof name) > 0 && strcmp(name, data->scales[i]) == 0;
        if (scale >= 0) H5Oclose(scale);
    }
    if (space >= 0) H5Sclose(space);
    if (attribute >= 0) H5Aclose(attribute);
    H5Tclose(type); /* the lists themselves end with this process */
    return sound || h5_problem(file, "%s: its axes do not lead to their scales", data->name);
}

/* Rows a window holds: whole chunks. Returns the end of the window that begins with a chunk, and moves to the
 * next. */
static int64_t window_end(const struct h5_data *data, int64_t *chunk, int64_t n_records)
{
    const int64_t begin = h5_chunk_begin(data, *chunk),
                  bytes = h5_row_bytes(data) * (n_records > 0 ? n_records : 1);
    int64_t end = h5_chunk_begin(data, ++*chunk);
    while (*chunk < h5_chunks(data) && (h5_chunk_begin(data, *chunk + 1) - begin) * bytes <= window_bytes)
        end = h5_chunk_begin(data, ++*chunk);
    return end;
}

/* Compares all that was found with what must be. */
static bool shape_sound(struct h5 *file, const struct h5_data *data, const struct h5_data *must)
{
    bool same = data->records == must->records || !must->has_record;
    for (int i = 0; i < must->row_axes; i++) same = same && data->row_size[i] == must->row_size[i];
    same = same && (!must->has_width || data->width == must->width);
    return same || h5_problem(file, "%s has another shape than it must", must->name);
}

/* A dataset: shape, axes, checksums of all chunks, digest. */
static bool data_sound(struct h5 *file, const struct h5_data *must)
{
    struct h5_data data = *must;
    uint64_t digest = 0, stored = 0;
    hid_t id = h5_find(file, &data);
    if (id < 0) return false;
    const int64_t records = data.has_record ? data.records : 1, rows = h5_rows(&data);
    if (shape_sound(file, &data, must) && scales_sound(file, &data, id) &&
        h5_get_u64(file, data.name, "digest", &stored)) {
        const int64_t deep = data.has_record ? data.chunk_records : 1;
        for (int64_t record = 0; record < records && rows > 0 && !*file->problem; record += deep) {
            const int64_t n = records - record < deep ? records - record : deep;
            for (int64_t chunk = 0; chunk < h5_chunks(&data) && !*file->problem;) {
                const int64_t begin = h5_chunk_begin(&data, chunk), end = window_end(&data, &chunk, n);
                const int64_t bytes = (end - begin) * h5_row_bytes(&data);
                char *values = memory_new(n * bytes, 1);
                h5_read(file, &data, id, record, n, begin, end, values);
                for (int64_t i = 0; i < n; i++)
                    digest += h5_digest(&data, record + i, begin, end, values + i * bytes);
                memory_free(values);
                guard_alive();
            }
        }
        if (!*file->problem && digest != stored)
            h5_problem(file, "%s: its digest is not the stored one", data.name);
    }
    H5Dclose(id);
    return !*file->problem;
}

static bool index_sound(struct h5 *file, const char *name, int64_t n)
{
    struct h5_data data = {.name = name, .type = H5_I32, .row_axes = 1, .row_size = {n}};
    return data_sound(file, &data);
}

static bool axes_sound(struct h5 *file, const struct organism_shape *shape, int layer)
{
    char name[64];
    snprintf(name, sizeof name, "/layers/%d/cell", layer);
    if (!index_sound(file, name, shape->cells[layer + 1])) return false;
    snprintf(name, sizeof name, "/layers/%d/edge", layer);
    return index_sound(file, name, shape->cells[layer]) &&
           index_sound(file, "/weight", shape->particle.weights);
}

static bool chosen_sound(struct h5 *file, int layer, int64_t n)
{
    static const char *const names[] = {"particle", "cell", "edge"};
    char axis[64], name[64];
    snprintf(axis, sizeof axis, "/layers/%d/particle", layer);
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "/layers/%d/%s", layer, names[i]);
        struct h5_data data = {.name = name,
                               .type = i == 0 ? H5_I64 : H5_I32,
                               .row_axes = 1,
                               .row_size = {n},
                               .scales = {i ? axis : NULL}};
        if (!data_sound(file, &data)) return false;
    }
    return true;
}

/* What the particles of a layer add to the fingerprint. */
static uint64_t layer_fingerprint(struct h5 *file, const struct organism_shape *shape, int layer)
{
    char name[FIELD_COUNT][64];
    struct h5_data data[FIELD_COUNT];
    hid_t id[FIELD_COUNT];
    uint64_t sum = 0;
    for (int f = 0; f < FIELD_COUNT; f++) {
        data[f] = head_field(shape, layer, (enum state_field)f, name[f]);
        /* Version 0.1 wrote zeros for a field that its scalars did not hold: no part of the fingerprint. */
        const bool held = state_held((enum state_field)f, &shape->particle, NULL) && h5_has(file, name[f]);
        id[f] = held ? h5_find(file, &data[f]) : -1;
    }
    for (int64_t chunk = 0; chunk < h5_chunks(&data[0]) && !*file->problem;) {
        const int64_t begin = h5_chunk_begin(&data[0], chunk), end = window_end(&data[0], &chunk, 1);
        float *values[FIELD_COUNT] = {0};
        const float *at[FIELD_COUNT];
        for (int f = 0; f < FIELD_COUNT; f++) {
            if (id[f] < 0) continue;
            values[f] = memory_new((end - begin) * data[f].width, sizeof(float));
            h5_read(file, &data[f], id[f], 0, 1, begin, end, values[f]);
        }
        for (int64_t row = begin; row < end; row++) {
            for (int f = 0; f < FIELD_COUNT; f++)
                at[f] = values[f] ? values[f] + (row - begin) * data[f].width : NULL;
            sum +=
                organism_particle_hash(organism_particle_id(shape, layer, 0, 0) + row, &shape->particle, at);
        }
        for (int f = 0; f < FIELD_COUNT; f++) memory_free(values[f]);
        guard_alive();
    }
    for (int f = 0; f < FIELD_COUNT; f++)
        if (id[f] >= 0) H5Dclose(id[f]);
    return sum;
}

static bool checkpoint_sound(struct h5 *file, FILE *out)
{
    struct head head;
    uint64_t fingerprint = 0;
    char name[64];
    bool sound = head_get(file, &head);
    for (int l = 0; l < head.shape.layers && sound; l++) {
        sound = axes_sound(file, &head.shape, l);
        for (int f = 0; f < FIELD_COUNT && sound; f++) {
            const struct h5_data data = head_field(&head.shape, l, (enum state_field)f, name);
            if (f == FIELD_WEIGHTS || h5_has(file, name)) sound = data_sound(file, &data);
        }
        if (sound) fingerprint += layer_fingerprint(file, &head.shape, l);
    }
    sound = sound &&
            columns_scales_sound(file, "/metrics/epoch", head.shape.loss == LOSS_CROSS_ENTROPY, scales_sound);
    sound = sound && !*file->problem;
    if (sound && fingerprint != head.fingerprint)
        sound =
            h5_problem(file, "the fingerprint of its particles is %016" PRIx64 ", not the stored %016" PRIx64,
                       fingerprint, head.fingerprint);
    if (sound && head.progress.batch > 0)
        fprintf(out, "checkpoint, epoch %" PRId64 ", batch %" PRId64 ", fingerprint %016" PRIx64,
                head.progress.epoch, head.progress.batch, fingerprint);
    else if (sound)
        fprintf(out, "checkpoint, epoch %" PRId64 ", fingerprint %016" PRIx64, head.progress.epoch,
                fingerprint);
    head_free(&head);
    return sound;
}

/* A virtual dataset must lie in files that are there, next to this one; an empty one is none and in no file. */
static bool virtual_sound(struct h5 *file, const struct h5_data *must)
{
    hid_t id = H5Dopen2(file->id, must->name, H5P_DEFAULT);
    if (id < 0) return h5_problem(file, "%s is missing", must->name);
    hid_t list = H5Dget_create_plist(id), space = H5Dget_space(id);
    hsize_t size[H5_AXES_MAX], found[H5_AXES_MAX], chunk[H5_AXES_MAX];
    const int axes = h5_axes(must, size, chunk);
    size_t n = 0;
    bool sound = H5Sget_simple_extent_ndims(space) == axes &&
                 H5Sget_simple_extent_dims(space, found, NULL) == axes &&
                 memcmp(size, found, (size_t)axes * sizeof *size) == 0;
    if (!sound) h5_problem(file, "%s has another shape than it must", must->name);
    if (sound && h5_rows(must) > 0 && (H5Pget_virtual_count(list, &n) < 0 || n == 0))
        sound = h5_problem(file, "%s leads nowhere", must->name);
    for (size_t i = 0; i < n && sound; i++) {
        char name[256] = "";
        H5Pget_virtual_filename(list, i, name, sizeof name);
        const char *slash = strrchr(file->path, '/');
        char *path = *name == '/' || !slash
                         ? memory_string(name)
                         : memory_print("%.*s/%s", (int)(slash - file->path), file->path, name);
        if (!file_exists(path)) sound = h5_problem(file, "%s: its part %s is missing", must->name, path);
        memory_free(path);
    }
    sound = sound && scales_sound(file, must, id);
    H5Sclose(space);
    H5Pclose(list);
    H5Dclose(id);
    return sound;
}

static bool is_virtual(struct h5 *file, const char *name)
{
    hid_t id = H5Dopen2(file->id, name, H5P_DEFAULT);
    if (id < 0) return false;
    hid_t list = H5Dget_create_plist(id);
    const bool is = H5Pget_layout(list) == H5D_VIRTUAL;
    H5Pclose(list);
    H5Dclose(id);
    return is;
}

static bool records_sound(struct h5 *file, FILE *out, bool master)
{
    struct archive_head head;
    char name[64], *config = NULL;
    bool sound = archive_head_get(file, &head, master), joined = false;
    for (int k = 0; k < head.n_layers && sound; k++) {
        const int layer = (int)head.layers[k];
        const int64_t particles = head.particles[k];
        const bool all = particles == organism_layer_particles(&head.shape, layer);
        sound = all ? axes_sound(file, &head.shape, layer) : chosen_sound(file, layer, particles);
        for (int is_type = 0; is_type < 2 && sound; is_type++) {
            const struct h5_data data = (is_type ? archive_types : archive_trajectory)(
                &head.shape, layer, particles, head.n_rows, 0, name);
            const bool joins = master && is_virtual(file, name);
            joined |= joins;
            sound =
                joins || (master && particles == 0) ? virtual_sound(file, &data) : data_sound(file, &data);
        }
    }
    sound =
        sound && columns_scales_sound(file, "/epoch", head.shape.loss == LOSS_CROSS_ENTROPY, scales_sound);
    if (sound && master) {
        config = config_get(file);
        sound = config != NULL;
    }
    if (sound && head.n_rows > 0)
        fprintf(out, "%s, %" PRId64 " records, epochs %" PRId64 " to %" PRId64,
                joined   ? "archive, joins segments"
                : master ? "archive"
                         : "segment",
                head.n_rows, head.rows[0].epoch, head.rows[head.n_rows - 1].epoch);
    memory_free(config);
    archive_head_free(&head);
    return sound;
}

/* In the child: what the file claims to be decides. */
static bool file_sound(void *path, FILE *out)
{
    struct h5 file;
    char format[64] = "";
    bool sound = h5_read_begin(&file, path) && h5_get_text(&file, "/", "format", format, sizeof format);
    if (!sound)
        (void)0;
    else if (strcmp(format, CHECKPOINT_FORMAT) == 0)
        sound = checkpoint_sound(&file, out);
    else if (strcmp(format, SEGMENT_FORMAT) == 0 || strcmp(format, ARCHIVE_FORMAT) == 0)
        sound = records_sound(&file, out, strcmp(format, ARCHIVE_FORMAT) == 0);
    else
        sound = h5_problem(&file, "its format is \"%s\": no checkpoint, segment or archive", format);
    if (!sound) fputs(file.problem, out);
    h5_read_end(&file);
    return sound;
}

bool verify_file(const char *path, FILE *out)
{
    char reason[128], *text = NULL;
    size_t length = 0;
    FILE *memory = open_memstream(&text, &length);
    const bool sound = guard_run(file_sound, (char *)(uintptr_t)path, memory, 60, reason);
    fclose(memory);
    text[strcspn(text, "\n")] = 0;
    if (sound)
        fprintf(out, "%s: ok: %s\n", path, text);
    else
        fprintf(out, "%s: DAMAGED: %s%s%s\n", path, reason, *reason && *text ? ": " : "", text);
    fflush(out);
    free(text);
    return sound;
}
