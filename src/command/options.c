/* The options of subcommands: their table, and how a command line is read by it. */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "command.h"
#include "metazoa/analyse/pca.h"
#include "metazoa/base/memory.h"
#include "metazoa/base/number.h"
#include "metazoa/base/path.h"
#include "metazoa/base/suggest.h"
#include "metazoa/base/words.h"
#include "metazoa/measure/probe.h"
#include "metazoa/task/task.h"
#include "metazoa/train/display.h"

static const struct option_row rows[] = {
    {"train check probe compile replay verify", "--set", "SECTION.KEY=VALUE",
     "replace a value of the configuration; may be repeated", NULL, NULL, NULL},
    {"train check", "--output", "DIR", "folder of the run, like --set run.output=DIR", NULL, NULL, NULL},
    {"compile", "--output", "DIR", "folder of the new run", "RUN-compiled", NULL, NULL},
    {"replay", "--epochs", "A:B", "the window: the states after epochs A to B; 0 is before training", NULL,
     NULL, NULL},
    {"replay", "--every", "N", "epochs from one record to the next; A and B always are", "1", NULL, NULL},
    {"replay", "--every-batch", NULL, "record the state after every batch", NULL, NULL, NULL},
    {"replay", "--layers", "LIST", "record these layers, as 0,2", "those of the run's archive", NULL, NULL},
    {"replay", "--output", "DIR", "folder for archive and metrics", "RUN/replay-A-B", NULL, NULL},
    {"pca", "--scope", "SCOPE", "what shares a space: the organism, each layer, type, particle or cell",
     "organism", NULL, pca_scopes},
    {"pca", "--origin", "ORIGIN",
     "what is analysed. mean: the weights; start: how far they are from those in the first record", "mean",
     NULL, pca_origins},
    {"pca", "--epochs", "A:B", "analyse the records of these epochs alone", "all", NULL, NULL},
    {"pca", "--components", "K", "keep the scores of this many components", "3", NULL, NULL},
    {"pca", "--walks", "N", "random walks beside each walker, the null model; 0: none", "3", NULL, NULL},
    {"pca", "--walkers", "N", "particles that walks are beside, at most 100000", "10000", NULL, NULL},
    {"pca", "--seed", "S", "of the random walks", "0", NULL, NULL},
    {"pca", "--whiten", NULL, "divide scores by their standard deviation", NULL, NULL, NULL},
    {"pca", "--no-scores", NULL, "components only: the archive is read once, not twice", NULL, NULL, NULL},
    {"pca", "--moments", NULL,
     "from the sums in the newest checkpoint (archive.moments), not from the archive; no walks and no scores",
     NULL, NULL, NULL},
    {"pca", "--output", "FILE", "the file to write", "RUN/pca-SCOPE.h5", NULL, NULL},
    {"verify", "--recompute", NULL,
     "train RUN once more and compare its checkpoints and its archive with what comes of it", NULL, NULL,
     NULL},
    {"verify", "--share", "S",
     "with --recompute: only this share of the epochs, from a checkpoint that the seed chooses", "1", NULL,
     NULL},
    {"train check replay", "--quiet", NULL, "print nothing but problems", NULL, NULL, NULL},
    {"train replay verify", "--init", "FILE",
     "start from the weights in FILE (shaped like a checkpoint), not from random ones", NULL, NULL, NULL},
    {"train", "--resume", NULL,
     "go on from the newest good checkpoint of the run's folder; start if there is none", NULL, NULL, NULL},
    {"train", "--progress", "KIND", "auto, bar (redrawn in place), plain (lines) or none", "auto", NULL,
     progress_words},
    {"train", "--max-hours", "H", "stop in time with a checkpoint and exit code 75", NULL, NULL, NULL},
    {"train probe", "--accept-other-data", NULL,
     "go on with, or probe on, other data than the run was trained on", NULL, NULL, NULL},
    {"check", "--ranks", "N", "compute for this many ranks, not for those that run", NULL, NULL, NULL},
    {"check", "--node-ranks", "N", "with that many of them on each node", "one per processor of this one",
     NULL, NULL},
    {"check", "--data", NULL, "read all of the data, not only headers and sizes", NULL, NULL, NULL},
    {"check", "--time", NULL, "read the data, try some batches and a checkpoint: how long will the run take?",
     NULL, NULL, NULL},
    {"new", "--data", "PATH", "the data: an HDF5 file, or a folder with MNIST or CIFAR-10 files", NULL, NULL,
     NULL},
    {"new", "--task", "KIND", NULL, "by the looks of the data", NULL, task_words},
    {"probe compile", "--epoch", "E", "take the checkpoint of epoch E, not the newest", NULL, NULL, NULL},
    {"archive", "--output", "FILE", "the file to write", "RUN/archive-merged.h5", NULL, NULL},
    {"check compile info status verify bench", "--json", NULL, "print the results as JSON", NULL, NULL, NULL},
    {"probe", "--json", NULL, "print the results as JSON, also on a terminal", NULL, NULL, NULL},
    {"bench", "--folder", "DIR", "where files are measured", "the working directory", NULL, NULL},
    {"*", "--help", NULL, "print this and do nothing else", NULL, NULL, NULL},
};

