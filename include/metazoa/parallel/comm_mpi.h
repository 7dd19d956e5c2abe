/* For the modules of this folder alone: the MPI communicator of a group. */
#ifndef METAZOA_PARALLEL_COMM_MPI_H
#define METAZOA_PARALLEL_COMM_MPI_H

#include <mpi.h>

#include "metazoa/parallel/comm.h"

/* Local. Owned by the group. */
MPI_Comm comm_mpi(const struct comm *comm);

/* Local. A tag for the messages of the group's next sum in the background; the same on all ranks, which start
 * them in the same order. */
int comm_tag(struct comm *comm);

/* Local. The most elements of a transfer. */
int64_t comm_most(void);

#endif
