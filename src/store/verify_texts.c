#include "verify_texts.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "metazoa/base/file.h"
#include "metazoa/base/memory.h"

bool texts_have(const struct texts *texts, const char *name)
{
    char *path = file_path(texts->run, name);
    const bool there = file_exists(path);
    memory_free(path);
    return there;
}

static void say(const struct texts *texts, const char *name, const char *problem)
{
    char *text = memory_print("%s %s", name, problem);
    texts->say(texts->context, true, text);
    memory_free(text);
}

/* The object in a file that the program always writes; NULL, and said: it is not there, or no JSON object. */
static json_t *read_object(const struct texts *texts, const char *name)
{
    const bool there = texts_have(texts, name);
    json_t *json = there ? json_read(texts->run, name) : NULL;
    if (json_is_object(json)) return json;
    say(texts, name, there ? "cannot be read as a JSON object" : "is missing");
    json_decref(json);
    return NULL;
}

/* Says the first member of `wanted` (taken over) that `found` has with another value; all: or does not have. */
static void compare(const struct texts *texts, const char *name, json_t *found, json_t *wanted, bool all)
{
    const char *member;
    json_t *value;
    /* Through text, as numbers in files have fewer digits. */
    char *text = json_print(wanted, 0);
    json_t *printed = json_loads(text, 0, NULL);
    json_object_foreach(printed, member, value)
    {
        json_t *other = json_object_get(found, member);
        if (other ? json_equal(other, value) : !all) continue;
        char *theirs = other ? json_print(json_incref(other), 0) : memory_string("missing"),
             *ours = json_print(json_incref(value), 0),
             *problem = memory_print("is of another run, or was changed: \"%s\" is %.40s, in the newest "
                                     "checkpoint %.40s",
                                     member, theirs, ours);
        say(texts, name, problem);
        memory_free(problem), memory_free(theirs), memory_free(ours);
        break;
    }
    json_decref(printed);
    memory_free(text);
}

static void compare_provenance(const struct texts *texts, const struct head *head)
{
    const struct task_identity *data = &head->progress.data;
    json_t *json = read_object(texts, "run.json"), *wanted = json_object();
    json_put(wanted, "seed", json_integer((json_int_t)head->seed));
    json_put(wanted, "classification", json_boolean(head->shape.loss == LOSS_CROSS_ENTROPY));
    json_put(wanted, "inputs", json_integer(head->shape.cells[0]));
    json_put(wanted, "outputs", json_integer(head->shape.cells[head->shape.layers]));
    /* A start that may go on with other data has them in run.json before its first checkpoint. */
    if (data->part[TASK_TRAIN_SAMPLES] > 0 && !provenance_asked(texts->run, "--accept-other-data")) {
        char digest[20];
        snprintf(digest, sizeof digest, "%016" PRIx64, task_digest(data));
        json_put(wanted, "training_samples", json_integer(data->part[TASK_TRAIN_SAMPLES]));
        json_put(wanted, "test_samples", json_integer(data->part[TASK_TEST_SAMPLES]));
        json_put(wanted, "digest", json_words(digest));
    }
    /* The texts of version 0.1, whose checkpoints do not say what the data are, have fewer members. */
    if (json)
        compare(texts, "run.json", json_object_get(json, "data"), wanted, data->part[TASK_TRAIN_SAMPLES] > 0);
    else
        json_decref(wanted);
    json_decref(json);
}

/* What the summary of a state must say. finished: of the state of the newest checkpoint alone is it known. */
static json_t *summary_of(const struct head *head, const struct metrics_row *row)
{
    const struct progress *progress = &head->progress;
    json_t *json = summary_row(row, head->shape.loss == LOSS_CROSS_ENTROPY);
    json_put(json, "particles", json_integer(organism_particles(&head->shape)));
    if (row->epoch == progress->epoch && progress->batch == 0)
        json_put(json, "finished", json_boolean(progress->finished));
    return json;
}

/* The last row that a summary tells of: its fingerprint says which. A diverged run has one after its newest
 * checkpoint. */
static void compare_summary(const struct texts *texts, const struct head *head)
{
    const struct progress *progress = &head->progress;
    json_t *json = texts_have(texts, "summary.json") ? read_object(texts, "summary.json") : NULL;
    const char *fingerprint = json_string_value(json_object_get(json, "fingerprint"));
    const json_int_t epochs = json_integer_value(json_object_get(json, "epochs"));
    uint64_t print = 0;
    int64_t i = progress->n_rows - 1;
    bool known = epochs <= progress->epoch;
    if (fingerprint) sscanf(fingerprint, "%" SCNx64, &print);
    for (; i >= 0 && (progress->rows[i].fingerprint != print || progress->rows[i].epoch != epochs); i--)
        known = known || progress->rows[i].fingerprint == print;
    if (i >= 0)
        compare(texts, "summary.json", json, summary_of(head, &progress->rows[i]),
                progress->data.part[TASK_TRAIN_SAMPLES] > 0);
    else if (json && known)
        say(texts, "summary.json",
            "is of another run, or was changed: no row of the newest checkpoint has its epoch and "
            "fingerprint");
    json_decref(json);
}

