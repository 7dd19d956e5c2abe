/*
 * Agreement of ranks that have each opened the same file for reading. A problem of a file (struct h5) is a
 * text; after these functions it is the same on all ranks.
 */
#ifndef METAZOA_HDF5_SHARE_H
#define METAZOA_HDF5_SHARE_H

#include "metazoa/hdf5/h5.h"

/* Collective. Whether the file has no problem on any rank. Otherwise all ranks get the problem of the lowest
 * rank that has one. */
bool share_sound(struct comm *comm, struct h5 *file);

/*
 * Collective. A child process of rank 0 (base/guard.h) opens the file and runs inspect(file, context), so
 * that damaged data can crash or hang only the child. False: the inspection failed, and all ranks have the
 * problem. A file of a newer format passes.
 */
bool share_inspect(struct comm *comm, struct h5 *file, bool (*inspect)(struct h5 *file, const void *context),
                   const void *context);

#endif
