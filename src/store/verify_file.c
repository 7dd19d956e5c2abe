/* One file, read whole, by a child process. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "archive_file.h"
#include "checkpoint_file.h"
#include "columns.h"
#include "metazoa/base/file.h"
#include "metazoa/base/guard.h"
#include "metazoa/base/memory.h"
#include "metazoa/base/terminal.h"
#include "metazoa/store/moments_file.h"
#include "verify_file.h"

static bool index_sound(struct h5 *file, const char *name, int64_t n)
{
    struct h5_data data = {.name = name, .type = H5_I32, .row_axes = 1, .row_size = {n}};
    return h5_verify(file, &data);
}

static bool axes_sound(struct h5 *file, const struct organism_shape *shape, int layer)
{
    char name[64];
    snprintf(name, sizeof name, "/layers/%d/cell", layer);
    if (!index_sound(file, name, shape->cells[layer + 1])) return false;
    snprintf(name, sizeof name, "/layers/%d/edge", layer);
    return index_sound(file, name, shape_edges(shape, layer)) &&
           index_sound(file, "/weight", shape->particle.weights);
}

static bool chosen_sound(struct h5 *file, int layer, int64_t n)
{
    static const char *const names[] = {"particle", "cell", "edge"};
    char axis[64], name[64];
    snprintf(axis, sizeof axis, "/layers/%d/particle", layer);
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "/layers/%d/%s", layer, names[i]);
        struct h5_data data = {.name = name,
                               .type = i == 0 ? H5_I64 : H5_I32,
                               .row_axes = 1,
                               .row_size = {n},
                               .scales = {i ? axis : NULL}};
        if (!h5_verify(file, &data)) return false;
    }
    return true;
}

/* What the particles of a layer add to the fingerprint. */
static uint64_t layer_fingerprint(struct h5 *file, const struct organism_shape *shape, int layer)
{
    char name[FIELD_COUNT][64];
    struct h5_data data[FIELD_COUNT];
    uint64_t sum = 0;
    for (int f = 0; f < FIELD_COUNT; f++) {
        data[f] = head_field(shape, layer, (enum state_field)f, name[f]);
        /* Version 0.1 wrote zeros for a field that its scalars did not hold: no part of the fingerprint. */
        const bool held = state_held((enum state_field)f, &shape->particle, NULL) && h5_has(file, name[f]);
        data[f].id = -1;
        if (held) h5_find(file, &data[f]);
    }
    for (int64_t chunk = 0; chunk < h5_chunks(&data[0]) && !*file->problem;) {
        const int64_t begin = h5_chunk_begin(&data[0], chunk), end = h5_window_end(&data[0], &chunk, 1);
        float *values[FIELD_COUNT] = {0};
        const float *at[FIELD_COUNT];
        for (int f = 0; f < FIELD_COUNT; f++) {
            if (data[f].id < 0) continue;
            values[f] = memory_new((end - begin) * data[f].width, sizeof(float));
            h5_read(file, &data[f], 0, 1, begin, end, values[f]);
        }
        for (int64_t row = begin; row < end; row++) {
            for (int f = 0; f < FIELD_COUNT; f++)
                at[f] = values[f] ? values[f] + (row - begin) * data[f].width : NULL;
            sum +=
                organism_particle_hash(organism_particle_id(shape, layer, 0, 0) + row, &shape->particle, at);
        }
        for (int f = 0; f < FIELD_COUNT; f++) memory_free(values[f]);
        guard_alive();
    }
    for (int f = 0; f < FIELD_COUNT; f++)
        if (data[f].id >= 0) h5_leave(&data[f]);
    return sum;
}

/* Datasets of layers, which are verified with their shapes. */
static bool is_layers_own(const char *name)
{
    const char *last = file_name(name);
    bool own = strcmp(last, "trajectory") == 0 || strcmp(last, "type") == 0 || strcmp(last, "start") == 0;
    for (int f = 0; f < FIELD_COUNT; f++) own = own || strcmp(last, state_table[f].name) == 0;
    return own;
}

static bool checkpoint_sound(struct h5 *file, FILE *out)
{
    struct head head;
    uint64_t fingerprint = 0;
    char name[64];
    bool sound = head_get(file, &head);
    for (int l = 0; l < head.shape.layers && sound; l++) {
        sound = axes_sound(file, &head.shape, l);
        for (int f = 0; f < FIELD_COUNT && sound; f++) {
            const struct h5_data data = head_field(&head.shape, l, (enum state_field)f, name);
            const struct state_row *row = &state_table[f];
            if (f != FIELD_WEIGHTS && !h5_has(file, name)) continue;
            sound = h5_verify(file, &data) && (!row->axis || index_sound(file, row->axis, row->values));
        }
        if (sound) fingerprint += layer_fingerprint(file, &head.shape, l);
    }
    sound = sound && columns_scales_sound(file, "/metrics/epoch", head.shape.loss == LOSS_CROSS_ENTROPY);
    if (sound && h5_has(file, "/moments")) sound = running_sound(file);
    sound = sound && !*file->problem && h5_verify_everything(file, is_layers_own);
    if (sound && fingerprint != head.fingerprint)
        sound =
            h5_problem(file, "the fingerprint of its particles is %016" PRIx64 ", not the stored %016" PRIx64,
                       fingerprint, head.fingerprint);
    if (sound && head.progress.batch > 0)
        fprintf(out, "checkpoint, epoch %" PRId64 ", batch %" PRId64 ", fingerprint %016" PRIx64,
                head.progress.epoch, head.progress.batch, fingerprint);
    else if (sound)
        fprintf(out, "checkpoint, epoch %" PRId64 ", fingerprint %016" PRIx64, head.progress.epoch,
                fingerprint);
    head_free(&head);
    return sound;
}

