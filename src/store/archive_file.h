/* What the parts of the archive share: archive.c keeps records, segment.c reads and writes them, master.c
 * joins them. */
#ifndef METAZOA_STORE_ARCHIVE_FILE_H
#define METAZOA_STORE_ARCHIVE_FILE_H

#include "metazoa/store/archive.h"
#include "rows.h"

#define SEGMENT_FORMAT "metazoa archive segment"
#define ARCHIVE_FORMAT "metazoa archive"
enum { ARCHIVE_VERSION = 1 };

/* A layer in the archive. */
struct kept {
    int layer;
    struct rows rows;
    int64_t *pick;   /* [rows.n_owned] which of the layer's owned rows; NULL: all */
    int64_t *chosen; /* on rank 0 [rows.n_global]: cell * edges + edge; NULL: all */
};

/* A record in memory: of each kept layer weights [n_owned][weights] and types [n_owned]. */
struct record {
    void *weights[ORGANISM_LAYERS_MAX], *types[ORGANISM_LAYERS_MAX];
};

/* A file of consecutive records. */
struct segment {
    int64_t first, n;    /* records */
    int64_t first_epoch; /* names it */
};

struct archive {
    char *run, *config;
    struct archive_spec spec;
    struct organism *organism;
    int n_kept;
    struct kept kept[ORGANISM_LAYERS_MAX];
    float *scratch;          /* all owned rows of a layer, when some are picked; or NULL */
    uint8_t *scratch_types;  /* the same */
    int64_t segment_records; /* at most */

    int64_t n_rows, rows_capacity;
    struct metrics_row *rows; /* of all records */
    int64_t n_segments;       /* closed ones */
    struct segment *segments;
    /* The open segment: the last records, in memory. */
    int64_t n_open, n_written, capacity;
    struct record *open;
};

/* "RUN/archive/segment-000042.h5" or, from RUN, "archive/segment-000042.h5"; owned by the caller. */
char *segment_path(const char *run, int64_t first_epoch);
char *segment_name(int64_t first_epoch);

/* Datasets of a layer with so many records; name: as in head_field. */
struct h5_data archive_trajectory(const struct organism_shape *shape, int layer, int64_t particles,
                                  int64_t records, int compress, char name[64]);
struct h5_data archive_types(const struct organism_shape *shape, int layer, int64_t particles,
                             int64_t records, int compress, char name[64]);

/* Group and axes of a layer. chosen: as in struct kept, [particles]. */
void archive_put_layer(struct h5 *file, const struct organism_shape *shape, int layer, const int64_t *chosen,
                       int64_t particles);

/* What segments and archives say of themselves besides records. */
struct archive_head {
    struct organism_shape shape;
    uint64_t seed;
    double fraction;
    int64_t first_record, trajectory_every; /* of segments */
    int n_layers;
    int64_t layers[ORGANISM_LAYERS_MAX];
    int64_t particles[ORGANISM_LAYERS_MAX]; /* archived, of each of these layers */
    int64_t n_rows;
    struct metrics_row *rows; /* owned */
};
void archive_head_put(struct h5 *file, const struct archive_head *head);
bool archive_head_get(struct h5 *file, struct archive_head *head, bool master);
void archive_head_free(struct archive_head *head);
struct archive_head archive_head_of(const struct archive *archive);

/* Local. Bytes of the weights and types of a record, over all ranks. */
int64_t archive_record_bytes(const struct archive *archive);

/* What a segment says of itself; all of a master but its end. chosen: of each layer, as in struct kept. */
void segment_head_put(struct h5 *file, const struct archive_head *head);
void master_put(struct h5 *file, const struct archive_head *head, const char *config,
                int64_t *const chosen[ORGANISM_LAYERS_MAX], int64_t n_sources,
                const struct h5_source *sources);

/* Collective. Writes the open records as a segment. */
void segment_write(struct archive *archive);

/* Collective. Reads the first n records of a segment into the open records. A problem is in the file, on all
 * ranks. */
bool segment_read(struct archive *archive, struct h5 *file, int64_t n);

/* Collective. Writes what is not written of the open segment, which is complete: it is among the closed ones
 * then. */
void archive_close_segment(struct archive *archive);

/* Local. Appends the rows of n more records. */
void archive_take_rows(struct archive *archive, const struct metrics_row *rows, int64_t n);

/* Local. Room for n open records. */
void archive_reserve(struct archive *archive, int64_t n);

/* Local. Whether a record of this epoch belongs to another segment than one that began with first_epoch. */
bool segment_ends(int64_t segment_every, int64_t first_epoch, int64_t epoch);

/* Local. The epoch in the name of a segment file, or -1. */
int64_t segment_epoch(const char *name);

/* Local. The epochs in the names of a run's segment files, ascending; memory_free epoch. */
struct epochs {
    int64_t n, *epoch;
};
struct epochs epochs_here(const char *run);

#endif
