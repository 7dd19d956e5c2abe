/* Initial weights and training equal the golden files, which PyTorch computed in double precision, on
 * every process grid. */
#include "organisms.h"

/* ---- golden data ---- */

static void read_any(hid_t file, const char *name, hid_t type, void *out)
{
    hid_t set = H5Dopen2(file, name, H5P_DEFAULT);
    assert_true(set >= 0 && H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out) >= 0);
    H5Dclose(set);
}

/* 0: the file has none of this name. */
static int attribute(hid_t file, const char *name)
{
    int value = 0;
    if (H5Aexists(file, name) <= 0) return 0;
    hid_t a = H5Aopen(file, name, H5P_DEFAULT);
    assert_true(a >= 0 && H5Aread(a, H5T_NATIVE_INT, &value) >= 0);
    H5Aclose(a);
    return value;
}

struct golden {
    hid_t file;
    struct whole whole;
    struct organism_shape shape;
    struct training training;
    int batch, batches;
};

static void golden_compare(struct organism *organism, hid_t file, int after)
{
    for (int l = 0; l < organism->shape.layers; l++) {
        int64_t n = organism_layer_particles(&organism->shape, l) * organism->shape.particle.weights;
        double *expected = memory_new(n, sizeof *expected), *found = all_weights(organism, l), worst = 0,
               largest = 0;
        char name[64];
        snprintf(name, sizeof name,
                 after == 1 ? "after_1_batch/layers/%d/weights" : "after_%d_batches/layers/%d/weights",
                 after == 1 ? l : after, l);
        read_any(file, name, H5T_NATIVE_DOUBLE, expected);
        for (int64_t i = 0; i < n; i++) {
            worst = fmax(worst, fabs(expected[i] - found[i]));
            largest = fmax(largest, fabs(expected[i]));
        }
        if (!(worst < 1e-5 * largest))
            print_message("after %d, layer %d: %g of %g\n", after, l, worst, largest);
        assert_true(
            worst <
            1e-5 * largest); /* the tolerance that the golden data were checked with in single precision */
        memory_free(expected), memory_free(found);
    }
}

static void golden_check(struct grid *grid, void *context)
{
    struct golden *golden = context;
    struct task task = task_of(&golden->whole, &golden->shape, grid);
    struct organism organism;
    organism_new(&organism, &golden->shape, &golden->training, grid, SEED);
    for (int l = 0; l < golden->shape.layers; l++) {
        char name[64];
        snprintf(name, sizeof name, "initial/layers/%d/weights", l);
        double *initial = memory_new(
            organism_layer_particles(&golden->shape, l) * golden->shape.particle.weights, sizeof *initial);
        read_any(golden->file, name, H5T_NATIVE_DOUBLE, initial);
        set_weights(&organism, l, initial);
        memory_free(initial);
    }
    organism_refresh(&organism);
    double *loss = memory_new(golden->batches, sizeof *loss),
           *self = memory_new(golden->batches, sizeof *self);
    read_any(golden->file, "task_loss", H5T_NATIVE_DOUBLE, loss);
    read_any(golden->file, "self_train_loss_sum", H5T_NATIVE_DOUBLE, self);
    for (int b = 0; b < golden->batches; b++) {
        int flags = 0;
        assert_int_equal(organism_sweep(&organism, golden->training.self_steps, &flags), -1);
        exact_wide_sum(grid->all, &organism.self_loss);
        double self_found = exact_wide_value(&organism.self_loss);
        struct tally tally = {0};
        organism_learn(&organism, &task, (int64_t)b * golden->batch, (int64_t)(b + 1) * golden->batch,
                       &tally);
        organism_tally_sum(&organism, &tally);
        assert_int_equal(tally.samples, golden->batch);
        double found = exact_wide_value(&tally.loss) / (double)tally.samples;
        assert_true(fabs(found - loss[b]) < 2e-5 * fmax(loss[b], 0.1));
        assert_true(fabs(self_found - self[b]) < 1e-4 * fmax(self[b], 0.1));
        if (b == 0 || b == golden->batches - 1) {
            organism_sweep(&organism, 0, &flags);
            golden_compare(&organism, golden->file, b + 1);
        }
    }
    int64_t outputs = golden->whole.outputs, last = (int64_t)(golden->batches - 1) * golden->batch;
    double *expected = memory_new(golden->batch * outputs, sizeof *expected);
    float *out = memory_new(golden->batch * outputs, sizeof *out);
    read_any(golden->file, "final_output", H5T_NATIVE_DOUBLE, expected);
    organism_outputs(&organism, &task.train, last, last + golden->batch, out);
    double worst = 0, worst_first = 0;
    for (int64_t i = 0; i < golden->batch * outputs; i++)
        worst = fmax(worst, fabs(expected[i] - (double)out[i]));
    organism_outputs(&organism, &task.train, 0, golden->batch, out);
    for (int64_t i = 0; i < golden->batch * outputs; i++)
        worst_first = fmax(worst_first, fabs(expected[i] - (double)out[i]));
    if (worst_first < worst)
        worst = worst_first; /* the file does not say of which batch: of the last or of the first */
    if (!(worst < 1e-4)) print_message("outputs differ by %g\n", worst);
    assert_true(worst < 1e-4);
    memory_free(expected), memory_free(out), memory_free(loss), memory_free(self);
    organism_free(&organism);
    task_drop(&task);
}

