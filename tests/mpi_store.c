/*
 * Checkpoints and archive on any number of ranks: what is written comes back on other grids, files have the
 * same bytes as those of one rank, a run that is stopped and resumed leaves the same archive, old checkpoints
 * go.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "metazoa/base/hash.h"
#include "metazoa/base/memory.h"
#include "metazoa/store/archive.h"
#include "metazoa/store/checkpoint.h"
#include "metazoa/store/lock.h"

static struct comm *world;
static int failures = 0;
static char root[256]; /* a folder of this test, the same on all ranks */

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            failures++;                                                                                      \
            fprintf(stderr, "rank %d: %s:%d: %s\n", comm_rank(world), __FILE__, __LINE__, #condition);       \
        }                                                                                                    \
    } while (0)

/* An organism on a grid whose long axis is `axis`: all ranks of comm along it. */
struct subject {
    struct grid grid;
    struct organism organism;
};

static void subject_new(struct subject *subject, struct comm *comm, int axis, enum momentum_buffers buffers,
                        const int32_t *cells, int layers, int32_t block)
{
    int size[GRID_AXES] = {1, 1, 1};
    size[axis] = comm_size(comm);
    struct organism_shape shape = {.layers = layers,
                                   .activation = ACTIVATION_GELU,
                                   .loss = LOSS_CROSS_ENTROPY,
                                   .block = block,
                                   .chunk = 8,
                                   .particle = particle_shape_new(3, 3)};
    for (int i = 0; i <= layers; i++) shape.cells[i] = cells[i];
    const struct training training = {DESCENT_SGD(0.01f, 0.9f), .buffers = buffers, .self_steps = 3};
    grid_new(&subject->grid, comm, size);
    organism_new(&subject->organism, &shape, &training, &subject->grid, 7);
    organism_draw(&subject->organism);
}

static void subject_free(struct subject *subject)
{
    organism_free(&subject->organism);
    grid_free(&subject->grid);
}

static void advance(struct subject *subject)
{
    int flags = 0;
    organism_sweep(&subject->organism, 3, &flags);
}

static uint64_t file_hash(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) return 0;
    uint64_t hash = 1;
    unsigned char bytes[1 << 16];
    for (size_t n; (n = fread(bytes, 1, sizeof bytes, file)) > 0;)
        hash = hash_mix(hash) + hash_bytes(bytes, n, 0);
    fclose(file);
    return hash;
}

static struct metrics_row some_row(int64_t epoch, uint64_t fingerprint)
{
    struct metrics_row row = metrics_row_empty(epoch);
    row.task_loss = 1.0 / (double)(epoch + 3);
    row.test_score = epoch % 2 ? (double)NAN : 0.5;
    if (epoch % 3 == 0)
        for (int t = 0; t < TYPE_COUNT; t++) row.census[t] = t + epoch;
    row.fingerprint = fingerprint;
    row.seconds = (double)comm_rank(world) + 0.25; /* must not reach any file */
    return row;
}

static char *in(const char *folder, const char *name)
{
    return memory_print("%s/%s", folder, name);
}

/* Trains for some epochs with checkpoints and archive, from the checkpoint in the folder if there is one.
 * Ends after `stop` epochs, with a checkpoint there. */
static void train(struct comm *comm, const char *run, int axis, int64_t stop, const struct archive_spec *spec)
{
    const int32_t cells[] = {13, 6, 5};
    struct subject subject;
    struct progress progress = {0};
    struct problems problems = {0};
    struct lock lock = {0};
    subject_new(&subject, comm, axis, MOMENTUM_SEPARATE, cells, 2, 4);
    lock_take(&lock, run, true, comm, &problems);
    CHECK(comm_agree(comm, &problems) == EXIT_DONE);
    char *path = checkpoint_read_newest(&subject.organism, &progress, run, &problems);
    struct archive *archive = archive_open(run, spec, &subject.organism, "training: {epochs: 9}\n");
    archive_rewind(archive, &progress);
    CHECK(comm_agree(comm, &problems) == EXIT_DONE);
    uint8_t *types[2];
    int64_t counts[TYPE_COUNT];
    for (int l = 0; l < 2; l++) {
        const struct layer *layer = &subject.organism.layer[l];
        types[l] = memory_new(layer_owned(layer), 1);
    }
    for (int64_t epoch = path ? progress.epoch + 1 : 0; epoch <= stop; epoch++) {
        if (epoch > 0) advance(&subject);
        organism_census(&subject.organism, 1e-5f, counts, types);
        struct metrics_row row = some_row(epoch, organism_fingerprint(&subject.organism));
        progress_add(&progress, &row);
        if (epoch % spec->trajectory_every == 0) archive_record(archive, epoch % 3 == 0 ? types : NULL, &row);
        progress.epoch = epoch;
        if (epoch == stop || epoch % 4 == 0)
            checkpoint_write(run, &subject.organism, &progress, "training: {epochs: 9}\n", 4, 2, archive);
    }
    for (int l = 0; l < 2; l++) memory_free(types[l]);
    memory_free(path);
    archive_free(archive);
    progress_free(&progress);
    lock_release(&lock, comm);
    subject_free(&subject);
}

static const char *const names[] = {"checkpoint-4.h5", "checkpoint-8.h5", "archive/segment-000000.h5",
                                    "archive/segment-000008.h5", "archive.h5"};
enum { NAMES = 5 };

/* All ranks' files against those that rank 0 wrote alone; and those of a run that was stopped at odd epochs
 * and resumed on other grids. */
