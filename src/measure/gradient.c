#include "gradient.h"

#include <math.h>
#include <string.h>

#include "metazoa/base/memory.h"
#include "metazoa/measure/whole.h"
#include "metazoa/organism/prune.h"

struct scratch {
    float *field[FIELD_COUNT], *effective, *loss;
    int64_t groups;
};

static struct scratch scratch_new(const struct organism *organism, int l)
{
    const struct layer *layer = &organism->layer[l];
    const int64_t groups = layer_owned_groups(layer),
                  floats = groups * organism->shape.particle.weights * LANES;
    struct scratch scratch = {.groups = groups,
                              .field = {[FIELD_WEIGHTS] = memory_new(floats, sizeof(float)),
                                        [FIELD_VELOCITY_TASK] = memory_new(floats, sizeof(float))},
                              .effective =
                                  memory_new(groups * organism->shape.particle.shown * LANES, sizeof(float)),
                              .loss = memory_new(groups * LANES, sizeof(float))};
    if (floats > 0)
        memcpy(scratch.field[FIELD_WEIGHTS], layer->field[FIELD_WEIGHTS], (size_t)floats * sizeof(float));
    if (layer->field[FIELD_PRUNED]) {
        scratch.field[FIELD_PRUNED] = memory_new(groups * LANES, sizeof(float));
        memcpy(scratch.field[FIELD_PRUNED], layer->field[FIELD_PRUNED],
               (size_t)(groups * LANES) * sizeof(float));
    }
    return scratch;
}

static void scratch_free(struct scratch *scratch)
{
    for (int f = 0; f < FIELD_COUNT; f++) memory_free(scratch->field[f]);
    memory_free(scratch->effective), memory_free(scratch->loss);
}

void gradient_norms(const float *field, int weights, int64_t groups, double *out)
{
    for (int64_t at = 0; at < groups * LANES; at++) {
        double sum = 0;
        for (int i = 0; i < weights; i++) {
            const double x = (double)field[particle_index(at, weights, i)];
            sum += x * x;
        }
        out[at] = sqrt(sum);
    }
}

void gradient_task(struct subject *subject, double *const *out)
{
    struct organism *organism = &subject->organism;
    const struct particle_shape *particle = &organism->shape.particle;
    struct tally ignored = {0};
    organism_refresh(organism);
    task_epoch(&subject->task, subject->progress.epoch > 0 ? subject->progress.epoch : 1);
    organism_learn(organism, &subject->task, 0, subject->task.train.samples, &ignored);
    const struct sweep sweep = {
        .buffers = MOMENTUM_SHARED, .task_step = 1, .gradient_scale = (float)organism->gradient_scale};
    for (int l = 0; l < organism->shape.layers; l++) {
        struct scratch scratch = scratch_new(organism, l);
        particle_sweep(particle, &sweep, scratch.groups, scratch.field, scratch.effective,
                       organism->layer[l].gradient_shown, scratch.loss);
        gradient_norms(scratch.field[FIELD_VELOCITY_TASK], particle->weights, scratch.groups, out[l]);
        scratch_free(&scratch);
    }
    organism_refresh(organism); /* drops the pending task step */
}

double gradient_self_loss(struct subject *subject)
{
    struct organism *organism = &subject->organism;
    const struct sweep sweep = {.buffers = MOMENTUM_RESET, .self_steps = 1};
    struct exact_wide sum = {{0}};
    for (int l = 0; l < organism->shape.layers; l++) {
        struct scratch scratch = scratch_new(organism, l);
        particle_sweep(&organism->shape.particle, &sweep, scratch.groups, scratch.field, scratch.effective,
                       NULL, scratch.loss);
        for (int64_t at = 0; at < scratch.groups * LANES; at++)
            if (organism_id(organism, l, at) >= 0) exact_wide_add(&sum, (double)scratch.loss[at]);
        scratch_free(&scratch);
    }
    exact_wide_sum(subject->comm, &sum);
    const int64_t living = organism_living(organism); /* the loss of a pruned particle is 0 */
    return living > 0 ? exact_wide_value(&sum) / (double)living : 0;
}
