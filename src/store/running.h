/*
 * Running sums (archive.moments): the sums of `metazoa pca` over all records so far, kept while a run trains.
 * Each rank adds the particles that it archives; a checkpoint holds the totals, and each particle's weights
 * in the first record, so that a resume goes on with the same bits.
 */
#ifndef METAZOA_STORE_RUNNING_H
#define METAZOA_STORE_RUNNING_H

#include "archive_file.h"

struct running;

/* Local. Free with running_free. */
struct running *running_new(const struct archive *archive);
void running_free(struct running *running, const struct archive *archive);

/* Local. Adds a record in memory. */
void running_add(struct running *running, const struct archive *archive, const char *record);

/* Collective. Into a checkpoint, and from the one with this path, which has been found sound. Failure is
 * fatal. */
void running_put(struct running *running, const struct archive *archive, struct h5 *file);
void running_get(struct running *running, const struct archive *archive, const char *path);

#endif
