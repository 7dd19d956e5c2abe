#include "metazoa/store/metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "columns.h"
#include "metazoa/base/file.h"
#include "metazoa/base/error.h"
#include "metazoa/base/memory.h"
#include "metazoa/store/checkpoint.h"

enum { LINE_BYTES = 512 };

struct metrics_row metrics_row_empty(int64_t epoch)
{
    const double none = (double)NAN;
    struct metrics_row row = {epoch, -1, none, none, none, none, .seconds = none};
    for (int t = 0; t < TYPE_COUNT; t++) row.census[t] = -1;
    row.pruned = -1;
    row.validation_loss = row.validation_score = -1;
    for (int k = 0; k < INTERACTION_KINDS; k++) row.interactions[k] = -1;
    return row;
}

/* The bits of a quiet NaN that no operation makes. */
static const uint64_t measured_nan = UINT64_C(0x7ff8000000000001);

double metrics_measured(double value)
{
    if (isnan(value)) memcpy(&value, &measured_nan, sizeof value);
    return value;
}

bool metrics_is_measured(double value)
{
    return !isnan(value) || memcmp(&value, &measured_nan, sizeof value) == 0;
}

void progress_add(struct progress *progress, const struct metrics_row *row)
{
    progress->rows = memory_grow(progress->rows, progress->n_rows + 1, sizeof *progress->rows);
    progress->rows[progress->n_rows++] = *row;
}

void progress_free(struct progress *progress)
{
    memory_free(progress->rows);
    *progress = (struct progress){0};
}

#define add(line, ...) memory_append(line, LINE_BYTES, __VA_ARGS__)

static void header_line(char line[LINE_BYTES], bool classification, const struct metrics_row *kind)
{
    *line = 0;
    for (int c = 0; c < COLUMNS; c++)
        if (column_held(c, kind)) add(line, "%s,", columns[c].name[classification]);
    add(line, "seconds\n");
}

/* What was not measured is an empty field; what was and is no number is nan or inf. */
static void row_line(char line[LINE_BYTES], const struct metrics_row *row)
{
    *line = 0;
    for (int c = 0; c < COLUMNS; c++) {
        if (!column_held(c, row)) continue;
        const void *at = (const char *)row + columns[c].offset;
        if (columns[c].type == H5_F64) {
            const double value = *(const double *)at;
            if (metrics_is_measured(value)) add(line, "%.9g", isnan(value) ? (double)NAN : value);
        } else if (columns[c].type == H5_U64) {
            add(line, "%016" PRIx64, *(const uint64_t *)at);
        } else if (*(const int64_t *)at >= 0) {
            add(line, "%" PRId64, *(const int64_t *)at);
        }
        add(line, ",");
    }
    if (!isnan(row->seconds)) add(line, "%.6g", row->seconds);
    add(line, "\n");
}

/* The last field of the line of an epoch in an older metrics.csv, NaN if there is none. Epochs are asked for
 * in ascending order; line: what was read too far. */
static double seconds_of(FILE *old, char line[LINE_BYTES], int64_t epoch)
{
    while (old && (*line || fgets(line, LINE_BYTES, old))) {
        char *after;
        const int64_t number = strtoll(line, &after, 10);
        const bool is_row = after != line && strchr(line, '\n') && strchr(line, ',');
        if (is_row && number > epoch) break;
        const char *last = is_row && number == epoch ? strrchr(line, ',') + 1 : NULL;
        const double seconds = last ? strtod(last, &after) : 0;
        const bool known = last && after != last;
        *line = 0;
        if (last) return known ? seconds : (double)NAN;
    }
    return (double)NAN;
}

static void rewrite(const char *path, bool classification, const struct metrics_row *kind,
                    struct metrics_row *rows, int64_t n_rows)
{
    char *temporary = file_temporary(path), line[LINE_BYTES], before[LINE_BYTES] = "";
    FILE *old = fopen(path, "rbe");
    bool lost = !old && errno != ENOENT;
    FILE *file = fault_point() ? NULL : fopen(temporary, "wbe");
    header_line(line, classification, kind);
    bool written = file && fputs(line, file) >= 0;
    for (int64_t i = 0; i < n_rows && written; i++) {
        rows[i].seconds = seconds_of(old, before, rows[i].epoch);
        row_line(line, &rows[i]);
        written = fputs(line, file) >= 0;
    }
    written = written && fflush(file) == 0;
    if (!written || fclose(file) != 0) fatal("%s: cannot be written: %s", temporary, strerror(errno));
    lost = lost || (old && ferror(old));
    if (lost) fprintf(stderr, "metazoa: %s cannot be read: the seconds of its rows are lost\n", path);
    if (old) fclose(old);
    file_sync(temporary);
    file_replace(temporary, path);
    memory_free(temporary);
}

void metrics_rewrite(const char *run, bool classification, const struct metrics_row *kind,
                     struct metrics_row *rows, int64_t n_rows, struct comm *comm)
{
    if (comm_rank(comm) == 0) {
        char *path = file_path(run, "metrics.csv");
        rewrite(path, classification, kind, rows, n_rows);
        memory_free(path);
    }
    comm_broadcast(comm, rows, n_rows * (int64_t)sizeof *rows, 0);
}

/* Whether two lines are equal up to their last field, which is a number or empty. */
static bool same_but_seconds(const char *a, const char *b)
{
    const char *end = strrchr(a, ',');
    if (!end || strncmp(a, b, (size_t)(end - a) + 1) != 0) return false;
    const char *seconds = b + (end - a) + 1, *rest = seconds + strspn(seconds, "0123456789.e+-");
    char *read;
    return (strtod(seconds, &read) >= 0 || read == seconds) && read == rest && strcmp(rest, "\n") == 0;
}

