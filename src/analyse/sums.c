/* The sums of groups, and how the samples of a pass come into them. */
#include <string.h>

#include "job.h"
#include "metazoa/base/memory.h"

static struct moments *new_moments(struct sums *sums, int64_t n, int weights, enum moments_kind kind)
{
    struct moments *moments = memory_new(n, sizeof *moments);
    for (int64_t i = 0; i < n; i++) {
        moments_new(&moments[i], weights, kind, MOMENTS_LEAST);
        sums->all[sums->n_all++] = &moments[i];
    }
    return moments;
}

void sums_new(struct job *job)
{
    struct sums *sums = &job->sums;
    const int64_t n = job->n_groups;
    *sums = (struct sums){.n = n, .walks = job->spec->walks};
    sums->all = memory_new(n * (3 + sums->walks), sizeof(struct moments *));
    sums->main = new_moments(sums, n, job->weights, MOMENTS_PRODUCTS);
    sums->first = new_moments(sums, n, job->weights, MOMENTS_SQUARES);
    if (job->spec->origin == ORIGIN_START)
        sums->weights = new_moments(sums, n, job->weights, MOMENTS_SQUARES);
    sums->walk = new_moments(sums, n * sums->walks, job->weights, MOMENTS_PRODUCTS);
}

void sums_free(struct job *job)
{
    struct sums *sums = &job->sums;
    for (int64_t i = 0; i < sums->n_all; i++) moments_free(sums->all[i]);
    memory_free(sums->main);
    memory_free(sums->first);
    memory_free(sums->weights);
    memory_free(sums->walk);
    memory_free(sums->all);
    *sums = (struct sums){0};
}

/* Rows of one group. */
static void add_rows(struct job *job, int64_t group, int64_t record, int64_t n, const float *rows,
                     const float *start)
{
    struct sums *sums = &job->sums;
    const bool from_start = job->spec->origin == ORIGIN_START;
    moments_add(&sums->main[group], n, rows, from_start ? start : NULL);
    if (from_start) moments_add(&sums->weights[group], n, rows, NULL);
    if (record == 0) moments_add(&sums->first[group], n, rows, NULL);
}

/* Rows of mixed groups: those of a type are brought together first. */
static void add_types(struct pass *pass, int64_t record, int64_t lo, int64_t hi, const float *rows)
{
    struct job *job = pass->job;
    const int64_t width = job->weights;
    const float *start = pass->start + (lo - pass->begin) * width;
    float *together = memory_new(2 * (hi - lo) * width, sizeof *together),
          *starts = together + (hi - lo) * width;
    for (int64_t group = 0; group < job->n_groups; group++) {
        int64_t n = 0;
        for (int64_t row = lo; row < hi; row++) {
            if (pass->types[row - pass->begin] != group) continue;
            memcpy(together + n * width, rows + (row - lo) * width, (size_t)width * sizeof *rows);
            memcpy(starts + n++ * width, start + (row - lo) * width, (size_t)width * sizeof *rows);
        }
        if (n > 0) add_rows(job, group, record, n, together, starts);
    }
    memory_free(together);
}

/* Runs of rows of one group. */
static void add_runs(struct pass *pass, int64_t record, int64_t lo, int64_t hi, const float *rows)
{
    struct job *job = pass->job;
    const int64_t width = job->weights;
    for (int64_t row = lo, end; row < hi; row = end) {
        const int64_t group = job_group(job, pass->layer, row, NULL, 0);
        end = job->spec->scope == SCOPE_CELL ? row + 1 : hi;
        while (end < hi && job_group(job, pass->layer, end, NULL, 0) == group) end++;
        add_rows(job, group, record, end - row, rows + (row - lo) * width,
                 pass->start + (row - pass->begin) * width);
    }
}

/* The walks beside the walkers among these rows. */
static void add_walks(struct pass *pass, int64_t record, int64_t lo, int64_t hi, const float *rows)
{
    struct job *job = pass->job;
    struct sums *sums = &job->sums;
    const int64_t width = job->weights, first = job->source.layer[pass->layer].first;
    float *out = memory_new(job->spec->walks * width, sizeof *out);
    for (int64_t i = 0; i < pass->walkers; i++) {
        const int64_t row = pass->walk[i].at - first;
        if (row < lo || row >= hi) continue;
        const int64_t group = job_group(job, pass->layer, row, pass->types, pass->begin);
        walk_step(&pass->walk[i], record, rows + (row - lo) * width, out);
        const float *start =
            job->spec->origin == ORIGIN_START ? pass->start + (row - pass->begin) * width : NULL;
        for (int64_t k = 0; k < sums->walks; k++)
            moments_add(&sums->walk[k * sums->n + group], 1, out + k * width, start);
    }
    memory_free(out);
}

/* What the files' digests are compared with. */
static void add_digest(struct pass *pass, int64_t record, int64_t lo, int64_t hi, const float *rows)
{
    struct job *job = pass->job;
    const struct source *source = &job->source;
    const int64_t p = source_part(source, record + source->lo), at = p * source->n_layers + pass->layer;
    if (!job->checked[at]) return;
    const int64_t there = record + source->lo - source->parts[p].first;
    job->digest[at] += h5_digest(&source->layer[pass->layer].data, there, lo, hi, rows);
}

void sums_add(struct pass *pass, int64_t record, int64_t lo, int64_t hi, const float *rows)
{
    add_digest(pass, record, lo, hi, rows);
    if (pass->types)
        add_types(pass, record, lo, hi, rows);
    else
        add_runs(pass, record, lo, hi, rows);
    if (pass->walkers > 0) add_walks(pass, record, lo, hi, rows);
}
