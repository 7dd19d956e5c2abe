#include "metazoa/organism/cost.h"

#include <math.h>

#include "metazoa/parallel/cut.h"
#include "metazoa/parallel/grid.h"

struct machine machine_default(void)
{
    return (struct machine){
        .product_rate = 80e9, .particle_step = 0.2e-9, .sum_rate = 2e9, .message = 2e-6, .byte = 0.3e-9};
}

static double share(int64_t n, int64_t parts)
{
    return (double)((n + parts - 1) / parts);
}

/* Features that the busiest rank holds of n, cut into blocks that are divided over `ranks`. */
static double held(int64_t n, int64_t block, int ranks)
{
    int64_t parts = cut_parts(n, block);
    return fmin((double)n, share(parts, ranks) * share(n, parts));
}

/* A sum of so many doubles over ranks, up and down a tree, as Open MPI's nonblocking sums in place are. */
static double sum_time(const struct machine *machine, double values, int ranks)
{
    return 2 * ceil(log2(ranks)) * (machine->message + 8 * values * machine->byte);
}

struct cost cost_of_batch(const struct organism_shape *shape, const struct machine *machine, int64_t batch,
                          int self_steps, const int grid[3])
{
    struct cost cost = {0};
    int64_t chunks = cut_parts(batch, shape->chunk);
    double rounds = share(chunks, grid[GRID_BATCH]), samples = (double)batch / (double)chunks;
    int all = grid[0] * grid[1] * grid[2], plane = grid[1] * grid[2];
    double exchange = 0;
    for (int l = 0; l < shape->layers; l++) {
        int edge_ranks = grid[grid_edge_axis(l)], cell_ranks = grid[grid_cell_axis(l)];
        double edges = held(shape->cells[l], shape->block, edge_ranks);
        double cells = held(shape->cells[l + 1], shape->block, cell_ranks), local = edges * cells;
        double owned = ceil(ceil(local / LANES) / grid[GRID_BATCH]) * LANES;
        cost.particles += owned * shape->particle.weights * (self_steps + 2) * machine->particle_step;
        double products = (l > 0 ? 6 : 4) * local * samples / machine->product_rate;
        double sums =
            (local + cells * samples * share(cut_parts(shape->cells[l], shape->block), edge_ranks)) /
            machine->sum_rate;
        cost.passes += rounds * (products + sums);
        bool last = l == shape->layers - 1;
        exchange +=
            sum_time(machine, (last ? shape->cells[l + 1] : cells) * samples, last ? plane : edge_ranks);
        if (l > 0) exchange += sum_time(machine, edges * samples, cell_ranks);
        if (grid[GRID_BATCH] > 1) cost.reduce += 12 * local * machine->byte;
    }
    /* With two chunks under way, one's exchange hides behind the other's products, but a tree goes on only
     * between these: in simulations (docs/scaling.md) 0.3 gave the best choices. */
    double hidden = rounds > 1 ? 0.3 : 0;
    cost.exchange = rounds * exchange * (1 - hidden);
    cost.reduce += (2 * ceil(log2(grid[GRID_BATCH])) + ceil(log2(all))) * machine->message;
    cost.total = cost.particles + cost.passes + cost.exchange + cost.reduce;
    return cost;
}

void grid_choose(int grid[3], const struct organism_shape *shape, int64_t batch, int self_steps, int ranks)
{
    struct machine machine = machine_default();
    double least = INFINITY;
    for (int b = ranks; b >= 1; b--) {
        if (ranks % b != 0) continue;
        for (int r = ranks / b; r >= 1; r--) {
            if (ranks / b % r != 0) continue;
            int candidate[3] = {b, r, ranks / b / r};
            double total = cost_of_batch(shape, &machine, batch, self_steps, candidate).total;
            if (total >= least) continue;
            least = total;
            for (int axis = 0; axis < 3; axis++) grid[axis] = candidate[axis];
        }
    }
}
