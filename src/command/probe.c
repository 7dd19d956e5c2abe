/* metazoa probe: experiments on a run's organism. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "metazoa/base/memory.h"
#include "metazoa/measure/probe.h"

/* "1e-3,1e-4": positive numbers. Returns how many; `otherwise` when the option was not given. */
static int read_list(const struct options *options, const char *name, double *values, int otherwise,
                     struct problems *problems)
{
    const char *text = options_text(options, name);
    if (!text) return otherwise;
    int n = 0;
    for (const char *at = text;; at++) {
        char *end;
        const double value = strtod(at, &end);
        if (end == at || (*end && *end != ',') || !(value > 0) || !isfinite(value) || n == PROBE_LIST_MAX) {
            problems_add(problems, EXIT_USAGE,
                         "option %s: \"%s\" is not a list of at most %d positive numbers, like 1e-3,1e-4",
                         name, text, PROBE_LIST_MAX);
            return otherwise;
        }
        values[n++] = value;
        at = end;
        if (!*at) return n;
    }
}

static int64_t read_integer(const struct options *options, const char *name, double lo, double hi,
                            int64_t otherwise, struct problems *problems)
{
    const double value = options_number(options, name, lo, hi, (double)otherwise, problems);
    if (value != floor(value))
        problems_add(problems, EXIT_USAGE, "option %s: %g is not a whole number", name, value);
    return (int64_t)value;
}

static void read_spec(struct probe_spec *spec, const struct options *options, struct problems *problems)
{
    const char *noise = options_text(options, "--noise");
    spec->draws = read_integer(options, "--seeds", 1, 1e6, spec->draws, problems);
    spec->cap = read_integer(options, "--cap", 1, 1e9, spec->cap, problems);
    spec->particles = read_integer(options, "--particles", 1, 1e9, spec->particles, problems);
    spec->alone_steps = read_integer(options, "--single-steps", 0, 1e9, spec->alone_steps, problems);
    spec->samples = read_integer(options, "--samples", 1, 1e12, spec->samples, problems);
    spec->points = read_integer(options, "--points", 1, 1e4, spec->points, problems);
    spec->steps = read_integer(options, "--steps", 0, 1e12, spec->steps, problems);
    spec->n_epsilon = read_list(options, "--epsilon", spec->epsilon, spec->n_epsilon, problems);
    spec->n_zeta = read_list(options, "--zeta", spec->zeta, spec->n_zeta, problems);
    spec->uniform = noise && strcmp(noise, "uniform") == 0;
    if (noise && !spec->uniform && strcmp(noise, "normal") != 0)
        problems_add(problems, EXIT_USAGE, "option --noise: \"%s\" is neither normal nor uniform", noise);
}

/* The effective configuration that a run's folder keeps. */
static enum exit_code read_config(struct config *config, const char *run, const struct options *options,
                                  struct comm *world)
{
    struct problems problems = {0};
    int64_t length = 0;
    char *path = memory_print("%s/config.yaml", run),
         *text = options_file(path, &length, world, EXIT_INPUT, &problems);
    if (text) config_parse(config, text, length, path, options->n_sets, options->sets, &problems);
    memory_free(text);
    memory_free(path);
    return comm_agree(world, &problems);
}

/* The kind; NULL with a problem that lists all kinds. */
static const struct probe *find_probe(const char *kind, struct problems *problems)
{
    char kinds[256] = "";
    for (const struct probe *probe = probes; probe->kind; probe++) {
        if (strcmp(probe->kind, kind) == 0) return probe;
        snprintf(kinds + strlen(kinds), sizeof kinds - strlen(kinds), "%s%s", *kinds ? ", " : "",
                 probe->kind);
    }
    problems_add(problems, EXIT_USAGE, "unknown probe \"%s\": one of %s", kind, kinds);
    return NULL;
}

/* What a probe cannot do without. */
static enum exit_code check_subject(const struct probe *probe, const struct subject *subject,
                                    const struct subject *baseline, struct comm *world)
{
    struct problems problems = {0};
    if (subject->config->organism.edges == EDGES_SCALAR)
        problems_add(&problems, EXIT_USAGE,
                     "%s: is a conventional network (organism.edges: scalar), it has no particles to probe",
                     subject->run);
    if (probe->test_data && subject->task.test.samples == 0)
        problems_add(&problems, EXIT_USAGE, "%s: its task has no test data, which this probe needs",
                     subject->run);
    if (baseline && baseline->config->organism.edges != EDGES_SCALAR)
        problems_add(&problems, EXIT_USAGE,
                     "--baseline %s: is no conventional network (organism.edges: scalar)", baseline->run);
    return comm_agree(world, &problems);
}

struct job {
    const struct probe *probe;
    const struct options *options;
    int64_t epoch;
    struct config config, baseline_config;
    struct subject subject, baseline;
};

static enum exit_code open_and_run(struct job *job, struct comm *world)
{
    const char *run = job->options->argument[1];
    const char *other =
        strcmp(job->probe->kind, "dropout") == 0 ? options_text(job->options, "--baseline") : NULL;
    enum exit_code code = read_config(&job->config, run, job->options, world);
    if (code == EXIT_DONE)
        code = subject_open(&job->subject, &job->config, run, job->epoch, NULL, job->probe->flat, world);
    if (code == EXIT_DONE && other) code = read_config(&job->baseline_config, other, job->options, world);
    if (code == EXIT_DONE && other)
        code = subject_open(&job->baseline, &job->baseline_config, other, PROBE_NEWEST, &job->subject, false,
                            world);
    if (code == EXIT_DONE)
        code = check_subject(job->probe, &job->subject, other ? &job->baseline : NULL, world);
    if (code != EXIT_DONE) return code;
    struct problems none = {0};
    struct probe_spec spec = probe_defaults(&job->config);
    read_spec(&spec, job->options, &none);
    spec.baseline = other ? &job->baseline : NULL;
    job->probe->run(&job->subject, &spec);
    return EXIT_DONE;
}

enum exit_code command_probe(struct comm *world, int argc, char **argv)
{
    enum exit_code code;
    struct options options;
    if (options_begin(&options, world, argc, argv, &code)) return code;
    struct problems problems = {0};
    struct job job = {.options = &options, .probe = find_probe(options.argument[0], &problems)};
    struct probe_spec ignored = {0};
    job.epoch = read_integer(&options, "--epoch", 0, 1e12, PROBE_NEWEST, &problems);
    read_spec(&ignored, &options, &problems); /* mistakes are told before anything is loaded */
    code = comm_agree(world, &problems);
    if (code == EXIT_DONE) code = open_and_run(&job, world);
    subject_close(&job.baseline);
    subject_close(&job.subject);
    config_free(&job.baseline_config);
    config_free(&job.config);
    options_free(&options);
    return code;
}
