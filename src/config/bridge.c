/* What the modules below want to know, from a configuration. */
#include <string.h>

#include "metazoa/config/config.h"

/* Bytes of copies on a node from which on samples are shared. Huge pages, which shared memory seldom has, and
 * the start are worth more than a gigabyte of a node (loading MNIST on two ranks: 0.2 s of processor time
 * more when shared). */
static const int64_t share_from[] = {
    [SHARE_AUTO] = INT64_C(1) << 30, [SHARE_ALWAYS] = 0, [SHARE_NEVER] = INT64_MAX};

struct task_spec config_task(const struct config *config)
{
    return (struct task_spec){
        .kind = config->task.kind,
        .path = config->task.path,
        .colour = config->task.colour,
        .size = {(int)config->task.size[0], (int)config->task.size[1]},
        .noise = config->task.noise,
        .shuffle = config->task.shuffle,
        .samples = config->task.samples,
        .test_samples = config->task.test_samples,
        .inputs = (int)config->task.inputs,
        .seed = (uint64_t)config->run.seed,
        .share_from = share_from[config->parallel.share_data],
    };
}

struct organism_shape config_shape(const struct config *config, const struct task *task)
{
    const int n = config->organism.n_hidden;
    const int width = (int)config->particle.width, layers = (int)config->particle.layers;
    struct organism_shape shape = {
        .layers = n + 1,
        .activation = config->organism.activation,
        .loss = task->classification ? LOSS_CROSS_ENTROPY : LOSS_MSE,
        .residual = config->organism.residual,
        .scaled = config->organism.scaled,
        .block = (int32_t)config->parallel.block,
        .chunk = (int32_t)config->parallel.chunk,
        .particle = config->organism.scalar ? particle_shape_new(1, 0) : particle_shape_new(width, layers),
    };
    shape.cells[0] = task->inputs;
    for (int i = 0; i < n; i++) shape.cells[i + 1] = (int32_t)config->organism.hidden[i];
    shape.cells[n + 1] = task->outputs;
    return shape;
}

struct training config_training(const struct config *config)
{
    return (struct training){
        .learning_rate = (float)config->training.learning_rate,
        .momentum = (float)config->training.momentum,
        .buffers = config->training.momentum_buffers,
        .self_steps = (int)config->training.self_train_steps,
    };
}

bool config_interacts(const struct config *config)
{
    return config->interaction.attack > 0 || config->interaction.melt > 0;
}

struct io config_io(const struct config *config)
{
    return (struct io){
        .parallel_from = config->io.parallel_from,
        .writers = config->io.writers,
        .alignment = config->io.alignment,
        .collective_metadata = config->io.collective_metadata,
        .hints = config->io.hints,
    };
}

struct archive_spec config_archive(const struct config *config)
{
    struct archive_spec spec = {
        .trajectory_every = config->archive.trajectory_every,
        .segment_every = config->checkpoint.every,
        .n_layers = config->archive.n_layers,
        .fraction = config->archive.fraction,
        .compress = (int)config->archive.compress,
        .interacts = config_interacts(config),
        .seed = (uint64_t)config->run.seed,
    };
    memcpy(spec.layers, config->archive.layers, sizeof spec.layers);
    return spec;
}

char *config_text_for_files(const struct config *config)
{
    struct config defaults, plain = *config; /* borrows its texts */
    config_defaults(&defaults);
    plain.run.name = defaults.run.name;
    plain.run.output = defaults.run.output;
    plain.parallel.grid_auto = defaults.parallel.grid_auto;
    memcpy(plain.parallel.grid, defaults.parallel.grid, sizeof plain.parallel.grid);
    plain.parallel.share_data = defaults.parallel.share_data;
    plain.io.writers = defaults.io.writers;
    plain.io.collective_metadata = defaults.io.collective_metadata;
    plain.io.hints = defaults.io.hints;
    char *text = config_text(&plain);
    config_free(&defaults);
    return text;
}
