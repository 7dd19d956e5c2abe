#include "file.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "metazoa/base/memory.h"

enum { BUFFER = 1 << 17, PIECE = 1 << 24 };

bool file_found(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0;
}

bool file_is_regular(const char *path, struct problems *found)
{
    struct stat status;
    bool there = stat(path, &status) == 0;
    if (there && S_ISREG(status.st_mode)) return true;
    if (there)
        problems_add(found, EXIT_INPUT, "%s: expected a regular file, found %s", path,
                     S_ISDIR(status.st_mode) ? "a folder" : "something else");
    else
        problems_add(found, EXIT_INPUT, "%s: %s", path, strerror(errno));
    return false;
}

bool file_open(struct file *file, const char *path, struct problems *found)
{
    *file = (struct file){.path = memory_string(path)};
    if (!file_is_regular(path, found)) return false;
    errno = 0;
    gzFile zlib = gzopen(path, "rb");
    if (!zlib) {
        problems_add(found, EXIT_INPUT, "%s: cannot be opened: %s", path,
                     errno ? strerror(errno) : "out of memory");
        return false;
    }
    gzbuffer(zlib, BUFFER);
    file->zlib = zlib;
    return true;
}

void file_close(struct file *file)
{
    if (file->zlib) gzclose_r(file->zlib);
    memory_free(file->path);
    *file = (struct file){0};
}

/* Reads until `bytes` are there or the file ends; returns how many. */
static int64_t read_some(struct file *file, char *out, int64_t bytes)
{
    int64_t done = 0;
    while (done < bytes) {
        int64_t rest = bytes - done;
        int now = gzread(file->zlib, out + done, (unsigned)(rest < PIECE ? rest : PIECE));
        if (now <= 0) break;
        done += now;
    }
    file->at += done;
    return done;
}

/* Adds a problem when zlib or the system met an error; a gzip file that breaks off is one. */
static bool healthy(struct file *file, struct problems *found)
{
    int code;
    const char *text = gzerror(file->zlib, &code);
    if (code == Z_OK || code == Z_STREAM_END) return true;
    if (code == Z_ERRNO)
        problems_add(found, EXIT_INPUT, "%s: reading failed at byte %lld: %s", file->path,
                     (long long)file->at, strerror(errno));
    else {
        size_t named = strlen(file->path); /* zlib begins with the path, as we do */
        if (strncmp(text, file->path, named) == 0 && strncmp(text + named, ": ", 2) == 0) text += named + 2;
        problems_add(found, EXIT_INPUT, "%s: damaged or truncated gzip data after byte %lld: %s", file->path,
                     (long long)file->at, text);
    }
    return false;
}

bool file_take(struct file *file, void *out, int64_t bytes, const char *what, struct problems *found)
{
    int64_t begin = file->at;
    if (read_some(file, out, bytes) == bytes) return true;
    if (healthy(file, found))
        problems_add(found, EXIT_INPUT, "%s: ends at byte %lld; expected bytes %lld to %lld, %s", file->path,
                     (long long)file->at, (long long)begin, (long long)(begin + bytes - 1), what);
    return false;
}

bool file_read_shared(struct file *file, void *out, int64_t bytes, const char *what, struct comm *comm,
                      struct problems *found)
{
    int good = comm_rank(comm) != 0 || file_take(file, out, bytes, what, found);
    comm_broadcast(comm, &good, sizeof good, 0);
    if (good) comm_broadcast(comm, out, bytes, 0);
    return good;
}

bool file_check_size(struct file *file, int64_t bytes, const char *claim, struct problems *found)
{
    int64_t size;
    struct stat status;
    bool more = false;
    if (gzdirect(file->zlib)) {
        if (stat(file->path, &status) != 0) {
            problems_add(found, EXIT_INPUT, "%s: %s", file->path, strerror(errno));
            return false;
        }
        size = status.st_size;
    } else {
        char *buffer = memory_new(BUFFER, 1);
        int64_t want = 1;
        while (want > 0 && file->at <= bytes) {
            want = bytes + 1 - file->at;
            want = read_some(file, buffer, want < BUFFER ? want : BUFFER);
        }
        memory_free(buffer);
        if (!healthy(file, found)) return false;
        size = file->at;
        more = size > bytes;
    }
    if (size == bytes) return true;
    problems_add(found, EXIT_INPUT, "%s: expected %lld bytes by %s, found %s%lld: the file %s", file->path,
                 (long long)bytes, claim, more ? "at least " : "", (long long)size,
                 size < bytes ? "is truncated" : "has bytes too many at its end");
    return false;
}
