/*
 * Stands in for src/base/memory.c, so that many ranks with large organisms fit into one machine. Large arrays
 * of numbers are address space alone: what is only read stays untouched, as weights do, and what the passes
 * write, floats of moderate size, lies folded on one piece of real memory for all arrays and ranks. Their
 * contents mean nothing. Lists of structures stay real, and everything is counted as in the program.
 */
#include "metazoa/base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "metazoa/base/error.h"

enum {
    ALIGNMENT = 64,
    PRIVATE = 2 * ALIGNMENT,
    LARGE = 1 << 18,
    NUMBER = 8,
    FOLD = 4 << 20,
    WRITTEN = 64 << 20
};

static int64_t held = 0, peak = 0;

/* Every real allocation is preceded by its size. */
struct header {
    int64_t bytes;
};

/* The file that all ranks fold their arrays on. They are threads of one process, but share no variables. */
static int fold_file(void)
{
    const char *known = getenv("METAZOA_FOLD");
    if (known) return atoi(known);
    char text[16];
    int file = memfd_create("fold", 0);
    if (file < 0 || ftruncate(file, FOLD) != 0) fatal("no memory to fold arrays on");
    snprintf(text, sizeof text, "%d", file);
    setenv("METAZOA_FOLD", text, 1);
    return file;
}

static char *address_space(int64_t bytes, size_t size)
{
    char *base =
        mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) return NULL;
    for (int64_t at = 0; at < bytes && size == sizeof(float) && bytes < WRITTEN; at += FOLD) {
        size_t piece = (size_t)(bytes - at < FOLD ? bytes - at : FOLD);
        if (mmap(base + at, piece, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fold_file(), 0) ==
            MAP_FAILED)
            return NULL;
    }
    return base;
}

void *memory_new(int64_t count, size_t size)
{
    const int64_t bytes = (count * (int64_t)size + ALIGNMENT + PRIVATE - 1) / PRIVATE * PRIVATE;
    const int large = bytes >= LARGE && size <= NUMBER;
    char *base = large ? address_space(bytes, size) : aligned_alloc(PRIVATE, (size_t)bytes);
    if (!base) fatal("out of memory: %lld bytes", (long long)bytes);
    held += bytes;
    if (held > peak) peak = held;
    if (large) return base;
    for (int64_t i = 0; i < bytes; i++) base[i] = 0; /* not memset: see wrap.c */
    ((struct header *)(void *)base)->bytes = bytes;
    return base + ALIGNMENT;
}

/* Large arrays begin on a page, and are never taken back; all others begin one line after a multiple of two.
 */
void memory_free(void *pointer)
{
    if (!pointer || (uintptr_t)pointer % 4096 == 0) return;
    char *base = (char *)pointer - ALIGNMENT;
    held -= ((struct header *)(void *)base)->bytes;
    free(base);
}

/* Lists of problems alone grow here: small arrays. */
void *memory_grow(void *array, int64_t n, size_t size)
{
    const char *base = array ? (const char *)array - ALIGNMENT : NULL;
    const int64_t bytes = base ? ((const struct header *)(const void *)base)->bytes - ALIGNMENT : 0;
    if (n * (int64_t)size <= bytes) return array;
    char *larger = memory_new(n + 16, 2 * size);
    for (int64_t i = 0; i < bytes; i++) larger[i] = ((const char *)array)[i];
    memory_free(array);
    return larger;
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
