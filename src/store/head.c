/* The small parts of checkpoints, segments and archives: format, shape, axes, configuration, progress. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "checkpoint_file.h"
#include "columns.h"
#include "metazoa/base/file.h"
#include "metazoa/base/memory.h"
#include "metazoa/base/processor.h"
#include "metazoa/particle/kind.h"
#include "metazoa/store/claims.h"

void format_put(struct h5 *file, const char *format, int64_t version, const char *description)
{
    h5_put_text(file, "/", "format", format);
    h5_put_i64(file, "/", "version", 0, &version);
    h5_put_text(file, "/", "description", description);
}

bool format_known(struct h5 *file, const char *format, int64_t version)
{
    char text[64];
    int64_t number = 0;
    if (!h5_get_text(file, "/", "format", text, sizeof text)) return false;
    if (strcmp(text, format) != 0) return h5_problem(file, "its format is \"%s\", not \"%s\"", text, format);
    if (!h5_get_i64(file, "/", "version", 0, &number)) return false;
    if (number >= 1 && number <= version) return true;
    file->newer = number > version;
    return h5_problem(file, "it has format version %lld; this program reads version %lld: use %s program",
                      (long long)number, (long long)version, number > version ? "a newer" : "an older");
}

bool format_get(struct h5 *file, const char *format, int64_t version)
{
    return format_known(file, format, version) && h5_attributes_sound(file) && h5_scales_sound(file);
}

void shape_put(struct h5 *file, const struct organism_shape *shape)
{
    int64_t cells[ORGANISM_LAYERS_MAX + 1];
    for (int i = 0; i <= shape->layers; i++) cells[i] = shape->cells[i];
    const int64_t width = shape->particle.width, layers = shape->particle.layers;
    const int64_t classification = shape->loss == LOSS_CROSS_ENTROPY, n = shape->layers;
    h5_put_i64(file, "/", "layers", 0, &n);
    h5_put_i64(file, "/", "cells", shape->layers + 1, cells);
    h5_put_i64(file, "/", "particle_width", 0, &width);
    h5_put_i64(file, "/", "particle_layers", 0, &layers);
    h5_put_i64(file, "/", "classification", 0, &classification);
    if (shape->bias) h5_put_i64(file, "/", "bias", 0, &(int64_t){1});
    if (particle_kind_find(width, layers) != (int)shape->particle.kind)
        h5_put_text(file, "/", "edges", edges_words[shape->particle.kind]);
}

/* The kind of a file's particles: its word, or, without one, the first kind that has such particles; -1: a
 * problem. */
static int kind_get(struct h5 *file, int64_t width, int64_t layers)
{
    char word[32];
    int kind = particle_kind_find(width, layers);
    if (h5_has_attribute(file, "/", "edges")) {
        if (!h5_get_text(file, "/", "edges", word, sizeof word)) return -1;
        for (kind = 0; kind < EDGES_COUNT && strcmp(edges_words[kind], word) != 0; kind++) {
        }
        file->newer = kind == EDGES_COUNT;
        if (file->newer)
            return h5_problem(file, "its edges are of the kind \"%s\": use a newer program", word), -1;
    }
    if (kind >= 0 && particle_kinds[kind]->fits(width, layers)) return kind;
    h5_problem(file, "it claims particles of width %lld with %lld layers", (long long)width,
               (long long)layers);
    return -1;
}

bool shape_get(struct h5 *file, struct organism_shape *shape)
{
    int64_t cells[ORGANISM_LAYERS_MAX + 1] = {0}, n = 0, width = 0, layers = 0, classification = 0, bias = 0;
    if (!h5_get_i64(file, "/", "layers", 0, &n)) return false;
    if (n < 1 || n > ORGANISM_LAYERS_MAX) return h5_problem(file, "it claims %lld layers", (long long)n);
    if (!h5_get_i64(file, "/", "cells", (int)n + 1, cells) ||
        !h5_get_i64(file, "/", "particle_width", 0, &width) ||
        !h5_get_i64(file, "/", "particle_layers", 0, &layers) ||
        !h5_get_i64(file, "/", "classification", 0, &classification))
        return false;
    if (h5_has_attribute(file, "/", "bias") && !h5_get_i64(file, "/", "bias", 0, &bias)) return false;
    const int kind = kind_get(file, width, layers);
    if (kind < 0) return false;
    *shape = (struct organism_shape){.layers = (int)n,
                                     .bias = bias != 0,
                                     .loss = classification ? LOSS_CROSS_ENTROPY : LOSS_MSE,
                                     .particle = particle_kinds[kind]->shape((int)width, (int)layers)};
    for (int i = 0; i <= n; i++) {
        if (cells[i] < 1 || cells[i] > INT32_MAX)
            return h5_problem(file, "it claims a layer of %lld cells", (long long)cells[i]);
        shape->cells[i] = (int32_t)cells[i];
    }
    return true;
}

