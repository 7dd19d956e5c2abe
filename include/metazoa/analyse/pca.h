/*
 * Principal components of the trajectories in an archive of any size, by all ranks of a job, beside random
 * walks with the same steps (docs/analysis.md). The sums that they follow from are exact
 * (particle/moments.h): every number of ranks, and every stop and restart, gives the same bits.
 */
#ifndef METAZOA_ANALYSE_PCA_H
#define METAZOA_ANALYSE_PCA_H

#include <stdbool.h>
#include <stdint.h>

#include "metazoa/base/error.h"
#include "metazoa/base/words.h"
#include "metazoa/parallel/comm.h"

/* What shares one space of components. */
#define PCA_SCOPES(X)                                                                                        \
    X(SCOPE_ORGANISM, "organism")                                                                            \
    X(SCOPE_LAYER, "layer") X(SCOPE_TYPE, "type") X(SCOPE_PARTICLE, "particle") X(SCOPE_CELL, "cell")
enum pca_scope { PCA_SCOPES(WORDS_VALUE) SCOPE_COUNT };
extern const char *const pca_scopes[];

/* What the samples are: weights, or their differences from the weights in the window's first record. */
#define PCA_ORIGINS(X) X(ORIGIN_MEAN, "mean") X(ORIGIN_START, "start")
enum pca_origin { PCA_ORIGINS(WORDS_VALUE) ORIGIN_COUNT };
extern const char *const pca_origins[];

enum { PCA_WALKS_MAX = 100, PCA_WALKERS_MAX = 100000 };

struct pca_spec {
    const char *run;    /* its folder */
    const char *output; /* the file to write */
    enum pca_scope scope;
    enum pca_origin origin;
    int64_t components; /* that are kept of scores */
    int64_t walks;      /* random walks beside each walker; 0: none */
    int64_t walkers;    /* particles that have walks beside them, at most */
    uint64_t seed;      /* of the walks */
    int64_t lo, hi;     /* the window: first and last epoch */
    bool whiten;        /* scores are divided by their standard deviation */
    bool scores;        /* the file holds scores */
    bool sums;          /* from the sums in the newest checkpoint (archive.moments), not from the archive */
    double epsilon;     /* tolerance of types, for records without a census */
};

/*
 * Collective. Writes the file `output` (and keeps `output`.partial meanwhile), and prints a table on rank 0.
 * Problems (equal on all ranks) are added; then it returns false. The caller checks ranges: hi INT64_MAX for
 * all records; `sums` with the scopes organism and layer alone, without walks and scores.
 */
bool pca_run(const struct pca_spec *spec, struct comm *comm, struct problems *problems);

#endif