static void test_bytes(const struct archive_spec *spec, const char *label)
{
    struct comm *alone = comm_split(world, comm_rank(world), 0);
    char *all = memory_print("%s/%s-all", root, label),
         *one = memory_print("%s/%s-one-%d", root, label, comm_rank(world));
    char *stopped = memory_print("%s/%s-stopped", root, label);
    train(world, all, GRID_ROWS, 8, spec);
    train(alone, one, GRID_ROWS, 8, spec);
    train(world, stopped, GRID_BATCH, 2, spec);
    train(world, stopped, GRID_COLUMNS, 5, spec);
    train(world, stopped, GRID_BATCH, 7, spec);
    train(world, stopped, GRID_ROWS, 8, spec);
    for (int i = 0; i < NAMES; i++) {
        char *a = in(all, names[i]), *b = in(one, names[i]), *c = in(stopped, names[i]);
        const uint64_t hash = file_hash(a);
        if (hash == 0 || hash != file_hash(b) || hash != file_hash(c))
            fprintf(stderr, "%s of %s differs\n", names[i], label);
        CHECK(hash != 0);
        CHECK(hash == file_hash(b));
        CHECK(hash == file_hash(c));
        memory_free(a), memory_free(b), memory_free(c);
    }
    comm_barrier(world);
    comm_free(alone);
    memory_free(all), memory_free(one), memory_free(stopped);
}

/* Rows of cells that are longer than a chunk; velocities that are not held; every axis of the grid reads what
 * another one wrote. */
static void test_wide(void)
{
    static const int32_t cells[] = {12001, 3, 2};
    struct comm *alone = comm_split(world, comm_rank(world), 0);
    char *all = memory_print("%s/wide-all", root),
         *one = memory_print("%s/wide-one-%d", root, comm_rank(world));
    uint64_t fingerprint = 0;
    for (int i = 0; i < 2; i++) {
        struct comm *comm = i ? alone : world;
        struct subject subject;
        struct progress progress = {
            .epoch = 3, .batch = 17, .tally = {.samples = 5, .loss = {{1, 0x1p-30, -0x1p-60}}}};
        struct problems problems = {0};
        struct lock lock = {0};
        subject_new(&subject, comm, GRID_ROWS, MOMENTUM_SHARED, cells, 2, 512);
        advance(&subject);
        fingerprint = organism_fingerprint(&subject.organism);
        lock_take(&lock, i ? one : all, false, comm, &problems);
        CHECK(comm_agree(comm, &problems) == EXIT_DONE);
        checkpoint_write(i ? one : all, &subject.organism, &progress, "x: 1\n", 0, 1, NULL);
        lock_release(&lock, comm);
        subject_free(&subject);
    }
    char *a = in(all, "checkpoint-3-17.h5"), *b = in(one, "checkpoint-3-17.h5");
    CHECK(file_hash(a) != 0 && file_hash(a) == file_hash(b));
    for (int axis = 0; axis < GRID_AXES; axis++) {
        struct subject subject;
        struct progress progress = {0};
        struct problems problems = {0};
        subject_new(&subject, world, axis, MOMENTUM_SHARED, cells, 2, 512);
        CHECK(checkpoint_read(&subject.organism, &progress, a, &problems));
        CHECK(organism_fingerprint(&subject.organism) == fingerprint);
        CHECK(progress.epoch == 3 && progress.batch == 17 && progress.tally.samples == 5 &&
              progress.n_rows == 0);
        CHECK(progress.tally.loss.limb[1] == 0x1p-30 && progress.tally.loss.limb[2] == -0x1p-60);
        subject_free(&subject);
        /* What another configuration wants is refused: its velocities are not there. */
        subject_new(&subject, world, axis, MOMENTUM_SEPARATE, cells, 2, 512);
        CHECK(!checkpoint_read(&subject.organism, &progress, a, &problems));
        CHECK(problems.n == 1 && strstr(problems.text[0], "/layers/0/velocity_self is missing"));
        bool other_steps = false;
        CHECK(checkpoint_init(&subject.organism, a, &other_steps, &problems));
        CHECK(other_steps);
        problems_free(&problems);
        progress_free(&progress);
        subject_free(&subject);
    }
    comm_barrier(world);
    comm_free(alone);
    memory_free(a), memory_free(b), memory_free(all), memory_free(one);
}

int main(int argc, char **argv)
{
    world = comm_start(&argc, &argv);
    if (comm_rank(world) == 0) {
        snprintf(root, sizeof root, "%s/metazoa-store-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
        if (!mkdtemp(root)) return 1;
    }
    comm_broadcast(world, root, sizeof root, 0);
    test_bytes(&(struct archive_spec){.trajectory_every = 1, .fraction = 1}, "plain");
    test_bytes(&(struct archive_spec){.trajectory_every = 1, .fraction = 1, .compress = 4}, "deflate");
    test_bytes(&(struct archive_spec){.trajectory_every = 1, .fraction = 0.3, .n_layers = 1, .layers = {1}},
               "part");
    test_wide();
    int64_t bad = failures;
    comm_max_i64(world, &bad, 1);
    if (comm_rank(world) == 0) {
        char *command = memory_print("rm -rf '%s'", root);
        if (!getenv("KEEP") && system(command) != 0) bad++;
        memory_free(command);
        printf(bad ? "FAILED\n" : "ok\n");
    }
    comm_finish(world);
    return bad > 0;
}