void axes_put_weight(struct h5 *file, const struct organism_shape *shape)
{
    h5_put_index(file, "/weight", shape->particle.weights,
                 "weight of a particle: layer by layer, row-major [cell][edge]");
}

void axes_put_fields(struct h5 *file, const struct organism *organism)
{
    axes_put_weight(file, &organism->shape);
    for (int f = 0; f < FIELD_COUNT; f++) {
        const struct state_row *row = &state_table[f];
        const bool held = state_held((enum state_field)f, &organism->shape.particle, &organism->training);
        if (held && row->axis && !h5_has(file, row->axis))
            h5_put_index(file, row->axis, row->values, row->axis_description);
    }
}

void axes_put_layer(struct h5 *file, const struct organism_shape *shape, int layer)
{
    char name[64];
    snprintf(name, sizeof name, "/layers/%d", layer);
    h5_group(file, name, "particles between two layers of cells: a matrix of cells x edges");
    snprintf(name, sizeof name, "/layers/%d/cell", layer);
    h5_put_index(file, name, shape->cells[layer + 1], "cell that a particle feeds");
    snprintf(name, sizeof name, "/layers/%d/edge", layer);
    h5_put_index(file, name, shape_edges(shape, layer),
                 shape->bias
                     ? "cell of the layer before, or input, that it reads; the last edge reads the constant 1"
                     : "cell of the layer before, or input, that it reads");
}

void config_put(struct h5 *file, const char *text)
{
    const struct h5_data data = {.name = "/config",
                                 .type = H5_TEXT,
                                 .text_bytes = (int64_t)strlen(text) + 1,
                                 .row_axes = 1,
                                 .row_size = {1},
                                 .chunk_rows = {1},
                                 .description = "configuration of the run (YAML)",
                                 .units = "1",
                                 .is_scale = true}; /* of its own axis: h5netcdf asks for one */
    h5_put(file, &data, text);
}

char *config_get(struct h5 *file)
{
    struct h5_data data = {.name = "/config", .type = H5_TEXT, .row_axes = 1};
    char *text = h5_get(file, &data);
    if (text && h5_rows(&data) == 1) return text;
    memory_free(text);
    h5_problem(file, "/config is no single text");
    return NULL;
}

/* Progress, as attributes of the file: one table for both ways. */
static const struct {
    const char *name;
    size_t offset;
    bool is_sum; /* an exact sum; otherwise one int64 */
} progress_rows[] = {
    {"epoch", offsetof(struct progress, epoch), false},
    {"batch", offsetof(struct progress, batch), false},
    {"stage", offsetof(struct progress, stage), false},
    {"phase_epoch", offsetof(struct progress, stage_epoch), false},
    {"settled", offsetof(struct progress, settled), false},
    {"records", offsetof(struct progress, records), false},
    {"self_sweeps", offsetof(struct progress, self_sweeps), false},
    {"self_loss_sum", offsetof(struct progress, self_loss), true},
    {"samples", offsetof(struct progress, tally.samples), false},
    {"correct", offsetof(struct progress, tally.correct), false},
    {"loss_sum", offsetof(struct progress, tally.loss), true},
    {"error_sum", offsetof(struct progress, tally.error), true},
};
enum { PROGRESS_ROWS = sizeof progress_rows / sizeof *progress_rows };

