/*
 * metazoa check CONFIG: is the configuration good, and what will it need? Opens the task's files (--data:
 * reads them whole; --time: also tries some batches and a checkpoint, which is removed), computes, prints;
 * leaves no file.
 */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "check_report.h"
#include "command.h"
#include "metazoa/base/launcher.h"
#include "metazoa/base/memory.h"
#include "metazoa/base/terminal.h"
#include "metazoa/parallel/cut.h"
#include "metazoa/parallel/nodes.h"
#include "metazoa/train/pruning.h"
#include "metazoa/train/run.h"
#include "room.h"
#include "trial.h"

enum { RANKS_MAX = 1 << 20 };

/* The job's ranks to compute for: --ranks, or as many as a configured grid takes, or the ranks that run. */
static int check_ranks(const struct config *config, const struct options *options, struct comm *world,
                       struct problems *problems)
{
    const int ranks = (int)options_integer(options, "--ranks", 1, RANKS_MAX, comm_size(world), problems);
    if (config_grid_auto(config) || options_given(options, "--ranks")) return ranks;
    const int64_t *grid = config->grid, product = grid[0] * grid[1] * grid[2]; /* each is at most 2^20 */
    if (product <= RANKS_MAX) return config->run.ensemble > 1 && ranks > product ? ranks : (int)product;
    problems_add(problems, EXIT_USAGE, "parallel.grid makes %" PRId64 " ranks; %d is the most", product,
                 RANKS_MAX);
    return ranks;
}

/* Ranks per node: as many as the user says, or as there are on one now, if the job is the one that is
 * asked for; otherwise one per processor. */
static int ranks_on_node(int ranks, const struct options *options, struct comm *world,
                         struct problems *problems)
{
    const int said = (int)options_integer(options, "--node-ranks", 1, RANKS_MAX, 0, problems);
    if (said > 0) return said < ranks ? said : ranks;

    const int64_t processors = sysconf(_SC_NPROCESSORS_ONLN), here = nodes_of(world).most;
    return (int)(ranks == comm_size(world) ? here : ranks < processors ? ranks : processors);
}

/* Collective. --time can only measure with the ranks that run, in equal groups. */
static void check_options(const struct options *options, const struct check_report *report,
                          struct comm *world, struct problems *problems)
{
    const int ranks = report->all_ranks;
    if (options_given(options, "--time") && ranks % report->groups != 0)
        problems_add(problems, EXIT_USAGE, "--time: %d ranks are not divided evenly among %d organisms",
                     ranks, report->groups);
    if (options_given(options, "--time") && ranks != comm_size(world))
        problems_add(
            problems, EXIT_USAGE,
            "--time measures with the ranks that run, which are %d, not %d: start \"%s -n %d %s check "
            "...\"",
            comm_size(world), ranks, launcher_command(comm_library()), ranks, program_called);
}

/* Collective. Task, shape and grid; problems are agreed on and printed. */
static enum exit_code open_all(struct check_report *report, struct task *task, struct organism_shape *shape,
                               const struct options *options, struct comm *world)
{
    const struct config *config = report->config;
    struct problems problems = {0};
    report->all_ranks = check_ranks(config, options, world, &problems);
    report->groups = config_groups(config, report->all_ranks);
    report->ranks = report->all_ranks / report->groups;
    report->node_ranks = ranks_on_node(report->all_ranks, options, world, &problems);
    check_options(options, report, world, &problems);
    task_open(task, &config->task, world, &problems);
    if (problems.n == 0) {
        *shape = organism_shape_new(&config->organism, task);
        run_grid(report->grid, report->order, config, shape, report->ranks, check_neighbours(report),
                 &problems);
        pruning_check(config, shape, &problems);
    }
    return comm_agree(world, &problems);
}

/* Collective. Some batches, by all groups of an ensemble's ranks at once. */
static enum exit_code try_batches(struct check_report *report, struct task *task, struct comm *world)
{
    const int group = (int)((int64_t)comm_rank(world) * report->groups / comm_size(world));
    struct comm *comm = comm_split(world, group, comm_rank(world));
    const enum exit_code code = trial_run(report, task, comm);
    comm_free(comm);
    return code;
}

/* Collective. --data, --time: the data for real, each rank a part of the columns; then some batches. */
static enum exit_code try_all(struct check_report *report, struct task *task, const struct options *options,
                              struct comm *world)
{
    if (options_given(options, "--time")) return try_batches(report, task, world);
    if (!options_given(options, "--data")) return EXIT_DONE;
    const int size = comm_size(world), rank = comm_rank(world);
    struct problems problems = {0};
    task_load(task, (int32_t)cut_begin(task->inputs, size, rank),
              (int32_t)cut_begin(task->inputs, size, rank + 1), world, &problems);
    return comm_agree(world, &problems);
}

static enum exit_code check_config(const struct config *config, const struct options *options,
                                   struct comm *world)
{
    struct task task = {0};
    struct organism_shape shape;
    struct check_report report = {.path = options->argument[0],
                                  .config = config,
                                  .task = &task,
                                  .shape = &shape,
                                  .grid = {1, 1, 1},
                                  .program_bytes = room_program(true)};
    enum exit_code code = open_all(&report, &task, &shape, options, world);
    if (code == EXIT_DONE) report.needs = estimate_make(config, &shape, &task, report.grid);
    if (comm_rank(world) == 0) terminal_doing("reading data");
    if (code == EXIT_DONE) code = try_all(&report, &task, options, world);
    if (comm_rank(world) == 0) terminal_done();
    if (code == EXIT_DONE && comm_rank(world) == 0 && !options_given(options, "--quiet")) {
        report.like_here = !options_given(options, "--node-ranks");
        report.has_files = !task_draws(config->task.kind);
        report.data_read = options_given(options, "--data") || options_given(options, "--time");
        report.useful_ranks = check_useful_ranks(&shape, config->schedule.batch);
        report.shared =
            estimate_share(&report.needs, config, report.grid, report.order, check_neighbours(&report));
        char *line = options_given(options, "--json") ? check_json(&report) : NULL;
        if (line)
            puts(line);
        else
            check_print(&report);
        memory_free(line);
    }
    task_free(&task);
    return code;
}

enum exit_code command_check(struct comm *world, int argc, char **argv)
{
    struct options options;
    struct config config = {0};
    enum exit_code code;
    if (options_begin(&options, world, argc, argv, &code)) return code;
    struct problems problems = {0};
    if (options_given(&options, "--quiet") && options_given(&options, "--json"))
        problems_add(&problems, EXIT_USAGE, "--quiet and --json: choose one");
    code = comm_agree(world, &problems);
    if (code == EXIT_DONE) code = options_config(&options, &config, world);
    if (code == EXIT_DONE) code = check_config(&config, &options, world);
    config_free(&config);
    options_free(&options);
    return code;
}