void texts_compare_end(const struct texts *texts, int64_t newest)
{
    json_t *json = json_read(texts->run, "summary.json"), *epochs = json_object_get(json, "epochs");
    const json_int_t end = json_integer_value(epochs);
    if (json_is_true(json_object_get(json, "finished")) && json_is_integer(epochs) && end > newest) {
        char *text = memory_print("says that the run finished at epoch %" JSON_INTEGER_FORMAT
                                  ", of which there is no sound checkpoint%s",
                                  end, newest < 0 ? "" : " (train --resume computes it again)");
        say(texts, "summary.json", text);
        memory_free(text);
    }
    json_decref(json);
}

void texts_compare_records(const struct texts *texts, const struct kin *kin)
{
    char problem[METRICS_PROBLEM];
    if (texts_have(texts, "config.yaml") &&
        !metrics_hold(texts->run, kin->shape.loss == LOSS_CROSS_ENTROPY, kin->rows, kin->n, problem))
        texts->say(texts->context, true, problem);
}

void texts_compare_config(const struct texts *texts, const char *saved, const char *name)
{
    enum { BYTES_MAX = 1 << 24 };
    bool wrong = false;
    if (!texts->config || !texts_have(texts, "config.yaml")) return;
    char *path = file_path(texts->run, "config.yaml"), *text = file_read(path, BYTES_MAX),
         *said = text ? texts->config(text, "config.yaml", saved, name, NULL, &wrong) : NULL;
    if (!text) say(texts, "config.yaml", "cannot be read");
    if (said) texts->say(texts->context, wrong, said);
    memory_free(said);
    memory_free(text);
    memory_free(path);
}

void texts_compare_older(const struct texts *texts, const char *text, const char *name, const char *newest,
                         const char *newest_name)
{
    bool wrong = false;
    if (!texts->config) return;
    char *said = texts->config(text, name, newest, newest_name, NULL, &wrong);
    if (said && wrong) texts->say(texts->context, wrong, said);
    memory_free(said);
}

/* The last epoch of the newest start, by run.json. */
static int64_t last_epoch(const struct texts *texts)
{
    json_t *json = json_read(texts->run, "run.json"), *epochs = json_object_get(json, "epochs");
    const int64_t last = json_is_number(epochs) ? (int64_t)json_number_value(epochs) : INT64_MAX;
    json_decref(json);
    return last;
}

static void compare_probe(const struct texts *texts, const char *name, const struct kin *kin)
{
    json_t *json = read_object(texts, name), *seed = json_object_get(json, "seed");
    if (seed && kin->first && !(json_is_integer(seed) && (uint64_t)json_integer_value(seed) == kin->seed))
        say(texts, name, "is of another run: its seed is another one");
    const char *fingerprint = json_string_value(json_object_get(json, "fingerprint"));
    const int64_t epoch = json_integer_value(json_object_get(json, "epoch")),
                  batch = json_integer_value(json_object_get(json, "batch"));
    char problem[KIN_PROBLEM];
    char as_written[20];
    uint64_t print = 0;
    if (fingerprint) sscanf(fingerprint, "%" SCNx64, &print);
    snprintf(as_written, sizeof as_written, "%016" PRIx64, print);
    if (fingerprint && kin->first &&
        (strcmp(fingerprint, as_written) != 0 || !kin_has(kin, epoch, batch, print, problem)))
        say(texts, name,
            "is of another run or state, or was changed: at its epoch the run has another fingerprint");
    const char *kind = json_string_value(json_object_get(json, "kind"));
    char *sheet = memory_print("probe-%s.h5", kind ? kind : "");
    if (kind && strncmp(name, sheet, strlen(sheet) - strlen("h5")) == 0 && !texts_have(texts, sheet)) {
        char *text = memory_print("is missing beside %s: metazoa probe %s makes both anew", name, kind);
        say(texts, sheet, text);
        memory_free(text);
    }
    memory_free(sheet);
    json_decref(json);
}

enum { CHANGED = 4096 };

/* The keys that --set changed for a probe, and their values; "": none. */
static void get_changed(struct h5 *file, char changed[CHANGED])
{
    *changed = 0;
    if (h5_has_attribute(file, "/", "changed")) h5_get_text(file, "/", "changed", changed, CHANGED);
}

/* Whether the line has the options of the HDF5 file. */
static bool is_alike(struct h5 *file, json_t *line)
{
    char changed[CHANGED];
    const char *theirs = json_string_value(json_object_get(line, "changed"));
    double epsilon;
    get_changed(file, changed);
    json_t *other = json_object_get(line, "epsilon");
    return strcmp(changed, theirs ? theirs : "") == 0 &&
           (!json_is_number(other) || !h5_has_attribute(file, "/", "epsilon") ||
            (h5_get_f64(file, "/", "epsilon", 0, &epsilon) &&
             fabs(epsilon - json_number_value(other)) <= 1e-6 * epsilon));
}

