/* A folder for a moment, in which writing files is measured. Collective over world. */
#ifndef METAZOA_SRC_COMMAND_SCRATCH_H
#define METAZOA_SRC_COMMAND_SCRATCH_H

#include "metazoa/parallel/comm.h"

/* The new folder, in `parent` or in the nearest folder above it that exists; it can hold an archive. Owned
 * by the caller; NULL on all ranks: it cannot be made, and errno of rank 0 says why. */
char *scratch_new(const char *parent, struct comm *world);

/* Removes the folder with all files, and frees its name. */
void scratch_free(char *folder, struct comm *world);

/* Local. The folder `path`, or the nearest one above it that exists; owned by the caller. */
char *scratch_above(const char *path);

#endif
