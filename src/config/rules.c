/* Rules that concern more than one key, and values that follow from others. */
#include <string.h>

#include "metazoa/base/memory.h"
#include "metazoa/particle/kind.h"
#include "table.h"

struct rules {
    const struct config *config;
    const struct place *places;
    struct problems *problems;
};

/* Adds a problem at a key unless the rule is kept. Adds none if the value of the key, or of the `other` key
 * ("": no other), was refused before. */
static void rule(struct rules *rules, bool kept, const char *section, const char *name, const char *other,
                 const char *message)
{
    const int i = key_find(section, name), j = *other ? key_find(section, other) : i;
    const struct place *place = &rules->places[i];
    if (kept || !place->name || !rules->places[j].name) return;
    char *value = key_print(rules->config, &config_keys[i]);
    place_problem(place, rules->problems, "%s.%s = %s: %s", section, name, value, message);
    memory_free(value);
}

/* Whether all archived layers exist, and come in ascending order without doubles. */
static bool layers_ascend(const struct config *config)
{
    for (int i = 0; i < config->archive.n_layers; i++) {
        if (config->archive.layers[i] > config->organism.n_hidden) return false;
        if (i > 0 && config->archive.layers[i] <= config->archive.layers[i - 1]) return false;
    }
    return true;
}

static bool steps_ascend(const struct archive_spec *archive)
{
    for (int i = 1; i < archive->n_steps; i++)
        if (archive->steps[i] <= archive->steps[i - 1]) return false;
    return true;
}

static int64_t stages_epochs(const struct schedule_spec *schedule)
{
    int64_t sum = 0;
    for (int i = 0; i < schedule->n_stages; i++) sum += schedule->stages[i].epochs;
    return sum;
}

/* Whether all stages that wait for an accuracy learn the task. */
static bool accuracies_come(const struct schedule_spec *schedule)
{
    bool come = true;
    for (int i = 0; i < schedule->n_stages; i++)
        come = come && (schedule->stages[i].trains != TRAIN_SELF || schedule->stages[i].until_accuracy == 0);
    return come;
}

static bool waits_for_accuracy(const struct schedule_spec *schedule)
{
    bool waits = false;
    for (int i = 0; i < schedule->n_stages; i++) waits = waits || schedule->stages[i].until_accuracy > 0;
    return waits;
}

/* The keys first, first_epochs and first_until_accuracy, as stages. */
static void take_first(struct schedule_spec *schedule, const struct first_spec *first)
{
    const int64_t epochs = first->epochs < schedule->epochs ? first->epochs : schedule->epochs,
                  rest = schedule->epochs - epochs;
    if (first->trains == FIRST_NONE || schedule->n_stages > 0 || epochs == 0) return;
    const enum trains trains = first->trains == FIRST_SELF ? TRAIN_SELF : TRAIN_TASK;
    schedule->stages[schedule->n_stages++] = (struct stage_spec){trains, epochs, first->until_accuracy};
    if (rest > 0 || first->until_accuracy > 0)
        schedule->stages[schedule->n_stages++] = (struct stage_spec){TRAIN_BOTH, rest, 0};
}

char *config_note(const struct config *config)
{
    if (config->first.trains == FIRST_NONE) return NULL;
    char *stages = stages_print(&config->schedule);
    char *note = memory_print("training.first is the form of version 0.1; write \"phases: %s\"", stages);
    memory_free(stages);
    return note;
}

/* Copies values that several modules use. */
static void pass_on(struct config *config)
{
    config->task.seed = config->archive.seed = (uint64_t)config->run.seed;
    config->archive.interacts = interaction_chance(&config->interaction) > 0;
    config->archive.validates = config->task.validation > 0;
    config->archive.prunes = config->training.prunes = config->pruning.schedule != PRUNING_NONE;
    config->training.rewinds = config->training.prunes && config->pruning.rewind != REWIND_NONE;
}

struct config config_member(const struct config *config, int64_t i)
{
    struct config member = *config;
    member.run.seed += i;
    member.run.ensemble = 1;
    pass_on(&member);
    return member;
}

int config_groups(const struct config *config, int ranks)
{
    return config->run.ensemble < ranks ? (int)config->run.ensemble : ranks;
}

/* Fills in what was left open. This comes before the rules, so that a configuration that was written out
 * reads back to itself. */
static void complete(struct config *config)
{
    pass_on(config);
    if (task_draws(config->task.kind)) {
        if (config->task.samples == 0) config->task.samples = 1000;
        if (config->task.test_samples == 0) config->task.test_samples = 1000;
    }
    struct schedule_spec *schedule = &config->schedule;
    take_first(schedule, &config->first);
    if (schedule->n_stages > 0) schedule->epochs = stages_epochs(schedule);
    if (config->pruning.schedule == PRUNING_ONESHOT) config->pruning.rounds = 1;
    if (schedule->settle == SETTLE_NONE && schedule->settle_steps > 0) schedule->settle = SETTLE_PROJECT;
    struct organism_spec *organism = &config->organism;
    if (organism->edges == EDGES_PARTICLE && organism->affine) organism->edges = EDGES_AFFINE;
    if (organism->edges == EDGES_AFFINE) organism->affine = true;
    if (!*config->run.output) {
        memory_free(config->run.output);
        config->run.output = memory_print("runs/%s", config->run.name);
    }
}

