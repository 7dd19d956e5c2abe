#include "bench_pass.h"

#include <string.h>

#include "metazoa/base/memory.h"
#include "metazoa/parallel/random.h"

void bench_pass_new(struct bench_pass *pass, struct comm *alone, const int32_t *cells)
{
    struct organism_shape shape = {.layers = 3,
                                   .activation = ACTIVATION_GELU,
                                   .loss = LOSS_CROSS_ENTROPY,
                                   .block = 256,
                                   .chunk = 256,
                                   .particle = particle_shape_new(3, 3)};
    memcpy(shape.cells, cells, 4 * sizeof *cells);
    struct training training = {DESCENT_SGD(0.004f, 0.9f), .self_steps = 5};
    grid_new(&pass->grid, alone, (int[]){1, 1, 1});
    organism_new(&pass->organism, &shape, &training, &pass->grid, 1);
    organism_draw(&pass->organism);
    struct dataset *data = &pass->task.train;
    data->samples = BENCH_BATCH;
    data->stride = (int32_t)lanes_round(cells[0]);
    data->x = memory_new(BENCH_BATCH + 1, (size_t)data->stride * sizeof(float));
    data->label = memory_new(BENCH_BATCH, sizeof(int32_t));
    pass->task.order = memory_new(BENCH_BATCH, sizeof(int64_t));
    random_permutation(1, 0, BENCH_BATCH, pass->task.order);
    for (int64_t s = 0; s < BENCH_BATCH; s++) {
        struct random_stream stream = random_open(1, RANDOM_PROBE, 0, (uint64_t)s);
        random_uniform(&stream, data->x + s * data->stride, cells[0]);
        data->label[s] = (int32_t)(s % cells[3]);
    }
    pass->tally = (struct tally){0};
}

void bench_pass_free(struct bench_pass *pass)
{
    organism_free(&pass->organism);
    grid_free(&pass->grid);
    memory_free(pass->task.train.x), memory_free(pass->task.train.label), memory_free(pass->task.order);
}

void bench_pass_learn(void *context)
{
    struct bench_pass *pass = context;
    pass->organism.task_pending = false;
    organism_learn(&pass->organism, &pass->task, 0, BENCH_BATCH, &pass->tally);
}

double bench_pass_operations(const struct bench_pass *pass)
{
    const struct organism_shape *shape = &pass->organism.shape;
    double sum = 0;
    for (int l = 0; l < shape->layers; l++)
        sum += (l > 0 ? 6.0 : 4.0) * (double)organism_layer_particles(shape, l) * BENCH_BATCH;
    return sum;
}
