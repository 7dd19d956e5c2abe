/*
 * Whether the elements of a dataset are really stored. HDF5 gives fill values, without a word, for chunks
 * that were never written, for sources of virtual datasets that are missing, and for raw data in other files
 * that are too short; and version 1.10 reads beyond the end of a chunk that unpacks to less than it should.
 * So all of this is looked at before a dataset is read. Local. False: `reason` says what is wrong, and how to
 * mend it.
 */
#ifndef METAZOA_HDF5_STORED_H
#define METAZOA_HDF5_STORED_H

#include "links.h"

/*
 * data: an open dataset of an array in the file `path`; rows: those of the first dimension that will be read,
 * -1: all. Unpacks the chunks that deflate has packed. Takes time in proportion to what is stored: a dataset
 * that claims much more than the file can hold is refused first.
 */
bool stored_whole(hid_t data, const char *path, int64_t rows, char reason[LINKS_REASON]);

/* Whether all chunks have their full length (chunks.c, a part of stored_whole). */
bool stored_chunks(hid_t data, int64_t rows, char reason[LINKS_REASON]);

/* Whether this HDF5 library can undo all filters of the dataset. */
bool stored_filters(hid_t data, char reason[LINKS_REASON]);

/* Whether it has a filter whose results this module cannot check (none, deflate, shuffle, Fletcher-32 it
 * can). */
bool stored_foreign_filter(hid_t data);

#endif
