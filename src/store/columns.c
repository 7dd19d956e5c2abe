#include "columns.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "metazoa/base/memory.h"

#define AT(field) offsetof(struct metrics_row, field)

const struct column columns[COLUMNS] = {
    {{"epoch", "epoch"}, H5_I64, AT(epoch), "epochs completed", "epoch"},
    {{"task_loss", "task_loss"},
     H5_F64,
     AT(task_loss),
     "loss of the task, mean over the epoch's samples",
     "1"},
    {{"self_train_loss", "self_train_loss"},
     H5_F64,
     AT(self_train_loss),
     "self-training loss, mean over particles and batches, before the last step",
     "1"},
    {{"train_mae", "train_accuracy"}, H5_F64, AT(train_score), "score on the epoch's training samples", "1"},
    {{"test_mae", "test_accuracy"}, H5_F64, AT(test_score), "score on the test samples", "1"},
    {{"divergent", "divergent"},
     H5_I64,
     AT(census[TYPE_DIVERGENT]),
     "particles that are divergent",
     "particles"},
    {{"zero", "zero"}, H5_I64, AT(census[TYPE_ZERO]), "particles that are zero", "particles"},
    {{"self_replicator", "self_replicator"},
     H5_I64,
     AT(census[TYPE_SELF_REPLICATOR]),
     "particles that are self-replicators",
     "particles"},
    {{"secondary", "secondary"},
     H5_I64,
     AT(census[TYPE_SECONDARY]),
     "particles that are secondary fixpoints",
     "particles"},
    {{"other", "other"}, H5_I64, AT(census[TYPE_OTHER]), "particles of no other type", "particles"},
    {{"fingerprint", "fingerprint"}, H5_U64, AT(fingerprint), "fingerprint of the organism", "1"},
    {{"batch", "batch"}, H5_I64, AT(batch), "batches completed inside the next epoch", "1"},
#define INTERACTION_COLUMN(value, word, plural, counted)                                                     \
    {{plural, plural}, H5_I64, AT(interactions[value]), counted, "1"},
    INTERACTIONS(INTERACTION_COLUMN) /* each ends with a comma */
    {{"pruned", "pruned"}, H5_I64, AT(pruned), "particles that are pruned", "particles"},
    {{"validation_loss", "validation_loss"},
     H5_F64,
     AT(validation_loss),
     "loss of the task on the validation samples",
     "1"},
    {{"validation_mae", "validation_accuracy"},
     H5_F64,
     AT(validation_score),
     "score on the validation samples",
     "1"},
};

/* A number below zero (of either type) marks a column that the run does not have. NaN has the sign of
 * metrics_row_empty. */
bool column_held(int c, const struct metrics_row *row)
{
    int64_t value;
    memcpy(&value, (const char *)row + columns[c].offset, sizeof value);
    return c < COLUMNS_ALWAYS || value >= 0;
}

bool column_known(int c, const struct metrics_row *row)
{
    double value;
    int64_t count;
    memcpy(&value, (const char *)row + columns[c].offset, sizeof value);
    memcpy(&count, (const char *)row + columns[c].offset, sizeof count);
    return columns[c].type == H5_F64 ? metrics_is_measured(value) && !(value < 0)
                                     : count >= 0 || columns[c].type == H5_U64;
}

int columns_differ(const struct metrics_row *a, const struct metrics_row *b)
{
    for (int c = 0; c < COLUMNS; c++)
        if (column_known(c, a) && column_known(c, b) &&
            memcmp((const char *)a + columns[c].offset, (const char *)b + columns[c].offset, 8) != 0)
            return c;
    return -1;
}

struct metrics_row columns_canonical(const struct metrics_row *row)
{
    struct metrics_row out = *row;
    out.seconds = 0;
    for (int c = 0; c < COLUMNS; c++)
        if (columns[c].type == H5_F64) {
            double *value = (double *)(void *)((char *)&out + columns[c].offset);
            if (!metrics_is_measured(*value)) *value = (double)NAN;
        }
    if (out.census[0] < 0)
        for (int t = 0; t < TYPE_COUNT; t++) out.census[t] = -1;
    return out;
}

static struct h5_data column_data(const struct column *column, char name[64], const char *axis,
                                  bool classification, int64_t n)
{
    const bool is_axis = column == &columns[0];
    if (is_axis)
        snprintf(name, 64, "%s", axis);
    else
        snprintf(name, 64, "/metrics/%s", column->name[classification]);
    return (struct h5_data){.name = name,
                            .type = column->type,
                            .has_record = true,
                            .records = n,
                            .chunk_records = n > 0 ? n : 1,
                            .description = column->description,
                            .units = column->units,
                            .scales = {is_axis ? NULL : axis},
                            .is_scale = is_axis};
}

void columns_put(struct h5 *file, const char *axis, bool classification, const struct metrics_row *rows,
                 int64_t n)
{
    h5_group(file, "/metrics", "what was measured; NaN and -1: not measured");
    char name[64], *values = memory_new(n, 8);
    const struct metrics_row none = metrics_row_empty(0);
    for (int c = 0; c < COLUMNS; c++) {
        if (!column_held(c, n > 0 ? rows : &none)) continue;
        const struct h5_data data = column_data(&columns[c], name, axis, classification, n);
        for (int64_t i = 0; i < n; i++) {
            const struct metrics_row row = columns_canonical(&rows[i]);
            memcpy(values + 8 * i, (const char *)&row + columns[c].offset, 8);
        }
        h5_put(file, &data, values);
    }
    memory_free(values);
}

/* Of the columns that a file may lack. */
static bool is_absent(struct h5 *file, int c, bool classification)
{
    char name[64];
    snprintf(name, sizeof name, "/metrics/%s", columns[c].name[classification]);
    return c >= COLUMNS_ALWAYS && !h5_has(file, name);
}

struct metrics_row *columns_get(struct h5 *file, const char *axis, bool classification, int64_t *n)
{
    struct metrics_row *rows = NULL;
    *n = 0;
    for (int c = 0; c < COLUMNS; c++) {
        if (is_absent(file, c, classification)) continue;
        char name[64];
        struct h5_data data = column_data(&columns[c], name, axis, classification, 0);
        char *values = h5_get(file, &data);
        if (values && c == 0) {
            *n = data.records;
            rows = memory_new(*n, sizeof *rows);
            for (int64_t i = 0; i < *n; i++) rows[i] = metrics_row_empty(0);
        }
        if (values && data.records != *n) h5_problem(file, "%s has another length than %s", name, axis);
        for (int64_t i = 0; i < *n && !*file->problem; i++)
            memcpy((char *)&rows[i] + columns[c].offset, values + 8 * i, 8);
        memory_free(values);
        if (*file->problem) break;
    }
    /* A file of a program with fewer kinds of interactions has fewer columns. */
    for (int64_t i = 0; i < *n && !*file->problem; i++)
        for (int k = 1; k < INTERACTION_KINDS && row_interacts(&rows[i]); k++)
            if (rows[i].interactions[k] < 0) rows[i].interactions[k] = 0;
    if (!*file->problem) return rows;
    memory_free(rows);
    return NULL;
}

bool columns_scales_sound(struct h5 *file, const char *axis, bool classification)
{
    for (int c = 1; c < COLUMNS && !*file->problem; c++) {
        if (is_absent(file, c, classification)) continue;
        char name[64];
        const struct h5_data data = column_data(&columns[c], name, axis, classification, 0);
        h5_verify_scales(file, &data);
    }
    return !*file->problem;
}
