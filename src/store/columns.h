/*
 * The columns of a metrics row: one table for metrics.csv, checkpoints and archive. `seconds` is not in the
 * table, because only metrics.csv may depend on time.
 */
#ifndef METAZOA_STORE_COLUMNS_H
#define METAZOA_STORE_COLUMNS_H

#include "metazoa/hdf5/h5.h"
#include "metazoa/store/metrics.h"

struct column {
    const char *name[2]; /* of values (regression), of labels (classification) */
    enum h5_type type;   /* H5_I64, H5_F64, H5_U64 */
    size_t offset;       /* in struct metrics_row */
    const char *description, *units;
};

/* The last columns exist only in some files: `batch` if there are records inside epochs, one per kind of
 * interaction if particles interact, `pruned` if they are pruned, and two if samples are held out for
 * validation. */
enum {
    COLUMNS_ALWAYS = 11,
    COLUMN_BATCH = COLUMNS_ALWAYS,
    COLUMN_PRUNED = COLUMN_BATCH + INTERACTION_KINDS + 1,
    COLUMN_VALIDATION,
    COLUMNS = COLUMN_VALIDATION + 2
};
extern const struct column columns[COLUMNS];

/* Whether files that hold this row have the column. */
bool column_held(int c, const struct metrics_row *row);

/* The column in which two rows have different numbers, -1: none. What was not measured, or exists in one of
 * them alone, is no difference. */
int columns_differ(const struct metrics_row *a, const struct metrics_row *b);

/* Whether a row has a number in a column, neither "not measured" nor "no such column". */
bool column_known(int c, const struct metrics_row *row);

/* Whether the run that a row belongs to has interactions. */
static inline bool row_interacts(const struct metrics_row *row)
{
    return row->interactions[0] >= 0;
}

/* The same bits for all numbers that were not measured, and no seconds: a row as files hold it. */
struct metrics_row columns_canonical(const struct metrics_row *row);

/* Writes /metrics/<column>, n rows of one run each. The epochs are the dataset `axis`, the dimension scale of
 * the others. */
void columns_put(struct h5 *file, const char *axis, bool classification, const struct metrics_row *rows,
                 int64_t n);

/* Reads them, memory_new'd, *n rows; NULL on failure. */
struct metrics_row *columns_get(struct h5 *file, const char *axis, bool classification, int64_t *n);

/* Whether the columns lead to their axis; sound: the test for one dataset. */
bool columns_scales_sound(struct h5 *file, const char *axis, bool classification);

#endif