/* The row as it is, but for a help text that is the list of its words. */
static struct option_row with_help(const struct option_row *row)
{
    static char help[256]; /* of the only such row */
    struct option_row full = *row;
    if (row->help) return full;
    char *list = words_listed(row->words);
    snprintf(help, sizeof help, "%s", list);
    memory_free(list);
    full.help = help;
    return full;
}

bool option_row(struct option_row *row, int i)
{
    const int n = sizeof rows / sizeof *rows;
    if (i < n) *row = with_help(&rows[i]);
    if (i < n) return true;
    i -= n;
    for (const struct probe *const *probe = probes; *probe; probe++)
        for (const struct probe_option *own = (*probe)->options; own && own->name; own++) {
            if (i-- > 0) continue;
            *row = (struct option_row){"probe",      own->name,      own->value, own->help,
                                       own->initial, (*probe)->kind, NULL};
            return true;
        }
    return false;
}

bool option_belongs(const struct option_row *row, const char *command)
{
    if (strcmp(row->commands, "*") == 0) return true;
    const size_t length = strlen(command);
    for (const char *at = row->commands; *at; at += strspn(at, " ")) {
        const size_t word = strcspn(at, " ");
        if (word == length && strncmp(at, command, length) == 0) return true;
        at += word;
    }
    return false;
}

/* The row of an option by the first `length` characters of its name; false: the subcommand does not have it.
 * */
static bool option_find(struct option_row *row, const char *command, const char *name, size_t length)
{
    for (int i = 0; option_row(row, i); i++)
        if (strncmp(row->name, name, length) == 0 && !row->name[length] && option_belongs(row, command))
            return true;
    return false;
}

/* "; did you mean --resume?", or where all are listed. */
static void add_unknown(const struct options *options, const char *word, size_t length,
                        struct problems *problems)
{
    char *written = memory_print("%.*s", (int)length, word);
    struct suggest suggest = {.written = written};
    struct option_row row;
    for (int i = 0; option_row(&row, i); i++)
        if (option_belongs(&row, options->command)) suggest_try(&suggest, row.name);
    const char *meant = suggest_best(&suggest);
    if (meant)
        problems_add(problems, EXIT_USAGE, "%s has no option %s; did you mean %s?", options->command, written,
                     meant);
    else
        problems_add(problems, EXIT_USAGE, "%s has no option %s: \"%s %s --help\" lists them",
                     options->command, written, program_called, options->command);
    memory_free(written);
}

/* A folder's name as YAML. */
static char *output_set(const char *folder)
{
    char *quoted = config_quoted(folder), *set = memory_print("--output run.output=%s", quoted);
    memory_free(quoted);
    return set;
}

/* A shell does not replace the ~ of "--init=~/file". Its value is meant as a path in the configuration is. */
static bool takes_path(const struct option_row *row)
{
    static const char *const paths[] = {"DIR", "FILE", "PATH", "RUN", NULL};
    return row->value && words_find(paths, row->value) >= 0;
}

/* A value that is none of the words that the option takes. */
static void add_unknown_word(const struct option_row *row, const char *value, struct problems *problems)
{
    char list[256] = "";
    struct suggest suggest = {.written = value};
    for (int i = 0; row->words[i]; i++) {
        memory_append(list, sizeof list, i ? ", %s" : "%s", row->words[i]);
        suggest_try(&suggest, row->words[i]);
    }
    const char *meant = suggest_best(&suggest);
    problems_add(problems, EXIT_USAGE, "option %s: \"%s\" is none of %s%s%s%s", row->name, value, list,
                 meant ? "; did you mean " : "", meant ? meant : "", meant ? "?" : "");
}

static void option_take(struct options *options, const struct option_row *row, const char *value,
                        struct problems *problems)
{
    const char *reason;
    if (row->words && words_find(row->words, value) < 0) add_unknown_word(row, value, problems);
    char *path = takes_path(row) ? path_meant(value, &reason) : NULL;
    if (takes_path(row) && !path)
        problems_add(problems, EXIT_USAGE, "option %s = %s: %s", row->name, value, reason);
    options->given[options->n_given++] = (struct given){
        .name = row->name, .value = path ? path : memory_string(value), .own = row->kind != NULL};
    if (strcmp(row->name, "--set") == 0)
        options->sets[options->n_sets++] = memory_string(value);
    else if (strcmp(row->name, "--output") == 0 && path)
        options->sets[options->n_sets++] = output_set(path);
}

