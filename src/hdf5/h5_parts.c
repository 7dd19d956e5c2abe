/* Where the values of a dataset lie: files that a virtual one joins, chunks that are read as they are. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "h5_private.h"
#include "metazoa/base/memory.h"

int h5_shape(struct h5 *file, const char *name, int64_t size[H5_AXES_MAX])
{
    hsize_t sizes[H5S_MAX_RANK];
    hid_t id = h5_has(file, name) ? H5Dopen2(file->id, name, H5P_DEFAULT) : -1;
    hid_t space = id >= 0 ? H5Dget_space(id) : -1;
    int axes = space >= 0 ? H5Sget_simple_extent_dims(space, sizes, NULL) : -1;
    if (axes > H5_AXES_MAX) axes = -1;
    for (int i = 0; i < axes; i++) size[i] = (int64_t)sizes[i];
    if (space >= 0) H5Sclose(space);
    if (id >= 0) H5Dclose(id);
    return axes;
}

/* The records of a selection that spans all other axes; false: the selection is another one. */
static bool range_of(hid_t space, int axes, int64_t *first, int64_t *n)
{
    hsize_t size[H5S_MAX_RANK], low[H5S_MAX_RANK], high[H5S_MAX_RANK];
    if (H5Sget_simple_extent_dims(space, size, NULL) != axes) return false;
    if (H5Sget_select_bounds(space, low, high) < 0) return false;
    hsize_t volume = 1;
    for (int i = 0; i < axes; i++) {
        volume *= high[i] - low[i] + 1;
        if (i > 0 && (low[i] != 0 || high[i] + 1 != size[i])) return false;
    }
    *first = (int64_t)low[0];
    *n = (int64_t)(high[0] - low[0] + 1);
    return (hsize_t)H5Sget_select_npoints(space) == volume;
}

static bool source_of(hid_t list, size_t i, int axes, const char *name, struct h5_source *source)
{
    char path[4096] = "", other[256] = "";
    int64_t n = 0;
    H5Pget_virtual_filename(list, i, path, sizeof path);
    H5Pget_virtual_dsetname(list, i, other, sizeof other);
    hid_t there = H5Pget_virtual_srcspace(list, i), here = H5Pget_virtual_vspace(list, i);
    bool good = range_of(here, axes, &source->first, &source->n);
    if (H5Sget_select_type(there) != H5S_SEL_ALL) /* all of a dataset has no size here */
        good = good && range_of(there, axes, &source->offset, &n) && n == source->n;
    H5Sclose(here);
    H5Sclose(there);
    source->path = memory_string(path);
    return good && strcmp(other + (*other == '/'), name + 1) == 0;
}

