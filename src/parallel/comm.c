#include "metazoa/parallel/comm.h"

#include <assert.h>
#include <ctype.h>
#include <limits.h>
#include <mpi.h>
#include <stdlib.h>
#include <string.h>

#include "metazoa/base/memory.h"
#include "metazoa/base/processor.h"
#include "metazoa/parallel/comm_mpi.h"

struct comm {
    MPI_Comm mpi;
    int rank, size;
    int *counts, *starts; /* [size] each: for the calls that take them, at every batch */
    int tag;              /* of the last sum in the background */
};

/* MPI counts are int: a transfer of more than `whole` elements is cut into pieces of at most `most`. */
enum { PIECE = 1 << 28 };
static int64_t most = PIECE, whole = INT_MAX;

void comm_limit(int64_t elements)
{
    most = elements > 0 ? elements : PIECE;
    whole = elements > 0 ? elements : INT_MAX;
}

static struct comm *comm_wrap(MPI_Comm mpi)
{
    struct comm *comm = memory_new(1, sizeof *comm);
    comm->mpi = mpi;
    MPI_Comm_rank(mpi, &comm->rank);
    MPI_Comm_size(mpi, &comm->size);
    comm->counts = memory_new(2 * comm->size, sizeof *comm->counts);
    comm->starts = comm->counts + comm->size;
    return comm;
}

static bool finished = false; /* or failed, with a message */

/* A rank that is alone has nobody to end, and leaves the exit code to its caller: without memory, Open
 * MPI's abort has another one. */
static void comm_abort(int exit_code)
{
    int size = 1;
    finished = true;
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    if (size > 1) MPI_Abort(MPI_COMM_WORLD, exit_code);
}

/* Libraries have endings of their own: without memory, HDF5 1.10 calls exit(). */
static void end_rightly(void)
{
    if (!finished) fatal("a library has ended the program: probably it found no memory");
}

static void mpi_failed(MPI_Comm *comm, int *code, ...)
{
    (void)comm;
    char text[MPI_MAX_ERROR_STRING] = "";
    int n;
    MPI_Error_string(*code, text, &n);
    fatal("MPI failed: %s: probably it found no memory, or lost another rank", text);
}

static void set_endings(void)
{
    MPI_Errhandler handler;
    MPI_Comm_create_errhandler(mpi_failed, &handler);
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, handler); /* communicators made of it have the same */
    MPI_Errhandler_free(&handler);
    atexit(end_rightly);
}

/* Open MPI sends messages above 4 KiB inside a node by a call of the kernel, 4.5 us each (measured), which
 * small organisms pay at every batch: up to 32 KiB are copied instead, unless the user has set a limit. */
static void raise_eager_limit(void)
{
    static const char *const names[] = {"OMPI_MCA_btl_vader_eager_limit", /* Open MPI 2 to 4 */
                                        "OMPI_MCA_btl_sm_eager_limit"};   /* 5 */
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) setenv(names[i], "32768", 0);
}

/* All ranks, those of a node one after the other: the launcher may have dealt them out in turns. */
static MPI_Comm ranks_by_node(void)
{
    MPI_Comm node, all;
    int rank;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, rank, MPI_INFO_NULL, &node);
    int first = rank;
    MPI_Bcast(&first, 1, MPI_INT, 0, node);
    MPI_Comm_free(&node);
    MPI_Comm_split(MPI_COMM_WORLD, 0, first, &all); /* ranks with the same key keep their order */
    return all;
}

struct comm *comm_start(int *argc, char ***argv)
{
    int level;
    processor_start();
    raise_eager_limit();
    MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &level); /* of base/commit.h: it calls no MPI */
    set_endings();
    struct comm *world = comm_wrap(ranks_by_node());
    error_set_job(world->rank, comm_abort);
    return world;
}

void comm_finish(struct comm *world)
{
    comm_free(world);
    MPI_Finalize();
    finished = true;
    error_set_job(-1, NULL);
}

