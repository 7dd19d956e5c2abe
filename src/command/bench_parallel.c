/* Figures of the ranks together: collectives, files. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "metazoa/base/memory.h"
#include "metazoa/base/timer.h"
#include "metazoa/store/archive.h"
#include "metazoa/store/checkpoint.h"
#include "scratch.h"

struct exchange {
    struct comm *comm;
    double *values, *received;
    int64_t n;
    int64_t *offsets;
};

static void agree(void *context)
{
    struct exchange *x = context;
    int64_t message[2] = {0, 0};
    comm_max_i64(x->comm, message, 2);
}

static void sum(void *context)
{
    struct exchange *x = context;
    comm_sum_double(x->comm, x->values, x->n);
}

static void scatter(void *context)
{
    struct exchange *x = context;
    comm_reduce_scatter(x->comm, x->received, x->values, x->offsets);
}

static void gather(void *context)
{
    struct exchange *x = context;
    comm_gather_all(x->comm, x->values, sizeof *x->values, x->offsets);
}

void bench_collectives(struct bench *bench)
{
    int size = comm_size(bench->world);
    if (size == 1) return;
    static const int64_t sizes[] = {1200, 1 << 18};
    struct exchange x = {.comm = bench->world, .offsets = memory_new(size + 1, sizeof(int64_t))};
    x.values = memory_new(sizes[1], sizeof *x.values);
    x.received = memory_new(sizes[1], sizeof *x.received);
    bench_add(bench, "agreement: maximum of 16 bytes", "us", bench_time(agree, &x, 5, 200) * 1e6, 0, 0);
    for (int i = 0; i < 2; i++) {
        char name[64];
        x.n = sizes[i];
        for (int j = 0; j <= size; j++) x.offsets[j] = x.n * j / size;
        int calls = i == 0 ? 100 : 5;
        snprintf(name, sizeof name, "sum of %lld doubles", (long long)x.n);
        bench_add(bench, name, "us", bench_time(sum, &x, 5, calls) * 1e6, 0, 0);
        snprintf(name, sizeof name, "reduce-scatter of %lld doubles", (long long)x.n);
        bench_add(bench, name, "us", bench_time(scatter, &x, 5, calls) * 1e6, 0, 0);
        snprintf(name, sizeof name, "all-gather of %lld doubles", (long long)x.n);
        bench_add(bench, name, "us", bench_time(gather, &x, 5, calls) * 1e6, 0, 0);
    }
    memory_free(x.values), memory_free(x.received), memory_free(x.offsets);
}

/* Bytes a second that this disk takes from one plain writer, in large pieces, synced; rank 0, the others
 * wait. */
static double plain_write(struct bench *bench, const char *folder, int64_t bytes)
{
    double seconds = 0;
    if (comm_rank(bench->world) == 0) {
        char *path = memory_print("%s/plain", folder), *piece = memory_new(8 << 20, 1);
        memset(piece, 90, 8 << 20);
        double start = timer_now();
        int file = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0644);
        if (file < 0) fatal("cannot write %s: %s", path, strerror(errno));
        for (int64_t at = 0; at < bytes; at += 8 << 20)
            if (write(file, piece, 8 << 20) != 8 << 20) fatal("cannot write %s: %s", path, strerror(errno));
        if (fsync(file) != 0 || close(file) != 0) fatal("cannot write %s: %s", path, strerror(errno));
        seconds = timer_now() - start;
        unlink(path);
        memory_free(path), memory_free(piece);
    }
    comm_max_double(bench->world, &seconds, 1);
    return (double)bytes / seconds;
}

/* A checkpoint and one archive record of 784-1024-1024-10 by all ranks, against the disk's plain rate. */
static void files_measure(struct bench *bench, const char *folder)
{
    struct organism_shape shape = {.layers = 3,
                                   .cells = {784, 1024, 1024, 10},
                                   .activation = ACTIVATION_GELU,
                                   .loss = LOSS_CROSS_ENTROPY,
                                   .block = 256,
                                   .chunk = 256,
                                   .particle = particle_shape_new(3, 3)};
    struct training training = {DESCENT_SGD(0.004f, 0.9f), .self_steps = 5};
    struct archive_spec spec = {.trajectory_every = 1, .fraction = 1, .classification = true};
    struct grid grid;
    struct organism organism;
    struct progress progress = {.epoch = 1};
    grid_new(&grid, bench->world, (int[]){comm_size(bench->world), 1, 1});
    organism_new(&organism, &shape, &training, &grid, 1);
    organism_draw(&organism);
    const double record = (double)organism_particles(&shape) * (shape.particle.weights * 4 + 1),
                 state = 3 * record;
    double plain = plain_write(bench, folder, (int64_t)state);
    bench_add(bench, "disk: plain sequential write, synced", "MB/s", plain * 1e-6, 0, 0);
    struct archive *archive = archive_open(folder, &spec, &organism, "");
    struct metrics_row row = metrics_row_empty(1);
    comm_barrier(bench->world);
    double start = timer_now();
    archive_record(archive, NULL, &row);
    archive_write(archive);
    double seconds = timer_now() - start;
    comm_max_double(bench->world, &seconds, 1);
    bench_add(bench, "archive: a record of 784-1024-1024-10, synced", "MB/s", record / seconds * 1e-6, 0, 0);
    comm_barrier(bench->world);
    start = timer_now();
    checkpoint_write(folder, &organism, &progress, "", 1, 1, NULL);
    seconds = timer_now() - start;
    comm_max_double(bench->world, &seconds, 1);
    bench_add(bench, "checkpoint of 784-1024-1024-10, synced", "MB/s", state / seconds * 1e-6, 0, 0);
    archive_free(archive);
    progress_free(&progress);
    organism_free(&organism);
    grid_free(&grid);
}

void bench_files(struct bench *bench)
{
    char *folder = scratch_new(bench->folder, bench->world);
    if (!folder && comm_rank(bench->world) == 0)
        fprintf(stderr, "metazoa: no file figures: cannot make a folder in %s: %s\n", bench->folder,
                strerror(errno));
    if (!folder) return;
    files_measure(bench, folder);
    scratch_free(folder, bench->world);
}
