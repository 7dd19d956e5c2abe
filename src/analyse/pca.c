#include "metazoa/analyse/pca.h"

#include <math.h>
#include <stdio.h>

#include "metazoa/base/file.h"
#include "metazoa/base/memory.h"
#include "metazoa/base/terminal.h"
#include "metazoa/particle/census.h"
#include "scores.h"

const char *const pca_scopes[] = {PCA_SCOPES(WORDS_TEXT) NULL};
const char *const pca_origins[] = {PCA_ORIGINS(WORDS_TEXT) NULL};

/* Groups are counted layer by layer. */
static void count_groups(struct job *job)
{
    const struct source *source = &job->source;
    const enum pca_scope scope = job->spec->scope;
    job->n_groups = scope == SCOPE_TYPE ? TYPE_NAMES : scope == SCOPE_LAYER || scope == SCOPE_CELL ? 0 : 1;
    if (scope != SCOPE_LAYER && scope != SCOPE_CELL) return;
    job->first_group = memory_new(source->n_layers, sizeof *job->first_group);
    for (int l = 0; l < source->n_layers; l++) {
        job->first_group[l] = job->n_groups;
        job->n_groups += scope == SCOPE_LAYER ? 1 : source->layer[l].cells;
    }
}

/* A cell has sums of its own, which are all in memory. */
static void check_groups(const struct job *job, struct problems *problems)
{
    enum { CELLS_MOST = 8192 };
    const struct source *source = &job->source;
    if (job->spec->scope == SCOPE_CELL && job->n_groups > CELLS_MOST)
        problems_add(
            problems, EXIT_USAGE,
            "%s: --scope cell takes up to %d cells, and these are %lld: take --scope layer, or an archive of "
            "some layers (archive.layers)",
            source->path, CELLS_MOST, (long long)job->n_groups);
    for (int l = 0; l < source->n_layers && job->spec->scope == SCOPE_CELL; l++)
        if (source->layer[l].data.row_axes == 1 && !source->layer[l].cell)
            problems_add(problems, EXIT_INPUT, "%s does not say to which cells its particles belong",
                         source->path);
}

/* A particle's records are in memory together: a chunk of rows holds them for as many particles as fit. */
static void choose_bands(struct job *job)
{
    enum { BAND_BYTES = 16 << 20 };
    for (int l = 0; l < job->source.n_layers && job->spec->scope == SCOPE_PARTICLE; l++) {
        struct h5_data *data = &job->source.layer[l].data;
        data->chunk_records = job->source.hi - job->source.lo;
        h5_chunk_choose(data, BAND_BYTES);
        data->chunk_records = SOURCE_DEEP;
    }
}

static void divisors(double **scale, const struct job *job, const struct bases *bases)
{
    if (!job->spec->whiten) return;
    *scale = memory_new(bases->n * job->keep, sizeof **scale);
    for (int64_t i = 0; i < bases->n; i++)
        for (int k = 0; k < job->keep; k++)
            (*scale)[i * job->keep + k] = sqrt(bases->variance[i * bases->weights + k]);
}

/* Rank 0 holds the sums. */
static void find_bases(struct job *job)
{
    const int64_t n = job->n_groups;
    job->walk_bases = memory_new(job->spec->walks, sizeof *job->walk_bases);
    bases_new(&job->bases, n, job->weights);
    for (int64_t k = 0; k < job->spec->walks; k++) bases_new(&job->walk_bases[k], n, job->weights);
    for (int64_t i = 0; i < n && comm_rank(job->comm) == 0; i++) {
        bases_set(&job->bases, i, &job->sums.main[i]);
        for (int64_t k = 0; k < job->spec->walks; k++)
            bases_set(&job->walk_bases[k], i, &job->sums.walk[k * n + i]);
    }
    bases_share(&job->bases, job->comm);
    for (int64_t k = 0; k < job->spec->walks; k++) bases_share(&job->walk_bases[k], job->comm);
    bases_turn(&job->bases, job->keep);
    if (job->spec->walks > 0) bases_turn(&job->walk_bases[0], job->keep);
    divisors(&job->scale, job, &job->bases);
    if (job->spec->walks > 0) divisors(&job->walk_scale, job, &job->walk_bases[0]);
}

