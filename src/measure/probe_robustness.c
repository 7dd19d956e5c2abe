/* probe robustness: the organism's self-replicators, particles trained alone, and the hand-made fixpoint. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "metazoa/base/memory.h"
#include "metazoa/base/spread.h"
#include "metazoa/base/words.h"
#include "metazoa/measure/robustness.h"
#include "metazoa/parallel/cut.h"
#include "metazoa/train/schedule.h"
#include "replicators.h"
#include "sheet.h"

enum { LEVELS = 10 };

#define DISTRIBUTIONS(X) X(NOISE_NORMAL, "normal") X(NOISE_UNIFORM, "uniform")
enum distribution { DISTRIBUTIONS(WORDS_VALUE) };
static const char *const distribution_words[] = {DISTRIBUTIONS(WORDS_TEXT) NULL};

struct robustness_options {
    int64_t draws; /* noises per particle and magnitude */
    enum distribution distribution;
    int64_t cap;         /* self-applications at most */
    int64_t particles;   /* self-replicators at most, a random choice of them */
    int64_t alone_steps; /* self-training steps of the particles trained alone; 0: as many as the organism's
                            had */
    bool published;      /* count as the published code does, too */
};

static const struct probe_option probe_rows[] = {
    {.name = "--seeds",
     PROBE_OPTION_INTEGER(robustness_options, draws, 1, 1000000),
     .initial = "10",
     .help = "noises per particle and magnitude"},
    {.name = "--noise",
     PROBE_OPTION_CHOICE(robustness_options, distribution, distribution_words),
     .initial = "normal",
     .help = "distribution of the noise, normal or uniform"},
    {.name = "--cap",
     PROBE_OPTION_INTEGER(robustness_options, cap, 1, 1000000000),
     .initial = "1000",
     .help = "self-applications at most"},
    {.name = "--particles",
     PROBE_OPTION_INTEGER(robustness_options, particles, 1, 1000000000),
     .initial = "10000",
     .help = "self-replicators at most; a random choice if there are more"},
    {.name = "--single-steps",
     PROBE_OPTION_INTEGER(robustness_options, alone_steps, 1, 1000000000),
     .help = "self-training steps of particles alone, not as many as the organism's had"},
    {.name = "--published-counting",
     PROBE_OPTION_FLAG(robustness_options, published),
     .help = "give means that count on from draw to draw as well, as the published code does"},
    {.name = NULL},
};

/* Each rank measures a part of the particles; afterwards all ranks have all lifetimes. */
static void lifetimes_measure(struct lifetimes *lifetimes, struct subject *subject, const struct noise *noise,
                              int64_t cap, int64_t n, const int64_t *id, const float *weights)
{
    struct comm *comm = subject->comm;
    const int size = comm_size(comm), rank = comm_rank(comm);
    lifetimes_new(lifetimes, noise, n);
    robustness_run(lifetimes, &subject->organism.shape.particle, noise, cap,
                   (float)subject->config->measure.epsilon, id, weights, cut_begin(n, size, rank),
                   cut_begin(n, size, rank + 1));
    int64_t *offset = memory_new(size + 1, sizeof *offset);
    for (int i = 0; i <= size; i++) offset[i] = cut_begin(n, size, i) * noise->draws;
    for (int level = 0; level < noise->levels; level++) {
        const int64_t at = level * n * noise->draws;
        comm_gather_all(comm, lifetimes->replicator + at, sizeof *lifetimes->replicator, offset);
        comm_gather_all(comm, lifetimes->alive + at, sizeof *lifetimes->alive, offset);
        comm_gather_all(comm, lifetimes->end + at, sizeof *lifetimes->end, offset);
    }
    memory_free(offset);
}

static double median(const int32_t *values, int64_t n, double *scratch)
{
    for (int64_t i = 0; i < n; i++) scratch[i] = values[i];
    spread_sort(n, scratch);
    return spread_quantile(n, scratch, 0.5);
}

/*
 * Mean lifetimes at each level: of each draw, and as the published code counts. It never sets its counters
 * back between the draws of a particle, so what it averages is their running sum: with D draws (D + 1) / 2
 * times the mean.
 */
