/* Figures of one core: the machine, the particle sweep, the organism's passes. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "bench_pass.h"
#include "metazoa/base/memory.h"
#include "metazoa/base/timer.h"
#include "metazoa/organism/organism.h"
#include "metazoa/parallel/cut.h"
#include "metazoa/parallel/random.h"
#include "metazoa/particle/vector.h"

enum { COPY = 64 << 20, ROUNDS = 1 << 16, CHAINS = 12 };

struct buffers {
    float *a, *b;
};

/* As many fused multiply-adds as the processor can do: in registers, in chains that do not wait for each
 * other. */
static void multiply_add(void *context)
{
    float *out = ((struct buffers *)context)->a;
    const vector x = vector_load(out), y = vector_load(out + LANES);
    vector sum[CHAINS] = {{0}};
    for (int k = 0; k < ROUNDS; k++)
        for (int i = 0; i < CHAINS; i++) sum[i] = vector_fma(x, y, sum[i]);
    for (int i = 0; i < CHAINS; i++) memcpy(out, &sum[i], sizeof sum[i]);
}

static void copy(void *context)
{
    struct buffers *m = context;
    memcpy(m->b, m->a, COPY);
}

void bench_machine(struct bench *bench)
{
    struct buffers m = {memory_new(2 * LANES, sizeof(float)), NULL};
    comm_barrier(bench->world);
    const double work = 2.0 * ROUNDS * CHAINS * VECTOR;
    bench->rate = work / bench_time(multiply_add, &m, 100, 1);
    memory_free(m.a);
    bench_add(bench, "R: fused multiply-adds in registers", "GFLOP/s", bench->rate * 1e-9, work, 0);
    struct buffers line = {memory_new(COPY, 1), memory_new(COPY, 1)};
    comm_barrier(bench->world);
    bench_add(bench, "memory: copy of 64 MiB, read + written", "GB/s",
              2 * COPY / bench_time(copy, &line, 5, 1) * 1e-9, 0, 0);
    memory_free(line.a), memory_free(line.b);
}

/* Floating-point operations of one self-training step of a particle, as the sweep does it: a fused
 * multiply-add counts 2, and so does a multiplication or addition that cannot be fused, since it takes the
 * same slot. */
static double self_step_operations(int width, int layers, enum optimizer optimizer)
{
    struct particle_shape shape = particle_shape_new(width, layers);
    int n = shape.weights, rows = width * (layers - 1) + 1, square = (layers - 2) * width * width;
    int response = square + 4 * width; /* rows of the product W_n ... W_1, then a0 .. a3 */
    int squares = n, sums = n - rows,
        edges = n - rows;                     /* w.w; sum of each row; w.edge (edge 0 counts nothing) */
    int cells = rows - layers + rows - width; /* w.cell and w.layer from the sums of rows */
    int gradient = 16;                        /* G d */
    int columns = 4 * width + square;         /* W_1 g, W_2 W_1 g, ... */
    int descent = 3 * n - 2 * width;          /* outer product, velocity, weight */
    if (optimizer == OPTIMIZER_ADAM) descent += 5 * n + 6; /* squares (2), root, sum, quotient; ages */
    return 2.0 * (response + squares + sums + edges + cells + gradient + columns + descent);
}

/* How many of the operations of a step by SGD are fused. */
static double self_step_fused(int width, int layers)
{
    const int n = particle_shape_new(width, layers).weights, rows = width * (layers - 1) + 1;
    const int products = 2 * (layers - 2) * width * (width - 1); /* of weight layers, from both sides */
    const int moments = n + (n - rows) + (rows - layers + rows - width);
    return products + 4 * (width - 1) + 3 * width + moments + 8 + 2 * n;
}

struct particles {
    struct particle_shape shape;
    struct sweep sweep;
    int64_t groups;
    float *field[FIELD_COUNT], *effective, *loss;
    double *gradient;
};

