#define _DEFAULT_SOURCE
#include "facts.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "metazoa/base/file.h"
#include "metazoa/base/json.h"
#include "metazoa/base/memory.h"
#include "metazoa/base/percent.h"
#include "metazoa/base/spread.h"
#include "metazoa/store/checkpoint.h"
#include "metazoa/store/lock.h"
#include "metazoa/store/members.h"
#include "metazoa/store/metrics.h"
#include "metazoa/train/pace.h"

enum { RECENT = 10, COLUMNS = 64 };

/* A row of metrics.csv, as far as it is used. */
struct row {
    double epoch, score, train, seconds, census[TYPE_NAMES];
    bool scored, trained; /* measured: also a score that is no number */
    char fingerprint[32];
};

/* What the columns of a file are: the place in struct row, -1 for others. */
struct columns {
    int n, fingerprint;
    long place[COLUMNS];
};

static struct facts facts_none(const char *run)
{
    struct facts facts = {.run = run, .runs = 1, .there = 1, .measure = ""};
    double *const unknown[] = {&facts.epoch,       &facts.epochs,      &facts.score,        &facts.train,
                               &facts.score_epoch, &facts.train_epoch, &facts.census_epoch, &facts.best,
                               &facts.best_epoch,  &facts.particles,   &facts.replicators,  &facts.seconds,
                               &facts.training,    &facts.recent,      &facts.living};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) *unknown[i] = (double)NAN;
    for (int k = 0; k < FACTS_LEVELS; k++) facts.passed[k] = (double)NAN;
    for (int t = 0; t < TYPE_NAMES; t++) facts.census[t] = (double)NAN;
    return facts;
}

static bool is_error(const struct facts *facts)
{
    return strcmp(facts->measure, "test_mae") == 0;
}

double facts_level(const struct facts *facts, int k)
{
    return is_error(facts) ? pow(10, -1 - k) : (k + 1) / 10.0;
}

/* ---- metrics.csv ---- */

static long place_of(struct facts *facts, const char *name)
{
    if (strcmp(name, "epoch") == 0) return offsetof(struct row, epoch);
    if (strcmp(name, "seconds") == 0) return offsetof(struct row, seconds);
    if (strncmp(name, "train_", 6) == 0) return offsetof(struct row, train);
    for (int t = 0; t < TYPE_NAMES; t++)
        if (strcmp(name, particle_type_names[t]) == 0)
            return (long)(offsetof(struct row, census) + (size_t)t * sizeof(double));
    if (strncmp(name, "test_", 5) != 0) return -1;
    facts->measure = strcmp(name, "test_mae") == 0 ? "test_mae" : "test_accuracy";
    return offsetof(struct row, score);
}

static void read_names(struct facts *facts, struct columns *columns, char *line)
{
    char *word;
    for (columns->n = 0; columns->n < COLUMNS && (word = strsep(&line, ",\r\n")) && *word; columns->n++) {
        columns->place[columns->n] = place_of(facts, word);
        if (strcmp(word, "fingerprint") == 0) columns->fingerprint = columns->n;
    }
}

static struct row read_row(const struct columns *columns, char *line)
{
    struct row row = {.epoch = NAN, .score = NAN, .train = NAN, .seconds = NAN};
    for (int t = 0; t < TYPE_NAMES; t++) row.census[t] = (double)NAN;
    char *word;
    for (int i = 0; i < columns->n && (word = strsep(&line, ",\r\n")) != NULL; i++) {
        if (i == columns->fingerprint) snprintf(row.fingerprint, sizeof row.fingerprint, "%s", word);
        if (columns->place[i] < 0 || !*word) continue;
        memcpy((char *)&row + columns->place[i], &(double){strtod(word, NULL)}, sizeof(double));
        row.scored = row.scored || columns->place[i] == offsetof(struct row, score);
        row.trained = row.trained || columns->place[i] == offsetof(struct row, train);
    }
    return row;
}

static void take_score(struct facts *facts, double epoch, double score)
{
    const double sign = is_error(facts) ? -1 : 1;
    facts->score = score;
    facts->score_epoch = epoch;
    if (isnan(score)) return;
    if (epoch > 0 && !(sign * score <= sign * facts->best)) facts->best = score, facts->best_epoch = epoch;
    for (int k = 0; k < FACTS_LEVELS; k++)
        if (isnan(facts->passed[k]) && sign * score >= sign * facts_level(facts, k)) facts->passed[k] = epoch;
}

