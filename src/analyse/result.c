#include "result.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "metazoa/particle/census.h"
#include "metazoa/base/file.h"
#include "metazoa/base/memory.h"
#include "metazoa/parallel/cut.h"

enum { VERSION = 3 };

/* One number for each record of the window; scale: NULL: it is the scale itself. */
static void put_records(struct result *result, const struct job *job, const char *name, enum h5_type type,
                        const void *values, const char *description)
{
    const struct source *source = &job->source;
    if (!values) return;
    struct h5_data data = {
        .name = name, .type = type, .has_record = true, .records = source->hi - source->lo};
    data.chunk_records = data.records;
    data.description = description;
    data.units = strcmp(name, "/epoch") == 0 ? "epoch" : "1";
    data.is_scale = strcmp(name, "/epoch") == 0;
    data.scales[0] = data.is_scale ? NULL : "/epoch";
    h5_put(&result->file, &data, (const char *)values + 8 * source->lo);
}

static void put_attributes(struct result *result, const struct job *job)
{
    const struct pca_spec *spec = job->spec;
    const struct source *source = &job->source;
    struct h5 *file = &result->file;
    int64_t excluded = 0;
    for (int64_t i = 0; i < job->sums.n; i++) excluded += job->sums.main[i].excluded;
    const struct {
        const char *name;
        int64_t value;
    } numbers[] = {
        {"version", VERSION},          {"records", source->hi - source->lo},
        {"components", job->keep},     {"whiten", spec->whiten},
        {"walks", spec->walks},        {"walkers", job->walkers.n},
        {"seed", (int64_t)spec->seed}, {"excluded", excluded},
    };
    h5_put_text(file, "/", "kind", "pca");
    h5_put_text(file, "/", "scope", pca_scopes[spec->scope]);
    h5_put_text(file, "/", "origin", pca_origins[spec->origin]);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (spec->scope != SCOPE_PARTICLE || strcmp(numbers[i].name, "excluded") != 0)
            h5_put_i64(file, "/", numbers[i].name, 0, &numbers[i].value);
    if (spec->scope == SCOPE_TYPE) h5_put_f64(file, "/", "epsilon", 0, &spec->epsilon);
    if (source->fingerprint) h5_put_u64(file, "/", "fingerprint", source->fingerprint[source->hi - 1]);
}

static void choose_shown(struct result *result, const struct job *job)
{
    const int64_t n = job->spec->scores ? job->walkers.n : 0;
    result->n_shown = n < RESULT_SHOWN ? n : RESULT_SHOWN;
    result->shown = memory_new(result->n_shown, sizeof *result->shown);
    for (int64_t i = 0; i < result->n_shown; i++) result->shown[i] = cut_begin(n, result->n_shown, i);
}

void result_open(struct result *result, struct job *job)
{
    *result = (struct result){.temporary = file_temporary(job->spec->output)};
    choose_shown(result, job);
    if (comm_rank(job->comm) == 0) file_claim(result->temporary);
    h5_create(&result->file, result->temporary, job->comm, INT64_MAX);
    put_attributes(result, job);
    const struct source *source = &job->source;
    put_records(result, job, "/epoch", H5_I64, source->epoch, "epochs completed, of each record");
    put_records(result, job, "/batch", H5_I64, source->batch, "batches completed inside the next epoch");
    put_records(result, job, "/fingerprint", H5_U64, source->fingerprint, "fingerprint of the organism");
    h5_put_index(&result->file, "/weight", job->weights,
                 "weight of a particle: layer by layer, row-major [cell][edge]");
    h5_put_index(&result->file, "/component", job->keep, "component, the one of the largest variance first");
    h5_put_index(&result->file, "/walk", job->spec->walks, "number of the random walk");
    h5_group(&result->file, "/layers", "layers of particles, from the inputs to the outputs");
}

void result_close(struct result *result, struct job *job, bool keep)
{
    h5_close(&result->file);
    if (comm_rank(job->comm) == 0 && keep) file_replace(result->temporary, job->spec->output);
    if (comm_rank(job->comm) == 0 && !keep) file_remove(result->temporary);
    comm_barrier(job->comm);
    memory_free(result->temporary);
    memory_free(result->shown);
}

void result_name(const struct job *job, int64_t group, char name[RESULT_NAME])
{
    int layer = job->source.n_layers - 1;
    while (layer > 0 && job->first_group && job->first_group[layer] > group) layer--;
    const int number = job->source.layer[layer].number;
    switch (job->spec->scope) {
    case SCOPE_LAYER:
        snprintf(name, RESULT_NAME, "layer %d", number);
        break;
    case SCOPE_TYPE:
        snprintf(name, RESULT_NAME, "%s", particle_type_names[group]);
        break;
    case SCOPE_CELL:
        snprintf(name, RESULT_NAME, "layer %d cell %" PRId64, number, group - job->first_group[layer]);
        break;
    default:
        snprintf(name, RESULT_NAME, "organism");
    }
}

