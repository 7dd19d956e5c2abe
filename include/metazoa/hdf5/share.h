/* Ranks that read the same file by themselves share what they found. */
#ifndef METAZOA_HDF5_SHARE_H
#define METAZOA_HDF5_SHARE_H

#include "metazoa/hdf5/h5.h"

/* Collective. Afterwards the file has a problem on every rank, the same, if it had one on any: then false. */
bool share_sound(struct comm *comm, struct h5 *file);

/*
 * Collective. Opens a file by rank 0's child process first and runs inspect(file, context) there: what could
 * crash or hang in damaged data does so where it harms nobody. False, with a shared problem, if that fails; a
 * file of a newer format passes.
 */
bool share_inspect(struct comm *comm, struct h5 *file, bool (*inspect)(struct h5 *file, const void *context),
                   const void *context);

#endif
