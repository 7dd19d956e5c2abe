/* For the HDF5 layer alone: the MPI communicator of a group, and hints for MPI-IO. */
#ifndef METAZOA_PARALLEL_COMM_MPI_H
#define METAZOA_PARALLEL_COMM_MPI_H

#include <mpi.h>

#include "metazoa/parallel/comm.h"

/*
 * Local. A plain intracommunicator without topology: a Cartesian one handed to parallel HDF5 was seen to
 * corrupt data silently (open-mpi/ompi#12718). Owned by the group.
 */
MPI_Comm comm_mpi(const struct comm *comm);

/* Local. "key=value key=value ..." (NULL or "": MPI_INFO_NULL). Free it in any case. */
MPI_Info comm_hints(const char *text);
void comm_hints_free(MPI_Info *info);

#endif