/* A tolerance that is not the run's was given by --set, or the file is of another run. */
static void compare_epsilon(const struct texts *texts, struct h5 *file, const char *name)
{
    char changed[CHANGED], set[64];
    double epsilon;
    bool wrong = false;
    get_changed(file, changed);
    if (!texts->config || !texts->newest || strstr(changed, "measure.epsilon=") ||
        !h5_has_attribute(file, "/", "epsilon") || !h5_get_f64(file, "/", "epsilon", 0, &epsilon))
        return;
    snprintf(set, sizeof set, "measure.epsilon=%.17g", epsilon);
    char *said = texts->config(texts->newest, name, texts->newest, texts->newest_name, set, &wrong);
    if (said) texts->say(texts->context, true, said);
    memory_free(said);
}

/* A probe on other data may be what the user wanted. */
static void compare_data(const struct texts *texts, struct h5 *file, const char *name)
{
    uint64_t data = 0;
    if (texts->data.part[TASK_TRAIN_SAMPLES] == 0 || !h5_has_attribute(file, "/", "data_digest") ||
        !h5_get_u64(file, "/", "data_digest", &data) || data == task_digest(&texts->data))
        return;
    char *text = memory_print("%s is of other data than the newest checkpoint", name);
    texts->say(texts->context, false, text);
    memory_free(text);
}

/* Whether the line says of the same state as the HDF5 file; a member that only one of them has does not
 * count. */
static bool is_pair(struct h5 *file, json_t *line)
{
    static const char *const names[] = {"epoch", "batch", "seed", "fingerprint"};
    bool same = true;
    for (int i = 0; i < 4; i++) {
        json_t *theirs = json_object_get(line, names[i]);
        uint64_t number = 0, print = 0;
        if (!theirs || !h5_has_attribute(file, "/", names[i])) continue;
        if (json_is_string(theirs)) sscanf(json_string_value(theirs), "%" SCNx64, &print);
        const uint64_t said = json_is_string(theirs) ? print : (uint64_t)json_integer_value(theirs);
        same = same && h5_get_u64(file, "/", names[i], &number) && number == said;
    }
    return same;
}

void texts_compare_sheet(const struct texts *texts, const char *name)
{
    char *path = file_path(texts->run, name), kind[64] = "", *problem = NULL;
    struct h5 file;
    const bool result = strncmp(name, "probe-", 6) == 0 || strncmp(name, "pca-", 4) == 0,
               read = result && h5_read_begin(&file, path) && h5_has_attribute(&file, "/", "kind") &&
                      h5_get_text(&file, "/", "kind", kind, sizeof kind),
               ours = read && name[1] == 'r';
    char *own = memory_print("probe-%s.h5", kind), *text = memory_print("probe-%s.json", kind);
    if (ours && strncmp(name + 6, kind, strlen(kind)) != 0)
        problem = memory_print("was renamed: it holds the probe %s", kind);
    else if (ours && strcmp(name, own) == 0 && !texts_have(texts, text))
        problem = memory_print("has lost %s: metazoa probe %s makes both anew", text, kind);
    else if (ours && strcmp(name, own) == 0) {
        json_t *line = json_read(texts->run, text);
        if (line && !is_pair(&file, line))
            problem = memory_print("does not belong to %s, which is of another state", text);
        else if (line && !is_alike(&file, line))
            problem =
                memory_print("does not belong to %s, which has another epsilon, or other changes", text);
        json_decref(line);
    }
    if (problem) say(texts, name, problem);
    if (read) compare_epsilon(texts, &file, name), compare_data(texts, &file, name);
    if (result) h5_read_end(&file);
    memory_free(problem), memory_free(own), memory_free(text), memory_free(path);
}

static bool is_probe_text(const char *name)
{
    return strncmp(name, "probe-", 6) == 0 && file_ends(name, ".json");
}

void texts_compare_probes(const struct texts *texts, const struct kin *kin)
{
    struct names names = folder_names(texts->run, is_probe_text);
    for (int64_t i = 0; i < names.n; i++) compare_probe(texts, names.name[i], kin);
    names_free(&names);
}

void texts_compare(const struct texts *texts, const struct head *head, const char *name)
{
    char problem[METRICS_PROBLEM];
    const struct progress *progress = &head->progress;
    if (!texts_have(texts, "config.yaml")) { /* checkpoints alone are no run's folder */
        if (texts_have(texts, "run.json") || texts_have(texts, "metrics.csv") ||
            texts_have(texts, "summary.json"))
            say(texts, "config.yaml", "is missing (train --resume writes it anew)");
        return;
    }
    if (!metrics_agree(texts->run, head->shape.loss == LOSS_CROSS_ENTROPY, progress->rows, progress->n_rows,
                       last_epoch(texts), problem))
        texts->say(texts->context, true, problem);
    compare_provenance(texts, head);
    compare_summary(texts, head);
    texts_compare_config(texts, head->config, name);
}

void texts_compare_members(const struct texts *texts, const struct members *members)
{
    char *differ = members_differ(members, texts->config);
    if (differ) texts->say(texts->context, true, differ);
    memory_free(differ);
}
