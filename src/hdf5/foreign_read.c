/* Elements of datasets of others, by the meaning that attributes give them. */
#include <float.h>
#include <hdf5.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "convention.h"
#include "h5_private.h"
#include "links.h"
#include "metazoa/base/guard.h"
#include "metazoa/base/memory.h"

enum { PIECE = 1 << 20 }; /* elements that are read at a time, or a row of chunks */

/* Reads rows [row, row + n) and columns [begin, begin + held) to the first columns of out [n][stride]. */
static bool read_block(const struct foreign_data *data, hid_t type, int64_t row, int64_t n, int64_t begin,
                       int64_t held, int64_t stride, void *out, struct problems *found)
{
    if (n == 0 || held == 0) return true;
    hsize_t start[2] = {(hsize_t)row, (hsize_t)begin}, count[2] = {(hsize_t)n, (hsize_t)held};
    hsize_t origin[2] = {0, 0}, shape[2] = {(hsize_t)n, (hsize_t)stride};
    hid_t from = H5Dget_space(data->id), to = H5Screate_simple(data->rank, shape, NULL);
    bool good = from >= 0 && to >= 0 &&
                H5Sselect_hyperslab(from, H5S_SELECT_SET, start, NULL, count, NULL) >= 0 &&
                H5Sselect_hyperslab(to, H5S_SELECT_SET, origin, NULL, count, NULL) >= 0 &&
                H5Dread(data->id, type, to, from, H5P_DEFAULT, out) >= 0;
    char text[H5_REASON_BYTES];
    if (!good)
        problems_add(found, EXIT_INPUT, "%s: %s: cannot be read: %s", data->file->path, data->name,
                     h5_reason(text));
    if (to >= 0) H5Sclose(to);
    if (from >= 0) H5Sclose(from);
    guard_alive();
    return good;
}

static bool never_written(const struct foreign_data *data, int64_t row, struct problems *found)
{
    problems_add(found, EXIT_INPUT,
                 "%s: %s: sample %lld was never written: it is nothing but fill values (%g)",
                 data->file->path, data->name, (long long)row, data->convention.fill);
    return false;
}

static bool missing(const struct foreign_data *data, int64_t row, int64_t column, double stored,
                    struct problems *found)
{
    problems_add(
        found, EXIT_INPUT,
        "%s: %s: sample %lld, column %lld: the value is missing (%g, by its attributes): fill it in or "
        "leave the sample out",
        data->file->path, data->name, (long long)row, (long long)column, stored);
    return false;
}

/* What was stored becomes what it means; no element of these rows may be missing. */
static bool interpret(const struct foreign_data *data, double *values, int64_t row, int64_t n, int64_t begin,
                      int64_t held, struct problems *found)
{
    const struct convention *convention = &data->convention;
    for (int64_t i = 0; i < n; i++) {
        double *line = values + i * held;
        int64_t filled = 0;
        for (int64_t k = 0; k < held; k++) {
            if (convention->wrap > 0 && line[k] < 0) line[k] += convention->wrap;
            if (convention_missing(convention, line[k]))
                return missing(data, row + i, begin + k, line[k], found);
            filled += line[k] == convention->fill;
        }
        if (convention->filled && filled == data->size[1]) return never_written(data, row + i, found);
    }
    convention_apply(convention, values, n * held);
    return true;
}

/* Rows of the file's own pieces, so that a chunk is unpacked only once. */
static int64_t piece_rows(const struct foreign_data *data, int64_t held)
{
    int64_t rows = PIECE / (held > 0 ? held : 1);
    rows -= rows % data->chunk;
    return rows > 0 ? rows : data->chunk;
}

/* A number as float32. One that is too small for a normal float32 becomes 0, as in all arithmetic; one
 * that is too large is a problem. */
