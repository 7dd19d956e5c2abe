#include "check_report.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "metazoa/base/file.h"
#include "metazoa/base/launcher.h"
#include "metazoa/base/json.h"
#include "metazoa/base/memory.h"
#include "metazoa/parallel/cut.h"
#include "metazoa/train/pace.h"
#include "metazoa/particle/kind.h"
#include "room.h"
#include "scratch.h"

/* "3.2 MiB". */
struct amount {
    char text[32];
};

static struct amount amount_of(int64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    struct amount amount;
    double value = (double)bytes;
    int unit = 0;
    while (value >= 1024 && unit < 6) value /= 1024, unit++;
    if (bytes == INT64_MAX)
        snprintf(amount.text, sizeof amount.text, "8 EiB or more");
    else
        snprintf(amount.text, sizeof amount.text, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
    return amount;
}

/* Bytes of memory that are available on this machine, or to this job; -1: unknown. */
static int64_t available_bytes(void)
{
    const struct room room = room_here();
    long long kilobytes = -1;
    char line[128];
    FILE *file = fopen("/proc/meminfo", "r");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "MemAvailable: %lld kB", &kilobytes) == 1) break;
    if (file) fclose(file);
    if (kilobytes >= 0 && kilobytes * 1024 < room.bytes) return kilobytes * 1024;
    return room.bytes < INT64_MAX ? room.bytes : -1;
}

int64_t check_free_bytes(const char *folder)
{
    char *path = scratch_above(folder);
    struct statvfs disk;
    const int failed = statvfs(path, &disk);
    memory_free(path);
    return failed ? -1 : saturated_product((int64_t)disk.f_bavail, (int64_t)disk.f_frsize);
}

/* Why a folder cannot be made or written here; NULL: it can, as far as the folders above it tell. */
static const char *obstacle(const char *folder)
{
    if (access(folder, F_OK) != 0 && errno == ENAMETOOLONG) return strerror(errno);
    char *above = scratch_above(folder);
    const bool good = folder_writable(above);
    const int reason = errno;
    memory_free(above);
    return good ? NULL : strerror(reason);
}

int64_t check_useful_ranks(const struct organism_shape *shape, int64_t batch)
{
    int64_t groups = 0, blocks = 1;
    for (int l = 0; l < shape->layers; l++) {
        const int64_t cells = shape->cells[l + 1], edges = shape->cells[l];
        const int64_t cell_parts = cut_parts(cells, shape->block),
                      edge_parts = cut_parts(edges, shape->block);
        const int64_t in_block = cut_parts(cells, cell_parts) * cut_parts(edges, edge_parts);
        groups += cell_parts * edge_parts * cut_parts(in_block, LANES);
        if (cell_parts * edge_parts > blocks) blocks = cell_parts * edge_parts;
    }
    const int64_t chunks = cut_parts(batch, shape->chunk) * blocks;
    return groups > chunks ? groups : chunks;
}

/* ---- what follows from the numbers ---- */

static int64_t rank_bytes(const struct check_report *r)
{
    return saturated_sum(estimate_memory(&r->needs), r->program_bytes);
}

static int64_t traffic_bytes(const struct estimate *e)
{
    return saturated_sum(saturated_sum(e->traffic.sums, e->traffic.batch), e->traffic.meetings);
}

/* Of all runs: the archive, and one checkpoint more than are kept: a new one is complete before the oldest
 * is removed. */
static int64_t folder_bytes(const struct check_report *r)
{
    const int64_t kept = saturated_sum(r->config->checkpoint.keep, 1);
    const int64_t one = saturated_sum(r->needs.archive, saturated_product(r->needs.checkpoint, kept));
    return saturated_product(r->config->run.ensemble, one);
}

/* Each group trains its organisms one after the other. */
static double whole_seconds(const struct check_report *r)
{
    return r->trial.total * (double)((r->config->run.ensemble + r->groups - 1) / r->groups);
}

int check_neighbours(const struct check_report *r)
{
    return r->node_ranks < r->ranks ? r->node_ranks : r->ranks;
}

/* ---- for people ---- */

static void print_task(const struct check_report *r)
{
    const struct task *task = r->task;
    printf("task        %s: %" PRId64 " training and %" PRId64 " test samples, %d inputs, %d %s\n",
           r->has_files ? r->config->task.path : task_words[r->config->task.kind], task->train.samples,
           task->test.samples, task->inputs, task->outputs, task->classification ? "classes" : "outputs");
    if (task->input_lo < task->input_hi)
        printf("            inputs from %g to %g%s\n", task->input_lo, task->input_hi,
               task->spec.scaling == SCALING_RANGE ? ", each scaled to go from 0 to 1" : "");
    char *doubt;
    for (int i = 0; (doubt = task_doubt(task, i)); i++) {
        printf("DOUBT       %s\n", doubt);
        memory_free(doubt);
    }
}

