/*
 * Takes the rates of one core, and with two ranks those of messages and memory inside a node: lines of
 * sim/rates.h's table. Least of several rounds. mpirun -n 2 build/sim/measure
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "activation.h"
#include "metazoa/base/memory.h"
#include "metazoa/base/timer.h"
#include "metazoa/organism/organism.h"
#include "metazoa/parallel/random.h"
#include "product.h"

enum { SAMPLES = 250, BLOCK = 256, BLOCKS = 16, ROUNDS = 60, ROOM = BLOCK * BLOCK };

/* Seconds of this thread on a processor: not those in which others had it. */
static double cpu_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* Seconds of work(context, calls) a call, the least of many rounds of a millisecond or more: short ones
 * fit between what else the machine does. */
static double least(void (*work)(void *context, int calls), void *context)
{
    int calls = 1;
    double seconds = 0, best = INFINITY;
    for (; calls < 1 << 24; calls *= 2) {
        const double began = cpu_now();
        work(context, calls);
        seconds = cpu_now() - began;
        if (seconds > 0.001) break;
    }
    for (int i = 0; i < ROUNDS; i++) {
        const double began = cpu_now();
        work(context, calls);
        best = fmin(best, (cpu_now() - began) / calls);
    }
    return best;
}

enum kind { FORWARD, BACKWARD, GRADIENT };

struct blocks {
    struct product product;
    enum kind kind;
    float *a, *x, *g, *out;
    double *sum;
    const float **row; /* of the samples in x, as the data of layer 0 */
};

static void products(void *context, int calls)
{
    const struct blocks *b = context;
    const int64_t size = BLOCK * BLOCK;
    for (int i = 0; i < calls; i++) {
        const float *a = b->a + i % BLOCKS * size;
        const struct result stored = {.z = b->out, .row = LANES, .group = BLOCK * LANES};
        struct exact exact = {exact_magic(8, 16), 0};
        const struct result added = {.sum = b->sum, .exact = &exact, .row = b->product.edges, .group = LANES};
        if (b->kind == FORWARD) product_forward(&b->product, stored, a, b->x);
        if (b->kind == BACKWARD) product_backward(&b->product, stored, a, b->g);
        if (b->kind == GRADIENT) product_gradient(&b->product, added, b->g, b->x);
    }
}

static double product_seconds(struct blocks *b, enum kind kind, int cells, int edges, bool first)
{
    b->kind = kind;
    b->product.cells = cells, b->product.edges = edges, b->product.samples = SAMPLES;
    b->product.x_group = edges * LANES, b->product.g_group = cells * LANES;
    b->product.rows = (struct rows){first ? b->row : NULL, 0, SAMPLES};
    return least(products, b);
}

/* The line through the times of two sizes. */
static void narrow(struct blocks *b, const char *name, enum kind kind, bool first, const int small[2],
                   const int large[2])
{
    const double t0 = product_seconds(b, kind, small[0], small[1], first),
                 t1 = product_seconds(b, kind, large[0], large[1], first);
    const double f0 = 2.0 * SAMPLES * small[0] * small[1], f1 = 2.0 * SAMPLES * large[0] * large[1];
    const double rate = (f1 - f0) / (t1 - t0);
    printf("%s_call %.3g\n%s_rate %.3g\n", name, fmax(0, t0 - f0 / rate), name, rate);
}

