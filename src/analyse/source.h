/*
 * A source: the archive that is analysed, in one state, while its run may go on. All files of that state are
 * opened at once: what the run replaces or removes later stays readable. (If there are more files than
 * SOURCE_OPEN, as in archives of version 0.1, the rest is opened when it is needed.)
 */
#ifndef METAZOA_ANALYSE_SOURCE_H
#define METAZOA_ANALYSE_SOURCE_H

#include "metazoa/analyse/pca.h"
#include "metazoa/hdf5/h5.h"
#include "metazoa/particle/census.h"

enum { SOURCE_LAYERS = 64, SOURCE_OPEN = 256, SOURCE_DEEP = 4 /* records that are read at a time */ };

struct source_layer {
    int number;           /* in the organism */
    struct h5_data data;  /* of its trajectory as this program chunks it; records: of the whole archive */
    struct h5_data type;  /* of its types */
    char name[2][48];     /* of both */
    int64_t rows;         /* particles */
    int64_t first;        /* particles of the layers before */
    int64_t *cell, *edge; /* [rows] where a part of the particles is archived; NULL: the matrix */
    int64_t *particle;    /* the same: their numbers in the organism; NULL: unknown */
    int64_t cells;        /* of the layer */
};

/* A file of the archive, and the records [first, first + n) of the archive in it. */
struct source_part {
    char *path;
    int64_t first, n, offset;
    struct h5 file;       /* id -1: not open */
    struct h5_data *data; /* [layers]: open, if id >= 0 */
    bool *plain;          /* [layers]: h5_plain */
};

struct source {
    char *path;                  /* RUN/archive.h5 */
    int64_t records, lo, hi;     /* of the archive; the window */
    int64_t *epoch;              /* [records] */
    int64_t *batch;              /* [records]; NULL: no records inside epochs */
    uint64_t *fingerprint;       /* [records]; NULL: the archive has none */
    int64_t *census[TYPE_NAMES]; /* of each type [records], -1: not counted; NULL: the archive has none */
    int weights, width, depth;   /* of a particle: numbers, width, layers (depth -1: unknown) */
    int kind;                    /* and its kind; -1: unknown */
    int n_layers;
    struct source_layer layer[SOURCE_LAYERS];
    int64_t n_parts;
    struct source_part *parts;
};

/* Collective. False: problems (equal on all ranks) were added. source_close in any case. */
bool source_open(struct source *source, const struct pca_spec *spec, struct comm *comm,
                 struct problems *problems);
void source_close(struct source *source);

/* Local. All particles. */
int64_t source_particles(const struct source *source);

/* Local. The part that holds a record. */
int64_t source_part(const struct source *source, int64_t record);

/* Local, for source.c (source_layer.c). A small dataset with one axis, of n values (-1: any number),
 * memory_new'd; NULL: there is none, or a problem. The length of one. A layer of the archive. */
void *source_numbers(struct h5 *file, const char *name, enum h5_type type, int64_t n);
int64_t source_length(struct h5 *file, const char *name);
void source_layer(struct source *source, struct h5 *file, int number);

/* Local. Opens the file of a part, unless it is open, and looks whether it holds the records that it must.
 * False: the file has a problem. */
bool source_part_open(struct source *source, int64_t part);

/*
 * Local. Rows [begin, end) of a layer, in n records of one part from `record` on: record i goes to values +
 * i * stride floats. False: reason (512 bytes) says why.
 */
bool source_read(struct source *source, int layer, int64_t record, int64_t n, int64_t begin, int64_t end,
                 float *values, int64_t stride, char *reason);

/* Local. The types of rows [begin, end) in the last record of the window. */
bool source_types(struct source *source, int layer, int64_t begin, int64_t end, uint8_t *types, char *reason);

/* Local. Ends a pass over a part: what it holds in memory is given back. */
void source_rest(struct source *source, int64_t part);

/* Local. The stored digest of a part's trajectory; false: it is not known, or the window has not all of it.
 */
bool source_digest(struct source *source, int64_t part, int layer, uint64_t *digest);

#endif
