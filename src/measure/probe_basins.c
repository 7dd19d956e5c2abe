/* probe basins: noisy clones of self-replicators train themselves again; where do they end? */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "group.h"
#include "metazoa/base/memory.h"
#include "metazoa/base/spread.h"
#include "metazoa/measure/basins.h"
#include "metazoa/parallel/cut.h"
#include "metazoa/parallel/random.h"
#include "metazoa/particle/census.h"
#include "replicators.h"
#include "sheet.h"

enum { LEVELS = 7 };

struct basins_options {
    int64_t clones, particles, steps;
};

/* One clone. All doubles, so that rows of ranks have no padding. */
struct clone_row {
    double type, nearest; /* the parent that it is nearest to, by its place among all */
    double start, end, permuted,
        moved; /* distances: to its parent before and after, also modulo permutations; covered */
};

struct parents {
    const struct particle_shape *shape;
    int64_t n;
    const int64_t *id;
    const float *weights; /* [n][weights] */
    int64_t permutations; /* 0: too many */
    int *order;           /* [permutations][weights] */
};

static struct parents parents_new(const struct particle_shape *shape, const struct whole *whole)
{
    struct parents parents = {.shape = shape,
                              .n = whole->n,
                              .id = whole->id,
                              .weights = whole->rows,
                              .permutations = basins_permutations(shape)};
    parents.order = memory_new(parents.permutations * shape->weights, sizeof *parents.order);
    for (int64_t p = 0; p < parents.permutations; p++)
        basins_permutation(shape, p, parents.order + p * shape->weights);
    return parents;
}

/* ---- clones, LANES at a time ---- */

/* Weights with noise, also in start; a new training. Of lanes that are not used, clones of the first item. */
static void clones_draw(struct group *clones, float start[LANES][PARTICLE_WEIGHTS_MAX],
                        const struct parents *parents, uint64_t seed, float size, int64_t first, int lanes,
                        int64_t draws)
{
    const int n = parents->shape->weights;
    group_reset(clones);
    for (int lane = 0; lane < LANES; lane++) {
        const int64_t item = first + (lane < lanes ? lane : 0), parent = item / draws;
        float noise[PARTICLE_WEIGHTS_MAX];
        struct random_stream stream =
            random_open(seed, RANDOM_PROBE, item % draws, (uint64_t)parents->id[parent]);
        random_normal(&stream, noise, n);
        for (int i = 0; i < n; i++) start[lane][i] = parents->weights[parent * n + i] + size * noise[i];
        particle_row_put(clones->field[FIELD_WEIGHTS], lane, n, start[lane]);
    }
}

static void describe(struct clone_row *row, const struct parents *parents, const float *start,
                     const float *end, int64_t parent, uint8_t type)
{
    const int n = parents->shape->weights;
    const float *own = parents->weights + parent * n;
    *row = (struct clone_row){.type = type,
                              .start = basins_distance(n, start, own, NULL),
                              .end = basins_distance(n, end, own, NULL),
                              .moved = basins_distance(n, end, start, NULL)};
    double least = row->end;
    row->nearest = isfinite(least) ? (double)parent : (double)NAN;
    row->permuted = parents->permutations > 0 ? row->end : (double)NAN;
    for (int64_t p = 1; p < parents->permutations; p++)
        row->permuted = fmin(row->permuted, basins_distance(n, end, own, parents->order + p * n));
    for (int64_t k = 0; k < parents->n; k++) {
        const double here = basins_distance(n, end, parents->weights + k * n, NULL);
        if (here < least) least = here, row->nearest = (double)k;
    }
}

