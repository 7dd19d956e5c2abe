#include "table.h"

#include <string.h>

#include "metazoa/base/memory.h"

static const char *const switch_words[] = {"false", "true", NULL};
const char *const settling_words[] = {SETTLING(WORDS_TEXT) NULL};
const char *const trains_words[] = {TRAINS(WORDS_TEXT) NULL};
static const char *const training_first_words[] = {TRAINING_FIRST(WORDS_TEXT) NULL};
const char *const pruning_schedule_words[] = {PRUNING_SCHEDULES(WORDS_TEXT) NULL};
static const char *const rewind_words[] = {"none", "init", NULL}; /* REWIND_NONE, REWIND_INIT */
static const char *const rate_words[] = {RATES(WORDS_TEXT) NULL};
static const char *const self_rate_words[] = {RATES(WORDS_TEXT) "same", NULL};
static const char *const on_divergence_words[] = {ON_DIVERGENCE(WORDS_TEXT) NULL};

/* A row begins with section, name, the field of struct config, and what the field may hold. A field of
 * another type does not compile. */
#define FLAG_HELP(value, word, flag, text) " " word ": " text
#define FIELD(f) (((struct config *)0)->f)
#define AT(s, n, f) .section = #s, .name = #n, .offset = offsetof(struct config, f)
#define INTEGER_BYTES(x) _Generic((x), int32_t : 4, int64_t : 8, uint64_t : 8)
#define REAL_BYTES(x) _Generic((x), float : sizeof(float), double : sizeof(double))
#define SWITCH_BYTES(x) _Generic((x), bool : sizeof(bool))
#define TEXT_BYTES(x) _Generic((x), char * : sizeof(char *), const char * : sizeof(char *))
#define INTEGER(s, n, f, from, to)                                                                           \
    AT(s, n, f), .type = KEY_INTEGER, .bytes = INTEGER_BYTES(FIELD(f)), .lo = from, .hi = to
#define REAL(s, n, f, from, to)                                                                              \
    AT(s, n, f), .type = KEY_REAL, .bytes = REAL_BYTES(FIELD(f)), .least = from, .most = to
#define CHOICE(s, n, f, all) AT(s, n, f), .type = KEY_CHOICE, .bytes = sizeof FIELD(f), .words = all
#define SWITCH(s, n, f)                                                                                      \
    AT(s, n, f), .type = KEY_SWITCH, .bytes = SWITCH_BYTES(FIELD(f)), .words = switch_words
#define TEXT(s, n, f, from, to)                                                                              \
    AT(s, n, f), .type = KEY_TEXT, .bytes = TEXT_BYTES(FIELD(f)), .lo = from, .hi = to
#define LIST(s, n, f, from, to)                                                                              \
    AT(s, n, f), .type = KEY_LIST, .bytes = INTEGER_BYTES(FIELD(f)[0]), .lo = from, .hi = to,                \
                 .capacity = (int)(sizeof FIELD(f) / sizeof FIELD(f)[0])
#define REALS(s, n, f, from, to)                                                                             \
    AT(s, n, f), .type = KEY_REALS, .bytes = REAL_BYTES(FIELD(f)[0]), .least = from, .most = to,             \
                 .capacity = (int)(sizeof FIELD(f) / sizeof FIELD(f)[0])
#define STAGES(s, n, f) AT(s, n, f), .type = KEY_STAGES, .bytes = sizeof FIELD(f)[0]
#define COUNT(f) .count = offsetof(struct config, f)

/* No machine holds an organism with more cells than this side by side; the product of two such numbers fits
 * into 64 bits. */
enum { CELLS_MAX = 1 << 24, GRID_MAX = 1 << 20 };
#define SAMPLES_MAX (INT64_C(1) << 40)

