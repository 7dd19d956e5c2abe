/* A small run on one rank: its folder, what its files hold, what verify says of them, and files as bytes. */
#ifndef STORE_RUN_H
#define STORE_RUN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <hdf5.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "metazoa/base/commit.h"
#include "metazoa/base/file.h"
#include "metazoa/base/hash.h"
#include "metazoa/base/memory.h"
#include "metazoa/store/archive.h"
#include "metazoa/store/checkpoint.h"
#include "metazoa/store/lock.h"
#include "metazoa/store/verify.h"

static struct comm *world;

static char root[128];

static const char config[] = "training: {epochs: 9}\n";

struct subject {
    struct grid grid;
    struct organism organism;
};

static inline void subject_new(struct subject *subject, enum momentum_buffers buffers)
{
    struct organism_shape shape = {
        .layers = 2, .cells = {13, 6, 5}, .block = 4, .chunk = 8, .particle = particle_shape_new(3, 3)};
    const struct training training = {DESCENT_SGD(0.01f, 0.9f), .buffers = buffers, .self_steps = 3};
    grid_new(&subject->grid, world, (int[]){1, 1, 1});
    organism_new(&subject->organism, &shape, &training, &subject->grid, 7);
    organism_draw(&subject->organism);
}

static inline void subject_free(struct subject *subject)
{
    organism_free(&subject->organism);
    grid_free(&subject->grid);
}

/* A run of `epochs` epochs, a checkpoint every 3; part of the particles are archived. */
static inline void make_run(const char *run, int64_t epochs, int64_t every, int64_t keep, double fraction)
{
    struct subject subject;
    struct progress progress = {0};
    struct problems problems = {0};
    struct lock lock = {0};
    const struct archive_spec spec = {.trajectory_every = 1, .fraction = fraction};
    subject_new(&subject, MOMENTUM_SEPARATE);
    lock_take(&lock, run, false, world, &problems);
    assert_int_equal(problems.n, 0);
    struct archive *archive = archive_open(run, &spec, &subject.organism, config);
    archive_rewind(archive, NULL);
    for (int64_t epoch = 0; epoch <= epochs; epoch++) {
        int flags = 0;
        if (epoch > 0) organism_sweep(&subject.organism, 3, &flags);
        struct metrics_row row = metrics_row_empty(epoch);
        row.task_loss = 1.0 / (double)(epoch + 1);
        row.fingerprint = organism_fingerprint(&subject.organism);
        progress.epoch = epoch;
        progress_add(&progress, &row);
        archive_record(archive, NULL, &row);
        if (epoch % every == 0 || epoch == epochs)
            checkpoint_write(run, &subject.organism, &progress, config, every, keep, archive);
    }
    assert_int_equal(problems.n, 0);
    archive_free(archive);
    progress_free(&progress);
    lock_release(&lock, world);
    subject_free(&subject);
}

static inline char *in(const char *folder, const char *name)
{
    return memory_print("%s/%s", folder, name);
}

static inline unsigned char *slurp(const char *path, int64_t *n)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *n = ftell(file);
    rewind(file);
    unsigned char *bytes = memory_new(*n + 1, 1);
    assert_int_equal(fread(bytes, 1, (size_t)*n, file), *n);
    fclose(file);
    return bytes;
}

static inline void spill(const char *path, const unsigned char *bytes, int64_t n)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, (size_t)n, file), n);
    assert_int_equal(fclose(file), 0);
}

/* What verify prints of a path; sound: what it returns. The caller frees with free(). */
static inline char *verdict(const char *path, bool *sound)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    *sound = verify_path(path, NULL, out) == EXIT_DONE;
    fclose(out);
    return text;
}

/* A checkpoint that verify finds sound must be what it was, in all that is read from it. */
static inline uint64_t checkpoint_contents(const char *path)
{
    struct subject subject;
    struct progress progress = {0};
    struct problems problems = {0};
    subject_new(&subject, MOMENTUM_SEPARATE);
    uint64_t hash = 0;
    if (checkpoint_read(&subject.organism, &progress, path, &problems)) {
        hash = organism_fingerprint(&subject.organism);
        hash += hash_bytes(progress.rows, (size_t)progress.n_rows * sizeof *progress.rows, 1);
        memory_free(progress.rows);
        progress.rows = NULL;
        hash += hash_bytes(&progress, sizeof progress, 2);
    }
    if (problems.n > 0) fprintf(stderr, "%s\n", problems.text[0]);
    problems_free(&problems);
    progress_free(&progress);
    subject_free(&subject);
    return hash;
}

/* A segment: by way of the merged archive, all of whose bytes follow from the segments' contents. */
static inline uint64_t archive_contents(const char *run)
{
    char *merged = in(root, "merged.h5"), *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    const bool done = archive_merge(run, merged, out) == EXIT_DONE;
    fclose(out);
    free(text);
    uint64_t hash = 0;
    if (done) {
        int64_t n;
        unsigned char *bytes = slurp(merged, &n);
        hash = hash_bytes(bytes, (size_t)n, 0);
        memory_free(bytes);
    }
    memory_free(merged);
    return hash;
}

static inline int64_t number(const char *name, int64_t otherwise)
{
    const char *text = getenv(name);
    return text ? atoll(text) : otherwise;
}

/* Starts the group of ranks and makes the folder `root`; an argument is a filter of test names. */
static inline bool tests_begin(int argc, char **argv)
{
    world = comm_start(&argc, &argv);
    snprintf(root, sizeof root, "/tmp/metazoa-store-XXXXXX");
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    return mkdtemp(root) != NULL;
}

/* Removes the folder and ends the group of ranks; returns the exit code after `failed` failed tests. */
static inline int tests_end(int failed)
{
    char *command = memory_print("rm -rf '%s'", root);
    if (system(command) != 0) failed++;
    memory_free(command);
    comm_finish(world);
    return failed;
}

#endif
