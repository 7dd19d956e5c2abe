/* Every process grid that the ranks of a communicator allow. */
#ifndef GRIDS_H
#define GRIDS_H

#include "metazoa/parallel/grid.h"

/* Runs a check on every grid that the communicator's size allows. */
static inline void on_every_grid(struct comm *comm, void (*check)(struct grid *grid, void *context),
                                 void *context)
{
    int n = comm_size(comm);
    for (int b = 1; b <= n; b++)
        for (int r = 1; r <= n / b; r++)
            if (n % (b * r) == 0) {
                struct grid grid;
                grid_new(&grid, comm, (int[]){b, r, n / b / r});
                check(&grid, context);
                grid_free(&grid);
            }
}

#endif
