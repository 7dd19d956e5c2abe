/*
 * Cuts: how a range [0, n) is divided into consecutive parts. Part i is [cut_begin(n, parts, i), cut_begin(n,
 * parts, i + 1)). Parts differ by one item at most; with fewer items than parts some are empty.
 */
#ifndef METAZOA_PARALLEL_CUT_H
#define METAZOA_PARALLEL_CUT_H

#include <stdint.h>

static inline int64_t cut_begin(int64_t n, int64_t parts, int64_t i)
{
    return n / parts * i + n % parts * i / parts;
}

/* The number of parts of at most `limit` items that [0, n) needs; at least one. */
static inline int64_t cut_parts(int64_t n, int64_t limit)
{
    return n <= limit ? 1 : (n + limit - 1) / limit;
}

/* How many of the parts [lo, hi) have n / parts + 1 items; the others have n / parts. */
static inline int64_t cut_larger(int64_t n, int64_t parts, int64_t lo, int64_t hi)
{
    return n % parts * hi / parts - n % parts * lo / parts;
}

/* The part that holds an item of [0, n). */
static inline int64_t cut_find(int64_t n, int64_t parts, int64_t item)
{
    return ((item + 1) * parts - 1) / n;
}

#endif
