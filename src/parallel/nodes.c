#include "metazoa/parallel/nodes.h"

#include <mpi.h>

#include "metazoa/parallel/comm_mpi.h"

struct nodes nodes_of(struct comm *comm)
{
    struct nodes nodes;
    MPI_Comm node;
    int rank;
    MPI_Comm_split_type(comm_mpi(comm), MPI_COMM_TYPE_SHARED, comm_rank(comm), MPI_INFO_NULL, &node);
    MPI_Comm_size(node, &nodes.here);
    MPI_Comm_rank(node, &rank);
    MPI_Comm_free(&node);
    uint64_t first = rank == 0;
    int64_t sizes[2] = {nodes.here, -nodes.here};
    comm_sum_u64(comm, &first, 1);
    comm_max_i64(comm, sizes, 2);
    nodes.count = (int)first;
    nodes.most = (int)sizes[0];
    nodes.least = (int)-sizes[1];
    return nodes;
}
