#include "samples.h"

#include <float.h>
#include <math.h>

#include "metazoa/base/hash.h"
#include "metazoa/base/memory.h"
#include "source.h"

enum {
    PIECE = 256
}; /* random numbers drawn at a time: a multiple of four, so that the pieces join as one draw */

static void add_noise(const struct task *task, struct dataset *data, int64_t sample)
{
    enum random_purpose purpose = data == &task->train ? RANDOM_NOISE_TRAIN : RANDOM_NOISE_TEST;
    float *x = data->x + sample * data->stride, noise = (float)task->spec.noise, draw[PIECE];
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

void samples_noise(const struct task *task, struct dataset *data)
{
    for (int64_t i = 0; i < data->samples && task->spec.noise > 0; i++)
        if (source_mine(task, i)) add_noise(task, data, i);
}

/* The digest of a set's inputs. Each column has a sum over its samples; ranks that hold the same column have
 * the same sum and all others have INT64_MIN, so the maximum over all ranks is the column's sum. */
static int64_t digest_inputs(const struct task *task, const struct dataset *data, struct comm *comm)
{
    int64_t *column = memory_new(task->inputs, sizeof *column);
    uint64_t *sum = memory_new(task->inputs, sizeof *sum);
    for (int64_t s = 0; s < data->samples; s++) {
        const float *x = data->x + s * data->stride - task->input_begin;
        for (int32_t i = task->input_begin; i < task->input_end; i++)
            sum[i] += hash_mix(hash_float((uint64_t)s + 1, x[i]));
    }
    for (int32_t i = 0; i < task->inputs; i++)
        column[i] = task->input_begin <= i && i < task->input_end ? (int64_t)(sum[i] >> 1) : INT64_MIN;
    memory_free(sum);
    comm_max_i64(comm, column, task->inputs);
    const uint64_t digest = hash_bytes(column, (size_t)task->inputs * sizeof *column, 0);
    memory_free(column);
    return (int64_t)digest;
}

static int64_t digest_targets(const struct task *task, const struct dataset *data)
{
    const size_t bytes = (size_t)data->samples * 4;
    return (int64_t)(task->classification ? hash_bytes(data->label, bytes, 0)
                                          : hash_bytes(data->y, bytes * (size_t)task->outputs, 0));
}

void samples_identify(struct task *task, struct comm *comm)
{
    const bool drawn =
        task_draws(task->spec.kind); /* training samples are the configuration's and the seed's */
    int64_t *part = task->identity.part;
    part[TASK_TRAIN_SAMPLES] = task->train.samples;
    part[TASK_TEST_SAMPLES] = task->test.samples;
    part[TASK_INPUTS] = task->inputs;
    part[TASK_OUTPUTS] = task->outputs;
    part[TASK_TRAIN_INPUTS] = drawn ? 0 : digest_inputs(task, &task->train, comm);
    part[TASK_TRAIN_TARGETS] = drawn ? 0 : digest_targets(task, &task->train);
    part[TASK_TEST_INPUTS] = drawn ? 0 : digest_inputs(task, &task->test, comm);
    part[TASK_TEST_TARGETS] = drawn ? 0 : digest_targets(task, &task->test);
}

/* A test sample may lie so far out of the training samples' range that float32 has no number for it. */
static void scale_mine(const struct task *task, struct dataset *data, const float *lo, const float *hi,
                       struct problems *problems)
{
    for (int64_t s = 0; s < data->samples; s++) {
        float *x = data->x + s * data->stride;
        for (int32_t i = 0; i < task->input_end - task->input_begin && source_mine(task, s); i++) {
            const float span = hi[i] - lo[i], before = x[i];
            x[i] = span > 0 ? (before - lo[i]) / span : 0;
            if (!isfinite(x[i]) && problems->n == 0)
                problems_add(
                    problems, EXIT_INPUT,
                    "%s: /test/x: sample %lld, column %d: %.9g is too far from the training samples, which "
                    "go from %.9g to %.9g and are scaled to go from 0 to 1",
                    task->spec.path, (long long)s, task->input_begin + i, (double)before, (double)lo[i],
                    (double)hi[i]);
        }
    }
}

/* Samples are float32: of numbers that are large beside their differences little is left, and range would
 * make steps of it that were not in the data. */
static void look_at_range(const struct task *task, int32_t column, float lo, float hi,
                          struct problems *problems)
{
    const double largest = fmax(fabs((double)lo), fabs((double)hi)), span = (double)hi - (double)lo;
    const bool lost = span > 0 ? span < largest * 0x1p-16 : largest >= 0x1p24;
    if ((lost || span > FLT_MAX) && problems->n == 0)
        problems_add(
            problems, EXIT_INPUT,
            "%s: input %d goes from %.9g to %.9g: in single precision %s: store it less its smallest "
            "value, in a unit of its own, or leave it out",
            task->spec.path, task->input_begin + column, (double)lo, (double)hi,
            lost ? "its differences are lost" : "its span is none");
}

bool samples_scale(struct task *task, struct comm *comm, struct problems *problems)
{
    const struct dataset *data = &task->train;
    const int32_t columns = task->input_end - task->input_begin;
    float *lo = memory_new(columns, sizeof *lo), *hi = memory_new(columns, sizeof *hi);
    for (int32_t i = 0; i < columns; i++) lo[i] = hi[i] = data->samples > 0 ? data->x[i] : 0;
    for (int64_t s = 0; s < data->samples; s++) {
        const float *x = data->x + s * data->stride;
        for (int32_t i = 0; i < columns; i++) {
            if (x[i] < lo[i]) lo[i] = x[i];
            if (x[i] > hi[i]) hi[i] = x[i];
        }
    }
    for (int32_t i = 0; i < columns; i++) look_at_range(task, i, lo[i], hi[i], problems);
    const bool good = comm_share(comm, problems);
    shared_ready(&task->memory); /* all know the ranges before the first sample changes */
    if (good) scale_mine(task, &task->train, lo, hi, problems);
    if (good) scale_mine(task, &task->test, lo, hi, problems);
    memory_free(lo);
    memory_free(hi);
    const bool scaled = good && comm_share(comm, problems);
    shared_ready(&task->memory);
    return scaled;
}

/* Of n numbers: range[0] becomes at least minus the smallest, range[1] at least the largest. */
static void take_range(float range[2], const float *values, int64_t n)
{
    float lo = -range[0], hi = range[1];
    for (int64_t i = 0; i < n; i++) {
        lo = values[i] < lo ? values[i] : lo;
        hi = values[i] > hi ? values[i] : hi;
    }
    range[0] = -lo;
    range[1] = hi;
}

void samples_measure(struct task *task, struct comm *comm)
{
    const struct dataset *data = task_draws(task->spec.kind) ? &task->test : &task->train;
    float found[4] = {-INFINITY, -INFINITY, -INFINITY, -INFINITY}; /* of inputs, of targets */
    for (int64_t s = 0; s < data->samples; s++)
        take_range(found, data->x + s * data->stride, task->input_end - task->input_begin);
    if (data->y) take_range(found + 2, data->y, data->samples * task->outputs);
    double range[4] = {found[0], found[1], found[2], found[3]};
    comm_max_double(comm, range, 4);
    comm_max_i64(comm, &task->vanished, 1);
    task->input_lo = -range[0];
    task->input_hi = range[1];
    task->largest_target = task->classification ? 1 : fmax(range[2], range[3]);
}

int64_t samples_held_out(const struct task_spec *spec, int64_t n)
{
    const int64_t wanted = (int64_t)(spec->validation * (double)n + 0.5);
    if (spec->validation <= 0 || n < 2) return 0;
    return wanted < 1 ? 1 : wanted < n ? wanted : n - 1;
}

static void swap_values(void *a, void *b, size_t n)
{
    for (uint32_t *x = a, *y = b; n > 0; n -= sizeof *x, x++, y++) {
        const uint32_t keep = *x;
        *x = *y;
        *y = keep;
    }
}

static void swap_samples(const struct task *task, int64_t a, int64_t b)
{
    const struct dataset *data = &task->train;
    const size_t outputs = (size_t)task->outputs * sizeof *data->y;
    swap_values(data->x + a * data->stride, data->x + b * data->stride,
                (size_t)data->stride * sizeof *data->x);
    if (data->label) swap_values(data->label + a, data->label + b, sizeof *data->label);
    if (data->y) swap_values(data->y + a * task->outputs, data->y + b * task->outputs, outputs);
}

/* All held-out samples behind the first n_train. */
static void move_back(const struct task *task, int64_t n_train)
{
    const int64_t n = task->train.samples;
    int64_t *order = memory_new(n, sizeof *order), behind = n_train;
    bool *held = memory_new(n, sizeof *held);
    random_permutation(task->spec.seed, 0, n, order); /* training has the epochs 1, 2, ... */
    for (int64_t i = n_train; i < n; i++) held[order[i]] = true;
    for (int64_t i = 0; i < n_train; i++) {
        if (!held[i]) continue;
        while (held[behind]) behind++;
        swap_samples(task, i, behind++);
    }
    memory_free(order), memory_free(held);
}

void samples_hold_out(struct task *task)
{
    struct dataset *train = &task->train, *out = &task->validation;
    const int64_t n_out = out->samples, n_train = train->samples - n_out;
    if (n_out > 0 && task->memory.rank == 0) move_back(task, n_train);
    shared_ready(&task->memory);
    *out = *train;
    out->samples = n_out;
    train->samples = n_train;
    out->x += n_train * train->stride;
    if (out->label) out->label += n_train;
    if (out->y) out->y += n_train * task->outputs;
}