static int fields_of(const char *line)
{
    int n = 1;
    for (; *line; line++) n += *line == ',';
    return n;
}

/* The lines after those of the newest checkpoint are rows of the epochs that follow; the last one may have
 * been cut. */
static bool rest_agrees(FILE *file, int64_t epoch, int64_t last, int fields)
{
    char line[LINE_BYTES];
    bool good = true;
    while (good && fgets(line, LINE_BYTES, file) && strchr(line, '\n')) {
        char *end;
        good = epoch < last && strtoll(line, &end, 10) == ++epoch && *end == ',' && fields_of(line) == fields;
    }
    return good;
}

bool metrics_agree(const char *run, bool classification, const struct metrics_row *rows, int64_t n_rows,
                   int64_t last, char problem[METRICS_PROBLEM])
{
    static const char cure[] = "(train --resume writes it anew)";
    char *path = file_path(run, "metrics.csv"), line[LINE_BYTES], found[LINE_BYTES] = "";
    FILE *file = file_odd(path) ? NULL : fopen(path, "rbe");
    memory_free(path);
    *problem = 0;
    if (!file) snprintf(problem, METRICS_PROBLEM, "metrics.csv cannot be read %s", cure);
    const struct metrics_row none = metrics_row_empty(0);
    header_line(line, classification, n_rows > 0 ? rows : &none);
    if (file && (!fgets(found, LINE_BYTES, file) || strcmp(line, found) != 0) && n_rows > 0)
        snprintf(problem, METRICS_PROBLEM, "metrics.csv has other columns than the newest checkpoint %s",
                 cure);
    for (int64_t i = 0; i < n_rows && !*problem; i++) {
        row_line(line, &rows[i]);
        if (!fgets(found, LINE_BYTES, file) || !same_but_seconds(line, found))
            snprintf(problem, METRICS_PROBLEM,
                     "metrics.csv lacks the row of epoch %" PRId64 " that the newest checkpoint has %s",
                     rows[i].epoch, cure);
    }
    if (n_rows > 0 && !*problem && !rest_agrees(file, rows[n_rows - 1].epoch, last, fields_of(found)))
        snprintf(problem, METRICS_PROBLEM,
                 "metrics.csv goes on after epoch %" PRId64
                 ", the last one of the newest checkpoint, with lines "
                 "that no training writes %s",
                 rows[n_rows - 1].epoch, cure);
    if (file) fclose(file);
    return !*problem;
}

/* Whether two lines have the same fields, but for the last one; an empty field says nothing. */
static bool fields_agree(const char *a, const char *b)
{
    for (;;) {
        const size_t n = strcspn(a, ",\n"), m = strcspn(b, ",\n");
        if (a[n] != b[m] || a[n] != ',') return a[n] == b[m];
        if (n > 0 && m > 0 && (n != m || memcmp(a, b, n) != 0)) return false;
        a += n + 1, b += m + 1;
    }
}

bool metrics_hold(const char *run, bool classification, const struct metrics_row *rows, int64_t n_rows,
                  char problem[METRICS_PROBLEM])
{
    char *path = file_path(run, "metrics.csv"), line[LINE_BYTES], found[LINE_BYTES] = "";
    FILE *file = file_odd(path) ? NULL : fopen(path, "rbe");
    memory_free(path);
    *problem = 0;
    for (int64_t i = 0; i < n_rows && !*problem; i++) {
        struct metrics_row row = rows[i];
        if (row.batch > 0) continue;
        row.batch = -1;
        header_line(line, classification, &row);
        bool more = file && (*found || (fgets(found, LINE_BYTES, file) && strcmp(line, found) == 0 &&
                                        fgets(found, LINE_BYTES, file)));
        while (more && strtoll(found, NULL, 10) < row.epoch) more = fgets(found, LINE_BYTES, file);
        row_line(line, &row);
        if (!more || !fields_agree(line, found))
            snprintf(problem, METRICS_PROBLEM,
                     "metrics.csv is of another run, or was changed: it lacks the row of epoch %" PRId64
                     " that the archive has",
                     row.epoch);
    }
    if (file) fclose(file);
    return !*problem;
}

void metrics_append(const char *run, bool classification, const struct metrics_row *rows, int64_t lo,
                    int64_t hi, struct comm *comm)
{
    if (comm_rank(comm) != 0) return;
    char *path = file_path(run, "metrics.csv"), line[LINE_BYTES];
    FILE *file = fault_point() ? NULL : fopen(path, "abe");
    bool written = file && fseek(file, 0, SEEK_END) == 0;
    const bool anew = written && ftell(file) == 0;
    header_line(line, classification, rows);
    written = written && (!anew || fputs(line, file) >= 0);
    for (int64_t i = anew ? 0 : lo; i < hi && written; i++) {
        row_line(line, &rows[i]);
        written = fputs(line, file) >= 0;
    }
    written = written && fflush(file) == 0;
    if (!written || fclose(file) != 0) fatal("%s: cannot be written: %s", path, strerror(errno));
    memory_free(path);
}

void text_write(const char *run, const char *name, const char *text, struct comm *comm)
{
    if (comm_rank(comm) != 0) return;
    char *path = file_path(run, name);
    file_write(path, text, (int64_t)strlen(text));
    memory_free(path);
}
