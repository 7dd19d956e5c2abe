/* summary.json and run.json. */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "metazoa/base/file.h"
#include "metazoa/base/memory.h"
#include "metazoa/hdf5/h5.h"
#include "metazoa/store/metrics.h"

static void number(FILE *out, const char *name, double value)
{
    if (isfinite(value))
        fprintf(out, "  \"%s\": %.9g,\n", name, value);
    else
        fprintf(out, "  \"%s\": null,\n", name); /* JSON has no NaN */
}

static void text(FILE *out, const char *value)
{
    fputc('"', out);
    for (const char *at = value; *at; at++) {
        if (*at == '"' || *at == '\\')
            fprintf(out, "\\%c", *at);
        else if ((unsigned char)*at < 0x20)
            fprintf(out, "\\u%04x", (unsigned char)*at);
        else
            fputc(*at, out);
    }
    fputc('"', out);
}

static void member(FILE *out, const char *name, const char *value)
{
    fprintf(out, "  \"%s\": ", name);
    if (value)
        text(out, value);
    else
        fputs("null", out);
    fputs(",\n", out);
}

static void write_json(const char *run, const char *name, char *json)
{
    char *path = file_path(run, name);
    file_write(path, json, (int64_t)strlen(json));
    memory_free(path);
    free(json);
}

void summary_write(const char *run, const struct summary *summary, struct comm *comm)
{
    if (comm_rank(comm) != 0) return;
    const struct metrics_row *row = summary->row;
    char *json = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&json, &length);
    fprintf(out,
            "{\n  \"epochs\": %" PRId64
            ",\n  \"ranks\": %d,\n  \"grid\": [%d, %d, %d],\n  \"particles\": %" PRId64 ",\n",
            summary->epochs, comm_size(comm), summary->grid[0], summary->grid[1], summary->grid[2],
            summary->particles);
    number(out, "task_loss", row->task_loss);
    number(out, "self_train_loss", row->self_train_loss);
    number(out, summary->classification ? "train_accuracy" : "train_mae", row->train_score);
    number(out, summary->classification ? "test_accuracy" : "test_mae", row->test_score);
    if (row->census[0] < 0) {
        fprintf(out, "  \"census\": null,\n");
    } else {
        fprintf(out, "  \"census\": {");
        for (int t = 0; t < TYPE_COUNT; t++)
            fprintf(out, "%s\"%s\": %" PRId64, t > 0 ? ", " : "", particle_type_name((enum particle_type)t),
                    row->census[t]);
        fprintf(out, "},\n");
    }
    fprintf(out, "  \"fingerprint\": \"%016" PRIx64 "\",\n", row->fingerprint);
    number(out, "wall_seconds", summary->wall_seconds);
    fprintf(out, "  \"seconds\": {");
    for (int p = 0; p < PHASE_COUNT; p++)
        fprintf(out, "%s\"%s\": %.6g", p > 0 ? ", " : "", timer_name((enum phase)p),
                summary->phase_seconds[p]);
    fprintf(out, "},\n");
    if (summary->extra) fprintf(out, "  %s,\n", summary->extra);
    fprintf(out, "  \"finished\": %s\n}\n", summary->finished ? "true" : "false");
    fclose(out);
    write_json(run, "summary.json", json);
}

/* OpenBLAS says what it is; another BLAS does not. */
__attribute__((weak)) char *openblas_get_config(void);

enum { HISTORY_BYTES = 1 << 16 }; /* of the starts before: enough for a few hundred */

void provenance_write(const char *run, const char *version, int argc, char *const *argv,
                      const int grid[GRID_AXES], const char *data, struct comm *comm)
{
    if (comm_rank(comm) != 0) return;
    char *json = NULL, host[128] = "?", start[64] = "?", *path = file_path(run, "run.json");
    size_t length = 0;
    FILE *out = open_memstream(&json, &length);
    const time_t now = time(NULL);
    struct tm utc;
    gethostname(host, sizeof host - 1);
    if (gmtime_r(&now, &utc)) strftime(start, sizeof start, "%Y-%m-%dT%H:%M:%SZ", &utc);
    char mpi[256];
    snprintf(mpi, sizeof mpi, "%s", comm_library());
    mpi[strcspn(mpi, "\n")] = 0;

    fprintf(out, "{\n");
    member(out, "program", "metazoa");
    member(out, "version", version);
    member(out, "compiler", __VERSION__);
    member(out, "mpi", mpi);
    member(out, "hdf5", h5_library());
    member(out, "blas", openblas_get_config ? openblas_get_config() : NULL);
    member(out, "host", host);
    fprintf(out, "  \"ranks\": %d,\n  \"grid\": [%d, %d, %d],\n", comm_size(comm), grid[0], grid[1], grid[2]);
    if (data) fprintf(out, "  %s,\n", data);
    member(out, "slurm_job", getenv("SLURM_JOB_ID"));
    member(out, "started", start);
    fprintf(out, "  \"command\": [");
    for (int i = 0; i < argc; i++) {
        if (i > 0) fputs(", ", out);
        text(out, argv[i]);
    }
    char *before = file_read(path, HISTORY_BYTES);
    fprintf(out, "],\n  \"before\": %s}\n", before && *before == '{' ? before : "null\n");
    fclose(out);
    write_json(run, "run.json", json);
    memory_free(before);
    memory_free(path);
}
