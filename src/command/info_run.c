/* metazoa info RUN: what is known of one run, a line for each matter. */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "info.h"
#include "metazoa/base/file.h"
#include "metazoa/base/memory.h"
#include "metazoa/base/percent.h"
#include "metazoa/measure/probe.h"
#include "metazoa/train/pace.h"

enum { MOST = 1 << 30, WIDTH = 80, NAME = 13 };

/* ---- reading ---- */

/* Collective. What config.yaml says, if it is there. One that was emptied or cut would read as defaults. */
static enum exit_code read_config(struct info_run *info, const char *run, struct comm *comm)
{
    char *path = file_path(run, "config.yaml");
    int64_t there = file_exists(path);
    memory_free(path);
    comm_min_i64(comm, &there, 1);
    const enum exit_code code = there ? config_read_run(&info->config, run, 0, NULL, comm) : EXIT_DONE;
    info->configured = there && code == EXIT_DONE;
    return code;
}

enum exit_code info_run_read(struct info_run *info, const char *run, const struct facts *facts,
                             struct comm *comm, struct problems *problems)
{
    *info = (struct info_run){.facts = facts};
    const enum exit_code code = read_config(info, run, comm);
    if (comm_rank(comm) == 0) info->provenance = json_read(run, "run.json");
    info->moved = moves_read(&info->moves, run, MOST, comm, problems);
    return code;
}

void info_run_free(struct info_run *info)
{
    json_decref(info->provenance);
    config_free(&info->config);
    memory_free(info->moves.layer);
}

/* ---- printing ---- */