/* All clones of parents [begin, end) with noise of this size: rows [parent][clone]. */
static void level_measure(struct clone_row *rows, struct group *clones, const struct subject *subject,
                          const struct parents *parents, double size, int64_t begin, int64_t end,
                          const struct basins_options *options)
{
    const int64_t last = end * options->clones;
    for (int64_t first = begin * options->clones; first < last; first += LANES) {
        const int lanes = last - first < LANES ? (int)(last - first) : LANES;
        uint8_t type[LANES];
        float start[LANES][PARTICLE_WEIGHTS_MAX];
        clones_draw(clones, start, parents, (uint64_t)subject->config->run.seed, (float)size, first, lanes,
                    options->clones);
        group_train(clones, options->steps);
        particle_census(parents->shape, 1, clones->field[FIELD_WEIGHTS],
                        (float)subject->config->measure.epsilon, type);
        for (int lane = 0; lane < lanes; lane++) {
            float w[PARTICLE_WEIGHTS_MAX];
            particle_row_get(w, clones->field[FIELD_WEIGHTS], lane, parents->shape->weights);
            describe(&rows[first + lane], parents, start[lane], w, (first + lane) / options->clones,
                     type[lane]);
        }
    }
}

/* Each rank measures the clones of some parents; afterwards all ranks have all rows [level][parent][clone].
 */
static struct clone_row *measure(const struct subject *subject, const struct parents *parents,
                                 const double *noise, const struct basins_options *options)
{
    struct comm *comm = subject->comm;
    const int ranks = comm_size(comm), rank = comm_rank(comm);
    const int64_t a_level = parents->n * options->clones;
    struct clone_row *rows = memory_new(LEVELS * a_level, sizeof *rows);
    struct group clones;
    int64_t *offset = memory_new(ranks + 1, sizeof *offset);
    for (int i = 0; i <= ranks; i++) offset[i] = cut_begin(parents->n, ranks, i) * options->clones;
    group_new(&clones, &subject->organism);
    for (int level = 0; level < LEVELS; level++) {
        level_measure(rows + level * a_level, &clones, subject, parents, noise[level],
                      cut_begin(parents->n, ranks, rank), cut_begin(parents->n, ranks, rank + 1), options);
        comm_gather_all(comm, rows + level * a_level, sizeof *rows, offset);
    }
    group_free(&clones);
    memory_free(offset);
    return rows;
}

/* ---- results ---- */

/* The columns of a row, their datasets and descriptions. */
static const struct {
    const char *name, *description;
    size_t offset;
} columns[] = {
    {"/type", "the clone's type in the end: 0 divergent, 1 zero, 2 self_replicator, 3 secondary, 4 other",
     offsetof(struct clone_row, type)},
    {"/nearest",
     "the parent that the clone is nearest to in the end, by its place in /layer, /cell, /edge; NaN if it is "
     "not finite",
     offsetof(struct clone_row, nearest)},
    {"/distance_start", "Euclidean distance of the clone from its parent before training",
     offsetof(struct clone_row, start)},
    {"/distance_end", "the same afterwards", offsetof(struct clone_row, end)},
    {"/distance_permuted",
     "the same to the nearest permutation of the parent's hidden cells; NaN if there are too many of them",
     offsetof(struct clone_row, permuted)},
    {"/distance_moved", "Euclidean distance of the clone from where its training began",
     offsetof(struct clone_row, moved)},
};
enum { COLUMNS = sizeof columns / sizeof *columns };

static double value_of(const struct clone_row *row, int column)
{
    double value;
    memcpy(&value, (const char *)row + columns[column].offset, sizeof value);
    return value;
}

/* One number a level: the median of a column over the clones that are self-replicators in the end. */
static void put_median(struct sheet *sheet, const char *name, int column, int64_t a_level,
                       const struct clone_row *rows)
{
    double median[LEVELS], *values = memory_new(a_level, sizeof *values);
    for (int level = 0; level < LEVELS; level++) {
        int64_t n = 0;
        for (int64_t i = 0; i < a_level; i++)
            if (rows[level * a_level + i].type == TYPE_SELF_REPLICATOR)
                values[n++] = value_of(&rows[level * a_level + i], column);
        spread_sort(n, values);
        median[level] = spread_quantile(n, values, 0.5);
    }
    sheet_list(sheet, name, LEVELS, median);
    memory_free(values);
}

