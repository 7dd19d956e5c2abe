/*
 * Subcommands: one file each. main.c starts MPI, finds the subcommand, and ends MPI; a subcommand reads its
 * options, does its work and returns the exit code, the same on every rank. argv[0] is the subcommand's name.
 */
#ifndef METAZOA_COMMAND_COMMAND_H
#define METAZOA_COMMAND_COMMAND_H

#include <stdbool.h>
#include <stdio.h>

#include "metazoa/base/error.h"
#include "metazoa/config/config.h"
#include "metazoa/parallel/comm.h"

struct command {
    const char *name;
    const char *arguments; /* what follows the name */
    const char *help;      /* one line */
    int n_arguments;       /* how many arguments that are not options it needs; -1: one or more */
    enum exit_code (*function)(struct comm *world, int argc, char **argv); /* collective */
};

/* Ends with an entry whose name is NULL (command.c). */
extern const struct command commands[];

/* Local. Compares configurations of a run's files, or of an ensemble's runs: a verify_config
 * (store/verify.h). */
char *verify_compare(const char *text, const char *name, const char *saved, const char *saved_name, char *set,
                     bool *wrong);

/* Local. The subcommand of a name, or NULL. */
const struct command *command_named(const char *name);

/* Collective over world. */
enum exit_code command_new(struct comm *world, int argc, char **argv);
enum exit_code command_train(struct comm *world, int argc, char **argv);
enum exit_code command_check(struct comm *world, int argc, char **argv);
enum exit_code command_info(struct comm *world, int argc, char **argv);
enum exit_code command_status(struct comm *world, int argc, char **argv);
enum exit_code command_probe(struct comm *world, int argc, char **argv);
enum exit_code command_compile(struct comm *world, int argc, char **argv);
enum exit_code command_verify(struct comm *world, int argc, char **argv);
enum exit_code command_replay(struct comm *world, int argc, char **argv);
enum exit_code command_pca(struct comm *world, int argc, char **argv);
enum exit_code command_archive(struct comm *world, int argc, char **argv);
enum exit_code command_bench(struct comm *world, int argc, char **argv);

/* Local. What --help and --version print. command: NULL for the whole program; kind: of a probe, or "". */
void help_print(FILE *out, const struct command *command, const char *kind);
void help_markdown(FILE *out); /* docs/configuration.md */
/* Manual pages: metazoa.1, or that of a subcommand, metazoa-train.1. */
void help_man(FILE *out, const struct command *command);
void help_bash(FILE *out); /* completion for bash and zsh; `make install` puts them where the shells look */
void help_zsh(FILE *out);
void version_print(FILE *out);
const char *version_text(void); /* "0.1.0 (revision)": for files */

/*
 * Options: those of the subcommands in one table (options.c), and those that probes own (measure/probe.h);
 * help, manual page and completion loop over them. An option may stand anywhere after the subcommand; "--name
 * value" and "--name=value" are the same, "--" ends the options. When an option that takes a value is
 * repeated, the last one counts, but every --set is kept.
 */
struct option_row {
    const char *commands; /* the subcommands that have it, separated by blanks; "*": all */
    const char *name;     /* "--init" */
    const char *value;    /* what the value is, "FILE"; NULL: a switch without value */
    const char *help;
    const char *initial;      /* the default; NULL: none, or the help says it */
    const char *kind;         /* the probe that owns it, or NULL */
    const char *const *words; /* the values that it takes, or NULL */
};

/* Local. Row number i = 0, 1, ...; false beyond the last. */
bool option_row(struct option_row *row, int i);
bool option_belongs(const struct option_row *row, const char *command);

struct options {
    const char *command;
    int n_arguments;
    const char **argument; /* the words that are not options: CONFIG, RUN, ...; owned, but not its texts */
    int n_given;
    struct given {
        const char *name;
        char *value; /* "" for a switch; owned */
        bool own;    /* an option that a probe owns */
    } * given;       /* in order; owned */
    int n_sets;
    char **sets; /* "section.key=value" of --set and --output, in order; owned */
};

/* Local. */
void options_free(struct options *options);

/* Local. An option's last value, or NULL; whether it was given; its number within [lo, hi], or `otherwise`
 * when it was not given. */
const char *options_text(const struct options *options, const char *name);
bool options_given(const struct options *options, const char *name);
double options_number(const struct options *options, const char *name, double lo, double hi, double otherwise,
                      struct problems *problems);
int64_t options_integer(const struct options *options, const char *name, int64_t lo, int64_t hi,
                        int64_t otherwise, struct problems *problems);

/*
 * Collective. The usual beginning of a subcommand: reads the options. Returns true if they are wrong: *code
 * is then the exit code, and there is nothing to free. (main.c handles --help, without MPI.)
 */
bool options_begin(struct options *options, struct comm *world, int argc, char **argv, enum exit_code *code);

/* Collective. The configuration from the file argument[0] and --set. Problems are agreed on and printed; then
 * EXIT_USAGE. */
enum exit_code options_config(const struct options *options, struct config *config, struct comm *world);

#endif
