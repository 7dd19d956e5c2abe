/*
 * Streams of bytes from a file, plain or gzip, read from the front on one rank. All functions but one are
 * local. They return false when they have added a problem (EXIT_INPUT), which names the file and the byte (of
 * the unpacked data, from 0).
 */
#ifndef METAZOA_TASK_STREAM_H
#define METAZOA_TASK_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "metazoa/base/error.h"
#include "metazoa/base/words.h"
#include "metazoa/parallel/comm.h"

struct stream {
    char *path; /* owned */
    void *zlib; /* NULL: not open */
    int64_t at; /* bytes read so far */
};

/* The kind of a file. Only regular files are read: a pipe could block the program for ever. */
#define PATH_KINDS(X)                                                                                        \
    X(PATH_NONE, "missing")                                                                                  \
    X(PATH_REGULAR, "a regular file")                                                                        \
    X(PATH_FOLDER, "a folder")                                                                               \
    X(PATH_DANGLING, "a link to nowhere")                                                                    \
    X(PATH_OTHER, "something else")
enum path_kind { PATH_KINDS(WORDS_VALUE) };
extern const char *const path_words[];
enum path_kind path_look(const char *path);

/* Whether the folder of a task's files is one; otherwise one problem, which ends with where to get them. */
bool folder_is_there(const char *folder, const char *advice, struct problems *found);

/* Opens a regular file; stream_close in any case, which leaves it zeroed. */
bool stream_open(struct stream *stream, const char *path, struct problems *found);
void stream_close(struct stream *stream);

/* Whether two streams go on with the same bytes, to the same end. What cannot be read differs. */
bool stream_same(struct stream *a, struct stream *b);

/* The next bytes. what: for the message when the file ends before, "the header". */
bool stream_read(struct stream *stream, void *out, int64_t bytes, const char *what, struct problems *found);

/* Collective. Rank 0 reads the next bytes, all ranks receive them. False on all when they could not be read
 * (found: rank 0). */
bool stream_read_shared(struct stream *stream, void *out, int64_t bytes, const char *what, struct comm *comm,
                        struct problems *found);

/*
 * The number of bytes in all, or `most` + 1 if there are more. To count, a gzip file is read; open it again
 * afterwards.
 */
bool stream_size(struct stream *stream, int64_t most, int64_t *bytes, struct problems *found);

/* Whether the file holds exactly `bytes`, by stream_size. claim: the source of that number, for the message:
 * "its header (10 labels)". */
bool stream_check_size(struct stream *stream, int64_t bytes, const char *claim, struct problems *found);

#endif
