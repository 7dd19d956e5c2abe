/*
 * Memory: allocation that cannot fail silently and is counted.
 * Every pointer is aligned to 64 bytes and zeroed. Sizes are checked in 64 bits before anything is allocated.
 */
#ifndef METAZOA_BASE_MEMORY_H
#define METAZOA_BASE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "metazoa/base/saturate.h"

/* Local; call it first in main. Makes the C library keep freed memory. HDF5 takes and frees megabytes for
 * every file, and memory that was given back to the system costs time again when it is first touched
 * (docs/decisions.md). */
void memory_start(void);

/* Local. count * size zeroed bytes; count 0 gives a valid pointer that must not be read. Lack of memory is
 * fatal. Owned by the caller (memory_free). */
void *memory_new(int64_t count, size_t size);

/* Local. What one piece of this many bytes takes of the machine's memory, for estimates. Large ones begin
 * at huge pages; memory between two of them is taken if it was used before, so half of it counts. */
int64_t memory_piece(int64_t bytes);

/*
 * Local. For code that can also tell what it would allocate. plan NULL: memory_new. Otherwise nothing is
 * allocated: the bytes are added to *plan (INT64_MAX: that or more), and the result is NULL.
 */
static inline void *memory_take(int64_t *plan, int64_t count, size_t size)
{
    if (!plan) return memory_new(count, size);
    *plan = saturated_sum(*plan, saturated_product(count, (int64_t)size));
    return NULL;
}

/* Local. An array of at least n items: `array` itself if it has room for them (NULL: an empty one), else a
 * larger copy, of which the new items are zeroed, and `array` is freed. Growing item by item takes time in
 * proportion to the number of items. */
void *memory_grow(void *array, int64_t n, size_t size);

/* Local. Frees what memory_new or memory_grow returned; NULL is allowed. */
void memory_free(void *pointer);

/* Local. Bytes that this process holds through this module now, and the largest number that it has held.
 * memory_count adds bytes of memory from elsewhere to the count; a negative number subtracts. */
int64_t memory_held(void);
int64_t memory_peak(void);
void memory_count(int64_t bytes);

/* Local. Copies of strings, owned by the caller (memory_free); memory_print formats like printf. */
char *memory_string(const char *text);
char *memory_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Local. Appends to a text in a buffer of `room` bytes, like printf; what does not fit is cut. */
void memory_append(char *text, size_t room, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