static void take_row(struct facts *facts, const struct row *row)
{
    facts->epoch = row->epoch;
    if (row->scored) take_score(facts, row->epoch, row->score);
    if (row->trained) facts->train = row->train, facts->train_epoch = row->epoch;
    memcpy(facts->fingerprint, row->fingerprint, sizeof facts->fingerprint);
    if (isnan(row->census[0])) return;
    memcpy(facts->census, row->census, sizeof facts->census);
    facts->census_epoch = row->epoch;
    facts->living = 0;
    for (int t = 0; t < TYPE_COUNT; t++) facts->living += facts->census[t];
    const double pruned = facts->census[TYPE_PRUNED]; /* only some runs count them */
    facts->particles = facts->living + (isnan(pruned) ? 0 : pruned);
    facts->replicators = facts->living > 0 ? facts->census[TYPE_SELF_REPLICATOR] / facts->living : 0;
}

/* The rows that are whole: the program may be writing the last one. False: there is no file. */
static bool read_metrics(struct facts *facts)
{
    char *path = file_path(facts->run, "metrics.csv"), *line = NULL;
    FILE *file = fopen(path, "r");
    memory_free(path);
    if (!file) return false;
    struct columns columns = {.fingerprint = -1};
    double recent[RECENT] = {0};
    int64_t n = 0;
    facts->epoch = facts->training = 0; /* the first row may not be there yet */
    for (size_t room = 0; getline(&line, &room, file) > 0 && strchr(line, '\n');) {
        if (*line == '#') continue;
        if (columns.n == 0) {
            read_names(facts, &columns, line);
            continue;
        }
        const struct row row = read_row(&columns, line);
        if (isnan(row.epoch)) continue;
        take_row(facts, &row);
        if (row.seconds > 0) facts->training += row.seconds;
        if (row.seconds > 0 && row.epoch > 0) recent[n++ % RECENT] = row.seconds;
    }
    free(line);
    fclose(file);
    double sum = 0;
    for (int64_t i = 0; i < n && i < RECENT; i++) sum += recent[i];
    if (n > 0) facts->recent = sum / (double)(n < RECENT ? n : RECENT);
    return true;
}

/* ---- run.json, summary.json ---- */

