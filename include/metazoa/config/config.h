/*
 * Configuration: one table of keys (config/table.c) drives parsing, checking, --set, `metazoa check`, --help
 * and the reference in the documentation. A key fills in a field of the struct of the module that uses it;
 * struct config holds these structs.
 */
#ifndef METAZOA_CONFIG_CONFIG_H
#define METAZOA_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "metazoa/base/error.h"
#include "metazoa/base/words.h"
#include "metazoa/hdf5/io.h"
#include "metazoa/organism/interact.h"
#include "metazoa/organism/organism.h"
#include "metazoa/organism/strategies.h"
#include "metazoa/store/archive.h"
#include "metazoa/store/checkpoint.h"
#include "metazoa/task/task.h"

/* The run as a whole. */
struct run_spec {
    char *name;
    int64_t seed;
    char *output;     /* folder */
    int64_t ensemble; /* organisms in one job, with the seeds seed, seed + 1, ... */
};

/* What a stage of the training trains: the organism's task, the particles' self-training, or both in turn. */
#define TRAINS(X) X(TRAIN_TASK, "task") X(TRAIN_SELF, "self") X(TRAIN_BOTH, "both")
enum trains { TRAINS(WORDS_VALUE) };
extern const char *const trains_words[];

/* One entry of training.phases. */
struct stage_spec {
    enum trains trains;
    int64_t epochs;        /* at most */
    double until_accuracy; /* it ends as soon as an epoch reaches this train accuracy; 0: not used */
};

/*
 * How particles become self-replicators after the last task step.
 *   project   by the smallest change of columns 0 to 3 of W_1; no output changes (organism_project)
 *   plain     by settle_steps self-training steps, which may change outputs
 */
#define SETTLING(X) X(SETTLE_NONE, "none") X(SETTLE_PROJECT, "project") X(SETTLE_PLAIN, "plain")
enum settling { SETTLING(WORDS_VALUE) };
extern const char *const settling_words[];

/* What happens when a particle is no longer finite. */
#define ON_DIVERGENCE(X)                                                                                     \
    X(DIVERGENCE_STOP, "stop") X(DIVERGENCE_RESET, "reset") X(DIVERGENCE_IGNORE, "ignore")
enum on_divergence { ON_DIVERGENCE(WORDS_VALUE) };

/*
 * How a learning rate changes from batch to batch: a factor that begins with 1, after the warm-up
 * (train/rate.c): value, word, whether it depends on the number of epochs, text for the help. The
 * self-training may have the task's.
 */
#define RATES(X)                                                                                             \
    X(RATE_CONSTANT, "constant", false, "it stays.")                                                         \
    X(RATE_COSINE, "cosine", true, "half a wave down to schedule_factor times the rate, at the last epoch.") \
    X(RATE_STEP, "step", false, "multiplied by schedule_factor every schedule_every epochs.")
enum rate_kind { RATES(WORDS_VALUE) RATE_KINDS, RATE_KIND_SAME = RATE_KINDS };
struct rate_spec {
    enum rate_kind kind;
    double warmup; /* epochs, in which the rate grows from zero */
    int64_t every; /* epochs */
    double factor;
};

/* The course of a training, for the modules above (train/schedule.h). */
struct schedule_spec {
    int64_t epochs, batch;                /* batch: samples between two task steps, at most */
    int n_stages;                         /* 0: both tasks in all epochs */
    struct stage_spec stages[STAGES_MAX]; /* the last one lasts until `epochs` */
    enum settling settle;                 /* what comes after the last task step */
    int64_t settle_steps;                 /* its self-training steps, if it is plain */
    enum on_divergence on_divergence;
    struct rate_spec task_rate, self_rate;
    int64_t
        patience; /* epochs without progress on the validation samples, after which training ends; 0: never */
};

/* The keys of version 0.1 that training.phases has replaced: one task alone, then both. They are read into
 * stages. */
#define TRAINING_FIRST(X) X(FIRST_NONE, "none") X(FIRST_SELF, "self") X(FIRST_TASK, "task")
enum training_first { TRAINING_FIRST(WORDS_VALUE) };
struct first_spec {
    enum training_first trains;
    int64_t epochs;
    double until_accuracy;
};

/*
 * Pruning (train/pruning.h): rounds, each of which prunes more particles.
 *   oneshot     one round
 *   iterative   every round leaves the same share of what lived before
 *   gradual     by Zhu and Gupta's cubic: fast at first, slower towards the end
 */
#define PRUNING_SCHEDULES(X)                                                                                 \
    X(PRUNING_NONE, "none")                                                                                  \
    X(PRUNING_ONESHOT, "oneshot") X(PRUNING_ITERATIVE, "iterative") X(PRUNING_GRADUAL, "gradual")
