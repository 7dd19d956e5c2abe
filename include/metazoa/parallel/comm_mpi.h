/* For the HDF5 layer alone: the MPI communicator of a group. */
#ifndef METAZOA_PARALLEL_COMM_MPI_H
#define METAZOA_PARALLEL_COMM_MPI_H

#include <mpi.h>

#include "metazoa/parallel/comm.h"

/*
 * Local. A plain intracommunicator without topology: a Cartesian one handed to parallel HDF5 was seen to
 * corrupt data silently (open-mpi/ompi#12718). Owned by the group.
 */
MPI_Comm comm_mpi(const struct comm *comm);

#endif
