/* Terminals: whether a person is looking at the output. Local. */
#ifndef METAZOA_BASE_TERMINAL_H
#define METAZOA_BASE_TERMINAL_H

#include <stdbool.h>

/* Whether standard output is shown on a terminal. Open MPI's mpirun gives rank 0 a terminal of its own even
 * when mpirun's output goes into a file or pipe; then this is false. */
bool terminal_shown(void);

#endif
