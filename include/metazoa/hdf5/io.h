/*
 * How files are written on this machine: what suits its file system and its MPI library. Set once for the
 * whole process, as they are no part of any result. `alignment` and `parallel_from` decide where in a file
 * things lie, the others leave its bytes as they are.
 */
#ifndef METAZOA_HDF5_IO_H
#define METAZOA_HDF5_IO_H

#include <stdbool.h>
#include <stdint.h>

/* Bytes that a rank hands to HDF5 at a time, about. */
#define IO_WINDOW_BYTES (INT64_C(32) << 20)

struct io {
    int64_t parallel_from;    /* files with so many bytes are written in parallel, smaller ones by rank 0 */
    int64_t writers;          /* ranks that write into a file at most, spread evenly over all; 0: all */
    int64_t alignment;        /* of whatever takes half so many bytes or more in a file; 0: none */
    bool collective_metadata; /* metadata are written by all ranks together, not by rank 0 */
    const char *hints;        /* for MPI-IO, "key=value key=value ..."; NULL: none */
};

/* Local, with equal settings on all ranks. hints is copied. */
void io_use(const struct io *io);

/* Local. The settings in use. */
const struct io *io_used(void);

/* Local. Whether a text of hints can be read; "" can. */
bool io_hints_good(const char *hints);

#endif
