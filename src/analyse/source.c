#include "source.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "metazoa/base/file.h"
#include "metazoa/base/launcher.h"
#include "metazoa/base/hash.h"
#include "metazoa/base/memory.h"
#include "metazoa/particle/kind.h"
#include "metazoa/store/claims.h"
#include "metazoa/store/lock.h"

enum { TRIES = 20, PAUSE = 50000 /* microseconds */ };

/* Shape of the particles, where the file says it. */
static void take_shape(struct source *source, struct h5 *file)
{
    int64_t width = 0, depth = -1;
    source->depth = -1;
    if (!h5_has_attribute(file, "/", "particle_layers") || !h5_has_attribute(file, "/", "particle_width"))
        return;
    if (!h5_get_i64(file, "/", "particle_layers", 0, &depth) ||
        !h5_get_i64(file, "/", "particle_width", 0, &width))
        return;
    source->width = (int)width;
    source->depth = (int)depth;
    source->kind = particle_kind_find(width, depth);
    char word[32];
    if (h5_has_attribute(file, "/", "edges") && h5_get_text(file, "/", "edges", word, sizeof word))
        source->kind = words_find(edges_words, word);
}

/* The files that hold the records. */
static void take_parts(struct source *source, struct h5 *file)
{
    struct h5_source *sources = NULL;
    int64_t n = 0;
    const char *slash = strrchr(source->path, '/');
    for (int l = 0; l < source->n_layers && n == 0; l++)
        if (source->layer[l].rows > 0 && !h5_sources(file, source->layer[l].name[0], &n, &sources)) return;
    const int64_t parts = n > 0 ? n : 1;
    source->parts = memory_new(parts, sizeof *source->parts);
    source->n_parts = parts;
    for (int64_t i = 0; i < parts; i++) {
        struct source_part *part = &source->parts[i];
        *part = (struct source_part){.n = source->records, .file.id = -1};
        part->data = memory_new(source->n_layers, sizeof *part->data);
        part->plain = memory_new(source->n_layers, sizeof *part->plain);
        for (int l = 0; l < source->n_layers; l++) part->data[l].id = -1;
        if (n > 0) part->first = sources[i].first, part->n = sources[i].n, part->offset = sources[i].offset;
        part->path = n == 0 || strcmp(sources[i].path, ".") == 0 ? memory_string(source->path)
                     : *sources[i].path == '/'                   ? memory_string(sources[i].path)
                                               : memory_print("%.*s%s", (int)(slash + 1 - source->path),
                                                              source->path, sources[i].path);
    }
    h5_sources_free(n, sources);
}

static struct census_name {
    char text[64];
} census_name(int t)
{
    struct census_name name;
    snprintf(name.text, sizeof name.text, "/metrics/%s", particle_type_names[t]);
    return name;
}

static void take_master(struct source *source, struct h5 *file)
{
    if (!h5_has(file, "/epoch") || !h5_has(file, "/layers")) {
        h5_problem(file, "it is no trajectory archive");
        return;
    }
    source->records = source_length(file, "/epoch");
    source->epoch = source_numbers(file, "/epoch", H5_I64, source->records);
    source->batch = source_numbers(file, "/metrics/batch", H5_I64, source->records);
    source->fingerprint = source_numbers(file, "/metrics/fingerprint", H5_U64, source->records);
    for (int t = 0; t < TYPE_NAMES; t++)
        source->census[t] = source_numbers(file, census_name(t).text, H5_I64, source->records);
    take_shape(source, file);
    for (int l = 0; l < SOURCE_LAYERS && !*file->problem; l++) source_layer(source, file, l);
    if (!*file->problem && source->n_layers == 0) h5_problem(file, "it has no layers");
    if (!*file->problem) take_parts(source, file);
}

/* Whether a part has the numbers that the master has in its place; a dataset of one of them alone says
 * nothing. */
static bool same_numbers(const struct source *source, int64_t p, const char *name, enum h5_type type,
                         const void *known)
{
    struct source_part *part = &source->parts[p];
    int64_t *here = known ? source_numbers(&part->file, name, type, -1) : NULL;
    const bool same = !here || (source_length(&part->file, name) >= part->offset + part->n &&
                                memcmp(here + part->offset, (const int64_t *)known + part->first,
                                       (size_t)part->n * sizeof *here) == 0);
    memory_free(here);
    return same;
}

bool source_part_open(struct source *source, int64_t p)
{
    struct source_part *part = &source->parts[p];
    if (part->file.id >= 0) return true;
    if (!h5_read_begin(&part->file, part->path)) return false;
    /* It is what the master knew: a file of the same name may be of another state, or measured otherwise. */
    bool same = same_numbers(source, p, "/epoch", H5_I64, source->epoch) &&
                same_numbers(source, p, "/metrics/fingerprint", H5_U64, source->fingerprint);
    for (int t = 0; t < TYPE_NAMES; t++)
        same = same && same_numbers(source, p, census_name(t).text, H5_I64, source->census[t]);
    return same ||
           h5_problem(&part->file,
                      "it holds other records than the archive expects there: it belongs to another run or "
                      "state");
}

/* All files, or the first ones. */
static bool open_parts(struct source *source, char *reason)
{
    for (int64_t p = 0; p < source->n_parts && p < SOURCE_OPEN; p++)
        if (!source_part_open(source, p)) {
            snprintf(reason, 600, "%s: %s", source->parts[p].path, source->parts[p].file.problem);
            return false;
        }
    return true;
}

/* One look at the archive, on this rank. */
static bool look(struct source *source, const char *path, char *reason)
{
    struct h5 file;
    source->path = memory_string(path);
    if (h5_read_begin(&file, path)) take_master(source, &file);
    const bool sound = !*file.problem;
    if (!sound) snprintf(reason, 600, "%s: %s", path, file.problem);
    h5_read_end(&file);
    return sound && open_parts(source, reason);
}

