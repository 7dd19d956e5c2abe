#include "metazoa/task/task.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "metazoa/base/hash.h"
#include "metazoa/base/memory.h"
#include "samples.h"
#include "source.h"
#include "stream.h"

enum { READER = 0, ALIGN = 16 };

const char *const task_part_words[] = {TASK_IDENTITY(WORDS_TEXT) NULL};
const char *const task_words[] = {TASK_KINDS(WORDS_TEXT) NULL};
const char *const task_scaling_words[] = {TASK_SCALING(WORDS_TEXT) NULL};
const char *const share_data_words[] = {SHARE_DATA(WORDS_TEXT) NULL};

static const struct task_source *const sources[TASK_KIND_COUNT] = {
    [TASK_ADDITION] = &source_addition,
    [TASK_IDX] = &source_idx,
    [TASK_HDF5] = &source_hdf5,
    [TASK_CIFAR10] = &source_cifar10,
};

enum task_kind task_guess(const char *path, char **data)
{
    for (int kind = 0; kind < TASK_KIND_COUNT; kind++) {
        *data = sources[kind]->looks ? sources[kind]->looks(path) : NULL;
        if (*data) return (enum task_kind)kind;
    }
    *data = memory_string(path);
    return path_look(path) == PATH_FOLDER ? TASK_IDX : TASK_HDF5;
}

/* Local. The number of an organism's inputs and outputs is limited. */
static void check_sizes(const struct task *task, struct problems *found)
{
    if (task->inputs > TASK_CELLS_MAX || task->outputs > TASK_CELLS_MAX)
        problems_add(found, EXIT_USAGE,
                     "task: %d inputs and %d outputs; %d is the most that an organism can have", task->inputs,
                     task->outputs, TASK_CELLS_MAX);
}

/* One label of 10^7 would need 10^7 outputs. That is probably a mistake in the data, so warn. */
static void warn_of_labels(const struct task *task)
{
    enum { MANY = 1000 };
    if (!task->classification || task->outputs <= MANY || task->outputs <= task->train.samples) return;
    fprintf(
        stderr,
        "metazoa: warning: %s: the largest label is %d, which makes %d outputs for %lld training samples; "
        "if labels are not numbers from 0 on, number them\n",
        task->spec.path, task->outputs - 1, task->outputs, (long long)task->train.samples);
    fflush(stderr);
}

void task_open(struct task *task, const struct task_spec *spec, struct comm *comm, struct problems *problems)
{
    *task = (struct task){.spec = *spec};
    if (comm_rank(comm) == READER) {
        const int before = problems->n;
        sources[spec->kind]->open(task, problems);
        if (problems->n == before) check_sizes(task, problems);
        if (problems->n == before) warn_of_labels(task);
    }
    if (!comm_share(comm, problems)) return;
    int64_t sizes[] = {task->classification, task->inputs,   task->outputs,  task->train.samples,
                       task->test.samples,   task->shape[0], task->shape[1], task->shape[2]};
    comm_broadcast(comm, sizes, sizeof sizes, READER);
    task->classification = sizes[0] != 0;
    task->inputs = (int32_t)sizes[1];
    task->outputs = (int32_t)sizes[2];
    task->train.samples = sizes[3];
    task->validation.samples = samples_held_out(spec, sizes[3]);
    task->train.samples -= task->validation.samples;
    task->test.samples = sizes[4];
    for (int i = 0; i < 3; i++) task->shape[i] = (int32_t)sizes[5 + i];
}

/* The arrays of a dataset, behind each other from byte `at` on; returns where they end. base NULL: only that.
 */
static int64_t dataset_place(struct dataset *data, const struct task *task, char *base, int64_t at)
{
    const int32_t columns = task->input_end - task->input_begin;
    const int64_t line = ALIGN * (int64_t)sizeof(float);
    data->stride = (columns + ALIGN - 1) / ALIGN * ALIGN;
    const int64_t x = saturated_product(data->samples + 1, data->stride * (int64_t)sizeof *data->x);
    const int64_t target =
        task->classification ? (int64_t)sizeof *data->label : task->outputs * (int64_t)sizeof *data->y;
    const int64_t targets = saturated_product(data->samples, target);
    if (base) {
        data->x = (float *)(void *)(base + at);
        if (task->classification)
            data->label = (int32_t *)(void *)(base + at + x);
        else
            data->y = (float *)(void *)(base + at + x);
    }
    return saturated_sum(at, saturated_sum(x, saturated_sum(targets, line - 1) / line * line));
}

int64_t task_bytes(const struct task *task, int32_t input_begin, int32_t input_end)
{
    struct task part = *task;
    part.input_begin = input_begin;
    part.input_end = input_end;
    part.train.samples += part.validation.samples;
    return dataset_place(&part.test, &part, NULL, dataset_place(&part.train, &part, NULL, 0));
}

int64_t task_share_from(const struct task_spec *spec)
{
    /* Shared memory seldom has huge pages, and setting it up takes time (MNIST on two ranks: 0.2 s of
     * processor time more): it pays only from about a gigabyte of copies per node on. */
    static const int64_t from[] = {
        [SHARE_AUTO] = INT64_C(1) << 30, [SHARE_ALWAYS] = 0, [SHARE_NEVER] = INT64_MAX};
    return task_draws(spec->kind) ? INT64_MAX : from[spec->share_data];
}

/* Collective. Memory for both datasets: ranks with the same columns hold the same, unless every epoch has its
 * own. */
