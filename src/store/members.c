#include "metazoa/store/members.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metazoa/base/file.h"
#include "metazoa/base/json.h"
#include "metazoa/base/memory.h"
#include "metazoa/store/metrics.h"

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

/* What is wrong with the configuration `text` of run `name`, beside that of another run. */
static char *differs(const char *text, const char *name, const char *other, const char *other_name,
                     verify_config *config)
{
    bool wrong = false;
    char *own = memory_print("%s/config.yaml", name),
         *seed = memory_print("run.seed=%s", name + strlen("seed-")),
         *wanted = memory_print("%s with %s", other_name, seed),
         *said = config(text, own, other, wanted, seed, &wrong);
    memory_free(own), memory_free(seed), memory_free(wanted);
    if (wrong) return said;
    memory_free(said);
    return NULL;
}

/* The digest of a run's data, by run.json; NULL: unknown, or the user wanted other data. */
static char *data_of(const char *run)
{
    json_t *json = json_read(run, "run.json");
    const char *digest = json_string_value(json_object_get(json_object_get(json, "data"), "digest"));
    char *mine = digest && !provenance_asked(run, "--accept-other-data") ? memory_string(digest) : NULL;
    json_decref(json);
    return mine;
}

/* The first one whose data are not those of the first that says what they are. */
static char *data_differ(const struct members *members)
{
    char *first = NULL, *said = NULL;
    const char *first_name = NULL;
    for (int64_t i = 0; i < members->n && !said; i++) {
        const char *name = file_name(members->path[i]);
        char *data = data_of(members->path[i]);
        if (data && !first) first = memory_string(data), first_name = name;
        if (data && strcmp(data, first) != 0)
            said = memory_print("%s was trained on other data than %s (run.json)", name, first_name);
        memory_free(data);
    }
    memory_free(first);
    return said;
}

char *members_differ(const struct members *members, verify_config *config)
{
    enum { BYTES_MAX = 1 << 24 };
    char *first = NULL, *said = NULL;
    const char *first_name = NULL;
    for (int64_t i = 0; config && i < members->n && !said; i++) {
        const char *name = file_name(members->path[i]);
        char *path = file_path(members->path[i], "config.yaml"), *text = file_read(path, BYTES_MAX);
        if (text && !first) first = memory_string(text), first_name = name;
        if (text) said = differs(text, name, first, first_name, config);
        memory_free(path), memory_free(text);
    }
    memory_free(first);
    return config && !said ? data_differ(members) : said;
}

char *members_same(const char *folder, const char *run, struct comm *comm)
{
    struct members members = members_of(folder, comm);
    const char *name = file_name(run);
    char *same = members.n > 0 && members_named(name) ? file_path(folder, name) : memory_string(folder);
    members_free(&members);
    return same;
}
