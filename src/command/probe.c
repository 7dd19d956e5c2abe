/* metazoa probe: experiments on a run's organism. */
#include <unistd.h>

#include "command.h"
#include "metazoa/base/json.h"
#include "metazoa/base/memory.h"
#include "metazoa/base/suggest.h"
#include "metazoa/base/terminal.h"
#include "metazoa/measure/probe.h"
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

/* Rank 0 prints the results: as a table on a terminal, otherwise or with --json as the line of JSON. */
static void print_result(const struct subject *subject, const struct options *options)
{
    if (comm_rank(subject->comm) != 0) return;
    if (options_given(options, "--json") || !terminal_shown())
        puts(subject->result);
    else
        show_json(stdout, subject->result);
    if (fflush(stdout) != 0) fatal("standard output: cannot be written");
}

static enum exit_code probe_subject(const struct probe *probe, const void *own, const struct options *options,
                                    int64_t epoch, struct comm *world)
{
    const struct subject_spec spec = {.run = options->argument[1],
                                      .any_data = options_given(options, "--accept-other-data"),
                                      .epoch = epoch,
                                      .n_sets = options->n_sets,
                                      .sets = options->sets,
                                      .flat = probe->flat};
    struct subject subject;
    const bool first = comm_rank(world) == 0;
    if (first) terminal_doing("reading run and data");
    enum exit_code code = subject_open(&subject, &spec, world);
    char *what = memory_print("probe %s", probe->kind);
    if (first && code == EXIT_DONE) terminal_doing(what);
    if (code == EXIT_DONE) code = probe_run(probe, &subject, own);
    if (first) terminal_done();
    memory_free(what);
    if (code == EXIT_DONE) print_result(&subject, options);
    subject_close(&subject);
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
    if (code == EXIT_DONE) code = probe_subject(probe, own, &options, epoch, world);
    memory_free(own);
    options_free(&options);
    return code;
}
