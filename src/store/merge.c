/* Copies an archive into one plain file. A child process does it, because the segments may be damaged. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive_file.h"
#include "checkpoint_file.h"
#include "metazoa/base/file.h"
#include "metazoa/base/guard.h"
#include "metazoa/base/memory.h"
#include "metazoa/store/verify.h"
#include "verify_kin.h"
#include "watch.h"

struct merge {
    const char *run, *output;
    FILE *out;
    struct archive_head head; /* of the first segment, then with the rows of all */
    int64_t n_segments;
    struct segment *segments;
    uint64_t *digest; /* [n_segments] of what was read of a dataset */
};

static bool refuse(struct merge *merge, const struct h5 *file)
{
    fprintf(merge->out, "%s: %s\n", file->path, file->problem);
    return false;
}

/* Appends a segment's rows to those of the ones before. */
static bool join(struct merge *merge, int64_t i, int64_t number, struct h5 *file)
{
    struct archive_head head;
    if (!archive_head_get(file, &head, false)) return false;
    if (!segment_named(file, &head) ||
        (i > 0 && !archive_same_kind(&head, &merge->head) &&
         !h5_problem(file, "it belongs to another organism or holds other particles"))) {
        archive_head_free(&head);
        return false;
    }
    if (i > 0 && head.first_record + head.n_rows <= merge->head.n_rows) { /* part of a longer segment */
        archive_head_free(&head);
        return true;
    }
    if (head.first_record != merge->head.n_rows && i > 0)
        h5_problem(file, "it begins with record %" PRId64 ", but %" PRId64 " records come before it",
                   head.first_record, merge->head.n_rows);
    else if (i == 0 && head.first_record != 0)
        h5_problem(file, "it begins with record %" PRId64 ": those before are missing", head.first_record);
    else if (i > 0 && !row_before(&merge->head.rows[merge->head.n_rows - 1], &head.rows[0]))
        h5_problem(file, "its epoch %" PRId64 " follows epoch %" PRId64, head.rows[0].epoch,
                   merge->head.rows[merge->head.n_rows - 1].epoch);
    if (*file->problem) {
        archive_head_free(&head);
        return false;
    }
    merge->segments[i] = (struct segment){head.first_record, head.n_rows, number};
    const int64_t before = i > 0 ? merge->head.n_rows : 0;
    struct metrics_row *rows = memory_new(before + head.n_rows, sizeof *rows);
    if (before > 0) memcpy(rows, merge->head.rows, (size_t)before * sizeof *rows);
    memcpy(rows + before, head.rows, (size_t)head.n_rows * sizeof *rows);
    memory_free(merge->head.rows);
    memory_free(head.rows);
    if (i == 0) merge->head = head;
    merge->head.rows = rows;
    merge->head.n_rows = before + head.n_rows;
    return true;
}

/* The newest checkpoint and the master, where they are, and all segments are of one run. */
static bool is_one_run(struct merge *merge, const struct numbers *segments)
{
    struct kin kin = {0};
    char problem[KIN_PROBLEM] = "";
    int64_t n;
    char **checkpoints = checkpoint_list(merge->run, NULL, &n), *master = file_path(merge->run, "archive.h5");
    bool same = n == 0 || kin_take(&kin, checkpoints[0], problem);
    if (file_exists(master)) same = same && kin_take(&kin, master, problem);
    if (!same) fprintf(merge->out, "%s: %s\n", master, problem);
    for (int64_t i = 0; i < segments->n && same; i++) {
        char *path = segment_path(merge->run, segments->number[i]);
        same = kin_take(&kin, path, problem);
        if (!same) fprintf(merge->out, "%s: %s\n", path, problem);
        memory_free(path);
    }
    checkpoint_list_free(checkpoints, n);
    memory_free(master);
    kin_free(&kin);
    return same;
}

/* How many records the master joins; 0: it is not there, or not to be read. */
static int64_t master_records(const struct merge *merge)
{
    char *path = file_path(merge->run, "archive.h5");
    struct archive_head head = {.n_rows = 0};
    struct h5 file;
    const bool sound = h5_read_begin(&file, path) && archive_head_get(&file, &head, true);
    const int64_t n = sound ? head.n_rows : 0;
    if (sound) archive_head_free(&head);
    h5_read_end(&file);
    memory_free(path);
    return n;
}