/* The key of the last kind of interaction whose probability is above 0. */
static const char *interaction_asked(const struct config *config)
{
    int kind = INTERACTION_KINDS - 1;
    while (kind > 0 && !(config->interaction.probability[kind] > 0)) kind--;
    return interaction_words[kind];
}

/* The self-training can go on with the task's velocity if it takes the same steps. */
static void optimizer_rules(struct rules *rules)
{
    const struct training *training = &rules->config->training;
    const bool shared = training->buffers == MOMENTUM_SHARED;
    rule(rules, !shared || training_sweep(training).self.optimizer == training->task.optimizer, "training",
         "momentum_buffers", "self_train_optimizer", "both tasks then need the same optimizer");
    rule(rules, !shared || training->self_weights == SELF_ALL || training->task.optimizer == OPTIMIZER_SGD,
         "training", "momentum_buffers", "self_train_weights",
         "with self_train_weights: replication it needs \"optimizer: sgd\"");
}

/* training.phases decides how many epochs there are. A number in the file gives way to phases of --set. */
static void phases_rules(struct rules *rules)
{
    const struct config *config = rules->config;
    const struct schedule_spec *schedule = &config->schedule;
    const struct place *phases = &rules->places[key_find("training", "phases")],
                       *epochs = &rules->places[key_find("training", "epochs")];
    const bool given = epochs->line != PLACE_DEFAULT && !(epochs->line > 0 && phases->line == 0);
    rule(rules, schedule->n_stages == 0 || config->first.trains == FIRST_NONE, "training", "first", "phases",
         "training.phases has replaced it: leave it out");
    rule(rules, schedule->n_stages == 0 || !given || stages_epochs(schedule) == schedule->epochs, "training",
         "epochs", "phases", "it is the sum of the epochs in training.phases: leave it out, or change these");
    rule(rules, stages_epochs(schedule) < EPOCHS_MAX, "training", "phases", "", "too many epochs");
    rule(rules, accuracies_come(schedule), "training", "phases", "",
         "self-training has no accuracy to wait for: \"until\" needs task or both");
    rule(rules,
         !waits_for_accuracy(schedule) || !accuracies_come(schedule) || config->task.kind != TASK_ADDITION,
         "training", "phases", "", "the task addition has no accuracy to wait for");
}

/* The keys of version 0.1. */
static void first_rules(struct rules *rules)
{
    const struct first_spec *first = &rules->config->first;
    rule(rules, first->trains == FIRST_NONE || first->epochs > 0, "training", "first_epochs", "first",
         "training.first needs a number of epochs above 0");
    rule(rules, first->trains != FIRST_SELF || first->until_accuracy == 0, "training", "first_until_accuracy",
         "first", "only \"first: task\" can wait for an accuracy");
    rule(rules,
         first->trains != FIRST_TASK || rules->config->task.kind != TASK_ADDITION ||
             first->until_accuracy == 0,
         "training", "first_until_accuracy", "", "the task addition has no accuracy");
}

/* Pruning, and what it does not go together with. */
static void pruning_rules(struct rules *rules)
{
    const struct config *config = rules->config;
    const struct pruning_spec *pruning = &config->pruning;
    if (pruning->schedule == PRUNING_NONE) return;
    rule(rules, pruning->begin + (pruning->rounds - 1) * pruning->every < config->schedule.epochs, "pruning",
         "begin", "rounds",
         "the last round, begin + (rounds - 1) every, needs an epoch of training after it");
    rule(rules,
         particle_kinds[config->organism.edges]->replicates || !strategy_table[pruning->score].replicates,
         "pruning", "score", "",
         "numbers do not replicate: it needs \"organism: {edges: particle}\", or another score");
    rule(rules, pruning->rewind == REWIND_NONE || pruning->rewind < pruning->begin, "pruning", "rewind",
         "begin", "weights can go back only to an epoch before pruning.begin");
    rule(rules, pruning->rewind == REWIND_NONE || config->schedule.n_stages == 0, "pruning", "rewind", "",
         "it does not go together with training.phases: weights would go back, but the phases go on");
    rule(rules, pruning->regrow == 0 || pruning->rounds > 1, "pruning", "regrow", "schedule",
         "one round regrows nothing: it needs an iterative or gradual schedule with more rounds");
    rule(rules, interaction_chance(&config->interaction) == 0, "pruning", "schedule", "",
         "it does not go together with interactions: a pruned particle meets nobody");
}

