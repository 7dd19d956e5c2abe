#include "metazoa/store/moments_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "metazoa/base/memory.h"

enum { NAME = 96 };

static const char *const kinds[] = {[MOMENTS_PRODUCTS] = "products", [MOMENTS_SQUARES] = "squares"};

static void put_excluded(struct h5 *file, const char *group, int64_t n, struct moments *const *moments)
{
    char name[NAME], axis[NAME];
    int64_t *values = memory_new(n, sizeof *values);
    snprintf(name, sizeof name, "%s/excluded", group);
    snprintf(axis, sizeof axis, "%s/sums", group);
    for (int64_t i = 0; i < n; i++) values[i] = moments[i]->excluded;
    h5_put_index(file, axis, n, "number of the sums");
    struct h5_data data = {.name = name, .type = H5_I64, .row_axes = 1, .row_size = {n}, .scales = {axis}};
    data.description = "samples that were not finite";
    data.units = "1";
    h5_chunk_choose(&data, H5_CHUNK_BYTES);
    h5_put(file, &data, values);
    memory_free(values);
}

/* The rows of all moments of a kind, each with the moments' number before it. */
static uint64_t *rows_of(int64_t n, struct moments *const *moments, enum moments_kind kind, int64_t width,
                         int64_t *rows)
{
    uint64_t *all = NULL;
    *rows = 0;
    for (int64_t i = 0; i < n; i++) {
        if (moments[i]->kind != kind) continue;
        int64_t here;
        uint64_t *packed = moments_pack(moments[i], &here);
        all = memory_grow(all, (*rows + here) * width, sizeof *all);
        for (int64_t r = 0; r < here; r++) {
            uint64_t *row = all + (*rows)++ * width;
            row[0] = (uint64_t)i;
            memcpy(row + 1, packed + r * (width - 1), (size_t)(width - 1) * sizeof *row);
        }
        memory_free(packed);
    }
    return all ? all : memory_new(0, 1);
}

void moments_put(struct h5 *file, const char *group, int64_t n, struct moments *const *moments)
{
    h5_group(file, group, "exact sums of samples and of their products (docs/formats.md)");
    put_excluded(file, group, n, moments);
    for (int kind = MOMENTS_PRODUCTS; kind <= MOMENTS_SQUARES && n > 0; kind++) {
        char name[NAME], axis[2][NAME];
        int64_t rows;
        const int64_t width = 1 + moments_packed(moments[0]->weights, (enum moments_kind)kind);
        uint64_t *values = rows_of(n, moments, (enum moments_kind)kind, width, &rows);
        snprintf(name, sizeof name, "%s/%s", group, kinds[kind]);
        snprintf(axis[0], NAME, "%s/%s_row", group, kinds[kind]);
        snprintf(axis[1], NAME, "%s/%s_number", group, kinds[kind]);
        h5_put_index(file, axis[0], rows, "a class of samples of some sums");
        h5_put_index(file, axis[1], width,
                     "number of the sums, class, samples, then each sum: its low and its high 64 bits");
        struct h5_data data = {.name = name, .type = H5_U64, .row_axes = 1, .row_size = {rows}};
        data.has_width = true;
        data.width = width;
        data.description = "exact sums, in grains of their classes";
        data.units = "1";
        data.scales[0] = axis[0];
        data.scales[1] = axis[1];
        h5_chunk_choose(&data, H5_CHUNK_BYTES);
        h5_put(file, &data, values);
        memory_free(values);
    }
}

static bool get_excluded(struct h5 *file, const char *group, int64_t n, struct moments *const *moments)
{
    char name[NAME];
    snprintf(name, sizeof name, "%s/excluded", group);
    struct h5_data data = {.name = name, .type = H5_I64, .row_axes = 1};
    int64_t *values = h5_get(file, &data);
    if (values && data.row_size[0] != n) h5_problem(file, "%s has another length than it must", name);
    for (int64_t i = 0; i < n && !*file->problem; i++) moments[i]->excluded += values[i];
    memory_free(values);
    return !*file->problem;
}

