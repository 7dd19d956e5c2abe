/* Scores of all particles, and of some walks, in the spaces of their groups. */
#include "scores.h"

#include <string.h>

#include "metazoa/base/memory.h"
#include "metazoa/parallel/cut.h"

enum { BAND_CHUNKS = 8 };

/* Of a pass. */
struct scores {
    struct result *result;
    struct result_data *projection, *walk;
    float *buffer;           /* [SOURCE_DEEP][rows][keep] */
    int64_t first, shown;    /* shown walkers among the rows: the first one's number in the layer, how many */
    float *walks;            /* [deep][shown][keep] */
    int64_t record, records; /* those of `walks`: the first one, how many */
    int64_t at;              /* record of the archive that the next flush begins with */
};

/* Which walkers of the pass are shown: their places among the shown ones of the rows. */
void scores_shown(const struct result *result, struct pass *pass)
{
    int64_t place = 0;
    for (int64_t i = 0, s = 0; i < pass->walkers; i++) {
        const int64_t walker = pass->walker + i;
        while (s < result->n_shown && result->shown[s] < walker) s++;
        const bool shown = s < result->n_shown && result->shown[s] == walker;
        pass->walk[i].shown = shown ? place++ : -1;
    }
}

static void take_walks(struct pass *pass, int64_t record, int64_t lo, int64_t hi, const float *rows)
{
    struct job *job = pass->job;
    struct scores *scores = pass->context;
    const int64_t width = job->weights, first = job->source.layer[pass->layer].first;
    float *out = memory_new(job->spec->walks * width, sizeof *out);
    for (int64_t i = 0; i < pass->walkers; i++) {
        const int64_t row = pass->walk[i].at - first, place = pass->walk[i].shown;
        if (row < lo || row >= hi || place < 0) continue;
        walk_step(&pass->walk[i], record, rows + (row - lo) * width, out);
        const int64_t group = job_group(job, pass->layer, row, pass->types, pass->begin);
        const float *start =
            job->spec->origin == ORIGIN_START ? pass->start + (row - pass->begin) * width : NULL;
        bases_score(&job->walk_bases[0], group, out, start,
                    job->walk_scale ? job->walk_scale + group * job->keep : NULL,
                    scores->walks + ((record - scores->record) * scores->shown + place) * job->keep);
    }
    memory_free(out);
}

static void take(struct pass *pass, int64_t record, int64_t lo, int64_t hi, const float *rows)
{
    struct job *job = pass->job;
    struct scores *scores = pass->context;
    const int64_t width = job->weights, keep = job->keep, band = pass->end - pass->begin;
    float *out = scores->buffer + ((record - scores->at) * band + lo - pass->begin) * keep;
    for (int64_t row = lo; row < hi; row++) {
        const int64_t group = job_group(job, pass->layer, row, pass->types, pass->begin);
        bases_score(&job->bases, group, rows + (row - lo) * width,
                    job->spec->origin == ORIGIN_START ? pass->start + (row - pass->begin) * width : NULL,
                    job->scale ? job->scale + group * keep : NULL, out + (row - lo) * keep);
    }
    if (scores->shown > 0) take_walks(pass, record, lo, hi, rows);
}

static void flush_walks(struct pass *pass, int64_t n)
{
    struct scores *scores = pass->context;
    const int64_t deep = scores->walk->data.chunk_records, all = scores->walk->data.records;
    scores->records += n;
    if (scores->records < deep && scores->record + scores->records < all) return;
    result_put(scores->result, scores->walk, scores->record, scores->records < deep ? scores->records : deep,
               scores->first, scores->first + scores->shown, scores->walks);
    const int64_t rest = scores->records < deep ? 0 : scores->records - deep,
                  a_record = scores->shown * pass->job->keep;
    memmove(scores->walks, scores->walks + (scores->records - rest) * a_record,
            (size_t)(rest * a_record) * sizeof *scores->walks);
    scores->record += scores->records - rest;
    scores->records = rest;
    if (rest > 0 && scores->record + rest == all) flush_walks(pass, 0);
}

static void flush(struct pass *pass, int64_t record, int64_t n)
{
    struct scores *scores = pass->context;
    result_put(scores->result, scores->projection, record, n, pass->begin, pass->end, scores->buffer);
    scores->at = record + n;
    if (scores->shown > 0) flush_walks(pass, n);
}

static void score_band(struct job *job, struct scores *scores, int layer, int64_t begin, int64_t end)
{
    int64_t hi;
    struct pass pass = {.job = job, .layer = layer, .begin = begin, .end = end, .context = scores};
    pass.take = take;
    pass.flush = flush;
    pass.prepare = scores_shown;
    pass.result = scores->result;
    result_shown(scores->result, job, layer, begin, end, &scores->first, &hi);
    scores->shown = hi - scores->first;
    scores->at = scores->record = scores->records = 0;
    scores->buffer = memory_new(SOURCE_DEEP * (end - begin) * job->keep, sizeof *scores->buffer);
    if (scores->shown > 0)
        scores->walks =
            memory_new((scores->walk->data.chunk_records + SOURCE_DEEP) * scores->shown * job->keep,
                       sizeof *scores->walks);
    pass_run(&pass);
    memory_free(scores->walks);
    memory_free(scores->buffer);
    scores->walks = scores->buffer = NULL;
}

bool scores_write(struct job *job, struct result *result, struct problems *problems)
{
    const int rank = comm_rank(job->comm), size = comm_size(job->comm);
    for (int l = 0; l < job->source.n_layers; l++) {
        struct result_data projection, walk = {.digest = 0};
        struct scores scores = {.result = result, .projection = &projection, .walk = &walk};
        const struct h5_data *data = &job->source.layer[l].data;
        const int64_t chunks = job->source.layer[l].rows > 0 ? h5_chunks(data) : 0;
        result_begin(result, job, l, RESULT_PROJECTION, &projection);
        if (job->spec->walks > 0) result_begin(result, job, l, RESULT_WALK, &walk);
        const int64_t last = cut_begin(chunks, size, rank + 1);
        for (int64_t at = cut_begin(chunks, size, rank), end; at < last; at = end) {
            end = at + BAND_CHUNKS < last ? at + BAND_CHUNKS : last;
            score_band(job, &scores, l, h5_chunk_begin(data, at), h5_chunk_begin(data, end));
        }
        result_end(result, job, &projection);
        if (job->spec->walks > 0) result_end(result, job, &walk);
    }
    if (*job->reason) problems_add(problems, EXIT_INPUT, "%s", job->reason);
    return comm_share(job->comm, problems);
}
