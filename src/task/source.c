#include "source.h"

#include <string.h>

enum {
    PIECE = 256
}; /* random numbers drawn at a time: a multiple of four, so that the pieces join as one draw */

int64_t source_samples(int64_t held, int64_t wanted, const char *key, const char *where,
                       struct problems *found)
{
    if (wanted <= held) return wanted > 0 ? wanted : held;
    problems_add(found, EXIT_USAGE,
                 "%s: %lld, but %s holds %lld samples; ask for at most so many, or 0 for all", key,
                 (long long)wanted, where, (long long)held);
    return held;
}

void source_noise(const struct task *task, struct dataset *data, int64_t sample)
{
    enum random_purpose purpose = data == &task->train ? RANDOM_NOISE_TRAIN : RANDOM_NOISE_TEST;
    float *x = data->x + sample * data->stride, noise = (float)task->spec.noise, draw[PIECE];
    if (!(noise > 0)) return;
    struct random_stream stream = random_open(task->spec.seed, purpose, 0, (uint64_t)sample);
    for (int32_t at = 0; at < task->input_end; at += PIECE) {
        int32_t now = task->inputs - at < PIECE ? task->inputs - at : PIECE;
        random_normal(&stream, draw, now);
        /* Scaled before it is added, so that no multiply-add can round a column differently in another slice.
         */
        for (int32_t i = 0; i < now; i++) draw[i] *= noise;
        int32_t begin = at > task->input_begin ? at : task->input_begin;
        int32_t end = at + now < task->input_end ? at + now : task->input_end;
        for (int32_t i = begin; i < end; i++) x[i - task->input_begin] += draw[i - at];
    }
}

int32_t source_image_inputs(const struct task_spec *spec, int planes, const int32_t size[2])
{
    int64_t rows = spec->size[0] > 0 ? spec->size[0] : size[0];
    int64_t columns = spec->size[1] > 0 ? spec->size[1] : size[1];
    int64_t most = TASK_CELLS_MAX / planes;
    return rows <= most && columns <= most / rows ? (int32_t)(planes * rows * columns) : TASK_CELLS_MAX + 1;
}

void source_image(const struct task *task, struct dataset *data, int64_t sample, struct image *image,
                  const uint8_t *bytes)
{
    int32_t held = task->input_end - task->input_begin;
    if (!source_mine(task, sample)) return;
    image_convert(image, bytes);
    memcpy(data->x + sample * data->stride, image->out + task->input_begin, (size_t)held * sizeof *data->x);
    source_noise(task, data, sample);
}

bool source_label(const struct task *task, int64_t sample, int64_t label, const char *name,
                  struct problems *found)
{
    if (0 <= label && label < task->outputs) return true;
    problems_add(found, EXIT_INPUT, "%s: %s: sample %lld: expected a class from 0 to %d, found %lld",
                 task->spec.path, name, (long long)sample, task->outputs - 1, (long long)label);
    return false;
}
