/* What verification asks of a file: whole datasets, the axes they lead to, the files that they join. */
#include <string.h>

#include "h5_private.h"
#include "metazoa/base/file.h"
#include "metazoa/base/guard.h"
#include "metazoa/base/memory.h"

enum { WINDOW_BYTES = 32 << 20 };

/* The scales of each axis, as a dataset has them: scales_free them. False: there are none, or not for so
 * many axes. */
static bool scales_get(hid_t id, int axes, hvl_t *list)
{
    hid_t attribute = H5Aopen(id, "DIMENSION_LIST", H5P_DEFAULT), type = H5Tvlen_create(H5T_STD_REF_OBJ);
    hid_t space = attribute >= 0 ? H5Aget_space(attribute) : -1;
    const bool got =
        space >= 0 && H5Sget_simple_extent_npoints(space) == axes && H5Aread(attribute, type, list) >= 0;
    if (space >= 0) H5Sclose(space);
    if (attribute >= 0) H5Aclose(attribute);
    H5Tclose(type);
    return got;
}

static void scales_free(int axes, hvl_t *list)
{
    hsize_t n = (hsize_t)axes;
    hid_t type = H5Tvlen_create(H5T_STD_REF_OBJ), space = H5Screate_simple(1, &n, NULL);
    H5Dvlen_reclaim(type, space, H5P_DEFAULT, list);
    H5Sclose(space);
    H5Tclose(type);
}

static bool scales_problem(struct h5 *file, const char *name)
{
    return h5_problem(file, "%s: its axes do not lead to their scales", name);
}

/* The axes of a dataset lead to the scales that they must. Of all that a file holds only these links have no
 * checksum. */
