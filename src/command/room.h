/*
 * Room: the memory that the ranks of a node may use, and whether a run fits into it. A job that takes more
 * than it asked for is killed by SLURM or by the kernel, and nothing would tell the user why.
 */
#ifndef METAZOA_SRC_COMMAND_ROOM_H
#define METAZOA_SRC_COMMAND_ROOM_H

#include "metazoa/config/config.h"
#include "metazoa/parallel/comm.h"

/* Local. What SLURM (--mem, --mem-per-cpu) and control groups leave this job on this node. */
struct room {
    int64_t bytes; /* INT64_MAX: no limit is known */
    char by[64];   /* what limits it */
};
struct room room_here(void);

/* Local. Memory of a rank beside the organism: the program and its libraries. resident: with what all ranks
 * of the node share, the text of programs and libraries; otherwise without. */
int64_t room_program(bool resident);

/* Collective. Compares the need of `ranks` ranks, which train one organism, with the room of this rank's
 * node. A run that will not fit is one problem, agreed on and printed: EXIT_USAGE. */
enum exit_code room_check(const struct config *config, int ranks, struct comm *world);

#endif
