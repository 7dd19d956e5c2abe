/*
 * Stands in for src/base/memory.c. Large arrays of numbers share one piece of real memory, whatever their
 * number and size (SimGrid's folding): what they hold has no meaning. Lists of structures stay real, and all
 * is counted as in the program.
 */
#include "metazoa/base/memory.h"

#include <smpi/smpi.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metazoa/base/error.h"

enum { ALIGNMENT = 64, PRIVATE = 2 * ALIGNMENT, LARGE = 1 << 18, NUMBER = 8 };

static int64_t held = 0, peak = 0;

/* Every allocation is preceded by its size. Of a folded one this lies in shared memory and means nothing:
 * folded arrays are never taken back, nor counted off. */
struct header {
    int64_t bytes;
};

void *memory_new(int64_t count, size_t size)
{
    const int64_t bytes = (count * (int64_t)size + ALIGNMENT + PRIVATE - 1) / PRIVATE * PRIVATE;
    const int folded = bytes >= LARGE && size <= NUMBER;
    char *base = folded ? SMPI_SHARED_MALLOC((size_t)bytes) : aligned_alloc(PRIVATE, (size_t)bytes);
    if (!base) fatal("out of memory: %lld bytes", (long long)bytes);
    held += bytes;
    if (held > peak) peak = held;
    if (folded) return base;
    for (int64_t i = 0; i < bytes; i++) base[i] = 0; /* not memset: see wrap.c */
    ((struct header *)(void *)base)->bytes = bytes;
    return base + ALIGNMENT;
}

/* Folded arrays begin on a page, all others one line after a multiple of two. */
void memory_free(void *pointer)
{
    if (!pointer || (uintptr_t)pointer % 4096 == 0) return;
    char *base = (char *)pointer - ALIGNMENT;
    held -= ((struct header *)(void *)base)->bytes;
    free(base);
}

void memory_start(void)
{
}

int64_t memory_held(void)
{
    return held;
}

int64_t memory_peak(void)
{
    return peak;
}

char *memory_string(const char *text)
{
    size_t n = strlen(text) + 1;
    return memcpy(memory_new((int64_t)n, 1), text, n);
}

char *memory_print(const char *format, ...)
{
    char *text = memory_new(1024, 1);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, 1024, format, arguments);
    va_end(arguments);
    return text;
}

void memory_append(char *text, size_t room, const char *format, ...)
{
    const size_t used = strlen(text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text + used, room - used, format, arguments);
    va_end(arguments);
}
