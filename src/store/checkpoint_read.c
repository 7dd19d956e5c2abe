/* Reading checkpoints: every rank opens the file by itself; damage that any rank meets is known to all. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "checkpoint_file.h"
#include "metazoa/base/launcher.h"
#include "metazoa/base/memory.h"
#include "metazoa/store/moments_file.h"
#include "rows.h"
#include "metazoa/hdf5/share.h"

/* The weights of all layers are there, and the datasets of all fields have the shapes that they must have.
 * of_others: all their values are looked at, too. */
static bool fields_fit(struct h5 *file, const struct organism_shape *shape, bool of_others)
{
    for (int l = 0; l < shape->layers; l++)
        for (int f = 0; f < FIELD_COUNT; f++) {
            char name[64];
            const struct h5_data must = head_field(shape, l, (enum state_field)f, name);
            struct h5_data data = must;
            if (f != FIELD_WEIGHTS && !h5_has(file, name)) continue;
            if (!h5_find(file, &data)) return false;
            const bool numbers = !of_others || h5_means_numbers(file, &data);
            h5_leave(&data);
            if (!numbers) return false;
            if (data.row_size[0] != must.row_size[0] || data.row_size[1] != must.row_size[1] ||
                data.width != must.width)
                return h5_problem(file, "%s is [%lld, %lld, %lld], not [%lld, %lld, %lld]", name,
                                  (long long)data.row_size[0], (long long)data.row_size[1],
                                  (long long)data.width, (long long)must.row_size[0],
                                  (long long)must.row_size[1], (long long)must.width);
        }
    return true;
}

/* Whether all but the rows reads well; context is not used. */
bool checkpoint_inspect(struct h5 *file, const void *context)
{
    (void)context;
    struct head head;
    const bool sound = head_get(file, &head) && fields_fit(file, &head.shape, false) &&
                       (!h5_has(file, "/moments") || running_sound(file));
    head_free(&head);
    return sound;
}

static bool shape_same(struct h5 *file, const struct organism_shape *here, const struct organism_shape *must)
{
    return organism_shape_same(here, must) ||
           h5_problem(file, "it holds an organism of another shape than the configuration's");
}

/* What --init takes: any file with weights. One that says more of itself, as checkpoints and copies of them do, must
 * mean the same by them: particles of other sizes can have as many weights. */
static bool weights_fit(struct h5 *file, const struct organism_shape *must)
{
    char name[64], format[64] = "";
    struct organism_shape here;
    struct h5 asked = *file; /* what others call their format is no problem */
    if (!h5_get_text(&asked, "/", "format", format, sizeof format)) *format = 0;
    snprintf(name, sizeof name, "/layers/%d", must->layers);
    if (h5_has(file, name)) return h5_problem(file, "it has more than the %d layers", must->layers);
    if (strcmp(format, CHECKPOINT_FORMAT) != 0) return !*file->problem;
    return format_known(file, CHECKPOINT_FORMAT, CHECKPOINT_VERSION) && shape_get(file, &here) &&
           shape_same(file, &here, must);
}

static bool weights_inspect(struct h5 *file, const void *shape)
{
    return weights_fit(file, shape) && fields_fit(file, shape, true);
}

static bool config_inspect(struct h5 *file, const void *context)
{
    (void)context;
    if (!format_get(file, CHECKPOINT_FORMAT, CHECKPOINT_VERSION)) return false;
    char *text = config_get(file);
    memory_free(text);
    return text != NULL;
}

/* Whether a field is an optimizer's: it goes with the weights, and nothing else needs it. */
static bool of_steps(int field)
{
    return field != FIELD_WEIGHTS && !state_table[field].stays;
}

/* Whether the file has a state of optimizers, but not that which the organism needs. */
static bool has_other_steps(const struct organism *organism, struct h5 *file)
{
    bool any = false, all = true;
    for (int l = 0; l < organism->shape.layers; l++)
        for (int f = 0; f < FIELD_COUNT; f++) {
            char name[64];
            if (!of_steps(f)) continue;
            head_field(&organism->shape, l, (enum state_field)f, name);
            const bool has = h5_has(file, name);
            any = any || has;
            all =
                all && has == state_held((enum state_field)f, &organism->shape.particle, &organism->training);
        }
    return any && !all;
}

/* Whether a mask, as others may have written it, says of each owned particle that it is pruned or that it lives. */
static void mask_check(struct h5 *file, const char *name, const float *pruned, int64_t n_owned)
{
    for (int64_t at = 0; at < n_owned; at++)
        if (pruned[at] != 0 && pruned[at] != 1) {
            h5_problem(file, "%s: expected 1 (pruned) or 0, found %g", name, (double)pruned[at]);
            return;
        }
}

/* Rows of all layers into the organism. Digests are compared where the file has them; a field that is not
 * there is zero, and those of optimizers are if they are not wanted. */
