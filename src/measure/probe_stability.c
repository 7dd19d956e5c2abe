/* probe stability: eigenvalues of self-application, and by how much less noise lengthens a self-replicator's
 * life. */
#include <math.h>
#include <stdio.h>

#include "metazoa/base/memory.h"
#include "metazoa/base/spread.h"
#include "metazoa/organism/order.h"
#include "metazoa/measure/stability.h"
#include "metazoa/measure/whole.h"
#include "metazoa/parallel/cut.h"
#include "metazoa/parallel/random.h"
#include "metazoa/particle/kind.h"
#include "sheet.h"

/* Noise of 10^-FIRST, 10^-(FIRST + 1), ...: small, so that the first steps are linear; double precision lies
 * below. */
enum { FIRST = 3, LEVELS = 10, CAP = 1000 };
/* Weights of the random particles: a draw that noise never has, see measure/alone.c. */
enum { CONTROL_DRAW = (1 << 24) - 2 };

struct stability_options {
    int64_t draws;  /* noises for each particle and magnitude */
    int64_t random; /* particles drawn for each number of layers */
};

struct particle_row {
    struct eigenvalues values;
    double decade; /* steps of life for each decade of noise; NaN: not a self-replicator */
    uint8_t type;
};

/* ---- one particle ---- */

/* The slope of the mean lifetime over the decades, by least squares. */
static double steps_per_decade(const struct particle_shape *shape, const double *fixpoint, uint64_t seed,
                               int64_t draws, int64_t id, double epsilon)
{
    const double middle = (LEVELS - 1) / 2.0;
    double above = 0, below = 0;
    for (int level = 0; level < LEVELS; level++) below += (level - middle) * (level - middle);
    for (int64_t draw = 0; draw < draws; draw++) {
        float noise[PARTICLE_WEIGHTS_MAX];
        double size = 1;
        struct random_stream stream = random_open(seed, RANDOM_PROBE, draw, (uint64_t)id);
        random_normal(&stream, noise, shape->weights);
        for (int i = 0; i < FIRST; i++) size /= 10;
        for (int level = 0; level < LEVELS; level++, size /= 10) {
            double w[PARTICLE_WEIGHTS_MAX];
            for (int i = 0; i < shape->weights; i++) w[i] = fixpoint[i] + size * (double)noise[i];
            above += (level - middle) * stability_life(shape, w, epsilon, CAP);
        }
    }
    return above / (below * (double)draws);
}

/* type: 'self-replicator' for a fixpoint. */
static void measure(struct particle_row *row, const struct subject *subject,
                    const struct particle_shape *shape, double *w, uint8_t type, int64_t id, int64_t draws)
{
    stability_eigenvalues(&row->values, shape, w);
    row->type = type;
    row->decade = (double)NAN;
    if (type != TYPE_SELF_REPLICATOR) return;
    stability_project(shape, w);
    row->decade = steps_per_decade(shape, w, (uint64_t)subject->config->run.seed, draws, id,
                                   subject->config->measure.epsilon);
}

/* ---- the organism's particles, and random ones ---- */

struct context {
    const struct subject *subject;
    uint8_t *const *types;
    int64_t draws;
};

static bool take(const void *context, int l, int64_t position, int64_t id, void *row)
{
    const struct context *c = context;
    const struct particle_shape *shape = &c->subject->organism.shape.particle;
    float weights[PARTICLE_WEIGHTS_MAX];
    double w[PARTICLE_WEIGHTS_MAX];
    whole_weights(&c->subject->organism, l, position, weights);
    for (int i = 0; i < shape->weights; i++) w[i] = (double)weights[i];
    measure(row, c->subject, shape, w, c->types[l][position], id, c->draws);
    return true;
}

static void collect_organism(struct whole *whole, struct subject *subject, int64_t draws)
{
    uint8_t **types = order_types(&subject->organism, (float)subject->config->measure.epsilon, NULL);
    const struct context context = {subject, types, draws};
    whole_collect(whole, &subject->organism, sizeof(struct particle_row), take, &context);
    order_types_free(types, &subject->organism);
}

