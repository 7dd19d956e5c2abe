/* probe settle: self-training alone from here on, measured along the way; projection instead of it; and the
 * size of each particle's task gradient, by type. */
#include <math.h>
#include <string.h>

#include "gradient.h"
#include "metazoa/base/memory.h"
#include "metazoa/particle/kind.h"
#include "metazoa/organism/order.h"
#include "metazoa/organism/prune.h"
#include "metazoa/measure/whole.h"
#include "sheet.h"

/* ---- what is measured along the way ---- */

enum { POINTS_MAX = 64 };

struct course {
    int64_t n, steps[POINTS_MAX];
    int64_t types[POINTS_MAX][TYPE_COUNT];
    double score[POINTS_MAX], loss[POINTS_MAX];
    double distance[2][POINTS_MAX], change[2][POINTS_MAX]; /* mean and largest */
};

/* 0, 1, 2, 5, 10, 20, 50, ... and the last. */
static void course_plan(struct course *course, int64_t steps)
{
    static const int factors[3] = {2, 5, 10};
    course->steps[course->n++] = 0;
    for (int64_t power = 1, next = 1, k = 0; next < steps && course->n < POINTS_MAX - 1; k++) {
        course->steps[course->n++] = next;
        next = power * factors[k % 3];
        if (k % 3 == 2) power *= 10;
    }
    if (steps > 0) course->steps[course->n++] = steps;
}

/* Where everything was at step 0: the state, and the effective weights. */
struct start {
    float *field[ORGANISM_LAYERS_MAX][FIELD_COUNT], *effective[ORGANISM_LAYERS_MAX];
};

static size_t field_bytes(const struct organism *organism, int l, int f)
{
    const int values = state_values((enum state_field)f, &organism->shape.particle);
    return (size_t)(layer_owned(&organism->layer[l]) * values) * sizeof(float);
}

static void start_take(struct start *start, const struct organism *organism)
{
    for (int l = 0; l < organism->shape.layers; l++) {
        const struct layer *layer = &organism->layer[l];
        const int64_t owned = layer_owned(layer);
        start->effective[l] = memory_new(owned, sizeof(float));
        if (owned > 0) memcpy(start->effective[l], layer_effective(layer), (size_t)owned * sizeof(float));
        for (int f = 0; f < FIELD_COUNT; f++) {
            if (!layer->field[f] || owned == 0) continue;
            start->field[l][f] = memory_new((int64_t)field_bytes(organism, l, f), 1);
            memcpy(start->field[l][f], layer->field[f], field_bytes(organism, l, f));
        }
    }
}

/* Collective. */
static void start_return(const struct start *start, struct organism *organism)
{
    for (int l = 0; l < organism->shape.layers; l++)
        for (int f = 0; f < FIELD_COUNT; f++)
            if (start->field[l][f])
                memcpy(organism->layer[l].field[f], start->field[l][f], field_bytes(organism, l, f));
    organism_refresh(organism);
}

/* Distances moved and changes of the effective weights since the start: mean (exact sums) and largest, over
 * all ranks. */
static void measure_moves(struct subject *subject, const struct start *start, double distance[2],
                          double change[2])
{
    const struct organism *organism = &subject->organism;
    const int weights = organism->shape.particle.weights;
    struct exact_wide sum[2] = {{{0}}};
    double most[2] = {0};
    for (int l = 0; l < organism->shape.layers; l++) {
        const struct layer *layer = &organism->layer[l];
        const int64_t owned = layer_owned(layer);
        for (int64_t at = 0; at < owned; at++) { /* padding does not move */
            double square = 0;
            for (int i = 0; i < weights; i++) {
                const int64_t k = particle_index(at, weights, i);
                const double x =
                    (double)layer->field[FIELD_WEIGHTS][k] - (double)start->field[l][FIELD_WEIGHTS][k];
                square += x * x;
            }
            const double moved[2] = {
                sqrt(square), fabs((double)layer_effective(layer)[at] - (double)start->effective[l][at])};
            for (int k = 0; k < 2; k++) {
                exact_wide_add(&sum[k], moved[k]);
                most[k] = fmax(most[k], isnan(moved[k]) ? INFINITY : moved[k]);
            }
        }
    }
    for (int k = 0; k < 2; k++) exact_wide_sum(subject->comm, &sum[k]);
    comm_max_double(subject->comm, most, 2);
    const int64_t living = organism_living(organism); /* pruned ones do not move */
    const double particles = living > 0 ? (double)living : 1;
    distance[0] = exact_wide_value(&sum[0]) / particles, distance[1] = most[0];
    change[0] = exact_wide_value(&sum[1]) / particles, change[1] = most[1];
}

