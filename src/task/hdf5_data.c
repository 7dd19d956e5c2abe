#include "hdf5_data.h"

#include <hdf5.h>

#include "stream.h"

/* The deepest one of HDF5's errors. */
static herr_t take_text(unsigned n, const H5E_error2_t *error, void *out)
{
    if (n == 0) snprintf(out, 200, "%s", error->desc ? error->desc : "");
    return 0;
}

static void hdf5_problem(const char *path, const char *name, const char *what, struct problems *found)
{
    char text[200] = "";
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_text, text);
    problems_add(found, EXIT_INPUT, "%s: %s%s%s%s%s", path, name, *name ? ": " : "", what,
                 *text ? "; HDF5 says: " : "", text);
}

bool hdf5_file_open(struct hdf5_file *file, const char *path, struct problems *found)
{
    *file = (struct hdf5_file){.path = path, .id = -1};
    if (!path_is_regular(path, found)) return false;
    /* HDF5 would print its errors by itself, also at its end, when a damaged file has upset it. */
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    file->id = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    if (file->id < 0) hdf5_problem(path, "", "cannot be opened as an HDF5 file", found);
    return file->id >= 0;
}

void hdf5_file_close(struct hdf5_file *file)
{
    if (file->id >= 0) H5Fclose(file->id);
    *file = (struct hdf5_file){.id = -1};
}

bool hdf5_file_has(const struct hdf5_file *file, const char *name)
{
    return H5Lexists(file->id, name, H5P_DEFAULT) > 0;
}

/* Type and rank, and the sizes of all dimensions; false for what is no array of at least one element. */
static bool look(struct hdf5_data *data, hsize_t size[H5S_MAX_RANK])
{
    hid_t space = H5Dget_space(data->id), type = H5Dget_type(data->id);
    H5T_class_t class = H5Tget_class(type);
    data->is_float = class == H5T_FLOAT;
    data->is_integer = class == H5T_INTEGER;
    data->rank = H5Sget_simple_extent_type(space) == H5S_SIMPLE ? H5Sget_simple_extent_ndims(space) : 0;
    bool full = data->rank > 0 && H5Sget_simple_extent_dims(space, size, NULL) == data->rank;
    int length = snprintf(data->what, sizeof data->what, "%s%zu [",
                          data->is_float     ? "float"
                          : data->is_integer ? "integer"
                                             : "another type, bits: ",
                          8 * H5Tget_size(type));
    for (int i = 0; i < data->rank; i++) {
        if (i < 2) data->size[i] = (int64_t)size[i];
        if (length < 60)
            length += snprintf(data->what + length, sizeof data->what - (size_t)length,
                               i > 0 ? ", %lld" : "%lld", (long long)size[i]);
        full = full && 0 < size[i] && size[i] <= INT64_MAX / 64;
    }
    snprintf(data->what + length, sizeof data->what - (size_t)length, "]");
    H5Tclose(type);
    H5Sclose(space);
    return full;
}

/* product *= factor, unless that is beyond 64 bits. */
static bool multiply(hsize_t *product, hsize_t factor)
{
    return factor > 0 && !__builtin_mul_overflow(*product, factor, product);
}

/* all_stored for a chunked dataset. Without filters the bytes are known, too (with them: hdf5_chunks.h). */
static bool all_chunks_stored(const struct hdf5_data *data, hid_t list, const hsize_t *size, hsize_t bytes)
{
    hsize_t chunk[H5S_MAX_RANK], chunks = 1, there = 0;
    if (H5Pget_chunk(list, data->rank, chunk) != data->rank) return false;
    for (int i = 0; i < data->rank; i++)
        if (!multiply(&bytes, chunk[i]) || !multiply(&chunks, (size[i] - 1) / chunk[i] + 1)) return false;
    hid_t space = H5Dget_space(data->id);
    bool stored = H5Dget_num_chunks(data->id, space, &there) >= 0 && there >= chunks;
    H5Sclose(space);
    if (stored && H5Pget_nfilters(list) == 0)
        stored = multiply(&bytes, there) && H5Dget_storage_size(data->id) == bytes;
    return stored;
}

