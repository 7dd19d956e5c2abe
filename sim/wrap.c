/*
 * Between the program and SimGrid's MPI. The linker leads these calls here (--wrap): the large collectives
 * become schedules, and whatever looks at the clock first pays the computing that is owed.
 */
#include <mpi.h>
#include <smpi/smpi.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#include "rates.h"
#include "schedule.h"

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

/* The passes clear their sums and gradients, which are folded: that takes only time here. */
enum { FOLDED = 1 << 16, RENDEZVOUS = 32 << 10 };

void *__real_memset(void *to, int value, size_t n);
void *__wrap_memset(void *to, int value, size_t n)
{
    if (n < FOLDED) return __real_memset(to, value, n);
    charge((double)n > rates.cache ? (double)n / rates_share()
                                   : (double)n / sizeof(double) * rates.collect / 2);
    return to;
}

int __real_smpi_clock_gettime(clockid_t clock, struct timespec *time);
int __wrap_smpi_clock_gettime(clockid_t clock, struct timespec *time)
{
    charge_pay();
    return __real_smpi_clock_gettime(clock, time);
}

/* Ranks with the same node in the name of their host, n<node>-<core>, share its memory. */
int __wrap_MPI_Comm_split_type(MPI_Comm comm, int type, int key, MPI_Info info, MPI_Comm *part)
{
    (void)type, (void)info;
    char name[MPI_MAX_PROCESSOR_NAME];
    int n;
    MPI_Get_processor_name(name, &n);
    return MPI_Comm_split(comm, atoi(name + 1), key, part);
}

/* Messages of the program's own sums: what they carry means nothing, so that nothing is copied. */
int __real_MPI_Isend(const void *data, int n, MPI_Datatype type, int to, int tag, MPI_Comm comm,
                     MPI_Request *request);
int __wrap_MPI_Isend(const void *data, int n, MPI_Datatype type, int to, int tag, MPI_Comm comm,
                     MPI_Request *request)
{
    (void)data;
    int bytes;
    charge_pay();
    MPI_Type_size(type, &bytes);
    sent.messages++;
    sent.bytes += (int64_t)n * bytes;
    return __real_MPI_Isend(schedule_nowhere((int64_t)n * bytes), n, type, to, tag, comm, request);
}

int __real_MPI_Irecv(void *data, int n, MPI_Datatype type, int from, int tag, MPI_Comm comm,
                     MPI_Request *request);
int __wrap_MPI_Irecv(void *data, int n, MPI_Datatype type, int from, int tag, MPI_Comm comm,
                     MPI_Request *request)
{
    (void)data;
    int bytes;
    MPI_Type_size(type, &bytes);
    if ((int64_t)n * bytes >= RENDEZVOUS) charge(rates.rendezvous);
    charge_pay();
    return __real_MPI_Irecv(schedule_nowhere((int64_t)n * bytes), n, type, from, tag, comm, request);
}

int __real_MPI_Test(MPI_Request *request, int *done, MPI_Status *status);
int __wrap_MPI_Test(MPI_Request *request, int *done, MPI_Status *status)
{
    charge_pay();
    return __real_MPI_Test(request, done, status);
}

int __real_MPI_Waitany(int n, MPI_Request *requests, int *which, MPI_Status *status);
int __wrap_MPI_Waitany(int n, MPI_Request *requests, int *which, MPI_Status *status)
{
    charge_pay();
    return __real_MPI_Waitany(n, requests, which, status);
}

void __wrap_add_values(double *to, const double *from, int64_t n)
{
    (void)to, (void)from;
    charge((double)n * rates.combine);
}

void __wrap_round_values(float *to, const double *from, int64_t n)
{
    (void)to, (void)from;
    charge((double)n * rates.collect / 2);
}

int __wrap_MPI_Reduce_scatter(const void *send, void *receive, const int *counts, MPI_Datatype type,
                              MPI_Op op, MPI_Comm comm)
{
    (void)send, (void)receive, (void)type, (void)op;
    schedule_reduce_scatter(comm, counts);
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
    if (size > 1) schedule_gather(comm, doubles);
    return MPI_SUCCESS;
}

int __real_MPI_Allreduce(const void *send, void *receive, int n, MPI_Datatype type, MPI_Op op, MPI_Comm comm);
int __wrap_MPI_Allreduce(const void *send, void *receive, int n, MPI_Datatype type, MPI_Op op, MPI_Comm comm)
{
    charge_pay();
    return __real_MPI_Allreduce(send, receive, n, type, op, comm);
}