/* A line's name and its text, which goes on below itself where it is longer than a line of 80 columns. */
static void put(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(const char *name, const char *format, ...)
{
    char text[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    int column = NAME;
    printf("%-*s", NAME, name);
    for (char *rest = text, *word; (word = strsep(&rest, " ")) != NULL;) {
        const int length = (int)strlen(word);
        if (column > NAME && column + 1 + length > WIDTH) {
            printf("\n%*s", NAME, "");
            column = NAME;
        }
        column += printf("%s%s", column > NAME ? " " : "", word);
    }
    printf("\n");
}

static void put_task(const struct info_run *info)
{
    const struct task_spec *task = &info->config.task;
    const json_t *data = json_object_get(info->provenance, "data"),
                 *training = json_object_get(data, "training_samples"),
                 *test = json_object_get(data, "test_samples");
    char samples[96] = "";
    if (json_is_integer(training) && json_is_integer(test))
        snprintf(samples, sizeof samples, ": %" PRId64 " training and %" PRId64 " test samples",
                 (int64_t)json_integer_value(training), (int64_t)json_integer_value(test));
    const char *path = task->path && task->kind != TASK_ADDITION ? task->path : "";
    put("task", "%s%s%s%s", task_words[task->kind], *path ? ", " : "", path, samples);
}

static void put_organism(const struct info_run *info)
{
    const struct organism_spec *organism = &info->config.organism;
    const json_t *data = json_object_get(info->provenance, "data"), *inputs = json_object_get(data, "inputs"),
                 *outputs = json_object_get(data, "outputs");
    char cells[1024] = "";
    const bool known = json_is_integer(inputs) && json_is_integer(outputs);
    if (known)
        memory_append(cells, sizeof cells, "%" PRId64 "-", (int64_t)json_integer_value(inputs));
    else
        memory_append(cells, sizeof cells, "?-");
    for (int i = 0; i < organism->n_hidden; i++)
        memory_append(cells, sizeof cells, "%s%" PRId32, i ? "-" : "", organism->hidden[i]);
    if (known)
        memory_append(cells, sizeof cells, "-%" PRId64, (int64_t)json_integer_value(outputs));
    else
        memory_append(cells, sizeof cells, "-?");
    put("organism", "%s, %s, %.0f edges of kind %s", cells, activation_words[organism->activation],
        info->facts->particles, edges_words[organism->edges]);
}

static void put_scores(const struct facts *facts)
{
    const bool error = strcmp(facts->measure, "test_mae") == 0;
    char passed[512] = "", scores[128] = "";
    if (!*facts->measure || isnan(facts->score_epoch)) return;
    memory_append(scores, sizeof scores, "%.4g on test data", facts->score);
    if (facts->score_epoch < facts->epoch)
        memory_append(scores, sizeof scores, " at epoch %.0f", facts->score_epoch);
    if (!isnan(facts->train_epoch))
        memory_append(scores, sizeof scores, ", %.4g on training data", facts->train);
    if (facts->train_epoch < facts->epoch)
        memory_append(scores, sizeof scores, " at epoch %.0f", facts->train_epoch);
    if (!isnan(facts->best))
        memory_append(scores, sizeof scores, "; best %.4g at epoch %.0f", facts->best, facts->best_epoch);
    put(error ? "error" : "accuracy", "%s", scores);
    for (int k = 0; k < FACTS_LEVELS; k++)
        if (!isnan(facts->passed[k]) && (k + 1 == FACTS_LEVELS || facts->passed[k + 1] != facts->passed[k]))
            memory_append(passed, sizeof passed, "%s%g at epoch %.0f", *passed ? ", " : "",
                          facts_level(facts, k), facts->passed[k]);
    if (*passed)
        put("reached", "%s (%s the test data, at %s)", passed, error ? "error on" : "accuracy on",
            error ? "most" : "least");
}

static void put_types(const struct facts *facts)
{
    char types[512] = "";
    for (int t = 0; t < TYPE_COUNT; t++)
        if (facts->census[t] > 0)
            memory_append(types, sizeof types, "%s%.0f %s (%s)", *types ? ", " : "", facts->census[t],
                          particle_type_names[t], percent_text(facts->census[t] / facts->living, 1).text);
    if (facts->census[TYPE_PRUNED] > 0)
        memory_append(types, sizeof types, "%s%.0f of %.0f pruned", *types ? "; " : "",
                      facts->census[TYPE_PRUNED], facts->particles);
    if (facts->census_epoch < facts->epoch)
        memory_append(types, sizeof types, " at epoch %.0f", facts->census_epoch);
    if (*types) put("particles", "%s", types);
}

/* How many they are, and their types. archived: these are a part of the particles. */
static void print_layer(char *text, size_t size, const struct moves_layer *layer, bool archived)
{
    const int64_t pruned = layer->types[TYPE_PRUNED], living = layer->particles - pruned;
    const double share = (double)layer->types[TYPE_SELF_REPLICATOR] / (double)living;
    memory_append(text, size, "%" PRId64 "%s particles", layer->particles, archived ? " archived" : "");
    if (pruned > 0) memory_append(text, size, ", %" PRId64 " of them pruned", pruned);
    if (layer->counted && living > 0)
        memory_append(text, size, ", %s self-replicators", percent_text(share, 1).text);
}

/* archived: these are a part of the particles. epoch: the run's last one; the archive may end before it. */
static void put_moves(const struct moves *moves, bool archived, double epoch)
{
    char at[48] = "", since[48] = "";
    if ((double)moves->last < epoch) memory_append(at, sizeof at, " at epoch %" PRId64, moves->last);
    if (moves->first > 0) memory_append(since, sizeof since, " since epoch %" PRId64, moves->first);
    for (int l = 0; l < moves->n_layers; l++) {
        const struct moves_layer *layer = &moves->layer[l];
        char name[16], text[400] = "";
        if (layer->particles == 0) continue;
        print_layer(text, sizeof text, layer, archived);
        memory_append(text, sizeof text, "%s", at);
        if (isfinite(layer->farthest))
            memory_append(text, sizeof text,
                          "; moved by %.3g in the mean%s, farthest by %.3g: cell %" PRId64 ", edge %" PRId64,
                          layer->mean, since, layer->farthest, layer->cell, layer->edge);
        snprintf(name, sizeof name, "layer %d", layer->number);
        put(name, "%s", text);
    }
    put("", "layers, cells and edges count from 0; in figures and on pages layers count from 1");
    put("archive", "%" PRId64 " records, epochs %" PRId64 " to %" PRId64, moves->records, moves->first,
        moves->last);
}

/* "2 ranks on vm" */
static void put_start(const struct info_run *info)
{
    const struct facts *facts = info->facts;
    const json_t *hosts = json_object_get(info->provenance, "hosts"),
                 *version = json_object_get(info->provenance, "version");
    char where[512] = "";
    const char *host;
    json_t *ranks;
    json_object_foreach((json_t *)hosts, host, ranks) if (json_is_integer(ranks))
        memory_append(where, sizeof where, "%s%" PRId64 " on %s", *where ? ", " : "",
                      (int64_t)json_integer_value(ranks), host);
    if (facts->starts == 0) return;
    put("ranks", "%s", *where ? where : "?");
    put("started", "%s by version %s", facts->started,
        json_is_string(version) ? json_string_value(version) : "?");
    if (facts->starts > 1)
        put("resumed", "%" PRId64 " time%s; first started %s", facts->starts - 1,
            facts->starts > 2 ? "s" : "", facts->first_started);
    else
        put("resumed", "never");
}

static void put_probes(const struct facts *facts)
{
    char kinds[512] = "";
    for (int i = 0; probes[i]; i++) {
        char *path = memory_print("%s/probe-%s.h5", facts->run, probes[i]->kind);
        if (file_exists(path))
            memory_append(kinds, sizeof kinds, "%s%s", *kinds ? ", " : "", probes[i]->kind);
        memory_free(path);
    }
    put("probes", "%s", *kinds ? kinds : "none yet");
}

static void put_training(const struct config *config)
{
    put("training", "batches of %" PRId64 ", learning rate %g, %d steps of self-training",
        config->schedule.batch, (double)config->training.task.rate, config->training.self_steps);
}

void info_run_print(const struct info_run *info)
{
    const struct facts *facts = info->facts;
    put("run", "%s", facts->run);
    if (info->configured) put("name", "%s, seed %" PRId64, info->config.run.name, info->config.run.seed);
    put("state", "%s%s%s%s", facts_state(facts), *facts->stopped_by ? " (" : "", facts->stopped_by,
        *facts->stopped_by ? ")" : "");
    if (facts->begun && isnan(facts->epochs)) put("epochs", "%.0f", facts->epoch);
    if (facts->begun && !isnan(facts->epochs)) put("epochs", "%.0f of %.0f", facts->epoch, facts->epochs);
    if (info->configured) put_task(info);
    if (info->configured) put_organism(info);
    if (info->configured) put_training(&info->config);
    put_scores(facts);
    put_types(facts);
    if (info->moved)
        put_moves(&info->moves, info->configured && info->config.archive.fraction < 1, facts->epoch);
    put_start(info);
    if (isfinite(facts->seconds)) put("time", "%s of training", duration_text(facts->seconds).text);
    put_probes(facts);
    if (*facts->fingerprint) put("fingerprint", "%s", facts->fingerprint);
}

static json_t *layer_json(const struct moves_layer *layer)
{
    const bool known = layer->counted || layer->types[TYPE_PRUNED] > 0, moved = isfinite(layer->farthest);
    json_t *object = json_object(), *types = known ? json_object() : json_null();
    for (int t = 0; known && t < (layer->types[TYPE_PRUNED] > 0 ? TYPE_NAMES : TYPE_COUNT); t++)
        json_put(types, particle_type_names[t], json_integer(layer->types[t]));
    json_put(object, "layer", json_integer(layer->number));
    json_put(object, "particles", json_integer(layer->particles));
    json_put(object, "census", types);
    json_put(object, "distance_mean", json_finite(layer->mean));
    json_put(object, "distance_largest", json_finite(layer->farthest));
    json_put(object, "farthest_cell", moved ? json_integer(layer->cell) : json_null());
    json_put(object, "farthest_edge", moved ? json_integer(layer->edge) : json_null());
    return object;
}

json_t *info_run_json(const struct info_run *info)
{
    json_t *object = info_json(info->facts), *layers = json_array();
    for (int l = 0; l < info->moves.n_layers; l++) json_add(layers, layer_json(&info->moves.layer[l]));
    json_put(object, "name", json_words(info->configured ? info->config.run.name : NULL));
    json_put(object, "seed", info->configured ? json_integer(info->config.run.seed) : json_null());
    json_put(object, "layers", layers);
    json_put(object, "layers_epoch", info->moved ? json_integer(info->moves.last) : json_null());
    json_put(object, "layers_moved_since", info->moved ? json_integer(info->moves.first) : json_null());
    return object;
}
