/*
 * A guard: does something that damaged data may crash, hang or blow up, in a child process, so that the
 * caller always gets an answer. Local.
 */
#ifndef METAZOA_BASE_GUARD_H
#define METAZOA_BASE_GUARD_H

#include <stdbool.h>
#include <stdio.h>

/*
 * Runs function(context, out) in a child with bounded memory; what it prints to out is copied to `out` (NULL:
 * not wanted). Returns what it returned; false when it crashed or gave no sign of life for `seconds`, and
 * then a line that says so goes to `reason` (which is empty otherwise).
 */
bool guard_run(bool (*function)(void *context, FILE *out), void *context, FILE *out, double seconds,
               char reason[128]);

/* In the child: a sign of life. Elsewhere: nothing. */
void guard_alive(void);

#endif
