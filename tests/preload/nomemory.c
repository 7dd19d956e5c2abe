/* Preloaded: the program's children get no memory of their own, as on a machine that has no more. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

static pid_t first;

__attribute__((constructor)) static void begin(void)
{
    first = getpid();
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
    void *(*next)(size_t, size_t) = (void *(*)(size_t, size_t))dlsym(RTLD_NEXT, "aligned_alloc");
    return getpid() == first ? next(alignment, bytes) : NULL;
}