void head_put(struct h5 *file, const struct head *head)
{
    format_put(file, CHECKPOINT_FORMAT, CHECKPOINT_VERSION, "state of an organism in training");
    shape_put(file, &head->shape);
    h5_put_u64(file, "/", "seed", head->seed);
    h5_put_u64(file, "/", "fingerprint", head->fingerprint);
    const int64_t finished = head->progress.finished;
    h5_put_i64(file, "/", "finished", 0, &finished);
    for (int i = 0; i < PROGRESS_ROWS; i++) {
        const void *at = (const char *)&head->progress + progress_rows[i].offset;
        if (progress_rows[i].is_sum)
            h5_put_f64(file, "/", progress_rows[i].name, EXACT_LIMBS, at);
        else
            h5_put_i64(file, "/", progress_rows[i].name, 0, at);
    }
    const int64_t arithmetic = head->progress.arithmetic > 0 ? head->progress.arithmetic : ARITHMETIC;
    h5_put_i64(file, "/", "arithmetic", 0, &arithmetic);
    if (head->progress.n_rows > 0 && row_interacts(head->progress.rows))
        h5_put_i64(file, "/", "interactions", INTERACTION_KINDS, head->progress.interactions);
    h5_put_u64(file, "/", "data_digest", task_digest(&head->progress.data));
    h5_put_i64(file, "/", "data", TASK_PART_COUNT, head->progress.data.part);
    config_put(file, head->config);
    columns_put(file, "/metrics/epoch", head->shape.loss == LOSS_CROSS_ENTROPY, head->progress.rows,
                head->progress.n_rows);
}

/* Whether the running sums are those of an epoch of which nothing was trained. */
static bool sums_empty(const struct progress *progress)
{
    const struct tally *tally = &progress->tally;
    bool empty = progress->self_sweeps == 0 && tally->samples == 0 && tally->correct == 0;
    for (int k = 0; k < EXACT_LIMBS; k++)
        empty = empty && progress->self_loss.limb[k] == 0 && tally->loss.limb[k] == 0 &&
                tally->error.limb[k] == 0;
    for (int k = 0; k < INTERACTION_KINDS; k++) empty = empty && progress->interactions[k] == 0;
    return empty;
}

/* Files of version 0.1 have no digest of their attributes: at least nothing is out of its range. */
static bool progress_sound(struct h5 *file, const struct progress *progress, int64_t finished)
{
    const struct tally *tally = &progress->tally;
    const bool digested = h5_has_attribute(file, "/", "attributes_digest");
    const int64_t most = INT32_MAX; /* epochs: far beyond what a configuration can ask for */
    const bool sound = progress->epoch >= 0 && progress->epoch <= most && progress->batch >= 0 &&
                       progress->arithmetic >= 1 && progress->stage >= 0 && progress->stage <= STAGE_SETTLE &&
                       progress->stage_epoch >= 0 && progress->stage_epoch <= progress->epoch + 1 &&
                       progress->settled >= 0 && progress->records >= 0 &&
                       (digested || progress->records <= progress->epoch + 1) && progress->self_sweeps >= 0 &&
                       tally->samples >= 0 && tally->correct >= 0 && tally->correct <= tally->samples &&
                       (finished == 0 || finished == 1);
    if (!sound || (progress->batch == 0 && !sums_empty(progress)))
        return h5_problem(file, "its counters (epoch, batch, ...) are no state of a training");
    if (progress->n_rows > 0 && progress->rows[progress->n_rows - 1].epoch > progress->epoch)
        return h5_problem(file, "its metrics go beyond its epoch");
    return true;
}

/* An exact sum; those of version 0.1 lack the first limb. */
static void get_sum(struct h5 *file, const char *name, double limb[EXACT_LIMBS])
{
    const int lacks = h5_attribute_values(file, "/", name) == EXACT_LIMBS - 1;
    h5_get_f64(file, "/", name, EXACT_LIMBS - lacks, limb + lacks);
}

/* The counters that the file has; those of kinds that its program did not know stay zero. */
static void get_interactions(struct h5 *file, struct progress *progress)
{
    const int n = h5_attribute_values(file, "/", "interactions");
    h5_get_i64(file, "/", "interactions", n > 0 && n < INTERACTION_KINDS ? n : INTERACTION_KINDS,
               progress->interactions);
}

/* Files of version 0.1 have neither. */
static void get_data(struct h5 *file, struct task_identity *data)
{
    uint64_t digest = 0;
    if (h5_has_attribute(file, "/", "data") && h5_get_i64(file, "/", "data", TASK_PART_COUNT, data->part) &&
        h5_get_u64(file, "/", "data_digest", &digest) && digest != task_digest(data))
        h5_problem(file, "its data_digest is not that of its data");
}

/* Files of version 0.1 have `phase` instead: one task first, both, settling. Which of training.phases `both`
 * is, only their configuration says: the last one (schedule_resume). */
