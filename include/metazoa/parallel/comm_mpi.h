/* For the modules of this folder alone: the MPI communicator of a group. */
#ifndef METAZOA_PARALLEL_COMM_MPI_H
#define METAZOA_PARALLEL_COMM_MPI_H

#include <mpi.h>

#include "metazoa/parallel/comm.h"

/* Local. Owned by the group. */
MPI_Comm comm_mpi(const struct comm *comm);

#endif
