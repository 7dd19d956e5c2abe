/*
 * The archive's own header. archive.c keeps records in memory and decides into which files they are written,
 * segment.c reads and writes these files, master.c joins them, rewind.c restores the state of a checkpoint.
 *
 * Records are cut into blocks. A block that begins with record f holds at most archive_block(f) records, a
 * power of two: as many as fit into ARCHIVE_SEGMENT_BYTES over all ranks, at least one, and more than a
 * sixteenth of the f records before it. (If that makes the block larger than what fits, it holds at most an
 * eighth of them.) A complete block is one file. The open block is in memory. Each checkpoint writes its k
 * records into files of 2^a, 2^b, ... records, where k = 2^a + 2^b + ... (a > b > ...). So the first 16
 * blocks have one size, and later 8 blocks are added for each doubling of the number of records n. The open
 * block has at most log2(n) files. No record is written more than log2(n) times. The number and size of the
 * records alone decide the files.
 */
#ifndef METAZOA_STORE_ARCHIVE_FILE_H
#define METAZOA_STORE_ARCHIVE_FILE_H

#include "metazoa/store/archive.h"
#include "rows.h"

#define SEGMENT_FORMAT "metazoa archive segment"
#define ARCHIVE_FORMAT "metazoa archive"
enum { ARCHIVE_VERSION = 2 }; /* of files with records inside epochs; of others 1 */

/* Records of a chunk, if the file has as many: see docs/formats.md for the measurement. */
enum { ARCHIVE_CHUNK_RECORDS = 4 };

/* A layer in the archive. */
struct kept {
    int layer;
    struct rows rows;
    int64_t *pick;          /* [rows.n_owned] which of the layer's owned rows; NULL: all */
    int64_t *chosen;        /* on rank 0 [rows.n_global]: cell * edges + edge; NULL: all */
    int64_t weights, types; /* bytes from the begin of a record in memory: [n_owned][weights], [n_owned] */
};

/* A file of consecutive records. */
struct segment {
    int64_t first, n; /* records */
    int64_t
        number; /* names it: epoch of its first record; with records inside epochs, this record's number */
};

struct running;

struct archive {
    char *run, *config;
    struct running *running; /* NULL: no sums are kept */
    struct archive_spec spec;
    struct organism *organism;
    int n_kept;
    struct kept kept[ORGANISM_LAYERS_MAX];
    float *scratch;         /* all owned rows of a layer, when some are picked; or NULL */
    uint8_t *scratch_types; /* the same */
    int64_t record_bytes;   /* of a record in this rank's memory */
    int64_t first_block;    /* records in the first block */

    int64_t n_rows;
    struct metrics_row *rows; /* of all records */
    int64_t n_closed;         /* complete blocks */
    struct segment *closed;
    /* The open block: the last n_open records, in memory; the files of the first n_written of them are as
     * they must be. */
    int64_t n_open, n_written, capacity;
    char **open; /* [capacity] records, NULL: none was there yet */
};

/* "RUN/archive/segment-000042.h5" or, from RUN, "archive/segment-000042.h5"; owned by the caller. */
char *segment_path(const char *run, int64_t number);
char *segment_name(int64_t number);

/* Datasets of a layer with `records` records; name: as in head_field. */
struct h5_data archive_trajectory(const struct organism_shape *shape, int layer, int64_t particles,
                                  int64_t records, int compress, char name[64]);
struct h5_data archive_types(const struct organism_shape *shape, int layer, int64_t particles,
                             int64_t records, int compress, char name[64]);

/* Group and axes of a layer. chosen: as in struct kept, [particles]. */
void archive_put_layer(struct h5 *file, const struct organism_shape *shape, int layer, const int64_t *chosen,
                       int64_t particles);

/* The content of segments and archives besides the records. */
struct archive_head {
    struct organism_shape shape;
    uint64_t seed;
    double fraction;
    int64_t first_record, block_records; /* of segments; block_records 0: a file of version 0.1 */
    int n_layers;
    int64_t layers[ORGANISM_LAYERS_MAX];
    int64_t particles[ORGANISM_LAYERS_MAX]; /* archived, of each of these layers */
    int64_t n_rows;
    struct metrics_row *rows; /* owned */
};
int64_t archive_version(const struct archive_head *head);
void archive_head_put(struct h5 *file, const struct archive_head *head);
bool archive_head_get(struct h5 *file, struct archive_head *head, bool master);
void archive_head_free(struct archive_head *head);
struct archive_head archive_head_of(const struct archive *archive);

/* Local. Bytes of the weights and types of a record, over all ranks. */
int64_t archive_record_bytes(const struct archive *archive);

/* Collective. Writes n open records, from the open record `at` on, as a segment. */
void segment_write(struct archive *archive, int64_t at, int64_t n);

/* Collective. Reads the first n records of a segment into the open records from `at` on. A problem is in the
 * file, on all ranks. */
bool segment_read(struct archive *archive, struct h5 *file, int64_t at, int64_t n);

/* Local. Records of the first block, if a record has record_bytes bytes; of a block that begins with record
 * `first`, given those of the first one. */
int64_t block_least(const struct archive_spec *spec, int64_t record_bytes);
int64_t block_at(int64_t least, int64_t first);

/* Local. Records of a block that begins with record `first`, when it is complete. */
int64_t archive_block(const struct archive *archive, int64_t first);

/* Local. What names the segment that begins with record `first`. */
int64_t archive_number(const struct archive *archive, int64_t first);

/* Local. The record with which the open block begins. */
int64_t archive_begin(const struct archive *archive);

/* Local. All files that hold the records, in order; memory_free them. */
struct segment *archive_layout(const struct archive *archive, int64_t *n);

/* Collective. Writes what is not written of the open block, whose n_open records are complete from now on. */
void archive_close_block(struct archive *archive);

/* Local. A closed file of n records more, of which nothing is in memory. */
void archive_add_closed(struct archive *archive, int64_t n);

/* Local. Appends the rows of n more records. */
void archive_take_rows(struct archive *archive, const struct metrics_row *rows, int64_t n);

/* Local. Room for n open records. */
void archive_reserve(struct archive *archive, int64_t n);

/* Local. The number in the name of a segment file, or -1. */
int64_t segment_number(const char *name);

/* Local. The numbers in the names of a run's segment files, ascending: the order of their records;
 * memory_free number. */
struct numbers {
    int64_t n, *number;
};
struct numbers segments_here(const char *run);

/* Collective. The same on all ranks. */
struct numbers segments_shared(const char *run, struct comm *comm);

/* Local. Whether a segment has the name that its first record asks for; if not, a problem is in the file. */
bool segment_named(struct h5 *file, const struct archive_head *head);

/* Local. Whether two files hold the same particles of the same organism. */
bool archive_same_kind(const struct archive_head *a, const struct archive_head *b);

/* Local. For share_inspect: whether a segment's head reads well; context is not used. */
bool segment_inspect(struct h5 *file, const void *context);

/* Local. Weights and types of the organism into a record in memory; types: as for archive_record. */
void archive_take(struct archive *archive, uint8_t *const *types, char *record);

/* Local. Whether a row is of an earlier state of the run than another one. Batch -1, of rows of whole
 * epochs, is 0. */
static inline bool row_before(const struct metrics_row *a, const struct metrics_row *b)
{
    return a->epoch < b->epoch || (a->epoch == b->epoch && a->batch < b->batch && b->batch > 0);
}

#endif