/* Whether as much was stored as the shape claims: memory is taken by what the file holds, not by what it
 * says. */
static bool all_stored(const struct hdf5_data *data, const hsize_t *size)
{
    hid_t list = H5Dget_create_plist(data->id), type = H5Dget_type(data->id);
    hsize_t bytes = H5Tget_size(type);
    bool stored = true;
    if (H5Pget_layout(list) == H5D_CHUNKED)
        stored = all_chunks_stored(data, list, size, bytes);
    else if (H5Pget_layout(list) == H5D_CONTIGUOUS && H5Pget_external_count(list) == 0) {
        for (int i = 0; i < data->rank && stored; i++) stored = multiply(&bytes, size[i]);
        stored = stored && H5Dget_storage_size(data->id) >= bytes;
    }
    H5Tclose(type);
    H5Pclose(list);
    return stored;
}

bool hdf5_data_open(struct hdf5_data *data, const struct hdf5_file *file, const char *name,
                    struct problems *found)
{
    hsize_t size[H5S_MAX_RANK] = {0};
    int n = found->n;
    *data = (struct hdf5_data){.file = file, .name = name};
    data->id = H5Dopen2(file->id, name, H5P_DEFAULT);
    if (data->id < 0) {
        data->id = 0;
        hdf5_problem(file->path, name, "expected a dataset, found none", found);
    } else if (!look(data, size))
        problems_add(found, EXIT_INPUT, "%s: %s: expected an array of at least one element, found %s",
                     file->path, name, data->what);
    else if ((data->is_float || data->is_integer) && !all_stored(data, size))
        problems_add(found, EXIT_INPUT,
                     "%s: %s: expected %s, but not all of that was ever written to the file", file->path,
                     name, data->what);
    return found->n == n;
}

void hdf5_data_close(struct hdf5_data *data)
{
    if (data->id > 0) H5Dclose(data->id);
    *data = (struct hdf5_data){0};
}

/* Reads [0, n) x [begin, begin + held) of the file's array to the first columns of memory's [n][stride]. */
static bool read_block(const struct hdf5_data *data, hid_t type, int64_t n, int64_t begin, int64_t held,
                       int64_t stride, void *out, struct problems *found)
{
    if (n == 0 || held == 0) return true;
    hsize_t start[2] = {0, (hsize_t)begin}, count[2] = {(hsize_t)n, (hsize_t)held};
    hsize_t origin[2] = {0, 0}, shape[2] = {(hsize_t)n, (hsize_t)stride};
    hid_t from = H5Dget_space(data->id), to = H5Screate_simple(data->rank, shape, NULL);
    bool good = from >= 0 && to >= 0 &&
                H5Sselect_hyperslab(from, H5S_SELECT_SET, start, NULL, count, NULL) >= 0 &&
                H5Sselect_hyperslab(to, H5S_SELECT_SET, origin, NULL, count, NULL) >= 0 &&
                H5Dread(data->id, type, to, from, H5P_DEFAULT, out) >= 0;
    if (!good) hdf5_problem(data->file->path, data->name, "cannot be read", found);
    if (to >= 0) H5Sclose(to);
    if (from >= 0) H5Sclose(from);
    return good;
}

bool hdf5_data_floats(const struct hdf5_data *data, int64_t n, int64_t begin, int64_t held, int64_t stride,
                      float *out, struct problems *found)
{
    return read_block(data, H5T_NATIVE_FLOAT, n, begin, held, stride, out, found);
}

bool hdf5_data_integers(const struct hdf5_data *data, int64_t n, int64_t *out, struct problems *found)
{
    return read_block(data, H5T_NATIVE_INT64, n, 0, 1, 1, out, found);
}
