/*
 * Communication. Only src/parallel calls MPI. A struct comm is a group of ranks. Every function is
 * collective over its comm unless it says local. An MPI error ends the job. Counts are 64-bit; transfers
 * with more elements than MPI's int can count are cut inside.
 */
#ifndef METAZOA_PARALLEL_COMM_H
#define METAZOA_PARALLEL_COMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "metazoa/base/error.h"

struct comm;

/* Collective over all processes of the job. Starts MPI; returns the group of all ranks, in which those of a
 * node follow each other. */
struct comm *comm_start(int *argc, char ***argv);

/* Collective. Frees the group of all ranks and ends MPI. */
void comm_finish(struct comm *world);

/* Local, for tests: cuts transfers into pieces of at most this many elements (0: the limit of MPI). */
void comm_limit(int64_t elements);

/* Local. Name and version of the MPI library, one line; static storage. */
const char *comm_library(void);

/* Local. */
int comm_rank(const struct comm *comm);
int comm_size(const struct comm *comm);

/* Collective. Ranks with the same color form a new group, ordered by key. Free with comm_free. */
struct comm *comm_split(const struct comm *comm, int color, int key);
void comm_free(struct comm *comm);

void comm_barrier(struct comm *comm);
void comm_broadcast(struct comm *comm, void *data, int64_t bytes, int root);

/* In place, element by element. Doubles sum exactly when all are on one grid of parallel/exact.h. */
void comm_sum_double(struct comm *comm, double *values, int64_t n);
void comm_sum_u64(struct comm *comm, uint64_t *values, int64_t n);
void comm_min_i64(struct comm *comm, int64_t *values, int64_t n);
void comm_max_i64(struct comm *comm, int64_t *values, int64_t n);
void comm_max_double(struct comm *comm, double *values, int64_t n);
void comm_min_double(struct comm *comm, double *values, int64_t n);

/*
 * Starts a sum of n doubles and returns at once. After comm_wait `to` has the sums, rounded to floats, and
 * the values are undefined; until then neither may be read or written. `to` has room for an even number of
 * floats, also where n is odd. Each operation needs its own request; a few may run at the same time.
 */
struct comm_request {
    void *handle; /* NULL: no operation is running */
};
void comm_sum_start(struct comm *comm, double *values, float *to, int64_t n, struct comm_request *request);

/* Returns when the operation is complete; returns at once if none is running. */
void comm_wait(struct comm_request *request);

/* Local. Moves on all running operations; call it during long computations. */
void comm_progress(void);

/*
 * Sums send[offsets[0] .. offsets[size]) over the ranks; rank i receives [offsets[i], offsets[i+1]) of the
 * sum. offsets: size + 1 entries, equal on all ranks. send may be overwritten.
 */
void comm_reduce_scatter(struct comm *comm, double *receive, double *send, const int64_t *offsets);

/* In place: rank i contributes items [offsets[i], offsets[i+1]) of data, afterwards all ranks hold all items.
 */
void comm_gather_all(struct comm *comm, void *data, size_t item_bytes, const int64_t *offsets);

/* Bytes [send_offsets[i], send_offsets[i+1]) go to rank i; what rank i sends lands at receive_offsets[i]. */
void comm_exchange(struct comm *comm, void *receive, const int64_t *receive_offsets, const void *send,
                   const int64_t *send_offsets);

/*
 * Agreement on problems of the user's input. A function that can find problems adds them to its caller's
 * list, and may do so on some ranks only. Before the program decides whether to go on, all ranks call one of
 * these, so that all decide alike:
 *
 * comm_share   in the middle of a module. Afterwards all ranks have the same list: the one of the lowest rank
 *              among those with the worst exit code. Returns whether it is empty.
 * comm_agree   at the end. As comm_share; then rank 0 prints the list on standard error, and the list is
 *              freed. Returns its exit code, EXIT_DONE if it was empty.
 */
bool comm_share(struct comm *comm, struct problems *problems);
enum exit_code comm_agree(struct comm *comm, struct problems *problems);

#endif