static struct particles particles_new(int width, int64_t groups)
{
    struct particles p = {.shape = particle_shape_new(width, 3), .groups = groups};
    int64_t n = groups * LANES;
    p.sweep = (struct sweep){DESCENT_SGD(0.004f, 0.9f), .gradient_scale = 1};
    const struct training training = {.task.optimizer = OPTIMIZER_ADAM, .self.optimizer = OPTIMIZER_ADAM};
    for (int f = 0; f < FIELD_COUNT; f++)
        if (state_held((enum state_field)f, &p.shape, &training))
            p.field[f] = memory_new(n * state_values((enum state_field)f, &p.shape), sizeof(float));
    p.effective = memory_new(n, sizeof(float)), p.loss = memory_new(n, sizeof(float));
    p.gradient = memory_new(n, sizeof(double));
    float row[PARTICLE_WEIGHTS_MAX];
    for (int64_t i = 0; i < n; i++) {
        particle_draw(row, &p.shape, 1, RANDOM_WEIGHTS, 0, (uint64_t)i, 1);
        particle_row_put(p.field[FIELD_WEIGHTS], i, p.shape.weights, row);
    }
    return p;
}

static void particles_free(struct particles *p)
{
    for (int f = 0; f < FIELD_COUNT; f++) memory_free(p->field[f]);
    memory_free(p->effective), memory_free(p->loss), memory_free(p->gradient);
}

static void sweep(void *context)
{
    struct particles *p = context;
    particle_sweep(&p->shape, &p->sweep, p->groups, p->field, p->effective, p->gradient, p->loss);
}

/* A self-training step with Adam: its time, and beside one with SGD its memory traffic (weights and state,
 * read and written) and its floating-point operations (two for a fused one). */
static void bench_adam(struct bench *bench)
{
    struct particles p = particles_new(3, 2048);
    const struct descent adam = {0.001f, 0, OPTIMIZER_ADAM, 0, {0.9f, 0.999f}, 1e-8f};
    const double n = (double)p.groups * LANES, weights = p.shape.weights;
    const double slots = self_step_operations(3, 3, OPTIMIZER_ADAM),
                 sgd = self_step_operations(3, 3, OPTIMIZER_SGD) / 2 + self_step_fused(3, 3);
    p.sweep.task = p.sweep.self = adam, p.sweep.self_steps = 5;
    comm_barrier(bench->world);
    const double time = bench_time(sweep, &p, 20, 1) / (n * p.sweep.self_steps);
    bench_add(bench, "self-training 5-3-3-1 by adam, 5 steps, a step", "ns", time * 1e9, slots,
              slots / bench->rate * 1e9);
    bench_add(bench, "adam beside sgd: memory traffic of a step", "x", (3 * weights + 2) / (2 * weights), 0,
              0);
    bench_add(bench, "adam beside sgd: operations of a step", "x", (sgd + 6 * weights + 10) / sgd, 0, 0);
    particles_free(&p);
}

void bench_particles(struct bench *bench)
{
    static const int widths[] = {2, 3, 4, 5, 8}, steps[] = {5, 25};
    char name[64];
    for (int i = 0; i < 5; i++) {
        struct particles p =
            particles_new(widths[i], 2048); /* beyond second-level cache: loads and stores count */
        double operations = self_step_operations(widths[i], 3, OPTIMIZER_SGD), n = (double)p.groups * LANES;
        for (int j = 0; j < 2; j++) {
            p.sweep.self_steps = steps[j];
            comm_barrier(bench->world);
            double time = bench_time(sweep, &p, 20, 1) / (n * steps[j]);
            snprintf(name, sizeof name, "self-training 5-%d-%d-1, %d steps, a step", widths[i], widths[i],
                     steps[j]);
            bench_add(bench, name, "ns", time * 1e9, operations, operations / bench->rate * 1e9);
        }
        if (widths[i] == 3) {
            p.sweep.task_step = 1, p.sweep.self_steps = 5;
            double time = bench_time(sweep, &p, 20, 1);
            bench_add(bench, "whole sweep 5-3-3-1: task step + 5 steps", "ns", time / n * 1e9, 0, 0);
            double bytes = n * (6.0 * p.shape.weights * sizeof(float) + 2 * sizeof(float) + sizeof(double));
            bench_add(bench, "whole sweep 5-3-3-1: loads and stores", "GB/s", bytes / time * 1e-9, 0, 0);
        }
        particles_free(&p);
    }
    bench_adam(bench);
}

