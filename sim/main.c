/*
 * Some batches of training, and where their time goes: on a simulated cluster (build/sim/simulate, run by
 * smpirun, which sim/study.py does), and on a real one, to compare (build/sim/real, run by mpirun). See
 * docs/scaling.md.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metazoa/base/memory.h"
#include "metazoa/base/timer.h"
#include "metazoa/organism/cost.h"
#include "metazoa/organism/organism.h"
#include "metazoa/parallel/cut.h"
#include "metazoa/parallel/random.h"
#include "rates.h"
#include "schedule.h"

static const char usage[] =
    "usage: simulate key=value...\n"
    "  core=FILE machine=FILE   the rates (required)\n"
    "  cells=225,5,5,10 organism;  width=3 layers=3  particle\n"
    "  batch=2000 block=256 chunk=256 steps=5\n"
    "  grid=auto        or BATCHxROWSxCOLUMNS\n"
    "  order=auto       or the axes' first letters, the one that leaves the nodes first: brc, crb, ...\n"
    "  per_node=1       ranks that share a node's memory\n"
    "  batches=1        the quickest counts: they differ on a real machine alone\n"
    "  data=0           samples that batches are taken from; 0: one batch's, which may stay in the cache\n"
    "  list=0           N: prints all grids of N ranks and what the cost model expects of them, and ends\n";

struct arguments {
    const char *core, *machine, *cells, *grid, *order;
    int width, layers, block, chunk, steps, per_node, batches, data, list;
    int64_t batch;
};

static bool take_number(const char *text, const char *name, int *value)
{
    const size_t n = strlen(name);
    if (strncmp(text, name, n) != 0 || text[n] != '=') return false;
    *value = atoi(text + n + 1);
    return true;
}

static bool take_text(const char *text, const char *name, const char **value)
{
    const size_t n = strlen(name);
    if (strncmp(text, name, n) != 0 || text[n] != '=') return false;
    *value = text + n + 1;
    return true;
}

static struct arguments arguments_read(int argc, char **argv)
{
    struct arguments a = {.cells = "225,5,5,10",
                          .grid = "auto",
                          .order = "auto",
                          .width = 3,
                          .layers = 3,
                          .block = 256,
                          .chunk = 256,
                          .steps = 5,
                          .per_node = 1,
                          .batches = 1};
    int batch = 2000;
    for (int i = 1; i < argc; i++) {
        const char *text = argv[i];
        if (take_text(text, "core", &a.core) || take_text(text, "machine", &a.machine) ||
            take_text(text, "cells", &a.cells) || take_text(text, "grid", &a.grid) ||
            take_text(text, "order", &a.order) || take_number(text, "width", &a.width) ||
            take_number(text, "layers", &a.layers) || take_number(text, "batch", &batch) ||
            take_number(text, "block", &a.block) || take_number(text, "chunk", &a.chunk) ||
            take_number(text, "steps", &a.steps) || take_number(text, "per_node", &a.per_node) ||
            take_number(text, "batches", &a.batches) || take_number(text, "data", &a.data) ||
            take_number(text, "list", &a.list))
            continue;
        fprintf(stderr, "simulate: what is %s?\n%s", text, usage);
        exit(EXIT_USAGE);
    }
    a.batch = batch;
    if (a.data < batch) a.data = batch;
    if (!a.core || !a.machine) fatal("core=FILE or machine=FILE is missing\n%s", usage);
    return a;
}

static struct organism_shape shape_read(const struct arguments *a)
{
    struct organism_shape shape = {.layers = -1,
                                   .activation = ACTIVATION_GELU,
                                   .loss = LOSS_CROSS_ENTROPY,
                                   .block = a->block,
                                   .chunk = a->chunk,
                                   .particle = particle_shape_new(a->width, a->layers)};
    for (const char *at = a->cells; at && shape.layers < ORGANISM_LAYERS_MAX;
         at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        shape.cells[++shape.layers] = atoi(at);
    return shape;
}

static const char letters[] = "brc"; /* of the axes */

/* The machine that the cost model knows, with these nodes. */
static struct machine machine_of(const struct arguments *a, int ranks)
{
    struct machine machine = machine_default();
    machine.node = a->per_node < ranks ? a->per_node : ranks;
    return machine;
}

/* Size and order of the grid: as asked for, or by the cost model. */
static void grid_read(const struct arguments *a, const struct organism_shape *shape, int ranks,
                      int size[GRID_AXES], enum grid_axis order[GRID_AXES])
{
    const struct machine machine = machine_of(a, ranks);
    if (sscanf(a->grid, "%dx%dx%d", &size[0], &size[1], &size[2]) == GRID_AXES)
        grid_order(order, shape, &machine, a->batch, a->steps, size);
    else
        grid_choose(size, order, shape, &machine, a->batch, a->steps, ranks);
    for (int i = 0; i < GRID_AXES && strlen(a->order) == GRID_AXES; i++) {
        const char *at = strchr(letters, a->order[i]);
        if (!at) fatal("order=%s: it has the letters b, r and c", a->order);
        order[i] = (enum grid_axis)(at - letters);
    }
}

