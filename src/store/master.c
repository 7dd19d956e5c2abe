/* The master: one file that joins the segments. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive_file.h"
#include "checkpoint_file.h"
#include "metazoa/base/file.h"
#include "metazoa/base/memory.h"
#include "metazoa/hdf5/share.h"

/* All of a master but its end. chosen: of each layer, as in struct kept. */
static void master_put(struct h5 *file, const struct archive_head *head, const char *config,
                       int64_t *const chosen[ORGANISM_LAYERS_MAX], int64_t n_sources,
                       const struct h5_source *sources)
{
    char name[64];
    format_put(file, ARCHIVE_FORMAT, archive_version(head), "trajectories of an organism's particles");
    archive_head_put(file, head);
    config_put(file, config);
    for (int k = 0; k < head->n_layers; k++) {
        const int layer = (int)head->layers[k];
        archive_put_layer(file, &head->shape, layer, chosen[k], head->particles[k]);
        struct h5_data data =
            archive_trajectory(&head->shape, layer, head->particles[k], head->n_rows, 0, name);
        h5_virtual(file, &data, n_sources, sources);
        data = archive_types(&head->shape, layer, head->particles[k], head->n_rows, 0, name);
        h5_virtual(file, &data, n_sources, sources);
    }
}

/* Rank 0. */
static void master_write(struct archive *archive, const char *path, int64_t n, const struct segment *layout)
{
    const struct archive_head head = archive_head_of(archive);
    struct h5_source *sources = memory_new(n, sizeof *sources);
    for (int64_t i = 0; i < n; i++)
        sources[i] = (struct h5_source){
            .path = segment_name(layout[i].number), .first = layout[i].first, .n = layout[i].n};
    int64_t *chosen[ORGANISM_LAYERS_MAX] = {0};
    for (int k = 0; k < archive->n_kept; k++) chosen[k] = archive->kept[k].chosen;
    char *temporary = file_temporary(path);
    struct h5 file;
    h5_create(&file, temporary, NULL, 0);
    master_put(&file, &head, archive->config, chosen, n, sources);
    h5_close(&file);
    file_replace(temporary, path);
    memory_free(temporary);
    for (int64_t i = 0; i < n; i++) memory_free(sources[i].path);
    memory_free(sources);
}

static void add_number(void *context, const char *name)
{
    struct numbers *segments = context;
    const int64_t number = segment_number(name);
    if (number < 0) return;
    segments->number = memory_grow(segments->number, segments->n + 1, sizeof *segments->number);
    int64_t at = segments->n++;
    for (; at > 0 && segments->number[at - 1] > number; at--) segments->number[at] = segments->number[at - 1];
    segments->number[at] = number;
}

struct numbers segments_here(const char *run)
{
    struct numbers segments = {0};
    char *folder = file_path(run, "archive");
    folder_visit(folder, add_number, &segments);
    memory_free(folder);
    return segments;
}

struct numbers segments_shared(const char *run, struct comm *comm)
{
    struct numbers segments = {0};
    if (comm_rank(comm) == 0) segments = segments_here(run);
    comm_broadcast(comm, &segments.n, sizeof segments.n, 0);
    if (!segments.number) segments.number = memory_new(segments.n, sizeof *segments.number);
    comm_broadcast(comm, segments.number, segments.n * (int64_t)sizeof *segments.number, 0);
    return segments;
}

/* Removes the segments that are not in the layout: parts of longer ones by now, or from after a checkpoint.
 */
static void remove_others(const char *run, int64_t n, const struct segment *layout)
{
    struct numbers segments = segments_here(run);
    for (int64_t i = 0, k = 0; i < segments.n; i++) {
        while (k < n && layout[k].number < segments.number[i]) k++;
        if (k < n && layout[k].number == segments.number[i]) continue;
        char *path = segment_path(run, segments.number[i]);
        file_remove(path);
        memory_free(path);
    }
    memory_free(segments.number);
}

void archive_publish(struct archive *archive)
{
    if (archive->spec.trajectory_every == 0) return; /* sums alone */
    enum phase before = timer_enter(PHASE_ARCHIVE);
    struct comm *comm = archive->organism->grid->all;
    if (comm_rank(comm) == 0) {
        int64_t n;
        char *path = file_path(archive->run, "archive.h5");
        struct segment *layout = archive_layout(archive, &n);
        if (archive->n_rows > 0)
            master_write(archive, path, n, layout);
        else
            file_remove(path);
        remove_others(archive->run, n, layout); /* after the master: it never names a file that is gone */
        memory_free(layout);
        memory_free(path);
    }
    comm_barrier(comm);
    timer_enter(before);
}