/* argv[at] begins with "-": takes it with its value; returns the place of the last word taken. */
static int option_read(struct options *options, int at, int argc, char **argv, struct problems *problems)
{
    const char *word = argv[at];
    const size_t length = strcspn(word, "=");
    const char *equals = word[length] ? word + length + 1 : NULL;
    struct option_row row;
    if (!option_find(&row, options->command, word, length)) {
        add_unknown(options, word, length, problems);
    } else if (!row.value) {
        if (equals) problems_add(problems, EXIT_USAGE, "option %.*s takes no value", (int)length, word);
        option_take(options, &row, "", problems);
    } else if (equals) {
        option_take(options, &row, equals, problems);
    } else if (at + 1 < argc) {
        option_take(options, &row, argv[++at], problems);
    } else {
        problems_add(problems, EXIT_USAGE, "option %s needs a value: %s", word, row.value);
    }
    return at;
}

/* Reads the words after the subcommand's name (argv[0]). Unknown options, missing values and a wrong number
 * of arguments are added to problems (EXIT_USAGE). */
static void options_read(struct options *options, int argc, char **argv, struct problems *problems)
{
    *options = (struct options){.command = argv[0],
                                .argument = memory_new(argc, sizeof *options->argument),
                                .given = memory_new(argc, sizeof *options->given),
                                .sets = memory_new(argc, sizeof(char *))};
    bool ended = false;
    int n = 0;
    for (int at = 1; at < argc; at++) {
        if (!ended && strcmp(argv[at], "--") == 0) {
            ended = true;
        } else if (!ended && argv[at][0] == '-' && argv[at][1]) {
            at = option_read(options, at, argc, argv, problems);
        } else {
            options->argument[n++] = argv[at];
        }
    }
    options->n_arguments = n;
    const struct command *command = command_named(options->command);
    if (command->n_arguments < 0 && n == 0)
        problems_add(problems, EXIT_USAGE, "%s needs an argument: %s %s %s", command->name, program_called,
                     command->name, command->arguments);
    else if (command->n_arguments >= 0 && n != command->n_arguments)
        problems_add(problems, EXIT_USAGE, "%s needs %d argument%s, not %d: %s %s%s%s", command->name,
                     command->n_arguments, command->n_arguments == 1 ? "" : "s", n, program_called,
                     command->name, *command->arguments ? " " : "", command->arguments);
}

void options_free(struct options *options)
{
    for (int i = 0; i < options->n_sets; i++) memory_free(options->sets[i]);
    for (int i = 0; i < options->n_given; i++) memory_free(options->given[i].value);
    memory_free(options->argument);
    memory_free(options->sets);
    memory_free(options->given);
    *options = (struct options){0};
}

const char *options_text(const struct options *options, const char *name)
{
    struct option_row row;
    assert(option_find(&row, options->command, name, strlen(name)));
    for (int i = options->n_given - 1; i >= 0; i--)
        if (strcmp(options->given[i].name, name) == 0) return options->given[i].value;
    return NULL;
}

bool options_given(const struct options *options, const char *name)
{
    return options_text(options, name) != NULL;
}

double options_number(const struct options *options, const char *name, double lo, double hi, double otherwise,
                      struct problems *problems)
{
    const char *text = options_text(options, name);
    if (!text) return otherwise;
    double value;
    if (number_real(text, &value) && value >= lo && value <= hi) return value;
    problems_add(problems, EXIT_USAGE, "option %s: \"%s\" is not a number from %g to %g", name, text, lo, hi);
    return otherwise;
}

int64_t options_integer(const struct options *options, const char *name, int64_t lo, int64_t hi,
                        int64_t otherwise, struct problems *problems)
{
    const char *text = options_text(options, name);
    int64_t value;
    if (!text) return otherwise;
    if (number_integer(text, &value) && value >= lo && value <= hi) return value;
    problems_add(problems, EXIT_USAGE, "option %s: \"%s\" is not an integer from %" PRId64 " to %" PRId64,
                 name, text, lo, hi);
    return otherwise;
}

enum exit_code options_config(const struct options *options, struct config *config, struct comm *world)
{
    return config_read(config, options->argument[0], options->n_sets, options->sets, EXIT_USAGE, world);
}

bool options_begin(struct options *options, struct comm *world, int argc, char **argv, enum exit_code *code)
{
    struct problems problems = {0};
    options_read(options, argc, argv, &problems);
    *code = comm_agree(world, &problems);
    if (*code == EXIT_DONE) return false;
    options_free(options);
    return true;
}
