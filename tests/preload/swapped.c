/* Preloaded: when SWAPPED has been opened OPENINGS times in a process, NEWER takes its place, as when a
 * job goes on training. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int open64(const char *path, int flags, ...)
{
    int (*next)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open64");
    const char *swapped = getenv("SWAPPED"), *newer = getenv("NEWER");
    va_list rest;
    va_start(rest, flags);
    const int mode = va_arg(rest, int), file = next(path, flags, mode);
    va_end(rest);
    static int openings = 0;
    if (swapped && newer && strcmp(path, swapped) == 0 && ++openings == atoi(getenv("OPENINGS")))
        rename(newer, swapped);
    return file;
}

int open(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    const int file = open64(path, flags, va_arg(rest, int));
    va_end(rest);
    return file;
}
