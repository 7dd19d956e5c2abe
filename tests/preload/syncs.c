/*
 * Preloaded: appends a line to the file SYNC_LOG for every fsync ("PID fsync PATH"), rename ("PID rename FROM
 * TO") and unlink ("PID unlink PATH"). SYNC_SLEEP=n: each fsync takes n milliseconds more. SYNC_FAIL=n: the
 * n-th fsync that a process does beside its first thread fails. SYNC_APART: each process seems to run under a
 * kernel of its own.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void note(const char *format, ...)
{
    char line[9000];
    va_list arguments;
    va_start(arguments, format);
    const int n = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    const char *path = getenv("SYNC_LOG");
    if (!path) return;
    const int log = open(path, O_WRONLY | O_APPEND | O_CREAT, 0666);
    if (log < 0 || write(log, line, (size_t)n) != n) abort();
    close(log);
}

static int number(const char *variable)
{
    const char *text = getenv(variable);
    return text ? atoi(text) : 0;
}

int fsync(int file)
{
    static atomic_int beside;
    usleep(1000 * (useconds_t)number("SYNC_SLEEP"));
    if (gettid() != getpid() && ++beside == number("SYNC_FAIL")) {
        errno = EIO;
        return -1;
    }
    int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    char link[64], path[4096] = "";
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    if (readlink(link, path, sizeof path - 1) < 0) abort();
    const int result = next(file);
    if (result == 0) note("%d fsync %s\n", (int)getpid(), path);
    return result;
}

int rename(const char *from, const char *to)
{
    int (*next)(const char *, const char *) = (int (*)(const char *, const char *))dlsym(RTLD_NEXT, "rename");
    note("%d rename %s %s\n", (int)getpid(), from, to);
    return next(from, to);
}

int unlink(const char *path)
{
    int (*next)(const char *) = (int (*)(const char *))dlsym(RTLD_NEXT, "unlink");
    note("%d unlink %s\n", (int)getpid(), path);
    return next(path);
}

FILE *fopen(const char *path, const char *mode)
{
    FILE *(*next)(const char *, const char *) =
        (FILE * (*)(const char *, const char *)) dlsym(RTLD_NEXT, "fopen");
    static char pid[16];
    if (!getenv("SYNC_APART") || strcmp(path, "/proc/sys/kernel/random/boot_id") != 0)
        return next(path, mode);
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    return fmemopen(pid, sizeof pid, "r");
}
