#include "estimate.h"

#include "metazoa/parallel/cut.h"

/* Chunks whose sums are under way at the same time (organism/workspace.h). */
enum { SLOTS = 2 };

int64_t estimate_sum(int64_t a, int64_t b)
{
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

int64_t estimate_product(int64_t a, int64_t b)
{
    int64_t product;
    return __builtin_mul_overflow(a, b, &product) ? INT64_MAX : product;
}

static int64_t max_of(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t round_up(int64_t n, int64_t multiple)
{
    return (n + multiple - 1) / multiple * multiple;
}

/* What one place of an axis holds of [0, n) cut into canonical parts: parts of `small` items and parts of one
 * more. */
struct share {
    int64_t begin, end; /* items */
    int64_t small, n_small, n_big;
};

static struct share share_of(int64_t n, int64_t limit, int64_t places, int64_t at)
{
    const int64_t parts = cut_parts(n, limit), rest = n % parts;
    const int64_t from = cut_begin(parts, places, at), to = cut_begin(parts, places, at + 1);
    const int64_t big = rest * to / parts - rest * from / parts;
    return (struct share){cut_begin(n, parts, from), cut_begin(n, parts, to), n / parts, to - from - big,
                          big};
}

static int64_t share_items(const struct share *share)
{
    return share->end - share->begin;
}

/* Groups of LANES particles in the blocks of a layer's cells x edges held in one place. */
static int64_t groups_held(const struct share *cells, const struct share *edges)
{
    int64_t groups = 0;
    for (int64_t i = 0; i < 2; i++)
        for (int64_t j = 0; j < 2; j++) {
            const int64_t blocks = (i ? cells->n_big : cells->n_small) * (j ? edges->n_big : edges->n_small);
            groups += blocks * (round_up((cells->small + i) * (edges->small + j), LANES) / LANES);
        }
    return groups;
}

/* Bytes sent by one of p ranks: a sum of n bytes that all receive; one half of it (reduce-scatter or gather).
 */
static int64_t bytes_half(int64_t n, int64_t p)
{
    return n / p * (p - 1) + n % p * (p - 1) / p;
}

static int64_t bytes_sum(int64_t n, int64_t p)
{
    return estimate_product(2, bytes_half(n, p));
}

/* Samples of a batch at one place of the batch axis, at most: whole chunks. */
static int64_t samples_held(const struct config *config, int64_t samples, int64_t places)
{
    const int64_t batch = samples > 0 && samples < config->training.batch ? samples : config->training.batch;
    const struct share first = share_of(batch, config->parallel.chunk, places, 0);
    const struct share last = share_of(batch, config->parallel.chunk, places, places - 1);
    return max_of(share_items(&first), share_items(&last));
}

/* What the rank at (row, column) takes; the fullest of the batch axis. */
static struct estimate estimate_place(const struct config *config, const struct organism_shape *shape,
                                      const struct task *task, const int grid[GRID_AXES],
                                      const int at[GRID_AXES])
{
    struct estimate e = {0};
    const int64_t floats = sizeof(float), doubles = sizeof(double), batch_ranks = grid[GRID_BATCH];
    const int64_t weights = shape->particle.weights;
    const bool separate =
        config->training.momentum_buffers == MOMENTUM_SEPARATE && shape->particle.layers > 0;
    const int64_t samples = samples_held(config, task->train.samples, batch_ranks);
    const int64_t stride = round_up(shape->chunk, LANES);
    int64_t widest = 0;
    for (int l = 0; l < shape->layers; l++) {
        const enum grid_axis edge_axis = grid_edge_axis(l), cell_axis = grid_cell_axis(l);
        const struct share edges = share_of(shape->cells[l], shape->block, grid[edge_axis], at[edge_axis]);
        const struct share cells =
            share_of(shape->cells[l + 1], shape->block, grid[cell_axis], at[cell_axis]);
        const int64_t local = LANES * groups_held(&cells, &edges);
        const int64_t owned = LANES * ((local / LANES + batch_ranks - 1) / batch_ranks);
        const int64_t owned_bytes = floats * weights * (separate ? 3 : 2) + (batch_ranks > 1 ? doubles : 0);
        e.owned = estimate_sum(e.owned, owned);
        e.memory_particles = estimate_sum(e.memory_particles, estimate_product(owned, owned_bytes));
        e.memory_particles = estimate_sum(e.memory_particles, estimate_product(local, floats + doubles));
        /* input, slope and gradient of the chunk; at last the outputs and their gradient */
        e.memory_passes += SLOTS * stride * floats * (l > 0 ? 3 : 1) * share_items(&edges);
        if (l == shape->layers - 1) e.memory_passes += SLOTS * stride * floats * 2 * shape->cells[l + 1];
        widest = max_of(widest, max_of(share_items(&edges), share_items(&cells)));
        /* forward: outputs are summed over the ranks that hold edges; backward: input gradients over those
         * that hold cells */
        e.traffic_sums =
            estimate_sum(e.traffic_sums, bytes_sum(doubles * samples * share_items(&cells), grid[edge_axis]));
        if (l > 0)
            e.traffic_sums = estimate_sum(
                e.traffic_sums, bytes_sum(doubles * samples * share_items(&edges), grid[cell_axis]));
        e.traffic_batch =
            estimate_sum(e.traffic_batch, bytes_half(estimate_product(local, doubles), batch_ranks));
        e.traffic_batch =
            estimate_sum(e.traffic_batch, bytes_half(estimate_product(local, floats), batch_ranks));
        if (l == 0) {
            const int64_t all = estimate_sum(task->train.samples, task->test.samples);
            const int64_t target = task->classification ? (int64_t)sizeof(int32_t) : floats * task->outputs;
            e.memory_data = estimate_product(all, floats * round_up(share_items(&edges), LANES) + target);
            e.memory_data =
                estimate_sum(e.memory_data, estimate_product(task->train.samples, sizeof(int64_t)));
        }
    }
    e.memory_passes += SLOTS * stride * doubles * widest;
    return e;
}

/* The most of any rank, number by number but for the memory, which is the fullest rank's. */
static void estimate_fullest(struct estimate *most, const struct estimate *place)
{
    const int64_t sums = max_of(most->traffic_sums, place->traffic_sums);
    const int64_t batch = max_of(most->traffic_batch, place->traffic_batch);
    const int64_t before =
        estimate_sum(most->memory_particles, estimate_sum(most->memory_passes, most->memory_data));
    const int64_t bytes =
        estimate_sum(place->memory_particles, estimate_sum(place->memory_passes, place->memory_data));
    if (bytes > before) *most = *place;
    most->traffic_sums = sums;
    most->traffic_batch = batch;
}

static void estimate_files(struct estimate *e, const struct config *config,
                           const struct organism_shape *shape)
{
    const int64_t weights = shape->particle.weights, floats = sizeof(float);
    const bool separate =
        config->training.momentum_buffers == MOMENTUM_SEPARATE && shape->particle.layers > 0;
    int64_t archived = 0;
    for (int l = 0; l < shape->layers; l++) {
        const int64_t particles = organism_layer_particles(shape, l);
        bool chosen = config->archive.n_layers == 0;
        for (int i = 0; i < config->archive.n_layers; i++) chosen |= config->archive.layers[i] == l;
        e->particles = estimate_sum(e->particles, particles);
        if (chosen)
            archived = estimate_sum(archived, (int64_t)((double)particles * config->archive.fraction + 0.5));
    }
    e->weights = estimate_product(e->particles, weights);
    e->checkpoint = estimate_product(e->weights, floats * (separate ? 3 : 2));
    const int64_t every = config->archive.trajectory_every, epochs = config->training.epochs;
    e->records = every == 0 ? 0 : 1 + (epochs + every - 1) / every + (config->training.settle_steps > 0);
    e->archive = estimate_product(e->records, estimate_product(archived, floats * weights + 1));
}

struct estimate estimate_make(const struct config *config, const struct organism_shape *shape,
                              const struct task *task, const int grid[GRID_AXES])
{
    struct estimate most = {0};
    for (int row = 0; row < grid[GRID_ROWS]; row++)
        for (int column = 0; column < grid[GRID_COLUMNS]; column++) {
            const int at[GRID_AXES] = {[GRID_ROWS] = row, [GRID_COLUMNS] = column};
            const struct estimate place = estimate_place(config, shape, task, grid, at);
            estimate_fullest(&most, &place);
        }
    estimate_files(&most, config, shape);
    return most;
}
