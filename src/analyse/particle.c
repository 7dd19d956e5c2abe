/* SCOPE_PARTICLE: every particle has a space of its own. A band of particles is in memory with all its
 * records. */
#include <math.h>
#include <string.h>

#include "metazoa/base/memory.h"
#include "metazoa/parallel/cut.h"
#include "scores.h"

/* A band; arrays are [..][rows][..] as the datasets are. */
struct band {
    int64_t records, rows, begin;
    float *values;            /* [records][rows][weights] */
    float *walks;             /* [walkers][walks][records][weights] */
    float *samples;           /* [records][weights] of one particle, from its start */
    struct moments moments;   /* of it */
    struct bases basis;       /* of it */
    float *projection, *walk; /* [records][rows][keep]; [records][shown][keep] */
    float *mean, *components; /* [rows][weights]; [keep][rows][weights] */
    double *variance, *ratio, *walk_ratio;
    int64_t shown, excluded;
};

static void take(struct pass *pass, int64_t record, int64_t lo, int64_t hi, const float *rows)
{
    struct job *job = pass->job;
    struct band *band = pass->context;
    const int64_t width = job->weights, first = job->source.layer[pass->layer].first;
    memcpy(band->values + (record * band->rows + lo - band->begin) * width, rows,
           (size_t)((hi - lo) * width) * sizeof *rows);
    float *out = memory_new(job->spec->walks * width, sizeof *out);
    for (int64_t i = 0; i < pass->walkers; i++) {
        const int64_t row = pass->walk[i].at - first;
        if (row < lo || row >= hi) continue;
        walk_step(&pass->walk[i], record, rows + (row - lo) * width, out);
        for (int64_t k = 0; k < job->spec->walks; k++)
            memcpy(band->walks + ((i * job->spec->walks + k) * band->records + record) * width,
                   out + k * width, (size_t)width * sizeof *out);
    }
    memory_free(out);
}

/* The exponent above all sizes that are finite. */
static int exponent_of(const float *samples, int64_t n)
{
    float largest = 0;
    int exponent;
    for (int64_t i = 0; i < n; i++)
        if (isfinite(samples[i]) && fabsf(samples[i]) > largest) largest = fabsf(samples[i]);
    frexpf(largest, &exponent);
    return exponent > -100 ? exponent : -100;
}

/* The components of band->samples. They do not depend on where the origin is; what is added to the mean does.
 */
static void analyse(struct band *band, int width)
{
    moments_clear(&band->moments);
    band->moments.least = exponent_of(band->samples, band->records * width);
    moments_add(&band->moments, band->records, band->samples, NULL);
    bases_set(&band->basis, 0, &band->moments);
}

/* The samples of a trajectory whose records are `stride` floats apart: differences from its start. */
static void take_samples(struct band *band, const float *first, int64_t stride, int width)
{
    for (int64_t r = 0; r < band->records; r++)
        for (int i = 0; i < width; i++) band->samples[r * width + i] = first[r * stride + i] - first[i];
}

static void put_basis(const struct job *job, struct band *band, int64_t row, const float *start)
{
    const int width = job->weights;
    for (int i = 0; i < width; i++)
        band->mean[row * width + i] =
            (float)(band->basis.mean[i] + (job->spec->origin == ORIGIN_MEAN ? (double)start[i] : 0));
    for (int k = 0; k < job->keep; k++) {
        for (int i = 0; i < width; i++)
            band->components[(k * band->rows + row) * width + i] =
                (float)band->basis.component[k * width + i];
        band->variance[row * job->keep + k] = band->basis.variance[k];
        band->ratio[row * job->keep + k] = band->basis.ratio[k];
    }
}

/* Scores of the samples, records `stride` floats apart. */
static void put_scores(const struct job *job, struct band *band, float *out, int64_t stride)
{
    double *scale = memory_new(job->keep, sizeof *scale);
    for (int k = 0; k < job->keep; k++) scale[k] = sqrt(band->basis.variance[k]);
    bases_turn(&band->basis, job->keep);
    for (int64_t r = 0; r < band->records && out; r++)
        bases_score(&band->basis, 0, band->samples + r * job->weights, NULL, job->spec->whiten ? scale : NULL,
                    out + r * stride);
    memory_free(scale);
}

/* The walks beside one walker. */
static void analyse_walks(struct pass *pass, int64_t i)
{
    struct job *job = pass->job;
    struct band *band = pass->context;
    const int64_t row = pass->walk[i].at - job->source.layer[pass->layer].first - band->begin;
    for (int64_t k = 0; k < job->spec->walks; k++) {
        take_samples(band, band->walks + (i * job->spec->walks + k) * band->records * job->weights,
                     job->weights, job->weights);
        analyse(band, job->weights);
        memcpy(band->walk_ratio + (k * band->rows + row) * job->keep, band->basis.ratio,
               (size_t)job->keep * sizeof *band->walk_ratio);
        if (k == 0 && pass->walk[i].shown >= 0)
            put_scores(job, band, band->walk + pass->walk[i].shown * job->keep, band->shown * job->keep);
    }
}

static void analyse_band(struct pass *pass)
{
    struct job *job = pass->job;
    struct band *band = pass->context;
    const int64_t width = job->weights, stride = band->rows * width;
    for (int64_t row = 0; row < band->rows; row++) {
        take_samples(band, band->values + row * width, stride, job->weights);
        analyse(band, job->weights);
        band->excluded += band->moments.excluded;
        put_basis(job, band, row, band->values + row * width);
        put_scores(job, band, band->projection + row * job->keep, band->rows * job->keep);
    }
    for (int64_t i = 0; i < job->spec->walks * band->rows * job->keep; i++) band->walk_ratio[i] = (double)NAN;
    for (int64_t i = 0; i < pass->walkers; i++) analyse_walks(pass, i);
}