static void put_line(struct sheet *sheet, int64_t parents, const struct basins_options *options,
                     const struct clone_row *rows)
{
    const int64_t a_level = parents * options->clones;
    double back[LEVELS] = {0}, own[LEVELS] = {0}, nearer[LEVELS] = {0};
    for (int64_t k = 0; k < LEVELS * a_level; k++) {
        const struct clone_row *row = &rows[k];
        if (row->type != TYPE_SELF_REPLICATOR) continue;
        back[k / a_level] += 1 / (double)a_level;
        own[k / a_level] += (int64_t)row->nearest == k % a_level / options->clones;
        nearer[k / a_level] += row->end < row->start;
    }
    for (int level = 0; level < LEVELS; level++) {
        own[level] /= back[level] * (double)a_level;
        nearer[level] /= back[level] * (double)a_level;
    }
    sheet_list(sheet, "share_self_replicators", LEVELS, back);
    sheet_list(sheet, "share_nearest_to_parent", LEVELS, own);
    sheet_list(sheet, "share_nearer_than_before", LEVELS, nearer);
    put_median(sheet, "distance_start_median", 2, a_level, rows);
    put_median(sheet, "distance_end_median", 3, a_level, rows);
    put_median(sheet, "distance_permuted_median", 4, a_level, rows);
    put_median(sheet, "distance_moved_median", 5, a_level, rows);
}

static void put_columns(struct sheet *sheet, int64_t parents, int64_t clones, const struct clone_row *rows)
{
    const int64_t size[3] = {LEVELS, parents, clones}, n = LEVELS * parents * clones;
    double *values = memory_new(n, sizeof *values);
    for (int k = 0; k < COLUMNS; k++) {
        for (int64_t i = 0; i < n; i++) values[i] = value_of(&rows[i], k);
        sheet_put(sheet, columns[k].name, H5_F64, 3, size, values, "1", columns[k].description);
    }
    memory_free(values);
}

/* ---- the probe ---- */

static const struct probe_option probe_rows[] = {
    {.name = "--seeds",
     PROBE_OPTION_INTEGER(basins_options, clones, 1, 1000000),
     .initial = "10",
     .help = "clones per particle and magnitude of the noise"},
    {.name = "--particles",
     PROBE_OPTION_INTEGER(basins_options, particles, 1, 1000000000),
     .initial = "100",
     .help = "self-replicators at most; a random choice if there are more"},
    {.name = "--steps",
     PROBE_OPTION_INTEGER(basins_options, steps, 0, INT64_C(1) << 40),
     .initial = "2000",
     .help = "self-training steps of each clone"},
    {.name = NULL},
};

static enum exit_code run(struct subject *subject, const void *options)
{
    const struct basins_options *spec = options;
    const int64_t levels = LEVELS;
    double noise[LEVELS];
    int64_t available;
    struct whole whole;
    struct sheet sheet;
    for (int i = 0; i < LEVELS; i++) noise[i] = pow(10, -i);
    replicators_collect(&whole, subject, spec->particles, &available);
    struct parents parents = parents_new(&subject->organism.shape.particle, &whole);
    struct clone_row *rows = measure(subject, &parents, noise, spec);
    sheet_open(&sheet, subject);
    sheet_integer(&sheet, "self_replicators", available);
    sheet_integer(&sheet, "particles", whole.n);
    sheet_integer(&sheet, "clones", spec->clones);
    sheet_integer(&sheet, "steps", spec->steps);
    sheet_integer(&sheet, "permutations", parents.permutations);
    sheet_list(&sheet, "noise", LEVELS, noise);
    sheet_put(&sheet, "/noise", H5_F64, 1, &levels, noise, "1",
              "standard deviation of the noise on each weight");
    sheet_places(&sheet, "", whole.n, whole.id);
    put_columns(&sheet, whole.n, spec->clones, rows);
    put_line(&sheet, whole.n, spec, rows);
    sheet_close(&sheet);
    memory_free(rows), memory_free(parents.order);
    whole_free(&whole);
    return EXIT_DONE;
}

const struct probe probe_basins = {
    .kind = "basins",
    .help = "noisy clones of self-replicators train themselves again: do they come back, and how near",
    .bytes = sizeof(struct basins_options),
    .options = probe_rows,
    .run = run,
};
