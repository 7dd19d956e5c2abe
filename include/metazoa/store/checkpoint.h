/*
 * Checkpoints: RUN/checkpoint-<epoch>.h5, or RUN/checkpoint-<epoch>-<batch>.h5 inside an epoch. A checkpoint
 * holds the organism, the progress of the training, and all metrics so far. The file is written under a
 * temporary name, synced, and then renamed. If its data take less than io.parallel_from bytes, rank 0 writes
 * it alone; otherwise up to io.writers ranks write it. The rename is the commit point of archive, checkpoint
 * and metrics together. The bytes of the file depend on the configuration and the state alone, never on
 * ranks, grid, host or time. It can be read at any number of ranks and on any grid (docs/formats.md).
 */
#ifndef METAZOA_STORE_CHECKPOINT_H
#define METAZOA_STORE_CHECKPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "metazoa/organism/organism.h"
#include "metazoa/store/archive.h"
#include "metazoa/store/metrics.h"
#include "metazoa/task/task.h"

/* STAGES_MAX: phases of training that a schedule may have; STAGE_SETTLE: the stage that follows them. */
enum { CHECKPOINT_VERSION = 1, STAGES_MAX = 16, STAGE_SETTLE = STAGES_MAX };

/* When checkpoints are written, and how many are kept. */
struct checkpoint_spec {
    int64_t every;  /* epochs; 0: only at the end */
    double minutes; /* also when the last one is this old; 0: not by time */
    int64_t keep;
};

/* Progress of the training; equal on all ranks. The training loop (train/run.h) defines most fields. */
struct progress {
    int64_t epoch;       /* epochs completed */
    int64_t batch;       /* batches completed inside the next epoch; 0: between epochs */
    int64_t stage;       /* of the schedule: 0, 1, ... below STAGES_MAX, then STAGE_SETTLE */
    int64_t stage_epoch; /* epoch in which it began */
    int64_t arithmetic;  /* version of the arithmetic of the first epochs; 0: this program's, ARITHMETIC */
    int64_t settled;     /* self-training steps of the settling stage that are done */
    bool finished;       /* the run has done everything that its configuration asks for */
    /* Running sums of the epoch under way, over all ranks (exact doubles come back bit by bit). */
    struct tally tally;
    struct exact_wide self_loss; /* sum of the sweeps' self-training losses */
    int64_t self_sweeps;         /* number of sweeps in it */
    int64_t interactions[INTERACTION_KINDS];
    int64_t records; /* in the archive; checkpoint_write fills it in */
    /* The data that the run is trained on; all 0: not known, as in files of version 0.1. Before
     * checkpoint_read: the data that the checkpoint must have been trained on; all 0: any. */
    struct task_identity data;
    /* One row per epoch so far, added by progress_add. `seconds` is not stored, and is zero after reading. */
    int64_t n_rows;
    struct metrics_row *rows;
};

/* Local. progress_add appends a copy of a row; progress_free frees the rows. Zero-initialise a progress. */
void progress_add(struct progress *progress, const struct metrics_row *row);
void progress_free(struct progress *progress);

/*
 * Collective over organism->grid->all. Writes, as one transaction, the archive's segments (archive NULL:
 * none), the checkpoint, and the archive's master; then calls checkpoint_prune. No task step may be pending
 * (assertion). config: the text of config_text_for_files. Failure is fatal; older checkpoints stay as they
 * were.
 */
void checkpoint_write(const char *run, struct organism *organism, struct progress *progress,
                      const char *config, int64_t every, int64_t keep, struct archive *archive);

/*
 * Local. Rank 0 removes checkpoints; other ranks do nothing. It keeps `keep` checkpoints: the one of `now`,
 * then the newest at multiples of `every` epochs, then the newest others; if the run is finished, no others.
 * Checkpoints later than `now`, which remain from before a resume, are removed. Also call it for a run that
 * is found finished: it may have been killed before this step.
 */
void checkpoint_prune(const char *run, const struct progress *now, int64_t every, int64_t keep,
                      struct comm *comm);

/* Collective; local if comm is NULL. The paths of the run's n checkpoints, newest first. Free with
 * checkpoint_list_free. */
char **checkpoint_list(const char *run, struct comm *comm, int64_t *n);
void checkpoint_list_free(char **paths, int64_t n);

/* Local. Where the checkpoint of this state is, or will be; owned by the caller (memory_free). */
char *checkpoint_path(const char *run, const struct progress *progress);

/* Local. The state that a path of checkpoint_list is of, by its name. checkpoint_is_at: whether that is
 * this one. */
void checkpoint_place(const char *path, int64_t *epoch, int64_t *batch);
bool checkpoint_is_at(const char *path, const struct progress *progress);

/*
 * Collective. The configuration's text from the newest checkpoint that can be opened; owned by the caller
 * (memory_free). NULL: the run has no checkpoint, or none can be used; the latter is a problem (EXIT_INPUT,
 * equal on all ranks). A checkpoint of a format version above CHECKPOINT_VERSION is never skipped: it is a
 * problem.
 */
char *checkpoint_config(const char *run, struct comm *comm, struct problems *problems);

/* Collective. The same from one checkpoint; NULL: it has none that can be read. */
char *checkpoint_config_at(const char *path, struct comm *comm);

/*
 * Collective. Whether all but the rows of a checkpoint is sound, and the file holds the state that its name
 * says and is of the run in whose folder it lies, as far as metrics.csv tells. False: a problem (equal on all
 * ranks) was added. checkpoint_read and its relatives ask the same.
 */
bool checkpoint_check(const char *path, struct comm *comm, struct problems *problems);

/*
 * Collective over organism->grid->all. Reads one checkpoint into the organism (all state fields, then
 * organism_refresh) and the progress. Checks format version, shapes, seed, data, every checksum and digest,
 * and the fingerprint. False: a problem (equal on all ranks) was added, and organism and progress are
 * undefined.
 */
bool checkpoint_read(struct organism *organism, struct progress *progress, const char *path,
                     struct problems *problems);

/*
 * Collective. Reads the newest sound checkpoint. Rank 0 names each damaged one on standard error, and the
 * next older one is tried. Returns the path of the one that was read (owned by the caller). Returns NULL and
 * adds a problem if no checkpoint is sound, or if the newest that is not damaged is of other data or of a
 * newer version. Returns NULL without a problem if the run has no checkpoint.
 */
char *checkpoint_read_newest(struct organism *organism, struct progress *progress, const char *run,
                             struct problems *problems);

/*
 * Collective. The same for the newest sound one of a state not after `epoch` whole epochs. Returns NULL and
 * adds a problem if a checkpoint is of other data or of a newer version. Returns NULL without a problem if
 * there is none, or if all are damaged.
 */
char *checkpoint_read_until(struct organism *organism, struct progress *progress, const char *run,
                            int64_t epoch, struct problems *problems);

/*
 * Collective. --init: reads /layers/<l>/weights, and the other state fields if the file has them (otherwise
 * they are zero), from any HDF5 file with the datasets of a checkpoint; then organism_refresh. What
 * optimizers keep is read as a whole or not at all: if the file has other fields of it than the organism, it
 * is zero, and *other_steps is true. False: a layer is missing, has another shape or cannot be read; a
 * problem (EXIT_INPUT, equal on all ranks) was added.
 */
bool checkpoint_init(struct organism *organism, const char *path, bool *other_steps,
                     struct problems *problems);

#endif