/* Point i of the course: the organism as it is. */
static void course_measure(struct course *course, int64_t i, struct subject *subject,
                           const struct start *start)
{
    double distance[2], change[2];
    organism_census(&subject->organism, (float)subject->config->measure.epsilon, course->types[i], NULL);
    course->score[i] = subject_score(subject);
    course->loss[i] = gradient_self_loss(subject);
    measure_moves(subject, start, distance, change);
    for (int k = 0; k < 2; k++) course->distance[k][i] = distance[k], course->change[k][i] = change[k];
}

static void course_run(struct course *course, struct subject *subject, const struct start *start)
{
    struct organism *organism = &subject->organism;
    for (int64_t i = 0; i < course->n; i++) {
        int flags = 0;
        for (int64_t at = i > 0 ? course->steps[i - 1] : 0; at < course->steps[i];) {
            const int64_t left = course->steps[i] - at, now = left < 1 << 20 ? left : 1 << 20;
            organism_sweep(organism, (int)now, &flags);
            at += now;
        }
        course_measure(course, i, subject, start);
    }
}

/* The other way to self-replicators, by projection; then everything is as it was. */
static void course_project(struct course *course, struct subject *subject, const struct start *start)
{
    organism_project(&subject->organism);
    course_measure(course, course->n++, subject, start);
    start_return(start, &subject->organism);
}

static void put_course(struct sheet *sheet, const struct course *course)
{
    const int64_t n = course->n, size[2] = {n, TYPE_COUNT};
    sheet_put(sheet, "/steps", H5_I64, 1, &n, course->steps, "1", "self-training steps so far");
    sheet_put(sheet, "/types", H5_I64, 2, size, course->types, "1",
              "particles of each type: divergent, zero, self_replicator, secondary, other");
    sheet_put(sheet, "/score", H5_F64, 1, &n, course->score, "1", "score");
    sheet_put(sheet, "/self_train_loss", H5_F64, 1, &n, course->loss, "1",
              "mean self-training loss of the particles that live");
    sheet_put(sheet, "/distance_mean", H5_F64, 1, &n, course->distance[0], "1",
              "Euclidean distance of a particle's weights from where they were at step 0, mean");
    sheet_put(sheet, "/distance_max", H5_F64, 1, &n, course->distance[1], "1",
              "the same, of the particle that moved farthest");
    sheet_put(sheet, "/effective_change_mean", H5_F64, 1, &n, course->change[0], "1",
              "absolute change of a particle's effective weight since step 0, mean");
    sheet_put(sheet, "/effective_change_max", H5_F64, 1, &n, course->change[1], "1", "the same, largest");
    sheet_text(sheet, "measure", subject_measure(sheet->subject));
    sheet_integer(sheet, "steps", course->steps[n - 1]);
    sheet_census(sheet, "types_before", course->types[0]);
    sheet_census(sheet, "types_after", course->types[n - 1]);
    sheet_number(sheet, "score_before", course->score[0]);
    sheet_number(sheet, "score_after", course->score[n - 1]);
    sheet_number(sheet, "distance_mean", course->distance[0][n - 1]);
    sheet_number(sheet, "effective_change_max", course->change[1][n - 1]);
}

static void put_project(struct sheet *sheet, const struct course *course)
{
    const int64_t types = TYPE_COUNT;
    sheet_group(sheet, "/project",
                "after the projection of the particles at step 0 (training.settle: project)");
    sheet_put(sheet, "/project/types", H5_I64, 1, &types, course->types[0], "1",
              "particles of each type: divergent, zero, self_replicator, secondary, other");
    sheet_put(sheet, "/project/score", H5_F64, 0, NULL, course->score, "1", "score");
    sheet_object(sheet, "project");
    sheet_census(sheet, "types", course->types[0]);
    sheet_number(sheet, "score", course->score[0]);
    sheet_number(sheet, "self_train_loss", course->loss[0]);
    sheet_number(sheet, "distance_mean", course->distance[0][0]);
    sheet_number(sheet, "distance_max", course->distance[1][0]);
    sheet_number(sheet, "effective_change_max", course->change[1][0]);
    sheet_end(sheet);
}

/* ---- types and gradients ---- */

struct sizes {
    double *gradient[ORGANISM_LAYERS_MAX], *velocity[ORGANISM_LAYERS_MAX];
    uint8_t **before, **after;
};

struct particle_row {
    double gradient, velocity;
    int32_t layer;
    uint8_t before, after;
};

static bool take_sizes(const void *context, int l, int64_t position, int64_t id, void *row)
{
    const struct sizes *sizes = context;
    (void)id;
    *(struct particle_row *)row = (struct particle_row){.gradient = sizes->gradient[l][position],
                                                        .velocity = sizes->velocity[l][position],
                                                        .layer = l,
                                                        .before = sizes->before[l][position],
                                                        .after = sizes->after[l][position]};
    return true;
}

/* The mean of log10 |value| over the particles of each type, of those where it is a number. Pruned ones
 * are of none. */
