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
 * Runs function(context, out) in a child with bounded memory, and copies what it prints to `out`.
 * EXIT_DONE: the function returned true. EXIT_INPUT: it returned false, and `reason` is empty; or the child
 * crashed, or did not call guard_alive for `seconds`: then `reason` says so. EXIT_FAILED: a fatal error ended
 * the child; its message was printed, and `reason` calls the input damaged, for what only reads.
 */
enum exit_code guard_run(bool (*function)(void *context, FILE *out), void *context, FILE *out, double seconds,
                         char reason[128]);

/* In the child: tells the parent that the function still makes progress. Elsewhere: does nothing. */
void guard_alive(void);

#endif