static bool gather(struct merge *merge)
{
    const int64_t joined = master_records(merge); /* first: a run that goes on writes it last */
    struct numbers segments = segments_here(merge->run);
    merge->digest = memory_new(segments.n, sizeof *merge->digest);
    merge->n_segments = segments.n;
    merge->segments = memory_new(segments.n, sizeof *merge->segments);
    bool sound = segments.n > 0;
    if (!sound) fprintf(merge->out, "%s: no segment of an archive is there\n", merge->run);
    sound = sound && is_one_run(merge, &segments);
    for (int64_t i = 0; i < segments.n && sound; i++) {
        char *path = segment_path(merge->run, segments.number[i]);
        struct h5 file;
        sound = h5_read_begin(&file, path) && join(merge, i, segments.number[i], &file);
        if (!sound) refuse(merge, &file);
        h5_read_end(&file);
        memory_free(path);
    }
    memory_free(segments.number);
    if (sound && merge->head.n_rows < joined) {
        fprintf(merge->out,
                "%s/archive.h5: of its %" PRId64 " records the segments hold %" PRId64
                ": the last ones are missing\n",
                merge->run, joined, merge->head.n_rows);
        sound = false;
    }
    return sound;
}

/* The configuration's text in a file; NULL: it is not there, or not to be read. */
static char *config_in(const char *path)
{
    struct h5 file;
    char *text = h5_read_begin(&file, path) ? config_get(&file) : NULL;
    h5_read_end(&file);
    return text;
}

/* The configuration's text: from the master, the newest checkpoint that has it, or RUN/config.yaml, which
 * anybody may have edited. */
static char *find_config(const struct merge *merge)
{
    char *path = file_path(merge->run, "archive.h5"), *text = config_in(path);
    int64_t n;
    char **checkpoints = checkpoint_list(merge->run, NULL, &n);
    for (int64_t i = 0; i < n && !text; i++) text = config_in(checkpoints[i]);
    checkpoint_list_free(checkpoints, n);
    memory_free(path);
    path = file_path(merge->run, "config.yaml");
    if (!text) text = file_read(path, 1 << 24);
    memory_free(path);
    return text ? text : memory_string("");
}

/* Reads records [record, record + n) of rows [begin, end) from the segments. */
static bool fetch(struct merge *merge, const struct h5_data *data, int64_t record, int64_t n, int64_t begin,
                  int64_t end, char *values)
{
    for (int64_t i = 0; i < merge->n_segments; i++) {
        const struct segment *segment = &merge->segments[i];
        const int64_t from = record > segment->first ? record : segment->first;
        const int64_t to =
            record + n < segment->first + segment->n ? record + n : segment->first + segment->n;
        if (from >= to) continue;
        char *path = segment_path(merge->run, segment->number);
        struct h5 file;
        struct h5_data part = *data;
        const bool found = h5_read_begin(&file, path) && h5_find(&file, &part);
        const int64_t bytes = (end - begin) * h5_row_bytes(data);
        char *at = values + (from - record) * bytes;
        bool sound = found && h5_read(&file, &part, from - segment->first, to - from, begin, end, at);
        for (int64_t k = 0; k < to - from && sound; k++)
            merge->digest[i] += h5_digest(&part, from - segment->first + k, begin, end, at + k * bytes);
        if (!sound) refuse(merge, &file);
        if (found) h5_leave(&part);
        h5_read_end(&file);
        memory_free(path);
        guard_alive();
        if (!sound) return false;
    }
    return true;
}

/* All that was read of a dataset is what was written. */
static bool digests_match(struct merge *merge, const char *name)
{
    bool sound = true;
    for (int64_t i = 0; i < merge->n_segments && sound; i++) {
        uint64_t stored = 0;
        if (merge->segments[i].n == 0) continue;
        char *path = segment_path(merge->run, merge->segments[i].number);
        struct h5 file;
        sound =
            h5_read_begin(&file, path) && h5_get_u64(&file, name, "digest", &stored) &&
            (stored == merge->digest[i] || h5_problem(&file, "%s: its digest is not the stored one", name));
        if (!sound) refuse(merge, &file);
        h5_read_end(&file);
        memory_free(path);
    }
    return sound;
}

static bool copy(struct merge *merge, struct h5 *file, struct h5_data *data)
{
    const int64_t row_bytes = h5_row_bytes(data), chunks = h5_chunks(data);
    h5_new(file, data);
    uint64_t digest = 0;
    bool sound = true;
    memset(merge->digest, 0, (size_t)merge->n_segments * sizeof *merge->digest);
    for (int64_t record = 0; record < data->records && sound; record += data->chunk_records) {
        const int64_t left = data->records - record,
                      n = left < data->chunk_records ? left : data->chunk_records;
        for (int64_t chunk = 0; chunk < chunks && sound;) {
            const int64_t begin = h5_chunk_begin(data, chunk), end = h5_window_end(data, &chunk, n);
            const int64_t bytes = (end - begin) * row_bytes;
            char *values = memory_new(n * bytes, 1);
            sound = fetch(merge, data, record, n, begin, end, values);
            for (int64_t i = 0; i < n; i++)
                digest += h5_digest(data, record + i, begin, end, values + i * bytes);
            if (sound) h5_write(file, data, record, n, begin, end, values);
            memory_free(values);
        }
    }
    h5_end(file, data, digest);
    return sound && digests_match(merge, data->name);
}