const char *comm_library(void)
{
    static char text[MPI_MAX_LIBRARY_VERSION_STRING];
    int n;
    MPI_Get_library_version(text, &n);
    text[strcspn(text, "\n")] = 0;
    char *to = text;
    for (const char *from = text; *from; from++) { /* MPICH writes "MPICH Version:", tabs, its number */
        const bool blank = isspace((unsigned char)*from);
        if (!blank || (to > text && to[-1] != ' ')) *to++ = blank ? ' ' : *from;
    }
    *to = 0;
    return text;
}

int comm_rank(const struct comm *comm)
{
    return comm->rank;
}

int comm_size(const struct comm *comm)
{
    return comm->size;
}

MPI_Comm comm_mpi(const struct comm *comm)
{
    return comm->mpi;
}

int comm_tag(struct comm *comm)
{
    enum { TAGS = 1 << 14 }; /* 0 is for comm_exchange */
    return comm->tag = comm->tag % TAGS + 1;
}

int64_t comm_most(void)
{
    return most;
}

struct comm *comm_split(const struct comm *comm, int color, int key)
{
    MPI_Comm part;
    MPI_Comm_split(comm->mpi, color, key, &part);
    return comm_wrap(part);
}

void comm_free(struct comm *comm)
{
    if (!comm) return;
    MPI_Comm_free(&comm->mpi);
    memory_free(comm->counts);
    memory_free(comm);
}

void comm_barrier(struct comm *comm)
{
    MPI_Barrier(comm->mpi);
}

static int piece(int64_t n)
{
    return (int)(n < most ? n : most);
}

void comm_broadcast(struct comm *comm, void *data, int64_t bytes, int root)
{
    if (comm->size == 1) return;
    for (int64_t at = 0; at < bytes; at += most)
        MPI_Bcast((char *)data + at, piece(bytes - at), MPI_BYTE, root, comm->mpi);
}

static void comm_reduce(struct comm *comm, void *values, int64_t n, size_t size, MPI_Datatype type, MPI_Op op)
{
    if (comm->size == 1) return;
    for (int64_t at = 0; at < n; at += most)
        MPI_Allreduce(MPI_IN_PLACE, (char *)values + at * (int64_t)size, piece(n - at), type, op, comm->mpi);
}

void comm_sum_double(struct comm *comm, double *values, int64_t n)
{
    comm_reduce(comm, values, n, sizeof *values, MPI_DOUBLE, MPI_SUM);
}

void comm_sum_u64(struct comm *comm, uint64_t *values, int64_t n)
{
    comm_reduce(comm, values, n, sizeof *values, MPI_UINT64_T, MPI_SUM);
}

void comm_min_i64(struct comm *comm, int64_t *values, int64_t n)
{
    comm_reduce(comm, values, n, sizeof *values, MPI_INT64_T, MPI_MIN);
}

void comm_max_i64(struct comm *comm, int64_t *values, int64_t n)
{
    comm_reduce(comm, values, n, sizeof *values, MPI_INT64_T, MPI_MAX);
}

void comm_max_double(struct comm *comm, double *values, int64_t n)
{
    comm_reduce(comm, values, n, sizeof *values, MPI_DOUBLE, MPI_MAX);
}

void comm_min_double(struct comm *comm, double *values, int64_t n)
{
    comm_reduce(comm, values, n, sizeof *values, MPI_DOUBLE, MPI_MIN);
}

void comm_reduce_scatter(struct comm *comm, double *receive, double *send, const int64_t *offsets)
{
    int64_t own = offsets[comm->rank + 1] - offsets[comm->rank];
    if (comm->size == 1) {
        memmove(receive, send + offsets[0], (size_t)own * sizeof *send);
        return;
    }
    if (offsets[comm->size] - offsets[0] <= whole) {
        for (int i = 0; i < comm->size; i++) comm->counts[i] = (int)(offsets[i + 1] - offsets[i]);
        MPI_Reduce_scatter(send + offsets[0], receive, comm->counts, MPI_DOUBLE, MPI_SUM, comm->mpi);
    } else {
        for (int i = 0; i < comm->size; i++)
            for (int64_t at = offsets[i]; at < offsets[i + 1]; at += most) {
                double *mine = comm->rank == i ? receive + (at - offsets[i]) : NULL;
                MPI_Reduce(send + at, mine, piece(offsets[i + 1] - at), MPI_DOUBLE, MPI_SUM, i, comm->mpi);
            }
    }
}

