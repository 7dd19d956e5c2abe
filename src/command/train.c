/* metazoa train: one run, or an ensemble of runs that share the job's ranks. */
#include <inttypes.h>
#include <stdio.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "facts.h"
#include "metazoa/base/file.h"
#include "metazoa/base/memory.h"
#include "metazoa/base/terminal.h"
#include "metazoa/base/timer.h"
#include "metazoa/store/members.h"
#include "metazoa/store/metrics.h"
#include "metazoa/train/run.h"
#include "room.h"

/* A launcher that does not fit the MPI library starts several programs that do not know of each other: each
 * would train by itself and write the same files. */
static enum exit_code check_launch(struct comm *world)
{
    struct problems problems = {0};
    const int started = stop_singletons(comm_size(world));
    if (started > 1)
        problems_add(
            &problems, EXIT_USAGE,
            "the launcher started %d processes, but MPI knows of this one alone, so each would train by "
            "itself: start them with \"srun --mpi=pmix\" or with the mpirun of the MPI that the program was "
            "built with, which is %s",
            started, comm_library());
    return comm_agree(world, &problems);
}

static enum exit_code train_one(const struct config *config, const struct request *request, struct comm *comm)
{
    struct run run;
    enum exit_code code = run_open(&run, config, request, comm);
    if (code == EXIT_DONE) code = run_report(&run, run_train(&run));
    run_close(&run);
    return code;
}

/* Of two exit codes, the one that is more urgent: failures first, then a run to be continued. */
static enum exit_code worse(enum exit_code a, enum exit_code b)
{
    static const enum exit_code order[] = {EXIT_FAILED, EXIT_INPUT, EXIT_USAGE, EXIT_STOPPED};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
        if (a == order[i] || b == order[i]) return order[i];
    return EXIT_DONE;
}

/* Member i of an ensemble: a run of its own with seed + i, in OUTPUT/seed-<seed>. The same bits as a single
 * run. */
static enum exit_code train_member(const struct config *config, const struct request *request, int64_t i,
                                   struct comm *comm)
{
    struct config member = config_member(config, i);
    struct request asked = *request;
    member.run.output = memory_print("%s/seed-%lld", config->run.output, (long long)member.run.seed);
    char *label = memory_print("seed %lld: ", (long long)member.run.seed);
    asked.label = label;
    const enum exit_code code = train_one(&member, &asked, comm);
    memory_free(label);
    memory_free(member.run.output);
    return code;
}

/* Rank 0. A folder holds either a run or an ensemble, all of whose runs begin in one way. */
static void check_members(const struct config *config, bool init, bool quiet, struct problems *problems)
{
    const char *folder = config->run.output;
    struct members members = members_of(folder, NULL);
    int64_t first = 0, first_known = 0, n = 0;
    char *own = file_path(folder, "config.yaml");
    if (config->run.ensemble > 1 && file_exists(own))
        problems_add(problems, EXIT_USAGE,
                     "%s: holds a run by itself: choose another folder for the ensemble with --output",
                     folder);
    else if (config->run.ensemble == 1 && members.n > 0)
        problems_add(problems, EXIT_USAGE,
                     "%s: holds an ensemble: set run.ensemble, or choose another folder, such as %s", folder,
                     members.path[0]);
    for (int64_t i = 0; i < members.n; i++) {
        int64_t known;
        provenance_ensemble(members.path[i], &first_known, &known);
        if (known > 0) first = first_known;
        if (known > n) n = known;
    }
    if (config->run.ensemble > 1 && n > 0 && first != config->run.seed)
        problems_add(problems, EXIT_USAGE,
                     "%s: run.seed = %" PRId64 ", but the first seed of this ensemble is %" PRId64
                     ": set it back, or train into another folder",
                     folder, config->run.seed, first);
    else if (config->run.ensemble > 1 && n > config->run.ensemble && !quiet)
        printf("note       %s is an ensemble of %" PRId64 " runs: all but the first %" PRId64
               " are left as they are\n",
               folder, n, config->run.ensemble);
    if (config->run.ensemble > 1 && members.n > 0 && !init && provenance_began(members.path[0], "--init"))
        problems_add(problems, EXIT_USAGE,
                     "%s: its first run began with --init: give it again, for those that have not begun",
                     folder);
    memory_free(own);
    members_free(&members);
}

/* The last words of an ensemble. */
static void summarise(const struct config *config, uint64_t finished)
{
    struct facts facts;
    printf("ensemble   %s: %" PRIu64 " of %" PRId64 " organisms are finished\n", config->run.output, finished,
           config->run.ensemble);
    if (finished == 0 || !facts_read_any(&facts, config->run.output) || *facts.mixed) return;
    printf("medians  ");
    facts_print_scores(&facts);
}