/* What tells one state from another, so that ranks can compare. */
static int64_t state_of(const struct source *source)
{
    uint64_t hash = hash_bytes(source->epoch, (size_t)source->records * sizeof *source->epoch, 1);
    if (source->fingerprint)
        hash += hash_bytes(source->fingerprint, (size_t)source->records * sizeof *source->fingerprint, 2);
    for (int64_t p = 0; p < source->n_parts; p++) hash += hash_mix((uint64_t)source->parts[p].first + 3);
    return (int64_t)(hash >> 2);
}

/* metrics.csv, where it is, has the fingerprints of the archive's epochs: another run's archive has others. */
static void check_run(const struct source *source, const char *run, struct comm *comm,
                      struct problems *problems)
{
    struct claims claims = {0};
    char *path = file_path(run, "metrics.csv"), *word = command_word(run);
    int64_t there = file_exists(path);
    comm_min_i64(comm, &there, 1);
    if (there) claims_read(&claims, run, comm, problems);
    int64_t k = 0;
    for (int64_t i = 0; i < source->records && source->fingerprint && problems->n == 0; i++) {
        if (source->batch && source->batch[i] > 0) continue;
        while (k < claims.n && !claims.claim[k].checkpoint && claims.claim[k].epoch < source->epoch[i]) k++;
        if (k == claims.n || claims.claim[k].checkpoint || claims.claim[k].epoch != source->epoch[i])
            continue;
        if (claims.claim[k].fingerprint != source->fingerprint[i])
            problems_add(problems, EXIT_INPUT,
                         "%s: it is of another run or state: at epoch %" PRId64
                         " it has the fingerprint %016" PRIx64 ", metrics.csv %016" PRIx64
                         " (%s verify %s says more)",
                         source->path, source->epoch[i], source->fingerprint[i], claims.claim[k].fingerprint,
                         program_called, word);
    }
    claims_free(&claims);
    memory_free(path), memory_free(word);
}

/* The records of the window. */
static void choose_window(struct source *source, const struct pca_spec *spec, struct problems *problems)
{
    source->lo = 0;
    source->hi = source->records;
    while (source->lo < source->hi && source->epoch[source->lo] < spec->lo) source->lo++;
    while (source->hi > source->lo && source->epoch[source->hi - 1] > spec->hi) source->hi--;
    if (source->hi - source->lo < 2 || source_particles(source) == 0)
        problems_add(problems, EXIT_USAGE,
                     "%s: principal components of trajectories need a particle and two records%s",
                     source->path,
                     source_particles(source) == 0 ? "; archive.fraction chose none"
                     : source->records < 2         ? ", train longer"
                                                   : "; the window --epochs has fewer");
}

static void refuse_absent(const char *run, struct problems *problems)
{
    char *segments = file_path(run, "archive"), holder[LOCK_HOLDER];
    const char *cure = "train with archive.trajectory_every > 0, or with archive.moments: true";
    if (file_exists(segments))
        cure = lock_held(run, holder)
                   ? "it is being trained now, and its first record is still to come: wait for it"
                   : "its segments are there: metazoa archive merge joins them, and train "
                     "--resume writes it anew";
    problems_add(problems, EXIT_USAGE, "%s: there is no archive.h5 (%s)", run, cure);
    memory_free(segments);
}

bool source_open(struct source *source, const struct pca_spec *spec, struct comm *comm,
                 struct problems *problems)
{
    char *path = file_path(spec->run, "archive.h5"), reason[600] = "";
    bool sound = false;
    files_spare(); /* many may be open */
    *source = (struct source){0};
    if (!file_exists(path)) refuse_absent(spec->run, problems);
    for (int i = 0; i < TRIES && !sound && problems->n == 0; i++) {
        if (i > 0) usleep(PAUSE); /* the run is replacing its files */
        source_close(source);
        int64_t state[2] = {-1, -1};
        if (look(source, path, reason)) state[0] = state[1] = state_of(source);
        comm_min_i64(comm, &state[0], 1);
        comm_max_i64(comm, &state[1], 1);
        sound = state[0] >= 0 && state[0] == state[1];
    }
    if (!sound && problems->n == 0) problems_add(problems, EXIT_INPUT, "%s", *reason ? reason : path);
    if (sound) choose_window(source, spec, problems);
    if (sound) check_run(source, spec->run, comm, problems);
    memory_free(path);
    return comm_share(comm, problems);
}

void source_close(struct source *source)
{
    for (int64_t p = 0; p < source->n_parts; p++) {
        source_rest(source, p);
        h5_read_end(&source->parts[p].file);
        memory_free(source->parts[p].path);
        memory_free(source->parts[p].data);
        memory_free(source->parts[p].plain);
    }
    for (int l = 0; l < source->n_layers; l++) {
        memory_free(source->layer[l].cell);
        memory_free(source->layer[l].edge);
        memory_free(source->layer[l].particle);
    }
    memory_free(source->parts);
    memory_free(source->epoch);
    memory_free(source->batch);
    memory_free(source->fingerprint);
    for (int t = 0; t < TYPE_NAMES; t++) memory_free(source->census[t]);
    memory_free(source->path);
    *source = (struct source){0};
}

int64_t source_particles(const struct source *source)
{
    int64_t n = 0;
    for (int l = 0; l < source->n_layers; l++) n += source->layer[l].rows;
    return n;
}

int64_t source_part(const struct source *source, int64_t record)
{
    int64_t p = 0;
    while (record >= source->parts[p].first + source->parts[p].n) p++;
    return p;
}
