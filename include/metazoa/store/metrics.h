/*
 * The text files of a run's folder: metrics.csv (a row an epoch), summary.json, run.json (provenance) and
 * config.yaml. Every function here is called by all ranks alike; rank 0 writes. A file is written under
 * another name, synced and renamed, so that a reader never sees half of one; metrics.csv alone also grows by
 * whole lines.
 */
#ifndef METAZOA_STORE_METRICS_H
#define METAZOA_STORE_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "metazoa/base/json.h"
#include "metazoa/base/timer.h"
#include "metazoa/organism/interact.h"
#include "metazoa/parallel/grid.h"
#include "metazoa/particle/census.h"

/* What is known of an epoch. A number that was not measured is NaN, a census that was not taken has census[0]
 * = -1. Interactions are all -1 in a run without (organism/interact.h), otherwise none is. */
struct metrics_row {
    int64_t epoch; /* completed; 0: before training */
    int64_t batch; /* completed inside the next epoch, 0: none; -1: rows of whole epochs alone (archive.h) */
    double task_loss;                        /* mean over the epoch's training samples */
    double self_train_loss;                  /* mean over the particles, before the last self-training step */
    double train_score, test_score;          /* accuracy (classification) or mean absolute error */
    int64_t census[TYPE_COUNT];              /* particles of each type */
    uint64_t fingerprint;                    /* of the organism */
    int64_t interactions[INTERACTION_KINDS]; /* in the epoch, of each kind */
    double seconds; /* wall time; the only field that may differ between equal runs */
};

/* Local. A measured number as a row holds it: a result that is not a number is told from "not measured" by its
 * bits, also in files. Whether a number of a row was measured. */
double metrics_measured(double value);
bool metrics_is_measured(double value);

/* Local. A row in which nothing is measured. */
struct metrics_row metrics_row_empty(int64_t epoch);

/*
 * Collective. Writes RUN/metrics.csv anew, with these rows (equal on all ranks). At a resume the rows come
 * from the checkpoint, which holds no `seconds`: they are taken from the old file where it has them, and
 * filled into rows. classification: the columns are called train_accuracy, test_accuracy; otherwise
 * train_mae, test_mae. interacts: there are columns for interactions. Failure is fatal.
 */
void metrics_rewrite(const char *run, bool classification, bool interacts, struct metrics_row *rows,
                     int64_t n_rows, struct comm *comm);

/* Local. Rank 0 appends a line for each row to RUN/metrics.csv, others do nothing. Failure is fatal. */
void metrics_append(const char *run, const struct metrics_row *rows, int64_t n_rows, struct comm *comm);

struct summary {
    const struct metrics_row *row; /* the last */
    bool classification, finished;
    int64_t particles;
    int64_t epochs;      /* completed */
    int grid[GRID_AXES]; /* ranks along each axis */
    double wall_seconds; /* of the training loop, all starts together if the caller knows them */
    double phase_seconds[PHASE_COUNT]; /* the largest of all ranks */
    json_t *extra;                     /* an object of further members, taken over; or NULL */
};

/* Local. A census as a JSON object; null if none was taken. */
json_t *summary_census(const int64_t census[TYPE_COUNT]);

/* Collective. RUN/summary.json. Failure is fatal. */
void summary_write(const char *run, const struct summary *summary, struct comm *comm);

/*
 * Collective. RUN/run.json: program and version (text as of version_text), compiler, MPI, HDF5, arithmetic, hosts and
 * their ranks, grid, SLURM job, command line of this start, and `data` (taken over). `starts` lists the same of the starts before, the
 * first one first. Failure is fatal.
 */
void provenance_write(const char *run, const char *version, int argc, char *const *argv,
                      const int grid[GRID_AXES], json_t *data, struct comm *comm);

/* Collective. Writes a whole text file (such as RUN/config.yaml) in one piece: temporary name, sync, rename.
 * Failure is fatal. name: inside the folder `run`. */
void text_write(const char *run, const char *name, const char *text, struct comm *comm);

#endif
