/*
 * Files and folders, with fault injection. Every operation that changes a disk passes fault_point(),
 * which counts them: METAZOA_FAIL_WRITE=n makes the n-th one fail, METAZOA_KILL_WRITE=n ends the process
 * there as kill -9 would; both on rank METAZOA_FAULT_RANK (default 0) alone. All functions are local; failure
 * is fatal unless said otherwise.
 */
#ifndef METAZOA_BASE_FILE_H
#define METAZOA_BASE_FILE_H

#include <stdbool.h>
#include <stdint.h>

/* Counts one operation, for the rank that the process has told with fault_rank. True: it must fail now. */
bool fault_point(void);
void fault_rank(int rank);

/* Begins to count anew, for tests: the operations at which to fail and to die; 0: never. */
void fault_set(int64_t fail, int64_t kill);

/* "folder/name", owned by the caller. */
char *file_path(const char *folder, const char *name);

/* The name under which a file is written before its rename: "path.tmp"; owned by the caller. */
char *file_temporary(const char *path);

bool file_exists(const char *path);
int64_t file_bytes(const char *path); /* -1: it does not exist */

/* Makes a folder, unless it exists. */
void folder_make(const char *path);

/* Data and metadata of a file, or the entries of a folder, reach the disk. */
void file_sync(const char *path);

/* Removes a file, if it exists. */
void file_remove(const char *path);

/* The synced file `from` replaces `to`, and the folder of `to` is synced: all or nothing, also when power
 * fails. */
void file_replace(const char *from, const char *to);

/* Writes a whole file: temporary name, sync, replace. */
void file_write(const char *path, const void *bytes, int64_t n);

/* The text of a whole file of at most `limit` bytes, NUL-terminated, owned by the caller; NULL: it cannot be
 * read. */
char *file_read(const char *path, int64_t limit);

/* Calls visit for every name in a folder, in no order; nothing for a folder that cannot be read. */
void folder_visit(const char *path, void (*visit)(void *context, const char *name), void *context);

#endif
