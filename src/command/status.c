/*
 * metazoa status RUN...: a line per run: is it in the queue, running or stopped, how far is it, how quick,
 * how often did it start, how much time was lost, and when will it end. From the text files of its folder,
 * its lock, and SLURM's queue. Rank 0 reads; the others wait.
 */
#define _XOPEN_SOURCE 700 /* strptime */
#define _DEFAULT_SOURCE
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "command.h"
#include "facts.h"
#include "metazoa/base/file.h"
#include "metazoa/base/json.h"
#include "metazoa/base/memory.h"
#include "metazoa/store/members.h"
#include "metazoa/train/pace.h"

enum { WORD = 64 };

struct status {
    struct facts facts;
    double
        lost; /* seconds since the first start that were not spent on the epochs that are done; NAN: one start,
                    which has ended */
    double left; /* seconds to the end, at this pace */
    char queue[2 * WORD];
};

/* Seconds since 1970 of a time as run.json has it; NAN: unknown. */
static double time_of(const char *text)
{
    struct tm utc = {0};
    return strptime(text, "%Y-%m-%dT%H:%M:%SZ", &utc) ? (double)timegm(&utc) : (double)NAN;
}

/* When a file was written last; NAN: it is not there. */
static double written(const char *run, const char *name)
{
    char *path = file_path(run, name);
    struct stat file;
    const bool there = stat(path, &file) == 0;
    memory_free(path);
    return there ? (double)file.st_mtime : (double)NAN;
}

static void read_times(struct status *status)
{
    const struct facts *facts = &status->facts;
    const double metrics = written(facts->run, "metrics.csv"), end = written(facts->run, "summary.json");
    const double last = facts->running ? (double)time(NULL) : end >= metrics ? end : metrics;
    const bool once =
        facts->starts <= 1 && !facts->running; /* nothing was repeated, and files may be copies */
    status->lost = once ? (double)NAN : fmax(0, last - time_of(facts->first_started) - facts->training);
    status->left = facts->finished ? (double)NAN : (facts->epochs - facts->epoch) * facts->recent;
}

/* What SLURM says of the run's last job: "RUNNING", "PENDING (Resources)"; "" if it does not know it. */
static void ask_queue(struct status *status)
{
    const char *job = status->facts.job;
    if (!*job || strspn(job, "0123456789_") != strlen(job)) return;
    char *command = memory_print("squeue -h -j %s -o '%%T (%%r)' 2> /dev/null", job);
    FILE *queue = popen(command, "r");
    memory_free(command);
    if (!queue) return;
    if (!fgets(status->queue, sizeof status->queue, queue)) *status->queue = 0;
    status->queue[strcspn(status->queue, "\n")] = 0;
    char *none = strstr(status->queue, " (None)");
    if (none) *none = 0;
    pclose(queue);
}

static bool status_read(struct status *status, const char *run)
{
    *status = (struct status){0};
    if (!facts_read(&status->facts, run) || !status->facts.begun) return false;
    read_times(status);
    ask_queue(status);
    return true;
}

static const char *state_of(const struct status *status)
{
    const char *state = facts_state(&status->facts);
    if (strcmp(state, "stopped") != 0) return state;
    if (strncmp(status->queue, "PENDING", strlen("PENDING")) == 0) return "in the queue";
    return *status->facts.stopped_by ? "stopped" : "not running";
}

static void print_line(const struct status *status)
{
    const struct facts *facts = &status->facts;
    printf("%s  %s", facts->run, state_of(status));
    if (*status->queue) printf(", job %s %s", facts->job, status->queue);
    if (*facts->stopped_by) printf(" (%s)", facts->stopped_by);
    printf("  epoch %.0f", facts->epoch);
    if (isfinite(facts->epochs)) printf(" of %.0f", facts->epochs);
    if (isfinite(facts->recent)) printf(", lately %s each", duration_text(facts->recent).text);
    if (facts->starts > 0) printf("  %" PRId64 " start%s", facts->starts, facts->starts > 1 ? "s" : "");
    if (isfinite(status->lost)) printf(", %s lost", duration_text(status->lost).text);
    if (isfinite(status->left)) {
        char text[WORD] = "";
        const time_t end = time(NULL) + (time_t)status->left;
        struct tm local;
        if (status->left < 1e8 && localtime_r(&end, &local))
            strftime(text, sizeof text, ", %F %H:%M", &local);
        printf("  %s to go%s", duration_text(status->left).text, facts->running ? text : "");
    }
    printf("\n");
}

static json_t *status_json(const struct status *status)
{
    json_t *object = json_object();
    const struct facts *facts = &status->facts;
    json_put(object, "run", json_words(facts->run));
    json_put(object, "state", json_words(state_of(status)));
    json_put(object, "job", json_words(*facts->job ? facts->job : NULL));
    json_put(object, "queue", json_words(*status->queue ? status->queue : NULL));
    json_put(object, "stopped_by", json_words(*facts->stopped_by ? facts->stopped_by : NULL));
    json_put(object, "epoch", json_finite(facts->epoch));
    json_put(object, "epochs", json_finite(facts->epochs));
    json_put(object, "epoch_seconds", json_finite(facts->recent));
    json_put(object, "starts", json_integer(facts->starts));
    json_put(object, "lost_seconds", json_finite(status->lost));
    json_put(object, "left_seconds", json_finite(status->left));
    return object;
}

/* A run, or each member of an ensemble. */
static void show(const char *run, json_t *list, struct problems *problems)
{
    struct status status;
    struct members members = members_of(run, NULL);
    if (status_read(&status, run)) {
        facts_check(&status.facts, problems);
        if (list)
            json_add(list, status_json(&status));
        else
            print_line(&status);
    } else if (members.n > 0) {
        for (int64_t i = 0; i < members.n; i++) show(members.path[i], list, problems);
    } else {
        problems_add(problems, EXIT_INPUT, "%s: holds no run: neither metrics.csv nor seed-*", run);
    }
    members_free(&members);
}

enum exit_code command_status(struct comm *world, int argc, char **argv)
{
    enum exit_code code;
    struct options options;
    struct problems problems = {0};
    if (options_begin(&options, world, argc, argv, &code)) return code;
    if (comm_rank(world) == 0) {
        json_t *list = options_given(&options, "--json") ? json_array() : NULL;
        for (int i = 0; i < options.n_arguments; i++) show(options.argument[i], list, &problems);
        char *text = list ? json_print(list, 0) : NULL;
        if (text) puts(text);
        memory_free(text);
    }
    code = comm_agree(world, &problems);
    options_free(&options);
    return code;
}
