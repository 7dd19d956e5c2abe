#include "metazoa/organism/cost.h"

#include <math.h>
#include <string.h>

#include "metazoa/parallel/cut.h"

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

/* A grid on a machine. */
struct site {
    const struct machine *machine;
    const int *size;
    int64_t stride[GRID_AXES], all;
    double hidden; /* the part of an exchange inside a node that computing hides */
};

static struct site site_of(const struct machine *machine, const int size[GRID_AXES],
                           const enum grid_axis order[GRID_AXES])
{
    struct site site = {.machine = machine, .size = size, .all = 1};
    for (int i = GRID_AXES - 1; i >= 0; site.all *= size[order[i--]]) site.stride[order[i]] = site.all;
    return site;
}

/* Seconds for a byte that leaves a node, if all ranks of the node send one to a rank so far away, and stay
 * among `span` ranks that follow each other: some of these are in another node, unless the node holds whole
 * spans. */
static double port_time(const struct site *site, int64_t distance, int64_t span)
{
    const int node = site->machine->node;
    if (site->all <= node || (span <= node && node % span == 0)) return 0;
    return fmin(node, (double)distance) / site->machine->port;
}

/* A sum of n values along an axis, by halving, nearest ranks first: the distance doubles at each stage, and
 * what is sent becomes half as much, doubles there and floats back. */
static double sum_time(const struct site *site, double values, enum grid_axis axis)
{
    const struct machine *machine = site->machine;
    double seconds = 0;
    for (int64_t ranks = 1; ranks < site->size[axis]; ranks *= 2) {
        const int64_t distance = ranks * site->stride[axis];
        const double bytes = 12 * values / (2 * (double)ranks);
        const double inside = 2 * machine->message + bytes * machine->byte;
        const double through = bytes * port_time(site, distance, 2 * distance);
        seconds += fmax(inside * (1 - site->hidden), through);
    }
    return seconds;
}

/* The same over all ranks of a plane. */
static double plane_time(const struct site *site, double values)
{
    const bool columns_near = site->stride[GRID_COLUMNS] < site->stride[GRID_ROWS];
    const enum grid_axis near = columns_near ? GRID_COLUMNS : GRID_ROWS,
                         far = columns_near ? GRID_ROWS : GRID_COLUMNS;
    return sum_time(site, values, near) + sum_time(site, values / site->size[near], far);
}

/* Gradients there and effective weights back along the batch axis, `bytes` of the busiest rank and `mean` of
 * the average rank: in a ring, or by halving and doubling where they are short. */
static double reduce_time(const struct site *site, double bytes, double mean)
{
    enum { SHORT = 96 << 10 };
    const struct machine *machine = site->machine;
    const int ranks = site->size[GRID_BATCH];
    const int64_t stride = site->stride[GRID_BATCH];
    if (bytes > SHORT)
        return 2 * (ranks - 1) * machine->message +
               fmax(bytes * machine->byte, mean * port_time(site, stride, stride * ranks)) * (ranks - 1) /
                   ranks;
    double seconds = 0;
    for (int64_t distance = ranks / 2; distance > 0; distance /= 2) {
        bytes /= 2, mean /= 2;
        seconds +=
            2 * machine->message +
            fmax(bytes * machine->byte, mean * port_time(site, distance * stride, 2 * distance * stride));
    }
    return seconds;
}

/* Exchanges of a chunk in layer l: sums of its outputs, and of the gradients of its inputs. */
static double exchange_time(const struct site *site, const struct organism_shape *shape, int l, double edges,
                            double cells, double samples)
{
    const bool last = l == shape->layers - 1;
    const double out = last ? plane_time(site, shape->cells[l + 1] * samples)
                            : sum_time(site, cells * samples, grid_edge_axis(l));
    /* Copies of the last layer's weights spare a sum: organism/workspace.h. */
    const bool sums = l > 0 && !(last && cut_parts(shape->cells[l + 1], shape->block) == 1);
    return out + (sums ? sum_time(site, edges * samples, grid_cell_axis(l)) : 0);
}

struct cost cost_of_batch(const struct organism_shape *shape, const struct machine *machine, int64_t batch,
                          int self_steps, const int grid[GRID_AXES], const enum grid_axis order[GRID_AXES])
{
    struct cost cost = {0};
    struct site site = site_of(machine, grid, order);
    int64_t chunks = cut_parts(batch, shape->chunk);
    double rounds = share(chunks, grid[GRID_BATCH]), samples = (double)batch / (double)chunks;
    double exchange = 0, reduced = 0, mean = 0; /* bytes along the batch axis */
    /* With two chunks under way, one's exchange hides behind the other's products, but goes on only between
     * these: in simulations (docs/scaling.md) 0.3 gave the best choices. */
    site.hidden = rounds > 1 ? 0.3 : 0;
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
        exchange += exchange_time(&site, shape, l, edges, cells, samples);
        reduced += 12 * local;
        mean += 12.0 * shape->cells[l] * shape->cells[l + 1] / (grid[GRID_ROWS] * grid[GRID_COLUMNS]);
    }
    cost.exchange = rounds * exchange;
    cost.reduce = reduce_time(&site, reduced, mean) + ceil(log2((double)site.all)) * machine->message;
    cost.total = cost.particles + cost.passes + cost.exchange + cost.reduce;
    return cost;
}

/* Inside one node all orders cost the same, and the first one is taken. */
double grid_order(enum grid_axis order[GRID_AXES], const struct organism_shape *shape,
                  const struct machine *machine, int64_t batch, int self_steps, const int grid[GRID_AXES])
{
    static const enum grid_axis orders[][GRID_AXES] = {
        {GRID_BATCH, GRID_ROWS, GRID_COLUMNS}, {GRID_BATCH, GRID_COLUMNS, GRID_ROWS},
        {GRID_ROWS, GRID_COLUMNS, GRID_BATCH}, {GRID_COLUMNS, GRID_ROWS, GRID_BATCH},
        {GRID_ROWS, GRID_BATCH, GRID_COLUMNS}, {GRID_COLUMNS, GRID_BATCH, GRID_ROWS}};
    double least = INFINITY;
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        const double total = cost_of_batch(shape, machine, batch, self_steps, grid, orders[i]).total;
        if (total >= least) continue;
        least = total;
        memcpy(order, orders[i], sizeof orders[i]);
    }
    return least;
}

void grid_choose(int grid[GRID_AXES], enum grid_axis order[GRID_AXES], const struct organism_shape *shape,
                 const struct machine *machine, int64_t batch, int self_steps, int ranks)
{
    double least = INFINITY;
    for (int b = ranks; b >= 1; b--) {
        if (ranks % b != 0) continue;
        for (int r = ranks / b; r >= 1; r--) {
            if (ranks / b % r != 0) continue;
            const int candidate[GRID_AXES] = {b, r, ranks / b / r};
            enum grid_axis best[GRID_AXES];
            const double total = grid_order(best, shape, machine, batch, self_steps, candidate);
            if (total >= least) continue;
            least = total;
            memcpy(grid, candidate, sizeof candidate);
            memcpy(order, best, sizeof best);
        }
    }
}
