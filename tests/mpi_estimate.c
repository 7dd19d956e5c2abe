/* What `metazoa check` predicts against what an organism and its data really take. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../src/command/estimate.h"
#include "metazoa/base/memory.h"
#include "metazoa/organism/interact.h"

struct example {
    const char *config;
    int grid[GRID_AXES]; /* 0: all ranks */
};

/* Bytes that this rank holds of organism and data. */
static int64_t bytes_taken(const struct config *config, const struct task_spec *spec, struct comm *world,
                           const int size[GRID_AXES], struct estimate *estimate)
{
    struct problems problems = {0};
    struct task task;
    struct grid grid;
    struct organism organism;
    task_open(&task, spec, world, &problems);
    const struct organism_shape shape = organism_shape_new(&config->organism, &task);
    *estimate = estimate_make(config, &shape, &task, size);
    grid_new(&grid, world, size);
    const int64_t before = memory_held();
    organism_new(&organism, &shape, &config->training, &grid, 1);
    const struct layer *first = &organism.layer[0];
    const int64_t n = shape.cells[0], parts = first->edge_parts;
    task_load(&task,
              (int32_t)(n / parts * first->edge_part_begin + n % parts * first->edge_part_begin / parts),
              (int32_t)(n / parts * first->edge_part_end + n % parts * first->edge_part_end / parts), world,
              &problems);
    const int64_t bytes = memory_held() - before;
    if (problems.n > 0) problems_print(&problems, stderr), exit(1);
    task_free(&task);
    organism_free(&organism);
    grid_free(&grid);
    return bytes;
}

static int run(const struct example *example, struct comm *world)
{
    struct problems problems = {0};
    struct config config;
    struct estimate estimate;
    int size[GRID_AXES];
    config_parse(&config, example->config, (int64_t)strlen(example->config), "example", 0, NULL, &problems);
    if (problems.n > 0) problems_print(&problems, stderr), exit(1);
    for (int i = 0; i < GRID_AXES; i++) size[i] = example->grid[i] ? example->grid[i] : comm_size(world);
    int64_t most = bytes_taken(&config, &config.task, world, size, &estimate);
    comm_max_i64(world, &most, 1);
    config_free(&config);
    const int64_t predicted = estimate.memory_particles + estimate.memory_passes + estimate.memory_data;
    const double error = (double)predicted / (double)most - 1;
    const int failed = !(error > -0.005 && error < 0.005); /* the headers of allocations are not counted */
    if (comm_rank(world) == 0)
        printf("%s  %d x %d x %d: %lld bytes predicted, %lld taken, %+.2f %%\n", failed ? "FAILED" : "ok",
               size[0], size[1], size[2], (long long)predicted, (long long)most, 100 * error);
    return failed;
}

/* Rows that a rank gets in a batch of meetings, on average, against what is predicted of those it sends. */
static int meetings(struct comm *world)
{
    enum { BATCHES = 20 };
    static const char text[] =
        "{task: {kind: addition, inputs: 100, samples: 100}, organism: {hidden: [120]},"
        " interaction: {attack: 0.5, melt: 0.3}}";
    const int size[GRID_AXES] = {comm_size(world), 1, 1};
    struct problems problems = {0};
    struct config config;
    struct task task;
    struct grid grid;
    struct organism organism;
    config_parse(&config, text, sizeof text - 1, "meetings", 0, NULL, &problems);
    task_open(&task, &config.task, world, &problems);
    if (problems.n > 0) problems_print(&problems, stderr), exit(1);
    const struct organism_shape shape = organism_shape_new(&config.organism, &task);
    const struct estimate estimate = estimate_make(&config, &shape, &task, size);
    grid_new(&grid, world, size);
    organism_new(&organism, &shape, &config.training, &grid, 1);
    organism_draw(&organism);
    struct interaction *interaction = interaction_new(&organism, &config.interaction);
    uint64_t counts[INTERACTION_KINDS] = {0};
    for (int batch = 0; batch < BATCHES; batch++) interaction_batch(interaction, &organism, 0, batch, counts);
    comm_sum_u64(world, counts, INTERACTION_KINDS);
    const double rows =
        (double)(counts[INTERACTION_ATTACK] + counts[INTERACTION_MELT]) / BATCHES / comm_size(world);
    const double real = rows * (double)sizeof(float) * shape.particle.weights;
    const double error = comm_size(world) > 1 ? (double)estimate.traffic.meetings / real - 1
                                              : (double)estimate.traffic.meetings; /* nothing is sent */
    const int failed = !(error > -0.03 && error < 0.05);
    if (comm_rank(world) == 0)
        printf("%s  meetings: %lld bytes predicted, %.0f seen\n", failed ? "FAILED" : "ok",
               (long long)estimate.traffic.meetings, real);
    interaction_free(interaction);
    task_free(&task);
    organism_free(&organism);
    grid_free(&grid);
    config_free(&config);
    return failed;
}

int main(int argc, char **argv)
{
    static const struct example examples[] = {
        {"{task: {kind: addition, inputs: 100, samples: 5000}, organism: {hidden: [120, 80]}, parallel: "
         "{block: 16}}",
         {0, 1, 1}},
        {"{task: {kind: addition, inputs: 100, samples: 5000}, organism: {hidden: [120, 80]}, parallel: "
         "{block: 16}}",
         {1, 0, 1}},
        {"{task: {kind: addition, inputs: 100, samples: 5000}, organism: {hidden: [120, 80]}, parallel: "
         "{block: 16}}",
         {1, 1, 0}},
        {"{task: {kind: addition, inputs: 300, samples: 2000}, organism: {hidden: [300, 17, 301]},"
         " parallel: {block: 33, chunk: 50}, training: {momentum_buffers: shared}}",
         {1, 1, 0}},
        {"{task: {kind: addition, inputs: 300, samples: 2000}, organism: {hidden: [300, 300], edges: scalar},"
         " parallel: {chunk: 100}}",
         {0, 1, 1}},
        {"{task: {kind: addition, inputs: 100, samples: 2000}, organism: {hidden: [120, 80], bias: true}, "
         "parallel: "
         "{block: 16}}",
         {1, 0, 1}},
        {"{task: {kind: addition, inputs: 64, samples: 100}, organism: {hidden: [512]}, particle: {width: 8, "
         "layers: 2}}",
         {1, 0, 1}},
    };
    struct comm *world = comm_start(&argc, &argv);
    int64_t failed = 0;
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) failed += run(&examples[i], world);
    failed += meetings(world);
    comm_max_i64(world, &failed, 1);
    comm_finish(world);
    return failed > 0;
}
