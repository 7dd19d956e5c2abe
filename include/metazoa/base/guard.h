/*
 * A guard: runs a function in a child process. Damaged data can make the function crash, hang or use all
 * memory; the caller gets an answer in each of these cases. Local.
 *
 * fork() makes the child while MPI runs. The child never calls MPI, and it ends when its parent ends. If
 * fork() is not allowed on a machine, set METAZOA_GUARD=off in the environment: then the function runs in the
 * process itself, and a damaged file may end the program.
 */
#ifndef METAZOA_BASE_GUARD_H
#define METAZOA_BASE_GUARD_H

#include <stdbool.h>
#include <stdio.h>

#include "metazoa/base/error.h"

/*
 * Runs function(context, out) in a child with bounded memory, and copies what it prints to `out`. EXIT_DONE:
 * the function returned true. EXIT_INPUT: it returned false, and `reason` is empty; or the child crashed, or
 * did not call guard_alive for `seconds`: then `reason` says so. EXIT_FAILED: a fatal error, whose message
 * was printed, or somebody else has ended the child; `reason` says so.
 */
enum exit_code guard_run(bool (*function)(void *context, FILE *out), void *context, FILE *out, double seconds,
                         char reason[128]);

/*
 * guard_run for a function that reads the file `path`; true: it returned true. text: what it printed, owned
 * by the caller (free). reason: as above. Fatal if the child was ended by a fatal error (no memory) or by the
 * kernel, for that says nothing about the file.
 */
bool guard_read(const char *path, bool (*function)(void *context, FILE *out), void *context, char **text,
                char reason[128]);

/* In the child: tells the parent that the function still makes progress. Elsewhere: does nothing. */
void guard_alive(void);

#endif
