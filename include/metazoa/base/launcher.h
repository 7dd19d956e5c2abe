/* How this program is started: the program that started it as a rank of a job on this host, and the words of
 * a command. Local. */
#ifndef METAZOA_BASE_LAUNCHER_H
#define METAZOA_BASE_LAUNCHER_H

#include <stdbool.h>

struct launcher {
    long process;  /* 0: there is none, or it is unknown */
    char name[32]; /* "mpirun.mpich" */
    bool
        piped; /* It reads the output of its ranks from pipes, and not, as Open MPI's for rank 0, from a terminal. */
};

struct launcher launcher_find(void);

/* The file that stands behind the launcher's standard output, a path in /proc; static storage. */
const char *launcher_output(const struct launcher *launcher);

/* The command that starts ranks of this program, "mpirun": the one that did, or the one that belongs to the
 * MPI whose version text begins with `library`. Debian has "mpirun.mpich" and "mpirun.openmpi" beside each
 * other, and "mpirun" is one of them. Static storage. */
const char *launcher_command(const char *library);

/* A word of a command that can be pasted into a shell: in quotes if it needs them. Owned by the caller. */
char *command_word(const char *word);

#endif
