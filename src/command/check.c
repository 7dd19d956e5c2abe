/*
 * metazoa check CONFIG: is the configuration good, and what will it need? Opens the task's files, computes,
 * prints; writes nothing.
 */
#include <inttypes.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "command.h"
#include "estimate.h"
#include "metazoa/base/memory.h"
#include "metazoa/parallel/shared.h"
#include "metazoa/train/run.h"

enum { RANKS_MAX = 1 << 20, LIBRARY_BYTES = 5 << 20 };

/* "3.2 MiB". */
struct amount {
    char text[32];
};

static struct amount amount_of(int64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    struct amount amount;
    double value = (double)bytes;
    int unit = 0;
    while (value >= 1024 && unit < 6) value /= 1024, unit++;
    if (bytes == INT64_MAX)
        snprintf(amount.text, sizeof amount.text, "8 EiB or more");
    else
        snprintf(amount.text, sizeof amount.text, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
    return amount;
}

static void print_task(const struct config *config, const struct task *task)
{
    printf("task        ");
    if (config->task.kind == TASK_ADDITION)
        printf("addition");
    else
        printf("%s", config->task.path);
    printf(": %" PRId64 " training and %" PRId64 " test samples, %d inputs, %d %s\n", task->train.samples,
           task->test.samples, task->inputs, task->outputs, task->classification ? "classes" : "outputs");
}

static void print_organism(const struct config *config, const struct organism_shape *shape,
                           const struct estimate *estimate)
{
    printf("organism    ");
    for (int i = 0; i <= shape->layers; i++) printf("%s%d", i ? "-" : "", shape->cells[i]);
    printf(", %s: %" PRId64 " %s", shape->activation == ACTIVATION_GELU ? "gelu" : "linear",
           estimate->particles, config->organism.edges == EDGES_SCALAR ? "scalar edges\n" : "particles ");
    if (config->organism.edges == EDGES_SCALAR) return;
    printf("%d", PARTICLE_INPUTS);
    for (int i = 1; i < shape->particle.layers; i++) printf("-%d", shape->particle.width);
    printf("-1 of %d weights, %" PRId64 " weights\n", shape->particle.weights, estimate->weights);
}

/* Memory of the program and its libraries: what this process, which has no organism, has now, and what BLAS,
 * HDF5 and MPI take once they work (seen in runs of one and two ranks). */
static int64_t program_bytes(void)
{
    long long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file && fscanf(file, "%lld %lld", &pages, &resident) != 2) resident = 0;
    if (file) fclose(file);
    return resident * sysconf(_SC_PAGESIZE) + LIBRARY_BYTES;
}

static void print_needs(const struct config *config, const int grid[GRID_AXES], const struct estimate *e,
                        bool shared, int64_t program)
{
    printf("grid        %d x %d x %d (batch x rows x columns)%s\n", grid[0], grid[1], grid[2],
           config_grid_auto(config) ? ", chosen by the cost model" : "");
    printf("memory      %s on the fullest rank: particles %s, passes %s, data %s%s, files %s, program %s\n",
           amount_of(estimate_sum(estimate_memory(e), program)).text, amount_of(e->memory_particles).text,
           amount_of(e->memory_passes).text, amount_of(e->memory_data).text,
           shared ? " (its part of a node's)" : "", amount_of(e->memory_files).text, amount_of(program).text);
    const int64_t traffic =
        estimate_sum(estimate_sum(e->traffic_sums, e->traffic_batch), e->traffic_meetings);
    printf("traffic     %s a batch and rank: sums over rows and columns %s, along the batch axis %s",
           amount_of(traffic).text, amount_of(e->traffic_sums).text, amount_of(e->traffic_batch).text);
    if (e->traffic_meetings > 0) printf(", of meetings %s", amount_of(e->traffic_meetings).text);
    printf("\n");
    printf("archive     %s in %" PRId64 " records%s\n", amount_of(e->archive).text, e->records,
           config->archive.compress > 0 ? ", before compression" : "");
    printf("checkpoint  %s, of which the last %" PRId64 " stay\n", amount_of(e->checkpoint).text,
           config->checkpoint.keep);
}

/* Bytes of memory that this machine can still give; -1: unknown. */
static int64_t available_bytes(void)
{
    long long kilobytes = -1;
    char line[128];
    FILE *file = fopen("/proc/meminfo", "r");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "MemAvailable: %lld kB", &kilobytes) == 1) break;
    if (file) fclose(file);
    return kilobytes < 0 ? -1 : kilobytes * 1024;
}