struct writing {
    struct result *result;
    struct result_data data[RESULT_KINDS];
    struct band *band;
};

static bool has_kind(const struct job *job, int kind)
{
    if (kind > RESULT_WALK) return true;
    return job->spec->scores && (kind == RESULT_PROJECTION || job->spec->walks > 0);
}

static void write_band(struct job *job, struct writing *writing, int layer)
{
    struct band *band = writing->band;
    struct result_data *data = writing->data;
    const int64_t begin = band->begin, end = begin + band->rows;
    int64_t lo, hi;
    struct result *result = writing->result;
    result_put(result, &data[RESULT_MEAN], 0, 1, begin, end, band->mean);
    result_put(result, &data[RESULT_COMPONENTS], 0, job->keep, begin, end, band->components);
    result_put(result, &data[RESULT_VARIANCE], 0, 1, begin, end, band->variance);
    result_put(result, &data[RESULT_RATIO], 0, 1, begin, end, band->ratio);
    result_put(result, &data[RESULT_WALK_RATIO], 0, job->spec->walks, begin, end, band->walk_ratio);
    if (!job->spec->scores) return;
    result_put(result, &data[RESULT_PROJECTION], 0, band->records, begin, end, band->projection);
    result_shown(result, job, layer, begin, end, &lo, &hi);
    const int64_t deep = has_kind(job, RESULT_WALK) ? data[RESULT_WALK].data.chunk_records : band->records;
    for (int64_t at = 0; at < band->records && hi > lo; at += deep)
        result_put(result, &data[RESULT_WALK], at, band->records - at < deep ? band->records - at : deep, lo,
                   hi, band->walk + at * (hi - lo) * job->keep);
}

static void band_new(struct band *band, const struct job *job, int64_t walkers)
{
    const int64_t width = job->weights, keep = job->keep, rows = band->rows, records = band->records;
    band->values = memory_new(records * rows * width, sizeof *band->values);
    band->walks = memory_new(walkers * job->spec->walks * records * width, sizeof *band->walks);
    band->samples = memory_new(records * width, sizeof *band->samples);
    band->projection = memory_new(records * rows * keep, sizeof *band->projection);
    band->walk = memory_new(records * band->shown * keep, sizeof *band->walk);
    band->mean = memory_new(rows * width, sizeof *band->mean);
    band->components = memory_new(keep * rows * width, sizeof *band->components);
    band->variance = memory_new(rows * keep, sizeof *band->variance);
    band->ratio = memory_new(rows * keep, sizeof *band->ratio);
    band->walk_ratio = memory_new(job->spec->walks * rows * keep, sizeof *band->walk_ratio);
    moments_new(&band->moments, job->weights, MOMENTS_PRODUCTS, 0);
    bases_new(&band->basis, 1, job->weights);
}

static void band_free(struct band *band)
{
    void *const all[] = {band->values, band->walks,      band->samples,  band->projection, band->walk,
                         band->mean,   band->components, band->variance, band->ratio,      band->walk_ratio};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) memory_free(all[i]);
    moments_free(&band->moments);
    bases_free(&band->basis);
}

/* The end of a pass: its walks are there still. */
static void finish(struct pass *pass, int64_t record, int64_t n)
{
    struct band *band = pass->context;
    if (record + n == band->records) analyse_band(pass);
}

static void one_band(struct job *job, struct writing *writing, int layer, int64_t begin, int64_t end,
                     int64_t *excluded)
{
    struct band band = {.records = job->source.hi - job->source.lo, .rows = end - begin, .begin = begin};
    struct pass pass = {.job = job, .layer = layer, .begin = begin, .end = end, .context = &band};
    const int64_t first = job->source.layer[layer].first;
    int64_t from, to, lo, hi;
    pass.take = take;
    pass.flush = finish;
    pass.result = writing->result;
    pass.prepare = scores_shown;
    walkers_among(&job->walkers, first + begin, first + end, &from, &to);
    result_shown(writing->result, job, layer, begin, end, &lo, &hi);
    band.shown = hi - lo;
    writing->band = &band;
    band_new(&band, job, to - from);
    pass_run(&pass);
    if (!*job->reason) write_band(job, writing, layer);
    *excluded += band.excluded;
    band_free(&band);
}

bool particles_write(struct job *job, struct result *result, int64_t *excluded, struct problems *problems)
{
    const int rank = comm_rank(job->comm), size = comm_size(job->comm);
    for (int l = 0; l < job->source.n_layers; l++) {
        struct writing writing = {.result = result};
        const struct h5_data *data = &job->source.layer[l].data;
        const int64_t chunks = job->source.layer[l].rows > 0 ? h5_chunks(data) : 0;
        for (int kind = 0; kind < RESULT_KINDS; kind++)
            if (has_kind(job, kind))
                result_begin(result, job, l, (enum result_kind)kind, &writing.data[kind]);
        for (int64_t at = cut_begin(chunks, size, rank); at < cut_begin(chunks, size, rank + 1); at++)
            one_band(job, &writing, l, h5_chunk_begin(data, at), h5_chunk_begin(data, at + 1), excluded);
        for (int kind = 0; kind < RESULT_KINDS; kind++)
            if (has_kind(job, kind)) result_end(result, job, &writing.data[kind]);
    }
    if (*job->reason) problems_add(problems, EXIT_INPUT, "%s", job->reason);
    return comm_share(job->comm, problems);
}
