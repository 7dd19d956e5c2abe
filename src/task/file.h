/*
 * Files of bytes, plain or gzip, read from the front on one rank. All functions but one are local; they
 * return false when they have added a problem (EXIT_INPUT), which names the file and the byte (of the
 * unpacked data, from 0).
 */
#ifndef METAZOA_TASK_FILE_H
#define METAZOA_TASK_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "metazoa/base/error.h"
#include "metazoa/parallel/comm.h"

struct file {
    char *path; /* owned */
    void *zlib; /* NULL: not open */
    int64_t at; /* bytes read so far */
};

/* Whether there is something under this name; and whether it is a regular file (a pipe could keep us waiting
 * for ever). */
bool file_found(const char *path);
bool file_is_regular(const char *path, struct problems *found);

/* Opens a regular file; free with file_close in any case, which leaves it zeroed. */
bool file_open(struct file *file, const char *path, struct problems *found);
void file_close(struct file *file);

/* The next bytes. what: for the message when the file ends before, "the header". */
bool file_take(struct file *file, void *out, int64_t bytes, const char *what, struct problems *found);

/* Collective. Rank 0 reads the next bytes, all ranks receive them. False on all when they could not be read
 * (found: rank 0). */
bool file_read_shared(struct file *file, void *out, int64_t bytes, const char *what, struct comm *comm,
                      struct problems *found);

/*
 * Whether the file holds exactly `bytes` in all. claim: who says so, "its header (10 labels)". A gzip file is
 * read to its end for that (no further than one byte too many), and has to be opened again.
 */
bool file_check_size(struct file *file, int64_t bytes, const char *claim, struct problems *found);

#endif