/* needed, of what there is (-1: unknown). */
static void print_room(int64_t needed, int64_t space, const char *what)
{
    printf(": %s needed", amount_of(needed).text);
    if (space >= 0) printf(", %s %s%s", amount_of(space).text, what, needed > space ? " - WILL NOT FIT" : "");
    printf("\n");
}

static void print_node(int ranks, int64_t a_rank)
{
    printf("node        %d rank%s on one like this", ranks, ranks == 1 ? "" : "s");
    print_room(estimate_product(ranks, a_rank), available_bytes(), "available");
}

/* Bytes that may still be written to the disk of a folder, or of the nearest one above it that exists; -1:
 * unknown. */
static int64_t free_bytes(const char *folder)
{
    char *path = memory_string(folder);
    struct statvfs disk;
    int failed;
    while ((failed = statvfs(path, &disk)) != 0 && strrchr(path, '/') > path) *strrchr(path, '/') = 0;
    if (failed) failed = statvfs(*folder == '/' ? "/" : ".", &disk);
    memory_free(path);
    return failed ? -1 : estimate_product((int64_t)disk.f_bavail, (int64_t)disk.f_frsize);
}

static void print_folder(const struct config *config, const struct estimate *e)
{
    /* A new checkpoint is complete before the oldest one goes. */
    const int64_t checkpoints = estimate_product(e->checkpoint, estimate_sum(config->checkpoint.keep, 1));
    const int64_t needed = estimate_sum(e->archive, checkpoints), space = free_bytes(config->run.output);
    printf("folder      %s", config->run.output);
    print_room(needed, space, "free");
}

/* The ranks to compute for: --ranks, or those that an explicit grid has, or those that run. */
static int check_ranks(const struct config *config, const struct options *options, struct comm *world,
                       struct problems *problems)
{
    const int ranks = (int)options_integer(options, "--ranks", 1, RANKS_MAX, comm_size(world), problems);
    if (config_grid_auto(config) || options_given(options, "--ranks")) return ranks;
    const int64_t *grid = config->grid, product = grid[0] * grid[1] * grid[2]; /* each is at most 2^20 */
    if (product <= RANKS_MAX) return (int)product;
    problems_add(problems, EXIT_USAGE, "parallel.grid makes %" PRId64 " ranks; %d is the most", product,
                 RANKS_MAX);
    return ranks;
}

static enum exit_code check_config(const struct config *config, const struct options *options,
                                   struct comm *world)
{
    struct problems problems = {0};
    struct task task;
    struct organism_shape shape;
    int grid[GRID_AXES] = {1, 1, 1};
    const int ranks = check_ranks(config, options, world, &problems);
    task_open(&task, &config->task, world, &problems);
    if (problems.n == 0) {
        shape = organism_shape_new(&config->organism, &task);
        run_grid(grid, config, &shape, ranks, &problems);
    }
    const enum exit_code code = comm_agree(world, &problems);
    /* Ranks a node: as many as there are on one now, when the job is the one that is asked for, or one a
     * processor. */
    const int64_t processors = sysconf(_SC_NPROCESSORS_ONLN), here = shared_ranks(world);
    const int node_ranks = ranks == comm_size(world) ? (int)here
                           : ranks < processors      ? ranks
                                                     : (int)processors;
    if (code == EXIT_DONE && comm_rank(world) == 0 && !options_given(options, "--quiet")) {
        const int64_t program = program_bytes();
        struct estimate estimate = estimate_make(config, &shape, &task, grid);
        const bool shared = estimate_share(&estimate, config, grid, node_ranks);
        printf("%s is good\n", options->argument[0]);
        print_task(config, &task);
        print_organism(config, &shape, &estimate);
        print_needs(config, grid, &estimate, shared, program);
        print_node(node_ranks, estimate_sum(estimate_memory(&estimate), program));
        print_folder(config, &estimate);
    }
    task_free(&task);
    return code;
}

enum exit_code command_check(struct comm *world, int argc, char **argv)
{
    struct options options;
    struct config config;
    enum exit_code code;
    if (options_begin(&options, world, argc, argv, &code)) return code;
    code = options_config(&options, &config, world);
    if (code == EXIT_DONE) code = check_config(&config, &options, world);
    config_free(&config);
    options_free(&options);
    return code;
}
