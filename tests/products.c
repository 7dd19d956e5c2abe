/*
 * How near the products come to OpenBLAS's, on one core: `make products`. In turn, by the time of this
 * thread, so that other work on the machine counts for both: OpenBLAS's sgemm of 1024 x 1024 x 1024, and a
 * product of a block in cache or a whole pass. Prints medians of their rates and of their ratios. Without
 * OpenBLAS it ends with 77.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../src/command/bench_pass.h"
#include "../src/organism/product.h"
#include "metazoa/base/memory.h"
#include "metazoa/base/spread.h"
#include "metazoa/parallel/random.h"

enum { SIZE = 1024, BLOCK = 256, SAMPLES = 250, ROUNDS = 15 };

static double cpu_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static float *numbers(int64_t n)
{
    float *out = memory_new(n, sizeof *out);
    struct random_stream stream = random_open(1, RANDOM_PROBE, 0, (uint64_t)n);
    for (int64_t at = 0; at < n; at += SIZE)
        random_uniform(&stream, out + at, (int)(n - at < SIZE ? n - at : SIZE));
    return out;
}

/* OpenBLAS's cblas_sgemm, row-major, nothing transposed. Releases older than a processor take kernels for
 * a very old one, so the instruction set is named, unless the caller does. */
typedef void gemm_function(int order, int ta, int tb, int m, int n, int k, float alpha, const float *a,
                           int lda, const float *b, int ldb, float beta, float *c, int ldc);
static gemm_function *gemm;
static float *a, *b, *c;

static bool gemm_open(void)
{
#if defined __AVX512F__
    setenv("OPENBLAS_CORETYPE", "SkylakeX", 0);
#elif defined __AVX2__
    setenv("OPENBLAS_CORETYPE", "Haswell", 0);
#endif
    setenv("OPENBLAS_NUM_THREADS", "1", 1);
    void *library = dlopen("libopenblas.so.0", RTLD_NOW);
    if (!library) return false;
    char *(*core)(void);
    *(void **)&gemm = dlsym(library, "cblas_sgemm");
    *(void **)&core = dlsym(library, "openblas_get_corename");
    if (!gemm) return false;
    printf("OpenBLAS's kernels: %s\n", core ? core() : "?");
    a = numbers(SIZE * SIZE), b = numbers(SIZE * SIZE), c = numbers(SIZE * SIZE);
    return true;
}

static void sgemm(void)
{
    gemm(101, 111, 111, SIZE, SIZE, SIZE, 1, a, SIZE, b, SIZE, 0, c, SIZE);
}

/* A block of a wide layer, in cache. */
static float *packed, *x, *g;
static double *sum;
static struct exact exact;
static const struct product block = {
    .cells = BLOCK, .edges = BLOCK, .samples = SAMPLES, .x_group = BLOCK * LANES, .g_group = BLOCK * LANES};

static struct result added(void)
{
    return (struct result){.sum = sum, .exact = &exact, .row = LANES, .group = BLOCK * LANES};
}

static void forward(void)
{
    product_forward(&block, added(), packed, x);
}

static void backward(void)
{
    product_backward(&block, added(), packed, g);
}

static void gradient(void)
{
    struct result to = added();
    to.row = BLOCK, to.group = LANES;
    product_gradient(&block, to, g, x);
}

static void block_new(void)
{
    packed = numbers(BLOCK * BLOCK), x = numbers(BLOCK * BLOCK), g = numbers(BLOCK * BLOCK);
    sum = memory_new(BLOCK * BLOCK, sizeof *sum);
    exact = (struct exact){exact_magic(8, 16), 0};
}

static struct bench_pass wide, narrow; /* whole batches */

static void learn_wide(void)
{
    bench_pass_learn(&wide);
}

static void learn_narrow(void)
{
    bench_pass_learn(&narrow);
}

/* Seconds per call, over a fifth of a second. */
static double seconds_of(void (*work)(void))
{
    const double begin = cpu_now();
    int calls = 0;
    do work(), calls++;
    while (cpu_now() - begin < 0.2);
    return (cpu_now() - begin) / calls;
}

static void compare(const char *name, void (*work)(void), double flop)
{
    double ratio[ROUNDS], rate[ROUNDS];
    work();
    for (int i = 0; i < ROUNDS; i++) {
        const double theirs = 2.0 * SIZE * SIZE * SIZE / seconds_of(sgemm);
        rate[i] = flop / seconds_of(work);
        ratio[i] = rate[i] / theirs;
    }
    spread_sort(ROUNDS, ratio), spread_sort(ROUNDS, rate);
    printf("%-30s %6.1f GFLOP/s, %3.0f %% of sgemm (%.0f to %.0f)\n", name, 1e-9 * rate[ROUNDS / 2],
           100 * ratio[ROUNDS / 2], 100 * ratio[ROUNDS / 4], 100 * ratio[ROUNDS * 3 / 4]);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct comm *world = comm_start(&argc, &argv);
    if (!gemm_open()) {
        puts("needs OpenBLAS (libopenblas.so.0)");
        comm_finish(world);
        return 77;
    }
    const double flop = 2.0 * BLOCK * BLOCK * SAMPLES;
    block_new();
    bench_pass_new(&wide, world, (int32_t[]){784, 1024, 1024, 10});
    bench_pass_new(&narrow, world, (int32_t[]){225, 5, 5, 10});
    compare("block, forward", forward, flop);
    compare("block, backward", backward, flop);
    compare("block, gradient", gradient, flop);
    compare("pass 784-1024-1024-10", learn_wide, bench_pass_operations(&wide));
    compare("pass 225-5-5-10", learn_narrow, bench_pass_operations(&narrow));
    comm_finish(world);
    return 0;
}
