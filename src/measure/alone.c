/* Particles trained alone, for comparison with those of an organism. */
#include "group.h"
#include "metazoa/base/memory.h"
#include "metazoa/measure/robustness.h"
#include "metazoa/parallel/cut.h"

void robustness_alone(struct whole *whole, const struct organism *organism, uint64_t seed, float epsilon,
                      int64_t n, int64_t steps)
{
    struct comm *comm = organism->grid->all;
    const int weights = organism->shape.particle.weights, width = 1 + weights;
    const int64_t groups = (n + LANES - 1) / LANES,
                  begin = cut_begin(groups, comm_size(comm), comm_rank(comm)),
                  end = cut_begin(groups, comm_size(comm), comm_rank(comm) + 1);
    struct group group;
    int64_t *id = memory_new((end - begin) * LANES, sizeof *id), taken = 0;
    float *rows = memory_new((end - begin) * LANES * width, sizeof *rows);
    group_new(&group, organism);
    for (int64_t g = begin; g < end; g++) {
        uint8_t types[LANES];
        int64_t found[LANES];
        group_draw(&group, seed, g * LANES);
        group_watch(&group, epsilon, steps, types, found);
        for (int lane = 0; lane < LANES && g * LANES + lane < n; lane++) {
            if (types[lane] != TYPE_SELF_REPLICATOR) continue;
            float *row = rows + taken * width;
            row[0] = (float)found[lane];
            particle_row_get(row + 1, group.field[FIELD_WEIGHTS], lane, weights);
            id[taken++] = g * LANES + lane;
        }
    }
    whole_gather(whole, comm, taken, id, rows, (size_t)width * sizeof *rows);
    group_free(&group);
    memory_free(id), memory_free(rows);
}
