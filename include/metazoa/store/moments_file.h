/* Moments (particle/moments.h) in an HDF5 file: the integers themselves, so that sums go on with the same
 * bits. */
#ifndef METAZOA_STORE_MOMENTS_FILE_H
#define METAZOA_STORE_MOMENTS_FILE_H

#include "metazoa/hdf5/h5.h"
#include "metazoa/organism/shape.h"
#include "metazoa/particle/moments.h"

/* Local. Writes n moments, those of rank 0, into a new group of the file. All have the same number of
 * weights. */
void moments_put(struct h5 *file, const char *group, int64_t n, struct moments *const *moments);

/* Local. Adds what moments_put wrote. False: a problem is in the file. */
bool moments_get(struct h5 *file, const char *group, int64_t n, struct moments *const *moments);

/* The sums that a checkpoint has with archive.moments, in its group /moments (docs/formats.md): of each
 * archived layer these. */
enum running_kind {
    RUNNING_WEIGHTS,  /* products of weights */
    RUNNING_DISTANCE, /* products of differences from the weights in the first record */
    RUNNING_FIRST,    /* squares of the weights in the first record */
    RUNNING_KINDS
};

struct running_head {
    int64_t records;  /* that are in the sums */
    int64_t weights;  /* of a particle */
    int64_t n_layers; /* that are archived */
    int64_t layers[ORGANISM_LAYERS_MAX];
};

/* Local. No sums of this kind. */
void running_moments(struct moments *moments, int weights, enum running_kind kind);

/* Local. What the sums of an open checkpoint are of; false: it has none, or a problem. Then the sums of all
 * layers, [layers][RUNNING_KINDS], which are added to. */
bool running_head_get(struct h5 *file, struct running_head *head);
bool running_sums_get(struct h5 *file, const struct running_head *head, struct moments *sums);

/* Local. Reads all of them, and the first records that they are of. False: a problem is in the file. */
bool running_sound(struct h5 *file);

#endif
