/*
 * How files are written on this machine: settings that suit its file system. They are set once for the whole
 * process and are no part of any result. `alignment` and `parallel_from` decide where in a file things lie,
 * `writers` leaves its bytes as they are.
 */
#ifndef METAZOA_HDF5_IO_H
#define METAZOA_HDF5_IO_H

#include <stdint.h>

/* Bytes that a rank writes or reads at a time, about. */
#define IO_WINDOW_BYTES (INT64_C(32) << 20)

struct io {
    int64_t parallel_from; /* files whose data take this many bytes or more are written by several ranks */
    int64_t writers;       /* ranks that write into such a file at most, spread evenly over all; 0: all */
    int64_t alignment;     /* datasets of half as many bytes or more begin at a multiple of it; 0: none */
};

/* Local, with equal settings on all ranks. */
void io_use(const struct io *io);

/* Local. How many of the `ranks` ranks write a file of this many bytes. */
int io_writers(const struct io *io, double bytes, int ranks);

/* Local. The settings in use. */
const struct io *io_used(void);

#endif
