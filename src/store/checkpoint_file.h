/* The content of a checkpoint besides its rows of particles, for checkpoint.c and verify.c.
 */
#ifndef METAZOA_STORE_CHECKPOINT_FILE_H
#define METAZOA_STORE_CHECKPOINT_FILE_H

#include "metazoa/hdf5/h5.h"
#include "metazoa/store/checkpoint.h"

#define CHECKPOINT_FORMAT "metazoa checkpoint"

struct head {
    struct organism_shape shape; /* cells, layers, loss, particle: what the file's shapes follow from */
    uint64_t seed, fingerprint;
    struct progress progress;
    char *config; /* owned */
};

/* The dataset of a field of a layer: name is written into the buffer, which must live as long as data is
 * used. */
struct h5_data head_field(const struct organism_shape *shape, int layer, enum state_field field,
                          char name[64]);

void head_put(struct h5 *file, const struct head *head);
bool head_get(struct h5 *file, struct head *head);
void head_free(struct head *head);

/* Local. Whether the checkpoint holds the state that its name says, and is of the run in whose folder it
 * lies, as far as metrics.csv tells. Whoever uses a checkpoint of a run's folder asks this. */
bool head_in_place(struct h5 *file, const struct head *head);

/* Local. For share_inspect: whether all but the rows reads well; context is not used. */
bool checkpoint_inspect(struct h5 *file, const void *context);

/* Writes and checks the file's format and version: another format or version is a problem; for a newer version
 * file->newer is set, too. format_get also asks whether attributes and lists of scales are as they were written;
 * format_known does not. */
bool format_known(struct h5 *file, const char *format, int64_t version);
bool format_get(struct h5 *file, const char *format, int64_t version);
void format_put(struct h5 *file, const char *format, int64_t version, const char *description);

/* The axes that datasets of a layer have in common: /weight, /layers/<l>/cell and edge. */
void axes_put_weight(struct h5 *file, const struct organism_shape *shape);
void axes_put_fields(struct h5 *file,
                     const struct organism *organism); /* /weight, and those of state_table */
void axes_put_layer(struct h5 *file, const struct organism_shape *shape, int layer);

/* The configuration's text: dataset /config. */
void config_put(struct h5 *file, const char *text);
char *config_get(struct h5 *file);

/* Shapes as attributes of the file. */
void shape_put(struct h5 *file, const struct organism_shape *shape);
bool shape_get(struct h5 *file, struct organism_shape *shape);

#endif
