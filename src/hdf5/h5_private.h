/* What the files of this folder share. */
#ifndef METAZOA_HDF5_H5_PRIVATE_H
#define METAZOA_HDF5_H5_PRIVATE_H

#include <hdf5.h>

#include "metazoa/hdf5/h5.h"

enum { H5_REASON_BYTES = 256 };

/* The deepest message of HDF5's error stack. */
const char *h5_reason(char reason[H5_REASON_BYTES]);

/* Before the first call of HDF5: it prints nothing by itself and takes no locks. */
void h5_quiet(void);

/* False, with a problem "what: reason", when HDF5 returned a negative number. */
bool h5_ok(struct h5 *file, int64_t result, const char *what);

/* The attribute of the file that holds the digest of all others, and what one of them adds to it. */
#define H5_ATTRIBUTES "attributes_digest"
uint64_t h5_attribute_hash(const char *object, const char *name, const void *bytes, size_t n);

/* A datatype to close: as in memory, or as in the file. */
hid_t h5_type_new(enum h5_type type, bool in_file, int64_t text_bytes);

/* What kind of values a type has, for a message. */
const char *h5_type_words(hid_t type);

/* A user of a dimension scale, as the scale's attribute REFERENCE_LIST holds it; its datatype, to close. */
struct scale_user {
    hobj_ref_t data;
    uint32_t axis;
};
hid_t h5_scale_user_type(void);

/* Number of axes; their sizes and chunks. */
int h5_axes(const struct h5_data *data, hsize_t size[H5_AXES_MAX], hsize_t chunk[H5_AXES_MAX]);

/* Chunks along the record axis; bytes of a chunk in memory. */
int64_t h5_chunks_deep(const struct h5_data *data);
int64_t h5_chunk_bytes(const struct h5_data *data);

/* Writing chunks by plain system calls, into a file that rank 0 has made; collective, but for h5_raw_write.
 */
void h5_raw_open(struct h5 *file);
void h5_raw_write(struct h5 *file, const struct h5_data *data, int64_t record, int64_t n_records,
                  int64_t begin, int64_t end, const void *values);
void h5_raw_close(struct h5 *file);

/* The rows [begin, end) of some records as a selection in the file, and a space of as many elements in
 * memory. */
hid_t h5_select(const struct h5_data *data, int64_t record, int64_t n_records, int64_t begin, int64_t end,
                hid_t *memory);

#endif
