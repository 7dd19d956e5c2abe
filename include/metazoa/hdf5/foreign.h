/*
 * Reading HDF5 files that others have written: arrays of numbers, as they are used by h5py, netCDF-4 and the
 * like. All functions are local: one process reads by itself. They return false when they have added a
 * problem (EXIT_INPUT) that names file and dataset.
 *
 * Nothing that HDF5 fills in is taken for data (what is missing in a virtual dataset, in raw data outside the
 * file, chunks that were never written), and links leave the file for regular files only.
 *
 * Attributes of netCDF-4 are applied as the Python package netCDF4 applies them: scale_factor, add_offset,
 * _Unsigned. An element is missing when it equals _FillValue or a missing_value, or lies outside valid_range
 * (valid_min, valid_max); in a file of netCDF also when it equals the fill value of its type and there is no
 * _FillValue (types of one byte have none). A missing element is a problem that names its row and column.
 * The source of a virtual dataset must have no such attributes, or the same as the virtual dataset.
 *
 * Elsewhere subnormal numbers count as zero (base/processor.h). Between foreign_open and foreign_close they
 * do not: what is stored may be subnormal where scale_factor makes it normal.
 */
#ifndef METAZOA_HDF5_FOREIGN_H
#define METAZOA_HDF5_FOREIGN_H

#include <fenv.h>
#include <stdbool.h>
#include <stdint.h>

#include "metazoa/base/error.h"

struct foreign {
    const char *path; /* borrowed */
    int64_t id;       /* of HDF5; -1: not open */
    fenv_t before;    /* how this process computed before foreign_open */
};

enum { FOREIGN_MISSING = 16 };

/* What the attributes of a dataset say of its elements; all numbers are as they are stored. */
struct convention {
    bool scaled, single; /* value = stored * scale + offset; computed in float32, otherwise in float64 */
    double scale, offset;
    double wrap; /* _Unsigned: 2^bits is added to what is negative; otherwise 0 */
    int n_missing;
    double missing[FOREIGN_MISSING];
    double low, high; /* what is outside is missing */
    double near;      /* what differs by less, relative to these, is equal to them */
    double step;      /* so is what differs by half a subnormal number's step, if they are larger */
    bool filled;      /* a whole row of `fill` was never written */
    double fill;
};

struct foreign_data {
    const struct foreign *file; /* borrowed */
    const char *name;           /* borrowed */
    int64_t id, owner;          /* of HDF5: the dataset, and a file that a link has led to; 0: none */
    bool is_float, is_integer;
    int rank;
    int64_t size[2]; /* of the first two dimensions; all are at least 1 */
    int64_t chunk;   /* rows of a chunk, or 1 */
    char what[96];   /* type and shape, for messages: "float32 [60000, 784]" */
    struct convention convention;
    int64_t vanished; /* values read so far that are not 0, but smaller than any normal float32 */
};

/* foreign_close it even if this fails. */
bool foreign_open(struct foreign *file, const char *path, struct problems *found);
void foreign_close(struct foreign *file);

/* Whether there is an object of this name. */
bool foreign_has(const struct foreign *file, const char *name);

/* Opens a dataset and looks at its type, shape and attributes. foreign_data_close it even if this fails. */
bool foreign_data_open(struct foreign_data *data, const struct foreign *file, const char *name,
                       struct problems *found);
void foreign_data_close(struct foreign_data *data);

/*
 * Whether rows [0, rows) are really stored, by stored.h. Slow (packed chunks are unpacked), and where damaged
 * data can make HDF5 crash: call it in a child process (base/guard.h). Call it before the functions below.
 */
bool foreign_data_check(const struct foreign_data *data, int64_t rows, struct problems *found);

/* Whether its elements lie in other datasets: another process may find those changed, or not find them. */
bool foreign_data_virtual(const struct foreign_data *data);

/* Whether only reading all rows can show that they are good: packed by a filter that foreign_data_check does
 * not know, or with a fill value of its own. */
bool foreign_data_must_try(const struct foreign_data *data);

/* Reads rows [0, n) and columns [begin, begin + held) to out [n][stride]. All numbers are finite. Those whose
 * magnitude is below 2^-126 become 0, and data->vanished counts them. */
bool foreign_data_floats(struct foreign_data *data, int64_t n, int64_t begin, int64_t held, int64_t stride,
                         float *out, struct problems *found);

/* Reads rows [begin, end) of a dataset of one dimension. */
bool foreign_data_integers(const struct foreign_data *data, int64_t begin, int64_t end, int64_t *out,
                           struct problems *found);

#endif
