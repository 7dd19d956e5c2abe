/*
 * Organisms beyond 32 bits: 784-65536-65536-10 has 4.3e9 particles and 1.2e11 weights. A rank of a grid of
 * 65536 ranks is laid out and filled here alone; datasets of 2^32 rows are written and read where their end
 * is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <hdf5.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../src/command/estimate.h"
#include "metazoa/hdf5/h5.h"
#include "../src/store/rows.h"
#include "metazoa/base/memory.h"
#include "metazoa/organism/cost.h"
#include "metazoa/parallel/random.h"
#include "metazoa/store/checkpoint.h"

static struct comm *world;

enum { SIDE = 65536, BLOCK = 256, PLACES = SIDE / BLOCK, WEIGHTS = 27 };
#define PARTICLES ((int64_t)SIDE * (784 + SIDE + 10))

static struct organism_shape shape_new(void)
{
    return (struct organism_shape){.layers = 3,
                                   .cells = {784, SIDE, SIDE, 10},
                                   .loss = LOSS_CROSS_ENTROPY,
                                   .block = BLOCK,
                                   .chunk = 16,
                                   .particle = particle_shape_new(3, 3)};
}

static void ids(void **state)
{
    (void)state;
    const struct organism_shape shape = shape_new();
    assert_int_equal(organism_particles(&shape), PARTICLES);
    assert_true(PARTICLES > INT64_C(1) << 32);
    const int64_t ends[] = {
        0, INT32_MAX, INT64_C(1) << 31, INT64_C(1) << 32, (INT64_C(1) << 32) + 1, PARTICLES - 1};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        int layer;
        int64_t cell, edge;
        organism_particle_place(&shape, ends[i], &layer, &cell, &edge);
        assert_int_equal(organism_particle_id(&shape, layer, cell, edge), ends[i]);
    }
    assert_int_equal(organism_particle_id(&shape, 1, SIDE - 1, SIDE - 1), (int64_t)SIDE * (784 + SIDE) - 1);
    assert_int_equal(organism_particle_id(&shape, 2, 9, SIDE - 1), PARTICLES - 1);
}

/* One rank of the grid 1 x 256 x 256, the communicators of which are this process alone. */
static struct grid grid_at(int row, int column)
{
    return (struct grid){.all = world,
                         .size = {1, PLACES, PLACES},
                         .at = {0, row, column},
                         .axis = {world, world, world},
                         .plane = world};
}

static void one_rank(int row, int column)
{
    const struct organism_shape shape = shape_new();
    const struct training training = {DESCENT_SGD(0.01f, 0), .buffers = MOMENTUM_RESET};
    struct grid grid = grid_at(row, column);
    struct organism organism;
    organism_new(&organism, &shape, &training, &grid, 5);
    organism_draw(&organism);
    uint64_t fingerprint = 0;
    float *zeros = memory_new(WEIGHTS, sizeof *zeros);
    for (int l = 0; l < shape.layers; l++) {
        /* In layer 1 edges are spread over columns and cells over rows. */
        int64_t n, n_rows;
        struct stretch *stretches = organism_stretches(&organism, l, &n, &n_rows);
        struct rows rows;
        rows_new(&rows, &organism, l, false);
        assert_int_equal(rows.n_global, organism_layer_particles(&shape, l));
        float *weights = memory_new(n_rows * WEIGHTS, sizeof *weights);
        organism_export(&organism, l, FIELD_WEIGHTS, weights);
        if (l == 1) {
            assert_int_equal(n_rows, BLOCK * BLOCK);
            assert_int_equal(stretches[0].cell, row * BLOCK);
            assert_int_equal(stretches[n - 1].cell, row * BLOCK + BLOCK - 1);
            assert_int_equal(stretches[n - 1].edge, column * BLOCK);
            assert_int_equal(rows.pieces[n - 1].row,
                             ((int64_t)row * BLOCK + BLOCK - 1) * SIDE + (int64_t)column * BLOCK);
        }
        for (int64_t i = 0; i < n; i++)
            for (int64_t k = 0; k < stretches[i].count; k++)
                fingerprint += organism_particle_hash(
                    organism_particle_id(&shape, l, stretches[i].cell, stretches[i].edge + k),
                    &shape.particle,
                    (const float *[FIELD_COUNT]){weights + (stretches[i].first + k) * WEIGHTS, zeros});
        memory_free(weights);
        memory_free(stretches);
        rows_free(&rows);
    }
    assert_true(organism_fingerprint(&organism) == fingerprint);
    memory_free(zeros);
    organism_free(&organism);
}

static void ranks(void **state)
{
    (void)state;
    one_rank(0, 0);
    one_rank(128, 1);
    one_rank(PLACES - 1, PLACES - 1);
}