static bool fields_read(struct organism *organism, struct h5 *file, bool steps)
{
    for (int l = 0; l < organism->shape.layers; l++) {
        struct rows rows;
        rows_new(&rows, organism, l, true);
        for (int f = 0; f < FIELD_COUNT; f++) {
            if (!organism->layer[l].field[f]) continue;
            char name[64];
            struct h5_data data = head_field(&organism->shape, l, (enum state_field)f, name);
            uint64_t digest = 0;
            int64_t here = !*file->problem && (steps || !of_steps(f)) && h5_has(file, name);
            comm_min_i64(rows.comm, &here, 1);
            rows.field = organism->layer[l].field[f];
            if (here) {
                rows_read(&rows, file, &data, 1, NULL, &digest);
                if (!*file->problem && h5_has_attribute(file, name, "digest"))
                    h5_digest_holds(file, name, digest);
                if (f == FIELD_PRUNED) mask_check(file, name, rows.field, layer_owned(&organism->layer[l]));
            } else {
                memset(rows.field, 0,
                       (size_t)(layer_owned(&organism->layer[l]) * data.width) * sizeof *rows.field);
            }
        }
        rows_free(&rows);
    }
    const bool sound = share_sound(organism->grid->all, file);
    if (sound) organism_refresh(organism);
    return sound;
}

static bool head_fits(struct h5 *file, const struct head *head, const struct organism *organism)
{
    const struct organism_shape *must = &organism->shape;
    if (!shape_same(file, &head->shape, must)) return false;
    if (head->shape.loss != must->loss)
        return h5_problem(
            file, "it was trained for another kind of task (classes or values) than the configuration's");
    if (head->seed != organism->seed)
        return h5_problem(file, "it has seed %" PRIu64 ", the configuration %" PRIu64, head->seed,
                          organism->seed);
    for (int f = 0; f < FIELD_COUNT; f++) {
        char name[64];
        head_field(must, 0, (enum state_field)f, name);
        if (organism->layer[0].field[f] && !h5_has(file, name))
            return h5_problem(file, "%s is missing", name);
    }
    return true;
}

static bool refuse_data(struct h5 *file, const char *differences)
{
    file->unfit = true;
    return h5_problem(
        file,
        "the run was trained on other data; these differ: %s (give it the data that it began with, "
        "train into another folder, or, in train and probe, accept the new data by --accept-other-data)",
        differences);
}

/* Whether a checkpoint was trained on the data that `wanted` describes. The number of inputs and outputs is
 * known for every file: of other ones not even the shape fits. */
static bool data_fits(struct h5 *file, const struct head *head, const struct organism *organism,
                      const struct task_identity *wanted)
{
    const struct organism_shape *here = &head->shape, *must = &organism->shape;
    const struct task_identity *was = &head->progress.data;
    char *differences = NULL;
    if (wanted->part[TASK_TRAIN_SAMPLES] > 0 && was->part[TASK_TRAIN_SAMPLES] > 0)
        differences = task_differences(was, wanted);
    else if (here->layers == must->layers && here->cells[0] != must->cells[0])
        differences = memory_string(task_part_words[TASK_INPUTS]);
    else if (here->layers == must->layers && here->cells[here->layers] != must->cells[must->layers])
        differences = memory_string(task_part_words[TASK_OUTPUTS]);
    if (!differences) return true;
    refuse_data(file, differences);
    memory_free(differences);
    return false;
}

/* file->problem says what is wrong, the same on all ranks. */
static bool read_all(struct organism *organism, struct progress *progress, struct h5 *file)
{
    struct comm *comm = organism->grid->all;
    struct head head = {0};
    if (!share_inspect(comm, file, checkpoint_inspect, NULL)) return false;
    if (h5_read_begin(file, file->path) && head_get(file, &head) &&
        data_fits(file, &head, organism, &progress->data) && head_fits(file, &head, organism) &&
        comm_rank(comm) == 0)
        head_in_place(file, &head);
    bool sound = share_sound(comm, file) && fields_read(organism, file, true);
    if (sound && organism_fingerprint(organism) != head.fingerprint)
        sound = h5_problem(file, "the fingerprint of what was read is not the stored %016" PRIx64,
                           head.fingerprint);
    if (sound) {
        progress_free(progress);
        *progress = head.progress;
        head.progress = (struct progress){0};
    }
    head_free(&head);
    h5_read_end(file);
    return sound;
}

static void refuse(const struct h5 *file, struct problems *problems)
{
    problems_add(problems, file->unfit ? EXIT_USAGE : EXIT_INPUT, "%s: %s", file->path, file->problem);
}

bool checkpoint_read(struct organism *organism, struct progress *progress, const char *path,
                     struct problems *problems)
{
    struct h5 file = {.id = -1, .path = path};
    const bool sound = read_all(organism, progress, &file);
    if (!sound) refuse(&file, problems);
    return sound;
}

