/*
 * probe lifetime: what becomes of random particles, without an organism (paper, section II): under
 * self-application alone they should vanish or diverge, under self-training alone become fixpoints.
 */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "group.h"
#include "metazoa/base/memory.h"
#include "metazoa/base/spread.h"
#include "metazoa/measure/robustness.h"
#include "metazoa/parallel/cut.h"
#include "sheet.h"

struct lifetime_options {
    int64_t particles, cap, steps;
    struct probe_numbers epsilon;
};

/* One random particle's two lives. All doubles, so that rows of ranks have no padding. */
struct life_row {
    double end, applications;     /* self-application: how it ended, and after how many */
    double type, steps, movement; /* self-training: type in the end; steps to a self-replicator; movement */
};

/* The lives of the particles first ... first + lanes - 1. */
static void live(struct life_row *rows, struct group *group, const struct subject *subject, int64_t first,
                 int lanes, const struct lifetime_options *options)
{
    const uint64_t seed = (uint64_t)subject->config->run.seed;
    const float epsilon = (float)subject->config->measure.epsilon;
    float *w = group->field[FIELD_WEIGHTS];
    _Alignas(64) float movement[LANES];
    int32_t replicator[LANES], alive[LANES];
    uint8_t end[LANES], type[LANES];
    int64_t found[LANES];
    group_draw(group, seed, first);
    robustness_live(group->shape, w, options->cap, epsilon, lanes, replicator, alive, end);
    group_draw(group, seed, first);
    group_watch(group, epsilon, options->steps, type, found);
    particle_movement(group->shape, 1, w, movement);
    for (int lane = 0; lane < lanes; lane++)
        rows[first + lane] = (struct life_row){.end = end[lane],
                                               .applications = alive[lane],
                                               .type = type[lane],
                                               .steps = (double)found[lane],
                                               .movement = (double)movement[lane]};
}

/* Each rank follows some groups; afterwards all ranks have all rows [particle]. */
static struct life_row *measure(const struct subject *subject, const struct lifetime_options *options)
{
    struct comm *comm = subject->comm;
    const int ranks = comm_size(comm), rank = comm_rank(comm);
    const int64_t n = options->particles, groups = (n + LANES - 1) / LANES;
    struct life_row *rows = memory_new(n, sizeof *rows);
    int64_t *offset = memory_new(ranks + 1, sizeof *offset);
    struct group group;
    for (int i = 0; i <= ranks; i++) {
        offset[i] = cut_begin(groups, ranks, i) * LANES;
        if (offset[i] > n) offset[i] = n;
    }
    group_new(&group, &subject->organism);
    for (int64_t first = offset[rank]; first < offset[rank + 1]; first += LANES)
        live(rows, &group, subject, first, n - first < LANES ? (int)(n - first) : LANES, options);
    comm_gather_all(comm, rows, sizeof *rows, offset);
    group_free(&group);
    memory_free(offset);
    return rows;
}

/* ---- results ---- */

static const struct {
    const char *name, *units, *description;
    size_t offset;
} columns[] = {
    {"/application/end", "1",
     "how self-application alone ends: 0 divergent, 1 zero; 4 neither before the step cap",
     offsetof(struct life_row, end)},
    {"/application/steps", "1", "the first number of self-applications after which the particle has ended",
     offsetof(struct life_row, applications)},
    {"/training/type", "1",
     "type after self-training alone: 0 divergent, 1 zero, 2 self_replicator, 3 secondary, 4 other",
     offsetof(struct life_row, type)},
    {"/training/steps", "1",
     "self-training steps after which a census, one in about 50 steps, first found a self-replicator; 0: "
     "never",
     offsetof(struct life_row, steps)},
    {"/training/movement", "1", "the largest change of a weight by one self-application, after training",
     offsetof(struct life_row, movement)},
};
enum { END, APPLICATIONS, TYPE, STEPS, MOVEMENT, COLUMNS };

static double value_of(const struct life_row *row, int column)
{
    double value;
    memcpy(&value, (const char *)row + columns[column].offset, sizeof value);
    return value;
}

/* Smallest, quartiles and largest of a column over the particles whose column `by` has the value `is`. */
static void put_quantiles(struct sheet *sheet, const char *name, int column, int64_t n,
                          const struct life_row *rows, int by, double is)
{
    double *values = memory_new(n, sizeof *values), quantile[5];
    int64_t found = 0;
    for (int64_t i = 0; i < n; i++)
        if (value_of(&rows[i], by) == is) values[found++] = value_of(&rows[i], column);
    spread_sort(found, values);
    for (int k = 0; k < 5; k++) quantile[k] = spread_quantile(found, values, k / 4.0);
    sheet_list(sheet, name, 5, quantile);
    memory_free(values);
}

