/* The file of results (docs/analysis.md). Collective; failures to write are fatal. */
#ifndef METAZOA_ANALYSE_RESULT_H
#define METAZOA_ANALYSE_RESULT_H

#include "job.h"

enum { RESULT_NAME = 64, RESULT_SHOWN = 512 /* walkers whose scores are kept, at most */ };

/* A dataset of a layer, open for writing; of SCOPE_PARTICLE there are more. */
enum result_kind {
    RESULT_PROJECTION,
    RESULT_WALK,
    RESULT_MEAN,
    RESULT_COMPONENTS,
    RESULT_VARIANCE,
    RESULT_RATIO,
    RESULT_WALK_RATIO,
    RESULT_KINDS
};

struct result {
    char *temporary;
    struct h5 file;
    int64_t n_shown;
    int64_t *shown; /* [n_shown] walkers whose scores are kept */
};

struct result_data {
    char name[RESULT_NAME], axis[3][RESULT_NAME];
    struct h5_data data;
    uint64_t digest; /* of this rank's rows */
};

/* The file with all that is not of one layer. */
void result_open(struct result *result, struct job *job);
/* keep: under its name; otherwise it is removed. */
void result_close(struct result *result, struct job *job, bool keep);

/* The groups, from job->bases. */
void result_groups(struct result *result, const struct job *job);

/* Local. The name of a group. The variance that its particles have in the first record, as a share of their
 * variance in all records (rank 0 alone holds the sums). */
void result_name(const struct job *job, int64_t group, char name[RESULT_NAME]);
double result_share(const struct job *job, int64_t group);

/* A layer's group and axes; a dataset of it, to be ended. shown: walkers of the layer whose scores are kept.
 */
void result_layer(struct result *result, const struct job *job, int layer);
void result_begin(struct result *result, const struct job *job, int layer, enum result_kind kind,
                  struct result_data *into);
void result_put(struct result *result, struct result_data *data, int64_t record, int64_t n, int64_t begin,
                int64_t end, const void *values);
void result_end(struct result *result, const struct job *job, struct result_data *data);

/* Local. The shown walkers of a layer among rows [begin, end): [*lo, *hi), counted in the layer. */
void result_shown(const struct result *result, const struct job *job, int layer, int64_t begin, int64_t end,
                  int64_t *lo, int64_t *hi);

#endif
