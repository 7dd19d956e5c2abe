#include "room.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "estimate.h"
#include "metazoa/base/memory.h"
#include "metazoa/parallel/nodes.h"
#include "metazoa/train/run.h"

enum { LIBRARY_BYTES = 5 << 20 };

/* LIBRARY_BYTES are what HDF5 and MPI take once they are used (measured in runs of one and two ranks). */
int64_t room_program(bool resident)
{
    long long pages = 0, shared = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file && fscanf(file, "%*d %lld %lld", &pages, &shared) != 2) pages = shared = 0;
    if (file) fclose(file);
    return (pages - (resident ? 0 : shared)) * sysconf(_SC_PAGESIZE) + LIBRARY_BYTES;
}

static void take_least(struct room *room, int64_t bytes, const char *by)
{
    if (bytes <= 0 || bytes >= room->bytes || bytes >= INT64_C(1) << 60)
        return; /* large ones stand for none */
    room->bytes = bytes;
    snprintf(room->by, sizeof room->by, "%s", by);
}

static int64_t number_of(const char *variable)
{
    const char *text = getenv(variable);
    const int64_t n = text ? strtoll(text, NULL, 10) : 0;
    return n > 0 && n < INT64_C(1) << 40 ? n : 0;
}

/* SLURM counts in MiB. Without a limit its variables are not set, or 0. */
static void ask_slurm(struct room *room)
{
    char by[64];
    const int64_t processors = number_of("SLURM_CPUS_ON_NODE"), each = number_of("SLURM_MEM_PER_CPU"),
                  node = number_of("SLURM_MEM_PER_NODE");
    snprintf(by, sizeof by, "--mem-per-cpu=%" PRId64 "M on %" PRId64 " processors", each, processors);
    if (processors > 0) take_least(room, saturated_product(each, processors) << 20, by);
    snprintf(by, sizeof by, "--mem=%" PRId64 "M", node);
    take_least(room, node << 20, by);
}

/* The limit in a control group and in those above it. `path` loses its last parts. */
static void ask_group(struct room *room, const char *root, char *path, const char *name)
{
    for (;;) {
        long long bytes = 0;
        char *from = memory_print("%s%s/%s", root, path, name);
        FILE *file = fopen(from, "r");
        if (file && fscanf(file, "%lld", &bytes) == 1)
            take_least(room, bytes, "the memory of its control group");
        if (file) fclose(file);
        memory_free(from);
        char *last = strrchr(path, '/');
        if (!last) return;
        *last = 0;
    }
}

/* Lines such as "0::/user.slice" (version 2) and "4:memory:/job_1/step_0" (version 1). */
static void ask_groups(struct room *room)
{
    char line[4096];
    FILE *file = fopen("/proc/self/cgroup", "r");
    while (file && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        char *kinds = strchr(line, ':'), *path = kinds ? strchr(kinds + 1, ':') : NULL;
        if (!path) continue;
        *path++ = 0;
        if (strcmp(path, "/") == 0) *path = 0;
        if (kinds[1] == 0) ask_group(room, "/sys/fs/cgroup", path, "memory.max");
        if (strcmp(kinds + 1, "memory") == 0)
            ask_group(room, "/sys/fs/cgroup/memory", path, "memory.limit_in_bytes");
    }
    if (file) fclose(file);
}

struct room room_here(void)
{
    struct room room = {.bytes = INT64_MAX};
    ask_slurm(&room);
    ask_groups(&room);
    return room;
}

/* Bytes that the fullest rank needs; 0: the sizes of the data are not known. */
static int64_t rank_need(const struct config *config, int ranks, int node_ranks, struct comm *world)
{
    struct problems problems = {0};
    struct task task = {0};
    int64_t need = 0;
    task_open(&task, &config->task, world, &problems);
    if (comm_share(world, &problems)) {
        int grid[GRID_AXES];
        enum grid_axis order[GRID_AXES];
        const struct organism_shape shape = organism_shape_new(&config->organism, &task);
        run_grid(grid, order, config, &shape, ranks, node_ranks, &problems);
        if (problems.n == 0) {
            struct estimate estimate = estimate_make(config, &shape, &task, grid);
            estimate_share(&estimate, config, grid, order, node_ranks);
            need = saturated_sum(estimate_memory(&estimate), room_program(false));
        }
    }
    problems_free(&problems); /* run_open will find them again */
    task_free(&task);
    return need;
}

enum exit_code room_check(const struct config *config, int ranks, struct comm *world)
{
    enum { MIB = 1 << 20 };
    struct problems problems = {0};
    const struct room room = room_here();
    const struct nodes nodes = nodes_of(world);
    int64_t limited = room.bytes < INT64_MAX;
    comm_max_i64(world, &limited, 1);
    if (!limited) return EXIT_DONE;
    const int64_t each = rank_need(config, ranks, nodes.most < ranks ? nodes.most : ranks, world);
    const int64_t need = saturated_product(each, nodes.here);
    if (need > room.bytes)
        problems_add(
            &problems, EXIT_USAGE,
            "too little memory: a rank needs %" PRId64 " MiB, the %d of this node %" PRId64
            " MiB, but they may use %" PRId64
            " MiB (%s): ask for more, or for more nodes with fewer ranks on each; %s check says what "
            "needs it",
            each / MIB + 1, nodes.here, need / MIB + 1, room.bytes / MIB, room.by, program_called);
    return comm_agree(world, &problems);
}
