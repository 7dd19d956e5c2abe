/* Bases: the principal components of groups of samples. Local, unless it says otherwise. */
#ifndef METAZOA_ANALYSE_BASIS_H
#define METAZOA_ANALYSE_BASIS_H

#include "metazoa/parallel/comm.h"
#include "metazoa/particle/moments.h"

/* Arrays of `n` groups; owned. A group of fewer than two samples has NaN in all but count and mean. */
struct bases {
    int64_t n;
    int weights;
    int64_t *count;   /* [n] samples */
    double *mean;     /* [n][weights] */
    double *variance; /* [n][weights] along the components, the largest first; over count - 1 */
    double *ratio;    /* [n][weights] shares of the sum of variances */
    double *axes;     /* [n][weights][..] the first `keep` of them, turned; NULL: bases_turn was not called */
    int keep;
    double *component; /* [n][weights][weights] one after the other; its largest entry by size is positive */
};

void bases_new(struct bases *bases, int64_t n, int weights);
void bases_free(struct bases *bases);

/* Group i from its sums, with the same bits on every machine. */
void bases_set(struct bases *bases, int64_t i, const struct moments *moments);

/* Collective. All ranks get those of rank 0. */
void bases_share(struct bases *bases, struct comm *comm);

/* Prepares scores along the first components. */
void bases_turn(struct bases *bases, int keep);

/* Scores [keep] of a sample; start: NULL, or what is subtracted from it first;
 * scale: NULL, or [keep] divisors. NaN for a sample that is not finite. */
void bases_score(const struct bases *bases, int64_t i, const float *row, const float *start,
                 const double *scale, float *out);

#endif
