/* Terminals: whether a person is looking at the output. Local. */
#ifndef METAZOA_BASE_TERMINAL_H
#define METAZOA_BASE_TERMINAL_H

#include <stdbool.h>

/* Whether standard output is shown on a terminal. Open MPI's mpirun gives rank 0 a terminal of its own even
 * when mpirun's output goes into a file or pipe; then this is false. MPICH's gives it a pipe even when that
 * is shown on a terminal; then this is true. */
bool terminal_shown(void);

/* Columns of the window now; 80 if unknown. The terminal that mpirun gives to rank 0 keeps the size that the
 * window had at the start, so mpirun's own is asked. */
int terminal_width(void);

/* Shows on a terminal what the program is doing ("reading data") while nothing else is printed, until
 * terminal_done or the next call. Elsewhere it does nothing. Messages about problems call terminal_done
 * themselves. */
void terminal_doing(const char *what);
void terminal_done(void);

#endif
