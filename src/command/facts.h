/*
 * What the text files of a run's folder and its lock say: metrics.csv, run.json, summary.json. They may be
 * read while the run goes on. For `metazoa info`, `metazoa status` and the end of an ensemble. Local.
 */
#ifndef METAZOA_COMMAND_FACTS_H
#define METAZOA_COMMAND_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "metazoa/base/error.h"
#include "metazoa/particle/census.h"

enum { FACTS_TEXT = 128, FACTS_LEVELS = 9 };

/* Numbers that are not known are NaN, texts "". Those of an ensemble are medians over its members. */
struct facts {
    const char *run;                       /* borrowed */
    int64_t runs, finished;                /* of an ensemble; otherwise 1, and 0 or 1 */
    int64_t there;                         /* runs that have a folder */
    bool begun, running;                   /* an epoch was recorded; a job works in the folder now */
    const char *measure;                   /* "test_accuracy" or "test_mae" */
    double epoch, epochs;                  /* done, and in all */
    double score, train, best, best_epoch; /* test data, training data; the best test score, and when */
    double score_epoch, train_epoch,
        census_epoch;            /* after which each was measured last; NaN: never. A score that
                                                      was measured and is no number is NaN as well */
    double passed[FACTS_LEVELS]; /* the first epoch with a score of at least facts_level(k) */
    double particles, living,
        replicators; /* living: not pruned; replicators: their share of the living ones */
    double census[TYPE_NAMES];
    double seconds;          /* of training: the last start's once it has ended, else of all epochs */
    double training, recent; /* seconds of all epochs together; of one, mean of the last ten */
    int64_t starts, ranks;   /* 0: unknown */
    char fingerprint[32], job[FACTS_TEXT], started[FACTS_TEXT], first_started[FACTS_TEXT],
        stopped_by[FACTS_TEXT];
    /* What is said if metrics.csv ends before the newest checkpoint; otherwise "". */
    char behind[2 * FACTS_TEXT];
    char mixed[512]; /* of an ensemble: why there are no medians, as its runs differ; "": there are */
};

/* From a run's folder. False: there is none; then the folder has neither metrics.csv nor config.yaml. */
bool facts_read(struct facts *facts, const char *run);

/* A run's, or the medians over the members of an ensemble's folder. */
bool facts_read_any(struct facts *facts, const char *run);

/* Adds what must be said of numbers that do not count: metrics.csv may have been put back from an older copy,
 * and the runs of an ensemble may be of several. */
void facts_check(const struct facts *facts, struct problems *problems);

/* "finished", "running", "stopped" or "not begun". */
const char *facts_state(const struct facts *facts);

/* Level k of the scores: accuracies 0.1, 0.2, ..., errors 1e-1, 1e-2, ... */
double facts_level(const struct facts *facts, int k);

/* "  0.9 test_accuracy   30 % self-replicators  1.23 s", and the end of the line. */
void facts_print_scores(const struct facts *facts);

#endif
