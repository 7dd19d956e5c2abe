/*
 * HDF5 files: writing by all ranks of a group, reading by one process, verification.
 *
 * Writing: a failure is fatal, with the reason. All ranks of a group must call each function. All arguments
 * are equal, except the rows. Rank 0 alone calls HDF5: it makes the file, its groups, attributes and
 * datasets. In a large file (h5_create) up to io.writers ranks then write chunks at the place that HDF5 gave
 * them, by plain system calls; other files are written by rank 0 alone. No rank can wait for another one
 * inside HDF5 or MPI-IO, and a failure on any rank is agreed on when the file is closed.
 *
 * Reading: by this process alone; a failure returns false and leaves its reason in the file's `problem`.
 *
 * The bytes of a written file depend on the arguments alone: object times are off, groups and attributes are
 * stored in one way, space for chunks is taken in the order of the calls, and gaps are zero.
 */
#ifndef METAZOA_HDF5_H5_H
#define METAZOA_HDF5_H5_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "metazoa/parallel/comm.h"

enum { H5_AXES_MAX = 4 };

struct h5_link { /* an axis of a dataset and the dimension scale that describes it */
    char *scale, *data;
    int axis;
};

struct h5 {
    int64_t id;        /* HDF5's; -1: this rank does not call HDF5, or the file is closed */
    struct comm *comm; /* NULL: this process alone */
    const char *path;  /* borrowed */
    char problem[512]; /* of a file that is read: the first */
    int64_t bytes;     /* of a file that is read: nothing in it can be larger */
    bool newer;        /* of a file that is read: its format is of a newer version */
    bool unfit;        /* of a file that is read: it is sound, but of a run with other data */
    /* Of a file that is written: */
    bool together;  /* several ranks write large datasets */
    bool apart;     /* what this rank writes there is in another memory than rank 0's: it syncs it itself */
    int raw, error; /* this rank's descriptor for it, -1: none; errno of the first failure, 0: none */
    uint64_t attributes; /* digest of those so far */
    int64_t n_links;
    struct h5_link *links;
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
    const char *const *flags; /* NULL, or what the values 0 ... n_flags - 1 of an H5_U8 mean */
    int n_flags;
    const char *scales[H5_AXES_MAX]; /* of the axes; NULL: none; is_scale: it is one itself */
    bool is_scale;
    /* Set by h5_new and h5_find: */
    int64_t id;    /* HDF5's; -1: this rank does not call HDF5 */
    bool together; /* several ranks write it: it has no checksums of HDF5's, its digest stays */
    int64_t place; /* then: of its first chunk in the file; the others follow */
};

/* Local. The library's version, "1.10.8"; static storage. */
const char *h5_library(void);

/* Local. Bytes of a row, number of rows, of chunks (over the row axes), and the first row of a chunk. */
int64_t h5_row_bytes(const struct h5_data *data);
int64_t h5_rows(const struct h5_data *data);
int64_t h5_chunks(const struct h5_data *data);
int64_t h5_chunk_begin(const struct h5_data *data, int64_t chunk);

/* Local. Bytes that a dataset that is not compressed takes in a file, about: its chunks are stored whole,
 * also where the data end within one, and each has a checksum and an entry in an index. */
int64_t h5_stored(const struct h5_data *data);

/* Local. Sets chunk_rows such that a chunk of chunk_records records takes about `bytes`: H5_CHUNK_BYTES
 * unless there is a reason. */
enum { H5_CHUNK_BYTES = 1 << 20 };
void h5_chunk_choose(struct h5_data *data, int64_t bytes);

/*
 * Writing. comm NULL: by this process alone. bytes: what its large datasets take together. If that is
 * `parallel_from` of hdf5/io.h or more, up to `writers` ranks write those that are not compressed; otherwise
 * rank 0 writes everything. h5_close: agrees on failures, closes, and syncs the file, by rank 0 and by
 * the ranks of other nodes.
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

/* An axis with its numbers 0, 1, ..., n - 1: the dimension scale of other datasets. */
void h5_put_index(struct h5 *file, const char *name, int64_t n, const char *description);

/*
 * A large dataset. h5_new makes it, h5_end closes it. h5_write writes rows [begin, end) of records
 * [record, record + n_records), from values [n_records][end - begin][width]. They must be whole chunks, and
 * no other rank may write the same chunk.
 */
void h5_new(struct h5 *file, struct h5_data *data);
void h5_write(struct h5 *file, const struct h5_data *data, int64_t record, int64_t n_records, int64_t begin,
              int64_t end, const void *values);
void h5_end(struct h5 *file, const struct h5_data *data, uint64_t digest);

