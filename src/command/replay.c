/* metazoa replay RUN --epochs A:B: trains a part of a run once more, keeps its records and proves them. */
#include "replay.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "metazoa/base/hash.h"
#include "metazoa/base/memory.h"
#include "metazoa/base/number.h"
#include "metazoa/base/timer.h"
#include "metazoa/store/members.h"
#include "metazoa/train/run.h"

/* A run that is replayed. */
struct source {
    const char *run;
    struct config config; /* the run's, changed by --set */
    struct replay replay;
};

/* The configuration of the run's folder, with --set; only the archive, and what a resume may change, may
 * differ. */
static enum exit_code read_config(struct source *source, const struct options *options, struct comm *world)
{
    struct config saved = {0};
    struct problems problems = {0};
    enum exit_code code = config_read_run(&saved, source->run, 0, NULL, world);
    if (code == EXIT_DONE)
        code = config_read_run(&source->config, source->run, options->n_sets, options->sets, world);
    if (code == EXIT_DONE) {
        struct config compared = source->config; /* borrows */
        compared.archive = saved.archive;
        char *conflicts = config_conflicts(&saved, &compared);
        if (conflicts)
            problems_add(&problems, EXIT_USAGE,
                         "%s: a replay needs the configuration of the run; these keys differ: %s",
                         source->run, conflicts);
        memory_free(conflicts);
        code = comm_agree(world, &problems);
    }
    config_free(&saved);
    return code;
}

static enum exit_code source_open(struct source *source, const struct options *options, struct comm *world)
{
    struct problems problems = {0};
    struct members members = members_of(source->run, world);
    if (members.n > 0 && comm_rank(world) == 0)
        problems_add(&problems, EXIT_USAGE, "%s: an ensemble: replay its runs one by one, for example %s",
                     source->run, members.path[0]);
    members_free(&members);
    enum exit_code code = comm_agree(world, &problems);
    if (code == EXIT_DONE) code = read_config(source, options, world);
    if (code != EXIT_DONE) return code;
    claims_read(&source->replay.claims, source->run, world, &problems);
    code = comm_agree(world, &problems);
    /* What is recorded is counted; a grid for another number of ranks does not matter. */
    source->replay.run = source->run;
    source->config.measure.census_every = 1;
    const int64_t *grid = source->config.grid;
    if (grid[0] * grid[1] * grid[2] != comm_size(world))
        memset(source->config.grid, 0, sizeof source->config.grid);
    return code;
}

static void source_close(struct source *source)
{
    replay_free(&source->replay);
    config_free(&source->config);
}

static enum exit_code replay(struct source *source, const struct request *request, struct comm *world)
{
    struct run run;
    enum exit_code code = run_open(&run, &source->config, request, world);
    if (code == EXIT_DONE) code = run_report(&run, run_train(&run));
    run_close(&run);
    return code;
}

static struct request request_of(struct source *source, const struct options *options, struct comm *world,
                                 int argc, char **argv)
{
    return (struct request){
        .init = options_text(options, "--init"),
        .quiet = source->replay.compare || options_given(options, "--quiet"),
        .started = timer_now(),
        .limit = (double)INFINITY,
        .progress = PROGRESS_AUTO,
        .place = {0, 1},
        .label = "",
        .version = version_text(),
        .ranks = comm_size(world),
        .replay = &source->replay,
        .argc = argc,
        .argv = argv,
    };
}

/* "A:B". */
static void read_window(struct replay *replay, const char *text, struct problems *problems)
{
    char *first = text ? memory_string(text) : NULL, *colon = first ? strchr(first, ':') : NULL;
    if (colon) *colon = 0;
    if (!text)
        problems_add(problems, EXIT_USAGE, "replay needs --epochs A:B: the states after epoch A to epoch B");
    else if (!colon || !number_integer(first, &replay->lo) || !number_integer(colon + 1, &replay->hi) ||
             replay->lo < 0)
        problems_add(problems, EXIT_USAGE, "option --epochs: \"%s\" is not A:B, two epochs from 0 on", text);
    else if (replay->hi < replay->lo)
        problems_add(problems, EXIT_USAGE, "option --epochs: %s ends before it begins", text);
    memory_free(first);
}

