/*
 * metazoa status RUN...: a line per run: is it in the queue, running or stopped, how far is it, how quick, how
 * often did it start, how much time was lost, and when will it end. From the text files of its folder, its
 * lock, and SLURM's queue. Rank 0 reads; the others wait.
 */
#define _XOPEN_SOURCE 700 /* strptime */
#define _DEFAULT_SOURCE
#include <glob.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "command.h"
#include "metazoa/base/file.h"
#include "metazoa/base/json.h"
#include "metazoa/base/memory.h"
#include "metazoa/store/lock.h"
#include "metazoa/train/pace.h"

enum { RECENT = 10, WORD = 64 };

struct status {
    const char *run;
    bool running, finished;
    double epoch, epochs;     /* done, and in all; NAN: unknown */
    double seconds, training; /* of an epoch, mean of the recent ones; of all epochs together */
    int64_t starts;
    double lost; /* seconds since the first start that were not spent on the epochs that are done */
    double left; /* seconds to the end, at this pace */
    char queue[2 * WORD], job[WORD], stopped_by[2 * WORD];
};

static void take_text(char *to, size_t size, const json_t *value)
{
    if (json_is_string(value)) snprintf(to, size, "%s", json_string_value(value));
}

/* Seconds since 1970 of the member "started"; NAN: unknown. */
static double time_of(const json_t *start)
{
    const char *text = json_string_value(json_object_get(start, "started"));
    struct tm utc = {0};
    return text && strptime(text, "%Y-%m-%dT%H:%M:%SZ", &utc) ? (double)timegm(&utc) : (double)NAN;
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

/* RUN/metrics.csv: the epochs that are done, and their seconds. False: it is not there. */
static bool read_metrics(struct status *status)
{
    char *path = file_path(status->run, "metrics.csv"), line[4096];
    FILE *file = fopen(path, "r");
    memory_free(path);
    if (!file) return false;
    double recent[RECENT] = {0};
    int64_t n = 0;
    for (int column = -1; fgets(line, sizeof line, file);) {
        char *rest = line, *word;
        for (int i = 0; (word = strsep(&rest, ",\n")) != NULL; i++) {
            if (strcmp(word, "seconds") == 0) column = i;
            if (i == 0 && *word >= '0' && *word <= '9') status->epoch = strtod(word, NULL);
            if (i != column || !(strtod(word, NULL) > 0)) continue;
            status->training += strtod(word, NULL);
            if (status->epoch > 0) recent[n++ % RECENT] = strtod(word, NULL);
        }
    }
    fclose(file);
    double sum = 0;
    for (int64_t i = 0; i < n && i < RECENT; i++) sum += recent[i];
    if (n > 0) status->seconds = sum / (double)(n < RECENT ? n : RECENT);
    return true;
}

/* RUN/run.json and RUN/summary.json. */
static void read_starts(struct status *status)
{
    json_t *now = json_read(status->run, "run.json"), *summary = json_read(status->run, "summary.json");
    const json_t *starts = json_object_get(now, "starts"), *epochs = json_object_get(now, "epochs");
    const json_t *first = json_array_size(starts) > 0 ? json_array_get(starts, 0) : now;
    const double metrics = written(status->run, "metrics.csv"), end = written(status->run, "summary.json");
    status->starts = now ? 1 + (int64_t)json_array_size(starts) : 0;
    if (json_is_number(epochs)) status->epochs = json_number_value(epochs);
    take_text(status->job, sizeof status->job, json_object_get(now, "slurm_job"));
    if (end >= time_of(now)) { /* of this start, not of one before */
        status->finished = json_is_true(json_object_get(summary, "finished"));
        take_text(status->stopped_by, sizeof status->stopped_by, json_object_get(summary, "stopped_by"));
    }
    const double last = status->running ? (double)time(NULL) : end >= metrics ? end : metrics;
    status->lost = fmax(0, last - time_of(first) - status->training);
    if (!status->finished) status->left = (status->epochs - status->epoch) * status->seconds;
    json_decref(now);
    json_decref(summary);
}

/* What SLURM says of the run's last job: "RUNNING", "PENDING (Resources)"; "" if it does not know it. */
static void ask_queue(struct status *status)
{
    if (!*status->job || strspn(status->job, "0123456789_") != strlen(status->job)) return;
    char *command = memory_print("squeue -h -j %s -o '%%T (%%r)' 2> /dev/null", status->job);
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
    *status =
        (struct status){.run = run, .epoch = NAN, .epochs = NAN, .seconds = NAN, .lost = NAN, .left = NAN};
    char holder[LOCK_HOLDER];
    status->running = lock_held(run, holder);
    if (!read_metrics(status)) return false;
    read_starts(status);
    ask_queue(status);
    return true;
}

static const char *state_of(const struct status *status)
{
    if (status->finished) return "finished";
    if (status->running) return "running";
    if (strncmp(status->queue, "PENDING", strlen("PENDING")) == 0) return "in the queue";
    return *status->stopped_by ? "stopped" : "not running";
}

static void print_line(const struct status *status)
{
    printf("%s  %s", status->run, state_of(status));
    if (*status->queue) printf(", job %s %s", status->job, status->queue);
    if (!status->running && !status->finished && *status->stopped_by) printf(" (%s)", status->stopped_by);
    printf("  epoch %.0f", status->epoch);
    if (isfinite(status->epochs)) printf(" of %.0f", status->epochs);
    if (isfinite(status->seconds)) printf(", %s each", duration_text(status->seconds).text);
    if (status->starts > 0) printf("  %" PRId64 " start%s", status->starts, status->starts > 1 ? "s" : "");
    if (isfinite(status->lost)) printf(", %s lost", duration_text(status->lost).text);
    if (isfinite(status->left)) {
        char text[WORD] = "";
        const time_t end = time(NULL) + (time_t)status->left;
        struct tm local;
        if (status->left < 1e8 && localtime_r(&end, &local))
            strftime(text, sizeof text, ", %F %H:%M", &local);
        printf("  %s to go%s", duration_text(status->left).text, status->running ? text : "");
    }
    printf("\n");
}

static json_t *status_json(const struct status *status)
{
    json_t *object = json_object();
    json_put(object, "run", json_words(status->run));
    json_put(object, "state", json_words(state_of(status)));
    json_put(object, "job", json_words(*status->job ? status->job : NULL));
    json_put(object, "queue", json_words(*status->queue ? status->queue : NULL));
    json_put(object, "stopped_by", json_words(*status->stopped_by ? status->stopped_by : NULL));
    json_put(object, "epoch", json_finite(status->epoch));
    json_put(object, "epochs", json_finite(status->epochs));
    json_put(object, "epoch_seconds", json_finite(status->seconds));
    json_put(object, "starts", json_integer(status->starts));
    json_put(object, "lost_seconds", json_finite(status->lost));
    json_put(object, "left_seconds", json_finite(status->left));
    return object;
}

/* A run, or each member of an ensemble. */
static void show(const char *run, json_t *list, struct problems *problems)
{
    glob_t members = {0};
    struct status status;
    char *pattern = memory_print("%s/seed-*", run);
    if (status_read(&status, run)) {
        if (list)
            json_add(list, status_json(&status));
        else
            print_line(&status);
    } else if (glob(pattern, 0, NULL, &members) == 0) {
        for (size_t i = 0; i < members.gl_pathc; i++) show(members.gl_pathv[i], list, problems);
    } else {
        problems_add(problems, EXIT_INPUT, "%s: holds no run: neither metrics.csv nor seed-*", run);
    }
    globfree(&members);
    memory_free(pattern);
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