/* The file: complete, or none. */
static bool write_result(struct job *job, struct problems *problems)
{
    struct result result;
    bool sound = true;
    result_open(&result, job);
    if (job->spec->scope != SCOPE_PARTICLE) result_groups(&result, job);
    for (int l = 0; l < job->source.n_layers; l++) result_layer(&result, job, l);
    if (job->spec->scope == SCOPE_PARTICLE) {
        int64_t excluded = 0;
        sound = particles_write(job, &result, &excluded, problems);
        uint64_t sum = (uint64_t)excluded;
        comm_sum_u64(job->comm, &sum, 1);
        excluded = (int64_t)sum;
        h5_put_i64(&result.file, "/", "excluded", 0, &excluded);
    } else if (job->spec->scores) {
        sound = scores_write(job, &result, problems);
    }
    result_close(&result, job, sound);
    return sound;
}

static void job_free(struct job *job)
{
    for (int64_t k = 0; k < job->spec->walks && job->walk_bases; k++) bases_free(&job->walk_bases[k]);
    bases_free(&job->bases);
    sums_free(job);
    walkers_free(&job->walkers);
    memory_free(job->walk_bases);
    memory_free(job->scale);
    memory_free(job->walk_scale);
    memory_free(job->first_group);
    memory_free(job->digest);
    memory_free(job->checked);
    source_close(&job->source);
}

static bool run_sums(struct job *job, struct problems *problems)
{
    if (!insitu_sums(job, problems)) return false;
    find_bases(job);
    struct result result;
    result_open(&result, job);
    result_groups(&result, job);
    result_close(&result, job, true);
    return true;
}

static bool run(struct job *job, struct problems *problems)
{
    struct source *source = &job->source;
    if (!source_open(source, job->spec, job->comm, problems)) return false;
    job->weights = source->weights;
    job->keep = (int)(job->spec->components < job->weights ? job->spec->components : job->weights);
    count_groups(job);
    check_groups(job, problems);
    if (!comm_share(job->comm, problems)) return false;
    choose_bands(job);
    walkers_choose(&job->walkers, source, job->spec);
    const bool pooled = job->spec->scope != SCOPE_PARTICLE;
    const double passes = pooled && job->spec->scores ? 2 : 1;
    job->work = passes * 4 * (double)(source_particles(source) * job->weights * (source->hi - source->lo)) /
                comm_size(job->comm);
    if (pooled) sums_new(job);
    if (pooled && !pooled_sums(job, problems)) return false;
    if (pooled) find_bases(job);
    return write_result(job, problems);
}

/* Rank 0 prints what was found, a line for each group. */
static void say(const struct job *job)
{
    const struct bases *bases = &job->bases;
    if (comm_rank(job->comm) != 0) return;
    printf("%s\n", job->spec->output);
    for (int64_t i = 0; i < bases->n; i++) {
        if (bases->count[i] < 2) continue;
        char name[64];
        result_name(job, i, name);
        printf("  %-16s explained variance (%%)", name);
        for (int k = 0; k < job->keep; k++) printf(" %5.1f", 100 * bases->ratio[i * bases->weights + k]);
        for (int k = 0; k < job->keep && job->spec->walks > 0; k++) {
            double sum = 0;
            for (int64_t w = 0; w < job->spec->walks; w++)
                sum += job->walk_bases[w].ratio[i * bases->weights + k];
            printf(k == 0 ? "   walks %5.1f" : " %5.1f", 100 * sum / (double)job->spec->walks);
        }
        printf("   initial scatter %.1f %%\n", 100 * result_share(job, i));
    }
    fflush(stdout);
}

bool pca_run(const struct pca_spec *spec, struct comm *comm, struct problems *problems)
{
    struct job job = {.spec = spec, .comm = comm};
    fault_rank(comm_rank(comm));
    const bool sound = (spec->sums ? run_sums : run)(&job, problems);
    if (comm_rank(comm) == 0) terminal_done();
    if (sound) say(&job);
    char *partial = memory_print("%s.partial", spec->output);
    if (sound && comm_rank(comm) == 0) file_remove(partial);
    memory_free(partial);
    job_free(&job);
    return sound;
}
