#include "table.h"

#include <string.h>

#include "metazoa/base/memory.h"

#define AT(s, n) .section = #s, .name = #n, .offset = offsetof(struct config, s.n)
#define INTEGER(s, n, from, to) AT(s, n), .type = KEY_INTEGER, .lo = from, .hi = to
#define REAL(s, n, from, to) AT(s, n), .type = KEY_REAL, .least = from, .most = to
#define CHOICE(s, n, all) AT(s, n), .type = KEY_CHOICE, .words = all
#define SWITCH(s, n) AT(s, n), .type = KEY_SWITCH, .words = "false|true"
#define TEXT(s, n, from, to) AT(s, n), .type = KEY_TEXT, .lo = from, .hi = to
#define LIST(s, n, from, to, most) AT(s, n), .type = KEY_LIST, .lo = from, .hi = to, .capacity = most
#define COUNT(s, n) .count = offsetof(struct config, s.n)

/* An organism of this many cells side by side is beyond every machine; products of two stay within 64 bits.
 */
enum { CELLS_MAX = 1 << 24, EPOCHS_MAX = 1 << 24, GRID_MAX = 1 << 20 };
#define SAMPLES_MAX (INT64_C(1) << 40)
#define SEED_MAX INT64_C(1000000000000000000) /* and no overflow with an ensemble's seeds */