/* Particles with random weights, made fixpoints. */
static void collect_random(struct whole *whole, struct subject *subject, const struct particle_shape *shape,
                           const struct stability_options *options)
{
    struct comm *comm = subject->comm;
    const int64_t begin = cut_begin(options->random, comm_size(comm), comm_rank(comm)),
                  end = cut_begin(options->random, comm_size(comm), comm_rank(comm) + 1);
    struct particle_row *rows = memory_new(end - begin, sizeof *rows);
    int64_t *ids = memory_new(end - begin, sizeof *ids);
    for (int64_t id = begin; id < end; id++) {
        float weights[PARTICLE_WEIGHTS_MAX];
        double w[PARTICLE_WEIGHTS_MAX];
        particle_draw(weights, shape, (uint64_t)subject->config->run.seed, RANDOM_PROBE, CONTROL_DRAW,
                      (uint64_t)id, 0);
        for (int i = 0; i < shape->weights; i++) w[i] = (double)weights[i];
        stability_project(shape, w);
        measure(&rows[id - begin], subject, shape, w, TYPE_SELF_REPLICATOR, id, options->draws);
        ids[id - begin] = id;
    }
    whole_gather(whole, comm, end - begin, ids, rows, sizeof *rows);
    memory_free(rows), memory_free(ids);
}

/* ---- results ---- */

/* 1 / log10 of a factor: the steps in which a deviation grows tenfold. */
static double per_decade(double factor)
{
    return 1 / log10(factor);
}

/* A group's line: medians and means over its self-replicators. */
static void put_line(struct sheet *sheet, int layers, int64_t n, const struct particle_row *rows)
{
    const double theorem = 1 + layers;
    double *radius = memory_new(n, sizeof *radius), predicted = 0, observed = 0;
    int64_t found = 0, above = 0, stable = 0;
    for (int64_t i = 0; i < n; i++) {
        if (rows[i].type != TYPE_SELF_REPLICATOR || !isfinite(rows[i].decade)) continue;
        const double re = rows[i].values.real[0], im = rows[i].values.imaginary[0];
        radius[found] = sqrt(re * re + im * im);
        above += radius[found] > 1.001 * theorem;
        stable += radius[found] < 1;
        predicted += per_decade(radius[found++]);
        observed += rows[i].decade;
    }
    spread_sort(found, radius);
    const double count = found > 0 ? (double)found : (double)NAN;
    sheet_integer(sheet, "self_replicators", found);
    sheet_number(sheet, "radius_median", spread_quantile(found, radius, 0.5));
    sheet_number(sheet, "radius_largest", spread_quantile(found, radius, 1));
    sheet_number(sheet, "share_stable", (double)stable / count);
    sheet_number(sheet, "share_above_theorem", (double)above / count);
    sheet_number(sheet, "steps_per_decade_theorem", per_decade(theorem));
    sheet_number(sheet, "steps_per_decade_predicted", predicted / count);
    sheet_number(sheet, "steps_per_decade_observed", observed / count);
    memory_free(radius);
}

static void put_values(struct sheet *sheet, const char *name, int64_t n, int values,
                       const struct particle_row *rows)
{
    const int64_t size[2] = {n, values};
    double *real = memory_new(n * values, sizeof *real), *imaginary = memory_new(n * values, sizeof *real);
    char path[64];
    for (int64_t i = 0; i < n * values; i++) {
        real[i] = rows[i / values].values.real[i % values];
        imaginary[i] = rows[i / values].values.imaginary[i % values];
    }
    snprintf(path, sizeof path, "/%s/real", name);
    sheet_put(sheet, path, H5_F64, 2, size, real, "1",
              "real parts of four eigenvalues (with biases five) of self-application's Jacobian, the largest "
              "modulus first");
    snprintf(path, sizeof path, "/%s/imaginary", name);
    sheet_put(sheet, path, H5_F64, 2, size, imaginary, "1", "their imaginary parts");
    memory_free(real), memory_free(imaginary);
}

