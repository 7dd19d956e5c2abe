#include "estimate.h"

#include "metazoa/base/memory.h"
#include "metazoa/parallel/shared.h"
#include "metazoa/store/size.h"
#include "metazoa/train/schedule.h"

/* Up to here the layout of files is counted as well; beyond, 64 bits come near. */
#define FILES_EXACT (INT64_C(1) << 60)

int64_t estimate_memory(const struct estimate *e)
{
    const int64_t organism = saturated_sum(e->memory_particles, e->memory_passes);
    return saturated_sum(organism, saturated_sum(e->memory_data, e->memory_files));
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

bool estimate_share(struct estimate *e, const struct config *config, const int grid[GRID_AXES],
                    const enum grid_axis order[GRID_AXES], int64_t node_ranks)
{
    /* What a rank holds of the inputs depends on its row. Ranks of two rows are `stride` apart. */
    int64_t stride = 1;
    for (int i = GRID_AXES - 1; order[i] != GRID_ROWS; i--) stride *= grid[order[i]];
    const int64_t rows = (node_ranks + stride - 1) / stride;
    const int64_t copies = rows < grid[GRID_ROWS] ? rows : grid[GRID_ROWS];
    const int64_t mates = node_ranks / copies;
    if (!shared_pays(e->memory_shared, mates, task_share_from(&config->task))) return false;
    e->memory_data -= e->memory_shared - e->memory_shared / mates;
    return true;
}

/* What the rank at these coordinates takes. */
static struct estimate estimate_place(const struct config *config, const struct organism_shape *shape,
                                      const struct task *task, const struct grid *grid)
{
    const struct organism_need need = organism_need(shape, &config->training, grid);
    const int *size = grid->size;
    const int64_t samples = task->train.samples, most = config->schedule.batch;
    int32_t begin, end;
    organism_inputs(shape, grid, &begin, &end);
    struct estimate e = {
        .memory_particles =
            saturated_sum(need.particles, interaction_memory(shape, &need, &config->interaction)),
        .memory_passes = need.passes,
        .memory_shared = task_bytes(task, begin, end),
        .memory_files =
            store_memory(&config->archive, shape, &config->training, need.owned,
                         (int64_t)size[GRID_BATCH] * size[GRID_ROWS] * size[GRID_COLUMNS],
                         config->schedule.epochs, schedule_records(config), config->checkpoint.every),
        .traffic = organism_traffic(shape, &need, &config->interaction, size,
                                    samples > 0 && samples < most ? samples : most),
    };
    e.memory_data = saturated_sum(e.memory_shared, saturated_product(samples, sizeof *task->order));
    for (int l = 0; l < shape->layers; l++) e.owned = saturated_sum(e.owned, need.owned[l]);
    return e;
}

static void estimate_fullest(struct estimate *most, const struct estimate *place)
{
    const struct organism_traffic traffic = {larger(most->traffic.sums, place->traffic.sums),
                                             larger(most->traffic.batch, place->traffic.batch),
                                             larger(most->traffic.meetings, place->traffic.meetings)};
    if (estimate_memory(place) > estimate_memory(most)) *most = *place;
    most->traffic = traffic;
}

static void estimate_files(struct estimate *e, const struct config *config,
                           const struct organism_shape *shape)
{
    e->particles = organism_particles(shape);
    e->weights = saturated_product(e->particles, shape->particle.weights);
    e->records = schedule_records(config);
    e->checkpoint = saturated_product(e->particles, state_bytes(&shape->particle, &config->training));
    e->archive = saturated_product(e->records, record_bytes(&config->archive, shape));
    if (e->checkpoint >= FILES_EXACT || e->archive >= FILES_EXACT) return;
    struct archive_spec spec = config->archive;
    spec.compress = 0; /* chunks are counted at their full size */
    char *text = config_text_for_files(config);
    e->checkpoint =
        checkpoint_bytes(shape, &config->training, text,
                         config->schedule.epochs + (config->schedule.settle != SETTLE_NONE), &spec);
    /* Running sums hold the weights of the first record. */
    if (spec.moments)
        e->checkpoint = saturated_sum(e->checkpoint, saturated_product(e->weights, sizeof(float)));
    e->archive = archive_bytes(&spec, shape, text, e->records);
    memory_free(text);
}

struct estimate estimate_make(const struct config *config, const struct organism_shape *shape,
                              const struct task *task, const int size[GRID_AXES])
{
    struct estimate most = {0};
    struct grid grid = {.size = {size[0], size[1], size[2]}};
    int *at = grid.at;
    io_use(&config->io);
    for (at[0] = 0; at[0] < size[0]; at[0]++)
        for (at[1] = 0; at[1] < size[1]; at[1]++)
            for (at[2] = 0; at[2] < size[2]; at[2]++) {
                const struct estimate place = estimate_place(config, shape, task, &grid);
                estimate_fullest(&most, &place);
            }
    estimate_files(&most, config, shape);
    return most;
}
