/*
 * Chunks of an HDF5 dataset. HDF5 1.10 trusts a file's word on how long a chunk is once its filters are
 * undone, and reads past the end of a shorter one; so it is looked at before. Local; a problem is EXIT_INPUT.
 */
#ifndef METAZOA_TASK_HDF5_CHUNKS_H
#define METAZOA_TASK_HDF5_CHUNKS_H

#include "hdf5_data.h"

/*
 * Whether every chunk has its full length after its filters: deflate, shuffle and Fletcher-32, each once
 * (other filters are HDF5's affair). Reads all of the dataset. True for one without filters.
 */
bool hdf5_chunks_whole(const struct hdf5_data *data, struct problems *found);

#endif
