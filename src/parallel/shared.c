#include "metazoa/parallel/shared.h"

#include <assert.h>
#include <mpi.h>
#include <string.h>
#include <sys/statvfs.h>

#include "metazoa/base/memory.h"
#include "metazoa/parallel/comm_mpi.h"
#include "metazoa/parallel/cut.h"

enum { ALIGNMENT = 64, RESERVE = 4096 /* pages */ };

struct window {
    MPI_Win mpi;
    MPI_Comm group;
    int64_t counted; /* bytes that this rank stands for in the count of memory */
};

static MPI_Comm node_of(struct comm *comm)
{
    MPI_Comm node;
    MPI_Comm_split_type(comm_mpi(comm), MPI_COMM_TYPE_SHARED, comm_rank(comm), MPI_INFO_NULL, &node);
    return node;
}

/* The ranks of a node with these keys. */
static MPI_Comm group_of(struct comm *comm, const int64_t keys[2])
{
    MPI_Comm group = node_of(comm);
    for (int i = 0; i < 2; i++) {
        MPI_Comm part;
        assert(0 <= keys[i] && keys[i] <= 1 << 30);
        MPI_Comm_split(group, (int)keys[i], comm_rank(comm), &part);
        MPI_Comm_free(&group);
        group = part;
    }
    return group;
}

/*
 * Whether the node's memory file system has room. Seen with Open MPI 4.1: without, the first rank of a group
 * is refused and the others wait for it for ever; and a page that cannot be had when it is touched ends the
 * process.
 */
static bool has_room(MPI_Comm group, int64_t bytes)
{
    struct statvfs disk;
    int room = statvfs("/dev/shm", &disk) == 0 &&
               (int64_t)disk.f_bavail > bytes / (int64_t)disk.f_frsize * 9 / 8 + RESERVE;
    MPI_Allreduce(MPI_IN_PLACE, &room, 1, MPI_INT, MPI_MIN, group);
    return room;
}

/* Memory of the group, held by its rank 0; NULL on all of its ranks if the system gives none. */
static char *window_take(struct window *window, int64_t bytes)
{
    int rank, ranks, unit, there;
    MPI_Aint size = 0;
    char *base = NULL;
    MPI_Comm_rank(window->group, &rank);
    MPI_Comm_size(window->group, &ranks);
    if (!has_room(window->group, bytes)) return NULL;
    /* If the library cannot share memory, private memory is used, and the job goes on. */
    MPI_Errhandler before;
    MPI_Comm_get_errhandler(window->group, &before);
    MPI_Comm_set_errhandler(window->group, MPI_ERRORS_RETURN);
    there = MPI_Win_allocate_shared(rank == 0 ? (MPI_Aint)(bytes + ALIGNMENT) : 0, 1, MPI_INFO_NULL,
                                    window->group, &base, &window->mpi) == MPI_SUCCESS;
    MPI_Comm_set_errhandler(window->group, before);
    MPI_Errhandler_free(&before);
    MPI_Allreduce(MPI_IN_PLACE, &there, 1, MPI_INT, MPI_MIN, window->group);
    if (!there) return NULL; /* a window that some have cannot be given back without the others */
    MPI_Win_shared_query(window->mpi, 0, &size, &unit, &base);
    MPI_Win_lock_all(MPI_MODE_NOCHECK, window->mpi);
    base += (ALIGNMENT - (uintptr_t)base % ALIGNMENT) % ALIGNMENT;
    const int64_t begin = cut_begin(bytes, ranks, rank), end = cut_begin(bytes, ranks, rank + 1);
    memset(base + begin, 0,
           (size_t)(end - begin)); /* the first touch of a page costs; it is shared as well */
    return base;
}

bool shared_pays(int64_t bytes, int64_t ranks, int64_t least)
{
    return bytes > 0 && ranks > 1 && bytes >= least / ranks;
}

void shared_new(struct shared *shared, struct comm *comm, int64_t bytes, const int64_t keys[2], int64_t least)
{
    *shared = (struct shared){.bytes = bytes, .size = 1};
    struct window window = {.group = group_of(comm, keys)};
    int rank, size;
    MPI_Comm_rank(window.group, &rank);
    MPI_Comm_size(window.group, &size);
    if (shared_pays(bytes, size, least)) shared->data = window_take(&window, bytes);
    if (!shared->data) {
        MPI_Comm_free(&window.group);
        shared->data = memory_new(bytes, 1);
        return;
    }
    shared->rank = rank;
    shared->size = size;
    window.counted = (bytes + size - 1) / size;
    memory_count(window.counted);
    shared->window = memory_new(1, sizeof window);
    *(struct window *)shared->window = window;
    shared_ready(shared);
}

void shared_ready(struct shared *shared)
{
    const struct window *window = shared->window;
    if (!window) return;
    MPI_Win_sync(window->mpi);
    MPI_Barrier(window->group);
    MPI_Win_sync(window->mpi);
}

void shared_free(struct shared *shared)
{
    struct window *window = shared->window;
    if (window) {
        MPI_Win_unlock_all(window->mpi);
        MPI_Win_free(&window->mpi);
        MPI_Comm_free(&window->group);
        memory_count(-window->counted);
        memory_free(window);
    } else {
        memory_free(shared->data);
    }
    *shared = (struct shared){0};
}
