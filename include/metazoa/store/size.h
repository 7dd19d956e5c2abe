/*
 * How large a run's files will be, about, and what memory writing them takes. Local, without an organism.
 */
#ifndef METAZOA_STORE_SIZE_H
#define METAZOA_STORE_SIZE_H

#include "metazoa/store/archive.h"

/* Bytes of a checkpoint with n_rows rows of metrics, whose columns `spec` tells. config: the text that the
 * file holds. */
int64_t checkpoint_bytes(const struct organism_shape *shape, const struct training *training,
                         const char *config, int64_t n_rows, const struct archive_spec *spec);

/* Bytes of the weights and types of an archive record; INT64_MAX: that or more. */
int64_t record_bytes(const struct archive_spec *spec, const struct organism_shape *shape);

/* Bytes of all segments and the master of n_records records, uncompressed, with the settings of hdf5/io.h.
 * config: as for archive_open. */
int64_t archive_bytes(const struct archive_spec *spec, const struct organism_shape *shape, const char *config,
                      int64_t n_records);

/* Bytes of memory, for files of a run of n_rows epochs and n_records records (0: no archive) with a
 * checkpoint after `every` epochs (0: at the end), on a rank of `ranks` that owns owned[l] particles of
 * layer l: records that wait, copies on their way to a file, rows of metrics. INT64_MAX: that or more. */
int64_t store_memory(const struct archive_spec *spec, const struct organism_shape *shape,
                     const struct training *training, const int64_t *owned, int64_t ranks, int64_t n_rows,
                     int64_t n_records, int64_t every);

#endif