static void put_group(struct sheet *sheet, const char *name, const char *description,
                      const struct particle_shape *shape, const struct whole *whole)
{
    const struct particle_row *rows = whole->rows;
    const int64_t n = whole->n;
    double *rest = memory_new(n, sizeof *rest), *decade = memory_new(n, sizeof *decade);
    uint8_t *type = memory_new(n, 1);
    char path[64];
    for (int64_t i = 0; i < n; i++)
        rest[i] = rows[i].values.rest, decade[i] = rows[i].decade, type[i] = rows[i].type;
    snprintf(path, sizeof path, "/%s", name);
    sheet_group(sheet, path, description);
    put_values(sheet, name, n, stability_values(shape), rows);
    snprintf(path, sizeof path, "/%s/rest", name);
    sheet_put(sheet, path, H5_F64, 1, &n, rest, "1", "all other eigenvalues: a0");
    snprintf(path, sizeof path, "/%s/steps_per_decade", name);
    sheet_put(sheet, path, H5_F64, 1, &n, decade, "1",
              "self-applications that a self-replicator lives longer for each factor of ten less noise; NaN "
              "for other types");
    snprintf(path, sizeof path, "/%s/type", name);
    sheet_put(sheet, path, H5_U8, 1, &n, type, "1",
              "0 divergent, 1 zero, 2 self_replicator, 3 secondary, 4 other");
    sheet_object(sheet, name);
    put_line(sheet, shape->layers, n, rows);
    sheet_end(sheet);
    memory_free(rest), memory_free(decade), memory_free(type);
}

/* ---- the probe ---- */

static const struct probe_option probe_rows[] = {
    {.name = "--seeds",
     PROBE_OPTION_INTEGER(stability_options, draws, 1, 1000000),
     .initial = "10",
     .help = "noises per particle and magnitude"},
    {.name = "--random",
     PROBE_OPTION_INTEGER(stability_options, random, 1, 1000000000),
     .initial = "100",
     .help = "random fixpoints of 2, 3 and 4 layers each, for comparison"},
    {.name = NULL},
};

static enum exit_code run(struct subject *subject, const void *options)
{
    const struct stability_options *spec = options;
    const struct particle_shape *own = &subject->organism.shape.particle;
    const int64_t levels = LEVELS;
    double noise[LEVELS];
    for (int i = 0; i < LEVELS; i++) noise[i] = pow(10, -FIRST - i);
    struct whole whole;
    struct sheet sheet;
    sheet_open(&sheet, subject);
    sheet_integer(&sheet, "draws", spec->draws);
    sheet_put(&sheet, "/noise", H5_F64, 1, &levels, noise, "1",
              "standard deviation of the noise on each weight");
    collect_organism(&whole, subject, spec->draws);
    put_group(&sheet, "organism", "all particles, in ascending layer, cell, edge", own, &whole);
    whole_free(&whole);
    for (int layers = PARTICLE_LAYERS_MIN; layers <= PARTICLE_LAYERS_MAX; layers++) {
        const struct particle_shape shape = particle_kind(own)->shape(own->width, layers);
        char name[32];
        snprintf(name, sizeof name, "random_%d_layers", layers);
        collect_random(&whole, subject, &shape, spec);
        put_group(&sheet, name, "random particles, projected to fixpoints", &shape, &whole);
        whole_free(&whole);
    }
    sheet_close(&sheet);
    return EXIT_DONE;
}

const struct probe probe_stability = {
    .kind = "stability",
    .help = "eigenvalues of self-application, and how lifetimes grow as the noise gets smaller",
    .bytes = sizeof(struct stability_options),
    .options = probe_rows,
    .run = run,
};