const struct key config_keys[] = {
    {TEXT(run, name, 1, 200), .initial = "mnist", .may_change = true, .help = "Name of the run; no '/'."},
    {INTEGER(run, seed, 0, SEED_MAX), .initial = "1",
     .help = "Seed of all random numbers: the same seed gives the same bits on any number of ranks."},
    {TEXT(run, output, 0, 3000), .initial = "\"\"", .may_change = true,
     .help = "Folder for all files of the run; left empty: runs/ and the name."},
    {INTEGER(run, ensemble, 1, 1 << 20), .initial = "1",
     .help = "So many organisms in one job, with the seeds seed, seed + 1, ..., each on its share of the "
             "ranks."},

    {CHOICE(task, kind, "addition|idx|hdf5|cifar10"), .initial = "idx",
     .help = "addition: sums of random numbers. idx: images in the four files of the MNIST format, plain "
             "or gzip. hdf5: /x [samples, inputs] and /y (classes, or [samples, outputs]), optionally the "
             "same under /test. cifar10: the six files of its binary version."},
    {TEXT(task, path, 0, 3000), .initial = "data/mnist", .may_change = true,
     .help = "idx, cifar10: the folder of the files. hdf5: the file. A resume may look elsewhere for the "
             "same data."},
    {SWITCH(task, colour), .initial = "true",
     .help = "cifar10: all three planes of a picture; false: their grey."},
    {LIST(task, size, 0, 32768, 2), .words = "original", .initial = "[15, 15]",
     .help = "idx, cifar10: rows and columns after bilinear resizing; [0, 0] or original: as in the file."},
    {REAL(task, noise, 0, 1000), .initial = "1.0e-4",
     .help = "All but addition: standard deviation of normal noise that is added once to every input (a "
             "pixel is 0 to 1)."},
    {SWITCH(task, shuffle), .initial = "true", .help = "A new order of the training samples every epoch."},
    {INTEGER(task, samples, 0, SAMPLES_MAX), .initial = "0",
     .help = "All but addition: use the first so many training samples, 0: all. addition: new samples an "
             "epoch, 0: 1000."},
    {INTEGER(task, test_samples, 0, SAMPLES_MAX), .initial = "0", .help = "The same for the test samples."},
    {INTEGER(task, inputs, 1, CELLS_MAX), .initial = "2", .help = "addition: numbers to add."},

    {LIST(organism, hidden, 1, CELLS_MAX, ORGANISM_LAYERS_MAX - 1), COUNT(organism, n_hidden),
     .initial = "[5, 5]",
     .help = "Cells of each hidden layer; []: none. Inputs and outputs come from the task."},
    {CHOICE(organism, activation, "linear|gelu"), .initial = "gelu", .help = "After every hidden layer."},
    {.section = "organism",
     .name = "edges",
     .offset = offsetof(struct config, organism.scalar),
     .type = KEY_SWITCH,
     .words = "particle|scalar",
     .initial = "particle",
     .help = "particle: every edge is a self-replicating network. scalar: every edge is a number, a "
             "conventional network trained by the same code, as a baseline."},
    {.section = "organism",
     .name = "start",
     .offset = offsetof(struct config, organism.scaled),
     .type = KEY_SWITCH,
     .words = "particle|layer",
     .initial = "particle",
     .help = "Initial weights. particle: by the size of a particle alone, as in the paper. layer: those at a "
             "particle's fifth input are scaled, so that its effective weight begins as small as a "
             "conventional network's of these cells; for wide organisms."},
    {SWITCH(organism, residual), .initial = "false",
     .help = "Hidden layers with as many cells as edges add their input: activation(A x + x)."},

    {INTEGER(particle, width, 1, PARTICLE_WIDTH_MAX), .initial = "3",
     .help = "Cells of a particle's hidden layers."},
    {INTEGER(particle, layers, PARTICLE_LAYERS_MIN, PARTICLE_LAYERS_MAX), .initial = "3",
     .help = "Weight layers of a particle: width 3 and 3 layers are 5-3-3-1, with 27 weights."},

    {INTEGER(training, epochs, 0, EPOCHS_MAX - 1), .initial = "200", .may_change = true,
     .help = "Passes over the training samples."},
    {INTEGER(training, batch, 1, INT32_MAX), .initial = "2000", .help = "Samples between two task steps."},
    {INTEGER(training, self_train_steps, 0, 1 << 20), .initial = "5",
     .help = "Self-training steps of every particle before each task step."},
    {REAL(training, learning_rate, 0, 100), .initial = "0.004", .help = "Of both tasks."},
    {REAL(training, momentum, 0, 1), .initial = "0.9", .help = "Of both tasks; v = momentum v + gradient."},
    {CHOICE(training, momentum_buffers, "separate|shared|reset"), .initial = "separate",
     .help = "The velocity of the self-training: its own, kept between batches; the task's; or its own, "
             "zero at the start of every batch."},
    {INTEGER(training, settle_steps, 0, INT32_MAX), .initial = "0", .may_change = true,
     .help = "Self-training steps after the last task step: they carry particles onto fixpoints and leave "
             "the organism's function as it is."},
    {CHOICE(training, first, "none|self|task"), .initial = "none",
     .help = "Train one task alone first: none, self-training, or the organism's task."},
    {INTEGER(training, first_epochs, 0, EPOCHS_MAX - 1), .initial = "0",
     .help = "For so many epochs at most."},
    {REAL(training, first_until_accuracy, 0, 1), .initial = "0.0",
     .help = "With first: task, go over to both tasks once the train accuracy of an epoch is reached; 0: "
             "not used."},
    {CHOICE(training, on_divergence, "stop|reset|ignore"), .initial = "stop", .may_change = true,
     .help = "When a particle becomes infinite or not a number: stop with exit code 1, draw new weights "
             "for divergent particles, or go on."},

    {REAL(interaction, attack, 0, 1), .initial = "0.0",
     .help = "In every batch each particle of a cell meets one other of it at random. With this probability "
             "one of the two attacks: it is applied to the other's weights, which become what it makes of "
             "them. The other's velocities become zero. Not while settling."},
    {REAL(interaction, melt, 0, 1), .initial = "0.0",
     .help = "With this probability they melt instead: the other takes half of its weights, at random "
             "positions, from the one. attack + melt is at most 1; at 0 and 0 nothing is computed."},

    {INTEGER(measure, validate_every, 0, EPOCHS_MAX), .initial = "1", .may_change = true,
     .help = "Test data are evaluated every so many epochs; 0: at the end only."},
    {INTEGER(measure, census_every, 0, EPOCHS_MAX), .initial = "1", .may_change = true,
     .help = "Particles are counted by type every so many epochs; 0: at the end only."},
    {REAL(measure, epsilon, 0, 1), .initial = "1.0e-5",
     .help = "Tolerance of the types: a self-replicator moves no weight by more when it is applied to "
             "itself."},

    {INTEGER(archive, trajectory_every, 0, EPOCHS_MAX), .initial = "1",
     .help = "All archived weights are written every so many epochs; 0: no archive."},
    {LIST(archive, layers, 0, ORGANISM_LAYERS_MAX - 1, ORGANISM_LAYERS_MAX), COUNT(archive, n_layers),
     .words = "all", .initial = "all",
     .help = "Layers in the archive, 0 is the one at the inputs; [] is all."},
    {REAL(archive, fraction, 1e-9, 1), .initial = "1.0",
     .help = "Share of the particles in the archive: a random choice that the seed fixes."},
    {INTEGER(archive, compress, 0, 9), .initial = "0", .help = "Deflate level; 0: none."},

    {INTEGER(checkpoint, every, 0, EPOCHS_MAX), .initial = "20", .may_change = true,
     .help = "A checkpoint every so many epochs; 0: at the end only."},
    {REAL(checkpoint, minutes, 0, 1e6), .initial = "0.0", .may_change = true,
     .help = "And one when the last is so many minutes old, also within an epoch; 0: never."},
    {INTEGER(checkpoint, keep, 1, 1 << 20), .initial = "3", .may_change = true,
     .help = "The last so many checkpoints stay."},

    {LIST(parallel, grid, 1, GRID_MAX, GRID_AXES), .words = "auto", .initial = "auto", .may_change = true,
     .help = "Process grid [batch, rows, columns], whose product is the number of ranks; auto: the cost "
             "model picks it."},
    {INTEGER(parallel, block, 1, 1 << 16), .initial = "256",
     .help = "Cells and edges of a block at most: the unit in which layers are spread over ranks. Part of "
             "the result's bits."},
    {INTEGER(parallel, chunk, 1, 1 << 16), .initial = "256",
     .help = "Samples of a chunk at most: the unit in which batches are spread over ranks. Part of the "
             "result's bits."},
    {CHOICE(parallel, share_data, "auto|always|never"), .initial = "auto", .may_change = true,
     .help = "Ranks of a node that need the same samples hold them once, in memory that they share; auto: "
             "when their copies would take a gigabyte."},

    {INTEGER(io, parallel_from, 0, INT64_C(1) << 40), .initial = "33554432", .may_change = true,
     .help = "Checkpoints and archive segments whose data take so many bytes are written by several ranks "
             "together, through MPI-IO; smaller ones by rank 0 alone, which is quicker for them."},
    {INTEGER(io, writers, 0, GRID_MAX), .initial = "64", .may_change = true,
     .help =
         "Ranks that write into such a file at most, spread evenly over all; 0: all. The others send them "
         "their share."},
    {INTEGER(io, alignment, 0, 1 << 30), .initial = "0", .may_change = true,
     .help =
         "Whatever takes half so many bytes or more in a checkpoint or archive segment begins at a multiple "
         "of them, such as a stripe of the file system (1048576); 0: no alignment."},
    {SWITCH(io, collective_metadata), .initial = "false", .may_change = true,
     .help = "HDF5's metadata are written by all ranks together, not by rank 0."},
    {TEXT(io, hints, 0, 3000), .initial = "\"\"", .may_change = true,
     .help = "Hints for MPI-IO, for example \"striping_factor=8 striping_unit=1048576\"; what the MPI "
             "library does not know it ignores."},
};
const int config_n_keys = sizeof config_keys / sizeof config_keys[0];

int key_find(const char *section, const char *name)
{
    for (int i = 0; i < config_n_keys; i++)
        if (strcmp(config_keys[i].section, section) == 0 && strcmp(config_keys[i].name, name) == 0) return i;
    return -1;
}

int key_section(const char *section)
{
    for (int i = 0; i < config_n_keys; i++)
        if (strcmp(config_keys[i].section, section) == 0) return i;
    return -1;
}

void config_free(struct config *config)
{
    for (int i = 0; i < config_n_keys; i++)
        if (config_keys[i].type == KEY_TEXT) memory_free(*(char **)((char *)config + config_keys[i].offset));
    *config = (struct config){0};
}