struct sums {
    double *sum;
    float *partial;
    int64_t n, parts;
};

static void add(void *context)
{
    struct sums *s = context;
    struct exact exact = {exact_magic(s->parts, 0), 0};
    exact_add(s->sum, s->partial, s->n, &exact);
}

/* Seconds that a batch spends in exact sums: as many values as the passes add, from buffers of the same size.
 */
static double sums_seconds(const struct organism_shape *shape)
{
    double seconds = 0;
    const int64_t chunks = cut_parts(BENCH_BATCH, shape->chunk), samples = BENCH_BATCH / chunks;
    for (int l = 0; l < shape->layers; l++) {
        int64_t edges = shape->cells[l], cells = shape->cells[l + 1];
        int64_t edge_parts = cut_parts(edges, shape->block), cell_parts = cut_parts(cells, shape->block);
        int64_t sizes[3] = {edges * cells, edge_parts > 1 ? cells / cell_parts * samples : 0,
                            cell_parts > 1 && l > 0 ? edges / edge_parts * samples : 0};
        double times[3] = {(double)chunks, (double)(chunks * edge_parts * cell_parts),
                           (double)(chunks * edge_parts * cell_parts)};
        int64_t parts[3] = {chunks, edge_parts, cell_parts};
        for (int k = 0; k < 3; k++) {
            if (sizes[k] == 0) continue;
            struct sums s = {memory_new(sizes[k], sizeof(double)), memory_new(sizes[k], sizeof(float)),
                             sizes[k], parts[k]};
            seconds += times[k] * bench_time(add, &s, 3, 1);
            memory_free(s.sum), memory_free(s.partial);
        }
    }
    return seconds;
}

void bench_organism(struct bench *bench)
{
    static const int32_t cells[2][4] = {{225, 5, 5, 10}, {784, 1024, 1024, 10}};
    struct comm *alone = comm_split(bench->world, comm_rank(bench->world), 0);
    char name[64];
    for (int i = 0; i < 2; i++) {
        int64_t before = memory_held();
        struct bench_pass *pass = memory_new(1, sizeof *pass);
        bench_pass_new(pass, alone, cells[i]);
        double operations = bench_pass_operations(pass),
               particles = (double)organism_particles(&pass->organism.shape);
        int64_t data = (int64_t)BENCH_BATCH * (pass->task.train.stride * 4 + 4 + 8);
        double bytes = (double)(memory_held() - before - data) / particles;
        comm_barrier(bench->world);
        double time = bench_time(bench_pass_learn, pass, 8, i == 0 ? 20 : 1);
        snprintf(name, sizeof name, "pass %d-%d-%d-%d, batch %d", cells[i][0], cells[i][1], cells[i][2],
                 cells[i][3], BENCH_BATCH);
        bench_add(bench, name, "GFLOP/s", operations / time * 1e-9, operations, bench->rate * 1e-9);
        snprintf(name, sizeof name, "  of it exact sums, measured apart");
        bench_add(bench, name, "%", 100 * sums_seconds(&pass->organism.shape) / time, 0, 0);
        snprintf(name, sizeof name, "  memory a particle, all but the data");
        bench_add(bench, name, "bytes", bytes, 0, 0);
        bench_pass_free(pass);
        memory_free(pass);
    }
    comm_free(alone);
}