static void measure_products(void)
{
    struct blocks b = {.a = memory_new(BLOCKS * BLOCK * BLOCK, 4),
                       .x = memory_new(ROOM, 4),
                       .g = memory_new(ROOM, 4),
                       .out = memory_new(ROOM, 4),
                       .sum = memory_new(ROOM, 8),
                       .row = memory_new(3 * SAMPLES, sizeof(float *))};
    for (int s = 0; s < 3 * SAMPLES; s++) b.row[s] = b.x + (int64_t)(s % SAMPLES) * BLOCK;
    const double flop = 2.0 * BLOCK * BLOCK * SAMPLES;
    printf("wide_forward %.3g\n", flop / product_seconds(&b, FORWARD, BLOCK, BLOCK, false));
    printf("wide_backward %.3g\n", flop / product_seconds(&b, BACKWARD, BLOCK, BLOCK, false));
    printf("wide_gradient %.3g\n", flop / product_seconds(&b, GRADIENT, BLOCK, BLOCK, false));
    narrow(&b, "first_forward", FORWARD, true, (int[]){5, 57}, (int[]){5, 225});
    narrow(&b, "first_gradient", GRADIENT, true, (int[]){5, 57}, (int[]){5, 225});
    narrow(&b, "later_forward", FORWARD, false, (int[]){5, 5}, (int[]){10, 256});
    narrow(&b, "later_backward", BACKWARD, false, (int[]){5, 5}, (int[]){10, 256});
    narrow(&b, "later_gradient", GRADIENT, false, (int[]){5, 5}, (int[]){10, 256});
    memory_free(b.a), memory_free(b.x), memory_free(b.g), memory_free(b.out);
    memory_free(b.sum), memory_free(b.row);
}

struct sweeps {
    struct organism organism;
    int steps;
};

static void sweeps(void *context, int calls)
{
    struct sweeps *s = context;
    for (int i = 0; i < calls; i++) {
        int flags = 0;
        s->organism.task_pending = true;
        organism_sweep(&s->organism, s->steps, &flags);
    }
}

/* Seconds a particle of a sweep of so many steps, in one layer. */
static double sweep_seconds(struct grid *grid, int32_t edges, int32_t cells, int steps)
{
    struct sweeps s = {.steps = steps};
    struct organism_shape shape = {.layers = 1,
                                   .cells = {edges, cells},
                                   .loss = LOSS_CROSS_ENTROPY,
                                   .block = 256,
                                   .chunk = 256,
                                   .particle = particle_shape_new(3, 3)};
    const struct training training = {DESCENT_SGD(0.004f, 0.9f), .self_steps = steps};
    organism_new(&s.organism, &shape, &training, grid, 1);
    organism_draw(&s.organism);
    const double seconds = least(sweeps, &s) / ((double)edges * cells);
    organism_free(&s.organism);
    return seconds;
}

static void measure_sweep(struct comm *alone)
{
    struct grid grid;
    grid_new(&grid, alone, (int[]){1, 1, 1});
    const double one = sweep_seconds(&grid, 128, 16, 1), five = sweep_seconds(&grid, 128, 16, 5);
    const double step = (five - one) / 4, fixed = one - step;
    const double large = sweep_seconds(&grid, 1024, 1024, 5); /* 340 MB, beyond any cache */
    const double bytes = 27 * 6 * 4 + 16;
    printf("sweep_fixed %.3g\nsweep_step %.3g\n", fixed, step);
    printf("sweep_stream %.3g\n", bytes / fmax(large - five, 1e-12));
    grid_free(&grid);
}

struct arrays {
    double *sum;
    float *z, *slope;
    int32_t *label;
    char *from, *to;
    int64_t *order;
};

enum { VALUES = 256 * 256, OUTPUTS = 10, ROW = 960, ROWS = 60000, SOME = 4000 };

static void add_exact(void *context, int calls)
{
    struct arrays *a = context;
    struct exact exact = {exact_magic(8, 16), 0};
    for (int i = 0; i < calls; i++) exact_add(a->sum, a->z, VALUES, &exact);
}

/* The loops of chunk.c around the activation. */
static void hide(void *context, int calls)
{
    struct arrays *a = context;
    for (int i = 0; i < calls; i++) {
        activation_table[ACTIVATION_GELU].forward(a->z, a->slope, VALUES);
        for (int64_t k = 0; k < VALUES; k++) a->z[k] *= a->slope[k];
    }
}

static void collect(void *context, int calls)
{
    struct arrays *a = context;
    for (int i = 0; i < calls; i++) {
        memset(a->sum, i & 1, VALUES * sizeof *a->sum);
        for (int64_t k = 0; k < VALUES; k++) a->z[k] = (float)a->sum[k];
    }
}

static void combine(void *context, int calls)
{
    struct arrays *a = context;
    for (int i = 0; i < calls; i++)
        for (int64_t k = 0; k < VALUES / 2; k++) a->sum[k] += a->sum[k + VALUES / 2];
}

