/*
 * Between the program and SimGrid's MPI. The linker leads these calls here (--wrap): the large collectives
 * become schedules, and whatever looks at the clock first pays the computing that is owed.
 */
#include <mpi.h>
#include <smpi/smpi.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "rates.h"
#include "schedule.h"
#include "wrap.h"

bool wrap_halving = false;

static double owed;

void charge(double seconds)
{
    owed += seconds;
}

/* Hosts of the platform do 1e9 operations a second. */
void charge_pay(void)
{
    const double seconds = owed;
    owed = 0;
    if (seconds > 0) smpi_execute_flops(seconds * 1e9);
}

/* The passes clear their sums and gradients, which are folded: that takes only time here, and is charged as
 * `collect` and by main.c. */
enum { FOLDED = 1 << 16 };

void *__real_memset(void *to, int value, size_t n);
void *__wrap_memset(void *to, int value, size_t n)
{
    return n < FOLDED ? __real_memset(to, value, n) : to;
}

int __real_smpi_clock_gettime(clockid_t clock, struct timespec *time);
int __wrap_smpi_clock_gettime(clockid_t clock, struct timespec *time)
{
    charge_pay();
    return __real_smpi_clock_gettime(clock, time);
}

int __wrap_MPI_Iallreduce(const void *send, void *receive, int n, MPI_Datatype type, MPI_Op op, MPI_Comm comm,
                          MPI_Request *request)
{
    (void)send, (void)receive, (void)type, (void)op;
    int size;
    MPI_Comm_size(comm, &size);
    charge(n * rates.collect);
    const bool halving = wrap_halving && size >= 4 && (size_t)n * sizeof(double) >= 65536;
    *request = (MPI_Request)(void *)(halving ? schedule_halving(comm, n) : schedule_tree(comm, n));
    return MPI_SUCCESS;
}

/* Only sums in the background are waited for, and asked about, by these two. */
int __wrap_MPI_Wait(MPI_Request *request, MPI_Status *status)
{
    (void)status;
    schedule_wait((struct schedule *)(void *)*request);
    *request = MPI_REQUEST_NULL;
    return MPI_SUCCESS;
}

int __wrap_MPI_Request_get_status(MPI_Request request, int *done, MPI_Status *status)
{
    (void)status;
    *done = schedule_test((struct schedule *)(void *)request);
    return MPI_SUCCESS;
}

int __wrap_MPI_Reduce_scatter(const void *send, void *receive, const int *counts, MPI_Datatype type,
                              MPI_Op op, MPI_Comm comm)
{
    (void)send, (void)receive, (void)type, (void)op;
    schedule_wait(schedule_reduce_scatter(comm, counts));
    return MPI_SUCCESS;
}

int __wrap_MPI_Allgatherv(const void *send, int n, MPI_Datatype type, void *receive, const int *counts,
                          const int *starts, MPI_Datatype receive_type, MPI_Comm comm)
{
    (void)send, (void)n, (void)type, (void)receive, (void)starts, (void)receive_type;
    int size;
    MPI_Comm_size(comm, &size);
    int64_t doubles[size];
    for (int i = 0; i < size; i++) doubles[i] = counts[i] / (int)sizeof(double);
    if (size > 1) schedule_wait(schedule_gather(comm, doubles));
    return MPI_SUCCESS;
}

int __real_MPI_Allreduce(const void *send, void *receive, int n, MPI_Datatype type, MPI_Op op, MPI_Comm comm);
int __wrap_MPI_Allreduce(const void *send, void *receive, int n, MPI_Datatype type, MPI_Op op, MPI_Comm comm)
{
    charge_pay();
    return __real_MPI_Allreduce(send, receive, n, type, op, comm);
}
