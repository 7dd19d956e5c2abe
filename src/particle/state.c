#include "metazoa/particle/state.h"

#include <stddef.h>

#include "metazoa/particle/kind.h"

const char *const optimizer_words[] = {OPTIMIZERS(WORDS_TEXT) NULL};
const char *const self_optimizer_words[] = {OPTIMIZERS(WORDS_TEXT) "same", NULL};

struct sweep training_sweep(const struct training *training)
{
    struct sweep sweep = {.task = training->task,
                          .self = training->task,
                          .buffers = training->buffers,
                          .self_weights = training->self_weights};
    const struct descent *self = &training->self;
    if ((int)self->optimizer != OPTIMIZER_SAME) sweep.self.optimizer = self->optimizer;
    if (self->rate >= 0) sweep.self.rate = self->rate;
    sweep.self.decay = self->decay;
    return sweep;
}

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

static bool if_task_squares(const struct particle_shape *shape, const struct training *training)
{
    (void)shape;
    return !training || optimizer_keeps_squares(training->task.optimizer);
}

static bool if_self_squares(const struct particle_shape *shape, const struct training *training)
{
    return if_self_velocity(shape, training) &&
           (!training || optimizer_keeps_squares(training_sweep(training).self.optimizer));
}

#define AGE .values = 2, .axis = "/sum", .axis_description = "0: of gradients (velocity), 1: of squares"

const struct state_row state_table[FIELD_COUNT] = {
    [FIELD_WEIGHTS] = {"weights", "weights of the particles", "1", .held = always},
    [FIELD_VELOCITY_TASK] = {"velocity_task", "velocity of the task's steps (momentum)", "1", .held = always},
    [FIELD_VELOCITY_SELF] = {"velocity_self", "velocity of the self-training steps (momentum)", "1",
                             .held = if_self_velocity},
    [FIELD_PRUNED] = {"pruned", "1: the particle is pruned, 0: it lives", "1", .values = 1, .stays = true,
                      .held = if_pruned},
    [FIELD_KEPT] = {"kept", "weights to which pruning goes back", "1", .stays = true, .held = if_rewound},
    [FIELD_SQUARES_TASK] = {"squares_task",
                            "sum of squares of the task's gradients, earlier ones weigh less (Adam)", "1",
                            .held = if_task_squares},
    [FIELD_SQUARES_SELF] = {"squares_self", "sum of squares of the self-training's gradients (Adam)", "1",
                            .held = if_self_squares},
    [FIELD_AGE_TASK] = {"age_task", "sums of the weights in the task's sums of gradients and squares (Adam)",
                        "1", AGE, .held = if_task_squares},
    [FIELD_AGE_SELF] = {"age_self", "sums of the weights in the self-training's sums (Adam)", "1", AGE,
                        .held = if_self_squares},
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
