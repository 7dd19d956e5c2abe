#include "metazoa/base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "metazoa/base/commit.h"
#include "metazoa/base/error.h"
#include "metazoa/base/memory.h"

static int this_rank = 0;

void fault_rank(int rank)
{
    this_rank = rank;
}

static int64_t number_from_environment(const char *name, int64_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoll(text, NULL, 10) : otherwise;
}

static _Atomic int64_t operations = 0; /* commit.c counts in a thread as well */
static int64_t fail_at = -1, kill_at = 0;

void fault_set(int64_t fail, int64_t kill)
{
    operations = 0;
    fail_at = fail;
    kill_at = kill;
}

bool fault_point(void)
{
    if (fail_at < 0)
        fault_set(number_from_environment("METAZOA_FAIL_WRITE", 0),
                  number_from_environment("METAZOA_KILL_WRITE", 0));
    if (this_rank != number_from_environment("METAZOA_FAULT_RANK", 0)) return false;
    const int64_t number = ++operations;
    if (number == kill_at) raise(SIGKILL);
    if (number != fail_at) return false;
    errno = EIO;
    return true;
}

char *file_path(const char *folder, const char *name)
{
    return memory_print("%s/%s", folder, name);
}

char *file_temporary(const char *path)
{
    return memory_print("%s.tmp", path);
}

const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

bool file_ends(const char *name, const char *ending)
{
    const size_t n = strlen(name), m = strlen(ending);
    return n > m && strcmp(name + n - m, ending) == 0;
}

bool file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

const char *file_odd(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0 || S_ISREG(status.st_mode)) return NULL;
    return S_ISDIR(status.st_mode) ? "a folder" : S_ISFIFO(status.st_mode) ? "a pipe" : "a device or socket";
}

int64_t file_bytes(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? (int64_t)status.st_size : -1;
}

int64_t files_spare(void)
{
    struct rlimit limit;
    const int next = open("/dev/null", O_RDONLY | O_CLOEXEC); /* the least number that is free */
    if (next < 0 || close(next) != 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
    return limit.rlim_cur == RLIM_INFINITY ? INT64_MAX : (int64_t)limit.rlim_cur - next;
}

void file_claim(const char *path)
{
    static int claimed = -1;
    struct stat here, there;
    do { /* again if whoever had it before has given the file its name meanwhile */
        if (claimed >= 0) close(claimed);
        claimed = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (claimed < 0) fatal("%s: cannot be made: %s", path, strerror(errno));
        if (flock(claimed, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
            fatal("%s: another program writes this file now: wait for it, or end it", path);
    } while (fstat(claimed, &here) == 0 &&
             (stat(path, &there) != 0 || here.st_ino != there.st_ino || here.st_dev != there.st_dev));
}

bool folder_writable(const char *path)
{
    char *inside = memory_print("%s/.", path); /* of a file: "Not a directory" */
    const bool good = access(inside, W_OK | X_OK) == 0;
    const int reason = errno;
    memory_free(inside);
    errno = reason;
    return good;
}

void folder_make(const char *path)
{
    if (fault_point() || (mkdir(path, 0777) != 0 && errno != EEXIST))
        fatal("%s: the folder cannot be made: %s", path, strerror(errno));
}

void file_sync(const char *path)
{
    commit_step(COMMIT_SYNC, path, NULL);
}

void file_remove(const char *path)
{
    commit_step(COMMIT_REMOVE, path, NULL);
}

static void folder_sync(const char *path)
{
    char *folder = memory_string(path);
    char *slash = strrchr(folder, '/');
    if (slash) slash[slash == folder] = 0;
    file_sync(slash ? folder : ".");
    memory_free(folder);
}

void file_replace(const char *from, const char *to)
{
    commit_step(COMMIT_RENAME, from, to);
    folder_sync(to);
}

void file_write(const char *path, const void *bytes, int64_t n)
{
    char *temporary = file_temporary(path);
    commit_begin(); /* a commit under way may have this name still to rename */
    FILE *file = fault_point() ? NULL : fopen(temporary, "wbe");
    if (!file) fatal("%s: cannot be made: %s", temporary, strerror(errno));
    bool written = !fault_point() && fwrite(bytes, 1, (size_t)n, file) == (size_t)n && fflush(file) == 0;
    if (!written || fclose(file) != 0) {
        const char *reason = strerror(errno);
        unlink(temporary);
        fatal("%s: cannot be written: %s", temporary, reason);
    }
    file_sync(temporary);
    file_replace(temporary, path);
    commit_end();
    memory_free(temporary);
}

char *file_read(const char *path, int64_t limit)
{
    int64_t bytes = file_bytes(path);
    FILE *file = bytes >= 0 && bytes <= limit && !file_odd(path) ? fopen(path, "rbe") : NULL;
    if (!file) return NULL;
    char *text = memory_new(bytes + 1, 1);
    size_t n = fread(text, 1, (size_t)bytes, file);
    const bool failed = ferror(file);
    fclose(file);
    text[n] = 0;
    if (!failed) return text;
    memory_free(text);
    return NULL;
}

void folder_visit(const char *path, void (*visit)(void *context, const char *name), void *context)
{
    DIR *folder = opendir(path);
    if (!folder && (errno == ENOENT || errno == ENOTDIR)) return;
    while (folder) {
        errno = 0;
        const struct dirent *entry = readdir(folder);
        if (!entry) break;
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            visit(context, entry->d_name);
    }
    if (errno) fatal("%s: the folder cannot be read: %s", path, strerror(errno));
    closedir(folder);
}

struct visit {
    bool (*wanted)(const char *name);
    struct names names;
};

static void names_add(void *context, const char *name)
{
    struct visit *visit = context;
    struct names *names = &visit->names;
    if (!visit->wanted(name)) return;
    names->name = memory_grow(names->name, names->n + 1, sizeof *names->name);
    names->name[names->n++] = memory_string(name);
}

static int by_name(const void *a, const void *b)
{
    char *const *x = a, *const *y = b;
    return strcmp(*x, *y);
}

struct names folder_names(const char *path, bool (*wanted)(const char *name))
{
    struct visit visit = {.wanted = wanted};
    folder_visit(path, names_add, &visit);
    struct names names = visit.names;
    if (names.n > 0) qsort(names.name, (size_t)names.n, sizeof *names.name, by_name);
    return names;
}

void names_free(struct names *names)
{
    for (int64_t i = 0; i < names->n; i++) memory_free(names->name[i]);
    memory_free(names->name);
}
