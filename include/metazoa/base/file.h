/*
 * Files and folders. All functions are local. A failure is fatal unless the function's comment says
 * otherwise. Inside a commit (base/commit.h) file_sync, file_remove and file_replace come later.
 *
 * Fault injection, for tests: every operation that changes the disk calls fault_point(), which counts. The
 * environment variable METAZOA_FAIL_WRITE=n makes the n-th operation fail; METAZOA_KILL_WRITE=n ends the
 * process at the n-th operation, as kill -9 would. Both act only on rank METAZOA_FAULT_RANK (default 0).
 */
#ifndef METAZOA_BASE_FILE_H
#define METAZOA_BASE_FILE_H

#include <stdbool.h>
#include <stdint.h>

/* fault_point counts one operation; true: the operation must fail now. fault_rank sets the rank of this
 * process, which METAZOA_FAULT_RANK is compared with. */
bool fault_point(void);
void fault_rank(int rank);

/* For tests: restarts the count, and replaces the two variables; 0: never. */
void fault_set(int64_t fail, int64_t kill);

/* "folder/name", owned by the caller. */
char *file_path(const char *folder, const char *name);

/* The part of a path behind its last slash, in the same memory. */
const char *file_name(const char *path);

/* Whether a name ends so (".h5"), and is longer than that. */
bool file_ends(const char *name, const char *ending);

/* The name under which a file is written before its rename: "path.tmp"; owned by the caller. */
char *file_temporary(const char *path);

bool file_exists(const char *path);

/* What lies here in a regular file's place ("a folder", "a pipe", ...; static storage); NULL: a regular
 * file, or nothing. */
const char *file_odd(const char *path);
int64_t file_bytes(const char *path); /* -1: it does not exist */

/* How many more files this process may open, after it has asked for as many as the system lets it have. */
int64_t files_spare(void);

/* Makes a file, and lets no other program claim it until this one ends or claims another file; fatal if
 * another one has. For the temporary names of files that no lock of a run guards. File systems without
 * locks let everyone. */
void file_claim(const char *path);

/* Makes a folder, unless it exists. */
void folder_make(const char *path);

/* Returns when data and metadata of a file, or the entries of a folder, are on the disk (fsync). */
void file_sync(const char *path);

/* Removes a file, if it exists. */
void file_remove(const char *path);

/* Renames `from`, which must be synced, to `to`, and syncs the folder of `to`. After a crash or power failure
 * `to` is either the old file or the new one, whole. */
void file_replace(const char *from, const char *to);

/* Writes a file of n bytes: under a temporary name, then file_sync and file_replace, as a commit
 * (base/commit.h). Who reads a file of this name before, to write it anew, must be inside a commit
 * already. */
void file_write(const char *path, const void *bytes, int64_t n);

/* The content of a file of at most `limit` bytes, NUL-terminated, owned by the caller (memory_free). NULL:
 * the file cannot be read, is longer, or is no regular file. */
char *file_read(const char *path, int64_t limit);

/* Whether files can be made in a folder; false: errno says why. */
bool folder_writable(const char *path);

/* Calls visit for every name in a folder, in no particular order. A folder that does not exist counts as
 * empty. */
void folder_visit(const char *path, void (*visit)(void *context, const char *name), void *context);

/* The wanted names in a folder, in order; owned by the caller (names_free). */
struct names {
    int64_t n;
    char **name;
};
struct names folder_names(const char *path, bool (*wanted)(const char *name));
void names_free(struct names *names);

#endif