static int by_first(const void *a, const void *b)
{
    const struct h5_source *x = a, *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

bool h5_sources(struct h5 *file, const char *name, int64_t *n, struct h5_source **sources)
{
    *n = 0;
    *sources = NULL;
    hid_t id = h5_has(file, name) ? H5Dopen2(file->id, name, H5P_DEFAULT) : -1;
    if (id < 0) return h5_problem(file, "%s is missing", name);
    hid_t list = H5Dget_create_plist(id), space = H5Dget_space(id);
    const int axes = H5Sget_simple_extent_ndims(space);
    hsize_t size[H5S_MAX_RANK] = {0};
    size_t count = 0;
    bool good = true;
    if (H5Pget_layout(list) == H5D_VIRTUAL) good = H5Pget_virtual_count(list, &count) >= 0;
    H5Sget_simple_extent_dims(space, size, NULL);
    *sources = memory_new((int64_t)count, sizeof **sources);
    for (size_t i = 0; i < count; i++) good = source_of(list, i, axes, name, &(*sources)[(*n)++]) && good;
    if (good && count > 0) {
        qsort(*sources, count, sizeof **sources, by_first);
        int64_t next = 0;
        for (int64_t i = 0; i < *n; next += (*sources)[i++].n) good = good && (*sources)[i].first == next;
        good = good && next == (int64_t)size[0];
    }
    H5Sclose(space);
    H5Pclose(list);
    H5Dclose(id);
    if (!good) h5_sources_free(*n, *sources);
    if (!good) *n = 0, *sources = NULL;
    return good || h5_problem(file, "%s does not join files record by record: %s verify says more", name,
                              program_called);
}

void h5_sources_free(int64_t n, struct h5_source *sources)
{
    for (int64_t i = 0; i < n; i++) memory_free(sources[i].path);
    memory_free(sources);
}

/* Whether chunks have the shape that data says, and all of the last axis. */
static bool shape_fits(const struct h5_data *data, hid_t list)
{
    hsize_t size[H5_AXES_MAX], ours[H5_AXES_MAX], theirs[H5_AXES_MAX];
    const int axes = h5_axes(data, size, ours);
    return H5Pget_chunk(list, axes, theirs) == axes &&
           memcmp(ours, theirs, (size_t)axes * sizeof *ours) == 0 &&
           (data->row_axes < 2 || data->chunk_rows[0] == 1 || data->chunk_rows[1] == data->row_size[1]);
}

bool h5_plain(const struct h5_data *data)
{
    hid_t list = H5Dget_create_plist(data->id), type = H5Dget_type(data->id),
          wanted = h5_type_new(data->type, true, data->text_bytes);
    const bool plain = H5Pget_layout(list) == H5D_CHUNKED && H5Pget_nfilters(list) == 0 &&
                       H5Tequal(type, wanted) > 0 && shape_fits(data, list);
    H5Tclose(wanted);
    H5Tclose(type);
    H5Pclose(list);
    return plain;
}

/* Bytes of the open file. Through its own descriptor: another file may have its name by now. */
static bool read_at(struct h5 *file, const char *name, char *into, int64_t n, int64_t place)
{
    void *handle = NULL;
    if (!h5_ok(file, H5Fget_vfd_handle(file->id, H5P_DEFAULT, &handle), name)) return false;
    while (n > 0) {
        const ssize_t got = pread(*(int *)handle, into, (size_t)n, (off_t)place);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return h5_problem(file, "%s: %s", name, strerror(errno));
        if (got == 0) return h5_problem(file, "%s: the file ends within it", name);
        into += got;
        place += got;
        n -= got;
    }
    return true;
}

bool h5_read_plain(struct h5 *file, const struct h5_data *data, int64_t record, int64_t n_records,
                   int64_t begin, int64_t end, void *values, int64_t stride)
{
    hsize_t size[H5_AXES_MAX], chunk[H5_AXES_MAX], at[H5_AXES_MAX] = {0}, bytes;
    const int axes = h5_axes(data, size, chunk);
    const int64_t edges = data->row_axes == 2 ? data->row_size[1] : 1,
                  row[2] = {data->row_axes == 2 ? begin / edges : begin, begin % edges};
    at[0] = (hsize_t)record / chunk[0] * chunk[0];
    for (int i = 0; i < data->row_axes; i++) at[1 + i] = (hsize_t)row[i] / chunk[1 + i] * chunk[1 + i];
    haddr_t place = 0;
    unsigned mask;
    hid_t id = data->id;
    if (!h5_ok(file, H5Dget_chunk_info_by_coord(id, at, &mask, &place, &bytes), data->name)) return false;
    if (place == HADDR_UNDEF || (int64_t)bytes != h5_chunk_bytes(data) || axes < 1)
        return h5_problem(file, "%s has a chunk that was never written", data->name);
    /* A record of the chunk is its rows, one after the other, also where cells end within it. */
    const int64_t row_bytes = h5_row_bytes(data), a_record = h5_chunk_bytes(data) / (int64_t)chunk[0];
    const int64_t across = data->row_axes == 2 ? (int64_t)chunk[2] : 1;
    const int64_t first =
        (row[0] - (int64_t)at[1]) * across + (data->row_axes == 2 ? row[1] - (int64_t)at[2] : 0);
    const int64_t from = (int64_t)place + (record - (int64_t)at[0]) * a_record + first * row_bytes,
                  n = (end - begin) * row_bytes;
    if (n == a_record && n == stride) return read_at(file, data->name, values, n_records * n, from);
    for (int64_t i = 0; i < n_records; i++)
        if (!read_at(file, data->name, (char *)values + i * stride, n, from + i * a_record)) return false;
    return true;
}
