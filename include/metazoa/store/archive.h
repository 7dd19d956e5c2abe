/*
 * Trajectory archive: a record holds weights, types and metrics after one epoch, or after some batches of an
 * epoch. Record 0 is epoch 0, the organism before training (in a replay: the first one of its window); the
 * last epoch of a run is always a record.
 *
 * Records are collected in memory and written to files RUN/archive/segment-<number>.h5, the segments.
 * RUN/archive.h5, the master, joins them by virtual datasets (docs/formats.md). The number and size of the
 * records alone decide which segments exist, so a run that was stopped and resumed has the same files, byte
 * for byte, as a run in one go. There are few segments: 50 to 75 for 100 GiB of records, and 8 more for each
 * doubling (src/store/archive_file.h has the rule).
 */
#ifndef METAZOA_STORE_ARCHIVE_H
#define METAZOA_STORE_ARCHIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "metazoa/organism/organism.h"
#include "metazoa/store/metrics.h"

#define ARCHIVE_SEGMENT_BYTES ((int64_t)256 << 20)

struct archive_spec {
    int64_t trajectory_every;           /* epochs between records; 0: no archive */
    int n_steps;                        /* number of entries of `steps` */
    int64_t steps[ORGANISM_LAYERS_MAX]; /* a record after each of these numbers of batches, too; ascending */
    bool every_batch; /* after every batch; no key of the configuration: a replay asks for it */
    int n_layers;     /* layers in the archive; 0: all */
    int64_t layers[ORGANISM_LAYERS_MAX];
    double fraction;       /* of the particles, chosen by seed and id; 1: all */
    bool moments;          /* keep running sums of all records (moments_file.h) in the checkpoints */
    int compress;          /* deflate level, 0: none */
    bool interacts;        /* for store/size.h only: the metrics have columns for interactions */
    bool prunes;           /* likewise, a column for pruned particles */
    bool validates;        /* likewise, two columns for validation samples */
    uint64_t seed;         /* for store/size.h only: decides which particles are archived */
    bool classification;   /* names of the score columns, as in metrics.h */
    int64_t segment_bytes; /* 0: ARCHIVE_SEGMENT_BYTES */
};

/* Local. Whether a layer is in the archive. */
static inline bool archive_wants(const struct archive_spec *spec, int layer)
{
    bool wanted = spec->n_layers == 0;
    for (int i = 0; i < spec->n_layers; i++) wanted = wanted || spec->layers[i] == layer;
    return wanted;
}

/* Local. Whether records may lie inside epochs. The archive then has the column batch, and its segments are
 * named after their first record instead of its epoch. */
static inline bool archive_batches(const struct archive_spec *spec)
{
    return spec->n_steps > 0 || spec->every_batch;
}

/* Local. Whether a record is due after this number of batches since the start. */
static inline bool archive_wants_step(const struct archive_spec *spec, int64_t batches)
{
    bool wanted = spec->every_batch;
    for (int i = 0; i < spec->n_steps; i++) wanted = wanted || spec->steps[i] == batches;
    return wanted;
}

/* Local. Epochs between records, or between samples of the running sums alone; 0: there are neither. */
static inline int64_t archive_every(const struct archive_spec *spec)
{
    return spec->trajectory_every > 0 ? spec->trajectory_every : spec->moments;
}

struct archive;

/*
 * Collective. An archive without records for the run's folder `run`; touches no file. The organism is
 * borrowed until archive_free. With trajectory_every = 0 (and moments) there will be sums alone, and no
 * files. config: the text that checkpoints get, too; copied. Free with archive_free.
 */
struct archive *archive_open(const char *run, const struct archive_spec *spec, struct organism *organism,
                             const char *config);
void archive_free(struct archive *archive);

/*
 * Collective. Makes the archive hold exactly the records of the checkpoint that the run continues from
 * (progress->records; NULL: a new run). Removes later records, reads the unfinished block back into memory,
 * and writes the master anew. Call it once before the first archive_record, also when a resumed run is
 * already finished. If a segment is missing, damaged or belongs to another run, the archive restarts with the
 * next record: rank 0 says so on standard error, and the old files move to RUN/archive-lost. Those of a
 * finished run stay as they are.
 */
struct progress;
void archive_rewind(struct archive *archive, const struct progress *progress);

/*
 * Collective. Adds a record: the organism's weights, the types from organism_census ([layer] -> [owned
 * groups][LANES]; where types or types[l] is NULL, 255, "no census", is stored), and the row without its
 * seconds (batch -1 counts as 0). Epochs and, in them, batches must ascend. Writes a block to disk when it is
 * complete. Failure is fatal.
 */
void archive_record(struct archive *archive, uint8_t *const *types, const struct metrics_row *row);

/* Collective. Writes the running sums, if they are kept, into a checkpoint. */
struct h5;
void archive_put_sums(struct archive *archive, struct h5 *file);

/* Local. The number of records so far, which the checkpoint stores. */
int64_t archive_records(const struct archive *archive);

/*
 * Collective. archive_write writes the records that are in memory only into segments, and syncs them.
 * archive_publish writes the master. checkpoint_write calls archive_write before its commit and
 * archive_publish after it. archive_rewind and a replay, which writes no checkpoints, call both. Failure is
 * fatal.
 */
void archive_write(struct archive *archive);
void archive_publish(struct archive *archive);

#endif