static void put_means(struct sheet *sheet, const char *name, const struct noise *noise, int64_t n,
                      const int32_t *steps, bool published)
{
    double mean[LEVELS] = {0}, running_mean[LEVELS] = {0};
    char *key = memory_print("%s_mean", name), *running_key = memory_print("%s_published", name);
    for (int level = 0; level < noise->levels; level++) {
        int64_t sum = 0, running_sum = 0;
        for (int64_t i = 0; i < n; i++) {
            int64_t running = 0;
            for (int64_t draw = 0; draw < noise->draws; draw++) {
                const int32_t here = steps[(level * n + i) * noise->draws + draw];
                sum += here, running += here, running_sum += running;
            }
        }
        mean[level] = (double)sum / (double)(n * noise->draws);
        running_mean[level] = (double)running_sum / (double)(n * noise->draws);
    }
    sheet_list(sheet, key, noise->levels, mean);
    if (published) sheet_list(sheet, running_key, noise->levels, running_mean);
    memory_free(key), memory_free(running_key);
}

/* Medians and means at each level, and how often the cap ended it. */
static void put_line(struct sheet *sheet, const char *name, const struct noise *noise,
                     const struct lifetimes *lifetimes, bool published)
{
    const int64_t a_level = lifetimes->n * noise->draws;
    double replicator[LEVELS], alive[LEVELS], end[LEVELS][3] = {{0}},
                                              *scratch = memory_new(a_level, sizeof *scratch);
    double share[3][LEVELS];
    for (int level = 0; level < noise->levels; level++) {
        replicator[level] = median(lifetimes->replicator + level * a_level, a_level, scratch);
        alive[level] = median(lifetimes->alive + level * a_level, a_level, scratch);
        for (int64_t i = 0; i < a_level; i++) {
            const uint8_t type = lifetimes->end[level * a_level + i];
            end[level][type == TYPE_DIVERGENT ? 0 : type == TYPE_ZERO ? 1 : 2]++;
        }
        for (int k = 0; k < 3; k++) share[k][level] = end[level][k] / (double)a_level;
    }
    sheet_object(sheet, name);
    sheet_integer(sheet, "particles", lifetimes->n);
    sheet_list(sheet, "steps_replicator_median", noise->levels, replicator);
    sheet_list(sheet, "steps_alive_median", noise->levels, alive);
    put_means(sheet, "steps_replicator", noise, lifetimes->n, lifetimes->replicator, published);
    put_means(sheet, "steps_alive", noise, lifetimes->n, lifetimes->alive, published);
    sheet_list(sheet, "share_divergent", noise->levels, share[0]);
    sheet_list(sheet, "share_zero", noise->levels, share[1]);
    sheet_list(sheet, "share_at_cap", noise->levels, share[2]);
    sheet_end(sheet);
    memory_free(scratch);
}

static void put_group(struct sheet *sheet, const char *name, const char *description,
                      const struct noise *noise, const struct lifetimes *lifetimes, bool published)
{
    const int64_t size[3] = {noise->levels, lifetimes->n, noise->draws};
    char path[64];
    snprintf(path, sizeof path, "/%s", name);
    sheet_group(sheet, path, description);
    snprintf(path, sizeof path, "/%s/steps_replicator", name);
    sheet_put(sheet, path, H5_I32, 3, size, lifetimes->replicator, "1",
              "self-applications during which the noisy particle stays a self-replicator, by level, particle "
              "and draw; 0: it is "
              "none at once");
    snprintf(path, sizeof path, "/%s/steps_alive", name);
    sheet_put(sheet, path, H5_I32, 3, size, lifetimes->alive, "1",
              "the first number of self-applications after which it is divergent or zero");
    snprintf(path, sizeof path, "/%s/end", name);
    sheet_put(sheet, path, H5_U8, 3, size, lifetimes->end, "1",
              "how it ended: 0 divergent, 1 zero, 4 neither before the step cap");
    put_line(sheet, name, noise, lifetimes, published);
}

/* ---- the three groups ---- */

static void probe_organism(struct sheet *sheet, struct subject *subject, const struct noise *noise,
                           const struct robustness_options *spec, int64_t *n)
{
    struct whole whole;
    struct lifetimes lifetimes;
    int64_t available;
    replicators_collect(&whole, subject, spec->particles, &available);
    lifetimes_measure(&lifetimes, subject, noise, spec->cap, whole.n, whole.id, whole.rows);
    sheet_integer(sheet, "self_replicators", available);
    put_group(sheet, "organism", "self-replicators of the organism (a random choice if there are too many)",
              noise, &lifetimes, spec->published);
    sheet_places(sheet, "/organism", whole.n, whole.id);
    *n = whole.n;
    lifetimes_free(&lifetimes);
    whole_free(&whole);
}

