#include "sheet.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "metazoa/base/file.h"
#include "metazoa/base/json.h"
#include "metazoa/base/memory.h"
#include "metazoa/store/metrics.h"

void sheet_open(struct sheet *sheet, struct subject *subject)
{
    const char *kind = subject->probe->kind;
    *sheet = (struct sheet){.subject = subject, .writes = comm_rank(subject->comm) == 0};
    const int64_t epoch = subject->progress.epoch, seed = subject->config->run.seed;
    const double epsilon = subject->config->measure.epsilon;
    sheet->object[0] = json_object();
    sheet_text(sheet, "kind", kind);
    sheet_integer(sheet, "epoch", epoch);
    sheet_integer(sheet, "seed", seed);
    char fingerprint[20];
    snprintf(fingerprint, sizeof fingerprint, "%016" PRIx64, subject->fingerprint);
    sheet_text(sheet, "fingerprint", fingerprint);
    if (subject->progress.batch > 0) sheet_integer(sheet, "batch", subject->progress.batch);
    sheet_number(sheet, "epsilon", epsilon);
    if (subject->changed) sheet_text(sheet, "changed", subject->changed);
    if (!sheet->writes) return;
    sheet->path = memory_print("%s/probe-%s.h5", subject->run, kind);
    sheet->temporary = file_temporary(sheet->path);
    file_claim(sheet->temporary);
    h5_create(&sheet->file, sheet->temporary, NULL, 0);
    h5_put_text(&sheet->file, "/", "kind", kind);
    h5_put_i64(&sheet->file, "/", "epoch", 0, &epoch);
    h5_put_i64(&sheet->file, "/", "batch", 0, &subject->progress.batch);
    h5_put_i64(&sheet->file, "/", "seed", 0, &seed);
    h5_put_u64(&sheet->file, "/", "fingerprint", subject->fingerprint);
    h5_put_u64(&sheet->file, "/", "data_digest", task_digest(&subject->task.identity));
    h5_put_f64(&sheet->file, "/", "epsilon", 0, &epsilon);
    h5_put_text(&sheet->file, "/", "measure", subject_measure(subject));
    if (subject->changed) h5_put_text(&sheet->file, "/", "changed", subject->changed);
}

void sheet_close(struct sheet *sheet)
{
    if (sheet->writes) {
        h5_close(&sheet->file);
        file_replace(sheet->temporary, sheet->path);
    }
    memory_free(sheet->subject->result);
    sheet->subject->result = json_print(sheet->object[0], 0);
    char *name = memory_print("probe-%s.json", sheet->subject->probe->kind),
         *line = memory_print("%s\n", sheet->subject->result);
    text_write(sheet->subject->run, name, line, sheet->subject->comm);
    memory_free(name), memory_free(line);
    memory_free(sheet->path);
    memory_free(sheet->temporary);
    *sheet = (struct sheet){0};
}

void sheet_group(struct sheet *sheet, const char *name, const char *description)
{
    if (sheet->writes) h5_group(&sheet->file, name, description);
}

/* A dimension scale for axis k of datasets that have n places there: a counter. netCDF's readers ask for one
 * of every axis. name: is filled in. */
static const char *axis_scale(struct sheet *sheet, int k, int64_t n, char name[64])
{
    snprintf(name, 64, "/axis%d_%lld", k, (long long)n);
    if (h5_has(&sheet->file, name)) return name;
    struct h5_data data = {.name = name,
                           .type = H5_I32,
                           .row_axes = 1,
                           .row_size = {n},
                           .description = "counts along an axis of this length",
                           .units = "1",
                           .is_scale = true};
    int32_t *values = memory_new(n, sizeof *values);
    for (int64_t i = 0; i < n; i++) values[i] = (int32_t)i;
    h5_chunk_choose(&data, H5_CHUNK_BYTES);
    h5_put(&sheet->file, &data, values);
    memory_free(values);
    return name;
}

void sheet_put(struct sheet *sheet, const char *name, enum h5_type type, int axes, const int64_t *size,
               const void *values, const char *units, const char *description)
{
    if (!sheet->writes) return;
    struct h5_data data = {.name = name, .type = type, .description = description, .units = units};
    char scale[H5_AXES_MAX][64];
    for (int k = 0; k < axes; k++) data.scales[k] = axis_scale(sheet, k, size[k], scale[k]);
    if (axes == 3) {
        data.has_record = true;
        data.records = *size++;
        data.chunk_records = 1;
    }
    if (axes >= 1) {
        data.row_axes = 1;
        data.row_size[0] = size[0];
    }
    if (axes >= 2) {
        data.has_width = true;
        data.width = size[1];
    }
    h5_chunk_choose(&data, H5_CHUNK_BYTES);
    h5_put(&sheet->file, &data, values);
}

void sheet_places(struct sheet *sheet, const char *group, int64_t n, const int64_t *id)
{
    static const char *const names[3] = {"layer", "cell", "edge"};
    int32_t *place[3];
    for (int k = 0; k < 3; k++) place[k] = memory_new(n, sizeof *place[k]);
    for (int64_t i = 0; i < n; i++) {
        int layer;
        int64_t cell, edge;
        organism_particle_place(&sheet->subject->organism.shape, id[i], &layer, &cell, &edge);
        place[0][i] = layer, place[1][i] = (int32_t)cell, place[2][i] = (int32_t)edge;
    }
    for (int k = 0; k < 3; k++) {
        char *name = memory_print("%s/%s", group, names[k]);
        sheet_put(sheet, name, H5_I32, 1, &n, place[k], "1", "which particle");
        memory_free(name), memory_free(place[k]);
    }
}

void sheet_attribute(struct sheet *sheet, const char *object, const char *name, const char *text)
{
    if (sheet->writes) h5_put_text(&sheet->file, object, name, text);
}

static json_t *top(const struct sheet *sheet)
{
    return sheet->object[sheet->depth];
}

void sheet_number(struct sheet *sheet, const char *name, double value)
{
    json_put(top(sheet), name, json_finite(value));
}

void sheet_integer(struct sheet *sheet, const char *name, int64_t value)
{
    json_put(top(sheet), name, json_integer(value));
}

void sheet_text(struct sheet *sheet, const char *name, const char *value)
{
    json_put(top(sheet), name, json_words(value));
}

void sheet_list(struct sheet *sheet, const char *name, int64_t n, const double *values)
{
    json_t *list = json_array();
    for (int64_t i = 0; i < n; i++) json_add(list, json_finite(values[i]));
    json_put(top(sheet), name, list);
}

void sheet_object(struct sheet *sheet, const char *name)
{
    json_t *object = json_object();
    json_put(top(sheet), name, object);
    assert(sheet->depth + 1 < SHEET_DEPTH);
    sheet->object[++sheet->depth] = object;
}

void sheet_end(struct sheet *sheet)
{
    assert(sheet->depth > 0);
    sheet->depth--;
}

void sheet_types(struct sheet *sheet, const char *name, const double values[TYPE_COUNT])
{
    sheet_object(sheet, name);
    for (int type = 0; type < TYPE_COUNT; type++)
        sheet_number(sheet, particle_type_names[type], values[type]);
    sheet_end(sheet);
}

void sheet_census(struct sheet *sheet, const char *name, const int64_t counts[TYPE_COUNT])
{
    sheet_object(sheet, name);
    for (int type = 0; type < TYPE_COUNT; type++)
        sheet_integer(sheet, particle_type_names[type], counts[type]);
    sheet_end(sheet);
}
