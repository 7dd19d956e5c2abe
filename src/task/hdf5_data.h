/*
 * Reading datasets of an HDF5 file, by one process for itself. All functions are local; they return false
 * when they have added a problem (EXIT_INPUT) that names file and dataset, and what HDF5 says.
 */
#ifndef METAZOA_TASK_HDF5_DATA_H
#define METAZOA_TASK_HDF5_DATA_H

#include <stdbool.h>
#include <stdint.h>

#include "metazoa/base/error.h"

struct hdf5_file {
    const char *path; /* not owned */
    int64_t id;       /* -1: not open */
};

struct hdf5_data {
    const struct hdf5_file *file;
    const char *name;
    int64_t id; /* 0: not open */
    bool is_float, is_integer;
    int rank;
    int64_t size[2]; /* of the first two dimensions; all are at least 1 */
    char what[96];   /* type and shape, for messages: "float32 [60000, 784]" */
};

/* Close it in any case. */
bool hdf5_file_open(struct hdf5_file *file, const char *path, struct problems *found);
void hdf5_file_close(struct hdf5_file *file);

/* Whether there is an object of this name. */
bool hdf5_file_has(const struct hdf5_file *file, const char *name);

/*
 * Opens a dataset and looks at its type and shape. The file must hold all of its elements: one that claims
 * more than was ever written is a problem. Close it in any case.
 */
bool hdf5_data_open(struct hdf5_data *data, const struct hdf5_file *file, const char *name,
                    struct problems *found);
void hdf5_data_close(struct hdf5_data *data);

/* Reads rows [0, n) and columns [begin, begin + held) to out [n][stride]. */
bool hdf5_data_floats(const struct hdf5_data *data, int64_t n, int64_t begin, int64_t held, int64_t stride,
                      float *out, struct problems *found);

/* Reads elements [0, n). */
bool hdf5_data_integers(const struct hdf5_data *data, int64_t n, int64_t *out, struct problems *found);

#endif
