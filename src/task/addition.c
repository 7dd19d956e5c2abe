/* Addition: the sum of a few normal numbers, new ones every epoch (paper, section 5.1). */
#include "source.h"

enum { SAMPLES_DEFAULT = 1000, PIECE = 256 };

static void addition_open(struct task *task, struct problems *found)
{
    const struct task_spec *spec = &task->spec;
    if (spec->inputs < 1)
        problems_add(found, EXIT_USAGE, "task.inputs: %d, but a sum needs at least 1", spec->inputs);
    task->classification = false;
    task->inputs = spec->inputs;
    task->outputs = 1;
    task->train.samples = spec->samples > 0 ? spec->samples : SAMPLES_DEFAULT;
    task->test.samples = spec->test_samples > 0 ? spec->test_samples : SAMPLES_DEFAULT;
}

/* Draws one sample. Every rank draws all numbers, because the sum needs them, and keeps the columns it
 * holds. */
static void draw_sample(const struct task *task, struct dataset *data, struct random_stream stream,
                        int64_t sample)
{
    float draw[PIECE], *x = data->x + sample * data->stride;
    double sum = 0;
    for (int32_t at = 0; at < task->inputs; at += PIECE) {
        int32_t now = task->inputs - at < PIECE ? task->inputs - at : PIECE;
        random_normal(&stream, draw, now);
        for (int32_t i = 0; i < now; i++) {
            sum += (double)draw[i];
            if (at + i >= task->input_begin && at + i < task->input_end)
                x[at + i - task->input_begin] = draw[i];
        }
    }
    data->y[sample] = (float)sum;
}

static void draw_all(struct task *task, struct dataset *data, enum random_purpose purpose, int64_t epoch)
{
    for (int64_t i = 0; i < data->samples; i++)
        draw_sample(task, data, random_open(task->spec.seed, purpose, epoch, (uint64_t)i), i);
}

static void addition_load(struct task *task, struct comm *comm, struct problems *found)
{
    (void)comm, (void)found;
    draw_all(task, &task->test, RANDOM_TEST, 0);
}

static void addition_epoch(struct task *task, int64_t epoch)
{
    draw_all(task, &task->train, RANDOM_TRAIN, epoch);
}

const struct task_source source_addition = {
    .open = addition_open, .load = addition_load, .epoch = addition_epoch};
