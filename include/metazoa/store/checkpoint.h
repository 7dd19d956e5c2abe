/*
 * Checkpoints: RUN/checkpoint-<epoch>.h5, inside an epoch RUN/checkpoint-<epoch>-<batch>.h5: the organism,
 * where the training stands, and all metrics so far. Written by all ranks into one file under another name,
 * synced and renamed: that rename is the commit point of archive, checkpoint and metrics together. The bytes
 * of a file depend on the configuration and the state alone, never on ranks, grid, host or time; it can be
 * read at any rank count and grid (docs/formats.md).
 */
#ifndef METAZOA_STORE_CHECKPOINT_H
#define METAZOA_STORE_CHECKPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "metazoa/organism/organism.h"
#include "metazoa/store/archive.h"
#include "metazoa/store/metrics.h"
#include "metazoa/task/task.h"

enum { CHECKPOINT_VERSION = 1, PROGRESS_PHASES = 3 };

/* When checkpoints are written, and how many are kept. */
struct checkpoint_spec {
    int64_t every;  /* epochs; 0: only at the end */
    double minutes; /* also when the last one is this old; 0: not by time */
    int64_t keep;
};

/* Where the training stands: equal on all ranks. The meaning of most fields is the training loop's own. */
struct progress {
    int64_t epoch;       /* epochs completed */
    int64_t batch;       /* batches completed inside the next epoch; 0: between epochs */
    int64_t phase;       /* stage of the schedule, below PROGRESS_PHASES */
    int64_t phase_epoch; /* epoch in which the phase began */
    int64_t arithmetic;  /* version of the arithmetic of the first epochs; 0: this program's, ARITHMETIC */
    int64_t settled;     /* steps of the settling phase that are done */
    bool finished;       /* all that the configuration asked for is done */
    /* Running sums of the epoch under way, over all ranks (exact doubles come back bit by bit). */
    struct tally tally;
    struct exact_wide self_loss; /* sum of the sweeps' self-training losses */
    int64_t self_sweeps;         /* number of sweeps in it */
    int64_t interactions[INTERACTION_KINDS];
    int64_t records; /* in the archive; checkpoint_write fills it in */
    /* What the run is trained on; all 0: not known, as in files of version 0.1. Before a checkpoint is read: what
     * it must have been trained on, all 0: anything. */
    struct task_identity data;
    /* One row for each epoch so far; grows by progress_add. `seconds` is not stored: zero after reading. */
    int64_t n_rows, rows_capacity;
    struct metrics_row *rows;
};

/* Local. Appends a row; frees what is owned. Zero-initialise a progress. */
void progress_add(struct progress *progress, const struct metrics_row *row);
void progress_free(struct progress *progress);

/*
 * Collective over organism->grid->all. One transaction: the archive's segments (archive NULL: none), then the
 * checkpoint, then the archive's master; afterwards older checkpoints are removed. No task step may be
 * pending (assertion): the loop takes it before. Those that stay: the new one, then the newest among those of
 * whole multiples of `every` epochs (or finished) before all others, `keep` in all; a finished run keeps no
 * others. Checkpoints from beyond the new one, left from before a resume, go. Failure is fatal and leaves the
 * older checkpoints as they were. config: the configuration's text without what may not matter to the files'
 * bytes: set run.output and parallel.grid (and run.name, if the run may be moved) to their defaults before
 * calling config_text.
 */
void checkpoint_write(const char *run, struct organism *organism, struct progress *progress,
                      const char *config, int64_t every, int64_t keep, struct archive *archive);

/*
 * Local: rank 0 removes the checkpoints that keep does not cover, and those beyond the one that was written
 * at `now`; others do nothing. checkpoint_write does it; so must who finds a finished run, which may have
 * been killed before.
 */
void checkpoint_prune(const char *run, const struct progress *now, int64_t every, int64_t keep,
                      struct comm *comm);

/* Local. Bytes of a checkpoint with so many rows of metrics. */
int64_t checkpoint_bytes(const struct organism_shape *shape, const struct training *training,
                         const char *config, int64_t n_rows, bool interacts);

/* Collective. The run's checkpoints, newest first; n of them; comm NULL: local. Free with
 * checkpoint_list_free. */
char **checkpoint_list(const char *run, struct comm *comm, int64_t *n);
void checkpoint_list_free(char **paths, int64_t n);

/*
 * Collective. The configuration's text in the newest checkpoint that can be opened; owned by the caller
 * (memory_free). NULL: the run has no checkpoint (problems untouched), or none can be used (EXIT_INPUT, equal
 * on all ranks). A checkpoint of a newer format version than CHECKPOINT_VERSION is refused as such
 * (EXIT_INPUT), never skipped.
 */
char *checkpoint_config(const char *run, struct comm *comm, struct problems *problems);

/*
 * Collective over organism->grid->all. Reads one checkpoint into the organism (weights, velocities, then
 * organism_refresh) and the progress. Checks format version, shapes, seed, every checksum and digest, and the
 * fingerprint. False: a problem (EXIT_INPUT, equal on all ranks) was added; organism and progress are then
 * undefined.
 */
bool checkpoint_read(struct organism *organism, struct progress *progress, const char *path,
                     struct problems *problems);

/*
 * Collective. Reads the newest checkpoint that is sound; each damaged one is named on standard error by rank
 * 0, then the one before it is tried. Returns its path (owned by the caller), or NULL: with problems none is
 * sound, without there is none.
 */
char *checkpoint_read_newest(struct organism *organism, struct progress *progress, const char *run,
                             struct problems *problems);

/*
 * Collective. --init: /layers/<l>/weights of any file shaped like a checkpoint, and velocities where there
 * are any (otherwise zero); then organism_refresh. Missing layers, other shapes, unreadable files: problems
 * (EXIT_INPUT, equal on all ranks), false.
 */
bool checkpoint_init(struct organism *organism, const char *path, struct problems *problems);

#endif
