#include "metazoa/organism/need.h"

#include "metazoa/base/saturate.h"
#include "constants.h"
#include "metazoa/parallel/cut.h"

/* Bytes that one of p ranks sends when n bytes are summed so that each rank has a part, or when parts come
 * together. */
static int64_t half_sum(int64_t n, int64_t p)
{
    return saturated_sum(saturated_product(n / p, p - 1), n % p * (p - 1) / p);
}

/* ... when n values are summed for all of them: doubles there, floats back. */
static int64_t whole_sum(int64_t n, int64_t p)
{
    return saturated_sum(half_sum(saturated_product(n, sizeof(double)), p),
                         half_sum(saturated_product(n, sizeof(float)), p));
}

/* Samples of a batch at one place of the batch axis, at most, in chunks of whole vectors. */
static int64_t samples_held(const struct organism_shape *shape, int64_t batch, int64_t places)
{
    return (cut_parts(batch, shape->chunk) + places - 1) / places * lanes_round(shape->chunk);
}

struct organism_traffic organism_traffic(const struct organism_shape *shape, const struct organism_need *need,
                                         const struct interaction_spec *interaction,
                                         const int size[GRID_AXES], int64_t batch)
{
    struct organism_traffic traffic = {0};
    const int64_t samples = samples_held(shape, batch, size[GRID_BATCH]);
    const double chance = interaction_chance(interaction);
    const bool meet = chance > 0 && size[GRID_BATCH] * size[GRID_ROWS] * size[GRID_COLUMNS] > 1;
    double sent = 0;
    for (int l = 0; l < shape->layers; l++) {
        /* Forward, the outputs of a layer are summed over the ranks that hold its edges (those of the last
         * layer over all ranks that hold any of it). Backward, the gradients of its inputs are summed over
         * those that hold its cells. */
        const int64_t edge_ranks = size[grid_edge_axis(l)], cell_ranks = size[grid_cell_axis(l)];
        const bool last = l == shape->layers - 1;
        const int64_t forward = saturated_product(samples, last ? shape->cells[l + 1] : need->cells[l]);
        const int64_t backward = l > 0 && !need->copied[l] ? saturated_product(samples, need->edges[l]) : 0;
        const int64_t effective = half_sum(
            saturated_product(need->local[l] * shape->particle.shown, sizeof(float)), size[GRID_BATCH]);
        const int64_t gradient =
            half_sum(saturated_product(need->local[l], sizeof(double)), size[GRID_BATCH]);
        traffic.sums =
            saturated_sum(traffic.sums, whole_sum(forward, last ? edge_ranks * cell_ranks : edge_ranks));
        traffic.sums = saturated_sum(traffic.sums, whole_sum(backward, cell_ranks));
        traffic.batch = saturated_sum(traffic.batch, saturated_sum(gradient, effective));
        if (constants_any(shape)) /* the gradients of cells: all ranks get all of them */
            traffic.batch =
                saturated_sum(traffic.batch, 2 * half_sum(saturated_product(need->cells[l], sizeof(double)),
                                                          size[GRID_BATCH]));
        /* After interactions the effective weights are gathered once more. */
        if (meet) traffic.batch = saturated_sum(traffic.batch, effective);
        sent += chance * (double)need->owned[l] / 2;
    }
    /* Nearly all particles meet another one, and one of the two is sent, seldom to the rank where it is. */
    if (meet) traffic.meetings = (int64_t)(sent * (double)sizeof(float) * shape->particle.weights);
    return traffic;
}
