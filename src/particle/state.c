#include "metazoa/particle/state.h"

#include <stddef.h>

#include "metazoa/particle/kind.h"

static bool always(const struct particle_shape *shape, const struct training *training)
{
    (void)shape, (void)training;
    return true;
}

/* What does not replicate has no self-training, and so no velocity of it. */
static bool if_self_velocity(const struct particle_shape *shape, const struct training *training)
{
    return particle_kind(shape)->replicates && (!training || training->buffers == MOMENTUM_SEPARATE);
}

static bool if_pruned(const struct particle_shape *shape, const struct training *training)
{
    (void)shape;
    return !training || training->prunes;
}

static bool if_rewound(const struct particle_shape *shape, const struct training *training)
{
    (void)shape;
    return !training || training->rewinds;
}

const struct state_row state_table[FIELD_COUNT] = {
    [FIELD_WEIGHTS] = {"weights", "weights of the particles", "1", .held = always},
    [FIELD_VELOCITY_TASK] = {"velocity_task", "velocity of the task's steps (momentum)", "1", .held = always},
    [FIELD_VELOCITY_SELF] = {"velocity_self", "velocity of the self-training steps (momentum)", "1",
                             .held = if_self_velocity},
    [FIELD_PRUNED] = {"pruned", "1: the particle is pruned, 0: it lives", "1", true, true, if_pruned},
    [FIELD_KEPT] = {"kept", "weights to which pruning goes back", "1", .stays = true, .held = if_rewound},
};

bool state_held(enum state_field field, const struct particle_shape *shape, const struct training *training)
{
    return state_table[field].held(shape, training);
}

int64_t state_bytes(const struct particle_shape *shape, const struct training *training)
{
    int64_t values = 0;
    for (int f = 0; f < FIELD_COUNT; f++)
        if (state_held((enum state_field)f, shape, training))
            values += state_values((enum state_field)f, shape);
    return values * (int64_t)sizeof(float);
}