enum pruning_schedule { PRUNING_SCHEDULES(WORDS_VALUE) };
extern const char *const pruning_schedule_words[];
enum { REWIND_NONE = -1, REWIND_INIT };

struct pruning_spec {
    enum pruning_schedule schedule;
    enum strategy score;
    double share;         /* of all particles, pruned after the last round */
    int64_t begin, every; /* epochs before the first round, and from one round to the next */
    int64_t rounds;
    int64_t
        rewind; /* the epoch after which weights are kept: those that live go back to them; or REWIND_NONE */
    double regrow; /* share of the pruned particles that come back in each round */
};

/* What is measured along the way. */
struct measure_spec {
    int64_t validate_every, census_every; /* epochs; 0: only at the end */
    double epsilon;                       /* tolerance of the census */
};

struct config {
    struct run_spec run;
    struct task_spec task; /* its texts are owned by the configuration */
    struct organism_spec organism;
    struct training training;
    struct schedule_spec schedule;
    struct first_spec first;
    struct pruning_spec pruning;
    struct interaction_spec interaction;
    struct measure_spec measure;
    struct archive_spec archive; /* all but classification, which the task decides */
    struct checkpoint_spec checkpoint;
    int64_t grid[GRID_AXES]; /* ranks along each axis; zeros: the cost model picks */
    struct io io;
};

/* Local. Whether the cost model picks the process grid. */
static inline bool config_grid_auto(const struct config *config)
{
    return config->grid[0] == 0;
}

/* Local. The YAML library's version, "0.2.5"; static storage. */
const char *config_library(void);

/* Local. All defaults. */
void config_defaults(struct config *config);

/*
 * Local. Defaults, then YAML text (name: for messages, "FILE"), then the --set texts "section.key=value" in
 * order ("--output run.output=DIR" where an option stands for the key); config is overwritten and config_free
 * it, after problems too. Unknown, duplicate or mistyped keys and values out of range are all added to
 * problems, with file, line, column and the nearest known key (EXIT_USAGE). Anchors, aliases, tags and a
 * second document are refused; memory is bounded by the size of the text.
 */
void config_parse(struct config *config, const char *text, int64_t length, const char *name, int n_sets,
                  char *const *sets, struct problems *problems);

/*
 * Collective. The same for a file, which rank 0 reads. Problems are agreed on and printed; then their exit
 * code is returned and there is nothing to free. unreadable: the exit code if the file cannot be read.
 */
enum exit_code config_read(struct config *config, const char *path, int n_sets, char *const *sets,
                           enum exit_code unreadable, struct comm *comm);

/*
 * Collective. The same for the effective configuration that a run's folder keeps, RUN/config.yaml. It must be
 * that of the run's checkpoints, as far as one can be read: results of another one would be wrong
 * (EXIT_INPUT).
 */
enum exit_code config_read_run(struct config *config, const char *run, int n_sets, char *const *sets,
                               struct comm *comm);

/* Local. The effective configuration as YAML that config_parse reads back to an equal struct. Owned by the
 * caller. */
char *config_text(const struct config *config);

/* Local. The same for the run's binary files, whose bytes must depend on the run alone: keys that only say
 * where and how a job works have their defaults. Owned by the caller. */
char *config_text_for_files(const struct config *config);

/* Local. The keys whose values differ between two configurations: names "section.key", separated by ", ", of
 * those that a resume must not change; NULL when there are none. Owned by the caller. */
char *config_conflicts(const struct config *saved, const struct config *now);

/* Local. The same of those keys that a resume may change, without those that say only where and how a job
 * works. */
char *config_changes(const struct config *saved, const struct config *now);

/* Local. Writes the reference of all keys: as text for --help, or as Markdown for the documentation. */
void config_reference(FILE *out, bool markdown);

/* Local. A note for the user, if keys of version 0.1 were given that have another form now; else NULL. Owned
 * by the caller. */
char *config_note(const struct config *config);

/* Local. Key number i = 0, 1, ... of the table, for manuals and completion; false beyond the last.
 * memory_free values. */
struct config_key {
    const char *section, *name;
    char *values;             /* what it takes, "an integer from 1 to 16"; owned by the caller */
    const char *const *words; /* words that it takes, ending with NULL; or NULL */
    const char *initial;      /* the default, as YAML */
    const char *help;
};
bool config_key(struct config_key *key, int i);

void config_free(struct config *config);

/* Local. A text as a value in YAML, in quotes if it needs them. Owned by the caller. */
char *config_quoted(const char *text);

/* Local. Member i = 0, 1, ... of an ensemble: the same configuration with seed + i. Borrows all texts. */
struct config config_member(const struct config *config, int64_t i);

/* Local. The groups of an ensemble's ranks, side by side; each trains its organisms one after the other.
 * 1: no ensemble. */
int config_groups(const struct config *config, int ranks);

#endif
