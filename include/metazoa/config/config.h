/*
 * Configuration: one table of keys (config/table.c) drives parsing, checking, --set, `metazoa check`, --help
 * and the reference in the documentation. This struct is what the table fills in.
 */
#ifndef METAZOA_CONFIG_CONFIG_H
#define METAZOA_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "metazoa/base/error.h"
#include "metazoa/organism/organism.h"
#include "metazoa/store/archive.h"
#include "metazoa/hdf5/io.h"
#include "metazoa/task/task.h"

enum training_first { FIRST_NONE, FIRST_SELF, FIRST_TASK };
enum share_data { SHARE_AUTO, SHARE_ALWAYS, SHARE_NEVER };
enum on_divergence { DIVERGENCE_STOP, DIVERGENCE_RESET, DIVERGENCE_IGNORE };

struct config {
    struct {
        char *name;
        int64_t seed;
        char *output;
        int64_t ensemble; /* organisms in one job, seeds seed, seed + 1, ... */
    } run;
    struct {
        enum task_kind kind;
        char *path;
        bool colour;
        int64_t size[2];
        double noise;
        bool shuffle;
        int64_t samples, test_samples, inputs;
    } task;
    struct {
        int n_hidden;
        int64_t hidden[ORGANISM_LAYERS_MAX - 1];
        enum activation activation;
        bool scalar; /* edges: scalar */
        bool scaled; /* start: layer */
        bool residual;
    } organism;
    struct {
        int64_t width, layers;
    } particle;
    struct {
        int64_t epochs, batch, self_train_steps;
        double learning_rate, momentum;
        enum momentum_buffers momentum_buffers;
        int64_t settle_steps;
        enum training_first first;   /* one task alone first ... */
        int64_t first_epochs;        /* ... for so many epochs at most, */
        double first_until_accuracy; /* or (task first) until this train accuracy (0: not used) */
        enum on_divergence on_divergence;
    } training;
    struct {
        double attack, melt; /* probabilities of a meeting (organism/interact.h); both 0: no interaction */
    } interaction;
    struct {
        int64_t validate_every, census_every; /* epochs; 0: never (but at the end) */
        double epsilon;
    } measure;
    struct {
        int64_t trajectory_every; /* epochs; 0: no archive */
        int n_layers;             /* 0: all */
        int64_t layers[ORGANISM_LAYERS_MAX];
        double fraction;  /* of the particles */
        int64_t compress; /* deflate level, 0: none */
    } archive;
    struct {
        int64_t every;  /* epochs; 0: only at the end */
        double minutes; /* 0: not by time */
        int64_t keep;
    } checkpoint;
    struct {
        bool grid_auto;
        int64_t grid[GRID_AXES];
        int64_t block, chunk;
        enum share_data share_data;
    } parallel;
    struct {
        int64_t parallel_from, writers, alignment;
        bool collective_metadata;
        char *hints;
    } io;
};

/* Local. All defaults. */
void config_defaults(struct config *config);

/*
 * Local. Defaults, then YAML text (name: for messages, "FILE"), then the --set texts "section.key=value" in
 * order; config is overwritten and config_free it, after problems too. Unknown, duplicate or mistyped keys
 * and values out of range are all added to problems, with file, line, column and the nearest known key
 * (EXIT_USAGE). Anchors, aliases, tags and a second document are refused; memory is bounded by the size of
 * the text.
 */
void config_parse(struct config *config, const char *text, int64_t length, const char *name, int n_sets,
                  char *const *sets, struct problems *problems);

/* Local. The effective configuration as YAML that config_parse reads back to an equal struct. Owned by the
 * caller. */
char *config_text(const struct config *config);

/* Local. The keys whose values differ between two configurations: names "section.key", separated by ", ", of
 * those that a resume must not change; NULL when there are none. Owned by the caller. */
char *config_conflicts(const struct config *saved, const struct config *now);

/* Local. Writes the reference of all keys: as text for --help, or as Markdown for the documentation. */
void config_reference(FILE *out, bool markdown);

/* Local. Key number i = 0, 1, ... of the table, for manuals and completion; false beyond the last.
 * memory_free values. */
struct config_key {
    const char *section, *name;
    char *values;        /* what it takes, "an integer from 1 to 16"; owned by the caller */
    const char *words;   /* "linear|gelu": words that it takes, or NULL */
    const char *initial; /* the default, as YAML */
    const char *help;
};
bool config_key(struct config_key *key, int i);

void config_free(struct config *config);

/* Local. What the modules below want to know, from a configuration (task opened: inputs, outputs,
 * classification). */
struct task_spec config_task(const struct config *config);
struct organism_shape config_shape(const struct config *config, const struct task *task);
struct training config_training(const struct config *config);
bool config_interacts(const struct config *config);
struct archive_spec config_archive(const struct config *config); /* all but classification */
char *config_text_for_files(const struct config *config); /* without what must not matter to a file's bytes;
                                                             owned by the caller */
struct io config_io(const struct config *config);         /* borrows the hints */

#endif
