/*
 * Nodes: how the ranks of a group lie on the machines of a cluster. Ranks are on one node if they can share
 * memory.
 */
#ifndef METAZOA_PARALLEL_NODES_H
#define METAZOA_PARALLEL_NODES_H

#include <stdbool.h>

#include "metazoa/parallel/comm.h"

struct nodes {
    int count;       /* nodes that the group is on */
    int here;        /* ranks of the group on this rank's node */
    int least, most; /* ranks on a node; all but `here` are equal on all ranks */
};

/* Collective. */
struct nodes nodes_of(struct comm *comm);

#endif