bool moments_get(struct h5 *file, const char *group, int64_t n, struct moments *const *moments)
{
    bool sound = get_excluded(file, group, n, moments);
    for (int kind = MOMENTS_PRODUCTS; kind <= MOMENTS_SQUARES && n > 0 && sound; kind++) {
        char name[NAME];
        snprintf(name, sizeof name, "%s/%s", group, kinds[kind]);
        struct h5_data data = {.name = name, .type = H5_U64, .row_axes = 1, .has_width = true};
        const int64_t width = 1 + moments_packed(moments[0]->weights, (enum moments_kind)kind);
        uint64_t *values = h5_get(file, &data);
        sound = values && (data.width == width || data.row_size[0] == 0);
        for (int64_t r = 0; sound && r < data.row_size[0]; r++) {
            const uint64_t *row = values + r * width;
            sound = row[0] < (uint64_t)n && moments[row[0]]->kind == (enum moments_kind)kind &&
                    moments_unpack(moments[row[0]], row + 1);
        }
        if (!sound) h5_problem(file, "%s are no sums of these samples", name);
        memory_free(values);
    }
    return sound;
}

void running_moments(struct moments *moments, int weights, enum running_kind kind)
{
    moments_new(moments, weights, kind == RUNNING_FIRST ? MOMENTS_SQUARES : MOMENTS_PRODUCTS, MOMENTS_LEAST);
}

bool running_head_get(struct h5 *file, struct running_head *head)
{
    *head = (struct running_head){0};
    if (!h5_has(file, "/moments") || !h5_get_i64(file, "/moments", "records", 0, &head->records) ||
        !h5_get_i64(file, "/moments", "weights", 0, &head->weights) ||
        !h5_get_i64(file, "/moments", "archived", 0, &head->n_layers))
        return false;
    if (head->n_layers < 0 || head->n_layers > ORGANISM_LAYERS_MAX || head->weights < 1 ||
        head->weights > PARTICLE_WEIGHTS_MAX || head->records < 0)
        return h5_problem(file, "its running sums are of no organism");
    return head->n_layers == 0 ||
           h5_get_i64(file, "/moments", "archived_layers", (int)head->n_layers, head->layers);
}

bool running_sums_get(struct h5 *file, const struct running_head *head, struct moments *sums)
{
    struct moments *all[ORGANISM_LAYERS_MAX * RUNNING_KINDS];
    const int64_t n = head->n_layers * RUNNING_KINDS;
    for (int64_t i = 0; i < n; i++) all[i] = &sums[i];
    return moments_get(file, "/moments", n, all);
}

bool running_sound(struct h5 *file)
{
    struct running_head head;
    if (!running_head_get(file, &head)) return false;
    struct moments *sums = memory_new(head.n_layers * RUNNING_KINDS, sizeof *sums);
    for (int64_t i = 0; i < head.n_layers * RUNNING_KINDS; i++)
        running_moments(&sums[i], (int)head.weights, (enum running_kind)(i % RUNNING_KINDS));
    bool sound = running_sums_get(file, &head, sums);
    for (int64_t k = 0; k < head.n_layers && sound; k++) {
        char name[64];
        int64_t size[H5_AXES_MAX] = {0};
        snprintf(name, sizeof name, "/layers/%" PRId64 "/start", head.layers[k]);
        const int axes = h5_shape(file, name, size);
        const struct h5_data data = {.name = name,
                                     .type = H5_F32,
                                     .row_axes = axes - 1,
                                     .row_size = {size[0], size[1]},
                                     .has_width = true,
                                     .width = head.weights};
        sound = axes == 2 || axes == 3 ? h5_verify(file, &data) : h5_problem(file, "%s is missing", name);
    }
    for (int64_t i = 0; i < head.n_layers * RUNNING_KINDS; i++) moments_free(&sums[i]);
    memory_free(sums);
    return sound;
}
