/* Task files in HDF5: written by a recipe that a test changes, read as a task. */
#ifndef HDF5_FILES_H
#define HDF5_FILES_H

#include <hdf5.h>

#include "task_tests.h"

enum { N = 23, M = 6, INPUTS = 21, OUTPUTS = 3, CLASSES = 5 };

static inline float x_at(int test, int s, int i)
{
    return (float)((s * 131 + i * 17 + test * 1009) % 997) / 64 - 7;
}

/* How a file is written: everything that a damage may change. */
struct recipe {
    hid_t type_x, type_y; /* memory and file type */
    int rank_x, rank_y;
    hsize_t n, m, inputs, outputs, labels; /* labels: rows of /y */
    int chunk;                             /* rows of a chunk; 0: contiguous */
    bool deflate, with_test;
    bool edges_plain;    /* chunks that the rows fill in part are not deflated */
    const char *without; /* name that is left out */
    double bad;          /* value of sample 4, column 2 of /x, if not 0 */
    int64_t bad_label;   /* of sample 4, if not 0 */
    hsize_t test_inputs, test_outputs;
};

static inline struct recipe good_recipe(void)
{
    return (struct recipe){.type_x = H5T_NATIVE_FLOAT,
                           .type_y = H5T_NATIVE_INT64,
                           .rank_x = 2,
                           .rank_y = 1,
                           .n = N,
                           .m = M,
                           .inputs = INPUTS,
                           .outputs = OUTPUTS,
                           .labels = N,
                           .with_test = true,
                           .without = "",
                           .test_inputs = INPUTS,
                           .test_outputs = OUTPUTS};
}

/* Writes doubles as a dataset of the given type. */
static inline void put(hid_t file, const char *name, const struct recipe *r, hid_t type, int rank,
                       hsize_t rows, hsize_t columns, const double *values)
{
    if (strcmp(name, r->without) == 0) return;
    hsize_t size[3] = {rows, columns, 1}, chunk[3] = {(hsize_t)r->chunk, columns, 1};
    if (rank == 1) size[0] = rows;
    hid_t list = H5Pcreate(H5P_DATASET_CREATE);
    if (r->chunk) H5Pset_chunk(list, rank, chunk);
    if (r->deflate) H5Pset_deflate(list, 6);
    if (r->edges_plain) H5Pset_chunk_opts(list, H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS);
    hid_t space = rank == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(rank, size, NULL);
    hid_t data = H5Dcreate2(file, name, type, space, H5P_DEFAULT, list, H5P_DEFAULT);
    if (data < 0) exit(1);
    if (rows > 0 && H5Tget_class(type) != H5T_STRING)
        H5Dwrite(data, H5T_NATIVE_DOUBLE, space, space, H5P_DEFAULT, values);
    H5Dclose(data);
    H5Sclose(space);
    H5Pclose(list);
}

static inline void put_set(hid_t file, const struct recipe *r, int test)
{
    int n = (int)(test ? r->m : r->n), inputs = (int)(test ? r->test_inputs : r->inputs),
        outputs = (int)(test ? r->test_outputs : r->outputs);
    double *x = calloc((size_t)(n * inputs + 1), sizeof *x),
           *y = calloc((size_t)(n * outputs + 99), sizeof *y);
    for (int s = 0; s < n; s++)
        for (int i = 0; i < inputs; i++) x[s * inputs + i] = (double)x_at(test, s, i);
    if (!test && r->bad != 0) x[4 * inputs + 2] = r->bad;
    for (int i = 0; i < n * (r->rank_y == 2 ? outputs : 1); i++)
        y[i] = r->rank_y == 2 ? i / 8.0 : (i * 3 + test) % CLASSES;
    if (r->bad_label != 0) y[4] = (double)r->bad_label;
    put(file, test ? "/test/x" : "/x", r, r->type_x, r->rank_x, (hsize_t)n, (hsize_t)inputs, x);
    put(file, test ? "/test/y" : "/y", r, r->type_y, r->rank_y, test ? (hsize_t)n : r->labels,
        (hsize_t)outputs, y);
    free(x);
    free(y);
}

static inline void write_file(const struct recipe *r)
{
    hid_t file = H5Fcreate(task_file, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    put_set(file, r, 0);
    if (r->with_test) {
        H5Gclose(H5Gcreate2(file, "/test", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
        put_set(file, r, 1);
    }
    H5Fclose(file);
}

static inline struct task_spec spec_new(double noise)
{
    return (struct task_spec){.kind = TASK_HDF5, .path = task_file, .noise = noise, .seed = 9};
}

static inline void check_x(const struct dataset *data, int test, int64_t samples, int begin, int end)
{
    assert_int_equal(data->samples, samples);
    for (int s = 0; s < samples; s++)
        for (int i = begin; i < end; i++)
            assert_true(data->x[s * data->stride + i - begin] == x_at(test, s, i));
}

#endif
