/* probe goal (Definition 8): the share of particles that are fixpoints within epsilon, and the share of data
 * within zeta. */
#include <math.h>
#include <string.h>

#include "metazoa/base/memory.h"
#include "metazoa/measure/whole.h"
#include "metazoa/organism/prune.h"
#include "metazoa/particle/mask.h"
#include "sheet.h"

/* Living particles whose weights one self-application moves by epsilon at most, for each epsilon; all ranks. */
static void count_fixpoints(const struct organism *organism, int n, const double *epsilon, uint64_t *count)
{
    memset(count, 0, (size_t)n * sizeof *count);
    for (int l = 0; l < organism->shape.layers; l++) {
        const struct layer *layer = &organism->layer[l];
        const int64_t groups = layer_owned_groups(layer);
        float *movement = memory_new(groups * LANES, sizeof *movement);
        particle_movement(&organism->shape.particle, groups, layer->field[FIELD_WEIGHTS], movement);
        for (int64_t at = 0; at < groups * LANES; at++) {
            if (organism_id(organism, l, at) < 0 || mask_has(layer->field[FIELD_PRUNED], at)) continue;
            for (int k = 0; k < n; k++) count[k] += movement[at] <= (float)epsilon[k];
        }
        memory_free(movement);
    }
    comm_sum_u64(organism->grid->all, count, n);
}

/* How far a sample is from its goal: the largest absolute error of an output, or what the label's probability
 * lacks to 1. */
static double distance(const struct task *task, int64_t sample, const float *out)
{
    const int32_t outputs = task->outputs;
    double most = 0, sum = 0;
    for (int32_t c = 0; c < outputs && !task->classification; c++)
        most = fmax(most, fabs((double)out[c] - (double)task->test.y[sample * outputs + c]));
    for (int32_t c = 0; c < outputs; c++)
        if (!isfinite(out[c])) return INFINITY;
    if (!task->classification) return most;
    /* The others' share of the sum, which loses no digits where the label's probability is nearly 1. */
    const int32_t label = task->test.label[sample];
    for (int32_t c = 0; c < outputs; c++)
        if (c != label) sum += exp((double)out[c] - (double)out[label]);
    return isinf(sum) ? 1 : sum / (1 + sum);
}

enum { PORTION = 4096 };

static void count_within(struct subject *subject, int n, const double *zeta, int64_t *count)
{
    const struct task *task = &subject->task;
    const int64_t samples = task->test.samples;
    float *out = memory_new((int64_t)PORTION * task->outputs, sizeof *out);
    memset(count, 0, (size_t)n * sizeof *count);
    for (int64_t begin = 0; begin < samples; begin += PORTION) {
        const int64_t end = begin + PORTION < samples ? begin + PORTION : samples;
        organism_outputs(&subject->organism, &task->test, begin, end, out);
        for (int64_t s = begin; s < end; s++) {
            const double far = distance(task, s, out + (s - begin) * task->outputs);
            for (int k = 0; k < n; k++) count[k] += far <= zeta[k];
        }
    }
    memory_free(out);
}

struct goal_options {
    struct probe_numbers epsilon, zeta;
};

static const struct probe_option probe_rows[] = {
    {.name = "--epsilon",
     PROBE_OPTION_NUMBERS(goal_options, epsilon),
     .initial = "1e-2,1e-3,1e-4,1e-5,1e-6,1e-7,1e-8,1e-9",
     .help = "tolerances of a fixpoint"},
    {.name = "--zeta",
     PROBE_OPTION_NUMBERS(goal_options, zeta),
     .initial = "0.9,0.5,0.2,0.1,1e-2,1e-3,1e-4,1e-5,1e-6,1e-7",
     .help = "tolerances of the task"},
    {.name = NULL},
};

static enum exit_code run(struct subject *subject, const void *options)
{
    const struct goal_options *spec = options;
    const double *epsilon = spec->epsilon.value, *zeta = spec->zeta.value;
    const struct organism *organism = &subject->organism;
    const int64_t living = organism_living(organism);
    const double particles = living > 0 ? (double)living : 1, samples = (double)subject->task.test.samples;
    const int64_t m = spec->epsilon.n, k = spec->zeta.n;
    uint64_t fixpoints[PROBE_NUMBERS_MAX];
    int64_t within[PROBE_NUMBERS_MAX], census[TYPE_COUNT];
    double share_fixpoints[PROBE_NUMBERS_MAX], share_replicators[PROBE_NUMBERS_MAX],
        share_within[PROBE_NUMBERS_MAX];
    count_fixpoints(organism, spec->epsilon.n, epsilon, fixpoints);
    count_within(subject, spec->zeta.n, zeta, within);
    for (int i = 0; i < m; i++) {
        organism_census(&subject->organism, (float)epsilon[i], census, NULL);
        share_fixpoints[i] = (double)fixpoints[i] / particles;
        share_replicators[i] = (double)census[TYPE_SELF_REPLICATOR] / particles;
    }
    for (int i = 0; i < k; i++) share_within[i] = (double)within[i] / samples;
    struct sheet sheet;
    sheet_open(&sheet, subject);
    sheet_put(&sheet, "/epsilon", H5_F64, 1, &m, epsilon, "1", "tolerance of a fixpoint");
    sheet_put(&sheet, "/share_fixpoints", H5_F64, 1, &m, share_fixpoints, "1",
              "share of the particles that live of which one self-application moves no weight by more than "
              "epsilon");
    sheet_put(&sheet, "/share_self_replicators", H5_F64, 1, &m, share_replicators, "1",
              "the same without those whose weights are all within epsilon of zero: what the census calls "
              "self_replicator");
    sheet_put(&sheet, "/zeta", H5_F64, 1, &k, zeta, "1", "tolerance of the task");
    sheet_put(&sheet, "/share_within", H5_F64, 1, &k, share_within, "1",
              "share of the test data whose outputs are all within zeta, or whose label's probability is at "
              "least 1 - zeta");
    sheet_list(&sheet, "epsilon_list", m, epsilon);
    sheet_list(&sheet, "share_fixpoints", m, share_fixpoints);
    sheet_list(&sheet, "share_self_replicators", m, share_replicators);
    sheet_list(&sheet, "zeta", k, zeta);
    sheet_list(&sheet, "share_within", k, share_within);
    sheet_close(&sheet);
    return EXIT_DONE;
}

const struct probe probe_goal = {
    .kind = "goal",
    .help = "shares of fixpoints and of test data within tolerances",
    .test_data = true,
    .bytes = sizeof(struct goal_options),
    .options = probe_rows,
    .run = run,
};