static void golden(const char *name, enum loss loss, bool gelu, int32_t block, int32_t chunk,
                   struct training training)
{
    struct golden golden = {.file = H5Fopen(name, H5F_ACC_RDONLY, H5P_DEFAULT), .training = training};
    assert_true(golden.file >= 0);
    hsize_t n[4];
    hid_t a = H5Aopen(golden.file, "cells", H5P_DEFAULT), space = H5Aget_space(a);
    int32_t cells[16], count = (int32_t)H5Sget_simple_extent_npoints(space);
    H5Aread(a, H5T_NATIVE_INT32, cells);
    H5Sclose(space), H5Aclose(a);
    golden.shape = shape_of(count - 1, cells, attribute(golden.file, "particle_width"),
                            attribute(golden.file, "particle_layers"), gelu, loss, block, chunk);
    golden.shape.bias = attribute(golden.file, "bias");
    if (attribute(golden.file, "particle_bias")) golden.shape = affine(golden.shape, golden.shape.bias);
    golden.training.self_steps = attribute(golden.file, "self_train_steps");
    golden.batch = attribute(golden.file, "batch"), golden.batches = attribute(golden.file, "batches");
    hid_t set = H5Dopen2(golden.file, "x", H5P_DEFAULT), x = H5Dget_space(set);
    H5Sget_simple_extent_dims(x, n, NULL);
    H5Sclose(x), H5Dclose(set);
    golden.whole = (struct whole){(int64_t)n[0], (int32_t)n[1], cells[count - 1], NULL, NULL, NULL};
    golden.whole.x = memory_new((int64_t)(n[0] * n[1]), sizeof(float));
    read_any(golden.file, "x", H5T_NATIVE_FLOAT, golden.whole.x);
    if (loss == LOSS_CROSS_ENTROPY) {
        golden.whole.label = memory_new((int64_t)n[0], sizeof(int32_t));
        read_any(golden.file, "y", H5T_NATIVE_INT32, golden.whole.label);
    } else {
        golden.whole.y = memory_new((int64_t)n[0] * golden.whole.outputs, sizeof(float));
        read_any(golden.file, "y", H5T_NATIVE_FLOAT, golden.whole.y);
    }
    on_every_grid(world, golden_check, &golden);
    whole_free(&golden.whole);
    H5Fclose(golden.file);
}

static void golden_addition(void **state)
{
    (void)state;
    golden("tests/golden/organism_addition.h5", LOSS_MSE, false, 256, 256, sgd);
    golden("tests/golden/organism_addition.h5", LOSS_MSE, false, 2, 16, sgd);
}

static void golden_classify(void **state)
{
    (void)state;
    golden("tests/golden/organism_gelu_classify.h5", LOSS_CROSS_ENTROPY, true, 256, 256, sgd);
    golden("tests/golden/organism_gelu_classify.h5", LOSS_CROSS_ENTROPY, true, 4, 16, sgd);
}

static void golden_width2(void **state)
{
    (void)state;
    golden("tests/golden/organism_width2_2layers.h5", LOSS_CROSS_ENTROPY, true, 256, 256, sgd);
    golden("tests/golden/organism_width2_2layers.h5", LOSS_CROSS_ENTROPY, true, 3, 7, sgd);
}

static void golden_adam(void **state)
{
    (void)state;
    const struct training adam = {.task = {0.001f, 0, OPTIMIZER_ADAMW, 0.05f, {0.9f, 0.999f}, 1e-8f},
                                  .self = {0.0005f, 0, OPTIMIZER_ADAM, 0.01f, {0}, 0}};
    golden("tests/golden/organism_adam.h5", LOSS_CROSS_ENTROPY, true, 256, 256, adam);
    golden("tests/golden/organism_adam.h5", LOSS_CROSS_ENTROPY, true, 3, 7, adam);
}

static void golden_bias(void **state)
{
    (void)state;
    golden("tests/golden/organism_bias.h5", LOSS_CROSS_ENTROPY, true, 256, 256, sgd);
    golden("tests/golden/organism_bias.h5", LOSS_CROSS_ENTROPY, true, 3, 7, sgd);
    golden("tests/golden/organism_affine.h5", LOSS_CROSS_ENTROPY, true, 256, 256, sgd);
    golden("tests/golden/organism_affine.h5", LOSS_CROSS_ENTROPY, true, 3, 7, sgd);
    golden("tests/golden/organism_affine_bias.h5", LOSS_MSE, false, 2, 16, sgd);
}

int main(int argc, char **argv)
{
    world = comm_start(&argc, &argv);
    if (comm_rank(world) == 0) print_message("seed %d, %d ranks\n", SEED, comm_size(world));
    const struct CMUnitTest tests[] = {cmocka_unit_test(golden_addition), cmocka_unit_test(golden_classify),
                                       cmocka_unit_test(golden_width2), cmocka_unit_test(golden_adam),
                                       cmocka_unit_test(golden_bias)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (failed) fatal("%d tests failed", failed);
    comm_finish(world);
    return 0;
}