static void print_organism(const struct check_report *r)
{
    const struct organism_shape *shape = r->shape;
    char particles[128];
    particle_describe(&shape->particle, particles, sizeof particles);
    printf("organism    ");
    for (int i = 0; i <= shape->layers; i++) printf("%s%d", i ? "-" : "", shape->cells[i]);
    printf(", %s%s: %" PRId64 " %s, %" PRId64 " weights\n", activation_words[shape->activation],
           shape->bias ? ", biases" : "", r->needs.particles, particles, r->needs.weights);
}

static void print_grid(const struct check_report *r)
{
    printf("grid        %d x %d x %d (batch x rows x columns)%s\n", r->grid[0], r->grid[1], r->grid[2],
           config_grid_auto(r->config) ? ", chosen by the cost model" : "");
    if (r->config->run.ensemble > 1)
        printf("ensemble    %" PRId64
               " organisms, %d at a time; memory, traffic, archive and checkpoint are those of one\n",
               r->config->run.ensemble, r->groups);
    if (r->ranks > r->useful_ranks)
        printf("ranks       TOO MANY: %" PRId64 " particles and batches of %" PRId64
               " samples cannot use %d ranks; at most %" PRId64 " have work\n",
               r->needs.particles, r->config->schedule.batch, r->ranks, r->useful_ranks);
}

static void print_needs(const struct check_report *r)
{
    const struct estimate *e = &r->needs;
    printf("memory      %s on the fullest rank: particles %s, passes %s, data %s%s, files %s, program %s\n",
           amount_of(rank_bytes(r)).text, amount_of(e->memory_particles).text,
           amount_of(e->memory_passes).text, amount_of(e->memory_data).text,
           r->shared ? " (its part of a node's)" : "", amount_of(e->memory_files).text,
           amount_of(r->program_bytes).text);
    printf("traffic     %s per batch and rank: sums over rows and columns %s, along the batch axis %s",
           amount_of(traffic_bytes(e)).text, amount_of(e->traffic.sums).text,
           amount_of(e->traffic.batch).text);
    if (e->traffic.meetings > 0) printf(", of meetings %s", amount_of(e->traffic.meetings).text);
    printf("\narchive     about %s in %" PRId64 " records%s\n", amount_of(e->archive).text, e->records,
           r->config->archive.compress > 0 ? ", before compression" : "");
    printf("checkpoint  about %s, of which the last %" PRId64 " are kept\n", amount_of(e->checkpoint).text,
           r->config->checkpoint.keep);
}

/* How much is needed, and how much there is (space -1: unknown). */
static void print_room(int64_t needed, int64_t space, const char *what)
{
    printf(": %s needed", amount_of(needed).text);
    if (space >= 0) printf(", %s %s%s", amount_of(space).text, what, needed > space ? " - WILL NOT FIT" : "");
    printf("\n");
}

static void print_time(const struct check_report *r)
{
    const struct trial *trial = &r->trial;
    if (trial->batches == 0) return;
    printf("time        about %s: %" PRId64 " epochs of %.3g s", duration_text(whole_seconds(r)).text,
           r->config->schedule.epochs, trial->epoch);
    if (r->config->schedule.settle == SETTLE_PLAIN)
        printf(", then %" PRId64 " settling steps", r->config->schedule.settle_steps);
    if (r->config->run.ensemble > r->groups)
        printf(", for %" PRId64 " organisms one after the other",
               (r->config->run.ensemble + r->groups - 1) / r->groups);
    if (trial->files > 0) printf(", %s for files", duration_text(trial->files).text);
    printf(" (from a trial of %" PRId64 " batches%s, %d rank%s)\n", trial->batches,
           trial->files > 0 ? " and a checkpoint" : "; files are not counted", r->all_ranks,
           r->all_ranks == 1 ? "" : "s");
}

/* What to ask SLURM for: a tenth more memory than is needed, and, if a trial told it, a quarter more time. */
static void print_job(const struct check_report *r)
{
    enum { MIB = 1 << 20, MINUTE = 60 };
    const int nodes = (r->all_ranks + r->node_ranks - 1) / r->node_ranks;
    if (rank_bytes(r) == INT64_MAX) return;
    printf("job         sbatch --ntasks=%d", r->all_ranks);
    if (nodes > 1 && r->all_ranks % nodes == 0)
        printf(" --nodes=%d --ntasks-per-node=%d", nodes, r->all_ranks / nodes);
    printf(" --mem-per-cpu=%" PRId64 "M", rank_bytes(r) / MIB * 11 / 10 + 1);
    if (r->trial.batches > 0 && whole_seconds(r) < 1e9)
        printf(" --time=%" PRId64, (int64_t)(whole_seconds(r) * 5 / 4 / MINUTE) + 2);
    char *path = command_word(r->path);
    printf(" jobs/train.sbatch %s\n", path);
    memory_free(path);
}