/* A virtual dataset, in a file of this process alone: records [first, first + n) lie in the dataset of the
 * same name of the file `path`, relative to this file's folder. What is missing reads as NaN, or 255. */
struct h5_source {
    char *path;
    int64_t first, n;
    int64_t offset; /* the first of these records in that dataset; 0 where h5_virtual writes */
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

/* Opens a dataset that must be of data's name, type and axes, and fills in the sizes and chunks as they are
 * in the file (within what its bytes allow). True: h5_leave must close it. */
bool h5_find(struct h5 *file, struct h5_data *data);
bool h5_read(struct h5 *file, const struct h5_data *data, int64_t record, int64_t n_records, int64_t begin,
             int64_t end, void *values);
void h5_leave(const struct h5_data *data);

/* The number of axes of a dataset, and their sizes; at most H5_AXES_MAX. -1: it is missing or has more. */
int h5_shape(struct h5 *file, const char *name, int64_t size[H5_AXES_MAX]);

/*
 * What a virtual dataset joins, in order of the records: sources that follow each other without a gap, to be
 * freed with h5_sources_free. *n = 0: the dataset is not virtual. False: it joins something else.
 */
bool h5_sources(struct h5 *file, const char *name, int64_t *n, struct h5_source **sources);
void h5_sources_free(int64_t n, struct h5_source *sources);

/*
 * Reading past HDF5's chunk cache, of datasets that h5_find has found. h5_plain: chunks hold the values as
 * they are in memory. h5_read_plain: rows [begin, end), which lie in one chunk, of n_records records of one
 * chunk; record i goes to values + i * stride bytes.
 */
bool h5_plain(const struct h5_data *data);
bool h5_read_plain(struct h5 *file, const struct h5_data *data, int64_t record, int64_t n_records,
                   int64_t begin, int64_t end, void *values, int64_t stride);

/* Whether a dataset's stored digest is this one; false also where an earlier problem stands. */
bool h5_digest_holds(struct h5 *file, const char *name, uint64_t digest);

/* A whole dataset: memory_new'd, owned by the caller; NULL on failure. Its digest is compared. */
void *h5_get(struct h5 *file, struct h5_data *data);

/*
 * For files that others may have written in our layout. Call it after h5_find. Returns whether each value of
 * the dataset is stored (stored.h) and finite as float32, and no attribute changes its meaning or calls it
 * missing. Slow (all is read), and damaged data can make HDF5 crash: call it in a child process (share.h).
 */
bool h5_means_numbers(struct h5 *file, const struct h5_data *data);

/* Whether all attributes of the file are what they were when it was written. A file of version 0.1 passes: it
 * has no digest of them. */
bool h5_attributes_sound(struct h5 *file);

/* Whether the axes of all datasets lead to scales whose own lists lead back. */
bool h5_scales_sound(struct h5 *file);

/* Whether an object has an attribute of this name. An unreadable object is a problem. */
bool h5_has_attribute(struct h5 *file, const char *object, const char *name);

/* How many values an attribute has; -1: it is missing or cannot be read. */
int h5_attribute_values(struct h5 *file, const char *object, const char *name);

/*
 * Verification, in pieces of bounded memory. h5_verify: the dataset has exactly this shape and these scales,
 * and all its values read well and have its digest. h5_verify_scales: only that its axes lead to their
 * scales. h5_verify_virtual: it is virtual, of this shape, and all files that it joins exist next to this
 * one.
 */
bool h5_verify(struct h5 *file, const struct h5_data *must);
bool h5_verify_scales(struct h5 *file, const struct h5_data *must);
bool h5_verify_virtual(struct h5 *file, const struct h5_data *must);
bool h5_is_virtual(struct h5 *file, const char *name);

/* All datasets of a file whose layout is not known: they read well, and have their digests where they have
 * any, with rows along the last of two or three axes. skip: whether a dataset of this name is left out,
 * because more is known of it; NULL: none is. */
bool h5_verify_everything(struct h5 *file, bool (*skip)(const char *name));

/* The end of a piece of bounded size, of n_records records, that begins with chunk *chunk: whole chunks, at
 * least one. *chunk moves to the next piece's first. */
int64_t h5_window_end(const struct h5_data *data, int64_t *chunk, int64_t n_records);

/* Local. Sets the file's problem to this reason if it has none yet; otherwise the first one stays. Returns
 * false. */
bool h5_problem(struct h5 *file, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Local. The digest of rows [begin, end) of one record; sums of these are the dataset's. */
uint64_t h5_digest(const struct h5_data *data, int64_t record, int64_t begin, int64_t end,
                   const void *values);

#endif
