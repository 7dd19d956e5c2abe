/* Attributes that change what the elements of a dataset mean (hdf5/foreign.h). Local. */
#ifndef METAZOA_HDF5_CONVENTION_H
#define METAZOA_HDF5_CONVENTION_H

#include <hdf5.h>

#include "metazoa/hdf5/foreign.h"

/* Reads the attributes. False: one of them makes no sense; its name goes to `wrong`. */
bool convention_read(struct convention *convention, hid_t data, const char **wrong);

/* Whether an element, as stored, is missing. */
bool convention_missing(const struct convention *convention, double stored);

/* n elements, as stored, to what they mean; in place. */
void convention_apply(const struct convention *convention, double *values, int64_t n);

/* Whether both give elements the same meaning. */
bool convention_same(const struct convention *a, const struct convention *b);

/* Whether elements mean what is stored, and none can be missing. */
bool convention_plain(const struct convention *convention);

#endif
