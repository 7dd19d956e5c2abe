/* The order in which an archive is read: bands of rows, for each of them record by record, chunk by chunk. */
#include <math.h>
#include <string.h>

#include "job.h"
#include "metazoa/base/memory.h"
#include "metazoa/base/terminal.h"
#include "metazoa/particle/census.h"
#include "metazoa/particle/kind.h"

int64_t job_group(const struct job *job, int layer, int64_t row, const uint8_t *types, int64_t begin)
{
    const struct source_layer *here = &job->source.layer[layer];
    switch (job->spec->scope) {
    case SCOPE_LAYER:
        return layer;
    case SCOPE_TYPE:
        return types[row - begin];
    case SCOPE_CELL:
        return job->first_group[layer] + (here->cell ? here->cell[row] : row / here->data.row_size[1]);
    default:
        return 0;
    }
}

/* Shows how far the analysis is. */
static void job_advance(struct job *job, int64_t floats)
{
    const int before = (int)(100 * job->done / job->work);
    job->done += 4 * (double)floats;
    const int now = (int)(100 * job->done / job->work);
    if (comm_rank(job->comm) != 0 || now == before || now > 100) return;
    char *text = memory_print("principal components: %d %%", now);
    terminal_doing(text);
    memory_free(text);
}

/* The end of so many chunks, the first of which begins with this row. */
static int64_t band_end(const struct job *job, int layer, int64_t begin, int64_t chunks)
{
    const struct h5_data *data = &job->source.layer[layer].data;
    int64_t chunk = 0, high = h5_chunks(data);
    while (chunk + 1 < high) { /* the chunk that begins here */
        const int64_t middle = (chunk + high) / 2;
        if (h5_chunk_begin(data, middle) <= begin)
            chunk = middle;
        else
            high = middle;
    }
    chunk += chunks;
    return chunk < h5_chunks(data) ? h5_chunk_begin(data, chunk) : h5_rows(data);
}

/* A failure to read is remembered; all ranks agree on it later. */
static bool failed(const struct job *job)
{
    return *job->reason != 0;
}

/* Types where the program took no census: counted now. */
static void count_types(struct pass *pass, const float *rows)
{
    struct job *job = pass->job;
    const struct source *source = &job->source;
    const int width = source->depth >= 0 ? source->width : 3, depth = source->depth >= 0 ? source->depth : 3;
    const struct particle_shape shape = source->depth >= 0 && source->kind >= 0
                                            ? particle_kinds[source->kind]->shape(width, depth)
                                            : particle_shape_new(width, depth);
    const int64_t n = pass->end - pass->begin, groups = lanes_round(n) / LANES;
    float *lanes = memory_new(groups * LANES * shape.weights, sizeof *lanes);
    uint8_t *types = memory_new(groups * LANES, 1);
    for (int64_t i = 0; i < n; i++) particle_row_put(lanes, i, shape.weights, rows + i * shape.weights);
    particle_census(&shape, groups, lanes, (float)job->spec->epsilon, types);
    for (int64_t i = 0; i < n; i++)
        if (pass->types[i] >= TYPE_NAMES) pass->types[i] = types[i];
    memory_free(types);
    memory_free(lanes);
}

static void read_types(struct pass *pass)
{
    struct job *job = pass->job;
    const int64_t n = pass->end - pass->begin, width = job->weights;
    bool counted = true;
    pass->types = memory_new(n, 1);
    if (!source_types(&job->source, pass->layer, pass->begin, pass->end, pass->types, job->reason)) return;
    for (int64_t i = 0; i < n; i++) counted = counted && pass->types[i] < TYPE_NAMES;
    if (counted) return;
    float *rows = memory_new(n * width, sizeof *rows);
    if (source_read(&job->source, pass->layer, job->source.hi - 1, 1, pass->begin, pass->end, rows, n * width,
                    job->reason))
        count_types(pass, rows);
    memory_free(rows);
}

/* The walkers among the rows. */
static void take_walkers(struct pass *pass)
{
    struct job *job = pass->job;
    const int64_t first = job->source.layer[pass->layer].first;
    int64_t end;
    walkers_among(&job->walkers, first + pass->begin, first + pass->end, &pass->walker, &end);
    pass->walkers = end - pass->walker;
    pass->walk = walks_new(pass->walkers, job->weights, job->spec, job->walkers.at + pass->walker);
}

/* A chunk's rows in n records, [n][hi - lo][weights]. */
static void take_chunk(struct pass *pass, int64_t record, int64_t n, int64_t lo, int64_t hi,
                       const float *values)
{
    struct job *job = pass->job;
    const int64_t width = job->weights, a_record = (hi - lo) * width;
    for (int64_t i = 0; i < n; i++) {
        if (record + i == job->source.lo)
            memcpy(pass->start + (lo - pass->begin) * width, values, (size_t)a_record * sizeof *values);
        pass->take(pass, record + i - job->source.lo, lo, hi, values + i * a_record);
    }
    job_advance(job, n * a_record);
}

/* Some records of one part. */
static void take_records(struct pass *pass, int64_t record, int64_t n, float *slab)
{
    struct job *job = pass->job;
    for (int64_t lo = pass->begin, hi; lo < pass->end && !failed(job); lo = hi) {
        hi = band_end(job, pass->layer, lo, 1);
        if (hi > pass->end) hi = pass->end;
        if (source_read(&job->source, pass->layer, record, n, lo, hi, slab, (hi - lo) * job->weights,
                        job->reason))
            take_chunk(pass, record, n, lo, hi, slab);
    }
    if (pass->flush && !failed(job)) pass->flush(pass, record - job->source.lo, n);
}

void pass_run(struct pass *pass)
{
    struct job *job = pass->job;
    struct source *source = &job->source;
    int64_t longest = 0;
    for (int64_t lo = pass->begin, hi; lo < pass->end; lo = hi) {
        hi = band_end(job, pass->layer, lo, 1);
        if (hi - lo > longest) longest = hi - lo;
    }
    float *slab = memory_new(longest * SOURCE_DEEP * job->weights, sizeof *slab);
    pass->start = memory_new((pass->end - pass->begin) * job->weights, sizeof *pass->start);
    if (job->spec->scope == SCOPE_TYPE) read_types(pass);
    take_walkers(pass);
    if (pass->prepare) pass->prepare(pass->result, pass);
    for (int64_t record = source->lo, n; record < source->hi && !failed(job); record += n) {
        const int64_t p = source_part(source, record);
        const struct source_part *part = &source->parts[p];
        const int64_t inside = record - part->first + part->offset, end = part->first + part->n;
        n = SOURCE_DEEP - inside % SOURCE_DEEP;
        if (n > end - record) n = end - record;
        if (n > source->hi - record) n = source->hi - record;
        take_records(pass, record, n, slab);
        if (record + n == end) source_rest(source, p);
    }
    memory_free(pass->walk);
    memory_free(pass->types);
    memory_free(pass->start);
    memory_free(slab);
    pass->walk = NULL;
    pass->types = NULL;
    pass->start = NULL;
}
