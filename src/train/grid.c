/* The process grid of a run. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "metazoa/organism/cost.h"
#include "metazoa/train/run.h"

enum { LISTED = 16, TEXT = 640 };

/* All [batch, rows, columns] with that product, as a list; the first LISTED of them. */
static void list_grids(char *text, int ranks)
{
    int n = 0, used = 0;
    text[0] = 0;
    for (int batch = ranks; batch >= 1; batch--) {
        if (ranks % batch != 0) continue;
        for (int rows = ranks / batch; rows >= 1; rows--) {
            if (ranks / batch % rows != 0) continue;
            if (n == LISTED) {
                snprintf(text + used, (size_t)(TEXT - used), ", ...");
                return;
            }
            used += snprintf(text + used, (size_t)(TEXT - used), "%s[%d, %d, %d]", n++ ? ", " : "", batch,
                             rows, ranks / batch / rows);
        }
    }
}

void run_grid(int size[GRID_AXES], enum grid_axis order[GRID_AXES], const struct config *config,
              const struct organism_shape *shape, int ranks, int node_ranks, struct problems *problems)
{
    const int64_t batch = config->schedule.batch;
    const int self_steps = (int)config->training.self_steps;
    struct machine machine = machine_default();
    machine.node = node_ranks;
    if (config_grid_auto(config)) {
        grid_choose(size, order, shape, &machine, batch, self_steps, ranks);
        return;
    }
    const int64_t *wanted = config->grid;
    /* Each is at most 2^20: the product of two fits, and three do when the first two were not too many. */
    const int64_t two = wanted[0] * wanted[1];
    if (two <= ranks && two * wanted[2] == ranks) {
        for (int axis = 0; axis < GRID_AXES; axis++) size[axis] = (int)wanted[axis];
        grid_order(order, shape, &machine, batch, self_steps, size);
        return;
    }
    char text[TEXT];
    list_grids(text, ranks);
    problems_add(problems, EXIT_USAGE,
                 "parallel.grid = [%" PRId64 ", %" PRId64 ", %" PRId64 "] does not make %d rank%s: "
                 "auto or one of %s would do",
                 wanted[0], wanted[1], wanted[2], ranks, ranks == 1 ? "" : "s", text);
}
