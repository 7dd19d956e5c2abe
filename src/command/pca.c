/* metazoa pca RUN: principal components of an archive of any size. */
#include "metazoa/analyse/pca.h"

#include <inttypes.h>
#include <stdio.h>

#include "command.h"
#include "metazoa/base/file.h"
#include "metazoa/base/memory.h"
#include "metazoa/base/number.h"
#include "metazoa/store/lock.h"

/* "A:B"; without the option all epochs. */
static void read_epochs(struct pca_spec *spec, const char *text, struct problems *problems)
{
    int colon = 0;
    spec->hi = INT64_MAX;
    if (!text) return;
    char *first = memory_string(text);
    while (first[colon] && first[colon] != ':') colon++;
    const bool two = first[colon] == ':';
    first[colon] = 0;
    if (!two || !number_integer(first, &spec->lo) || !number_integer(first + colon + 1, &spec->hi) ||
        spec->lo < 0)
        problems_add(problems, EXIT_USAGE, "option --epochs: \"%s\" is not A:B, two epochs from 0 on", text);
    else if (spec->hi < spec->lo)
        problems_add(problems, EXIT_USAGE, "option --epochs: %s ends before it begins", text);
    memory_free(first);
}

/* The value's place among the words of an option, which options_read has checked. */
static int choice(const struct options *options, const char *name, const char *const *words)
{
    const char *value = options_text(options, name);
    return value ? words_find(words, value) : 0;
}

static void read_spec(struct pca_spec *spec, const struct options *options, struct problems *problems)
{
    spec->run = options->argument[0];
    spec->scope = (enum pca_scope)choice(options, "--scope", pca_scopes);
    spec->origin = (enum pca_origin)choice(options, "--origin", pca_origins);
    spec->components = options_integer(options, "--components", 1, 1000, 3, problems);
    spec->walks = options_integer(options, "--walks", 0, PCA_WALKS_MAX, 3, problems);
    spec->walkers = options_integer(options, "--walkers", 1, PCA_WALKERS_MAX, 10000, problems);
    spec->seed = (uint64_t)options_integer(options, "--seed", 0, INT64_MAX, 0, problems);
    spec->whiten = options_given(options, "--whiten");
    spec->scores = !options_given(options, "--no-scores");
    spec->sums = options_given(options, "--moments");
    if (spec->sums) spec->walks = 0;
    if (spec->sums) spec->scores = false;
    read_epochs(spec, options_text(options, "--epochs"), problems);
    if (spec->sums && spec->scope != SCOPE_ORGANISM && spec->scope != SCOPE_LAYER)
        problems_add(problems, EXIT_USAGE,
                     "option --moments: there are sums of the organism and of its layers only");
}

/* The tolerance of types, from the run's configuration: for records without a census. Sums of a checkpoint
 * of another configuration (other particles archived) are refused. */
static enum exit_code read_epsilon(struct pca_spec *spec, struct comm *world)
{
    struct config config = {0};
    char *path = file_path(spec->run, "config.yaml");
    enum exit_code code = EXIT_DONE;
    spec->epsilon = 1e-5;
    int64_t there = file_exists(path) && (spec->scope == SCOPE_TYPE || spec->sums);
    comm_min_i64(world, &there, 1);
    if (there) code = config_read_run(&config, spec->run, 0, NULL, world);
    if (there && code == EXIT_DONE) spec->epsilon = (double)config.measure.epsilon;
    config_free(&config);
    memory_free(path);
    return code;
}

enum exit_code command_pca(struct comm *world, int argc, char **argv)
{
    struct options options;
    struct problems problems = {0};
    struct pca_spec spec = {0};
    enum exit_code code;
    if (options_begin(&options, world, argc, argv, &code)) return code;
    const char *own = options_text(&options, "--output");
    read_spec(&spec, &options, &problems);
    if (own) lock_spare(own, &problems);
    code = comm_agree(world, &problems);
    if (code == EXIT_DONE) code = read_epsilon(&spec, world);
    char *output = own ? memory_string(own) : memory_print("%s/pca-%s.h5", spec.run, pca_scopes[spec.scope]);
    spec.output = output;
    if (code == EXIT_DONE) {
        pca_run(&spec, world, &problems);
        code = comm_agree(world, &problems);
    }
    memory_free(output);
    options_free(&options);
    return code;
}
