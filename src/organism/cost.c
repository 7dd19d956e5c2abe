#include "metazoa/organism/cost.h"

#include <math.h>

#include "metazoa/parallel/cut.h"
#include "metazoa/parallel/grid.h"

struct machine machine_default(void)
{
    return (struct machine){.product_rate = 80e9,
                            .particle_step = 0.2e-9,
                            .sum_rate = 2e9,
                            .message = 2e-6,
                            .byte = 0.3e-9,
                            .node = 56,
                            .port = 10e9};
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

/* Ranks of the grid between two neighbours on an axis. */
static int stride_of(const int grid[3], enum grid_axis axis)
{
    return axis == GRID_BATCH ? grid[1] * grid[2] : axis == GRID_ROWS ? grid[2] : 1;
}

/* Seconds a byte that leaves a node whose ranks all send one to ranks so far away: some of them are in
 * another node. */
static double port_time(const struct machine *machine, int64_t distance, int all)
{
    const double node = machine->node;
    return all <= machine->node ? 0 : fmin(node, (double)distance) / machine->port;
}

/* A sum of n doubles over ranks that are this far apart, up and down a tree, as Open MPI's nonblocking sums
 * in place are: the distance doubles at each level, and the ranks that send are half as many. What stays
 * inside the nodes is partly hidden. */
static double sum_time(const struct machine *machine, double values, int ranks, int stride, int all,
                       double hidden)
{
    double seconds = 0;
    for (int64_t distance = 1; distance < ranks; distance *= 2) {
        double inside = machine->message + 8 * values * machine->byte, through = 0;
        if ((int64_t)ranks * stride > machine->node)
            through =
                machine->message + 8 * values * port_time(machine, stride * distance, all) / (double)distance;
        seconds += 2 * fmax(inside * (1 - hidden), through);
    }
    return seconds;
}

/* Gradients there and effective weights back along the batch axis, so many bytes of the busiest rank and of
 * all ranks in the mean: in a ring, or by halving and doubling where they are short. */
static double reduce_time(const struct machine *machine, double bytes, double mean, const int grid[3])
{
    enum { SHORT = 96 << 10 };
    const int ranks = grid[GRID_BATCH], stride = stride_of(grid, GRID_BATCH), all = ranks * stride;
    if (bytes > SHORT)
        return 2 * (ranks - 1) * machine->message +
               fmax(bytes * machine->byte, mean * port_time(machine, stride, all)) * (ranks - 1) / ranks;
    double seconds = 0;
    for (int distance = ranks / 2; distance > 0; distance /= 2) {
        bytes /= 2, mean /= 2;
        seconds += 2 * machine->message +
                   fmax(bytes * machine->byte, mean * port_time(machine, (int64_t)distance * stride, all));
    }
    return seconds;
}

struct cost cost_of_batch(const struct organism_shape *shape, const struct machine *machine, int64_t batch,
                          int self_steps, const int grid[3])
{
    struct cost cost = {0};
    int64_t chunks = cut_parts(batch, shape->chunk);
    double rounds = share(chunks, grid[GRID_BATCH]), samples = (double)batch / (double)chunks;
    int all = grid[0] * grid[1] * grid[2], plane = grid[1] * grid[2];
    double exchange = 0, reduced = 0, mean = 0; /* bytes along the batch axis */
    /* With two chunks under way, one's exchange hides behind the other's products, but a tree goes on only
     * between these: in simulations (docs/scaling.md) 0.3 gave the best choices. */
    const double hidden = rounds > 1 ? 0.3 : 0;
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
        if (l == shape->layers - 1)
            exchange += sum_time(machine, shape->cells[l + 1] * samples, plane, 1, all, hidden);
        else
            exchange += sum_time(machine, cells * samples, edge_ranks, stride_of(grid, grid_edge_axis(l)),
                                 all, hidden);
        if (l > 0)
            exchange += sum_time(machine, edges * samples, cell_ranks, stride_of(grid, grid_cell_axis(l)),
                                 all, hidden);
        reduced += 12 * local;
        mean += 12.0 * shape->cells[l] * shape->cells[l + 1] / plane;
    }
    cost.exchange = rounds * exchange;
    cost.reduce = reduce_time(machine, reduced, mean, grid) + ceil(log2(all)) * machine->message;
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
