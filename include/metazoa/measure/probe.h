/*
 * Probes: experiments on a trained organism (paper, section 5). A probe takes the organism of a checkpoint,
 * computes on all ranks and leaves RUN/probe-KIND.h5 and one line of JSON, in RUN/probe-KIND.json and on
 * standard output. Files and line are the same, bit for bit, at every rank count and grid. docs/probes.md
 * says what is in them.
 *
 * Every rank holds the results whole, so memory grows with what is probed: particles times noise levels times
 * draws, test samples times outputs.
 */
#ifndef METAZOA_MEASURE_PROBE_H
#define METAZOA_MEASURE_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "metazoa/config/config.h"
#include "metazoa/organism/organism.h"
#include "metazoa/parallel/grid.h"
#include "metazoa/store/checkpoint.h"
#include "metazoa/task/task.h"

/* What is probed: a run's organism as it was at a checkpoint. */
struct subject {
    const char *run;             /* its folder; borrowed */
    const struct config *config; /* borrowed */
    struct comm *comm;           /* all ranks; not owned */
    struct grid grid;
    struct task task;
    struct organism organism;
    struct progress progress;
};

enum { PROBE_NEWEST = -1 }; /* instead of an epoch */

/*
 * Collective. Loads data and organism from the newest sound checkpoint, or from that of an epoch. The
 * configuration's process grid is taken where it fits the ranks, otherwise the cost model picks one; like:
 * the grid of another subject instead (NULL: none); flat: [ranks, 1, 1], so that every rank holds all inputs.
 * Problems are agreed on and printed, then their exit code is returned and subject_close remains to be
 * called.
 */
enum exit_code subject_open(struct subject *subject, const struct config *config, const char *run,
                            int64_t epoch, const struct subject *like, bool flat, struct comm *comm);
void subject_close(struct subject *subject);

/* Collective. Test accuracy (classification) or mean absolute error with the effective weights as they are;
 * its name. */
double subject_score(struct subject *subject);
const char *subject_measure(const struct subject *subject);

enum { PROBE_LIST_MAX = 64 };

/* What can be asked for; probe_defaults fills it in. */
struct probe_spec {
    uint64_t seed;       /* of the probe's random numbers */
    int64_t draws;       /* robustness: noises per particle and magnitude; dropout: random orders */
    bool uniform;        /* robustness: uniform noise, not normal */
    int64_t cap;         /* robustness: self-applications at most */
    int64_t particles;   /* robustness: self-replicators at most, a random choice of them */
    int64_t alone_steps; /* robustness: self-training steps of the particles trained alone; -1: as many as the
                            organism's had */
    int64_t samples;     /* substitution: the first so many test samples; 0: all */
    int64_t points;      /* dropout: points of a curve besides the one where nothing is dropped */
    struct subject *baseline; /* dropout: a conventional network of the same shape; NULL: none */
    int n_epsilon, n_zeta;    /* goal */
    double epsilon[PROBE_LIST_MAX], zeta[PROBE_LIST_MAX];
    int64_t steps; /* settle: self-training steps */
};

/* Local. */
struct probe_spec probe_defaults(const struct config *config);

/*
 * Collective over subject->comm. Each leaves the organism's weights and effective weights as they were, but
 * probe_settle, which trains it on; gradients and a pending task step are lost. Failure is fatal.
 */
void probe_robustness(struct subject *subject, const struct probe_spec *spec);
void probe_substitution(struct subject *subject, const struct probe_spec *spec);
void probe_dropout(struct subject *subject, const struct probe_spec *spec);
void probe_goal(struct subject *subject, const struct probe_spec *spec);
void probe_settle(struct subject *subject, const struct probe_spec *spec);

struct probe {
    const char *kind, *help;
    void (*run)(struct subject *subject, const struct probe_spec *spec);
    bool flat;      /* wants every rank to hold all inputs */
    bool test_data; /* needs test samples */
};
extern const struct probe probes[]; /* ends with kind NULL */

#endif
