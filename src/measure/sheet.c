#include "sheet.h"

#include <math.h>
#include <inttypes.h>
#include <stdlib.h>

#include "metazoa/base/file.h"
#include "metazoa/base/memory.h"
#include "metazoa/store/metrics.h"

void sheet_open(struct sheet *sheet, const struct subject *subject, const char *kind,
                const struct probe_spec *spec)
{
    *sheet = (struct sheet){.subject = subject, .kind = kind, .writes = comm_rank(subject->comm) == 0};
    sheet->line = open_memstream(&sheet->text, &sheet->text_bytes);
    if (!sheet->line) fatal("no memory for the results of probe %s", kind);
    const int64_t epoch = subject->progress.epoch, seed = (int64_t)spec->seed;
    const double epsilon = subject->config->measure.epsilon;
    fprintf(sheet->line, "{\"kind\": \"%s\"", kind);
    sheet_integer(sheet, "epoch", epoch);
    sheet_integer(sheet, "seed", seed);
    sheet_number(sheet, "epsilon", epsilon);
    if (!sheet->writes) return;
    sheet->path = memory_print("%s/probe-%s.h5", subject->run, kind);
    sheet->temporary = file_temporary(sheet->path);
    h5_create(&sheet->file, sheet->temporary, NULL, 0);
    h5_put_text(&sheet->file, "/", "kind", kind);
    h5_put_i64(&sheet->file, "/", "epoch", 0, &epoch);
    h5_put_i64(&sheet->file, "/", "seed", 0, &seed);
    h5_put_f64(&sheet->file, "/", "epsilon", 0, &epsilon);
    h5_put_text(&sheet->file, "/", "measure", subject_measure(subject));
}

void sheet_close(struct sheet *sheet)
{
    if (sheet->writes) {
        h5_close(&sheet->file);
        file_replace(sheet->temporary, sheet->path);
    }
    fputs("}\n", sheet->line);
    if (fclose(sheet->line) != 0) fatal("no memory for the results of probe %s", sheet->kind);
    char *name = memory_print("probe-%s.json", sheet->kind);
    text_write(sheet->subject->run, name, sheet->text, sheet->subject->comm);
    if (sheet->writes && (fputs(sheet->text, stdout) < 0 || fflush(stdout) != 0))
        fatal("standard output: cannot be written");
    memory_free(name);
    free(sheet->text); /* the stream's own allocation */
    memory_free(sheet->path);
    memory_free(sheet->temporary);
    *sheet = (struct sheet){0};
}

void sheet_group(struct sheet *sheet, const char *name, const char *description)
{
    if (sheet->writes) h5_group(&sheet->file, name, description);
}

void sheet_put(struct sheet *sheet, const char *name, enum h5_type type, int axes, const int64_t *size,
               const void *values, const char *units, const char *description)
{
    if (!sheet->writes) return;
    struct h5_data data = {.name = name, .type = type, .description = description, .units = units};
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
    h5_chunk_choose(&data, 1 << 20);
    h5_put(&sheet->file, &data, values);
}

void sheet_attribute(struct sheet *sheet, const char *object, const char *name, const char *text)
{
    if (sheet->writes) h5_put_text(&sheet->file, object, name, text);
}

static void put_number(FILE *line, double value)
{
    if (isfinite(value))
        fprintf(line, "%.9g", value);
    else
        fputs("null", line);
}

/* The member's name; the first member of an object has no comma before it. */
static void put_name(struct sheet *sheet, const char *name)
{
    fflush(sheet->line);
    const bool first = sheet->text_bytes > 0 && sheet->text[sheet->text_bytes - 1] == '{';
    fprintf(sheet->line, "%s\"%s\": ", first ? "" : ", ", name);
}

void sheet_number(struct sheet *sheet, const char *name, double value)
{
    put_name(sheet, name);
    put_number(sheet->line, value);
}

void sheet_integer(struct sheet *sheet, const char *name, int64_t value)
{
    put_name(sheet, name);
    fprintf(sheet->line, "%" PRId64, value);
}

void sheet_text(struct sheet *sheet, const char *name, const char *value)
{
    put_name(sheet, name);
    fprintf(sheet->line, "\"%s\"", value);
}

void sheet_list(struct sheet *sheet, const char *name, int64_t n, const double *values)
{
    put_name(sheet, name);
    for (int64_t i = 0; i < n; i++) {
        fputs(i ? ", " : "[", sheet->line);
        put_number(sheet->line, values[i]);
    }
    fputs(n ? "]" : "[]", sheet->line);
}

void sheet_object(struct sheet *sheet, const char *name)
{
    put_name(sheet, name);
    fputc('{', sheet->line);
}

void sheet_end(struct sheet *sheet)
{
    fputc('}', sheet->line);
}

void sheet_types(struct sheet *sheet, const char *name, const double values[TYPE_COUNT])
{
    sheet_object(sheet, name);
    for (int type = 0; type < TYPE_COUNT; type++)
        sheet_number(sheet, particle_type_name((enum particle_type)type), values[type]);
    sheet_end(sheet);
}

void sheet_census(struct sheet *sheet, const char *name, const int64_t counts[TYPE_COUNT])
{
    double values[TYPE_COUNT];
    for (int type = 0; type < TYPE_COUNT; type++) values[type] = (double)counts[type];
    sheet_types(sheet, name, values);
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return isnan(x) || isnan(y) ? isnan(x) - isnan(y) : (x > y) - (x < y);
}

void spread_sort(int64_t n, double *values)
{
    qsort(values, (size_t)n, sizeof *values, compare);
}

double spread_quantile(int64_t n, const double *sorted, double q)
{
    if (n == 0) return (double)NAN;
    const double at = q * (double)(n - 1);
    const int64_t low = (int64_t)at, high = low + 1 < n ? low + 1 : low;
    return sorted[low] + (at - (double)low) * (sorted[high] - sorted[low]);
}
