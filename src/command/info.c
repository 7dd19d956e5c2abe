/*
 * metazoa info RUN...: a line per run, from the text files of its folder; an ensemble is one line with the
 * median of its members. Rank 0 reads; the others wait.
 */
#include <glob.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "info.h"
#include "metazoa/base/file.h"
#include "metazoa/base/json.h"
#include "metazoa/base/memory.h"
#include "metazoa/base/spread.h"
#include "metazoa/train/pace.h"

static struct info info_none(const char *run)
{
    return (struct info){.run = run,
                         .measure = "",
                         .epochs = NAN,
                         .particles = NAN,
                         .score = NAN,
                         .replicators = NAN,
                         .seconds = NAN};
}

static double number_of(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

/* RUN/summary.json, which the end of a run writes. False: it is not there, or not readable. */
static bool read_summary(struct info *info)
{
    json_t *summary = json_read(info->run, "summary.json");
    if (!summary) return false;
    const json_t *census = json_object_get(summary, "census"),
                 *fingerprint = json_object_get(summary, "fingerprint");
    info->measure = json_object_get(summary, "test_accuracy") ? "test_accuracy" : "test_mae";
    info->epochs = number_of(summary, "epochs");
    info->particles = number_of(summary, "particles");
    info->score = number_of(summary, info->measure);
    info->replicators = number_of(census, "self_replicator") / info->particles;
    info->seconds = number_of(summary, "wall_seconds");
    info->finished = json_is_true(json_object_get(summary, "finished"));
    if (json_is_string(fingerprint))
        snprintf(info->fingerprint, sizeof info->fingerprint, "%s", json_string_value(fingerprint));
    json_decref(summary);
    return true;
}

/* A run that goes on, or was killed: the epochs in RUN/metrics.csv. False: it is not there. */
static bool read_metrics(struct info *info)
{
    char *path = file_path(info->run, "metrics.csv"), line[1024];
    FILE *file = fopen(path, "r");
    memory_free(path);
    if (!file) return false;
    while (fgets(line, sizeof line, file))
        if (*line >= '0' && *line <= '9') info->epochs = strtod(line, NULL);
    fclose(file);
    return true;
}

/* Medians over the members of an ensemble. */
static void read_members(struct info *info, const glob_t *found)
{
    double *column[4];
    for (int k = 0; k < 4; k++) column[k] = memory_new((int64_t)found->gl_pathc, sizeof(double));
    info->runs = 0;
    for (size_t i = 0; i < found->gl_pathc; i++) {
        struct info member = info_none(found->gl_pathv[i]);
        if (!read_summary(&member)) continue;
        const double values[4] = {member.epochs, member.score, member.replicators, member.seconds};
        for (int k = 0; k < 4; k++) column[k][info->runs] = values[k];
        info->runs++;
        info->finished += member.finished;
        info->measure = member.measure;
        info->particles = member.particles;
    }
    double *const median[4] = {&info->epochs, &info->score, &info->replicators, &info->seconds};
    for (int k = 0; k < 4; k++) {
        spread_sort(info->runs, column[k]);
        *median[k] = spread_quantile(info->runs, column[k], 0.5);
        memory_free(column[k]);
    }
    info->runs = (int64_t)found->gl_pathc;
}

bool info_read(struct info *info, const char *run)
{
    *info = info_none(run);
    info->runs = 1;
    if (read_summary(info) || read_metrics(info)) return true;
    glob_t found = {0};
    char *pattern = file_path(info->run, "seed-*");
    const bool there = glob(pattern, 0, NULL, &found) == 0;
    if (there) read_members(info, &found);
    globfree(&found);
    memory_free(pattern);
    return there;
}

/* ---- output ---- */

static void put_number(const char *format, double value, const char *unknown)
{
    if (isfinite(value))
        printf(format, value); /* formats of this file alone */
    else
        printf("%s", unknown);
}

void info_print_scores(const struct info *info)
{
    put_number("  %7.4g ", info->score, "        - ");
    printf("%s", info->measure);
    put_number("  %3.0f %% self-replicators", 100 * info->replicators, "    - % self-replicators");
    if (isfinite(info->seconds)) printf("  %s", duration_text(info->seconds).text);
    printf("\n");
}

static void print_line(const struct info *info)
{
    char state[48] = "unfinished";
    if (info->runs > 1)
        snprintf(state, sizeof state, "%" PRId64 " of %" PRId64 " finished", info->finished, info->runs);
    else if (info->finished)
        strcpy(state, "finished");
    printf("%-28s %-18s", info->run, state);
    put_number("%7.0f epochs", info->epochs, "      - epochs");
    info_print_scores(info);
}

static json_t *info_json(const struct info *info)
{
    json_t *object = json_object();
    json_put(object, "run", json_words(info->run));
    json_put(object, "runs", json_integer(info->runs));
    json_put(object, "finished", json_integer(info->finished));
    json_put(object, "epochs", json_finite(info->epochs));
    json_put(object, "particles", json_finite(info->particles));
    json_put(object, "measure", json_words(*info->measure ? info->measure : NULL));
    json_put(object, "score", json_finite(info->score));
    json_put(object, "self_replicators", json_finite(info->replicators));
    json_put(object, "seconds", json_finite(info->seconds));
    json_put(object, "fingerprint", json_words(*info->fingerprint ? info->fingerprint : NULL));
    return object;
}

/* Rank 0. Runs that can be read are printed even if others are a problem. */
static void print_all(const struct options *options, struct problems *problems)
{
    json_t *list = options_given(options, "--json") ? json_array() : NULL;
    for (int i = 0; i < options->n_arguments; i++) {
        struct info info;
        if (!info_read(&info, options->argument[i]))
            problems_add(problems, EXIT_INPUT,
                         "%s: holds no run: neither summary.json nor metrics.csv nor seed-*", info.run);
        else if (list)
            json_add(list, info_json(&info));
        else
            print_line(&info);
    }
    if (!list) return;
    char *text = json_print(list, 0);
    puts(text);
    memory_free(text);
}

enum exit_code command_info(struct comm *world, int argc, char **argv)
{
    enum exit_code code;
    struct options options;
    struct problems problems = {0};
    if (options_begin(&options, world, argc, argv, &code)) return code;
    if (comm_rank(world) == 0) print_all(&options, &problems);
    code = comm_agree(world, &problems);
    options_free(&options);
    return code;
}