static void get_old_stage(struct h5 *file, struct progress *progress)
{
    static const int64_t stages[] = {0, STAGES_MAX - 1, STAGE_SETTLE};
    int64_t phase = -1;
    h5_get_i64(file, "/", "phase", 0, &phase);
    progress->stage = phase >= 0 && phase < (int64_t)(sizeof stages / sizeof *stages) ? stages[phase] : -1;
}

bool head_get(struct h5 *file, struct head *head)
{
    *head = (struct head){0};
    int64_t finished = 0, n_rows = 0;
    if (!format_get(file, CHECKPOINT_FORMAT, CHECKPOINT_VERSION) || !shape_get(file, &head->shape) ||
        !h5_get_u64(file, "/", "seed", &head->seed) ||
        !h5_get_u64(file, "/", "fingerprint", &head->fingerprint) ||
        !h5_get_i64(file, "/", "finished", 0, &finished))
        return false;
    head->progress.finished = finished != 0;
    for (int i = 0; i < PROGRESS_ROWS; i++) {
        void *at = (char *)&head->progress + progress_rows[i].offset;
        if (at == &head->progress.stage && !h5_has_attribute(file, "/", progress_rows[i].name))
            get_old_stage(file, &head->progress);
        else if (progress_rows[i].is_sum)
            get_sum(file, progress_rows[i].name, at);
        else
            h5_get_i64(file, "/", progress_rows[i].name, 0, at);
    }
    head->progress.arithmetic = 1;
    if (h5_has_attribute(file, "/", "arithmetic")) /* files of version 0.1 have none */
        h5_get_i64(file, "/", "arithmetic", 0, &head->progress.arithmetic);
    get_data(file, &head->progress.data);
    head->config = config_get(file);
    head->progress.rows =
        columns_get(file, "/metrics/epoch", head->shape.loss == LOSS_CROSS_ENTROPY, &n_rows);
    head->progress.n_rows = n_rows;
    if (head->progress.rows && n_rows > 0 && row_interacts(head->progress.rows))
        get_interactions(file, &head->progress);
    return !*file->problem && progress_sound(file, &head->progress, finished);
}

void head_free(struct head *head)
{
    progress_free(&head->progress);
    memory_free(head->config);
    *head = (struct head){0};
}

bool head_in_place(struct h5 *file, const struct head *head)
{
    const struct progress *progress = &head->progress;
    const struct metrics_row *last = progress->n_rows > 0 ? &progress->rows[progress->n_rows - 1] : NULL;
    const int folder = (int)(file_name(file->path) - file->path);
    if (!checkpoint_is_at(file->path, progress))
        return h5_problem(file, "it was renamed: it holds epoch %" PRId64 ", batch %" PRId64, progress->epoch,
                          progress->batch);
    char *run = memory_print("%.*s.", folder, file->path);
    uint64_t claimed = 0;
    const bool same = !last || !claims_row(run, last->epoch, &claimed) || claimed == last->fingerprint;
    memory_free(run);
    return same || h5_problem(file,
                              "it is of another run than metrics.csv beside it: at epoch %" PRId64
                              " it has the fingerprint %016" PRIx64 ", metrics.csv has %016" PRIx64,
                              last->epoch, last->fingerprint, claimed);
}

struct h5_data head_field(const struct organism_shape *shape, int layer, enum state_field field,
                          char name[64])
{
    const struct state_row *row = &state_table[field];
    static char axis[2][ORGANISM_LAYERS_MAX][32];
    snprintf(axis[0][layer], sizeof axis[0][layer], "/layers/%d/cell", layer);
    snprintf(axis[1][layer], sizeof axis[1][layer], "/layers/%d/edge", layer);
    snprintf(name, 64, "/layers/%d/%s", layer, row->name);
    struct h5_data data = {.name = name,
                           .type = H5_F32,
                           .row_axes = 2,
                           .row_size = {shape->cells[layer + 1], shape_edges(shape, layer)},
                           .has_width = row->values != 1,
                           .width = state_values(field, &shape->particle),
                           .description = row->description,
                           .units = row->units,
                           .scales = {axis[0][layer], axis[1][layer],
                                      row->values == 1 ? NULL
                                      : row->axis      ? row->axis
                                                       : "/weight"}};
    h5_chunk_choose(&data, H5_CHUNK_BYTES);
    return data;
}