const struct key config_keys[] = {
    {TEXT(run, name, run.name, 1, 200), .initial = "mnist", .may_change = true, .job = true, .path = true,
     .help = "Name of the run; no '/'."},
    {INTEGER(run, seed, run.seed, 0, SEED_MAX), .initial = "1",
     .help = "Seed of all random numbers. The same seed gives the same bits on any number of ranks."},
    {TEXT(run, output, run.output, 0, OUTPUT_MAX), .initial = "\"\"", .may_change = true, .job = true,
     .path = true, .help = "Folder for all files of the run. Without this key: runs/ and the name."},
    {INTEGER(run, ensemble, run.ensemble, 1, 1 << 20), .initial = "1", .may_change = true,
     .help = "Number of organisms that one job trains. They have the seeds seed, seed + 1, ... and share the "
             "job's ranks. A resume may ask for more of them."},

    {CHOICE(task, kind, task.kind, task_words), .initial = "idx",
     .help = "addition: sums of random numbers. idx: images in the four files of the MNIST format, plain "
             "or gzip. hdf5: /x [samples, inputs] and /y (classes, or [samples, outputs]), optionally the "
             "same under /test. cifar10: the six files of its binary version."},
    {TEXT(task, path, task.path, 0, 3000), .initial = "data/mnist", .may_change = true, .path = true,
     .help = "idx, cifar10: the folder of the files. hdf5: the file. A resume may name another place where "
             "the same data are."},
    {SWITCH(task, colour, task.colour), .initial = "true",
     .help = "cifar10: true trains on all three planes of a picture, false on their grey."},
    {LIST(task, size, task.size, 0, 32768), .open = "original", .initial = "[15, 15]",
     .help = "idx, cifar10: images are resized to this many rows and columns (bilinear). [0, 0] or original: "
             "they stay as they are in the file."},
    {CHOICE(task, scaling, task.scaling, task_scaling_words), .initial = "none",
     .help = "hdf5: the scaling of inputs." TASK_SCALING(WORDS_HELP)},
    {REAL(task, noise, task.noise, 0, 1000), .initial = "1.0e-4",
     .help = "All tasks but addition: standard deviation of normal noise that is added once to every input "
             "(a pixel is 0 to 1)."},
    {SWITCH(task, shuffle, task.shuffle), .initial = "true",
     .help =
         "Takes the training samples in a new order every epoch. Does nothing for addition, whose samples "
         "are new every epoch."},
    {INTEGER(task, samples, task.samples, 0, SAMPLES_MAX), .initial = "0",
     .help =
         "addition: new training samples per epoch; 0 means 1000. Other tasks: train on the first samples "
         "only, this many; 0 means all."},
    {INTEGER(task, test_samples, task.test_samples, 0, SAMPLES_MAX), .initial = "0",
     .help = "The same for the test samples."},
    {REAL(task, validation, task.validation, 0, 0.9), .initial = "0.0",
     .help =
         "All tasks but addition: this share of the training samples, chosen by the seed, is not trained on. "
         "metrics.csv has the loss and the score on it, for decisions that must not look at the test data."},
    {INTEGER(task, inputs, task.inputs, 1, CELLS_MAX), .initial = "2",
     .help = "addition: how many numbers are added."},

    {LIST(organism, hidden, organism.hidden, 1, CELLS_MAX), COUNT(organism.n_hidden), .initial = "[5, 5]",
     .help = "Cells of each hidden layer; []: no hidden layer. The task decides inputs and outputs."},
    {CHOICE(organism, activation, organism.activation, activation_words), .initial = "gelu",
     .help = "Activation function after every hidden layer."},
    {CHOICE(organism, edges, organism.edges, edges_words), .initial = "particle",
     .help = "particle: every edge is a self-replicating network. scalar: every edge is a number; this is a "
             "conventional network, trained by the same code as a baseline. affine: particles with "
             "particle.bias."},
    {CHOICE(organism, start, organism.start, organism_start_words), .initial = "particle",
     .help = "Initial weights. particle: scaled by the size of a particle alone, as in the paper. layer: the "
             "weights at a particle's fifth input are scaled further, so that effective weights begin as "
             "small as the weights of a conventional network of these cells; use it for wide organisms."},
    {SWITCH(organism, residual, organism.residual), .initial = "false",
     .help = "Hidden layers with as many cells as inputs, after the first one, add their input: "
             "activation(A x + x)."},
    {SWITCH(organism, bias, organism.bias), .initial = "false",
     .help = "Every cell has a bias: one more edge, the last one, which reads the constant 1. It is drawn "
             "and trained as the "
             "other edges are."},

    {INTEGER(particle, width, organism.width, 1, PARTICLE_WIDTH_MAX), .initial = "3",
     .help = "Cells of a particle's hidden layers."},
    {INTEGER(particle, layers, organism.layers, PARTICLE_LAYERS_MIN, PARTICLE_LAYERS_MAX), .initial = "3",
     .help = "Weight layers of a particle. Width 3 and 3 layers make 5-3-3-1, with 27 weights."},
    {SWITCH(particle, bias, organism.affine), .initial = "false",
     .help = "Every cell of a particle has a bias, which is one of the particle's weights: 34 weights for "
             "5-3-3-1. Such "
             "edges (the kind affine) add a constant to what they make of their input."},

    {INTEGER(training, epochs, schedule.epochs, 0, EPOCHS_MAX - 1), .initial = "200", .may_change = true,
     .help = "Passes over the training samples."},
    {INTEGER(training, batch, schedule.batch, 1, INT32_MAX), .initial = "2000",
     .help = "Samples between two task steps."},
    {INTEGER(training, self_train_steps, training.self_steps, 0, 1 << 20), .initial = "5",
     .help = "Self-training steps of every particle before each task step."},
    {CHOICE(training, optimizer, training.task.optimizer, optimizer_words), .initial = "sgd",
     .help = "How weights move along their gradients, as PyTorch does it." OPTIMIZERS(FLAG_HELP)},
    {REAL(training, learning_rate, training.task.rate, 0, 100), .initial = "0.004",
     .help = "Learning rate. With adam or adamw 0.001 is usual."},
    {REAL(training, weight_decay, training.task.decay, 0, 100), .initial = "0.0",
     .help = "Weight decay of the task's steps; what it does depends on the optimizer."},
    {REAL(training, momentum, training.task.momentum, 0, 1), .initial = "0.9",
     .help = "sgd: momentum of both tasks, v = momentum v + gradient."},
    {REALS(training, betas, training.task.beta, 0, 0.9999999), .initial = "[0.9, 0.999]",
     .help = "adam, adamw: how much of the sums of gradients and of their squares a step keeps; for "
             "both tasks."},
    {REAL(training, eps, training.task.eps, 1e-30, 1), .initial = "1.0e-8",
     .help = "adam, adamw: what is added to the root of the mean squares before the division by it."},
    {CHOICE(training, self_train_optimizer, training.self.optimizer, self_optimizer_words), .initial = "same",
     .help = "Optimizer of the self-training. same: the task's."},
    {REAL(training, self_train_learning_rate, training.self.rate, 0, 100), .open = "same", .initial = "same",
     .help = "Learning rate of the self-training. same: the task's."},
    {REAL(training, self_train_weight_decay, training.self.decay, 0, 100), .initial = "0.0",
     .help = "Weight decay of the self-training's steps."},
    {CHOICE(training, schedule, schedule.task_rate.kind, rate_words), .initial = "constant",
     .help =
         "How the learning rate changes from batch to batch, after the warm-up. While the organism settles, "
         "and in probes, it is the one that is written." RATES(FLAG_HELP)},
    {REAL(training, warmup, schedule.task_rate.warmup, 0, EPOCHS_MAX), .initial = "0.0",
     .help = "Epochs (0.5 is half of one) in which the learning rate grows in equal steps from zero."},
    {INTEGER(training, schedule_every, schedule.task_rate.every, 1, EPOCHS_MAX), .initial = "30",
     .help = "schedule: step, epochs from one step to the next."},
    {REAL(training, schedule_factor, schedule.task_rate.factor, 0, 1), .initial = "0.1",
     .help = "schedule: cosine, step: see there."},
    {CHOICE(training, self_train_schedule, schedule.self_rate.kind, self_rate_words), .initial = "same",
     .help =
         "How the self-training's rate changes, in all phases but not while the organism settles. same: as "
         "the task's, whose warm-up and numbers then count."},
    {REAL(training, self_train_warmup, schedule.self_rate.warmup, 0, EPOCHS_MAX), .initial = "0.0",
     .help = "As warmup, for another self_train_schedule than same."},
    {INTEGER(training, self_train_schedule_every, schedule.self_rate.every, 1, EPOCHS_MAX), .initial = "30",
     .help = "As schedule_every, for another self_train_schedule than same."},
    {REAL(training, self_train_schedule_factor, schedule.self_rate.factor, 0, 1), .initial = "0.1",
     .help = "As schedule_factor, for another self_train_schedule than same."},
    {CHOICE(training, momentum_buffers, training.buffers, momentum_buffers_words), .initial = "separate",
     .help = "The velocity of the self-training (and, with adam, its squares)." MOMENTUM_BUFFERS(WORDS_HELP)},
    {CHOICE(training, self_train_weights, training.self_weights, self_weights_words), .initial = "all",
     .help = "The weights that self-training moves." SELF_WEIGHTS(WORDS_HELP)},
    {CHOICE(training, settle, schedule.settle, settling_words), .initial = "none", .may_change = true,
     .help = "What makes particles self-replicators after the last task step. project: columns 0 to 3 of "
             "each particle's first weight layer change as little as possible, and no output changes by a "
             "bit. plain: "
             "settle_steps self-training steps, which change outputs more the farther particles were from "
             "fixpoints. none: nothing; with settle_steps above 0 it means project."},
    {INTEGER(training, settle_steps, schedule.settle_steps, 0, INT32_MAX), .initial = "0", .may_change = true,
     .help = "With settle: plain, the number of its self-training steps."},
    {STAGES(training, phases, schedule.stages), COUNT(schedule.n_stages), .open = "none", .initial = "none",
     .may_change = true,
     .help =
         "What is trained for how many epochs, one phase after the other: task (the organism's task), self "
         "(self-training), or both in turn. [{task: 200}, {self: 20}] switches from one to the other. A "
         "phase "
         "with until, such as {task: 20, until: 0.8}, ends as soon as an epoch reaches this train accuracy "
         "(classification only); the epochs that are left over go to the last phase. training.epochs is the "
         "sum of the phases: leave it out. none: both, for training.epochs. A resume may change phases that "
         "have not begun, and the length of the one under way."},
    {CHOICE(training, first, first.trains, training_first_words), .initial = "none", .old = true},
    {INTEGER(training, first_epochs, first.epochs, 0, EPOCHS_MAX - 1), .initial = "0", .old = true},
    {REAL(training, first_until_accuracy, first.until_accuracy, 0, 1), .initial = "0.0", .old = true},
    {INTEGER(training, patience, schedule.patience, 0, EPOCHS_MAX), .initial = "0", .may_change = true,
     .help =
         "Training ends early, after this many epochs in which the loss on the validation samples "
         "(task.validation) was not below its best before, at the first look (measure.validate_every) that "
         "finds it so; 0: never. The weights stay those of the last epoch."},
    {CHOICE(training, on_divergence, schedule.on_divergence, on_divergence_words), .initial = "stop",
     .may_change = true,
     .help =
         "What happens when a weight of a particle becomes infinite or not a number; it is noticed at the "
         "end of the epoch at the latest. stop: the run ends with exit code 1. reset: divergent particles "
         "get new random weights. ignore: the run goes on."},

    {CHOICE(pruning, schedule, pruning.schedule, pruning_schedule_words), .initial = "none",
     .help = "Whether particles are pruned: their weights become and stay zero, and so does what their edge "
             "does, while the others are trained on. oneshot: once, before epoch begin + 1. iterative: in "
             "rounds, each of which leaves the same share of what lived before. gradual: in rounds, many at "
             "first and few at the end (cubic). none: all stay."},
    {CHOICE(pruning, score, pruning.score, strategy_words), .initial = "magnitude",
     .help =
         "Which ones are pruned first. replicators: self-replicators, those that self-application moves "
         "least first. magnitude: small effective weights. activity: small |w| rms(x), x: the edge's input. "
         "gradient: small gradients of the loss. taylor: small |w g|. types: zero ones, then "
         "self-replicators, then others. random: by chance. With _layers: the same share of each layer. "
         "replicators and types need particles."},
    {REAL(pruning, share, pruning.share, 0, 1), .initial = "0.5",
     .help = "Share of all particles that are pruned after the last round."},
    {INTEGER(pruning, begin, pruning.begin, 0, EPOCHS_MAX), .initial = "50",
     .help = "Epochs of training before the first round."},
    {INTEGER(pruning, every, pruning.every, 1, EPOCHS_MAX), .initial = "10",
     .help = "Epochs of training from one round to the next."},
    {INTEGER(pruning, rounds, pruning.rounds, 1, 1 << 16), .initial = "5",
     .help =
         "Number of rounds of an iterative or gradual schedule. The epochs that are left over fine-tune what "
         "lives after the last one."},
    {INTEGER(pruning, rewind, pruning.rewind, REWIND_NONE, EPOCHS_MAX), .words = rewind_words,
     .initial = "none",
     .help =
         "Weights to which the particles that live go back in each round, with velocities of zero. init: the "
         "initial ones (lottery ticket). A number: those after this epoch. none: they keep theirs."},
    {REAL(pruning, regrow, pruning.regrow, 0, 1), .initial = "0.0",
     .help = "Share of the pruned particles that come back in each later round, with new random weights, "
             "while as "
             "many more are pruned."},

    {REAL(interaction, attack, interaction.probability[INTERACTION_ATTACK], 0, 1), .initial = "0.0",
     .help =
         "In every batch a particle meets at most one other particle of its cell, chosen at random. attack "
         "is the probability that one of the two attacks: it is applied to the other one's weights, and "
         "the result replaces them. The other one's velocities become zero. Not while settling."},
    {REAL(interaction, melt, interaction.probability[INTERACTION_MELT], 0, 1), .initial = "0.0",
     .help = "The probability that they melt instead: the other one takes half of its weights, at random "
             "positions, from the first. The probabilities of all kinds of interaction add up to at most 1; "
             "with all of them 0 nothing is computed."},
    {REAL(interaction, learn, interaction.probability[INTERACTION_LEARN], 0, 1), .initial = "0.0",
     .help =
         "The probability that the other one learns from the first instead: it takes gradient steps towards "
         "reproducing the first one's weights, as self-training does towards its own."},
    {INTEGER(interaction, severity, interaction.severity, 1, 1 << 20), .initial = "1",
     .help = "Gradient steps of learning in a meeting, with the optimizer and the learning rate of the "
             "self-training."},

    {INTEGER(measure, validate_every, measure.validate_every, 0, EPOCHS_MAX), .initial = "1",
     .may_change = true,
     .help = "Epochs from one evaluation of the test data to the next; 0: only at the end."},
    {INTEGER(measure, census_every, measure.census_every, 0, EPOCHS_MAX), .initial = "1", .may_change = true,
     .help = "Epochs from one census (particles counted by type) to the next; 0: only at the end."},
    {REAL(measure, epsilon, measure.epsilon, 0, 1), .initial = "1.0e-5",
     .help = "Tolerance of the types: self-application moves no weight of a self-replicator by more."},

    {INTEGER(archive, trajectory_every, archive.trajectory_every, 0, EPOCHS_MAX), .initial = "1",
     .help = "Epochs from one record of the archived weights to the next; 0: no archive."},
    {LIST(archive, trajectory_steps, archive.steps, 1, SAMPLES_MAX), COUNT(archive.n_steps), .open = "none",
     .initial = "none",
     .help =
         "Records also after these numbers of batches since the start, ascending: [1, 2, 4, 8, 16] shows how "
         "the "
         "first "
         "epoch, in which particles move most, begins. metazoa replay records any batch of any epoch later."},
    {LIST(archive, layers, archive.layers, 0, ORGANISM_LAYERS_MAX - 1), COUNT(archive.n_layers),
     .open = "all", .initial = "all",
     .help = "Layers in the archive; layer 0 is the one at the inputs. [] means all."},
    {REAL(archive, fraction, archive.fraction, 1e-9, 1), .initial = "1.0",
     .help = "Share of the particles in the archive. The seed decides which ones."},
    {SWITCH(archive, moments, archive.moments), .initial = "false",
     .help = "Keeps the sums from which metazoa pca --moments gets the principal components of all records, "
             "in the checkpoints: with trajectory_every: 0, which then takes them after every epoch, without "
             "any archive."},
    {INTEGER(archive, compress, archive.compress, 0, 9), .initial = "0",
     .help = "Deflate level of the archive; 0: not compressed."},

    {INTEGER(checkpoint, every, checkpoint.every, 0, EPOCHS_MAX), .initial = "20", .may_change = true,
     .help = "Epochs from one checkpoint to the next; 0: only at the end."},
    {REAL(checkpoint, minutes, checkpoint.minutes, 0, 1e6), .initial = "0.0", .may_change = true,
     .help = "Also writes a checkpoint, even inside an epoch, when the last one is this many minutes old; 0: "
             "not by time."},
    {INTEGER(checkpoint, keep, checkpoint.keep, 1, 1 << 20), .initial = "3", .may_change = true,
     .help = "Number of checkpoints that are kept; older ones are removed."},

    {LIST(parallel, grid, grid, 1, GRID_MAX), .open = "auto", .initial = "auto", .may_change = true,
     .job = true,
     .help = "Process grid [batch, rows, columns]; its product is the number of ranks. auto: the cost model "
             "picks it."},
    {INTEGER(parallel, block, organism.block, 1, 1 << 16), .initial = "256",
     .help =
         "Cells and edges of a block at most. Blocks are the units in which layers are spread over ranks. "
         "Another value gives other bits."},
    {INTEGER(parallel, chunk, organism.chunk, 1, 1 << 16), .initial = "256",
     .help =
         "Samples of a chunk at most. Chunks are the units in which batches are spread over ranks. Another "
         "value gives other bits."},
    {CHOICE(parallel, share_data, task.share_data, share_data_words), .initial = "auto", .may_change = true,
     .job = true,
     .help = "Whether the ranks of a node that need the same samples hold them once, in shared memory. auto: "
             "when their copies would take a gigabyte or more."},

    {INTEGER(io, parallel_from, io.parallel_from, 0, INT64_C(1) << 40), .initial = "33554432",
     .may_change = true,
     .help = "Checkpoints and archive segments with at least this many bytes of data are written by several "
             "ranks together; smaller ones, and compressed data, by rank 0 alone."},
    {INTEGER(io, writers, io.writers, 0, GRID_MAX), .initial = "64", .may_change = true, .job = true,
     .help =
         "Ranks that write into such a file at most, spread evenly over all; 0: all. The other ranks send "
         "them their share."},
    {INTEGER(io, alignment, io.alignment, 0, 1 << 30), .initial = "0", .may_change = true,
     .help =
         "In checkpoints and archive segments, every dataset with at least half this many bytes begins at "
         "a multiple of it. Set it to the stripe size of the file system (such as 1048576); 0: no "
         "alignment."},
};
const int config_n_keys = sizeof config_keys / sizeof config_keys[0];

int key_find(const char *section, const char *name)
{
    for (int i = 0; i < config_n_keys; i++)
        if (strcmp(config_keys[i].section, section) == 0 && strcmp(config_keys[i].name, name) == 0) return i;
    return -1;
}

bool key_retired(const char *section, const char *name)
{
    static const char *const names[] = {"collective_metadata",
                                        "hints"}; /* of io, for MPI-IO, in version 0.1 */
    bool retired = false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        retired = retired || (strcmp(section, "io") == 0 && strcmp(name, names[i]) == 0);
    return retired;
}

int key_section(const char *section)
{
    for (int i = 0; i < config_n_keys; i++)
        if (strcmp(config_keys[i].section, section) == 0) return i;
    return -1;
}

void config_free(struct config *config)
{
    for (int i = 0; i < config_n_keys; i++) {
        if (config_keys[i].type != KEY_TEXT) continue;
        void *text;
        memcpy(&text, (char *)config + config_keys[i].offset, sizeof text);
        memory_free(text);
    }
    *config = (struct config){0};
}