void comm_gather_all(struct comm *comm, void *data, size_t item_bytes, const int64_t *offsets)
{
    if (comm->size == 1) return;
    const int64_t bytes = (int64_t)item_bytes;
    char *base = data;
    if ((offsets[comm->size] - offsets[0]) * bytes > whole) {
        for (int i = 0; i < comm->size; i++)
            comm_broadcast(comm, base + offsets[i] * bytes, (offsets[i + 1] - offsets[i]) * bytes, i);
        return;
    }
    for (int i = 0; i < comm->size; i++) {
        comm->counts[i] = (int)((offsets[i + 1] - offsets[i]) * bytes);
        comm->starts[i] = (int)((offsets[i] - offsets[0]) * bytes);
    }
    MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, base + offsets[0] * bytes, comm->counts, comm->starts,
                   MPI_BYTE, comm->mpi);
}

void comm_exchange(struct comm *comm, void *receive, const int64_t *receive_offsets, const void *send,
                   const int64_t *send_offsets)
{
    /* Pairwise, in size steps: step k sends to rank + k and receives from rank - k, in pieces both sides
     * know. */
    for (int k = 0; k < comm->size; k++) {
        int to = (comm->rank + k) % comm->size, from = (comm->rank - k + comm->size) % comm->size;
        const char *out = (const char *)send + send_offsets[to];
        char *in = (char *)receive + receive_offsets[from];
        int64_t n_out = send_offsets[to + 1] - send_offsets[to],
                n_in = receive_offsets[from + 1] - receive_offsets[from];
        if (k == 0) {
            assert(n_out == n_in);
            if (n_out > 0) memcpy(in, out, (size_t)n_out); /* else there may be no buffers */
            continue;
        }
        for (int64_t at = 0; at < n_out || at < n_in; at += most) {
            int now_out = at < n_out ? piece(n_out - at) : 0, now_in = at < n_in ? piece(n_in - at) : 0;
            MPI_Request request[2] = {MPI_REQUEST_NULL, MPI_REQUEST_NULL};
            if (now_in > 0) MPI_Irecv(in + at, now_in, MPI_BYTE, from, 0, comm->mpi, &request[0]);
            if (now_out > 0) MPI_Isend(out + at, now_out, MPI_BYTE, to, 0, comm->mpi, &request[1]);
            /* One by one: GCC takes MPICH's MPI_STATUSES_IGNORE for an array that is too short. */
            for (int i = 0; i < 2; i++) MPI_Wait(&request[i], MPI_STATUS_IGNORE);
        }
    }
}

/* Replaces the list by that of rank `from`. */
static void copy_problems(struct comm *comm, struct problems *problems, int from)
{
    struct problems other = {0};
    int64_t head[2] = {problems->n, problems->code};
    comm_broadcast(comm, head, sizeof head, from);
    for (int64_t i = 0; i < head[0]; i++) {
        int64_t bytes = comm->rank == from ? (int64_t)strlen(problems->text[i]) + 1 : 0;
        comm_broadcast(comm, &bytes, sizeof bytes, from);
        char *text = memory_new(bytes, 1);
        if (comm->rank == from) memcpy(text, problems->text[i], (size_t)bytes);
        comm_broadcast(comm, text, bytes, from);
        problems_add(&other, (enum exit_code)head[1], "%s", text);
        memory_free(text);
    }
    problems_free(problems);
    *problems = other;
}

bool comm_share(struct comm *comm, struct problems *problems)
{
    int64_t worst = problems->code;
    comm_max_i64(comm, &worst, 1);
    if (worst == EXIT_DONE) return true;
    int64_t speaker = problems->code == (enum exit_code)worst ? comm->rank : INT64_MAX;
    comm_min_i64(comm, &speaker, 1);
    copy_problems(comm, problems, (int)speaker);
    return false;
}

enum exit_code comm_agree(struct comm *comm, struct problems *problems)
{
    comm_share(comm, problems);
    const enum exit_code code = problems->code;
    if (comm->rank == 0) problems_print(problems, stderr);
    problems_free(problems);
    return code;
}
