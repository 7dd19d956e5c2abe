/* Preloaded: files whose path ends as UNREADABLE says cannot be opened for reading, as on a failing disk. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

FILE *fopen(const char *path, const char *mode)
{
    FILE *(*next)(const char *, const char *) =
        (FILE * (*)(const char *, const char *)) dlsym(RTLD_NEXT, "fopen");
    const char *ending = getenv("UNREADABLE");
    const size_t n = strlen(path), ends = ending ? strlen(ending) : 0;
    if (*mode != 'r' || ends == 0 || n < ends || strcmp(path + n - ends, ending) != 0)
        return next(path, mode);
    errno = EIO;
    return NULL;
}