/* cell * edges + edge of the particles of a layer that is archived in part; NULL when it is whole, or on
 * failure. */
static int64_t *find_chosen(struct merge *merge, int layer, int64_t n)
{
    char *path = segment_path(merge->run, merge->segments[0].number), name[64];
    struct h5 file;
    struct h5_data data = {.name = name, .type = H5_I64, .row_axes = 1};
    snprintf(name, sizeof name, "/layers/%d/particle", layer);
    int64_t *ids = h5_read_begin(&file, path) ? h5_get(&file, &data) : NULL;
    if (ids && data.row_size[0] != n) h5_problem(&file, "%s has another length than it must", name);
    if (*file.problem) refuse(merge, &file);
    if (*file.problem) memory_free(ids), ids = NULL;
    for (int64_t i = 0; i < n && ids; i++) ids[i] -= organism_particle_id(&merge->head.shape, layer, 0, 0);
    h5_read_end(&file);
    memory_free(path);
    return ids;
}

static bool copy_layer(struct merge *merge, struct h5 *file, int k)
{
    const struct archive_head *head = &merge->head;
    const int layer = (int)head->layers[k];
    const int64_t particles = head->particles[k];
    const bool all = particles == organism_layer_particles(&head->shape, layer);
    int64_t *chosen = all ? NULL : find_chosen(merge, layer, particles);
    bool sound = all || chosen;
    if (sound) archive_put_layer(file, &head->shape, layer, chosen, particles);
    for (int is_type = 0; is_type < 2 && sound; is_type++) {
        char name[64];
        struct h5_data data = (is_type ? archive_types : archive_trajectory)(&head->shape, layer, particles,
                                                                             head->n_rows, 0, name);
        sound = copy(merge, file, &data);
    }
    memory_free(chosen);
    return sound;
}

static bool merge_in_child(void *context, FILE *out)
{
    struct merge *merge = context;
    merge->out = out;
    if (!gather(merge)) return false;
    char *temporary = file_temporary(merge->output), *config = find_config(merge);
    struct h5 file;
    file_claim(temporary);
    h5_create(&file, temporary, NULL, 0);
    format_put(&file, ARCHIVE_FORMAT, archive_version(&merge->head),
               "trajectories of an organism's particles");
    archive_head_put(&file, &merge->head);
    config_put(&file, config);
    bool sound = true;
    for (int k = 0; k < merge->head.n_layers && sound; k++) sound = copy_layer(merge, &file, k);
    h5_close(&file);
    if (sound)
        file_replace(temporary, merge->output);
    else
        file_remove(temporary);
    if (sound) fprintf(out, "%s: %" PRId64 " records\n", merge->output, merge->head.n_rows);
    return sound; /* the process ends here, and its memory with it */
}

/* Merges once. text: what is to be said; owned by the caller (free). */
static enum exit_code merge_once(const char *run, const char *output, char **text)
{
    char reason[128];
    struct merge merge = {.run = run, .output = output};
    size_t bytes = 0;
    FILE *said = open_memstream(text, &bytes);
    const enum exit_code code = guard_run(merge_in_child, &merge, said, 600, reason);
    fflush(said);
    const bool explained = code == EXIT_FAILED && bytes > 0; /* perhaps somebody else writes this file */
    if (*reason && !explained) {
        char *temporary = file_temporary(output);
        fprintf(said, "%s: %s\n", run, reason);
        file_remove(temporary);
        memory_free(temporary);
    }
    fclose(said);
    return code;
}

enum exit_code archive_merge(const char *run, const char *output, FILE *out)
{
    enum { LOOKS = 20 }; /* while somebody trains here, a segment may be replaced between two looks at it */
    char *text = NULL;
    enum exit_code code = EXIT_INPUT;
    bool changed = true;
    for (int looks = 0; looks < LOOKS && code == EXIT_INPUT && changed; looks++) {
        const uint64_t before = watch_state(run);
        free(text);
        code = merge_once(run, output, &text);
        changed = watch_state(run) != before;
    }
    FILE *to = code == EXIT_DONE ? out : stderr;
    fputs(text, to);
    fflush(to);
    free(text);
    return code;
}
