/* Preloaded: libraries that find no memory and end the program in ways of their own. ENDING=exit: HDF5
 * calls exit(); ENDING=error: MPI reports an error in a communicator. */
#include <mpi.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static int is_ending(const char *word)
{
    const char *ending = getenv("ENDING");
    return ending && strcmp(ending, word) == 0;
}

int64_t H5Fcreate(const char *path, unsigned flags, int64_t creation, int64_t access)
{
    (void)path, (void)flags, (void)creation, (void)access;
    if (is_ending("exit")) exit(255);
    return -1;
}

int MPI_Barrier(MPI_Comm comm)
{
    if (is_ending("error")) MPI_Comm_call_errhandler(comm, MPI_ERR_NO_MEM);
    return PMPI_Barrier(comm);
}
