/* comm.h for a single process, without MPI: tests/long_bits.sh links it where there is none for the target. */
#include "metazoa/parallel/comm.h"

#include <string.h>

#include "metazoa/base/memory.h"
#include "metazoa/base/processor.h"

struct comm {
    int unused;
};
static struct comm one;

struct comm *comm_start(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    processor_start();
    return &one;
}

void comm_finish(struct comm *world)
{
    (void)world;
}

int comm_rank(const struct comm *comm)
{
    (void)comm;
    return 0;
}

int comm_size(const struct comm *comm)
{
    (void)comm;
    return 1;
}

struct comm *comm_split(const struct comm *comm, int color, int key)
{
    (void)comm, (void)color, (void)key;
    return &one;
}

void comm_free(struct comm *comm)
{
    (void)comm;
}

void comm_sum_u64(struct comm *comm, uint64_t *values, int64_t n)
{
    (void)comm, (void)values, (void)n;
}

void comm_sum_double(struct comm *comm, double *values, int64_t n)
{
    (void)comm, (void)values, (void)n;
}

void comm_max_i64(struct comm *comm, int64_t *values, int64_t n)
{
    (void)comm, (void)values, (void)n;
}

void comm_sum_start(struct comm *comm, double *values, float *to, int64_t n, struct comm_request *request)
{
    (void)comm, (void)request;
    for (int64_t i = 0; i < n; i++) to[i] = (float)values[i];
}

void comm_wait(struct comm_request *request)
{
    (void)request;
}

void comm_progress(void)
{
}

void comm_reduce_scatter(struct comm *comm, double *receive, double *send, const int64_t *offsets)
{
    (void)comm;
    memmove(receive, send + offsets[0], (size_t)(offsets[1] - offsets[0]) * sizeof *send);
}

void comm_gather_all(struct comm *comm, void *data, size_t item_bytes, const int64_t *offsets)
{
    (void)comm, (void)data, (void)item_bytes, (void)offsets;
}

void comm_exchange(struct comm *comm, void *receive, const int64_t *receive_offsets, const void *send,
                   const int64_t *send_offsets)
{
    (void)comm, (void)receive_offsets;
    if (send_offsets[1] > 0) memcpy(receive, send, (size_t)send_offsets[1]);
}

void comm_broadcast(struct comm *comm, void *data, int64_t bytes, int root)
{
    (void)comm, (void)data, (void)bytes, (void)root;
}
