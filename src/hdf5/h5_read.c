#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "metazoa/base/error.h"
#include "metazoa/base/file.h"
#include "h5_private.h"
#include "links.h"
#include "metazoa/base/memory.h"
#include "stored.h"

enum { CHUNK_CACHE_BYTES = 16 << 20 };
static const int64_t chunk_bytes_max = INT64_C(1) << 30; /* ours take about 1 MiB */
static const int64_t deflate_ratio_max = 1040;           /* deflate's own limit is 1032 */

/* That this process may open no more files says nothing of the file. */
static void check_spare(const char *path)
{
    const int again = open(path, O_RDONLY | O_CLOEXEC);
    if (again < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
        fatal("%s: cannot be opened: %s", path, strerror(errno));
    if (again >= 0) close(again);
}

bool h5_read_begin(struct h5 *file, const char *path)
{
    h5_quiet();
    *file = (struct h5){.id = -1, .path = path, .bytes = file_bytes(path)};
    if (file->bytes < 0) return h5_problem(file, "there is no such file");
    char reason[LINKS_REASON]; /* a pipe would keep the program waiting */
    if (!links_regular(path, reason)) return h5_problem(file, "%s", reason);
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fclose_degree(access, H5F_CLOSE_STRONG); /* a failed reading may leave its parts open */
    H5Pset_cache(access, 0, 521, CHUNK_CACHE_BYTES, 1);
    file->id = H5Fopen(path, H5F_ACC_RDONLY, access);
    if (file->id < 0) check_spare(path);
    const bool good = h5_ok(file, file->id, "cannot be opened as an HDF5 file");
    H5Pclose(access); /* last: every call of HDF5 forgets why the one before failed */
    return good;
}

void h5_read_end(struct h5 *file)
{
    if (file->id >= 0) H5Fclose(file->id);
    file->id = -1;
}

/* Whether there is a link of this name; one that leaves the file is a problem: HDF5 would open whatever it
 * names, also a pipe, and wait. */
static bool link_inside(struct h5 *file, const char *name)
{
    H5L_info_t info;
    if (H5Lexists(file->id, name, H5P_DEFAULT) <= 0 || H5Lget_info(file->id, name, &info, H5P_DEFAULT) < 0)
        return false;
    return info.type == H5L_TYPE_HARD ||
           h5_problem(file, "%s is a link to something else: copy what it stands for into the file", name);
}

bool h5_has(struct h5 *file, const char *name)
{
    /* Every group on the way must be there before the next link can be asked for. */
    char part[256];
    for (const char *at = strchr(name + 1, '/'); at; at = strchr(at + 1, '/')) {
        snprintf(part, sizeof part, "%.*s", (int)(at - name), name);
        if (!link_inside(file, part)) return false;
    }
    return link_inside(file, name);
}

bool h5_has_attribute(struct h5 *file, const char *object, const char *name)
{
    const htri_t there = H5Aexists_by_name(file->id, object, name, H5P_DEFAULT);
    return h5_ok(file, there, object) && there > 0;
}

int h5_attribute_values(struct h5 *file, const char *object, const char *name)
{
    if (!h5_has_attribute(file, object, name)) return -1;
    hid_t id = H5Aopen_by_name(file->id, object, name, H5P_DEFAULT, H5P_DEFAULT);
    hid_t space = id >= 0 ? H5Aget_space(id) : -1;
    const hssize_t n = space >= 0 ? H5Sget_simple_extent_npoints(space) : -1;
    if (space >= 0) H5Sclose(space);
    if (id >= 0) H5Aclose(id);
    return n > INT32_MAX ? -1 : (int)n;
}

/* Reads an attribute of exactly n values (0: a scalar) of a class, at most `size` bytes of text. */
static bool get_attribute(struct h5 *file, const char *object, const char *name, enum h5_type type, int n,
                          size_t size, void *values)
{
    char what[256];
    snprintf(what, sizeof what, "attribute %s of %s", name, object);
    hid_t id = H5Aopen_by_name(file->id, object, name, H5P_DEFAULT, H5P_DEFAULT);
    if (!h5_ok(file, id, what)) return false;
    hid_t stored = H5Aget_type(id), space = H5Aget_space(id);
    const H5T_class_t class = H5Tget_class(stored);
    const H5T_class_t wanted = type == H5_TEXT ? H5T_STRING : type == H5_F64 ? H5T_FLOAT : H5T_INTEGER;
    bool fits = class == wanted && H5Sget_simple_extent_npoints(space) == (n > 0 ? n : 1);
    const bool variable = class == H5T_STRING && H5Tis_variable_str(stored) > 0;
    if (type == H5_TEXT && !variable) fits = fits && H5Tget_size(stored) <= size;
    if (!fits) {
        h5_problem(file, "%s has another type or size than it must", what);
    } else if (variable) { /* as Python writes them */
        char *text = NULL;
        if (h5_ok(file, H5Aread(id, stored, &text), what)) snprintf(values, size, "%s", text ? text : "");
        H5free_memory(text);
    } else {
        if (type == H5_TEXT) memset(values, 0, size);
        hid_t memory = h5_type_new(type, false, (int64_t)size);
        if (type == H5_TEXT) H5Tset_cset(memory, H5Tget_cset(stored)); /* HDF5 converts none to another */
        h5_ok(file, H5Aread(id, memory, values), what);
        H5Tclose(memory);
    }
    H5Sclose(space);
    H5Tclose(stored);
    H5Aclose(id);
    return !*file->problem;
}

bool h5_get_i64(struct h5 *file, const char *object, const char *name, int n, int64_t *values)
{
    return get_attribute(file, object, name, H5_I64, n, 0, values);
}

bool h5_get_u64(struct h5 *file, const char *object, const char *name, uint64_t *value)
{
    return get_attribute(file, object, name, H5_U64, 0, 0, value);
}

bool h5_get_f64(struct h5 *file, const char *object, const char *name, int n, double *values)
{
    return get_attribute(file, object, name, H5_F64, n, 0, values);
}

bool h5_get_text(struct h5 *file, const char *object, const char *name, char *text, size_t size)
{
    bool got = get_attribute(file, object, name, H5_TEXT, 0, size, text);
    if (got) text[size - 1] = 0;
    return got;
}

/* Takes the sizes of the axes from the file into data. */
static bool take_axes(struct h5 *file, struct h5_data *data, const hsize_t *size, const hsize_t *chunk)
{
    int n = 0;
    for (int i = 0; i < data->has_record + data->row_axes + data->has_width; i++)
        if (size[i] > (hsize_t)INT64_MAX >> 24 || chunk[i] > (hsize_t)INT64_MAX >> 24 || chunk[i] < 1)
            return h5_problem(file, "%s is too large", data->name);
    if (data->has_record) {
        data->records = (int64_t)size[n];
        data->chunk_records = (int64_t)chunk[n++];
    }
    for (int i = 0; i < data->row_axes; i++) {
        data->row_size[i] = (int64_t)size[n];
        data->chunk_rows[i] = (int64_t)chunk[n++];
    }
    if (data->has_width) data->width = (int64_t)size[n++];
    return true;
}

/* Whether the file can hold what the dataset claims: nothing is allocated for a claim alone. */
static bool all_there(struct h5 *file, const struct h5_data *data, hid_t id, bool chunked, int axes,
                      const hsize_t *size, const hsize_t *chunk, size_t a_value)
{
    int64_t claim = (int64_t)a_value, a_chunk = data->type == H5_TEXT ? data->text_bytes : 8, chunks = 1;
    bool countable = data->text_bytes <= file->bytes * deflate_ratio_max;
    for (int i = 0; i < axes; i++)
        countable = countable && !__builtin_mul_overflow(claim, (int64_t)size[i], &claim) &&
                    !__builtin_mul_overflow(a_chunk, (int64_t)chunk[i], &a_chunk) &&
                    !__builtin_mul_overflow(chunks, (int64_t)((size[i] + chunk[i] - 1) / chunk[i]), &chunks);
    if (!countable || claim / deflate_ratio_max > file->bytes || (chunked && a_chunk > chunk_bytes_max))
        return h5_problem(file, "%s claims more than the file can hold", data->name);
    hsize_t there = 0;
    hid_t space = H5Dget_space(id); /* 1.10.8 does not take H5S_ALL here, though it says so */
    const bool counted = !chunked || H5Dget_num_chunks(id, space, &there) >= 0;
    H5Sclose(space);
    if (!counted || (chunked && (int64_t)there != chunks))
        return h5_problem(file, "%s is incomplete", data->name);
    if (!chunked && (int64_t)H5Dget_storage_size(id) < claim)
        return h5_problem(file, "%s is incomplete", data->name);
    return true;
}

static bool type_fits(struct h5_data *data, hid_t type)
{
    const H5T_class_t class = H5Tget_class(type);
    const size_t size = H5Tget_size(type);
    if (data->type == H5_TEXT) data->text_bytes = (int64_t)size;
    if (data->type == H5_TEXT) return class == H5T_STRING && H5Tis_variable_str(type) == 0;
    return size <= sizeof(long double) &&
           class == (data->type == H5_F32 || data->type == H5_F64 ? H5T_FLOAT : H5T_INTEGER);
}

static bool look(struct h5 *file, struct h5_data *data, hid_t id)
{
    hsize_t size[H5_AXES_MAX], chunk[H5_AXES_MAX];
    const int axes = data->has_record + data->row_axes + data->has_width;
    hid_t type = H5Dget_type(id), space = H5Dget_space(id), list = H5Dget_create_plist(id);
    const H5D_layout_t layout = H5Pget_layout(list);
    const bool chunked = layout == H5D_CHUNKED;
    char reason[LINKS_REASON];
    if (!type_fits(data, type))
        h5_problem(file, "%s has %s (of %zu bytes), but needs %s", data->name, h5_type_words(type),
                   H5Tget_size(type),
                   data->type == H5_TEXT                          ? "texts of a fixed length"
                   : data->type == H5_F32 || data->type == H5_F64 ? "floating-point numbers"
                                                                  : "integers");
    else if (H5Sget_simple_extent_ndims(space) != axes ||
             H5Sget_simple_extent_dims(space, size, NULL) != axes ||
             (chunked && H5Pget_chunk(list, axes, chunk) != axes))
        h5_problem(file, "%s has not %d axes, as it must", data->name, axes);
    else if (layout == H5D_VIRTUAL || H5Pget_external_count(list) != 0)
        h5_problem(file, "%s lies in another file", data->name);
    else if (!stored_filters(id, reason))
        h5_problem(file, "%s %s", data->name, reason);
    else {
        for (int i = 0; i < axes && !chunked; i++) chunk[i] = size[i] > 0 ? size[i] : 1;
        if (take_axes(file, data, size, chunk))
            all_there(file, data, id, chunked, axes, size, chunk, H5Tget_size(type));
    }
    H5Pclose(list);
    H5Sclose(space);
    H5Tclose(type);
    return !*file->problem;
}

bool h5_find(struct h5 *file, struct h5_data *data)
{
    data->id = -1;
    if (*file->problem) return false;
    if (!h5_has(file, data->name))
        return h5_problem(file, "%s is missing", data->name); /* or a link outside */
    data->id = H5Dopen2(file->id, data->name, H5P_DEFAULT);
    if (!h5_ok(file, data->id, data->name)) return false;
    if (look(file, data, data->id)) return true;
    h5_leave(data);
    return false;
}

void h5_leave(const struct h5_data *data)
{
    H5Dclose(data->id);
}

bool h5_read(struct h5 *file, const struct h5_data *data, int64_t record, int64_t n_records, int64_t begin,
             int64_t end, void *values)
{
    hid_t memory, space = h5_select(data, record, n_records, begin, end, &memory);
    hid_t type = h5_type_new(data->type, false, data->text_bytes);
    bool got = h5_ok(file, H5Dread(data->id, type, memory, space, H5P_DEFAULT, values), data->name);
    H5Tclose(type);
    H5Sclose(space);
    H5Sclose(memory);
    return got;
}

bool h5_digest_holds(struct h5 *file, const char *name, uint64_t digest)
{
    uint64_t stored;
    if (*file->problem || !h5_get_u64(file, name, "digest", &stored)) return false;
    return digest == stored || h5_problem(file, "%s: its digest is not the stored one", name);
}

void *h5_get(struct h5 *file, struct h5_data *data)
{
    if (!h5_find(file, data)) return NULL;
    const int64_t rows = h5_rows(data), records = data->has_record ? data->records : 1,
                  bytes = h5_row_bytes(data);
    char *values = memory_new(records * rows * bytes + 1, 1); /* text ends with a zero */
    uint64_t digest = 0;
    const bool got = h5_read(file, data, 0, records, 0, rows, values);
    for (int64_t i = 0; i < records && got; i++)
        digest += h5_digest(data, i, 0, rows, values + i * rows * bytes);
    const bool sound = h5_digest_holds(file, data->name, digest);
    h5_leave(data);
    if (sound) return values;
    memory_free(values);
    return NULL;
}
