/*
 * Commits: the last steps of files that were written under temporary names. They are brought to the disk, get
 * their names, and what they replace is removed. Local.
 *
 * Between commit_begin and commit_end, file_sync, file_replace and file_remove (base/file.h) only enter what
 * they are to do into a list. commit_end carries the list out in its order: it does this itself, or in the
 * background by a thread, while the caller goes on. A folder is then synced once for files that follow each
 * other in it, before anything is done in another folder.
 *
 * The thread makes system calls only: no MPI, no HDF5, no allocation, no output, no signals. It stops at the
 * first failure, which is fatal as everywhere, but in the caller: at its next commit_look, commit_begin or
 * commit_background.
 */
#ifndef METAZOA_BASE_COMMIT_H
#define METAZOA_BASE_COMMIT_H

#include <stdbool.h>

/* Whether commits are carried out in the background from now on; not at first. Returns when none is under
 * way. */
void commit_background(bool on);

/* They may be nested: the outermost pair counts. commit_begin returns when the commit before is on the disk. */
void commit_begin(void);
void commit_end(void);

/* How long the last commit took that is on the disk, in seconds; 0: there was none. Does not wait for one
 * that is under way. */
double commit_look(void);

/* One step; paths are copied. Outside of a commit it is done at once, and returns when it is on the disk. */
enum commit_step { COMMIT_SYNC, COMMIT_RENAME, COMMIT_REMOVE };
void commit_step(enum commit_step step, const char *path, const char *to);

#endif
