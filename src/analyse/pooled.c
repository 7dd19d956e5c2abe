/*
 * The sums over all particles. The rows are worked on in steps; after each of them rank 0 holds the sums so
 * far, and they are written to a file beside the result, from which an analysis that was killed goes on.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "job.h"
#include "metazoa/base/file.h"
#include "metazoa/base/hash.h"
#include "metazoa/base/memory.h"
#include "metazoa/parallel/cut.h"
#include "metazoa/store/moments_file.h"

enum { BAND_CHUNKS = 8 };
#define STEP_BYTES (INT64_C(4) << 30) /* that are read in a step, over all ranks, at least */

/* What the sums depend on: those of another analysis are not taken. */
static char *identity(const struct job *job)
{
    const struct pca_spec *spec = job->spec;
    const struct source *source = &job->source;
    const size_t n = (size_t)(source->hi - source->lo);
    uint64_t state = hash_bytes(source->epoch + source->lo, n * sizeof *source->epoch, 0);
    if (source->batch) state += hash_bytes(source->batch + source->lo, n * sizeof *source->batch, 1);
    if (source->fingerprint)
        state += hash_bytes(source->fingerprint + source->lo, n * sizeof *source->fingerprint, 2);
    return memory_print(
        "%s %s, %" PRId64 " walks of %" PRId64 ", seed %" PRIu64 ", epsilon %.9g, records %" PRId64
        " to %" PRId64 " in %" PRId64 " parts, %016" PRIx64,
        pca_scopes[spec->scope], pca_origins[spec->origin], spec->walks, job->walkers.n, spec->seed,
        spec->scope == SCOPE_TYPE ? spec->epsilon : 0, source->lo, source->hi, source->n_parts, state);
}

static char *partial_path(const struct job *job)
{
    return memory_print("%s.partial", job->spec->output);
}

static void put_digests(const struct job *job, struct h5 *file)
{
    const struct h5_data data = {.name = "/digests",
                                 .type = H5_U64,
                                 .row_axes = 1,
                                 .row_size = {job->source.n_parts * job->source.n_layers},
                                 .chunk_rows = {job->source.n_parts * job->source.n_layers},
                                 .description = "digests of what was read",
                                 .units = "1"};
    h5_put(file, &data, job->digest);
}

/* Collective. All sums are on rank 0 from now on, and in the file; rows are those that are in the sums. */
static void commit(struct job *job, int64_t rows)
{
    const bool first = comm_rank(job->comm) == 0;
    const int64_t digests = job->source.n_parts * job->source.n_layers;
    for (int64_t i = 0; i < job->sums.n_all; i++) moments_sum(job->comm, job->sums.all[i]);
    comm_sum_u64(job->comm, job->digest, digests);
    if (!first) {
        for (int64_t i = 0; i < job->sums.n_all; i++) moments_clear(job->sums.all[i]);
        memset(job->digest, 0, (size_t)digests * sizeof *job->digest);
        return;
    }
    char *path = partial_path(job), *temporary = file_temporary(path), *text = identity(job);
    struct h5 file;
    file_claim(temporary);
    h5_create(&file, temporary, NULL, 0);
    h5_put_text(&file, "/", "kind", "pca-partial");
    h5_put_text(&file, "/", "scope", text);
    h5_put_i64(&file, "/", "rows", 0, &rows);
    moments_put(&file, "/sums", job->sums.n_all, job->sums.all);
    put_digests(job, &file);
    h5_close(&file);
    file_replace(temporary, path);
    memory_free(text);
    memory_free(temporary);
    memory_free(path);
}

/* Rank 0. The sums of a file that fits, and how many rows are in them; 0: there is none. */
static int64_t resume(struct job *job)
{
    char *path = partial_path(job), *text = identity(job), found[400] = "";
    struct h5 file = {.id = -1};
    int64_t rows = 0;
    struct h5_data data = {.name = "/digests", .type = H5_U64, .row_axes = 1};
    if (file_exists(path) && h5_read_begin(&file, path) && h5_attributes_sound(&file) &&
        h5_get_text(&file, "/", "scope", found, sizeof found) && strcmp(found, text) == 0 &&
        h5_get_i64(&file, "/", "rows", 0, &rows) &&
        moments_get(&file, "/sums", job->sums.n_all, job->sums.all)) {
        uint64_t *digest = h5_get(&file, &data);
        const int64_t n = job->source.n_parts * job->source.n_layers;
        if (digest && data.row_size[0] == n)
            memcpy(job->digest, digest, (size_t)n * sizeof *digest);
        else
            h5_problem(&file, "its digests are of other files");
        memory_free(digest);
    }
    if (*file.problem) rows = 0; /* it is made anew */
    if (*file.problem)
        for (int64_t i = 0; i < job->sums.n_all; i++) moments_clear(job->sums.all[i]);
    h5_read_end(&file);
    memory_free(text);
    memory_free(path);
    return rows;
}