static double number_of(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

static void take_text(char to[FACTS_TEXT], const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    if (json_is_string(value)) snprintf(to, FACTS_TEXT, "%s", json_string_value(value));
}

static void read_starts(struct facts *facts)
{
    json_t *now = json_read(facts->run, "run.json");
    const json_t *starts = json_object_get(now, "starts");
    const json_t *first = json_array_size(starts) > 0 ? json_array_get(starts, 0) : now;
    facts->starts = now ? 1 + (int64_t)json_array_size(starts) : 0;
    for (const json_t *before = json_object_get(now, "before"); json_is_object(before); facts->starts++)
        before = json_object_get(first = before, "before"); /* version 0.1 */
    facts->epochs = number_of(now, "epochs");
    const double ranks = number_of(now, "ranks");
    facts->ranks = ranks > 0 ? (int64_t)ranks : 0;
    take_text(facts->job, now, "slurm_job");
    take_text(facts->started, now, "started");
    take_text(facts->first_started, first, "started");
    json_decref(now);
}

/* What it says of the end counts if it is of the last epoch. */
static void read_summary(struct facts *facts)
{
    json_t *summary = json_read(facts->run, "summary.json");
    if (isnan(facts->particles)) facts->particles = number_of(summary, "particles");
    facts->seconds = facts->training;
    if (number_of(summary, "epochs") == facts->epoch && !facts->running) {
        facts->seconds = number_of(summary, "wall_seconds");
        facts->finished = json_is_true(json_object_get(summary, "finished"));
        if (facts->finished) facts->epochs = facts->epoch; /* it may have stopped early */
        if (!facts->finished) take_text(facts->stopped_by, summary, "stopped_by");
    }
    json_decref(summary);
}

/* The newest checkpoint's name and epoch; -1: there is none. Rows are written before their checkpoint. */
static int64_t newest_checkpoint(const char *run, char name[FACTS_TEXT])
{
    int64_t n, epoch = -1, batch;
    char **path = checkpoint_list(run, NULL, &n);
    if (n > 0) {
        checkpoint_place(path[0], &epoch, &batch);
        snprintf(name, FACTS_TEXT, "%s", file_name(path[0]));
    }
    checkpoint_list_free(path, n);
    return epoch;
}

void facts_check(const struct facts *facts, struct problems *problems)
{
    if (*facts->behind) problems_add(problems, EXIT_INPUT, "%s: %s", facts->run, facts->behind);
    if (*facts->mixed)
        problems_add(problems, EXIT_INPUT, "%s: it has no medians: %s", facts->run, facts->mixed);
}

bool facts_read(struct facts *facts, const char *run)
{
    char holder[LOCK_HOLDER], *config = file_path(run, "config.yaml");
    const bool there = file_exists(config);
    memory_free(config);
    *facts = facts_none(run);
    char newest[FACTS_TEXT]; /* a job that works here writes others later */
    const int64_t epoch = newest_checkpoint(run, newest);
    facts->running = lock_held(run, holder);
    facts->begun = read_metrics(facts);
    if (facts->begun && facts->epoch < (double)epoch)
        snprintf(facts->behind, sizeof facts->behind,
                 "metrics.csv ends at epoch %.0f, %s is newer: metazoa verify says more", facts->epoch,
                 newest);
    read_starts(facts);
    read_summary(facts);
    return facts->begun || there;
}

const char *facts_state(const struct facts *facts)
{
    return facts->running ? "running" : facts->finished ? "finished" : facts->begun ? "stopped" : "not begun";
}

/* ---- ensembles ---- */

/* In a median a score that is no number is the worst of all: left out, it would leave those that went well. */
static double score_in_median(const struct facts *facts, double score, double epoch)
{
    if (isnan(epoch) || !isnan(score)) return score;
    return is_error(facts) ? INFINITY : 0;
}

static void take_medians(struct facts *facts, int64_t n, const struct facts *members)
{
    static const size_t medians[] = {offsetof(struct facts, epoch),       offsetof(struct facts, epochs),
                                     offsetof(struct facts, score),       offsetof(struct facts, train),
                                     offsetof(struct facts, replicators), offsetof(struct facts, seconds)};
    double *column = memory_new(n, sizeof *column);
    for (size_t k = 0; k < sizeof medians / sizeof *medians; k++) {
        int64_t known = 0;
        for (int64_t i = 0; i < n; i++) {
            double value;
            memcpy(&value, (const char *)&members[i] + medians[k], sizeof value);
            if (!isnan(value)) column[known++] = value;
        }
        spread_sort(known, column);
        memcpy((char *)facts + medians[k], &(double){spread_quantile(known, column, 0.5)}, sizeof(double));
    }
    memory_free(column);
}

bool facts_read_any(struct facts *facts, const char *run)
{
    if (facts_read(facts, run)) return true;
    struct members paths = members_of(run, NULL);
    struct facts *members = memory_new(paths.n, sizeof *members);
    int64_t first = 0, n = 0;
    for (int64_t i = 0; i < paths.n && n == 0; i++) provenance_ensemble(paths.path[i], &first, &n);
    facts->runs = n > paths.n ? n : paths.n; /* also those that have not begun, or are lost */
    for (int64_t i = 0; i < paths.n; i++) {
        facts_read(&members[i], paths.path[i]);
        if (*members[i].behind)
            snprintf(facts->mixed, sizeof facts->mixed, "%s: %s", file_name(paths.path[i]),
                     members[i].behind);
        facts->finished += members[i].finished;
        facts->running = facts->running || members[i].running;
        facts->begun = facts->begun || members[i].begun;
        members[i].score = score_in_median(&members[i], members[i].score, members[i].score_epoch);
        members[i].train = score_in_median(&members[i], members[i].train, members[i].train_epoch);
        if (*members[i].measure) facts->measure = members[i].measure;
        if (!isnan(members[i].particles)) facts->particles = members[i].particles;
    }
    facts->there = paths.n;
    char *mixed = members_differ(&paths, verify_compare);
    if (mixed) snprintf(facts->mixed, sizeof facts->mixed, "%s", mixed);
    if (!*facts->mixed) take_medians(facts, facts->there, members);
    memory_free(mixed);
    memory_free(members);
    members_free(&paths);
    return facts->there > 0;
}

static void put_number(const char *format, double value, const char *unknown)
{
    if (isfinite(value))
        printf(format, value); /* formats of this file alone */
    else
        printf("%s", unknown);
}

void facts_print_scores(const struct facts *facts)
{
    put_number("  %7.4g ", facts->score, "        - ");
    printf("%s", facts->measure);
    printf("  %5s self-replicators", percent_text(facts->replicators, 0).text);
    if (isfinite(facts->seconds)) printf("  %s", duration_text(facts->seconds).text);
    printf("\n");
}