/* Self-training steps that each particle of the run has had. */
static int64_t steps_of(const struct subject *subject)
{
    const struct progress *progress = &subject->progress;
    const struct config *config = subject->config;
    const int64_t batch = config->schedule.batch, batches = (subject->task.train.samples + batch - 1) / batch;
    int64_t epochs = 0; /* that had self-training: their rows have its loss */
    for (int64_t i = 0; i < progress->n_rows; i++) {
        const struct metrics_row *row = &progress->rows[i];
        epochs += row->epoch <= config->schedule.epochs && metrics_is_measured(row->self_train_loss);
    }
    const int64_t learnt = epochs * batches + (progress->stage == STAGE_SETTLE ? 0 : progress->batch);
    return learnt * config->training.self_steps + progress->settled;
}

/* As many particles as there are replicators in the organism, trained alone for as long. */
static void probe_alone(struct sheet *sheet, struct subject *subject, const struct noise *noise,
                        const struct robustness_options *spec, int64_t n)
{
    const int weights = subject->organism.shape.particle.weights;
    const int64_t steps = spec->alone_steps == 0 ? steps_of(subject) : spec->alone_steps;
    struct whole whole;
    struct lifetimes lifetimes;
    robustness_alone(&whole, &subject->organism, noise->seed, (float)subject->config->measure.epsilon, n,
                     steps);
    int64_t *found = memory_new(whole.n, sizeof *found);
    float *rows = memory_new(whole.n * weights, sizeof *rows);
    for (int64_t i = 0; i < whole.n; i++) {
        const float *row = (const float *)whole.rows + i * (1 + weights);
        found[i] = (int64_t)row[0];
        memcpy(rows + i * weights, row + 1, (size_t)weights * sizeof *rows);
    }
    lifetimes_measure(&lifetimes, subject, noise, spec->cap, whole.n, whole.id, rows);
    sheet_integer(sheet, "single_drawn", n);
    sheet_integer(sheet, "single_steps", steps);
    put_group(sheet, "single", "particles of the same shape, trained alone, that became self-replicators",
              noise, &lifetimes, spec->published);
    sheet_put(
        sheet, "/single/steps_to_replicator", H5_I64, 1, &whole.n, found, "1",
        "self-training steps after which a census (one in 50 steps) first found it to be a self-replicator");
    memory_free(rows), memory_free(found);
    lifetimes_free(&lifetimes);
    whole_free(&whole);
}

static void probe_perfect(struct sheet *sheet, struct subject *subject, const struct noise *noise,
                          const struct robustness_options *spec)
{
    float weights[PARTICLE_WEIGHTS_MAX];
    const int64_t id = organism_particles(&subject->organism.shape); /* draws of its own */
    struct lifetimes lifetimes;
    robustness_perfect(&subject->organism.shape.particle, weights);
    lifetimes_measure(&lifetimes, subject, noise, spec->cap, 1, &id, weights);
    put_group(sheet, "perfect", "the hand-made fixpoint: one path of ones", noise, &lifetimes,
              spec->published);
    lifetimes_free(&lifetimes);
}

static enum exit_code run(struct subject *subject, const void *options)
{
    const struct robustness_options *spec = options;
    double size[LEVELS];
    for (int i = 0; i < LEVELS; i++) size[i] = pow(10, -i);
    const struct noise noise = {.uniform = spec->distribution == NOISE_UNIFORM,
                                .levels = LEVELS,
                                .size = size,
                                .draws = spec->draws,
                                .seed = (uint64_t)subject->config->run.seed};
    const int64_t levels = LEVELS;
    const char *distribution = distribution_words[spec->distribution];
    struct sheet sheet;
    int64_t n;
    sheet_open(&sheet, subject);
    sheet_text(&sheet, "distribution", distribution);
    sheet_list(&sheet, "noise", LEVELS, size);
    sheet_integer(&sheet, "draws", spec->draws);
    sheet_integer(&sheet, "step_cap", spec->cap);
    sheet_put(&sheet, "/noise", H5_F64, 1, &levels, size, "1",
              "standard deviation (normal) or half width (uniform) of the noise on each weight");
    sheet_attribute(&sheet, "/noise", "distribution", distribution);
    sheet_put(&sheet, "/step_cap", H5_I64, 0, NULL, &spec->cap, "1",
              "most self-applications that were tried");
    probe_organism(&sheet, subject, &noise, spec, &n);
    probe_alone(&sheet, subject, &noise, spec, n);
    probe_perfect(&sheet, subject, &noise, spec);
    sheet_close(&sheet);
    return EXIT_DONE;
}

const struct probe probe_robustness = {
    .kind = "robustness",
    .help = "how long self-replicators with noise on their weights stay so, and stay alive",
    .bytes = sizeof(struct robustness_options),
    .options = probe_rows,
    .run = run,
};
