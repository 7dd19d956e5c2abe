/* Components from the running sums of a checkpoint (archive.moments): no archive is read. */
#include <stdio.h>

#include "job.h"
#include "metazoa/base/memory.h"
#include "metazoa/store/checkpoint.h"
#include "metazoa/store/claims.h"
#include "metazoa/store/moments_file.h"

/* The sums of a layer into those of its group. */
static void take(struct job *job, int64_t group, struct moments *sums)
{
    const bool from_start = job->spec->origin == ORIGIN_START;
    moments_merge(&job->sums.main[group], &sums[from_start ? RUNNING_DISTANCE : RUNNING_WEIGHTS]);
    moments_merge(&job->sums.first[group], &sums[RUNNING_FIRST]);
    if (from_start) moments_merge(&job->sums.weights[group], &sums[RUNNING_WEIGHTS]);
}

/* The source's description: layers without particles, as many records as are in the sums. */
static void describe(struct job *job, const struct running_head *head)
{
    struct source *source = &job->source;
    source->weights = (int)head->weights;
    source->hi = source->records = head->records;
    source->n_layers = (int)head->n_layers;
    for (int l = 0; l < source->n_layers; l++) source->layer[l].number = (int)head->layers[l];
    job->weights = source->weights;
    job->keep = (int)(job->spec->components < job->weights ? job->spec->components : job->weights);
    job->n_groups = job->spec->scope == SCOPE_LAYER ? source->n_layers : 1;
    job->first_group = memory_new(source->n_layers, sizeof *job->first_group);
    for (int l = 0; l < source->n_layers; l++) job->first_group[l] = l;
}

static void read_sums(struct job *job, struct h5 *file, const struct running_head *head)
{
    const int64_t n = head->n_layers * RUNNING_KINDS;
    struct moments *sums = memory_new(n, sizeof *sums);
    for (int64_t i = 0; i < n; i++)
        running_moments(&sums[i], (int)head->weights, (enum running_kind)(i % RUNNING_KINDS));
    if (running_sums_get(file, head, sums))
        for (int64_t l = 0; l < head->n_layers; l++)
            take(job, job->spec->scope == SCOPE_LAYER ? l : 0, sums + l * RUNNING_KINDS);
    for (int64_t i = 0; i < n; i++) moments_free(&sums[i]);
    memory_free(sums);
}

static void warn(const struct job *job, const char *checkpoint)
{
    int64_t epoch, batch;
    checkpoint_place(checkpoint, &epoch, &batch);
    claims_warn(job->spec->run, epoch, job->comm);
}

/* All ranks read the newest checkpoint; rank 0 alone needs the sums. */
bool insitu_sums(struct job *job, struct problems *problems)
{
    int64_t n;
    char **paths = checkpoint_list(job->spec->run, job->comm, &n);
    if (n == 0) problems_add(problems, EXIT_USAGE, "%s has no checkpoint", job->spec->run);
    if (n > 0 && checkpoint_check(paths[0], job->comm, problems)) {
        struct running_head head = {0};
        struct h5 file;
        if (h5_read_begin(&file, paths[0]) && h5_attributes_sound(&file) && running_head_get(&file, &head)) {
            describe(job, &head);
            sums_new(job);
            read_sums(job, &file, &head);
            warn(job, paths[0]);
        } else if (!*file.problem) {
            problems_add(problems, EXIT_USAGE,
                         "%s has no running sums: train with archive.moments: true, or leave --moments out",
                         paths[0]);
        }
        if (*file.problem) problems_add(problems, EXIT_INPUT, "%s: %s", paths[0], file.problem);
        h5_read_end(&file);
    }
    checkpoint_list_free(paths, n);
    return comm_share(job->comm, problems);
}
