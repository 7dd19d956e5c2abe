/*
 * The text files of a run's folder: metrics.csv (one row per epoch), summary.json, run.json (provenance) and
 * config.yaml. All ranks call the functions that take a comm; rank 0 writes. A file is written under a
 * temporary name, synced and renamed, so a reader never sees an incomplete file. metrics.csv also grows, by
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

/* The metrics of an epoch. A number that was not measured is NaN; a census that was not taken has
 * census[0] = -1. In a run without interactions (organism/interact.h) all counters of interactions are -1,
 * and so is `pruned` in a run without pruning. */
struct metrics_row {
    int64_t epoch; /* completed; 0: before training */
    int64_t batch; /* completed inside the next epoch, 0: none; -1: rows of whole epochs alone (archive.h) */
    double task_loss;               /* mean over the epoch's training samples */
    double self_train_loss;         /* mean over the particles, before the last self-training step */
    double train_score, test_score; /* accuracy (classification) or mean absolute error */
    double validation_loss, validation_score; /* of the samples held out; -1: the run holds none out */
    int64_t census[TYPE_COUNT];               /* particles of each type; pruned ones are of none */
    int64_t pruned;                           /* particles, so far */
    uint64_t fingerprint;                     /* of the organism */
    int64_t interactions[INTERACTION_KINDS];  /* in the epoch, of each kind */
    double seconds; /* wall time; the only field that may differ between equal runs */
};

/* Local. A result can itself be NaN. metrics_measured gives such a result other bits than "not measured",
 * also in files; metrics_is_measured tells the two apart. */
double metrics_measured(double value);
bool metrics_is_measured(double value);

/* Local. A row in which nothing is measured. */
struct metrics_row metrics_row_empty(int64_t epoch);

/*
 * Collective. Writes RUN/metrics.csv anew with these rows (equal on all ranks). After a resume the rows come
 * from a checkpoint, which has no `seconds`; they are copied from the old file, if it has them, into `rows`.
 * classification: the columns are train_accuracy and test_accuracy, otherwise train_mae and test_mae.
 * kind: any row of the run, which says which columns the file has. Failure is fatal.
 */
void metrics_rewrite(const char *run, bool classification, const struct metrics_row *kind,
                     struct metrics_row *rows, int64_t n_rows, struct comm *comm);

/* Local. Rank 0 appends a line for each of the rows lo, hi to RUN/metrics.csv, others do nothing. Somebody
 * may have removed the file: then it writes a new one, with all rows before them. Failure is fatal. */
void metrics_append(const char *run, bool classification, const struct metrics_row *rows, int64_t lo,
                    int64_t hi, struct comm *comm);

/* Local. Whether RUN/metrics.csv begins with these rows, but for `seconds`, and goes on with rows of the
 * epochs that follow, to `last` at most. If not, `problem` says what differs. */
enum { METRICS_PROBLEM = 256 };
bool metrics_agree(const char *run, bool classification, const struct metrics_row *rows, int64_t n_rows,
                   int64_t last, char problem[METRICS_PROBLEM]);

/* Local. Whether RUN/metrics.csv has lines of these rows (ascending; those inside epochs do not count), and
 * the same numbers in them as far as both were measured. If not, `problem` says what differs. */
bool metrics_hold(const char *run, bool classification, const struct metrics_row *rows, int64_t n_rows,
                  char problem[METRICS_PROBLEM]);

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

/* Local. A census as a JSON object; null if none was taken. pruned: particles; -1: the run does not prune. */
json_t *summary_census(const int64_t census[TYPE_COUNT], int64_t pruned);

/* Local. What a summary says of its last row, as a JSON object. */
json_t *summary_row(const struct metrics_row *row, bool classification);

/* Collective. RUN/summary.json. Failure is fatal. */
void summary_write(const char *run, const struct summary *summary, struct comm *comm);

/* The ensemble that a run is trained in. */
struct ensemble {
    int64_t first_seed, members; /* 0 or 1 members: the run is alone */
};

/*
 * Collective. RUN/run.json: program and version (text as of version_text), compiler, MPI, HDF5, arithmetic,
 * hosts and their ranks, grid, SLURM job, command line of this start, `ensemble` if it has several members,
 * and `data` (taken over). `starts` lists the same of the starts before, the first one first. Failure is
 * fatal.
 */
void provenance_write(const char *run, const char *version, int argc, char *const *argv,
                      const int grid[GRID_AXES], json_t *data, const struct ensemble *ensemble,
                      struct comm *comm);

/* Local. The ensemble that a run was trained in, by its newest start that says so; 0 members: it was alone. */
void provenance_ensemble(const char *run, int64_t *first_seed, int64_t *members);

/*
 * A number in the run.json of this start, and in later ones among its `starts`. provenance_put (local,
 * rank 0 writes) adds it or replaces it; failure is fatal. provenance_number (collective): the number of the
 * newest start that has it, 0 if none has.
 */
void provenance_put(const char *run, const char *name, double value, struct comm *comm);
double provenance_number(const char *run, const char *name, struct comm *comm);

/* Local. Whether `metazoa replay` made this folder, as its run.json says; whether the newest start, or the
 * first one, had this option. */
bool provenance_replayed(const char *run);
bool provenance_asked(const char *run, const char *option);
bool provenance_began(const char *run, const char *option);

/* Local. Whether a checkpoint of the run was ever complete: archive.h5 and summary.json get their names
 * after it. */
bool provenance_kept(const char *run);

/* Collective. Writes a whole text file (such as RUN/config.yaml) in one piece: temporary name, sync, rename.
 * Failure is fatal. name: inside the folder `run`. */
void text_write(const char *run, const char *name, const char *text, struct comm *comm);

#endif
