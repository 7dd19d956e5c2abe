/*
 * Memory: allocation that cannot fail silently and is counted.
 * Every pointer is aligned to 64 bytes and zeroed. Sizes are checked in 64 bits before anything is allocated.
 */
#ifndef METAZOA_BASE_MEMORY_H
#define METAZOA_BASE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* Local, first thing in main. Lets the C library keep freed memory: libraries that take and give back
 * megabytes at every file would pay the first touch of each page again (measured here: 15 us a page, most of
 * an archive segment's time). */
void memory_start(void);

/* Local. count * size zeroed bytes (count 0: a valid pointer that must not be read); fatal when they cannot
 * be had. */
void *memory_new(int64_t count, size_t size);

/* Local. An array of at least n items: `array` itself if it has room for them (NULL: an empty one), else a
 * larger copy, of which the new items are zeroed, and `array` is freed. Growing item by item takes time in
 * proportion to the number of items. */
void *memory_grow(void *array, int64_t n, size_t size);

/* Local. Frees what memory_new or memory_grow returned; NULL is allowed. */
void memory_free(void *pointer);

/* Local. Bytes now held through this module, and the most that ever were. memory_count adds bytes that are
 * held elsewhere, or takes them away (a negative number). */
int64_t memory_held(void);
int64_t memory_peak(void);
void memory_count(int64_t bytes);

/* Local. Copies of strings, owned by the caller (memory_free); memory_print formats like printf. */
char *memory_string(const char *text);
char *memory_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Local. Appends to a text in a buffer of `room` bytes, like printf; what does not fit is cut. */
void memory_append(char *text, size_t room, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
