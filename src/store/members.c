#include "metazoa/store/members.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metazoa/base/file.h"
#include "metazoa/base/memory.h"

bool members_named(const char *name)
{
    int64_t seed;
    char again[64];
    if (sscanf(name, "seed-%" SCNd64, &seed) != 1) return false;
    snprintf(again, sizeof again, "seed-%" PRId64, seed);
    return strcmp(name, again) == 0;
}

struct visit {
    const char *folder;
    struct members members;
};

static void add(void *context, const char *name)
{
    struct visit *visit = context;
    struct members *members = &visit->members;
    if (!members_named(name)) return;
    members->path = memory_grow(members->path, members->n + 1, sizeof *members->path);
    members->path[members->n++] = file_path(visit->folder, name);
}

static int64_t seed_of(const char *path)
{
    return strtoll(strrchr(path, '-') + 1, NULL, 10);
}

static int by_seed(const void *a, const void *b)
{
    const int64_t one = seed_of(*(char *const *)a), other = seed_of(*(char *const *)b);
    return (one > other) - (one < other);
}

static struct members look(const char *folder)
{
    struct visit visit = {.folder = folder};
    folder_visit(folder, add, &visit);
    struct members members = visit.members;
    if (members.n > 0) qsort(members.path, (size_t)members.n, sizeof *members.path, by_seed);
    return members;
}

struct members members_of(const char *folder, struct comm *comm)
{
    struct members members = {0};
    if (!comm || comm_rank(comm) == 0) members = look(folder);
    if (!comm) return members;
    comm_broadcast(comm, &members.n, sizeof members.n, 0);
    if (comm_rank(comm) != 0) members.path = memory_new(members.n, sizeof *members.path);
    for (int64_t i = 0; i < members.n; i++) {
        int64_t bytes = comm_rank(comm) == 0 ? (int64_t)strlen(members.path[i]) + 1 : 0;
        comm_broadcast(comm, &bytes, sizeof bytes, 0);
        if (comm_rank(comm) != 0) members.path[i] = memory_new(bytes, 1);
        comm_broadcast(comm, members.path[i], bytes, 0);
    }
    return members;
}

void members_free(struct members *members)
{
    for (int64_t i = 0; i < members->n; i++) memory_free(members->path[i]);
    memory_free(members->path);
    *members = (struct members){0};
}

char *members_same(const char *folder, const char *run, struct comm *comm)
{
    struct members members = members_of(folder, comm);
    const char *name = file_name(run);
    char *same = members.n > 0 && members_named(name) ? file_path(folder, name) : memory_string(folder);
    members_free(&members);
    return same;
}