static void datasets_new(struct task *task, struct comm *comm)
{
    const int64_t columns[2] = {task->input_begin, task->input_end};
    const int64_t bytes = task_bytes(task, task->input_begin, task->input_end);
    shared_new(&task->memory, comm, bytes, columns, task_share_from(&task->spec));
    task->train.samples += task->validation.samples; /* until they are loaded */
    const int64_t test = dataset_place(&task->train, task, task->memory.data, 0);
    dataset_place(&task->test, task, task->memory.data, test);
}

/* Collective. Whether the samples fit into the machine's memory: otherwise the system would end the
 * program. */
static bool fits_machine(struct task *task, struct comm *comm, struct problems *problems)
{
    const int64_t bytes = task_bytes(task, task->input_begin, task->input_end);
    const double machine = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    if ((double)bytes > machine)
        problems_add(
            problems, EXIT_USAGE,
            "task: the samples take %.4g GiB on a rank, more than the %.4g GiB of its machine: use fewer "
            "(task.samples), or more ranks with a grid of rows",
            (double)bytes * 0x1p-30, machine * 0x1p-30);
    return comm_share(comm, problems);
}

void task_load(struct task *task, int32_t input_begin, int32_t input_end, struct comm *comm,
               struct problems *problems)
{
    assert(0 <= input_begin && input_begin <= input_end && input_end <= task->inputs && !task->order);
    task->input_begin = input_begin;
    task->input_end = input_end;
    if (!fits_machine(task, comm, problems)) return;
    datasets_new(task, comm);
    task->order = memory_new(task->train.samples, sizeof *task->order);
    for (int64_t i = 0; i < task->train.samples; i++) task->order[i] = i;
    sources[task->spec.kind]->load(task, comm, problems);
    const bool good = comm_share(comm, problems);
    shared_ready(&task->memory);
    if (!good) return;
    samples_measure(task, comm);
    if (task->spec.scaling == SCALING_RANGE && !samples_scale(task, comm, problems)) return;
    samples_identify(task, comm);
    shared_ready(&task->memory);            /* all have seen the samples without noise */
    if (!sources[task->spec.kind]->epoch) { /* numbers that are drawn have their targets, and need no noise */
        samples_noise(task, &task->train);
        samples_noise(task, &task->test);
    }
    shared_ready(&task->memory);
    samples_hold_out(task);
}

bool task_draws(enum task_kind kind)
{
    return sources[kind]->epoch != NULL;
}

uint64_t task_digest(const struct task_identity *identity)
{
    return hash_bytes(identity->part, sizeof identity->part, 0);
}

char *task_differences(const struct task_identity *a, const struct task_identity *b)
{
    char *text = memory_new(512, 1);
    for (int i = 0; i < TASK_PART_COUNT; i++)
        if (a->part[i] != b->part[i]) memory_append(text, 512, "%s%s", *text ? ", " : "", task_part_words[i]);
    if (*text) return text;
    memory_free(text);
    return NULL;
}

/* The largest label decides how many classes there are, so one wrong label can make very many. */
static bool too_many_classes(const struct task *task)
{
    return task->classification && task->train.samples > 0 && task->outputs > task->train.samples;
}

/* The first class that no training sample has, or -1. */
static int32_t empty_class(const struct task *task)
{
    if (!task->train.label || too_many_classes(task)) return -1;
    uint8_t *seen = memory_new(task->outputs, 1);
    int32_t empty = 0;
    for (int64_t i = 0; i < task->train.samples; i++) seen[task->train.label[i]] = 1;
    while (empty < task->outputs && seen[empty]) empty++;
    memory_free(seen);
    return empty < task->outputs ? empty : -1;
}

double task_largest_input(const struct task *task)
{
    return task->spec.scaling == SCALING_RANGE ? 1 : fmax(fabs(task->input_lo), fabs(task->input_hi));
}

/* Images of 784 pixels are learned from 0.1 to 4, not at 0.03 and 8 (organism.start: particle). */
static bool far_from_one(double largest)
{
    return largest >= 8 || (largest > 0 && largest < 0.05);
}

bool task_far_from_one(const struct task *task)
{
    return far_from_one(fmax(fabs(task->input_lo), fabs(task->input_hi)));
}

char *task_doubt(const struct task *task, int i)
{
    const int32_t empty = empty_class(task);
    if (too_many_classes(task) && i-- == 0)
        return memory_print("%" PRId32 " classes for %" PRId64
                            " samples: the largest label decides; is it a mistake?",
                            task->outputs, task->train.samples);
    if (empty >= 0 && i-- == 0)
        return memory_print(
            "class %" PRId32 " has no training samples: classes count from 0; is it a mistake?", empty);
    if (far_from_one(task_largest_input(task)) && i-- == 0)
        return memory_print("inputs from %.3g to %.3g teach little: %s", task->input_lo, task->input_hi,
                            task->spec.kind == TASK_HDF5 ? "task.scaling: range helps"
                                                         : "scale them to about 1");
    if (far_from_one(task->largest_target) && i-- == 0)
        return memory_print("targets up to %.3g teach little: scale them to about 1", task->largest_target);
    if (task->vanished > 0 && i-- == 0)
        return memory_print("%" PRId64 " values or more are below %.3g, the least float32, and count as zero",
                            task->vanished, 0x1p-126);
    return NULL;
}

void task_epoch(struct task *task, int64_t epoch)
{
    const struct task_source *source = sources[task->spec.kind];
    if (source->epoch)
        source->epoch(task, epoch);
    else if (task->spec.shuffle)
        random_permutation(task->spec.seed, epoch, task->train.samples, task->order);
}

void task_free(struct task *task)
{
    shared_free(&task->memory);
    memory_free(task->order);
    *task = (struct task){0};
}
