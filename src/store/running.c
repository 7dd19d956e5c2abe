#include "running.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "checkpoint_file.h"
#include "metazoa/base/memory.h"
#include "metazoa/hdf5/share.h"
#include "metazoa/store/moments_file.h"

struct running {
    int64_t records;
    int n_layers;
    float *start[ORGANISM_LAYERS_MAX]; /* [owned][weights] of each kept layer, in the first record */
    struct moments sums[ORGANISM_LAYERS_MAX * RUNNING_KINDS]; /* of layer k from k RUNNING_KINDS on */
};

static struct moments *sums_of(struct running *running, int k)
{
    return running->sums + k * RUNNING_KINDS;
}

struct running *running_new(const struct archive *archive)
{
    struct running *running = memory_new(1, sizeof *running);
    const int weights = archive->organism->shape.particle.weights;
    running->n_layers = archive->n_kept;
    for (int k = 0; k < archive->n_kept; k++) {
        running->start[k] = memory_new(archive->kept[k].rows.n_owned * weights, sizeof(float));
        for (int i = 0; i < RUNNING_KINDS; i++)
            running_moments(&sums_of(running, k)[i], weights, (enum running_kind)i);
    }
    return running;
}

void running_free(struct running *running, const struct archive *archive)
{
    if (!running) return;
    for (int k = 0; k < archive->n_kept; k++) memory_free(running->start[k]);
    for (int i = 0; i < running->n_layers * RUNNING_KINDS; i++) moments_free(&running->sums[i]);
    memory_free(running);
}

void running_add(struct running *running, const struct archive *archive, const char *record)
{
    for (int k = 0; k < archive->n_kept; k++) {
        const struct kept *kept = &archive->kept[k];
        const int64_t n = kept->rows.n_owned, weights = archive->organism->shape.particle.weights;
        const float *rows = (const float *)(const void *)(record + kept->weights);
        struct moments *sums = sums_of(running, k);
        if (running->records == 0) {
            memcpy(running->start[k], rows, (size_t)(n * weights) * sizeof *rows);
            moments_add(&sums[RUNNING_FIRST], n, rows, NULL);
        }
        moments_add(&sums[RUNNING_WEIGHTS], n, rows, NULL);
        moments_add(&sums[RUNNING_DISTANCE], n, rows, running->start[k]);
    }
    running->records++;
}

/* The dataset of a kept layer's weights in the first record. */
static struct h5_data start_data(const struct archive *archive, int k, char name[64], char axis[64])
{
    const struct kept *kept = &archive->kept[k];
    struct h5_data data =
        archive_trajectory(&archive->organism->shape, kept->layer, kept->rows.n_global, 1, 0, name);
    snprintf(name, 64, "/layers/%d/start", kept->layer);
    snprintf(axis, 64, "/layers/%d/archived", kept->layer);
    data.has_record = false;
    data.description = "weights of the archived particles in the first record";
    for (int i = 0; i + 1 < H5_AXES_MAX; i++) data.scales[i] = data.scales[i + 1];
    data.scales[H5_AXES_MAX - 1] = NULL;
    if (data.row_axes == 1) data.scales[0] = axis;
    h5_chunk_choose(&data, H5_CHUNK_BYTES);
    return data;
}

static void put_start(const struct running *running, const struct archive *archive, int k, struct h5 *file)
{
    char name[64], axis[64];
    const struct h5_data data = start_data(archive, k, name, axis);
    if (data.row_axes == 1)
        h5_put_index(file, axis, archive->kept[k].rows.n_global,
                     "number of the archived particle in its layer");
    rows_write(&archive->kept[k].rows, file, &data, (void *[]){running->start[k]});
}

/* Rank 0 holds all sums afterwards. */
void running_put(struct running *running, const struct archive *archive, struct h5 *file)
{
    struct comm *comm = archive->organism->grid->all;
    const int n = running->n_layers * RUNNING_KINDS;
    struct moments *all[ORGANISM_LAYERS_MAX * RUNNING_KINDS];
    int64_t layers[ORGANISM_LAYERS_MAX];
    const int64_t weights = archive->organism->shape.particle.weights;
    for (int i = 0; i < n; i++) {
        all[i] = &running->sums[i];
        moments_sum(comm, all[i]);
        if (comm_rank(comm) != 0) moments_clear(all[i]);
    }
    moments_put(file, "/moments", n, all);
    for (int k = 0; k < running->n_layers; k++) layers[k] = archive->kept[k].layer;
    h5_put_i64(file, "/moments", "records", 0, &running->records);
    h5_put_i64(file, "/moments", "weights", 0, &weights);
    h5_put_i64(file, "/moments", "archived", 0, &(const int64_t){running->n_layers});
    h5_put_i64(file, "/moments", "archived_layers", running->n_layers, layers);
    for (int k = 0; k < running->n_layers; k++) put_start(running, archive, k, file);
}

static void get_start(struct running *running, const struct archive *archive, int k, struct h5 *file)
{
    char name[64], axis[64];
    struct h5_data data = start_data(archive, k, name, axis);
    uint64_t digest = 0;
    rows_read(&archive->kept[k].rows, file, &data, 1, (void *[]){running->start[k]}, &digest);
    h5_digest_holds(file, name, digest);
}

void running_get(struct running *running, const struct archive *archive, const char *path)
{
    struct comm *comm = archive->organism->grid->all;
    struct running_head head = {0};
    struct h5 file;
    if (h5_read_begin(&file, path) && !running_head_get(&file, &head))
        h5_problem(&file, "it has no running sums (archive.moments)");
    if (!*file.problem && head.n_layers != running->n_layers)
        h5_problem(&file, "its running sums are of other layers");
    if (!*file.problem && comm_rank(comm) == 0) running_sums_get(&file, &head, running->sums);
    for (int k = 0; k < running->n_layers && share_sound(comm, &file); k++)
        get_start(running, archive, k, &file);
    if (!share_sound(comm, &file)) fatal("%s: %s", path, file.problem);
    running->records = head.records;
    h5_read_end(&file);
}
