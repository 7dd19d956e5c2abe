/*
 * What a probe leaves behind: an HDF5 file, and a line of JSON in a file beside it and in subject->result.
 * All ranks call with equal values; rank 0 writes. Failure is fatal.
 */
#ifndef METAZOA_SRC_MEASURE_SHEET_H
#define METAZOA_SRC_MEASURE_SHEET_H

#include <jansson.h>

#include "metazoa/hdf5/h5.h"
#include "metazoa/measure/probe.h"

enum { SHEET_DEPTH = 4 };

struct sheet {
    struct subject *subject;
    bool writes;            /* this rank does */
    char *path, *temporary; /* of the HDF5 file, and while it is being written */
    struct h5 file;
    json_t *object[SHEET_DEPTH]; /* the objects that are open, the line's own first */
    int depth;
};

/* The kind, the epoch, the seed and the tolerance of types go into both; into the HDF5 file also what tells
 * the probed organism and the data from others. sheet_close completes both. */
void sheet_open(struct sheet *sheet, struct subject *subject);
void sheet_close(struct sheet *sheet);

/* HDF5: a group; a dataset of 0 to 3 axes; a text attribute. */
void sheet_group(struct sheet *sheet, const char *name, const char *description);
void sheet_put(struct sheet *sheet, const char *name, enum h5_type type, int axes, const int64_t *size,
               const void *values, const char *units, const char *description);
/* Where particles are: datasets GROUP/layer, /cell and /edge, int32 [n]. */
void sheet_places(struct sheet *sheet, const char *group, int64_t n, const int64_t *id);
void sheet_attribute(struct sheet *sheet, const char *object, const char *name, const char *text);

/* JSON: members of the object, in order. A number that is not finite is null. sheet_object ... sheet_end: a
 * nested one. */
void sheet_number(struct sheet *sheet, const char *name, double value);
void sheet_integer(struct sheet *sheet, const char *name, int64_t value);
void sheet_text(struct sheet *sheet, const char *name, const char *value);
void sheet_list(struct sheet *sheet, const char *name, int64_t n, const double *values);
void sheet_object(struct sheet *sheet, const char *name);
void sheet_end(struct sheet *sheet);

/* An object with a number of each particle type. */
void sheet_types(struct sheet *sheet, const char *name, const double values[TYPE_COUNT]);
void sheet_census(struct sheet *sheet, const char *name, const int64_t counts[TYPE_COUNT]);

#endif
