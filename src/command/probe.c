/* metazoa probe: experiments on a run's organism, or on those of an ensemble. */
#include <unistd.h>

#include "command.h"
#include "median.h"
#include "metazoa/base/json.h"
#include "metazoa/base/memory.h"
#include "metazoa/base/suggest.h"
#include "metazoa/base/terminal.h"
#include "metazoa/measure/probe.h"
#include "metazoa/store/members.h"
#include "show.h"

/* The probe of the kind that the command line names; NULL with a problem that lists all kinds. */
static const struct probe *find_probe(const char *kind, struct problems *problems)
{
    const struct probe *found = probe_find(kind);
    if (found) return found;
    char kinds[512] = "";
    struct suggest suggest = {.written = kind};
    for (int i = 0; probes[i]; i++) {
        memory_append(kinds, sizeof kinds, "%s%s", i ? ", " : "", probes[i]->kind);
        suggest_try(&suggest, probes[i]->kind);
    }
    const char *meant = suggest_best(&suggest);
    problems_add(problems, EXIT_USAGE, "unknown probe \"%s\": one of %s%s%s%s", kind, kinds,
                 meant ? "; did you mean " : "", meant ? meant : "", meant ? "?" : "");
    return NULL;
}

/* The options that the probe owns. They are read before anything is loaded, so that mistakes are found at
 * once. */
static void *read_options(const struct probe *probe, const struct options *options, struct problems *problems)
{
    void *own = probe_options(probe);
    for (int i = 0; i < options->n_given; i++)
        if (options->given[i].own)
            probe_set(probe, own, options->given[i].name, options->given[i].value, problems);
    return own;
}

/* Rank 0 prints results: as a table on a terminal, otherwise or with --json as a line of JSON. Of an
 * ensemble: the medians of its runs, and in JSON the results of each. */
static void print_results(json_t *results, bool ensemble, const struct options *options)
{
    const bool table = !options_given(options, "--json") && terminal_shown();
    json_t *shown = ensemble ? median_of(results) : json_incref(json_array_get(results, 0));
    if (ensemble && table) printf("medians of %zu runs\n", json_array_size(results));
    if (ensemble && !table) {
        json_t *both = json_object();
        json_put(both, "runs", json_integer((json_int_t)json_array_size(results)));
        json_put(both, "median", shown);
        json_put(both, "results", json_incref(results));
        shown = both;
    }
    char *text = json_print(shown, 0);
    if (table)
        show_json(stdout, text);
    else
        puts(text);
    memory_free(text);
}

/* What is probed, and how; each result is added to `results` on rank 0. */
struct work {
    const struct probe *probe;
    const void *own;
    const struct options *options;
    int64_t epoch;
    struct comm *world;
    json_t *results;
};

static enum exit_code probe_one(struct work *work, const char *run)
{
    const struct options *options = work->options;
    const struct subject_spec spec = {.run = run,
                                      .any_data = options_given(options, "--accept-other-data"),
                                      .epoch = work->epoch,
                                      .n_sets = options->n_sets,
                                      .sets = options->sets,
                                      .flat = work->probe->flat};
    struct subject subject;
    const bool first = comm_rank(work->world) == 0;
    if (first) terminal_doing("reading run and data");
    enum exit_code code = subject_open(&subject, &spec, work->world);
    char *what = memory_print("probe %s", work->probe->kind);
    if (first && code == EXIT_DONE) terminal_doing(what);
    if (code == EXIT_DONE) code = probe_run(work->probe, &subject, work->own);
    if (first) terminal_done();
    memory_free(what);
    if (code == EXIT_DONE && first) json_add(work->results, json_loads(subject.result, 0, NULL));
    subject_close(&subject);
    return code;
}

/* Rank 0. Medians over other experiments would be of none of them. */
static void check_members(const char *folder, const struct members *members, struct problems *problems)
{
    char *differ = members_differ(members, verify_compare);
    if (differ)
        problems_add(problems, EXIT_INPUT,
                     "%s: its runs are not of one ensemble, so it has no medians: %s; probe them one by one",
                     folder, differ);
    memory_free(differ);
}

/* The run, or all runs of an ensemble. */
static enum exit_code probe_all(struct work *work)
{
    const char *run = work->options->argument[1];
    struct members members = members_of(run, work->world);
    struct problems problems = {0};
    if (comm_rank(work->world) == 0) check_members(run, &members, &problems);
    enum exit_code code = comm_agree(work->world, &problems);
    work->results = json_array();
    if (members.n == 0 && code == EXIT_DONE) code = probe_one(work, run);
    for (int64_t i = 0; i < members.n && code == EXIT_DONE; i++) code = probe_one(work, members.path[i]);
    if (code == EXIT_DONE && comm_rank(work->world) == 0)
        print_results(work->results, members.n > 0, work->options);
    json_decref(work->results);
    members_free(&members);
    return code;
}

enum exit_code command_probe(struct comm *world, int argc, char **argv)
{
    enum exit_code code;
    struct options options;
    if (options_begin(&options, world, argc, argv, &code)) return code;
    struct problems problems = {0};
    const int64_t epoch = options_integer(&options, "--epoch", 0, INT64_C(1) << 40, PROBE_NEWEST, &problems);
    const struct probe *probe = find_probe(options.argument[0], &problems);
    void *own = probe ? read_options(probe, &options, &problems) : NULL;
    code = comm_agree(world, &problems);
    struct work work = {.probe = probe, .own = own, .options = &options, .epoch = epoch, .world = world};
    if (code == EXIT_DONE) code = probe_all(&work);
    memory_free(own);
    options_free(&options);
    return code;
}
