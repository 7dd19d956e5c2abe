/*
 * HDF5 in few words. Writing: a failure is fatal, with HDF5's own reason; in a file of a group of ranks every
 * function is collective and all arguments but the rows are equal on all ranks. Reading: by this process
 * alone; a failure returns false and leaves its reason in the file's `problem`.
 *
 * Nothing but the arguments decides the bytes of a written file: object times are off, all groups and
 * attributes are stored in one way, space for chunks is taken in the order of the calls.
 */
#ifndef METAZOA_HDF5_H5_H
#define METAZOA_HDF5_H5_H

#include <hdf5.h>
#include <stdbool.h>
#include <stdint.h>

#include "metazoa/parallel/comm.h"

enum { H5_AXES_MAX = 4 };

struct h5_link { /* an axis of a dataset and the dimension scale that describes it */
    char *scale, *data;
    int axis;
};

struct h5 {
    hid_t id;
    struct comm *comm; /* NULL: this process alone */
    bool parallel;     /* several ranks write into it, through MPI-IO; otherwise rank 0 alone */
    const char *path;  /* borrowed */
    int64_t bytes;     /* of a file that is read: nothing in it can be larger; of a sketch: what it lacks */
    bool sketch;       /* what is long is only counted */
    int64_t n_links;   /* of a file that is written */
    struct h5_link *links;
    bool newer;        /* of a file that is read: its format is of a newer version */
    char problem[512]; /* of a file that is read: the first */
};

enum h5_type { H5_U8, H5_I32, H5_I64, H5_U64, H5_F32, H5_F64, H5_TEXT, H5_TYPES };

/*
 * A dataset: its axes are [record][row axes][width], where the first and the last may be missing. Its rows,
 * in row-major order, are numbered over the row axes. `digest` is the sum over all records and rows of
 * hash_bytes(row, record * rows + row number): an attribute, computed from memory before anything was
 * written.
 */
struct h5_data {
    const char *name; /* "/layers/0/weights" */
    enum h5_type type;
    int64_t text_bytes; /* of H5_TEXT: fixed length, its final zero included */
    bool has_record, has_width;
    int row_axes; /* 0 to 2 */
    int64_t records, row_size[2], width;
    int64_t chunk_records,
        chunk_rows[2]; /* chunk_rows: {k, all} or {1, k}, so that a chunk is a range of rows */
    int compress;      /* deflate level; 0: none */
    const char *description, *units;
    const char *scales[H5_AXES_MAX]; /* of the axes; NULL: none; is_scale: it is one itself */
    bool is_scale;
};

/* Local. Bytes of a row, number of rows, of chunks (over the row axes), and the first row of a chunk. */
int64_t h5_row_bytes(const struct h5_data *data);
int64_t h5_rows(const struct h5_data *data);
int64_t h5_chunks(const struct h5_data *data);
int64_t h5_chunk_begin(const struct h5_data *data, int64_t chunk);

/* Local. Sets chunk_rows such that a chunk of chunk_records records takes about `bytes`. */
void h5_chunk_choose(struct h5_data *data, int64_t bytes);

/*
 * Writing. comm NULL: by this process alone. bytes: what its large datasets take together, which decides by
 * `parallel_from` of hdf5/io.h whether it is written in parallel or by rank 0 alone; all ranks call every
 * function in either case. h5_close: closes (which flushes) and syncs the file on every rank that wrote.
 */
void h5_create(struct h5 *file, const char *path, struct comm *comm, int64_t bytes);
void h5_close(struct h5 *file);
void h5_group(struct h5 *file, const char *name, const char *description);

/* Attributes of the object with this path ("/": the file): n = 0: a scalar. */
void h5_put_i64(struct h5 *file, const char *object, const char *name, int n, const int64_t *values);
void h5_put_u64(struct h5 *file, const char *object, const char *name, uint64_t value);
void h5_put_f64(struct h5 *file, const char *object, const char *name, int n, const double *values);
void h5_put_text(struct h5 *file, const char *object, const char *name, const char *text);

/* A whole small dataset with its digest; the values are those of rank 0. */
void h5_put(struct h5 *file, const struct h5_data *data, const void *values);

/* A large one: made here, filled by h5_write: this rank's rows [begin, end), whole chunks, none on any other
 * rank, of records [record, record + n_records): values [n_records][end - begin][width]. h5_end closes it. */
hid_t h5_new(struct h5 *file, const struct h5_data *data);
void h5_write(struct h5 *file, const struct h5_data *data, hid_t id, int64_t record, int64_t n_records,
              int64_t begin, int64_t end, const void *values);

void h5_end(struct h5 *file, const struct h5_data *data, hid_t id, uint64_t digest);

/*
 * A sketch: a file that is made in memory for its size alone. h5_sketch_data makes a large dataset and counts
 * its values instead of writing them; everything else is as in a file of this process alone. alignment: as in
 * hdf5/io.h. h5_sketch_close returns the bytes of the file that would have been written.
 */
void h5_sketch(struct h5 *file);
void h5_sketch_data(struct h5 *file, const struct h5_data *data, int64_t alignment);
int64_t h5_sketch_close(struct h5 *file);

/* A virtual dataset, in a file of this process alone: records [first, first + n) lie in the dataset of the
 * same name of the file `path`, relative to this file's folder. What is missing reads as NaN, or 255. */
struct h5_source {
    char *path;
    int64_t first, n;
};
void h5_virtual(struct h5 *file, const struct h5_data *data, int64_t n_sources,
                const struct h5_source *sources);

/* Reading. h5_read_begin must be followed by h5_read_end, also when it returned false. */
bool h5_read_begin(struct h5 *file, const char *path);
void h5_read_end(struct h5 *file);
bool h5_has(struct h5 *file, const char *name);
bool h5_get_i64(struct h5 *file, const char *object, const char *name, int n, int64_t *values);
bool h5_get_u64(struct h5 *file, const char *object, const char *name, uint64_t *value);
bool h5_get_f64(struct h5 *file, const char *object, const char *name, int n, double *values);
bool h5_get_text(struct h5 *file, const char *object, const char *name, char *text, size_t size);

/* Opens a dataset that must be of data's name, type and axes, fills in the sizes and chunks as they are in
 * the file (within what its bytes allow), -1 on failure. H5Dclose it. */
hid_t h5_find(struct h5 *file, struct h5_data *data);
bool h5_read(struct h5 *file, const struct h5_data *data, hid_t id, int64_t record, int64_t n_records,
             int64_t begin, int64_t end, void *values);

/* A whole dataset: memory_new'd, owned by the caller; NULL on failure. Its digest is compared. */
void *h5_get(struct h5 *file, struct h5_data *data);

/* Local. Appends a reason to the file's problem, if it has none yet; returns false. */
bool h5_problem(struct h5 *file, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Local. The digest of rows [begin, end) of one record; sums of these are the dataset's. */
uint64_t h5_digest(const struct h5_data *data, int64_t record, int64_t begin, int64_t end,
                   const void *values);

#endif