/* All grids and their expected seconds a batch. */
static void list_grids(const struct arguments *a, const struct organism_shape *shape)
{
    const struct machine machine = machine_of(a, a->list);
    int best[3];
    enum grid_axis order[GRID_AXES];
    grid_choose(best, order, shape, &machine, a->batch, a->steps, a->list);
    for (int b = 1; b <= a->list; b++)
        for (int r = 1; a->list % b == 0 && r <= a->list / b; r++) {
            if (a->list / b % r != 0) continue;
            int grid[3] = {b, r, a->list / b / r};
            bool chosen = memcmp(grid, best, sizeof grid) == 0;
            printf("grid,%dx%dx%d,%g,%d\n", grid[0], grid[1], grid[2],
                   grid_order(order, shape, &machine, a->batch, a->steps, grid), chosen);
        }
}

/* Made-up samples, in random order. */
static void samples_new(struct task *task, const struct organism_shape *shape, const struct grid *grid,
                        int64_t samples)
{
    organism_inputs(shape, grid, &task->input_begin, &task->input_end);
    struct dataset *data = &task->train;
    data->samples = samples;
    data->stride = (task->input_end - task->input_begin + LANES - 1) / LANES * LANES;
    data->x = memory_new((samples + 1) * data->stride, sizeof *data->x);
    data->label = calloc((size_t)samples, sizeof *data->label);
    task->order = calloc((size_t)samples, sizeof *task->order);
    random_permutation(1, 0, samples, task->order);
}

/* seconds [batches]: what each took this rank. */
static void train(struct organism *organism, const struct task *task, const struct arguments *a,
                  double *seconds)
{
    struct tally tally = {0};
    for (int i = 0; i < a->batches; i++) {
        const int64_t begin = i % (task->train.samples / a->batch) * a->batch;
        int flags = 0;
        comm_barrier(organism->grid->all);
        const double began = batch_clock(comm_size(organism->grid->all));
        organism_sweep(organism, a->steps, &flags);
        organism_learn(organism, task, begin, begin + a->batch, &tally);
        seconds[i] = batch_clock(comm_size(organism->grid->all)) - began;
    }
}

/* The quickest batch of all ranks together: on a real machine others disturb. */
static double quickest(const struct grid *grid, double *seconds, int batches)
{
    double least = INFINITY;
    comm_max_double(grid->all, seconds, batches);
    for (int i = 0; i < batches; i++) least = fmin(least, seconds[i]);
    return least;
}

/* One line: what was simulated, seconds a batch, its phases (mean over the ranks), messages and bytes of the
 * busiest rank a batch, memory of the fullest, order of the axes. */
static void report(const struct arguments *a, const struct grid *grid, double seconds, int64_t memory)
{
    static const enum phase phases[] = {PHASE_SWEEP,  PHASE_FORWARD,  PHASE_BACKWARD,
                                        PHASE_REDUCE, PHASE_EXCHANGE, PHASE_AGREE};
    enum { PHASES = sizeof phases / sizeof *phases };
    const double batches = a->batches;
    double part[PHASES],
        most[4] = {seconds, (double)sent.messages / batches, (double)sent.bytes / batches, (double)memory};
    double total = (double)sent.messages / batches;
    for (int i = 0; i < PHASES; i++) part[i] = timer_seconds(phases[i]) / batches;
    comm_sum_double(grid->all, part, PHASES);
    comm_sum_double(grid->all, &total, 1);
    comm_max_double(grid->all, most, 4);
    if (comm_rank(grid->all) != 0) return;
    const int ranks = comm_size(grid->all);
    printf("result,%s,%d,%dx%dx%d,%.6g", a->cells, ranks, grid->size[0], grid->size[1], grid->size[2],
           most[0]);
    for (int i = 0; i < PHASES; i++) printf(",%.6g", part[i] / ranks);
    printf(",%.6g,%.6g,%.6g,%.0f,%c%c%c\n", total, most[1], most[2], most[3], letters[grid->order[0]],
           letters[grid->order[1]], letters[grid->order[2]]);
}

int main(int argc, char **argv)
{
    memory_start();
    struct comm *world = comm_start(&argc, &argv);
    const struct arguments a = arguments_read(argc, argv);
    struct organism_shape shape = shape_read(&a);
    rates_read(a.core, a.machine, a.per_node);
    if (a.list > 0) {
        if (comm_rank(world) == 0) list_grids(&a, &shape);
        comm_finish(world);
        return EXIT_DONE;
    }
    int size[GRID_AXES];
    enum grid_axis order[GRID_AXES];
    grid_read(&a, &shape, comm_size(world), size, order);
    struct grid grid;
    struct organism organism;
    struct task task = {0};
    const struct training training = {DESCENT_SGD(0.004f, 0.9f), .self_steps = a.steps};
    grid_place(&grid, world, size, order);
    organism_new(&organism, &shape, &training, &grid, 1);
    const int64_t memory = memory_peak();
    samples_new(&task, &shape, &grid, a.data);
    setting.resident = (double)organism.owner_groups[size[GRID_BATCH]] * LANES * 12;
    setting.chunks = cut_parts(a.batch, shape.chunk);

    double *seconds = memory_new(a.batches, sizeof *seconds);
    draw_weights(&organism);
    sent = (struct sent){0};
    timer_reset();
    train(&organism, &task, &a, seconds);
    report(&a, &grid, quickest(&grid, seconds, a.batches), memory);
    fflush(stdout);
    comm_finish(world);
    return EXIT_DONE;
}