/* Particles whose ids differ by 2^31 or 2^32 are strangers. */
static void strangers(void **state)
{
    (void)state;
    const struct particle_shape shape = particle_shape_new(3, 3);
    float draw[3][8], weights[WEIGHTS] = {1};
    uint64_t hash[3];
    for (int i = 0; i < 3; i++) {
        const int64_t id = 77 + (i > 0 ? INT64_C(1) << (30 + i) : 0);
        struct random_stream stream = random_open(1, RANDOM_WEIGHTS, 0, (uint64_t)id);
        random_normal(&stream, draw[i], 8);
        hash[i] = organism_particle_hash(id, &shape, (const float *[FIELD_COUNT]){weights, weights});
    }
    for (int i = 0; i < 3; i++) {
        assert_memory_not_equal(draw[i], draw[(i + 1) % 3], sizeof draw[0]);
        assert_true(hash[i] != hash[(i + 1) % 3]);
    }
}

static void sizes(void **state)
{
    (void)state;
    static const char text[] =
        "{task: {kind: addition, inputs: 784, samples: 60000}, organism: {hidden: [65536, 65536]}}";
    struct problems problems = {0};
    struct config config;
    struct task task;
    config_parse(&config, text, sizeof text - 1, "text", 0, NULL, &problems);
    task_open(&task, &config.task, world, &problems);
    assert_int_equal(problems.n, 0);
    const struct organism_shape shape = organism_shape_new(&config.organism, &task);
    const int64_t weights = (int64_t)SIDE * (784 + SIDE + 1) * WEIGHTS;
    const struct estimate e = estimate_make(&config, &shape, &task, (int[]){16, PLACES, PLACES});
    assert_int_equal(e.weights, weights);
    assert_int_equal(e.owned, (BLOCK * BLOCK + BLOCK * 784 / 4 + BLOCK) / 16);
    assert_true(e.checkpoint > 12 * weights && (double)e.checkpoint < 12.5 * (double)weights);
    assert_true((double)e.archive > 200.0 * (double)weights * 4 &&
                (double)e.archive < 205.0 * (double)weights * 4.2);
    assert_true(e.memory_particles > (int64_t)12 * WEIGHTS * e.owned && e.memory_particles < INT64_C(64)
                                                                                                 << 20);
    assert_true(e.traffic.sums > 0 && e.traffic.batch > 0);
    int grid[GRID_AXES];
    enum grid_axis order[GRID_AXES];
    const struct machine machine = machine_default();
    grid_choose(grid, order, &shape, &machine, 2000, 5, 1 << 16);
    assert_int_equal((int64_t)grid[0] * grid[1] * grid[2], 1 << 16);
    config_free(&config);
    task_free(&task);
}

static bool near(double found, double known)
{
    if (fabs(found - known) < 1e-6) return true;
    fprintf(stderr, "found %g, known %g\n", found, known);
    return false;
}

/* Known answers where one thing alone costs something: 64-64-32-8, one chunk of 16 samples. Sums by
 * halving take 2 messages a doubling, and along an axis of 2 ranks 6 bytes a value. */
static void costs(void **state)
{
    (void)state;
    static const struct {
        int grid[GRID_AXES];
        double messages, reduce_messages, bytes;
    } known[] = {{{1, 1, 1}, 0, 0, 0},
                 {{1, 2, 1}, 3 * 2, 1, 6 * 16 * (64 + 64 + 8)},
                 {{1, 1, 2}, 2 * 2, 1, 6 * 16 * (32 + 8)},
                 {{1, 4, 1}, 3 * 4, 2, -1},
                 {{1, 1, 4}, 2 * 4, 2, -1},
                 {{4, 1, 1}, 0, 2 * 2 + 2, 0}};
    const struct organism_shape shape = {.layers = 3,
                                         .cells = {64, 64, 32, 8},
                                         .block = 16,
                                         .chunk = 16,
                                         .particle = particle_shape_new(3, 3)};
    const enum grid_axis order[GRID_AXES] = {GRID_BATCH, GRID_ROWS, GRID_COLUMNS};
    const struct machine free = {
        .product_rate = INFINITY, .sum_rate = INFINITY, .node = 1 << 20, .port = INFINITY};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        struct machine machine = free;
        machine.message = 1;
        struct cost cost = cost_of_batch(&shape, &machine, 16, 5, known[i].grid, order);
        assert_true(near(cost.exchange, known[i].messages));
        assert_true(near(cost.reduce, known[i].reduce_messages));
        assert_true(near(cost.total, cost.exchange + cost.reduce));
        machine = free;
        machine.byte = 1;
        cost = cost_of_batch(&shape, &machine, 16, 5, known[i].grid, order);
        if (known[i].bytes >= 0) assert_true(near(cost.exchange, known[i].bytes));
    }
}

