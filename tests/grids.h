/* Every process grid that the ranks of a communicator allow. */
#ifndef GRIDS_H
#define GRIDS_H

#include "metazoa/parallel/grid.h"

/* Runs a check on every grid that the communicator's size allows; the axes are in another order each time. */
static inline void on_every_grid(struct comm *comm, void (*check)(struct grid *grid, void *context),
                                 void *context)
{
    static const enum grid_axis orders[][GRID_AXES] = {{GRID_BATCH, GRID_ROWS, GRID_COLUMNS},
                                                       {GRID_COLUMNS, GRID_ROWS, GRID_BATCH},
                                                       {GRID_ROWS, GRID_COLUMNS, GRID_BATCH},
                                                       {GRID_BATCH, GRID_COLUMNS, GRID_ROWS}};
    int n = comm_size(comm), turn = 0;
    for (int b = 1; b <= n; b++)
        for (int r = 1; r <= n / b; r++)
            if (n % (b * r) == 0) {
                struct grid grid;
                grid_place(&grid, comm, (int[]){b, r, n / b / r}, orders[turn++ % 4]);
                check(&grid, context);
                grid_free(&grid);
            }
}

#endif
