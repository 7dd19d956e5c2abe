#include "source.h"

#include <string.h>

#include "metazoa/base/memory.h"

char *source_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash) return memory_string(".");
    return slash == path ? memory_string("/") : memory_print("%.*s", (int)(slash - path), path);
}

int64_t source_samples(int64_t held, int64_t wanted, const char *key, const char *where,
                       struct problems *found)
{
    if (wanted <= held) return wanted > 0 ? wanted : held;
    problems_add(found, EXIT_USAGE,
                 "%s: %lld, but %s holds %lld samples; ask for at most that many, or 0 for all", key,
                 (long long)wanted, where, (long long)held);
    return held;
}

int32_t source_image_inputs(struct task *task, int planes, const int32_t size[2])
{
    const int *wanted = task->spec.size;
    const int64_t rows = wanted[0] > 0 ? wanted[0] : size[0], columns = wanted[1] > 0 ? wanted[1] : size[1];
    const int64_t most = TASK_CELLS_MAX / planes;
    if (rows > most || columns > most / rows) return TASK_CELLS_MAX + 1;
    task->shape[0] = planes;
    task->shape[1] = (int32_t)rows;
    task->shape[2] = (int32_t)columns;
    return (int32_t)(planes * rows * columns);
}

void source_image(const struct task *task, struct dataset *data, int64_t sample, struct image *image,
                  const uint8_t *bytes)
{
    int32_t held = task->input_end - task->input_begin;
    if (!source_mine(task, sample)) return;
    image_convert(image, bytes);
    memcpy(data->x + sample * data->stride, image->out + task->input_begin, (size_t)held * sizeof *data->x);
}

bool source_label(const struct task *task, int64_t sample, int64_t label, const char *name,
                  struct problems *found)
{
    if (0 <= label && label < task->outputs) return true;
    problems_add(found, EXIT_INPUT, "%s: %s: sample %lld: expected a class from 0 to %d, found %lld",
                 task->spec.path, name, (long long)sample, task->outputs - 1, (long long)label);
    return false;
}
