/* summary.json and run.json. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "metazoa/base/commit.h"
#include "metazoa/base/file.h"
#include "metazoa/base/json.h"
#include "metazoa/base/memory.h"
#include "metazoa/base/processor.h"
#include "metazoa/hdf5/h5.h"
#include "metazoa/store/metrics.h"

enum { INDENT = 2, HOST_BYTES = 64 };

static void write_json(const char *run, const char *name, json_t *json)
{
    char *path = file_path(run, name), *value = json_print(json, INDENT), *text = memory_print("%s\n", value);
    file_write(path, text, (int64_t)strlen(text));
    memory_free(text);
    memory_free(value);
    memory_free(path);
}

json_t *summary_census(const int64_t census[TYPE_COUNT], int64_t pruned)
{
    if (census[0] < 0) return json_null();
    json_t *json = json_object();
    for (int t = 0; t < TYPE_COUNT; t++) json_put(json, particle_type_names[t], json_integer(census[t]));
    if (pruned >= 0) json_put(json, particle_type_names[TYPE_PRUNED], json_integer(pruned));
    return json;
}

json_t *summary_row(const struct metrics_row *row, bool classification)
{
    char fingerprint[20];
    snprintf(fingerprint, sizeof fingerprint, "%016" PRIx64, row->fingerprint);
    json_t *json = json_object();
    json_put(json, "task_loss", json_finite(row->task_loss));
    json_put(json, "self_train_loss", json_finite(row->self_train_loss));
    json_put(json, classification ? "train_accuracy" : "train_mae", json_finite(row->train_score));
    json_put(json, classification ? "test_accuracy" : "test_mae", json_finite(row->test_score));
    json_put(json, "census", summary_census(row->census, row->pruned));
    json_put(json, "fingerprint", json_words(fingerprint));
    return json;
}

void summary_write(const char *run, const struct summary *summary, struct comm *comm)
{
    const struct metrics_row *row = summary->row;
    if (comm_rank(comm) != 0) {
        json_decref(summary->extra);
        return;
    }
    json_t *json = json_object(), *seconds = json_object();
    json_put(json, "epochs", json_integer(summary->epochs));
    json_put(json, "ranks", json_integer(comm_size(comm)));
    json_put(json, "grid", json_counts(GRID_AXES, summary->grid));
    json_put(json, "particles", json_integer(summary->particles));
    json_t *measured = summary_row(row, summary->classification);
    json_object_update(json, measured);
    json_decref(measured);
    json_put(json, "wall_seconds", json_finite(summary->wall_seconds));
    for (int p = 0; p < PHASE_COUNT; p++)
        json_put(seconds, timer_name((enum phase)p), json_finite(summary->phase_seconds[p]));
    json_put(json, "seconds", seconds);
    if (summary->extra) json_object_update(json, summary->extra);
    json_put(json, "finished", json_boolean(summary->finished));
    json_decref(summary->extra);
    write_json(run, "summary.json", json);
}

/* Where a rank runs: its host, and the processors and memory (NUMA nodes) that it may use. */
struct place {
    char host[HOST_BYTES], processors[HOST_BYTES], memory[HOST_BYTES];
};

static struct place place_here(void)
{
    struct place place = {"?", "?", "?"};
    char line[1024];
    FILE *file = fopen("/proc/self/status", "r");
    if (gethostname(place.host, HOST_BYTES - 1) != 0) strcpy(place.host, "?");
    while (file && fgets(line, sizeof line, file)) {
        if (sscanf(line, "Cpus_allowed_list: %63s", place.processors) == 1) continue;
        sscanf(line, "Mems_allowed_list: %63s", place.memory);
    }
    if (file) fclose(file);
    return place;
}

/* Collective. "hosts": how many ranks each has; "bindings": of each host, the lists of processors that its
 * ranks may use, in the order of the ranks, equal ones that follow each other once, and its NUMA nodes. */
static void put_places(json_t *json, struct comm *comm)
{
    const int n = comm_size(comm);
    struct place *place = memory_new(n, sizeof *place);
    int64_t *offsets = memory_new(n + 1, sizeof *offsets);
    for (int i = 0; i <= n; i++) offsets[i] = i;
    place[comm_rank(comm)] = place_here();
    comm_gather_all(comm, place, sizeof *place, offsets);
    json_t *hosts = json_object(), *bindings = json_object();
    for (int i = 0; i < n && comm_rank(comm) == 0; i++) {
        const char *host = place[i].host;
        const int64_t before = json_integer_value(json_object_get(hosts, host));
        if (before == 0) {
            json_t *binding = json_object();
            json_put(binding, "processors", json_array());
            json_put(binding, "numa", json_words(place[i].memory));
            json_put(bindings, host, binding);
        }
        json_put(hosts, host, json_integer(before + 1));
        json_t *lists = json_object_get(json_object_get(bindings, host), "processors");
        const size_t last = json_array_size(lists);
        if (last > 0 && strcmp(json_string_value(json_array_get(lists, last - 1)), place[i].processors) == 0)
            continue;
        json_add(lists, json_words(place[i].processors));
    }
    json_put(json, "hosts", hosts);
    json_put(json, "bindings", bindings);
    memory_free(offsets);
    memory_free(place);
}

/* What a file of a run says; NULL if it is not there or says nothing. */
static json_t *read_json(const char *path)
{
    enum { BYTES_MAX = 1 << 26 };
    char *text = file_read(path, BYTES_MAX);
    json_t *json = text ? json_loads(text, 0, NULL) : NULL;
    memory_free(text);
    return json;
}

/* The starts before the one that is to be written, the first one first. In files of version 0.1 each start
 * holds the one before it as "before". */
