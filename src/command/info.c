/*
 * metazoa info RUN...: a line per run, from the text files of its folder; an ensemble is one line with the
 * medians of its members. Of one RUN alone it says more (info_run.c). Rank 0 reads; the others wait.
 */
#include "info.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "command.h"
#include "metazoa/base/memory.h"
#include "metazoa/base/percent.h"
#include "metazoa/store/members.h"

static void number_text(char text[16], const char *format, double value)
{
    snprintf(text, 16, "-");
    if (!isnan(value)) snprintf(text, 16, format, value); /* formats of this file alone */
}

static const char *measure_word(const char *measure)
{
    return strcmp(measure, "test_mae") == 0 ? "error" : "accuracy";
}

/* "accuracy", "error", or "score" where both occur. */
static void print_head(int n, const struct facts *all)
{
    const char *score = "";
    for (int i = 0; i < n; i++) {
        if (*score && *all[i].measure && strcmp(measure_word(all[i].measure), score) != 0) score = "score";
        if (!*score && *all[i].measure) score = measure_word(all[i].measure);
    }
    printf("%-10s  %9s  %8s  %11s  %-16s  %s\n", "state", "epochs", score, "replicators", "fingerprint",
           "run");
}

static void print_line(const struct facts *facts)
{
    char state[64], done[16], all[16], epochs[40], score[16], members[96];
    const char *last = *facts->fingerprint ? facts->fingerprint : "-",
               *medians = *facts->mixed ? "no medians" : "medians";
    snprintf(state, sizeof state, "%s", facts_state(facts));
    if (facts->runs > 1) {
        snprintf(state, sizeof state, "%" PRId64 "/%" PRId64 " done", facts->finished, facts->runs);
        if (facts->there < facts->runs)
            snprintf(members, sizeof members, "%" PRId64 " of %" PRId64 " runs, %s", facts->there,
                     facts->runs, medians);
        else
            snprintf(members, sizeof members, "%" PRId64 " runs, %s", facts->runs, medians);
        last = members;
    }
    number_text(done, "%.0f", facts->epoch);
    number_text(all, "%.0f", facts->epochs);
    number_text(score, strcmp(facts->measure, "test_mae") == 0 ? "%.2e" : "%.4f", facts->score);
    if (isnan(facts->score) && !isnan(facts->score_epoch)) snprintf(score, sizeof score, "nan");
    snprintf(epochs, sizeof epochs, "%s/%s", done, all);
    printf("%-10s  %9s  %8s  %11s  %-16s  %s", state, epochs, score,
           isnan(facts->replicators) ? "-" : percent_text(facts->replicators, 0).text, last, facts->run);
    if (facts->runs == 1 && facts->starts > 1) printf("  (%" PRId64 " starts)", facts->starts);
    printf("\n");
}

static json_t *json_text(const char *text)
{
    return json_words(*text ? text : NULL);
}

json_t *info_json(const struct facts *facts)
{
    json_t *object = json_object();
    json_put(object, "run", json_words(facts->run));
    json_put(object, "runs", json_integer(facts->runs));
    json_put(object, "state", json_words(facts->runs == 1 ? facts_state(facts) : NULL));
    json_put(object, "finished", json_integer(facts->finished));
    json_put(object, "epochs", json_finite(facts->epoch));
    json_put(object, "epochs_in_all", json_finite(facts->epochs));
    json_put(object, "particles", json_finite(facts->particles));
    json_put(object, "measure", json_text(facts->measure));
    json_put(object, "score", json_finite(facts->score));
    json_put(object, "best", json_finite(facts->best));
    json_put(object, "best_epoch", json_finite(facts->best_epoch));
    json_put(object, "self_replicators", json_finite(facts->replicators));
    json_put(object, "seconds", json_finite(facts->seconds));
    json_put(object, "fingerprint", json_text(facts->fingerprint));
    json_put(object, "starts", facts->starts > 0 ? json_integer(facts->starts) : json_null());
    json_put(object, "ranks", facts->ranks > 0 ? json_integer(facts->ranks) : json_null());
    json_put(object, "started", json_text(facts->started));
    json_put(object, "stopped_by", json_text(facts->stopped_by));
    return object;
}

/* An ensemble alone: its members, and itself. */
static void print_members(const struct facts *facts)
{
    struct members members = members_of(facts->run, NULL);
    print_head(1, facts);
    for (int64_t i = 0; i < members.n; i++) {
        struct facts member;
        if (facts_read(&member, members.path[i])) print_line(&member);
    }
    print_line(facts);
    members_free(&members);
}

/* Rank 0. All that can be read; runs that cannot are a problem, and do not stop the others. */
static struct facts *read_all(const struct options *options, int *n, struct problems *problems)
{
    struct facts *all = memory_new(options->n_arguments, sizeof *all);
    *n = 0;
    for (int i = 0; i < options->n_arguments; i++) {
        if (facts_read_any(&all[*n], options->argument[i])) {
            facts_check(&all[*n], problems);
            ++*n;
        } else {
            problems_add(problems, EXIT_INPUT,
                         "%s: holds no run: neither config.yaml nor metrics.csv nor seed-*",
                         options->argument[i]);
        }
    }
    return all;
}

static void print_all(const struct options *options, int n, const struct facts *all,
                      const struct info_run *more)
{
    if (options_given(options, "--json")) {
        json_t *list = json_array();
        for (int i = 0; i < n; i++) json_add(list, more ? info_run_json(more) : info_json(&all[i]));
        char *text = json_print(list, 0);
        puts(text);
        memory_free(text);
    } else if (more) {
        info_run_print(more);
    } else if (options->n_arguments == 1 && n == 1) {
        print_members(all);
    } else if (n > 0) {
        print_head(n, all);
        for (int i = 0; i < n; i++) print_line(&all[i]);
    }
}

enum exit_code command_info(struct comm *world, int argc, char **argv)
{
    enum exit_code code = EXIT_DONE;
    struct options options;
    struct problems problems = {0};
    struct facts *all = NULL;
    int n = 0;
    if (options_begin(&options, world, argc, argv, &code)) return code;
    if (comm_rank(world) == 0) all = read_all(&options, &n, &problems);
    int64_t alone = options.n_arguments == 1 && n == 1 && all[0].runs == 1;
    comm_max_i64(world, &alone, 1);
    struct info_run more;
    if (alone) code = info_run_read(&more, options.argument[0], all, world, &problems);
    if (comm_rank(world) == 0) print_all(&options, n, all, alone ? &more : NULL);
    if (alone) info_run_free(&more);
    memory_free(all);
    const enum exit_code others = comm_agree(world, &problems);
    options_free(&options);
    return code == EXIT_DONE ? others : code;
}
