#include "stream.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "metazoa/base/memory.h"

enum { BUFFER = 1 << 17, PIECE = 1 << 24 };

const char *const path_words[] = {PATH_KINDS(WORDS_TEXT) NULL};

enum path_kind path_look(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0) return lstat(path, &status) == 0 ? PATH_DANGLING : PATH_NONE;
    return S_ISREG(status.st_mode) ? PATH_REGULAR : S_ISDIR(status.st_mode) ? PATH_FOLDER : PATH_OTHER;
}

bool folder_is_there(const char *folder, const char *advice, struct problems *found)
{
    const enum path_kind kind = path_look(folder);
    if (kind == PATH_FOLDER) return true;
    if (kind == PATH_NONE)
        problems_add(found, EXIT_INPUT, "%s: no such folder; %s", folder, advice);
    else
        problems_add(found, EXIT_INPUT, "%s: is %s, not a folder; %s", folder, path_words[kind], advice);
    return false;
}

/* Whether it is a regular file: otherwise a problem. */
static bool path_is_regular(const char *path, struct problems *found)
{
    const enum path_kind kind = path_look(path);
    if (kind == PATH_REGULAR) return true;
    if (kind == PATH_NONE)
        problems_add(found, EXIT_INPUT, "%s: No such file or directory", path);
    else
        problems_add(found, EXIT_INPUT, "%s: expected a regular file, found %s", path, path_words[kind]);
    return false;
}

bool stream_open(struct stream *stream, const char *path, struct problems *found)
{
    *stream = (struct stream){.path = memory_string(path)};
    if (!path_is_regular(path, found)) return false;
    errno = 0;
    gzFile zlib = gzopen(path, "rb");
    if (!zlib) {
        problems_add(found, EXIT_INPUT, "%s: cannot be opened: %s", path,
                     errno ? strerror(errno) : "out of memory");
        return false;
    }
    gzbuffer(zlib, BUFFER);
    stream->zlib = zlib;
    return true;
}

void stream_close(struct stream *stream)
{
    if (stream->zlib) gzclose_r(stream->zlib);
    memory_free(stream->path);
    *stream = (struct stream){0};
}

/* Reads until `bytes` are there or the file ends; returns how many. */
static int64_t read_some(struct stream *stream, char *out, int64_t bytes)
{
    int64_t done = 0;
    while (done < bytes) {
        int64_t rest = bytes - done;
        int now = gzread(stream->zlib, out + done, (unsigned)(rest < PIECE ? rest : PIECE));
        if (now <= 0) break;
        done += now;
    }
    stream->at += done;
    return done;
}

/* Adds a problem when zlib or the system met an error; a gzip file that breaks off is one. */
static bool healthy(struct stream *stream, struct problems *found)
{
    int code;
    const char *text = gzerror(stream->zlib, &code);
    if (code == Z_OK || code == Z_STREAM_END) return true;
    if (code == Z_ERRNO)
        problems_add(found, EXIT_INPUT, "%s: reading failed at byte %lld: %s", stream->path,
                     (long long)stream->at, strerror(errno));
    else {
        size_t named = strlen(stream->path); /* zlib begins with the path, as we do */
        if (strncmp(text, stream->path, named) == 0 && strncmp(text + named, ": ", 2) == 0) text += named + 2;
        problems_add(found, EXIT_INPUT, "%s: damaged or truncated gzip data after byte %lld: %s",
                     stream->path, (long long)stream->at, text);
    }
    return false;
}

bool stream_same(struct stream *a, struct stream *b)
{
    char *buffers = memory_new(2 * BUFFER, 1);
    int64_t n = BUFFER;
    bool same = true;
    while (same && n == BUFFER) {
        n = read_some(a, buffers, BUFFER);
        same =
            read_some(b, buffers + BUFFER, BUFFER) == n && memcmp(buffers, buffers + BUFFER, (size_t)n) == 0;
    }
    memory_free(buffers);
    struct problems unseen = {0};
    same = same && healthy(a, &unseen) && healthy(b, &unseen);
    problems_free(&unseen);
    return same;
}

bool stream_read(struct stream *stream, void *out, int64_t bytes, const char *what, struct problems *found)
{
    int64_t begin = stream->at;
    if (read_some(stream, out, bytes) == bytes) return true;
    if (healthy(stream, found))
        problems_add(found, EXIT_INPUT, "%s: ends at byte %lld; expected bytes %lld to %lld, %s",
                     stream->path, (long long)stream->at, (long long)begin, (long long)(begin + bytes - 1),
                     what);
    return false;
}

bool stream_read_shared(struct stream *stream, void *out, int64_t bytes, const char *what, struct comm *comm,
                        struct problems *found)
{
    int good = comm_rank(comm) != 0 || stream_read(stream, out, bytes, what, found);
    comm_broadcast(comm, &good, sizeof good, 0);
    if (good) comm_broadcast(comm, out, bytes, 0);
    return good;
}

bool stream_size(struct stream *stream, int64_t most, int64_t *bytes, struct problems *found)
{
    if (gzdirect(stream->zlib)) {
        struct stat status;
        if (stat(stream->path, &status) != 0) {
            problems_add(found, EXIT_INPUT, "%s: %s", stream->path, strerror(errno));
            return false;
        }
        *bytes = status.st_size <= most ? status.st_size : most + 1;
        return true;
    }
    char *buffer = memory_new(BUFFER, 1);
    for (int64_t now = 1; now > 0 && stream->at <= most;) {
        int64_t rest = most + 1 - stream->at;
        now = read_some(stream, buffer, rest < BUFFER ? rest : BUFFER);
    }
    memory_free(buffer);
    *bytes = stream->at;
    return healthy(stream, found);
}

bool stream_check_size(struct stream *stream, int64_t bytes, const char *claim, struct problems *found)
{
    int64_t size;
    if (!stream_size(stream, bytes, &size, found)) return false;
    if (size == bytes) return true;
    if (size < bytes)
        problems_add(found, EXIT_INPUT, "%s: expected %lld bytes by %s, found %lld: the file is truncated",
                     stream->path, (long long)bytes, claim, (long long)size);
    else
        problems_add(found, EXIT_INPUT, "%s: expected %lld bytes by %s, found more from byte %lld on",
                     stream->path, (long long)bytes, claim, (long long)bytes);
    return false;
}
