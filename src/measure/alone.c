/* Particles trained alone, for comparison with those of an organism. */
#include <string.h>

#include "metazoa/base/memory.h"
#include "metazoa/measure/robustness.h"
#include "metazoa/parallel/cut.h"
#include "metazoa/parallel/random.h"

/* Random streams of their own: noise uses the draws 0, 1, ..., this one is the last possible number. */
enum { ALONE_DRAW = (1 << 24) - 1 };

/* A group of LANES particles with its state. */
struct group {
    float *field[FIELD_COUNT];
    _Alignas(64) float effective[LANES]; /* vectors */
    _Alignas(64) float loss[LANES];
    float found[LANES]; /* steps until it was a self-replicator; 0: it has not been one */
};

static void group_draw(struct group *group, const struct particle_shape *shape, uint64_t seed, int64_t first)
{
    float row[PARTICLE_WEIGHTS_MAX];
    for (int lane = 0; lane < LANES; lane++) {
        particle_draw(row, shape, seed, RANDOM_PROBE, ALONE_DRAW, (uint64_t)(first + lane), 0);
        particle_row_put(group->field[FIELD_WEIGHTS], lane, shape->weights, row);
        group->found[lane] = 0;
    }
    for (int f = 0; f < FIELD_COUNT; f++)
        if (f != FIELD_WEIGHTS && group->field[f])
            memset(group->field[f], 0,
                   (size_t)(state_values((enum state_field)f, shape) * LANES) * sizeof(float));
}

/* Trains; types: in the end. */
static void group_train(struct group *group, const struct organism *organism, float epsilon, int64_t steps,
                        uint8_t types[LANES])
{
    const struct particle_shape *shape = &organism->shape.particle;
    const struct training *training = &organism->training;
    struct sweep sweep = {.learning_rate = training->learning_rate,
                          .momentum = training->momentum,
                          .buffers = training->buffers,
                          .self_weights = training->self_weights};
    const int64_t portion = training->self_steps > 0 ? training->self_steps : 1;
    int64_t looked = 0;
    for (int64_t done = 0; done < steps; done += sweep.self_steps) {
        sweep.self_steps = (int)(steps - done < portion ? steps - done : portion);
        particle_sweep(shape, &sweep, 1, group->field, group->effective, NULL, group->loss);
        const int64_t now = done + sweep.self_steps;
        if (now - looked < CENSUS_STEPS) continue;
        looked = now;
        particle_census(shape, 1, group->field[FIELD_WEIGHTS], epsilon, types);
        for (int i = 0; i < LANES; i++)
            if (group->found[i] == 0 && types[i] == TYPE_SELF_REPLICATOR) group->found[i] = (float)now;
    }
    particle_census(shape, 1, group->field[FIELD_WEIGHTS], epsilon, types);
    for (int i = 0; i < LANES; i++)
        if (group->found[i] == 0 && types[i] == TYPE_SELF_REPLICATOR) group->found[i] = (float)steps;
}

void robustness_alone(struct whole *whole, const struct organism *organism, uint64_t seed, float epsilon,
                      int64_t n, int64_t steps)
{
    struct comm *comm = organism->grid->all;
    const struct particle_shape *shape = &organism->shape.particle;
    const int64_t groups = (n + LANES - 1) / LANES, width = 1 + shape->weights;
    const int64_t begin = cut_begin(groups, comm_size(comm), comm_rank(comm)),
                  end = cut_begin(groups, comm_size(comm), comm_rank(comm) + 1);
    struct group group = {0};
    for (int f = 0; f < FIELD_COUNT; f++)
        if (state_held((enum state_field)f, shape, &organism->training))
            group.field[f] = memory_new(state_values((enum state_field)f, shape) * LANES, sizeof(float));
    int64_t *id = memory_new((end - begin) * LANES, sizeof *id), found = 0;
    float *rows = memory_new((end - begin) * LANES * width, sizeof *rows);
    for (int64_t g = begin; g < end; g++) {
        uint8_t types[LANES];
        group_draw(&group, shape, seed, g * LANES);
        group_train(&group, organism, epsilon, steps, types);
        for (int lane = 0; lane < LANES && g * LANES + lane < n; lane++) {
            if (types[lane] != TYPE_SELF_REPLICATOR) continue;
            float *row = rows + found * width;
            row[0] = group.found[lane];
            particle_row_get(row + 1, group.field[FIELD_WEIGHTS], lane, shape->weights);
            id[found++] = g * LANES + lane;
        }
    }
    whole_gather(whole, comm, found, id, rows, (size_t)width * sizeof *rows);
    for (int f = 0; f < FIELD_COUNT; f++) memory_free(group.field[f]);
    memory_free(id), memory_free(rows);
}