static void put_shares(struct sheet *sheet, int column, int64_t n, const struct life_row *rows)
{
    double share[TYPE_COUNT] = {0};
    for (int64_t i = 0; i < n; i++) share[(int)value_of(&rows[i], column)]++;
    for (int type = 0; type < TYPE_COUNT; type++) share[type] /= (double)n;
    sheet_types(sheet, "share", share);
}

/* Shares of particles that move by at most each tolerance. */
static void put_within(struct sheet *sheet, const struct probe_numbers *epsilon, int64_t n,
                       const struct life_row *rows)
{
    double share[PROBE_NUMBERS_MAX] = {0};
    for (int k = 0; k < epsilon->n; k++)
        for (int64_t i = 0; i < n; i++) share[k] += rows[i].movement <= (float)epsilon->value[k];
    for (int k = 0; k < epsilon->n; k++) share[k] /= (double)n;
    sheet_list(sheet, "epsilon_list", epsilon->n, epsilon->value);
    sheet_list(sheet, "share_fixpoints", epsilon->n, share);
}

static void put_line(struct sheet *sheet, const struct lifetime_options *options, const struct life_row *rows)
{
    const int64_t n = options->particles;
    sheet_integer(sheet, "particles", n);
    sheet_integer(sheet, "step_cap", options->cap);
    sheet_integer(sheet, "steps", options->steps);
    sheet_object(sheet, "application");
    put_shares(sheet, END, n, rows);
    put_quantiles(sheet, "steps_to_divergent", APPLICATIONS, n, rows, END, TYPE_DIVERGENT);
    put_quantiles(sheet, "steps_to_zero", APPLICATIONS, n, rows, END, TYPE_ZERO);
    sheet_end(sheet);
    sheet_object(sheet, "training");
    put_shares(sheet, TYPE, n, rows);
    put_quantiles(sheet, "steps_to_self_replicator", STEPS, n, rows, TYPE, TYPE_SELF_REPLICATOR);
    put_quantiles(sheet, "movement", MOVEMENT, n, rows, TYPE, TYPE_SELF_REPLICATOR);
    put_within(sheet, &options->epsilon, n, rows);
    sheet_end(sheet);
}

static void put_columns(struct sheet *sheet, int64_t n, const struct life_row *rows)
{
    double *values = memory_new(n, sizeof *values);
    sheet_group(sheet, "/application", "random particles under self-application alone");
    sheet_group(sheet, "/training", "the same particles under self-training alone");
    for (int k = 0; k < COLUMNS; k++) {
        for (int64_t i = 0; i < n; i++) values[i] = value_of(&rows[i], k);
        sheet_put(sheet, columns[k].name, H5_F64, 1, &n, values, columns[k].units, columns[k].description);
    }
    memory_free(values);
}

/* ---- the probe ---- */

static const struct probe_option probe_rows[] = {
    {.name = "--particles",
     PROBE_OPTION_INTEGER(lifetime_options, particles, 1, 100000000),
     .initial = "10000",
     .help = "random particles of the run's shape"},
    {.name = "--cap",
     PROBE_OPTION_INTEGER(lifetime_options, cap, 1, 1000000000),
     .initial = "1000",
     .help = "self-applications of a particle at most"},
    {.name = "--steps",
     PROBE_OPTION_INTEGER(lifetime_options, steps, 0, INT64_C(1) << 40),
     .initial = "5000",
     .help = "self-training steps of a particle, with the run's rates"},
    {.name = "--epsilon",
     PROBE_OPTION_NUMBERS(lifetime_options, epsilon),
     .initial = "1e-4,1e-5,1e-6,1e-7,1e-8",
     .help = "tolerances of a fixpoint, for the shares of particles within them"},
    {.name = NULL},
};

static enum exit_code run(struct subject *subject, const void *options)
{
    const struct lifetime_options *spec = options;
    struct life_row *rows = measure(subject, spec);
    struct sheet sheet;
    sheet_open(&sheet, subject);
    put_columns(&sheet, spec->particles, rows);
    put_line(&sheet, spec, rows);
    sheet_close(&sheet);
    memory_free(rows);
    return EXIT_DONE;
}

const struct probe probe_lifetime = {
    .kind = "lifetime",
    .help = "random particles alone: do they vanish or diverge by self-application, replicate by "
            "self-training",
    .bytes = sizeof(struct lifetime_options),
    .options = probe_rows,
    .run = run,
};