/* Every epoch of the window is in metrics.csv. Called on all ranks, which hold the same claims. */
static void check_window(const struct replay *replay, struct problems *problems)
{
    const int64_t last = claims_last_epoch(&replay->claims);
    if (replay->hi > last)
        problems_add(problems, EXIT_USAGE,
                     "%s: epoch %" PRId64 " is beyond the run: metrics.csv ends with epoch %" PRId64,
                     replay->run, replay->hi, last);
    for (int64_t epoch = replay->lo; epoch <= replay->hi && problems->n == 0; epoch++)
        if (!claims_epoch(&replay->claims, epoch))
            problems_add(problems, EXIT_USAGE, "%s: metrics.csv has no row of epoch %" PRId64, replay->run,
                         epoch);
}

/* Which states are recorded, and where. */
static void choose_records(struct source *source, const struct options *options, int64_t every)
{
    struct archive_spec *archive = &source->config.archive;
    archive->trajectory_every = every;
    archive->n_steps = 0;
    archive->every_batch = options_given(options, "--every-batch");
    if (options_given(options, "--output")) return; /* is in the configuration already */
    memory_free(source->config.run.output);
    source->config.run.output =
        memory_print("%s/replay-%" PRId64 "-%" PRId64, source->run, source->replay.lo, source->replay.hi);
}

/* --layers 0,2 is --set archive.layers=[0,2]. There is room: sets has a place for every word of the command
 * line. */
static void add_layers(struct options *options)
{
    const char *layers = options_text(options, "--layers");
    if (!layers) return;
    options->sets[options->n_sets++] = memory_print("--layers archive.layers=[%s]", layers);
}

enum exit_code command_replay(struct comm *world, int argc, char **argv)
{
    enum exit_code code;
    struct options options;
    if (options_begin(&options, world, argc, argv, &code)) return code;
    stop_listen();
    struct problems problems = {0};
    struct source source = {.run = options.argument[0]};
    const int64_t every = options_integer(&options, "--every", 1, INT64_C(1) << 24, 1, &problems);
    if (options_given(&options, "--every") && options_given(&options, "--every-batch"))
        problems_add(&problems, EXIT_USAGE, "--every and --every-batch: choose one");
    read_window(&source.replay, options_text(&options, "--epochs"), &problems);
    code = comm_agree(world, &problems);
    add_layers(&options);
    if (code == EXIT_DONE) code = source_open(&source, &options, world);
    if (code == EXIT_DONE) check_window(&source.replay, &problems);
    if (code == EXIT_DONE) code = comm_agree(world, &problems);
    if (code == EXIT_DONE) {
        choose_records(&source, &options, every);
        const struct request request = request_of(&source, &options, world, argc, argv);
        code = replay(&source, &request, world);
    }
    source_close(&source);
    options_free(&options);
    return code;
}

/* A share of the epochs, from one of the states that a replay can begin with: epoch 0, and the checkpoints.
 * The seed says which. */
static void choose_share(struct source *source, double share)
{
    struct replay *replay = &source->replay;
    const struct claims *claims = &replay->claims;
    replay->hi = claims_last_epoch(claims);
    if (share >= 1) return;
    int64_t n = 1;
    for (int64_t i = 0; i < claims->n; i++)
        n += claims->claim[i].checkpoint && claims->claim[i].epoch < replay->hi;
    int64_t left = (int64_t)(hash_mix((uint64_t)source->config.run.seed + 1) % (uint64_t)n);
    for (int64_t i = 0; i < claims->n && left > 0; i++) {
        const struct claim *claim = &claims->claim[i];
        if (!claim->checkpoint || claim->epoch >= replay->hi) continue;
        replay->lo = claim->epoch + (claim->batch > 0);
        left--;
    }
    const int64_t epochs = (int64_t)ceil(share * (double)replay->hi);
    if (replay->hi > replay->lo + epochs) replay->hi = replay->lo + epochs;
}

double replay_share(const struct options *options, struct problems *problems)
{
    return options_number(options, "--share", 1e-9, 1, 1, problems);
}

enum exit_code replay_recompute(const struct options *options, struct comm *world, int argc, char **argv)
{
    struct problems problems = {0};
    struct source source = {.run = options->argument[0], .replay.compare = true};
    const double share = replay_share(options, &problems);
    stop_listen();
    enum exit_code code = comm_agree(world, &problems);
    if (code == EXIT_DONE) code = source_open(&source, options, world);
    if (code == EXIT_DONE) {
        choose_share(&source, share);
        if (source.config.schedule.patience == 0)
            source.config.measure.validate_every = 0; /* else it decides */
        const struct request request = request_of(&source, options, world, argc, argv);
        code = replay(&source, &request, world);
    }
    source_close(&source);
    return code;
}
