/* Preloaded: files whose path ends as UNREADABLE says cannot be opened for reading, as on a failing disk;
 * those whose path ends as UNOPENED says by no rank, as if it had too many open files, but by the children
 * of ranks. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pid_t first;

__attribute__((constructor)) static void begin(void)
{
    first = getpid();
}

static bool is_meant(const char *path, const char *variable)
{
    const char *ending = getenv(variable);
    const size_t n = strlen(path), ends = ending ? strlen(ending) : 0;
    return ends > 0 && n >= ends && strcmp(path + n - ends, ending) == 0;
}

FILE *fopen(const char *path, const char *mode)
{
    FILE *(*next)(const char *, const char *) =
        (FILE * (*)(const char *, const char *)) dlsym(RTLD_NEXT, "fopen");
    if (*mode != 'r' || !is_meant(path, "UNREADABLE")) return next(path, mode);
    errno = EIO;
    return NULL;
}

int open(const char *path, int flags, ...)
{
    int (*next)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
    va_list arguments;
    va_start(arguments, flags);
    const unsigned mode = va_arg(arguments, unsigned);
    va_end(arguments);
    if (getpid() != first || !is_meant(path, "UNOPENED")) return next(path, flags, mode);
    errno = EMFILE;
    return -1;
}

int open64(const char *path, int flags, ...) __attribute__((alias("open")));
