/* What verification asks of a file: whole datasets, the axes they lead to, the files that they join. */
#include <string.h>

#include "h5_private.h"
#include "metazoa/base/file.h"
#include "metazoa/base/guard.h"
#include "metazoa/base/memory.h"

enum { WINDOW_BYTES = 32 << 20 };

/* The axes of a dataset lead to the scales that they must. Of all that a file holds only these links have no
 * checksum. */
static bool scales_lead(struct h5 *file, const struct h5_data *data, hid_t id)
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
int64_t h5_window_end(const struct h5_data *data, int64_t *chunk, int64_t n_records)
{
    const int64_t begin = h5_chunk_begin(data, *chunk),
                  bytes = h5_row_bytes(data) * (n_records > 0 ? n_records : 1);
    int64_t end = h5_chunk_begin(data, ++*chunk);
    while (*chunk < h5_chunks(data) && (h5_chunk_begin(data, *chunk + 1) - begin) * bytes <= WINDOW_BYTES)
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
bool h5_verify(struct h5 *file, const struct h5_data *must)
{
    struct h5_data data = *must;
    uint64_t digest = 0, stored = 0;
    if (!h5_find(file, &data)) return false;
    const int64_t records = data.has_record ? data.records : 1, rows = h5_rows(&data);
    if (shape_sound(file, &data, must) && scales_lead(file, &data, data.id) &&
        h5_get_u64(file, data.name, "digest", &stored)) {
        const int64_t deep = data.has_record ? data.chunk_records : 1;
        for (int64_t record = 0; record < records && rows > 0 && !*file->problem; record += deep) {
            const int64_t n = records - record < deep ? records - record : deep;
            for (int64_t chunk = 0; chunk < h5_chunks(&data) && !*file->problem;) {
                const int64_t begin = h5_chunk_begin(&data, chunk), end = h5_window_end(&data, &chunk, n);
                const int64_t bytes = (end - begin) * h5_row_bytes(&data);
                char *values = memory_new(n * bytes, 1);
                h5_read(file, &data, record, n, begin, end, values);
                for (int64_t i = 0; i < n; i++)
                    digest += h5_digest(&data, record + i, begin, end, values + i * bytes);
                memory_free(values);
                guard_alive();
            }
        }
        if (!*file->problem && digest != stored)
            h5_problem(file, "%s: its digest is not the stored one", data.name);
    }
    h5_leave(&data);
    return !*file->problem;
}

bool h5_verify_scales(struct h5 *file, const struct h5_data *must)
{
    struct h5_data data = *must;
    if (!h5_find(file, &data)) return false;
    const bool sound = scales_lead(file, &data, data.id);
    h5_leave(&data);
    return sound;
}

/* A virtual dataset must lie in files that are there, next to this one; an empty one is none and in no file.
 */
bool h5_verify_virtual(struct h5 *file, const struct h5_data *must)
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
    sound = sound && scales_lead(file, must, id);
    H5Sclose(space);
    H5Pclose(list);
    H5Dclose(id);
    return sound;
}

bool h5_is_virtual(struct h5 *file, const char *name)
{
    hid_t id = H5Dopen2(file->id, name, H5P_DEFAULT);
    if (id < 0) return false;
    hid_t list = H5Dget_create_plist(id);
    const bool is = H5Pget_layout(list) == H5D_VIRTUAL;
    H5Pclose(list);
    H5Dclose(id);
    return is;
}
