/*
 * Trajectory archive: a record holds weights, types and metrics after one epoch, or after some batches of an
 * epoch. Record 0 is epoch 0, the organism before training (of a replay: the first one of its window); the last
 * epoch of a run is always a record. Records are collected in memory and written to files
 * RUN/archive/segment-<number>.h5, the segments; RUN/archive.h5 joins these by virtual datasets (docs/formats.md). Which segments there are depends on the number of records and their size alone,
 * so the files of a run that was stopped and resumed have the same bytes as those of one that was not, and a
 * reader has to open some dozens of files at most (src/store/archive_file.h says how).
 */
#ifndef METAZOA_STORE_ARCHIVE_H
#define METAZOA_STORE_ARCHIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "metazoa/organism/organism.h"
#include "metazoa/store/metrics.h"

#define ARCHIVE_SEGMENT_BYTES ((int64_t)256 << 20)

struct archive_spec {
    int64_t trajectory_every; /* epochs between records; 0: no archive */
    int n_steps;              /* records after so many batches since the start, too, ascending; */
    int64_t steps[ORGANISM_LAYERS_MAX];
    bool every_batch; /* after every batch; no key of the configuration: a replay asks for it */
    int n_layers;     /* layers in the archive; 0: all */
    int64_t layers[ORGANISM_LAYERS_MAX];
    double fraction;       /* of the particles, chosen by seed and id; 1: all */
    int compress;          /* deflate level, 0: none */
    bool interacts;        /* archive_bytes alone: there are columns for interactions */
    uint64_t seed;         /* archive_bytes alone: which particles the fraction is */
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

/* Local. Whether records may lie inside epochs. The archive then has the column batch, and its segments are named
 * after their first record instead of its epoch. */
static inline bool archive_batches(const struct archive_spec *spec)
{
    return spec->n_steps > 0 || spec->every_batch;
}

/* Local. Whether a record is due after so many batches since the start. */
static inline bool archive_wants_step(const struct archive_spec *spec, int64_t batches)
{
    bool wanted = spec->every_batch;
    for (int i = 0; i < spec->n_steps; i++) wanted = wanted || spec->steps[i] == batches;
    return wanted;
}

struct archive;

/*
 * Collective. An archive without records for the run's folder; touches no file. organism: shape, distribution
 * and seed are read (borrowed until archive_free). config: the configuration's text, the same that
 * checkpoints get; copied.
 */
struct archive *archive_open(const char *run, const struct archive_spec *spec, struct organism *organism,
                             const char *config);
void archive_free(struct archive *archive);

/*
 * Collective. Brings the archive to exactly the records that the checkpoint knew (progress->records; NULL: a
 * new run): what lies past them is removed, the unfinished block is read back, the master is written anew.
 * Call it before the first archive_record of every run, at a resume also when the checkpoint says finished.
 * If a segment is missing, damaged, or not of this run, the archive begins anew with the next record: rank 0
 * says so on standard error, and what is left moves to RUN/archive-lost.
 */
struct progress;
void archive_rewind(struct archive *archive, const struct progress *progress);

/*
 * Collective. Adds a record: weights of the organism, types as organism_census gave them ([layer] -> [owned
 * groups][LANES]; types NULL, or types[l] NULL: 255 is stored, "no census"), and the row (its seconds are not
 * stored; batch -1 counts as 0). Epochs and, in them, batches must ascend. Writes a block that is complete.
 * Failure is fatal.
 */
void archive_record(struct archive *archive, uint8_t *const *types, const struct metrics_row *row);

/* Local. Records so far: what the checkpoint must know. */
int64_t archive_records(const struct archive *archive);

/*
 * Collective. archive_write: the unwritten records go to their segment, synced. archive_publish: the master.
 * checkpoint_write calls both around its commit; nobody else needs to. Failure is fatal.
 */
void archive_write(struct archive *archive);
void archive_publish(struct archive *archive);

/* Local. The most records of so many bytes that are in memory at a time in a run of n_records, over all ranks. */
int64_t archive_open_records(const struct archive_spec *spec, int64_t record_bytes, int64_t n_records);

/* Local. Bytes of all segments and the master, for n_records records, as far as arithmetic goes (compress 0,
 * the settings of hdf5/io.h). config: as for archive_open. */
int64_t archive_bytes(const struct archive_spec *spec, const struct organism_shape *shape, const char *config,
                      int64_t n_records);

#endif