/* The names of the groups, a line each: one text, as netCDF's library crashes on arrays of texts. */
static void put_names(struct result *result, const struct job *job)
{
    char *names = memory_new(job->n_groups, RESULT_NAME), name[RESULT_NAME], *at = names;
    for (int64_t i = 0; i < job->n_groups; i++) {
        result_name(job, i, name);
        at += snprintf(at, RESULT_NAME, i > 0 ? "\n%s" : "%s", name);
    }
    const struct h5_data data = {.name = "/groups/name",
                                 .type = H5_TEXT,
                                 .text_bytes = at - names + 1,
                                 .row_axes = 1,
                                 .row_size = {1},
                                 .chunk_rows = {1},
                                 .description = "what shares a space, a line for each group",
                                 .units = "1",
                                 .is_scale = true}; /* of its own axis: h5netcdf asks for one */
    h5_put(&result->file, &data, names);
    memory_free(names);
}

/* A dataset of groups: [records][groups][rows][width]; a size of 0: there is no such axis. */
static void put_group(struct result *result, const char *name, enum h5_type type, int64_t records,
                      int64_t rows, int64_t width, const char *const scales[3], const void *values,
                      const char *description)
{
    struct h5_data data = {.name = name, .type = type, .row_axes = 1, .row_size = {rows}};
    data.has_record = records >= 0;
    data.records = records;
    data.chunk_records = 1;
    data.has_width = width > 0;
    data.width = width;
    data.description = description;
    data.units = "1";
    for (int i = 0; i < 3; i++) data.scales[i] = scales[i];
    h5_chunk_choose(&data, H5_CHUNK_BYTES);
    h5_put(&result->file, &data, values);
}

double result_share(const struct job *job, int64_t group)
{
    const struct sums *sums = &job->sums;
    const double all = moments_variance(sums->weights ? &sums->weights[group] : &sums->main[group]);
    return all > 0 ? moments_variance(&sums->first[group]) / all : 0;
}

static double *shares_of(const struct job *job)
{
    double *share = memory_new(job->n_groups, sizeof *share);
    for (int64_t i = 0; i < job->n_groups; i++) share[i] = result_share(job, i);
    return share;
}

static double *walk_ratios(const struct job *job)
{
    const int64_t n = job->n_groups * job->weights;
    double *all = memory_new(job->spec->walks * n, sizeof *all);
    for (int64_t k = 0; k < job->spec->walks; k++)
        memcpy(all + k * n, job->walk_bases[k].ratio, (size_t)n * sizeof *all);
    return all;
}

void result_groups(struct result *result, const struct job *job)
{
    static const char *const group[3] = {"/groups/group"}, *const mean[3] = {"/groups/group", "/weight"},
                             *const component[3] = {"/groups/group", "/groups/component", "/weight"},
                             *const variance[3] = {"/groups/group", "/groups/component"},
                             *const walk[3] = {"/walk", "/groups/group", "/groups/component"};
    const struct bases *bases = &job->bases;
    const int64_t n = job->n_groups, w = job->weights;
    double *shares = shares_of(job), *walks = walk_ratios(job);
    h5_group(&result->file, "/groups", "groups of samples that share a space");
    h5_put_index(&result->file, "/groups/group", n, "number of the group");
    h5_put_index(&result->file, "/groups/component", w, "component, the one of the largest variance first");
    put_names(result, job);
    put_group(result, "/groups/count", H5_I64, -1, n, 0, group, bases->count, "samples");
    put_group(result, "/groups/mean", H5_F64, -1, n, w, mean, bases->mean, "mean of the samples");
    put_group(result, "/groups/components", H5_F64, n, w, w, component, bases->component,
              "principal components, the largest variance first");
    put_group(result, "/groups/variance", H5_F64, -1, n, w, variance, bases->variance,
              "variance along each component");
    put_group(result, "/groups/ratio", H5_F64, -1, n, w, variance, bases->ratio,
              "share of the variance that each component explains");
    put_group(result, "/groups/walk_ratio", H5_F64, job->spec->walks, n, w, walk, walks,
              "the same of the random walks");
    put_group(result, "/groups/initial_share", H5_F64, -1, n, 0, group, shares,
              "variance of the weights in the first record, as a share of their variance in all records");
    memory_free(walks);
    memory_free(shares);
}
