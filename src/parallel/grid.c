#include "metazoa/parallel/grid.h"

#include <assert.h>

void grid_new(struct grid *grid, struct comm *all, const int size[GRID_AXES])
{
    int rank = comm_rank(all);
    assert((int64_t)size[0] * size[1] * size[2] == comm_size(all));
    *grid = (struct grid){.all = all};
    for (int axis = GRID_AXES - 1, rest = rank; axis >= 0; axis--) {
        grid->size[axis] = size[axis];
        grid->at[axis] = rest % size[axis];
        rest /= size[axis];
    }
    for (int axis = 0; axis < GRID_AXES; axis++) {
        int color = 0; /* the other two coordinates */
        for (int other = 0; other < GRID_AXES; other++)
            if (other != axis) color = color * size[other] + grid->at[other];
        grid->axis[axis] = comm_split(all, color, grid->at[axis]);
    }
    grid->plane = comm_split(all, grid->at[GRID_BATCH], rank);
}

void grid_free(struct grid *grid)
{
    for (int axis = 0; axis < GRID_AXES; axis++) comm_free(grid->axis[axis]);
    comm_free(grid->plane);
    *grid = (struct grid){0};
}
