/*
 * Verification of a folder in which somebody may be training: files change and go while it is read. What was
 * read is kept, so that a second look at the folder reads only files that are new. All functions are local.
 */
#ifndef METAZOA_STORE_WATCH_H
#define METAZOA_STORE_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "metazoa/base/error.h"

struct watched;

/* Zero-initialise it; watch_free frees it. */
struct watch {
    int64_t n;
    struct watched *file; /* what was read so far */
};

/* verify_file, once per state of a file. EXIT_DONE without a line: the file went or changed while it was
 * read. */
enum exit_code watch_file(struct watch *watch, const char *path, FILE *out);
void watch_free(struct watch *watch);

/* A number that changes when a file of the folder's run is written, replaced or removed. */
uint64_t watch_state(const char *run);

#endif