void check_print(const struct check_report *r)
{
    const bool unread = r->has_files && !r->data_read;
    printf("%s is good%s\n", r->path,
           unread         ? "; of its data only headers and sizes were read (--data reads all)"
           : r->has_files ? ", and so are all of its data"
                          : "");
    print_task(r);
    print_organism(r);
    print_grid(r);
    print_needs(r);
    printf("node        %d rank%s on one%s", r->node_ranks, r->node_ranks == 1 ? "" : "s",
           r->like_here ? " like this" : "");
    print_room(saturated_product(r->node_ranks, rank_bytes(r)), r->like_here ? available_bytes() : -1,
               "available");
    printf("folder      %s", r->config->run.output);
    print_room(folder_bytes(r), check_free_bytes(r->config->run.output), "free");
    const char *const reason = obstacle(r->config->run.output);
    if (reason) printf("            CANNOT BE MADE OR WRITTEN HERE: %s\n", reason);
    print_time(r);
    print_job(r);
}

/* ---- for programs ---- */

static json_t *doubts_json(const struct task *task)
{
    json_t *array = json_array();
    char *doubt;
    for (int i = 0; (doubt = task_doubt(task, i)); i++) {
        json_add(array, json_words(doubt));
        memory_free(doubt);
    }
    return array;
}

static json_t *task_json(const struct check_report *r)
{
    const struct task *task = r->task;
    json_t *object = json_object();
    json_put(object, "kind", json_words(task_words[r->config->task.kind]));
    json_put(object, "path", json_words(r->has_files ? r->config->task.path : NULL));
    json_put(object, "training_samples", json_integer(task->train.samples));
    json_put(object, "test_samples", json_integer(task->test.samples));
    json_put(object, "inputs", json_integer(task->inputs));
    json_put(object, "outputs", json_integer(task->outputs));
    json_put(object, "classification", json_boolean(task->classification));
    json_put(object, "data_read", json_boolean(r->data_read || !r->has_files));
    json_put(object, "doubts", doubts_json(task));
    char digest[20]; /* as in run.json */
    snprintf(digest, sizeof digest, "%016" PRIx64, task_digest(&task->identity));
    json_put(object, "digest", json_words(r->data_read && r->has_files ? digest : NULL));
    return object;
}

static json_t *memory_json(const struct check_report *r)
{
    json_t *object = json_object();
    json_put(object, "rank", json_integer(rank_bytes(r)));
    json_put(object, "particles", json_integer(r->needs.memory_particles));
    json_put(object, "passes", json_integer(r->needs.memory_passes));
    json_put(object, "data", json_integer(r->needs.memory_data));
    json_put(object, "files", json_integer(r->needs.memory_files));
    json_put(object, "program", json_integer(r->program_bytes));
    json_put(object, "node_ranks", json_integer(r->node_ranks));
    json_put(object, "node", json_integer(saturated_product(r->node_ranks, rank_bytes(r))));
    return object;
}

static json_t *folder_json(const struct check_report *r)
{
    const int64_t space = check_free_bytes(r->config->run.output);
    json_t *object = json_object();
    json_put(object, "path", json_words(r->config->run.output));
    json_put(object, "needed", json_integer(folder_bytes(r)));
    json_put(object, "free", space < 0 ? json_null() : json_integer(space));
    json_put(object, "archive", json_integer(r->needs.archive));
    json_put(object, "records", json_integer(r->needs.records));
    json_put(object, "checkpoint", json_integer(r->needs.checkpoint));
    json_put(object, "obstacle", json_words(obstacle(r->config->run.output)));
    return object;
}

static json_t *time_json(const struct check_report *r)
{
    const struct trial *trial = &r->trial;
    if (trial->batches == 0) return json_null();
    json_t *object = json_object();
    json_put(object, "seconds", json_finite(whole_seconds(r)));
    json_put(object, "epoch", json_finite(trial->epoch));
    json_put(object, "batch", json_finite(trial->batch));
    json_put(object, "files", json_finite(trial->files));
    json_put(object, "batches_tried", json_integer(trial->batches));
    return object;
}

char *check_json(const struct check_report *r)
{
    json_t *object = json_object();
    json_put(object, "configuration", json_words(r->path));
    json_put(object, "good", json_true());
    json_put(object, "task", task_json(r));
    json_put(object, "cells", json_counts(r->shape->layers + 1, r->shape->cells));
    json_put(object, "particles", json_integer(r->needs.particles));
    json_put(object, "weights", json_integer(r->needs.weights));
    json_put(object, "ranks", json_integer(r->all_ranks));
    json_put(object, "ensemble", json_integer(r->config->run.ensemble));
    json_put(object, "useful_ranks", json_integer(r->useful_ranks));
    json_put(object, "grid", json_counts(GRID_AXES, r->grid));
    json_put(object, "memory_bytes", memory_json(r));
    json_put(object, "traffic_bytes_per_batch", json_integer(traffic_bytes(&r->needs)));
    json_put(object, "folder_bytes", folder_json(r));
    json_put(object, "time", time_json(r));
    return json_print(object, 0);
}
