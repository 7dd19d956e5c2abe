/* An analysis under way: what its parts share. */
#ifndef METAZOA_ANALYSE_JOB_H
#define METAZOA_ANALYSE_JOB_H

#include "basis.h"
#include "source.h"
#include "walks.h"

/* The sums of all groups: groups of samples that share one space. */
struct sums {
    int64_t n; /* groups */
    int64_t walks;
    struct moments *main; /* [n] the samples */
    struct moments
        *weights; /* [n] squares of the weights; as many as ORIGIN_START needs: none for ORIGIN_MEAN */
    struct moments *first; /* [n] squares of the weights in the first record */
    struct moments *walk;  /* [walks][n] */
    int64_t n_all;
    struct moments **all; /* [n_all] all of these */
};

struct job {
    const struct pca_spec *spec;
    struct comm *comm;
    struct source source;
    struct walkers walkers;
    int weights, keep; /* numbers of a particle; components that are kept */
    int64_t n_groups;
    int64_t *first_group; /* [layers] of SCOPE_CELL and SCOPE_LAYER; NULL: others */
    struct sums sums;
    uint64_t *digest;                /* [parts][layers] of what was read; */
    bool *checked;                   /* [parts][layers] the file has a digest for it */
    struct bases bases, *walk_bases; /* of the groups; [walks] of the walks beside them */
    double *scale;                   /* [groups][keep] divisors of scores; NULL: none */
    double *walk_scale;
    char reason[512];  /* of the first failure to read, on this rank */
    double work, done; /* bytes to read on this rank */
};

/* Local. The group of a particle; types: of the rows from `begin` on, for SCOPE_TYPE. */
int64_t job_group(const struct job *job, int layer, int64_t row, const uint8_t *types, int64_t begin);

/*
 * Local. A pass over the records of rows [begin, end) of a layer. For each record of the window, in order,
 * and rows [lo, hi) of these: `take`. After some records: `flush`. start: the rows in the first record.
 */
struct result;
struct pass {
    struct job *job;
    int layer;
    int64_t begin, end;
    float *start;            /* [end - begin][weights] */
    uint8_t *types;          /* [end - begin], for SCOPE_TYPE; or NULL */
    int64_t walker, walkers; /* the first walker among the rows; how many */
    struct walk *walk;       /* [walkers] */
    void *context;
    struct result *result;                                           /* for prepare */
    void (*prepare)(const struct result *result, struct pass *pass); /* before the first record; or NULL */
    void (*take)(struct pass *pass, int64_t record, int64_t lo, int64_t hi, const float *rows);
    void (*flush)(struct pass *pass, int64_t record, int64_t n); /* or NULL */
};
void pass_run(struct pass *pass);

/* sums.c. sums_add: take of a pass. */
void sums_new(struct job *job);
void sums_free(struct job *job);
void sums_add(struct pass *pass, int64_t record, int64_t lo, int64_t hi, const float *rows);

/* Collective. The same from the newest checkpoint (insitu.c); fills in what the source would say. */
bool insitu_sums(struct job *job, struct problems *problems);

/* Collective. All sums, in resumable steps (pooled.c); false: problems. */
bool pooled_sums(struct job *job, struct problems *problems);

#endif