static void lose(void *context, int calls)
{
    struct arrays *a = context;
    struct tally tally = {0};
    for (int i = 0; i < calls; i++)
        activation_cross_entropy(a->z, a->slope, a->label, OUTPUTS, SAMPLES, &tally);
}

/* As pass.c gathers: rows in random order, asked for some rows ahead. */
static void gather(void *context, int calls)
{
    struct arrays *a = context;
    static int64_t at = 0;
    for (int i = 0; i < calls; i++, at = (at + SOME) % (ROWS - SOME))
        for (int64_t s = at; s < at + SOME; s++) {
            for (int k = 0; k < ROW; k += 64)
                __builtin_prefetch(a->from + a->order[s + 12 < ROWS ? s + 12 : s] * ROW + k);
            memcpy(a->to + s % SAMPLES * ROW, a->from + a->order[s] * ROW, ROW);
        }
}

static void copy(void *context, int calls)
{
    struct arrays *a = context;
    static size_t at = 0; /* eighths of the upper half in turn, all beyond any cache once they come again */
    const size_t half = (size_t)ROWS * ROW / 2, part = half / 8;
    for (int i = 0; i < calls; i++, at = (at + part) % (8 * part))
        memcpy(a->from + half + at, a->from + at, part);
}

static void measure_loops(void)
{
    struct arrays a = {memory_new(VALUES, 8),  memory_new(VALUES, 4), memory_new(VALUES, 4),
                       memory_new(SAMPLES, 4), memory_new(ROWS, ROW), memory_new(SAMPLES, ROW),
                       memory_new(ROWS, 8)};
    random_permutation(1, 0, ROWS, a.order);
    memset(a.from, 1, (size_t)ROWS * ROW);
    for (int k = 0; k < VALUES; k++) a.z[k] = (float)(k % 97 - 48) / 16;
    printf("exact %.3g\n", least(add_exact, &a) / VALUES);
    printf("hidden %.3g\n", least(hide, &a) / VALUES);
    printf("collect %.3g\n", least(collect, &a) / VALUES);
    printf("combine %.3g\n", least(combine, &a) / (VALUES / 2));
    printf("loss %.3g\n", least(lose, &a) / (OUTPUTS * SAMPLES));
    printf("gather %.3g\n", least(gather, &a) / ((double)ROW * SOME));
    printf("core_memory %.3g\n", (double)ROWS * ROW / 8 / least(copy, &a));
    fflush(stdout);
}

/* Two ranks exchange n bytes. */
static double trip(struct comm *pair, char *data, char *back, int64_t n)
{
    const int64_t cut[3] = {0, comm_rank(pair) == 1 ? n : 0, n};
    double best = INFINITY;
    for (int round = 0; round < 400; round++) {
        comm_barrier(pair);
        const double began = timer_now();
        for (int i = 0; i < 5; i++) comm_exchange(pair, back, cut, data, cut);
        best = fmin(best, (timer_now() - began) / 5);
    }
    return best;
}

int main(int argc, char **argv)
{
    memory_start();
    struct comm *world = comm_start(&argc, &argv);
    struct comm *alone = comm_split(world, comm_rank(world), 0);
    if (comm_rank(world) == 0) {
        measure_products();
        measure_sweep(alone);
        measure_loops();
    }
    comm_barrier(world);
    if (comm_size(world) == 2) {
        char *data = memory_new(1 << 22, 1), *back = memory_new(1 << 22, 1);
        const double small = trip(world, data, back, 64), fetched = trip(world, data, back, 64 << 10),
                     large = trip(world, data, back, 1 << 20);
        const double rate = ((1 << 20) - (64 << 10)) / (large - fetched);
        struct arrays a = {.from = memory_new(ROWS, ROW)};
        comm_barrier(world);
        double both = (double)ROWS * ROW / 8 / least(copy, &a);
        comm_sum_double(world, &both, 1);
        if (comm_rank(world) == 0)
            printf("shared_latency %.3g\nshared_rate %.3g\nrendezvous %.3g\nnode_memory %.3g\n", small, rate,
                   fetched - small - (64 << 10) / rate, both);
        memory_free(data), memory_free(back), memory_free(a.from);
    }
    comm_free(alone);
    comm_finish(world);
    return 0;
}
