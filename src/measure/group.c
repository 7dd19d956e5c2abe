#include "group.h"

#include <string.h>

#include "metazoa/base/memory.h"
#include "metazoa/parallel/random.h"
#include "metazoa/particle/census.h"

/* Random streams of their own: noise uses the draws 0, 1, ..., this one is the last possible number. */
enum { ALONE_DRAW = (1 << 24) - 1 };

void group_new(struct group *group, const struct organism *organism)
{
    *group = (struct group){.shape = &organism->shape.particle, .training = &organism->training};
    for (int f = 0; f < FIELD_COUNT; f++)
        if (state_held((enum state_field)f, group->shape, group->training))
            group->field[f] =
                memory_new(state_values((enum state_field)f, group->shape) * LANES, sizeof(float));
}

void group_free(struct group *group)
{
    for (int f = 0; f < FIELD_COUNT; f++) memory_free(group->field[f]);
}

void group_reset(struct group *group)
{
    for (int f = 0; f < FIELD_COUNT; f++)
        if (f != FIELD_WEIGHTS && group->field[f])
            memset(group->field[f], 0,
                   (size_t)(state_values((enum state_field)f, group->shape) * LANES) * sizeof(float));
}

void group_draw(struct group *group, uint64_t seed, int64_t first)
{
    float row[PARTICLE_WEIGHTS_MAX];
    for (int lane = 0; lane < LANES; lane++) {
        particle_draw(row, group->shape, seed, RANDOM_PROBE, ALONE_DRAW, (uint64_t)(first + lane), 0);
        particle_row_put(group->field[FIELD_WEIGHTS], lane, group->shape->weights, row);
    }
    group_reset(group);
}

static int64_t portion(const struct group *group)
{
    return group->training->self_steps > 0 ? group->training->self_steps : 1;
}

void group_train(struct group *group, int64_t steps)
{
    const struct training *training = group->training;
    struct sweep sweep = training_sweep(training);
    for (int64_t done = 0; done < steps; done += sweep.self_steps) {
        sweep.self_steps = (int)(steps - done < portion(group) ? steps - done : portion(group));
        particle_sweep(group->shape, &sweep, 1, group->field, group->effective, NULL, group->loss);
    }
}

void group_watch(struct group *group, float epsilon, int64_t steps, uint8_t types[LANES],
                 int64_t found[LANES])
{
    const int64_t interval = (GROUP_CENSUS + portion(group) - 1) / portion(group) * portion(group);
    int64_t done = 0;
    for (int lane = 0; lane < LANES; lane++) found[lane] = 0;
    do {
        const int64_t n = steps - done < interval ? steps - done : interval;
        group_train(group, n);
        done += n;
        particle_census(group->shape, 1, group->field[FIELD_WEIGHTS], epsilon, types);
        for (int lane = 0; lane < LANES; lane++)
            if (found[lane] == 0 && types[lane] == TYPE_SELF_REPLICATOR) found[lane] = done;
    } while (done < steps);
}
