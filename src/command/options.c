#include "command.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "metazoa/base/memory.h"

const struct option_row option_rows[] = {
    {"train check probe", "--set", "SECTION.KEY=VALUE",
     "replace a value of the configuration; may be repeated"},
    {"train check", "--output", "DIR", "folder of the run, like --set run.output=DIR"},
    {"archive", "--output", "FILE", "the file to write (RUN/archive-merged.h5)"},
    {"train check", "--quiet", NULL, "print nothing but problems"},
    {"train", "--init", "FILE",
     "start from the weights in FILE (shaped like a checkpoint), not from random ones"},
    {"train", "--resume", NULL,
     "go on from the newest good checkpoint of the run's folder; start when there is none"},
    {"train", "--max-hours", "H", "stop in time with a checkpoint and exit code 75"},
    {"check", "--ranks", "N", "compute for so many ranks, not for those that run"},
    {"probe", "--epoch", "E", "probe the checkpoint of epoch E, not the newest"},
    {"probe", "--seeds", "N", "robustness: noises a particle and magnitude; dropout: random orders (10)"},
    {"probe", "--noise", "KIND", "robustness: normal or uniform (normal)"},
    {"probe", "--cap", "N", "robustness: self-applications at most (1000)"},
    {"probe", "--particles", "N", "robustness: self-replicators at most, a random choice (10000)"},
    {"probe", "--single-steps", "N",
     "robustness: self-training steps of particles alone (as many as the organism's had)"},
    {"probe", "--samples", "N", "substitution: the first N test samples (all)"},
    {"probe", "--baseline", "RUN",
     "dropout: a conventional network (organism.edges: scalar) to prune as well"},
    {"probe", "--points", "N", "dropout: points of a curve (20)"},
    {"probe", "--epsilon", "LIST", "goal: tolerances of a fixpoint (1e-2,1e-3,...,1e-9)"},
    {"probe", "--zeta", "LIST", "goal: tolerances of the task (0.9,0.5,0.2,0.1,1e-2,...,1e-7)"},
    {"probe", "--steps", "N", "settle: self-training steps (2000)"},
    {"bench", "--json", NULL, "print the results as JSON"},
    {"bench", "--folder", "DIR", "where to measure files, default the working directory"},
    {"*", "--help", NULL, "print this and do nothing else"},
    {NULL, NULL, NULL, NULL},
};

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

/* The row of an option by the first `length` characters of its name; -1: the subcommand does not have it. */
static int option_find(const char *command, const char *name, size_t length)
{
    for (int i = 0; option_rows[i].name; i++)
        if (strncmp(option_rows[i].name, name, length) == 0 && !option_rows[i].name[length] &&
            option_belongs(&option_rows[i], command))
            return i;
    return -1;
}

/* A folder's name as YAML: characters that mean something there lose their meaning in double quotes. */
static char *output_set(const char *folder)
{
    char *quoted = memory_new(2 * (int64_t)strlen(folder) + 1, 1), *to = quoted;
    for (const char *from = folder; *from; from++) {
        if (*from == '"' || *from == '\\') *to++ = '\\';
        *to++ = *from;
    }
    char *set = memory_print("run.output=\"%s\"", quoted);
    memory_free(quoted);
    return set;
}

static void option_take(struct options *options, int row, const char *value)
{
    const char *name = option_rows[row].name;
    options->value[row] = value;
    if (strcmp(name, "--set") == 0)
        options->sets[options->n_sets++] = memory_string(value);
    else if (strcmp(name, "--output") == 0)
        options->sets[options->n_sets++] = output_set(value);
}

/* argv[at] begins with "-": takes it with its value; returns the place of the last word taken. */
static int option_read(struct options *options, int at, int argc, char **argv, struct problems *problems)
{
    const char *word = argv[at];
    const size_t length = strcspn(word, "=");
    const char *equals = word[length] ? word + length + 1 : NULL;
    const int row = option_find(options->command, word, length);
    if (row < 0) {
        problems_add(problems, EXIT_USAGE, "%s has no option %.*s: \"metazoa %s --help\" lists them",
                     options->command, (int)length, word, options->command);
    } else if (!option_rows[row].value) {
        if (equals) problems_add(problems, EXIT_USAGE, "option %.*s takes no value", (int)length, word);
        option_take(options, row, "");
    } else if (equals) {
        option_take(options, row, equals);
    } else if (at + 1 < argc) {
        option_take(options, row, argv[++at]);
    } else {
        problems_add(problems, EXIT_USAGE, "option %s needs a value: %s", word, option_rows[row].value);
    }
    return at;
}

static const struct command *command_named(const char *name)
{
    const struct command *command = commands;
    while (command->name && strcmp(command->name, name) != 0) command++;
    assert(command->name);
    return command;
}

void options_read(struct options *options, int argc, char **argv, struct problems *problems)
{
    *options = (struct options){.command = argv[0], .sets = memory_new(argc, sizeof(char *))};
    bool ended = false;
    int n = 0;
    for (int at = 1; at < argc; at++) {
        if (!ended && strcmp(argv[at], "--") == 0) {
            ended = true;
        } else if (!ended && argv[at][0] == '-' && argv[at][1]) {
            at = option_read(options, at, argc, argv, problems);
        } else {
            if (n < ARGUMENTS_MAX) options->argument[n] = argv[at];
            n++;
        }
    }
    options->n_arguments = n < ARGUMENTS_MAX ? n : ARGUMENTS_MAX;
    const struct command *command = command_named(options->command);
    if (n != command->n_arguments)
        problems_add(problems, EXIT_USAGE, "%s needs %d argument%s, not %d: metazoa %s%s%s", command->name,
                     command->n_arguments, command->n_arguments == 1 ? "" : "s", n, command->name,
                     *command->arguments ? " " : "", command->arguments);
}

void options_free(struct options *options)
{
    for (int i = 0; i < options->n_sets; i++) memory_free(options->sets[i]);
    memory_free(options->sets);
    *options = (struct options){0};
}

const char *options_text(const struct options *options, const char *name)
{
    const int row = option_find(options->command, name, strlen(name));
    assert(row >= 0 && row < OPTIONS_MAX);
    return options->value[row];
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
    char *end;
    const double value = strtod(text, &end);
    if (end != text && !*end && value >= lo && value <= hi) return value;
    problems_add(problems, EXIT_USAGE, "option %s: \"%s\" is not a number from %g to %g", name, text, lo, hi);
    return otherwise;
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