/* The grids that docs/scaling.md says the cost model picks, and that are quickest there or nearly so. */
static void picks(void **state)
{
    (void)state;
    static const struct {
        int32_t cells[4];
        int ranks, grid[GRID_AXES];
    } known[] = {{{225, 5, 5, 10}, 2, {2, 1, 1}},
                 {{225, 5, 5, 10}, 8, {8, 1, 1}},
                 {{784, 4096, 4096, 10}, 512, {8, 4, 16}},
                 {{784, 31250, 31250, 10}, 512, {4, 2, 64}}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        struct organism_shape shape = {
            .layers = 3, .block = 256, .chunk = 256, .particle = particle_shape_new(3, 3)};
        int grid[GRID_AXES];
        enum grid_axis order[GRID_AXES];
        struct machine machine = machine_default();
        machine.node = 64;
        memcpy(shape.cells, known[i].cells, sizeof known[i].cells);
        grid_choose(grid, order, &shape, &machine, 2000, 5, known[i].ranks);
        assert_memory_equal(grid, known[i].grid, sizeof grid);
    }
}

/* A dataset of 2^17 x 2^15 rows in 4096 chunks, all but one of them the same; all of it is there, in a small
 * file. */
static void dataset(void **state)
{
    (void)state;
    enum { CELLS = 1 << 17, EDGES = 1 << 15, CHUNK_CELLS = 32, CHUNK_ROWS = CHUNK_CELLS * EDGES };
    const int64_t all = (int64_t)CELLS * EDGES;
    char path[] = "/tmp/metazoa-large-XXXXXX";
    close(mkstemp(path));
    struct h5_data data = {.name = "/bytes",
                           .type = H5_U8,
                           .row_axes = 2,
                           .row_size = {CELLS, EDGES},
                           .compress = 1,
                           .chunk_rows = {CHUNK_CELLS, EDGES},
                           .description = "bytes",
                           .units = "1"};
    uint8_t *values = memory_new(CHUNK_ROWS, 1), packed[8192];
    struct h5 file;
    h5_create(&file, path, NULL, 0);
    h5_new(&file, &data);
    assert_int_equal(h5_rows(&data), all);
    assert_int_equal(h5_chunk_begin(&data, h5_chunks(&data) - 1), all - CHUNK_ROWS);
    h5_write(&file, &data, 0, 1, 0, CHUNK_ROWS, values);
    H5Dflush(data.id);
    hsize_t bytes, place[2] = {0, 0};
    uint32_t mask;
    assert_true(H5Dget_chunk_storage_size(data.id, place, &bytes) >= 0 && bytes <= sizeof packed);
    assert_true(H5Dread_chunk(data.id, H5P_DEFAULT, place, &mask, packed) >= 0);
    for (place[0] = CHUNK_CELLS; place[0] < CELLS - CHUNK_CELLS; place[0] += CHUNK_CELLS)
        assert_true(H5Dwrite_chunk(data.id, H5P_DEFAULT, mask, place, bytes, packed) >= 0);
    for (int64_t i = 0; i < CHUNK_ROWS; i++) values[i] = (uint8_t)(i % 253);
    h5_write(&file, &data, 0, 1, all - CHUNK_ROWS, all, values);
    const uint64_t digest = h5_digest(&data, 0, all - CHUNK_ROWS, all, values);
    h5_end(&file, &data, digest);
    h5_close(&file);

    memset(values, 0, CHUNK_ROWS);
    assert_true(h5_read_begin(&file, path));
    const bool found = h5_find(&file, &data);
    assert_true(found);
    assert_int_equal(h5_rows(&data), all);
    assert_true(h5_read(&file, &data, 0, 1, all - CHUNK_ROWS, all, values));
    for (int64_t i = 0; i < CHUNK_ROWS; i++) assert_int_equal(values[i], i % 253);
    assert_true(h5_digest(&data, 0, all - CHUNK_ROWS, all, values) == digest);
    assert_true(h5_digest(&data, 0, 0, CHUNK_ROWS, values) != digest);
    h5_leave(&data);
    h5_read_end(&file);
    memory_free(values);
    unlink(path);
}

int main(int argc, char **argv)
{
    world = comm_start(&argc, &argv);
    const struct CMUnitTest tests[] = {cmocka_unit_test(ids),       cmocka_unit_test(ranks),
                                       cmocka_unit_test(strangers), cmocka_unit_test(sizes),
                                       cmocka_unit_test(costs),     cmocka_unit_test(picks),
                                       cmocka_unit_test(dataset)};
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    comm_finish(world);
    return failed > 0;
}
