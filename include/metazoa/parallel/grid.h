/*
 * Process grid: the ranks are arranged as batch x rows x columns. The chunks of a batch of samples are
 * divided over the batch axis. In even layers, edges are divided over rows and cells over columns; in odd
 * layers the other way round, so the ranks that hold a layer's outputs are those that need them as inputs of
 * the next layer.
 */
#ifndef METAZOA_PARALLEL_GRID_H
#define METAZOA_PARALLEL_GRID_H

#include "metazoa/parallel/comm.h"

enum grid_axis { GRID_BATCH, GRID_ROWS, GRID_COLUMNS, GRID_AXES };

struct grid {
    struct comm *all;                /* all ranks of the grid; not owned */
    int size[GRID_AXES];             /* ranks along each axis; their product is the number of ranks */
    int at[GRID_AXES];               /* this rank's coordinates */
    enum grid_axis order[GRID_AXES]; /* the axis whose neighbours are farthest apart in `all` first */
    int stride[GRID_AXES];           /* ranks of `all` between two neighbours on an axis */
    struct comm *axis[GRID_AXES];    /* the ranks that differ from this one in that coordinate alone; owned */
    struct comm *plane;              /* the ranks with the same batch coordinate; owned */
};

/*
 * Collective. size: ranks along each axis; their product must be comm_size(all). Neighbours in `all` are near
 * each other (comm_start), so the last axis of an order stays inside nodes, and the first one leaves them.
 * grid_new: batch, rows, columns.
 */
void grid_place(struct grid *grid, struct comm *all, const int size[GRID_AXES],
                const enum grid_axis order[GRID_AXES]);
void grid_new(struct grid *grid, struct comm *all, const int size[GRID_AXES]);
void grid_free(struct grid *grid);

/* Local. The axis over which the edges (cells) of a layer are spread. */
static inline enum grid_axis grid_edge_axis(int layer)
{
    return layer % 2 == 0 ? GRID_ROWS : GRID_COLUMNS;
}
static inline enum grid_axis grid_cell_axis(int layer)
{
    return layer % 2 == 0 ? GRID_COLUMNS : GRID_ROWS;
}

/* Local. The rank in `all` at these coordinates. */
static inline int grid_rank(const struct grid *grid, const int at[GRID_AXES])
{
    int rank = 0;
    for (int axis = 0; axis < GRID_AXES; axis++) rank += at[axis] * grid->stride[axis];
    return rank;
}

#endif
