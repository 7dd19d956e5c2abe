/*
 * A guard: runs a function that damaged data may make crash, hang or take all memory in a child process, so
 * that the caller always gets an answer. Local.
 *
 * The child is made by fork() while MPI runs; it never calls MPI, and ends with its parent. If an MPI library
 * or an administrator forbids fork(), set METAZOA_GUARD=off in the environment: then the function runs in the
 * process itself, and a damaged file may end the program.
 */
#ifndef METAZOA_BASE_GUARD_H
#define METAZOA_BASE_GUARD_H

#include <stdbool.h>
#include <stdio.h>

/*
 * Runs function(context, out) in a child with bounded memory; what it prints to out is copied to `out` (NULL:
 * not wanted). Returns what the function returned. Returns false when the child crashed or gave no sign of
 * life for `seconds`, and then `reason` says so; otherwise reason is empty.
 */
bool guard_run(bool (*function)(void *context, FILE *out), void *context, FILE *out, double seconds,
               char reason[128]);

/* In the child: a sign of life. Elsewhere: nothing. */
void guard_alive(void);

#endif