/* Rows [begin, end) of a layer: each rank takes a range of chunks. */
static void step(struct job *job, int layer, int64_t chunk, int64_t chunks)
{
    const struct h5_data *data = &job->source.layer[layer].data;
    const int rank = comm_rank(job->comm), size = comm_size(job->comm);
    const int64_t first = chunk + cut_begin(chunks, size, rank),
                  last = chunk + cut_begin(chunks, size, rank + 1);
    for (int64_t at = first, end; at < last; at = end) {
        end = at + BAND_CHUNKS < last ? at + BAND_CHUNKS : last;
        struct pass pass = {.job = job, .layer = layer, .take = sums_add};
        pass.begin = h5_chunk_begin(data, at);
        pass.end = h5_chunk_begin(data, end);
        pass_run(&pass);
    }
}

/* Chunks of a step: equal on all machines it need not be, as the sums are exact. */
static int64_t step_chunks(const struct job *job, int layer, int64_t from)
{
    const struct h5_data *data = &job->source.layer[layer].data;
    const int64_t all = h5_chunks(data), records = job->source.hi - job->source.lo;
    const int64_t bytes = h5_rows(data) * h5_row_bytes(data) / all * records;
    int64_t n = STEP_BYTES / (bytes > 0 ? bytes : 1) + 1;
    if (n < comm_size(job->comm)) n = comm_size(job->comm);
    return n < all - from ? n : all - from;
}

static bool agree(struct job *job, struct problems *problems)
{
    if (*job->reason) problems_add(problems, EXIT_INPUT, "%s", job->reason);
    return comm_share(job->comm, problems);
}

/* The stored digests against those of what was read. */
static void check_digests(struct job *job, struct problems *problems)
{
    const struct source *source = &job->source;
    for (int64_t p = 0; p < source->n_parts && comm_rank(job->comm) == 0; p++)
        for (int l = 0; l < source->n_layers; l++) {
            uint64_t stored = 0;
            const int64_t at = p * source->n_layers + l;
            if (job->checked[at] && source_digest(&job->source, p, l, &stored) && stored != job->digest[at])
                problems_add(problems, EXIT_INPUT, "%s: %s is damaged: its digest is not the stored one",
                             source->parts[p].path, source->layer[l].data.name);
        }
}

static void find_digests(struct job *job)
{
    struct source *source = &job->source;
    const int64_t n = source->n_parts * source->n_layers;
    job->digest = memory_new(n, sizeof *job->digest);
    job->checked = memory_new(n, sizeof *job->checked);
    for (int64_t p = 0; p < source->n_parts; p++) {
        uint64_t stored;
        for (int l = 0; l < source->n_layers; l++)
            job->checked[p * source->n_layers + l] = source_digest(source, p, l, &stored);
        source_rest(source, p);
    }
}

bool pooled_sums(struct job *job, struct problems *problems)
{
    struct source *source = &job->source;
    find_digests(job);
    int64_t rows = comm_rank(job->comm) == 0 ? resume(job) : 0;
    comm_broadcast(job->comm, &rows, sizeof rows, 0);
    for (int l = 0; l < source->n_layers; l++) {
        const struct source_layer *layer = &source->layer[l];
        const struct h5_data *data = &layer->data;
        const int64_t chunks = layer->rows > 0 ? h5_chunks(data) : 0;
        for (int64_t chunk = 0, n; chunk < chunks; chunk += n) {
            n = step_chunks(job, l, chunk);
            const int64_t end = layer->first + h5_chunk_begin(data, chunk + n);
            if (end <= rows) continue; /* a step of before, of any number of ranks */
            int64_t first = chunk;
            while (first < chunk + n && layer->first + h5_chunk_begin(data, first) < rows) first++;
            step(job, l, first, chunk + n - first);
            if (!agree(job, problems)) return false;
            commit(job, end);
        }
    }
    check_digests(job, problems);
    return comm_share(job->comm, problems);
}