static bool records_sound(struct h5 *file, FILE *out, bool master)
{
    struct archive_head head;
    char name[64], *config = NULL;
    bool sound = archive_head_get(file, &head, master), joined = false;
    for (int k = 0; k < head.n_layers && sound; k++) {
        const int layer = (int)head.layers[k];
        const int64_t particles = head.particles[k];
        const bool all = particles == organism_layer_particles(&head.shape, layer);
        sound = all ? axes_sound(file, &head.shape, layer) : chosen_sound(file, layer, particles);
        for (int is_type = 0; is_type < 2 && sound; is_type++) {
            const struct h5_data data = (is_type ? archive_types : archive_trajectory)(
                &head.shape, layer, particles, head.n_rows, 0, name);
            const bool joins = master && h5_is_virtual(file, name);
            joined |= joins;
            sound =
                joins || (master && particles == 0) ? h5_verify_virtual(file, &data) : h5_verify(file, &data);
        }
    }
    sound = sound && columns_scales_sound(file, "/epoch", head.shape.loss == LOSS_CROSS_ENTROPY) &&
            h5_verify_everything(file, is_layers_own);
    if (sound && master) {
        config = config_get(file);
        sound = config != NULL;
    }
    if (sound && head.n_rows > 0)
        fprintf(out, "%s, %" PRId64 " records, epochs %" PRId64 " to %" PRId64,
                joined   ? "archive, joins segments"
                : master ? "archive"
                         : "segment",
                head.n_rows, head.rows[0].epoch, head.rows[head.n_rows - 1].epoch);
    memory_free(config);
    archive_head_free(&head);
    return sound;
}

static const char foreign[] =
    "foreign: an HDF5 file of another program, or an export; nothing can be said about it";

/* A file without a format: of a probe, of the analysis, or of another program. */
static bool other_sound(struct h5 *file, FILE *out)
{
    char kind[64] = "";
    const bool ours = h5_has_attribute(file, "/", "kind") &&
                      (h5_has_attribute(file, "/", "epsilon") || h5_has_attribute(file, "/", "scope"));
    if (!ours) return !*file->problem && fputs(foreign, out) >= 0;
    if (!h5_get_text(file, "/", "kind", kind, sizeof kind) || !h5_verify_everything(file, NULL)) return false;
    const bool pca = strcmp(kind, "pca") == 0;
    fprintf(out, "%s%s", pca ? "principal components" : "probe ", pca ? "" : kind);
    return true;
}

/* What the file claims to be decides. */
static bool contents_sound(struct h5 *file, FILE *out)
{
    char format[64];
    if (!h5_has_attribute(file, "/", "format")) return other_sound(file, out);
    if (!h5_get_text(file, "/", "format", format, sizeof format)) return false;
    if (strcmp(format, CHECKPOINT_FORMAT) == 0) return checkpoint_sound(file, out);
    if (strcmp(format, SEGMENT_FORMAT) == 0) return records_sound(file, out, false);
    if (strcmp(format, ARCHIVE_FORMAT) == 0) return records_sound(file, out, true);
    if (!h5_has_attribute(file, "/", "seed") && !*file->problem) return fputs(foreign, out) >= 0;
    return h5_problem(file, "its format is \"%s\": no checkpoint, segment or archive", format);
}

/* In the child. */
static bool file_sound(void *path, FILE *out)
{
    struct h5 file;
    const bool sound = h5_read_begin(&file, path) && contents_sound(&file, out) && !*file.problem;
    if (!sound) fputs(file.problem, out);
    h5_read_end(&file);
    return sound;
}

/* On a terminal, if reading takes long. */
static void announce(const char *path)
{
    enum { MANY = 1 << 26 }; /* bytes */
    struct stat found;
    if (stat(path, &found) != 0 || found.st_size < MANY) return;
    char *text = memory_print("reading %s, %.1f GiB", path, (double)found.st_size / (1 << 30));
    terminal_doing(text);
    memory_free(text);
}

enum exit_code verify_file(const char *path, FILE *out)
{
    char reason[128], *text;
    announce(path);
    const bool sound = guard_read(path, file_sound, (char *)(uintptr_t)path, &text, reason);
    terminal_done();
    text[strcspn(text, "\n")] = 0;
    const bool is_foreign = sound && strcmp(text, foreign) == 0;
    if (sound)
        fprintf(out, "%s: %s%s\n", path, is_foreign ? "" : "ok: ", text);
    else
        fprintf(out, "%s: DAMAGED: %s%s%s\n", path, reason, *reason && *text ? ": " : "", text);
    fflush(out);
    free(text);
    return !sound ? EXIT_INPUT : is_foreign ? EXIT_USAGE : EXIT_DONE;
}