bool checkpoint_check(const char *path, struct comm *comm, struct problems *problems)
{
    struct h5 file = {.id = -1, .path = path};
    struct head head = {0};
    bool sound = share_inspect(comm, &file, checkpoint_inspect, NULL);
    if (sound && h5_read_begin(&file, path) && head_get(&file, &head) && comm_rank(comm) == 0)
        head_in_place(&file, &head);
    sound = sound && share_sound(comm, &file);
    if (!sound) refuse(&file, problems);
    head_free(&head);
    h5_read_end(&file);
    return sound;
}

static void none_sound(const char *run, int64_t n, struct problems *problems)
{
    char *word = command_word(run);
    problems_add(problems, EXIT_INPUT,
                 "%s: none of its %" PRId64 " checkpoints can be used (%s verify %s says what is left)", run,
                 n, program_called, word);
    memory_free(word);
}

/* Whether a checkpoint is of a state after `epoch` whole epochs or before. */
static bool is_until(const char *path, int64_t epoch)
{
    int64_t at, batch;
    checkpoint_place(path, &at, &batch);
    return at < epoch || (at == epoch && batch == 0);
}

char *checkpoint_read_until(struct organism *organism, struct progress *progress, const char *run,
                            int64_t epoch, struct problems *problems)
{
    struct comm *comm = organism->grid->all;
    int64_t n;
    char **paths = checkpoint_list(run, comm, &n), *good = NULL;
    bool refused = false;
    for (int64_t i = 0; i < n && !good && !refused; i++) {
        if (!is_until(paths[i], epoch)) continue;
        struct h5 file = {.id = -1, .path = paths[i]};
        if (read_all(organism, progress, &file)) {
            good = memory_string(paths[i]);
        } else if (file.newer || file.unfit) {
            refused = true;
            refuse(&file, problems);
        } else if (comm_rank(comm) == 0) {
            fprintf(stderr, "metazoa: %s is damaged and not used: %s\n", paths[i], file.problem);
        }
    }
    checkpoint_list_free(paths, n);
    return good;
}

char *checkpoint_read_newest(struct organism *organism, struct progress *progress, const char *run,
                             struct problems *problems)
{
    char *good = checkpoint_read_until(organism, progress, run, INT64_MAX, problems);
    int64_t n;
    char **paths = checkpoint_list(run, organism->grid->all, &n);
    if (n > 0 && !good && problems->n == 0) none_sound(run, n, problems);
    checkpoint_list_free(paths, n);
    return good;
}

/* The text in one checkpoint; NULL: none, or file->newer, the same on all ranks. */
static char *read_config(struct h5 *file, struct comm *comm)
{
    char *text = NULL;
    if (!share_inspect(comm, file, config_inspect, NULL)) return NULL;
    if (h5_read_begin(file, file->path) && format_get(file, CHECKPOINT_FORMAT, CHECKPOINT_VERSION))
        text = config_get(file);
    int64_t is_newer = file->newer;
    comm_max_i64(comm, &is_newer, 1);
    file->newer = is_newer;
    if (!share_sound(comm, file)) {
        memory_free(text);
        text = NULL;
    }
    h5_read_end(file);
    return text;
}

char *checkpoint_config_at(const char *path, struct comm *comm)
{
    struct h5 file = {.id = -1, .path = path};
    return read_config(&file, comm);
}

char *checkpoint_config(const char *run, struct comm *comm, struct problems *problems)
{
    int64_t n;
    char **paths = checkpoint_list(run, comm, &n), *text = NULL;
    bool newer = false;
    for (int64_t i = 0; i < n && !text && !newer; i++) {
        struct h5 file = {.id = -1, .path = paths[i]};
        text = read_config(&file, comm);
        newer = file.newer;
        if (newer) refuse(&file, problems);
    }
    if (n > 0 && !text && !newer) none_sound(run, n, problems);
    checkpoint_list_free(paths, n);
    return text;
}

bool checkpoint_init(struct organism *organism, const char *path, bool *other_steps,
                     struct problems *problems)
{
    struct h5 file = {.id = -1, .path = path};
    struct comm *comm = organism->grid->all;
    bool sound = share_inspect(comm, &file, weights_inspect, &organism->shape);
    if (sound) {
        if (h5_read_begin(&file, path)) weights_fit(&file, &organism->shape);
        *other_steps = !*file.problem && has_other_steps(organism, &file);
        sound = share_sound(comm, &file) && fields_read(organism, &file, !*other_steps);
        h5_read_end(&file);
    }
    const bool named = strncmp(file.problem, path, strlen(path)) == 0; /* by who could not open it */
    if (!sound)
        problems_add(problems, EXIT_INPUT, "%s%s%s", named ? "" : path, named ? "" : ": ", file.problem);
    return sound;
}
