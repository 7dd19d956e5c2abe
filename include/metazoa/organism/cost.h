/*
 * Cost model: how long a batch takes on a process grid, from counts of operations, bytes and messages. It
 * picks the grid that `parallel.grid: auto` means and is what docs/performance.md sets beside measurements.
 * Local, no communication.
 */
#ifndef METAZOA_ORGANISM_COST_H
#define METAZOA_ORGANISM_COST_H

#include "metazoa/organism/shape.h"
#include "metazoa/parallel/grid.h"

/* What the machine can do; the defaults describe one core of a current server, its network, and nodes of
 * moderate size; with them the model picked the best grids in simulations (docs/scaling.md). Ranks fill one
 * node after the other. */
struct machine {
    double product_rate;  /* FLOP/s of block products */
    double particle_step; /* seconds per weight and self-training step of one particle */
    double sum_rate;      /* values/s added to exact sums */
    double message;       /* seconds per message */
    double byte;          /* seconds per byte sent inside a node, while all ranks of the node send */
    int node;             /* ranks of a node */
    double port;          /* bytes/s that leave a node */
};
struct machine machine_default(void);

/* Seconds of a batch on the busiest rank. */
struct cost {
    double particles; /* sweep */
    double passes;    /* products, activations, exact sums */
    double exchange;  /* sums over rows and columns that do not hide behind computing */
    double reduce; /* gradients and effective weights over the batch axis, and the agreement of all ranks */
    double total;
};
struct cost cost_of_batch(const struct organism_shape *shape, const struct machine *machine, int64_t batch,
                          int self_steps, const int grid[GRID_AXES], const enum grid_axis order[GRID_AXES]);

/* The cheapest order of a grid's axes (parallel/grid.h): which of them leaves the nodes. Returns its seconds
 * per batch. */
double grid_order(enum grid_axis order[GRID_AXES], const struct organism_shape *shape,
                  const struct machine *machine, int64_t batch, int self_steps, const int grid[GRID_AXES]);

/* The cheapest grid and order for this number of ranks; of equally cheap ones, the one with the longest batch
 * axis. */
void grid_choose(int grid[GRID_AXES], enum grid_axis order[GRID_AXES], const struct organism_shape *shape,
                 const struct machine *machine, int64_t batch, int self_steps, int ranks);

#endif