static void put_means(struct sheet *sheet, const char *name, int64_t n, const double *value,
                      const uint8_t *type)
{
    double sum[TYPE_COUNT] = {0}, mean[TYPE_COUNT];
    int64_t count[TYPE_COUNT] = {0};
    for (int64_t i = 0; i < n; i++)
        if (type[i] < TYPE_COUNT && value[i] > 0 && isfinite(value[i]))
            sum[type[i]] += log10(value[i]), count[type[i]]++;
    for (int t = 0; t < TYPE_COUNT; t++) mean[t] = count[t] > 0 ? sum[t] / (double)count[t] : (double)NAN;
    sheet_types(sheet, name, mean);
}

static void put_sizes(struct sheet *sheet, const struct organism *organism, const struct sizes *sizes)
{
    struct whole whole;
    whole_collect(&whole, organism, sizeof(struct particle_row), take_sizes, sizes);
    const struct particle_row *row = whole.rows;
    const int64_t n = whole.n;
    double *gradient = memory_new(n, sizeof *gradient), *velocity = memory_new(n, sizeof *velocity);
    uint8_t *before = memory_new(n, 1), *after = memory_new(n, 1);
    int32_t *layer = memory_new(n, sizeof *layer);
    for (int64_t i = 0; i < n; i++) {
        gradient[i] = row[i].gradient, velocity[i] = row[i].velocity;
        layer[i] = row[i].layer, before[i] = row[i].before, after[i] = row[i].after;
    }
    sheet_group(sheet, "/gradient",
                "what the task does to each particle, all in ascending layer, cell, edge");
    sheet_put(sheet, "/gradient/size", H5_F64, 1, &n, gradient, "1",
              "Euclidean norm of the particle's task gradient over the whole training data, at step 0");
    sheet_put(
        sheet, "/gradient/velocity", H5_F64, 1, &n, velocity, "1",
        "Euclidean norm of the particle's task velocity at step 0; with sgd, times the rate of the last "
        "batch it is the length of its last task step");
    sheet_put(sheet, "/gradient/type_before", H5_U8, 1, &n, before, "1", "its type at step 0");
    sheet_put(sheet, "/gradient/type_after", H5_U8, 1, &n, after, "1", "its type at the last step");
    sheet_put(sheet, "/gradient/layer", H5_I32, 1, &n, layer, "1", "its layer");
    put_means(sheet, "gradient_log10_mean", n, gradient, before);
    put_means(sheet, "velocity_log10_mean", n, velocity, before);
    memory_free(gradient), memory_free(velocity), memory_free(before), memory_free(after), memory_free(layer);
    whole_free(&whole);
}

struct settle_options {
    int64_t steps;
};

static const struct probe_option probe_rows[] = {
    {.name = "--steps",
     PROBE_OPTION_INTEGER(settle_options, steps, 0, INT64_C(1) << 40),
     .initial = "2000",
     .help = "self-training steps"},
    {.name = NULL},
};

static enum exit_code run(struct subject *subject, const void *options)
{
    const struct settle_options *spec = options;
    struct organism *organism = &subject->organism;
    const float epsilon = (float)subject->config->measure.epsilon;
    struct course course = {0}, projected = {0};
    struct start start = {0};
    struct sizes sizes = {.before = order_types(organism, epsilon, NULL)};
    for (int l = 0; l < organism->shape.layers; l++) {
        const struct layer *layer = &organism->layer[l];
        const int64_t groups = layer_owned_groups(layer);
        sizes.gradient[l] = memory_new(groups * LANES, sizeof(double));
        sizes.velocity[l] = memory_new(groups * LANES, sizeof(double));
        gradient_norms(layer->field[FIELD_VELOCITY_TASK], organism->shape.particle.weights, groups,
                       sizes.velocity[l]);
    }
    gradient_task(subject, sizes.gradient);
    start_take(&start, organism);
    if (particle_kind(&organism->shape.particle)->project) course_project(&projected, subject, &start);
    course_plan(&course, spec->steps);
    course_run(&course, subject, &start);
    sizes.after = order_types(organism, epsilon, NULL);
    struct sheet sheet;
    sheet_open(&sheet, subject);
    put_course(&sheet, &course);
    if (projected.n > 0) put_project(&sheet, &projected);
    put_sizes(&sheet, organism, &sizes);
    sheet_close(&sheet);
    order_types_free(sizes.before, organism), order_types_free(sizes.after, organism);
    for (int l = 0; l < organism->shape.layers; l++) {
        memory_free(sizes.gradient[l]), memory_free(sizes.velocity[l]);
        memory_free(start.effective[l]);
        for (int f = 0; f < FIELD_COUNT; f++) memory_free(start.field[l][f]);
    }
    return EXIT_DONE;
}

const struct probe probe_settle = {
    .kind = "settle",
    .help = "self-training alone from here on, or projection",
    .test_data = true,
    .bytes = sizeof(struct settle_options),
    .options = probe_rows,
    .run = run,
};