static bool narrow(struct foreign_data *data, double value, int64_t row, int64_t column, float *out,
                   struct problems *found)
{
    const float narrow = (float)value;
    const bool normal = fabsf(narrow) >= FLT_MIN;
    *out = normal || isnan(narrow) ? narrow : 0.0f;
    data->vanished += !normal && value != 0;
    if (isfinite(narrow)) return true;
    problems_add(found, EXIT_INPUT, "%s: %s: sample %lld, column %lld: expected a finite float32, found %g",
                 data->file->path, data->name, (long long)row, (long long)column, value);
    return false;
}

static bool read_by_meaning(struct foreign_data *data, int64_t n, int64_t begin, int64_t held, int64_t stride,
                            float *out, struct problems *found)
{
    int64_t most = piece_rows(data, held);
    if (most > n) most = n;
    double *values = memory_new(most * held, sizeof *values);
    bool good = true;
    for (int64_t row = 0; row < n && good; row += most) {
        const int64_t now = n - row < most ? n - row : most;
        good = read_block(data, H5T_NATIVE_DOUBLE, row, now, begin, held, held, values, found) &&
               interpret(data, values, row, now, begin, held, found);
        for (int64_t i = 0; i < now; i++)
            for (int64_t k = 0; k < held && good; k++)
                good = narrow(data, values[i * held + k], row + i, begin + k, &out[(row + i) * stride + k],
                              found);
    }
    memory_free(values);
    return good;
}

/* Elements that are float32 already, to the place where they stay. */
static bool read_as_stored(struct foreign_data *data, int64_t n, int64_t begin, int64_t held, int64_t stride,
                           float *out, struct problems *found)
{
    bool good = read_block(data, H5T_NATIVE_FLOAT, 0, n, begin, held, stride, out, found);
    for (int64_t row = 0; row < n && good; row++)
        for (int64_t k = 0; k < held && good; k++) {
            float *at = &out[row * stride + k];
            if (!isnormal(*at)) good = narrow(data, (double)*at, row, begin + k, at, found);
        }
    return good;
}

bool foreign_data_floats(struct foreign_data *data, int64_t n, int64_t begin, int64_t held, int64_t stride,
                         float *out, struct problems *found)
{
    hid_t type = H5Dget_type(data->id);
    const bool wide = H5Tget_size(type) > sizeof(float);
    H5Tclose(type);
    return wide || !convention_plain(&data->convention)
               ? read_by_meaning(data, n, begin, held, stride, out, found)
               : read_as_stored(data, n, begin, held, stride, out, found);
}

/* A class that int64 does not hold, which HDF5 has clipped. */
static bool too_large(const struct foreign_data *data, int64_t row, int64_t clipped, struct problems *found)
{
    uint64_t label = (uint64_t)clipped;
    if (clipped == INT64_MAX && !read_block(data, H5T_NATIVE_UINT64, row, 1, 0, 1, 1, &label, found))
        return false;
    problems_add(found, EXIT_INPUT, "%s: %s: sample %lld: expected a class, found %" PRIu64, data->file->path,
                 data->name, (long long)row, label);
    return false;
}

bool foreign_data_integers(const struct foreign_data *data, int64_t begin, int64_t end, int64_t *out,
                           struct problems *found)
{
    const struct convention *convention = &data->convention;
    if (!read_block(data, H5T_NATIVE_INT64, begin, end - begin, 0, 1, 1, out, found)) return false;
    for (int64_t i = 0; i < end - begin; i++) {
        if (convention->wrap > 0 && out[i] < 0 && convention->wrap < 0x1p63)
            out[i] += (int64_t)convention->wrap;
        if (out[i] == INT64_MAX || (out[i] < 0 && convention->wrap >= 0x1p63))
            return too_large(data, begin + i, out[i], found);
        if (convention_missing(convention, (double)out[i]))
            return missing(data, begin + i, 0, (double)out[i], found);
        if (convention->filled && (double)out[i] == convention->fill)
            return never_written(data, begin + i, found);
    }
    return true;
}