/* The ranks are divided into groups. Group g of n trains the members g, g + n, g + 2n, ... one after the
 * other. */
static enum exit_code train_ensemble(const struct config *config, struct request *request, struct comm *world)
{
    const int ranks = comm_size(world);
    const int groups = config_groups(config, ranks);
    const int group = (int)((int64_t)comm_rank(world) * groups / ranks);
    struct comm *comm = comm_split(world, group, comm_rank(world));
    char *stop_file = memory_print("%s/stop", config->run.output);
    if (comm_rank(world) == 0 && file_bytes(stop_file) > 0)
        unlink(stop_file); /* left by a start that was killed */
    comm_barrier(world);
    request->stop_file = stop_file;
    const bool quiet = request->quiet;
    uint64_t finished = 0;
    int64_t found[4] = {0}; /* exit codes seen by this rank */
    static const enum exit_code codes[4] = {EXIT_FAILED, EXIT_USAGE, EXIT_INPUT, EXIT_STOPPED};
    /* One bar for all: that of the first group. The others are silent beside it. */
    if (request->progress == PROGRESS_AUTO)
        request->progress = terminal_shown() ? PROGRESS_BAR : PROGRESS_PLAIN;
    request->place.members = (config->run.ensemble - group + groups - 1) / groups;
    if (request->progress == PROGRESS_BAR && group > 0) request->quiet = true;
    for (int64_t i = group; i < config->run.ensemble; i += groups) {
        request->place.member = i / groups;
        const enum exit_code code = train_member(config, request, i, comm);
        finished += code == EXIT_DONE && comm_rank(comm) == 0;
        for (int k = 0; k < 4; k++)
            if (code == codes[k]) found[k] = 1;
        if (code == EXIT_STOPPED) break; /* those that have not begun will begin with --resume */
    }
    comm_max_i64(world, found, 4);
    comm_sum_u64(world, &finished, 1);
    if (comm_rank(world) == 0 && !quiet) summarise(config, finished);
    enum exit_code code = EXIT_DONE;
    for (int k = 0; k < 4; k++)
        if (found[k]) code = worse(code, codes[k]);
    if (comm_rank(world) == 0) unlink(stop_file);
    memory_free(stop_file);
    comm_free(comm);
    return code;
}

enum exit_code command_train(struct comm *world, int argc, char **argv)
{
    const double started = timer_now();
    enum exit_code code;
    struct options options;
    if (options_begin(&options, world, argc, argv, &code)) return code;
    stop_listen();
    struct problems problems = {0};
    const double hours = options_number(&options, "--max-hours", 1e-9, 1e6, 0, &problems);
    const char *word = options_text(&options, "--progress");
    const int progress = words_find(progress_words, word ? word : "auto");
    if (options_given(&options, "--quiet") && (progress == PROGRESS_BAR || progress == PROGRESS_PLAIN))
        problems_add(&problems, EXIT_USAGE, "--quiet and --progress %s: choose one", word);
    code = comm_agree(world, &problems);
    if (code == EXIT_DONE) code = check_launch(world);
    struct config config = {0};
    if (code == EXIT_DONE) code = options_config(&options, &config, world);
    if (code == EXIT_DONE && comm_rank(world) == 0)
        check_members(&config, options_given(&options, "--init"), options_given(&options, "--quiet"),
                      &problems);
    if (code == EXIT_DONE) code = comm_agree(world, &problems);
    if (code == EXIT_DONE)
        code = room_check(&config, comm_size(world) / config_groups(&config, comm_size(world)), world);
    if (code == EXIT_DONE) {
        struct request request = {
            .init = options_text(&options, "--init"),
            .resume = options_given(&options, "--resume"),
            .accept_other_data = options_given(&options, "--accept-other-data"),
            .quiet = options_given(&options, "--quiet"),
            .started = started,
            .limit = stop_limit(hours, started),
            .progress = (enum progress_kind)progress,
            .place = {0, 1},
            .ensemble = {config.run.seed, config.run.ensemble},
            .label = "",
            .version = version_text(),
            .ranks = comm_size(world),
            .argc = argc,
            .argv = argv,
        };
        code = config.run.ensemble > 1 ? train_ensemble(&config, &request, world)
                                       : train_one(&config, &request, world);
    }
    config_free(&config);
    options_free(&options);
    return code;
}