static bool scales_lead(struct h5 *file, const struct h5_data *data, hid_t id)
{
    const int axes = data->has_record + data->row_axes + data->has_width;
    bool any = false;
    for (int i = 0; i < axes; i++) any = any || data->scales[i];
    if (!any) return true;
    hvl_t list[H5_AXES_MAX] = {{0}};
    bool sound = scales_get(id, axes, list);
    for (int i = 0; i < axes && sound; i++) {
        char name[128] = "";
        sound = list[i].len == (data->scales[i] ? 1 : 0);
        if (!sound || !data->scales[i]) continue;
        hid_t scale = H5Rdereference2(id, H5P_DEFAULT, H5R_OBJECT, list[i].p);
        sound = scale >= 0 && H5Iget_name(scale, name, sizeof name) > 0 && strcmp(name, data->scales[i]) == 0;
        if (scale >= 0) H5Oclose(scale);
    }
    scales_free(axes, list);
    return sound || scales_problem(file, data->name);
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
    uint64_t digest = 0;
    if (!h5_find(file, &data)) return false;
    const int64_t records = data.has_record ? data.records : 1, rows = h5_rows(&data);
    if (shape_sound(file, &data, must) && scales_lead(file, &data, data.id)) {
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
        h5_digest_holds(file, data.name, digest);
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

/* Digest of n records from `first` on, numbered from 0. A failure is in the file. */
static uint64_t records_digest(struct h5 *file, const struct h5_data *data, int64_t first, int64_t n)
{
    uint64_t digest = 0;
    for (int64_t record = 0; record < n && !*file->problem; record++)
        for (int64_t chunk = 0; chunk < h5_chunks(data) && !*file->problem;) {
            const int64_t begin = h5_chunk_begin(data, chunk), end = h5_window_end(data, &chunk, 1);
            char *values = memory_new((end - begin) * h5_row_bytes(data), 1);
            if (h5_read(file, data, first + record, 1, begin, end, values))
                digest += h5_digest(data, record, begin, end, values);
            memory_free(values);
            guard_alive();
        }
    return digest;
}

/* A part of a virtual dataset: records [first, first + n) as a reader gets them. */
struct part {
    char *path;
    int64_t first, n;
    uint64_t digest;
};

/* Part i, with its digest: its file is there, and it follows the parts before it. */
static bool part_get(struct h5 *file, const struct h5_data *whole, hid_t list, size_t i, int64_t records,
                     struct part *part)
{
    char name[256] = "";
    hsize_t low[H5_AXES_MAX] = {0}, high[H5_AXES_MAX] = {0};
    H5Pget_virtual_filename(list, i, name, sizeof name);
    const char *slash = strrchr(file->path, '/');
    part->path = *name == '/' || !slash
                     ? memory_string(name)
                     : memory_print("%.*s/%s", (int)(slash - file->path), file->path, name);
    hid_t space = H5Pget_virtual_vspace(list, i);
    const bool known = space >= 0 && H5Sget_select_bounds(space, low, high) >= 0;
    if (space >= 0) H5Sclose(space);
    part->first = (int64_t)low[0];
    part->n = (int64_t)(high[0] - low[0]) + 1;
    if (!file_exists(part->path))
        return h5_problem(file, "%s: its part %s is missing", whole->name, part->path);
    if (!known || part->first != records || records + part->n > whole->records)
        return h5_problem(file, "%s: its parts are not side by side", whole->name);
    part->digest = records_digest(file, whole, part->first, part->n);
    return !*file->problem;
}

/* What a reader gets is what the file of the part holds. */
static bool part_sound(struct h5 *file, const struct h5_data *whole, const struct part *part)
{
    struct h5 source;
    struct h5_data data = *whole;
    if (h5_read_begin(&source, part->path) && h5_find(&source, &data)) {
        if (data.records < part->n || h5_rows(&data) != h5_rows(whole) ||
            records_digest(&source, &data, 0, part->n) != part->digest)
            h5_problem(&source, "read through the archive, its records are others");
        h5_leave(&data);
    }
    if (*source.problem) h5_problem(file, "%s: %s: %s", whole->name, part->path, source.problem);
    h5_read_end(&source);
    return !*file->problem;
}

/* All parts. The dataset is closed before their files are opened: HDF5 keeps them open as long as it is. */
static bool parts_sound(struct h5 *file, struct h5_data *whole, hid_t list)
{
    size_t n = 0, got = 0;
    int64_t records = 0;
    if (h5_rows(whole) > 0 && (H5Pget_virtual_count(list, &n) < 0 || n == 0))
        h5_problem(file, "%s leads nowhere", whole->name);
    struct part *parts = memory_new((int64_t)n, sizeof *parts);
    for (; got < n && !*file->problem; got++) {
        part_get(file, whole, list, got, records, &parts[got]);
        records += parts[got].n;
    }
    if (n > 0 && !*file->problem && records != whole->records)
        h5_problem(file, "%s: records from %lld on are in no part", whole->name, (long long)records);
    h5_leave(whole);
    for (size_t i = 0; i < got && !*file->problem; i++) part_sound(file, whole, &parts[i]);
    for (size_t i = 0; i < got; i++) memory_free(parts[i].path);
    memory_free(parts);
    return !*file->problem;
}

/* A virtual dataset must lie in files that are there, next to this one, and be read from them as a reader
 * will: HDF5 fills in what it cannot find. An empty one is none and in no file. */
bool h5_verify_virtual(struct h5 *file, const struct h5_data *must)
{
    struct h5_data whole = *must;
    hid_t id = H5Dopen2(file->id, must->name, H5P_DEFAULT);
    if (id < 0) return h5_problem(file, "%s is missing", must->name);
    hid_t list = H5Dget_create_plist(id), space = H5Dget_space(id);
    hsize_t size[H5_AXES_MAX], found[H5_AXES_MAX], chunk[H5_AXES_MAX];
    const int axes = h5_axes(must, size, chunk);
    bool sound = H5Sget_simple_extent_ndims(space) == axes &&
                 H5Sget_simple_extent_dims(space, found, NULL) == axes &&
                 memcmp(size, found, (size_t)axes * sizeof *size) == 0;
    if (!sound) h5_problem(file, "%s has another shape than it must", must->name);
    H5Sclose(space);
    sound = sound && scales_lead(file, must, id);
    whole.id = id;
    if (sound)
        sound = parts_sound(file, &whole, list);
    else
        H5Dclose(id);
    H5Pclose(list);
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

/* The type of a stored dataset's values among ours; H5_TYPES: none of them. */
static enum h5_type type_found(hid_t id)
{
    hid_t type = H5Dget_type(id);
    const size_t size = H5Tget_size(type);
    const H5T_class_t class = H5Tget_class(type);
    enum h5_type found = H5_TYPES;
    if (class == H5T_STRING && H5Tis_variable_str(type) == 0) found = H5_TEXT;
    if (class == H5T_FLOAT && size == 4) found = H5_F32;
    if (class == H5T_FLOAT && size == 8) found = H5_F64;
    if (class == H5T_INTEGER && size == 1) found = H5_U8;
    if (class == H5T_INTEGER && size == 4) found = H5_I32;
    if (class == H5T_INTEGER && size == 8) found = H5Tget_sign(type) == H5T_SGN_NONE ? H5_U64 : H5_I64;
    H5Tclose(type);
    return found;
}

static int axes_found(hid_t id)
{
    hid_t space = H5Dget_space(id);
    const int axes = H5Sget_simple_extent_ndims(space);
    H5Sclose(space);
    return axes;
}

/* Reads values of any type, some rows of the first axis at a time. */
static bool reads_well(struct h5 *file, const char *name, hid_t id)
{
    hid_t type = H5Dget_type(id), space = H5Dget_space(id);
    hsize_t size[H5S_MAX_RANK] = {1}, start[H5S_MAX_RANK] = {0};
    const int axes = H5Sget_simple_extent_dims(space, size, NULL);
    const hssize_t all = H5Sget_simple_extent_npoints(space);
    const hsize_t rows = axes > 0 ? size[0] : 1;
    const int64_t row = all > 0 ? (int64_t)H5Tget_size(type) * all / (int64_t)rows : 1;
    const hsize_t step = row < WINDOW_BYTES ? (hsize_t)(WINDOW_BYTES / row) : 1;
    bool sound = true;
    for (hsize_t at = 0; at < rows && all > 0 && sound; at += step) {
        start[0] = at;
        size[0] = rows - at < step ? rows - at : step;
        char *values = memory_new((int64_t)size[0] * row, 1);
        hid_t memory = axes > 0 ? H5Screate_simple(axes, size, NULL) : H5Screate(H5S_SCALAR);
        if (axes > 0) H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, size, NULL);
        sound = h5_ok(file, H5Dread(id, type, memory, space, H5P_DEFAULT, values), name);
        H5Sclose(memory);
        memory_free(values);
        guard_alive();
    }
    H5Sclose(space);
    H5Tclose(type);
    return sound;
}

static bool dataset_sound(struct h5 *file, const char *name, hid_t id)
{
    const int axes = axes_found(id);
    struct h5_data data = {.name = name, .type = type_found(id), .has_record = axes > 2};
    data.row_axes = axes > 3 ? 2 : axes > 0;
    data.has_width = axes > 1;
    if (data.type == H5_TYPES || axes > 4 || !h5_has_attribute(file, name, "digest"))
        return reads_well(file, name, id);
    if (!h5_find(file, &data)) return false;
    h5_leave(&data);
    return h5_verify(file, &data);
}

/* Whether a scale's own list has this axis of a dataset. */
static bool scale_has(hid_t scale, hobj_ref_t set, int axis)
{
    bool has = false;
    hid_t list = H5Aopen(scale, "REFERENCE_LIST", H5P_DEFAULT), space = list >= 0 ? H5Aget_space(list) : -1,
          type = h5_scale_user_type();
    const hssize_t n = space >= 0 ? H5Sget_simple_extent_npoints(space) : 0;
    struct scale_user *user = memory_new(n, sizeof *user);
    if (n > 0 && H5Aread(list, type, user) >= 0)
        for (hssize_t i = 0; i < n; i++) has = has || (user[i].data == set && user[i].axis == (uint32_t)axis);
    memory_free(user);
    H5Tclose(type);
    if (space >= 0) H5Sclose(space);
    if (list >= 0) H5Aclose(list);
    return has;
}

/* The scales of a dataset's axes lead back to it: their lists have HDF5's checksums, the dataset's has none. */
static bool scales_answer(struct h5 *file, const char *name, hid_t id)
{
    hobj_ref_t set;
    hvl_t list[H5S_MAX_RANK] = {{0}};
    const int axes = axes_found(id);
    if (H5Aexists(id, "DIMENSION_LIST") <= 0) return true;
    bool sound = scales_get(id, axes, list) && H5Rcreate(&set, file->id, name, H5R_OBJECT, -1) >= 0;
    for (int i = 0; i < axes && sound; i++)
        for (size_t j = 0; j < list[i].len && sound; j++) {
            hid_t scale = H5Rdereference2(id, H5P_DEFAULT, H5R_OBJECT, (const hobj_ref_t *)list[i].p + j);
            sound = scale >= 0 && scale_has(scale, set, i);
            if (scale >= 0) H5Oclose(scale);
        }
    if (axes > 0) scales_free(axes, list);
    return sound || scales_problem(file, name);
}

/* For H5Lvisit: calls `look` for each dataset, until there is a problem. */
struct visit {
    struct h5 *file;
    bool (*look)(struct h5 *file, const char *name, hid_t id);
    bool (*skip)(const char *name);
};

static herr_t visit_object(hid_t group, const char *name, const H5L_info_t *info, void *context)
{
    (void)group;
    const struct visit *visit = context;
    struct h5 *file = visit->file;
    char *path = memory_print("/%s", name);
    hid_t id = info->type == H5L_TYPE_HARD ? H5Oopen(file->id, path, H5P_DEFAULT) : -1;
    if (!h5_ok(file, id, path))
        (void)0;
    else if (H5Iget_type(id) == H5I_DATASET && !(visit->skip && visit->skip(path)))
        visit->look(file, path, id);
    if (id >= 0) H5Oclose(id);
    memory_free(path);
    return *file->problem ? 1 : 0;
}

static bool visit_all(struct visit visit)
{
    const herr_t visited = H5Lvisit(visit.file->id, H5_INDEX_NAME, H5_ITER_INC, visit_object, &visit);
    return !*visit.file->problem && h5_ok(visit.file, visited, "its groups");
}

bool h5_scales_sound(struct h5 *file)
{
    return visit_all((struct visit){file, scales_answer, NULL});
}

bool h5_verify_everything(struct h5 *file, bool (*skip)(const char *name))
{
    return h5_attributes_sound(file) && h5_scales_sound(file) &&
           visit_all((struct visit){file, dataset_sound, skip});
}
