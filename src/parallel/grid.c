#include "metazoa/parallel/grid.h"

#include <assert.h>

void grid_place(struct grid *grid, struct comm *all, const int size[GRID_AXES],
                const enum grid_axis order[GRID_AXES])
{
    const int rank = comm_rank(all);
    assert((int64_t)size[0] * size[1] * size[2] == comm_size(all));
    *grid = (struct grid){.all = all};
    for (int i = GRID_AXES - 1, stride = 1; i >= 0; i--) {
        const enum grid_axis axis = grid->order[i] = order[i];
        grid->size[axis] = size[axis];
        grid->stride[axis] = stride;
        grid->at[axis] = rank / stride % size[axis];
        stride *= size[axis];
    }
    for (int axis = 0; axis < GRID_AXES; axis++) {
        int color = 0; /* the other two coordinates */
        for (int other = 0; other < GRID_AXES; other++)
            if (other != axis) color = color * size[other] + grid->at[other];
        grid->axis[axis] = comm_split(all, color, grid->at[axis]);
    }
    grid->plane = comm_split(all, grid->at[GRID_BATCH], rank);
}

void grid_new(struct grid *grid, struct comm *all, const int size[GRID_AXES])
{
    grid_place(grid, all, size, (const enum grid_axis[]){GRID_BATCH, GRID_ROWS, GRID_COLUMNS});
}

void grid_free(struct grid *grid)
{
    for (int axis = 0; axis < GRID_AXES; axis++) comm_free(grid->axis[axis]);
    comm_free(grid->plane);
    *grid = (struct grid){0};
}