/* What particles cannot do that have no projection (particle/affine.c): with biases a fixpoint adds no
 * constant. */
static void kind_rules(struct rules *rules)
{
    const struct config *config = rules->config;
    const struct particle_kind *kind = particle_kinds[config->organism.edges];
    const bool projects = kind->project || !kind->replicates;
    static const char why[] =
        "self-replicators with biases add no constant to what they make of their input, so that "
        "replication changes what these do: it needs another value, or particle.bias: false";
    rule(rules, projects || config->schedule.settle != SETTLE_PROJECT, "training", "settle", "", why);
    rule(rules, projects || config->training.self_weights == SELF_ALL, "training", "self_train_weights", "",
         why);
}

/* Before `complete`, which lets particle.bias decide the kind of the edges, and the other way round. */
static void bias_rule(struct rules *rules)
{
    const struct organism_spec *organism = &rules->config->organism;
    rule(rules, organism->edges != EDGES_SCALAR || !organism->affine, "particle", "bias", "",
         "numbers are no particles: it needs \"organism: {edges: particle}\"; organism.bias gives cells of "
         "numbers a bias");
    rule(rules,
         organism->edges != EDGES_AFFINE || organism->affine ||
             rules->places[key_find("particle", "bias")].line == PLACE_DEFAULT,
         "particle", "bias", "", "\"organism: {edges: affine}\" has biases: it needs edges: particle, too");
}

void rules_apply(struct config *config, const struct place *places, struct problems *problems)
{
    struct rules rules = {config, places, problems};
    const char *name = config->run.name;
    const int *size = config->task.size;
    const struct schedule_spec *schedule = &config->schedule;
    rule(&rules, !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0, "run", "name", "",
         "a name has no '/' and is not \".\" or \"..\"; run.output is the folder");
    rule(&rules,
         places[key_find("run", "output")].line == PLACE_DEFAULT ||
             config->run.output[strspn(config->run.output, " ")],
         "run", "output", "", "it names no folder: write one, or leave the key out for runs/ and the name");
    rule(&rules, config->run.seed + config->run.ensemble - 1 <= SEED_MAX, "run", "seed", "ensemble",
         "seeds go up to 10^18, that of the last organism, seed + ensemble - 1, too");
    rule(&rules,
         config->run.ensemble == 1 || strlen(config->run.output) + strlen("/seed-") + 19 <= OUTPUT_MAX, "run",
         "output", "ensemble", "too long: the folders of an ensemble's organisms are below it");
    phases_rules(&rules);
    first_rules(&rules);
    optimizer_rules(&rules);
    bias_rule(&rules);
    complete(config);
    kind_rules(&rules);
    rule(&rules, task_draws(config->task.kind) || *config->task.path, "task", "path", "kind",
         "task.kind needs the place of its data");
    rule(&rules, config->task.validation == 0 || !task_draws(config->task.kind), "task", "validation", "kind",
         "every epoch of this task has new samples: its training score is that of a validation already");
    rule(&rules, schedule->patience == 0 || config->task.validation > 0, "training", "patience", "",
         "it needs samples that are held out: task.validation, for example 0.1");
    rule(&rules, schedule->patience == 0 || config->measure.validate_every > 0, "training", "patience", "",
         "it needs looks at them: measure.validate_every above 0");
    rule(&rules, (size[0] == 0) == (size[1] == 0), "task", "size", "",
         "rows and columns are both above 0, or both 0 (as in the file)");
    rule(&rules, schedule->settle != SETTLE_PLAIN || schedule->settle_steps > 0, "training", "settle",
         "settle_steps", "it needs a number of steps, for example settle_steps: 2000");
    rule(&rules, config->archive.n_steps == 0 || config->archive.trajectory_every > 0, "archive",
         "trajectory_steps", "trajectory_every", "it needs an archive: trajectory_every above 0");
    rule(&rules, steps_ascend(&config->archive), "archive", "trajectory_steps", "",
         "numbers of batches, ascending");
    pruning_rules(&rules);
    const double chance = interaction_chance(&config->interaction);
    rule(&rules, chance <= 1, "interaction", interaction_asked(config), interaction_words[0],
         "one thing at most happens in a meeting: all probabilities add up to at most 1");
    rule(&rules, particle_kinds[config->organism.edges]->replicates || chance == 0, "interaction",
         interaction_asked(config), "",
         "particles interact, numbers do not: it needs \"organism: {edges: particle}\"");
    rule(&rules,
         particle_kinds[config->organism.edges]->learn ||
             config->interaction.probability[INTERACTION_LEARN] == 0 ||
             !particle_kinds[config->organism.edges]->replicates,
         "interaction", interaction_words[INTERACTION_LEARN], "",
         "particles of this kind cannot learn from others");
    if (places[key_find("organism", "hidden")].name)
        rule(&rules, layers_ascend(config), "archive", "layers", "",
             "layers are counted from 0 up to the number of hidden layers, ascending");
}
