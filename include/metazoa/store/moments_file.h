/* Moments (particle/moments.h) in an HDF5 file: the integers themselves, so that sums go on with the same
 * bits. */
#ifndef METAZOA_STORE_MOMENTS_FILE_H
#define METAZOA_STORE_MOMENTS_FILE_H

#include "metazoa/hdf5/h5.h"
#include "metazoa/particle/moments.h"

/* Local. Writes n moments, those of rank 0, into a new group of the file. All have the same number of
 * weights. */
void moments_put(struct h5 *file, const char *group, int64_t n, struct moments *const *moments);

/* Local. Adds what moments_put wrote. False: a problem is in the file. */
bool moments_get(struct h5 *file, const char *group, int64_t n, struct moments *const *moments);

#endif