static json_t *starts_before(const char *path)
{
    json_t *before = read_json(path), *starts = NULL;
    if (!json_is_object(before)) {
        if (file_exists(path))
            fprintf(stderr, "metazoa: %s is no JSON object: what it said of earlier starts is lost\n", path);
        json_decref(before);
        return json_array();
    }
    starts = json_incref(json_object_get(before, "starts"));
    if (!json_is_array(starts)) {
        json_decref(starts);
        starts = json_array();
    }
    const int64_t known = (int64_t)json_array_size(starts);
    while (json_is_object(before)) {
        json_t *inner = json_incref(json_object_get(before, "before"));
        json_object_del(before, "before");
        json_object_del(before, "starts");
        json_array_insert_new(starts, (size_t)known, before);
        before = inner;
    }
    json_decref(before);
    return starts;
}

bool provenance_kept(const char *run)
{
    char *archive = file_path(run, "archive.h5"), *summary = file_path(run, "summary.json");
    const bool kept = file_exists(archive) || file_exists(summary);
    memory_free(summary);
    memory_free(archive);
    return kept;
}

bool provenance_replayed(const char *run)
{
    json_t *json = json_read(run, "run.json");
    const char *command = json_string_value(json_array_get(json_object_get(json, "command"), 0));
    const bool replayed = command && strcmp(command, "replay") == 0;
    json_decref(json);
    return replayed;
}

/* Whether the command of a start has an option. */
static bool has_option(const json_t *start, const char *option)
{
    const size_t length = strlen(option);
    bool has = false;
    size_t i;
    json_t *word;
    json_array_foreach(json_object_get(start, "command"), i, word)
    {
        const char *text = json_is_string(word) ? json_string_value(word) : "";
        has = has || (strncmp(text, option, length) == 0 && (!text[length] || text[length] == '='));
    }
    return has;
}

bool provenance_asked(const char *run, const char *option)
{
    json_t *json = json_read(run, "run.json");
    const bool asked = has_option(json, option);
    json_decref(json);
    return asked;
}

bool provenance_began(const char *run, const char *option)
{
    json_t *json = json_read(run, "run.json");
    const json_t *first = json_array_get(json_object_get(json, "starts"), 0);
    const bool asked = has_option(first ? first : json, option);
    json_decref(json);
    return asked;
}

static json_t *time_now(void)
{
    char text[64] = "?";
    const time_t now = time(NULL);
    struct tm utc;
    if (gmtime_r(&now, &utc)) strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return json_words(text);
}

void provenance_write(const char *run, const char *version, int argc, char *const *argv,
                      const int grid[GRID_AXES], json_t *data, const struct ensemble *ensemble,
                      struct comm *comm)
{
    json_t *command = json_array(), *json = json_object();
    for (int i = 0; i < argc; i++) json_add(command, json_words(argv[i]));
    char *path = file_path(run, "run.json");
    json_put(json, "program", json_words("metazoa"));
    json_put(json, "version", json_words(version));
    json_put(json, "compiler", json_words(__VERSION__));
    json_put(json, "mpi", json_words(comm_library()));
    json_put(json, "hdf5", json_words(h5_library()));
    json_put(json, "arithmetic", json_integer(ARITHMETIC));
    put_places(json, comm);
    json_put(json, "ranks", json_integer(comm_size(comm)));
    json_put(json, "grid", json_counts(GRID_AXES, grid));
    json_put(json, "data", data);
    if (ensemble->members > 1) {
        json_t *place = json_object();
        json_put(place, "first_seed", json_integer(ensemble->first_seed));
        json_put(place, "members", json_integer(ensemble->members));
        json_put(json, "ensemble", place);
    }
    json_put(json, "slurm_job", json_words(getenv("SLURM_JOB_ID")));
    json_put(json, "started", time_now());
    json_put(json, "command", command);
    if (comm_rank(comm) == 0) {
        json_put(json, "starts", starts_before(path));
        write_json(run, "run.json", json);
    } else
        json_decref(json);
    memory_free(path);
}

void provenance_ensemble(const char *run, int64_t *first_seed, int64_t *members)
{
    json_t *json = json_read(run, "run.json"), *starts = json_object_get(json, "starts"),
           *place = json_object_get(json, "ensemble");
    for (size_t i = json_array_size(starts); i-- > 0 && !place;)
        place = json_object_get(json_array_get(starts, i), "ensemble");
    *first_seed = json_integer_value(json_object_get(place, "first_seed"));
    *members = json_integer_value(json_object_get(place, "members"));
    json_decref(json);
}

void provenance_put(const char *run, const char *name, double value, struct comm *comm)
{
    if (comm_rank(comm) != 0) return;
    char *path = file_path(run, "run.json");
    commit_begin(); /* what is read may be under way to the disk */
    json_t *json = read_json(path);
    if (json_is_object(json)) {
        json_put(json, name, json_finite(value));
        write_json(run, "run.json", json);
    } else {
        json_decref(json);
    }
    commit_end();
    memory_free(path);
}

double provenance_number(const char *run, const char *name, struct comm *comm)
{
    double number = 0;
    if (comm_rank(comm) == 0) {
        char *path = file_path(run, "run.json");
        json_t *json = read_json(path), *starts = json_object_get(json, "starts");
        number = json_number_value(json_object_get(json, name));
        for (size_t i = json_array_size(starts); i-- > 0 && !(number > 0);)
            number = json_number_value(json_object_get(json_array_get(starts, i), name));
        json_decref(json);
        memory_free(path);
    }
    comm_broadcast(comm, &number, sizeof number, 0);
    return number;
}
