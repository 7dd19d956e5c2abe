/* The sizes of files that are predicted against those of files that were written: within 5 %, or, for small
 * ones, within 32 KiB. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "metazoa/base/file.h"
#include "metazoa/base/memory.h"
#include "metazoa/store/archive.h"
#include "metazoa/store/checkpoint.h"
#include "metazoa/store/size.h"
#include "metazoa/hdf5/io.h"
#include "metazoa/store/lock.h"

static struct comm *world;

struct example {
    int layers;
    int32_t cells[5];
    enum momentum_buffers buffers;
    int width;
    int64_t epochs, every, trajectory_every;
    double fraction;
    bool interacts;
    int64_t alignment;
};

static void add_bytes(void *context, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/archive/%s", ((char **)context)[0], name);
    *(int64_t *)((void **)context)[1] += file_bytes(path);
    unlink(path);
}

static void check(const char *what, int64_t predicted, int64_t real)
{
    const double error = (double)predicted / (double)real - 1;
    printf("%s: %lld bytes predicted, %lld written, %+.3f %%\n", what, (long long)predicted, (long long)real,
           100 * error);
    assert_true((error > -0.05 && error < 0.05) || llabs(predicted - real) < 32 << 10);
}

static void try(const struct example *example)
{
    char run[] = "/tmp/metazoa-size-XXXXXX", path[256];
    static const char config[] = "training: {epochs: 9}\nand: {more: than, this: text}\n";
    assert_non_null(mkdtemp(run));
    const struct io io = {.parallel_from = INT64_MAX, .alignment = example->alignment};
    io_use(&io);
    struct organism_shape shape = {.layers = example->layers,
                                   .block = 16,
                                   .chunk = 8,
                                   .loss = LOSS_CROSS_ENTROPY,
                                   .particle = particle_shape_new(example->width, 3)};
    memcpy(shape.cells, example->cells, sizeof example->cells);
    const struct training training = {DESCENT_SGD(0.01f, 0), .buffers = example->buffers};
    const struct archive_spec spec = {.trajectory_every = example->trajectory_every,
                                      .seed = 7,
                                      .fraction = example->fraction,
                                      .classification = true,
                                      .interacts = example->interacts};
    struct problems problems = {0};
    struct progress progress = {0};
    struct lock lock = {0};
    struct grid grid;
    struct organism organism;
    grid_new(&grid, world, (int[]){1, 1, 1});
    organism_new(&organism, &shape, &training, &grid, 7);
    organism_draw(&organism);
    lock_take(&lock, run, false, world, &problems);
    struct archive *archive = archive_open(run, &spec, &organism, config);
    archive_rewind(archive, NULL);
    assert_int_equal(problems.n, 0);
    for (int64_t epoch = 0; epoch <= example->epochs; epoch++) {
        struct metrics_row row = metrics_row_empty(epoch);
        for (int k = 0; k < INTERACTION_KINDS && example->interacts; k++) row.interactions[k] = 3;
        progress.epoch = epoch;
        if (epoch > 0) progress_add(&progress, &row);
        if (epoch % example->trajectory_every == 0 || epoch == example->epochs)
            archive_record(archive, NULL, &row);
        if (epoch > 0 && (epoch % example->every == 0 || epoch == example->epochs))
            checkpoint_write(run, &organism, &progress, config, example->every, 1, archive);
    }
    snprintf(path, sizeof path, "%s/checkpoint-%lld.h5", run, (long long)example->epochs);
    check("checkpoint", checkpoint_bytes(&shape, &training, config, example->epochs, &spec),
          file_bytes(path));
    unlink(path);
    snprintf(path, sizeof path, "%s/archive.h5", run);
    int64_t bytes = file_bytes(path);
    unlink(path);
    snprintf(path, sizeof path, "%s/archive", run);
    folder_visit(path, add_bytes, (void *[]){run, &bytes});
    check("archive", archive_bytes(&spec, &shape, config, archive_records(archive)), bytes);
    rmdir(path);
    lock_release(&lock, world);
    snprintf(path, sizeof path, "%s/.lock", run);
    unlink(path);
    assert_int_equal(rmdir(run), 0);
    archive_free(archive);
    progress_free(&progress);
    organism_free(&organism);
    grid_free(&grid);
}

static void sizes(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {3, {2, 3, 3, 1}, MOMENTUM_SEPARATE, 3, 6, 20, 1, 1, false, 0}, /* conf/addition.yaml */
        {1, {1, 1}, MOMENTUM_SHARED, 1, 1, 1, 1, 1, false, 0},          /* one particle */
        {4, {40, 60, 30, 20, 10}, MOMENTUM_RESET, 3, 12, 5, 1, 0.3, true, 0},
        {3, {2, 3, 3, 1}, MOMENTUM_SEPARATE, 3, 6, 2, 1, 0.005, false, 0}, /* nobody chosen */
        {3, {225, 5, 5, 10}, MOMENTUM_SEPARATE, 3, 23, 4, 3, 1, false, 0},
        {2, {300, 200, 10}, MOMENTUM_SEPARATE, 3, 3, 2, 1, 1, true, 0}, /* several chunks */
        {2, {300, 200, 10}, MOMENTUM_SHARED, 5, 2, 1, 1, 0.7, false, 0},
        {1, {300000, 1}, MOMENTUM_SHARED, 1, 2, 1, 1, 1, false, 0}, /* an axis that is long, too */
        {1, {300000, 1}, MOMENTUM_SHARED, 1, 2, 1, 1, 1, false, 65536},
        {2, {300, 200, 10}, MOMENTUM_SHARED, 3, 2, 9, 1, 1, false, 65536} /* aligned */
    };
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) try(&examples[i]);
}

int main(int argc, char **argv)
{
    world = comm_start(&argc, &argv);
    const struct CMUnitTest tests[] = {cmocka_unit_test(sizes)};
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    comm_finish(world);
    return failed > 0;
}
