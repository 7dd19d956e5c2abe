#include "estimate.h"

#include "metazoa/base/memory.h"
#include "metazoa/parallel/cut.h"
#include "metazoa/parallel/shared.h"
#include "metazoa/store/archive.h"
#include "metazoa/store/checkpoint.h"

enum { FLOAT = sizeof(float), DOUBLE = sizeof(double), MEETING = 64 /* organism/interact.c */ };

/* Up to here the layout of files is counted as well; beyond, 64 bits come near. */
#define FILES_EXACT (INT64_C(1) << 60)

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

int64_t estimate_memory(const struct estimate *e)
{
    const int64_t organism = estimate_sum(e->memory_particles, e->memory_passes);
    return estimate_sum(organism, estimate_sum(e->memory_data, e->memory_files));
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

static int64_t items(const struct share *share)
{
    return share->end - share->begin;
}

static int64_t largest_part(const struct share *share)
{
    return share->n_big > 0 ? share->small + 1 : share->n_small > 0 ? share->small : 0;
}

/* Items with each part padded as in the passes' matrices. */
static int64_t padded_items(const struct share *share)
{
    const int32_t small = (int32_t)share->small;
    return share->n_small * organism_row(small) + share->n_big * organism_row(small + 1);
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

/* Bytes sent by one of p ranks: n bytes that are summed so that each rank has a part, or parts that come
 * together; both, for n values: doubles, then floats. */
static int64_t bytes_half(int64_t n, int64_t p)
{
    return n / p * (p - 1) + n % p * (p - 1) / p;
}

static int64_t bytes_sum(int64_t n, int64_t p)
{
    return estimate_sum(bytes_half(estimate_product(n, DOUBLE), p),
                        bytes_half(estimate_product(n, FLOAT), p));
}

/* Whether all ranks of the cell axis have copies of the layer's effective weights: organism/workspace.h. */
static bool copied(const struct organism_shape *shape, int l, const int grid[GRID_AXES])
{
    return l > 0 && l == shape->layers - 1 && cut_parts(shape->cells[l + 1], shape->block) == 1 &&
           grid[grid_cell_axis(l)] > 1;
}

/* Samples of a batch at one place of the batch axis, at most, in chunks that are padded to whole vectors. */
static int64_t samples_held(const struct config *config, int64_t samples, int64_t places)
{
    const int64_t batch = samples > 0 && samples < config->schedule.batch ? samples : config->schedule.batch;
    const int64_t chunks = cut_parts(batch, config->organism.chunk);
    return (chunks + places - 1) / places * round_up(config->organism.chunk, LANES);
}

/* What one rank holds of one layer. */
struct held {
    struct share edges, cells;
    int64_t local,
        owned; /* particles, padding included: in its blocks; its own along the batch axis, at most */
};

static struct held held_of(const struct organism_shape *shape, int l, const int grid[GRID_AXES],
                           const int at[GRID_AXES])
{
    const enum grid_axis edge_axis = grid_edge_axis(l), cell_axis = grid_cell_axis(l);
    struct held held = {.edges = share_of(shape->cells[l], shape->block, grid[edge_axis], at[edge_axis]),
                        .cells = share_of(shape->cells[l + 1], shape->block, grid[cell_axis], at[cell_axis])};
    const int64_t groups = groups_held(&held.cells, &held.edges);
    held.local = LANES * groups;
    held.owned = LANES * ((groups + grid[GRID_BATCH] - 1) / grid[GRID_BATCH]);
    return held;
}

static void add(int64_t *sum, int64_t count, int64_t bytes)
{
    *sum = estimate_sum(*sum, estimate_product(count, bytes));
}

/* Bytes of a particle's state: its weights, velocities, ... */
static int64_t particle_bytes(const struct config *config, const struct organism_shape *shape)
{
    return state_bytes(&shape->particle, &config->training);
}

static void add_particles(struct estimate *e, const struct config *config, const struct organism_shape *shape,
                          const int grid[GRID_AXES], const struct held *held)
{
    const int64_t weights = shape->particle.weights;
    const int64_t blocks =
        (held->edges.n_small + held->edges.n_big) * (held->cells.n_small + held->cells.n_big);
    e->owned = estimate_sum(e->owned, held->owned);
    add(&e->memory_particles, held->owned, particle_bytes(config, shape));
    if (grid[GRID_BATCH] > 1) add(&e->memory_particles, held->owned, DOUBLE);
    /* Of the particles that interact in a batch one half is sent, and about as many rows are received. */
    const double chance = interaction_chance(&config->interaction);
    add(&e->memory_particles, (int64_t)(chance * (double)held->owned), FLOAT * weights + MEETING);
    add(&e->memory_particles, held->local, FLOAT + DOUBLE);
    add(&e->memory_particles, blocks, sizeof(struct block));
}

/* Activations of the chunks under way, as organism/workspace.c has them. */
static void add_passes(struct estimate *e, const struct organism_shape *shape, const int grid[GRID_AXES],
                       const struct held *held)
{
    const int64_t stride = organism_row(shape->chunk),
                  slots = grid[GRID_ROWS] * grid[GRID_COLUMNS] > 1 ? 2 : 1;
    const int64_t outputs = shape->cells[shape->layers];
    int64_t rows = 2 * outputs, most = outputs, turned = 0, owned = 0, local = 0;
    for (int l = 0; l < shape->layers; l++) local = estimate_sum(local, held[l].local);
    const int64_t share = LANES * ((local / LANES + grid[GRID_BATCH] - 1) / grid[GRID_BATCH]);
    for (int l = 0; l < shape->layers; l++) {
        const int64_t edges = items(&held[l].edges);
        const int64_t cell = largest_part(&held[l].cells);
        if (l > 0) rows += 3 * edges, most = max_of(most, edges);
        if (l > 0 && cell > ORGANISM_NARROW)
            turned = max_of(turned, shape->chunk * padded_items(&held[l].edges));
        owned = max_of(owned, held[l].local < share ? held[l].local : share);
    }
    const int64_t cell = largest_part(&held[0].cells), edge = largest_part(&held[0].edges);
    if (cell > ORGANISM_NARROW) /* else samples are read where they lie */
        rows += items(&held[0].edges);
    else
        add(&e->memory_passes, cell, FLOAT * organism_row((int32_t)edge));
    add(&e->memory_passes, slots * stride, FLOAT * rows + DOUBLE * most);
    add(&e->memory_passes, turned, FLOAT);
    if (copied(shape, shape->layers - 1, grid)) {
        const struct held *last = &held[shape->layers - 1];
        const struct share all = share_of(outputs, shape->block, 1, 0);
        add(&e->memory_passes, groups_held(&all, &last->edges), LANES * FLOAT);
    }
    add(&e->memory_passes, owned, FLOAT + 1);
    add(&e->memory_passes, shape->chunk, FLOAT * (shape->loss == LOSS_MSE ? 1 + outputs : 1));
}

static void add_traffic(struct estimate *e, const struct organism_shape *shape, const int grid[GRID_AXES],
                        const struct held *held, int64_t samples)
{
    for (int l = 0; l < shape->layers; l++) {
        /* Forward, a layer's outputs are summed over the ranks that hold its edges (the last layer's over all
         * that hold any of it); backward, the gradients of its inputs over those that hold its cells. */
        const int64_t edge_ranks = grid[grid_edge_axis(l)], cell_ranks = grid[grid_cell_axis(l)];
        const bool last = l == shape->layers - 1;
        const int64_t cells = last ? shape->cells[l + 1] : items(&held[l].cells);
        add(&e->traffic_sums, bytes_sum(samples * cells, last ? edge_ranks * cell_ranks : edge_ranks), 1);
        if (l > 0 && !copied(shape, l, grid))
            add(&e->traffic_sums, bytes_sum(samples * items(&held[l].edges), cell_ranks), 1);
        add(&e->traffic_batch, bytes_half(estimate_product(held[l].local, DOUBLE), grid[GRID_BATCH]), 1);
        add(&e->traffic_batch, bytes_half(estimate_product(held[l].local, FLOAT), grid[GRID_BATCH]), 1);
    }
}

/* Of the particles that meet in a batch (all but a few) one half acts with that probability, on one that may
 * lie at any other rank; after that the effective weights go round once more. */
static void add_meetings(struct estimate *e, const struct config *config, const struct organism_shape *shape,
                         const int grid[GRID_AXES], const struct held *held)
{
    const double chance = interaction_chance(&config->interaction);
    if (chance <= 0 || grid[GRID_BATCH] * grid[GRID_ROWS] * grid[GRID_COLUMNS] == 1) return;
    for (int l = 0; l < shape->layers; l++) {
        const int64_t half = estimate_product(held[l].owned, FLOAT * shape->particle.weights) / 2;
        add(&e->traffic_meetings, (int64_t)(chance * (double)half), 1);
        add(&e->traffic_batch, bytes_half(estimate_product(held[l].local, FLOAT), grid[GRID_BATCH]), 1);
    }
}

static void add_data(struct estimate *e, const struct task *task, const struct held *first)
{
    const int64_t target = task->classification ? (int64_t)sizeof(int32_t) : FLOAT * task->outputs;
    const int64_t sample = FLOAT * round_up(items(&first->edges), LANES) + target;
    add(&e->memory_data, estimate_sum(task->train.samples, task->test.samples), sample);
    /* A task that draws new samples every epoch: each rank draws its own. */
    if (!task_draws(task->spec.kind)) e->memory_shared = e->memory_data;
    add(&e->memory_data, task->train.samples, sizeof(int64_t));
}

bool estimate_share(struct estimate *e, const struct config *config, const int grid[GRID_AXES],
                    const enum grid_axis order[GRID_AXES], int64_t node_ranks)
{
    /* The row tells what a rank holds of the inputs: ranks differ in it that are so far apart. */
    int64_t stride = 1;
    for (int i = GRID_AXES - 1; order[i] != GRID_ROWS; i--) stride *= grid[order[i]];
    const int64_t rows = (node_ranks + stride - 1) / stride;
    const int64_t copies = rows < grid[GRID_ROWS] ? rows : grid[GRID_ROWS];
    const int64_t mates = node_ranks / copies;
    if (!shared_pays(e->memory_shared, mates, task_share_from(config->task.share_data))) return false;
    e->memory_data -= e->memory_shared - e->memory_shared / mates;
    return true;
}

static bool archived(const struct config *config, int layer)
{
    return archive_wants(&config->archive, layer) && config->archive.trajectory_every > 0;
}

/* Records of a run: epoch 0, every so many epochs, the last, the one after settling, and those inside epochs (some
 * of which may fall on the ends of epochs). */
static int64_t records_of(const struct config *config)
{
    const int64_t every = config->archive.trajectory_every, epochs = config->schedule.epochs;
    return every == 0 ? 0
                      : 1 + (epochs + every - 1) / every + (config->schedule.settle != SETTLE_NONE) +
                            config->archive.n_steps;
}

/* Bytes of an archive record that so many particles of a layer make. */
static int64_t record_bytes(const struct config *config, const struct organism_shape *shape,
                            int64_t particles)
{
    const int64_t kept = (int64_t)((double)particles * config->archive.fraction);
    return estimate_product(kept, FLOAT * shape->particle.weights + 1);
}

/* What it takes to write a file of this many bytes, whose largest dataset has `largest`: a writer's window, a
 * copy of its chunks, and messages between ranks, which the MPI library holds a third time in its shared memory (all seen
 * in runs of one and two ranks). */
static int64_t file_memory(const struct config *config, int64_t ranks, int64_t bytes, int64_t largest)
{
    const int64_t share = largest / io_writers(&config->io, (double)bytes, (int)ranks);
    const int64_t window = share < IO_WINDOW_BYTES ? share : IO_WINDOW_BYTES;
    return 2 * window + 3 * (window / ranks * (ranks - 1));
}

static void add_files(struct estimate *e, const struct config *config, const struct organism_shape *shape,
                      const int grid[GRID_AXES], const struct held *held)
{
    const int64_t weights = FLOAT * shape->particle.weights, ranks = grid[0] * grid[1] * grid[2];
    int64_t record = 0, here = 0, owned = 0, particles = 0, layer = 0, kept = 0;
    for (int l = 0; l < shape->layers; l++) {
        const int64_t n = organism_layer_particles(shape, l);
        owned = max_of(owned, held[l].owned);
        particles = estimate_sum(particles, n);
        layer = max_of(layer, estimate_product(n, weights));
        if (!archived(config, l)) continue;
        kept = max_of(kept, record_bytes(config, shape, n));
        record = estimate_sum(record, record_bytes(config, shape, n));
        here = estimate_sum(here, record_bytes(config, shape, held[l].owned));
    }
    add(&e->memory_files, owned, weights);
    const int64_t checkpoint = estimate_product(particles, particle_bytes(config, shape));
    int64_t writing = file_memory(config, ranks, checkpoint, layer);
    if (record > 0) {
        const int64_t open = archive_open_records(&config->archive, record, records_of(config));
        writing = max_of(writing, file_memory(config, ranks, estimate_product(open, record), kept));
        add(&e->memory_files, open, here);
        /* Rows are picked from a copy of the whole layer. */
        if (config->archive.fraction < 1) add(&e->memory_files, owned, weights + 1);
    }
    add(&e->memory_files, 1, writing);
    /* Rows of metrics: the run's, the archive's, and a column on its way to a file. */
    const int64_t row = sizeof(struct metrics_row) + (int64_t)sizeof(int64_t);
    add(&e->memory_files, estimate_sum(config->schedule.epochs, 1), row);
    add(&e->memory_files, records_of(config), row);
}

/* What a rank at (row, column) takes: the fullest along the batch axis. */
static struct estimate estimate_place(const struct config *config, const struct organism_shape *shape,
                                      const struct task *task, const int grid[GRID_AXES],
                                      const int at[GRID_AXES])
{
    struct estimate e = {0};
    struct held held[ORGANISM_LAYERS_MAX];
    for (int l = 0; l < shape->layers; l++) {
        held[l] = held_of(shape, l, grid, at);
        add_particles(&e, config, shape, grid, &held[l]);
    }
    add_passes(&e, shape, grid, held);
    add_traffic(&e, shape, grid, held, samples_held(config, task->train.samples, grid[GRID_BATCH]));
    add_meetings(&e, config, shape, grid, held);
    add_data(&e, task, &held[0]);
    add_files(&e, config, shape, grid, held);
    return e;
}

/* The most of any rank, number by number but for the memory, which is the fullest rank's. */
static void estimate_fullest(struct estimate *most, const struct estimate *place)
{
    const int64_t sums = max_of(most->traffic_sums, place->traffic_sums);
    const int64_t batch = max_of(most->traffic_batch, place->traffic_batch);
    const int64_t meetings = max_of(most->traffic_meetings, place->traffic_meetings);
    if (estimate_memory(place) > estimate_memory(most)) *most = *place;
    most->traffic_sums = sums;
    most->traffic_batch = batch;
    most->traffic_meetings = meetings;
}

static void estimate_files(struct estimate *e, const struct config *config,
                           const struct organism_shape *shape)
{
    int64_t record = 0;
    for (int l = 0; l < shape->layers; l++) {
        const int64_t particles = organism_layer_particles(shape, l);
        e->particles = estimate_sum(e->particles, particles);
        if (archived(config, l)) record = estimate_sum(record, record_bytes(config, shape, particles));
    }
    e->weights = estimate_product(e->particles, shape->particle.weights);
    e->checkpoint = estimate_product(e->particles, particle_bytes(config, shape));
    e->records = records_of(config);
    e->archive = estimate_product(e->records, record);
    if (e->checkpoint >= FILES_EXACT || e->archive >= FILES_EXACT) return;
    struct archive_spec spec = config->archive;
    spec.compress = 0; /* chunks are counted at their full size */
    char *text = config_text_for_files(config);
    io_use(&config->io);
    e->checkpoint =
        checkpoint_bytes(shape, &config->training, text,
                         config->schedule.epochs + (config->schedule.settle != SETTLE_NONE), spec.interacts);
    if (e->records > 0) e->archive = archive_bytes(&spec, shape, text, e->records);
    memory_free(text);
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
