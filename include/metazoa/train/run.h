/*
 * Run: one organism in training, with its folder. run_open prepares it, run_train trains it, run_report
 * writes and says what came of it, run_close gives everything back. The numbers of a run do not depend on
 * ranks, grid, stops and resumes.
 */
#ifndef METAZOA_TRAIN_RUN_H
#define METAZOA_TRAIN_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "metazoa/base/error.h"
#include "metazoa/config/config.h"
#include "metazoa/organism/organism.h"
#include "metazoa/parallel/grid.h"
#include "metazoa/parallel/nodes.h"
#include "metazoa/store/archive.h"
#include "metazoa/store/checkpoint.h"
#include "metazoa/store/lock.h"
#include "metazoa/task/task.h"
#include "metazoa/train/display.h"
#include "metazoa/train/pace.h"
#include "metazoa/train/replay.h"
#include "metazoa/train/schedule.h"
#include "metazoa/train/stop.h"

/* What the command line asks of a run. All texts are borrowed. */
struct request {
    const struct organism
        *function;    /* start as self-replicators with this organism's function (organism_compile),
                                        which lies on the run's grid; NULL: do not */
    const char *init; /* start from the weights in this file; NULL: random ones */
    bool resume, quiet;
    enum progress_kind progress;
    struct display_place place; /* among the members of an ensemble */
    struct ensemble ensemble;   /* which that is */
    bool accept_other_data;     /* a resume goes on although its data have changed */
    double started;             /* timer_now() when the program began */
    double limit;               /* timer_now() when it must have ended; INFINITY: no limit */
    const char *label;          /* before every line of output; "" for a run of its own */
    const char *stop_file;      /* a second stop file, or NULL */
    const char *version;
    int ranks;             /* of the whole job */
    struct replay *replay; /* train epochs of a run once more; NULL: train */
    int argc;
    char *const *argv; /* for run.json and the command that goes on: "train", CONFIG, ... */
};

struct run {
    const struct config *config;   /* not owned */
    const struct request *request; /* not owned */
    const char *folder;            /* NULL: nothing is written */
    struct comm *comm;             /* all ranks of the run; not owned */
    struct lock lock;
    struct nodes nodes; /* on which these are */
    struct grid grid;
    struct task task;
    struct organism organism;
    struct interaction *interaction; /* NULL: particles do not interact */
    struct archive *archive;         /* NULL: none is kept */
    struct comparison *comparison;   /* of a replay, with the run's archive; NULL: none */
    char *text;                      /* the configuration as checkpoints and archive hold it */

    struct schedule schedule;
    struct progress progress;
    /* This rank's part of the epoch under way that progress does not hold yet; all are sums that are exact.
     */
    struct tally tally;
    struct exact_wide self_loss;
    uint64_t interactions[INTERACTION_KINDS];
    int64_t pruned;     /* particles, so far; -1: the run does not prune */
    int64_t drawn_anew; /* divergent particles in the epoch under way */

    struct stop stop;
    struct pace pace;
    struct display display;
    uint8_t **types;                          /* [layer][owned groups][LANES]: of the last census */
    bool saved;                               /* the folder holds a checkpoint */
    bool was_finished;                        /* when it was opened */
    bool resumed;                             /* from a checkpoint */
    bool warned;                              /* of divergent particles that are ignored */
    int64_t rows_written;                     /* of progress.rows, in metrics.csv */
    double rows_written_at;                   /* timer_now() */
    double loop_began, loop_ended, row_began; /* timer_now() */
    int request_seen;                         /* what stopped it, see stop.h */
    int64_t batches;                          /* that this start has trained */
    double validation_seconds;                /* of the last one; before it a guess */
    double checkpoint_told;                   /* seconds of a checkpoint, in run.json */
};

enum verdict { VERDICT_GO_ON, VERDICT_STOPPED, VERDICT_DIVERGED };

/*
 * Collective over comm. Locks the folder, loads the data, lays out the organism and fills it: random weights,
 * --init, request->function (metazoa compile), or a checkpoint. Problems are agreed on and printed, and their
 * exit code is returned. Call run_close in either case.
 */
enum exit_code run_open(struct run *run, const struct config *config, const struct request *request,
                        struct comm *comm);

/* Collective. Prints what will be trained, on which data and ranks. Part of run_open. */
void run_introduce(struct run *run);

/* Collective. Goes on from the newest sound checkpoint of the run's folder, or refuses. *resumable, false
 * before: there is one; otherwise the run may begin anew, also where no resume was asked for. Part of
 * run_open. */
enum exit_code run_resume(struct run *run, bool *resumable);

/* Collective. Trains to the end, a stop or a divergence. Writes checkpoints, archive and metrics. A replay
 * trains to the end of its window and writes no checkpoints. */
enum verdict run_train(struct run *run);

/* Collective. summary.json, and the last words on standard output and standard error. Returns the exit code.
 */
enum exit_code run_report(struct run *run, enum verdict verdict);

/* Collective. */
void run_close(struct run *run);

/*
 * What run_train is made of (epoch.c). Collective.
 * run_measure: validation, census and fingerprint that are due after the row's epoch, into the row.
 *
 * run_record: the row goes to progress and (if one is due) an archive record; rows that wait go to
 * metrics.csv, unless some went there less than a second ago.
 *
 * run_batch_due (local): whether a record, or a replay's look, is due after the last batch, inside the epoch.
 *
 * run_record_batch: measures the organism for it, into the row, and does it.
 *
 * run_record_start: a replay's look at the state that it begins with, a checkpoint's, and a record that is
 * due.
 *
 * run_write_rows: the rows that wait go to metrics.csv.
 *
 * run_committed: how long commits took, into the pace and run.json.
 *
 * run_save: takes the pending task step and writes the rows that wait and a checkpoint. In a replay it does
 * nothing.
 */
void run_measure(struct run *run, struct metrics_row *row);
void run_record(struct run *run, const struct metrics_row *row);
bool run_batch_due(const struct run *run);
void run_record_batch(struct run *run, struct metrics_row *row);
void run_record_start(struct run *run);
void run_write_rows(struct run *run);
void run_committed(struct run *run);
enum verdict run_save(struct run *run);

/* Local. A row of this run in which nothing is measured: it has the columns of all of its rows. */
struct metrics_row run_row(const struct run *run, int64_t epoch);

/* Local. The mean that a tally, equal on all ranks, stands for: accuracy or mean absolute error. */
double tally_score(const struct task *task, const struct tally *tally);

/* Collective. The sums of the epoch under way move into progress, where they are equal on all ranks. */
void run_collect(struct run *run);

/*
 * Collective. Does what training.on_divergence says, for the particle that a sweep found (-1: none). False:
 * the run must end; the particle has been named on standard error.
 */
bool run_mend(struct run *run, int64_t id);

/* Local. The largest request that this rank knows of. */
int run_look(struct run *run);

/*
 * Local. The process grid for `ranks` ranks, of which `node_ranks` are on a node, and the order of its axes:
 * by the cost model, or the size as configured; a configured one whose product is not the number of ranks is
 * a problem (EXIT_USAGE) that lists those that would do.
 */
void run_grid(int size[GRID_AXES], enum grid_axis order[GRID_AXES], const struct config *config,
              const struct organism_shape *shape, int ranks, int node_ranks, struct problems *problems);

#endif
