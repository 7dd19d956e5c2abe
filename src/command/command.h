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
    int n_arguments;       /* arguments that are not options: exactly so many */
    enum exit_code (*function)(struct comm *world, int argc, char **argv); /* collective */
};

/* Ends with an entry whose name is NULL (main.c). */
extern const struct command commands[];

/* Collective over world. */
enum exit_code command_train(struct comm *world, int argc, char **argv);
enum exit_code command_check(struct comm *world, int argc, char **argv);
enum exit_code command_probe(struct comm *world, int argc, char **argv);
enum exit_code command_verify(struct comm *world, int argc, char **argv);
enum exit_code command_archive(struct comm *world, int argc, char **argv);
enum exit_code command_bench(struct comm *world, int argc, char **argv);

/* Local. What --help and --version print. command: NULL for the whole program. */
void help_print(FILE *out, const struct command *command);
void help_markdown(FILE *out); /* docs/configuration.md */
void help_man(FILE *out);      /* the manual page metazoa.1 */
void help_bash(FILE *out); /* completion for bash and zsh; `make install` puts them where the shells look */
void help_zsh(FILE *out);
void version_print(FILE *out);
const char *version_text(void); /* "0.1.0 (revision)": for files */

/*
 * Options, all in one table (options.c) that also makes the help. An option may stand anywhere after the
 * subcommand;
 * "--name value" and "--name=value" are the same, "--" ends the options. When an option that takes a value is
 * repeated, the last one counts, but every --set is kept.
 */
struct option_row {
    const char *commands; /* the subcommands that have it, separated by blanks; "*": all */
    const char *name;     /* "--init" */
    const char *value;    /* what the value is, "FILE"; NULL: a switch without value */
    const char *help;
};
extern const struct option_row option_rows[]; /* ends with name NULL */
bool option_belongs(const struct option_row *row, const char *command);

enum { OPTIONS_MAX = 64, ARGUMENTS_MAX = 16 };

struct options {
    const char *command;
    int n_arguments;
    const char *argument[ARGUMENTS_MAX]; /* the words that are not options: CONFIG, RUN, ... */
    const char
        *value[OPTIONS_MAX]; /* by row of the table: the last value; "" for a switch; NULL: not given */
    int n_sets;
    char **sets; /* "section.key=value" of --set and --output, in order; owned */
};

/*
 * Local. Reads the words after the subcommand's name (argv[0]). Unknown options, missing values and a wrong
 * number of arguments are added to problems (EXIT_USAGE).
 */
void options_read(struct options *options, int argc, char **argv, struct problems *problems);
void options_free(struct options *options);

/* Local. An option's last value, or NULL; whether it was given; its number within [lo, hi], or `otherwise`
 * when it was not. */
const char *options_text(const struct options *options, const char *name);
bool options_given(const struct options *options, const char *name);
double options_number(const struct options *options, const char *name, double lo, double hi, double otherwise,
                      struct problems *problems);

/*
 * Collective. The usual beginning of a subcommand: reads the options. Returns true when they are wrong: *code
 * is then the exit code, and nothing is to be freed. (--help never comes here: main.c prints it without MPI.)
 */
bool options_begin(struct options *options, struct comm *world, int argc, char **argv, enum exit_code *code);

/*
 * Collective. Reads a whole text file: rank 0 reads, all receive; NUL-terminated, owned by the caller
 * (memory_free), length without the NUL. A file that cannot be read is a problem (on rank 0 alone) of the
 * given code; then NULL, on all.
 */
char *options_file(const char *path, int64_t *length, struct comm *world, enum exit_code code,
                   struct problems *problems);

/* Collective. The configuration from the file argument[0] and --set. Problems are agreed on and printed; then
 * EXIT_USAGE. */
enum exit_code options_config(const struct options *options, struct config *config, struct comm *world);

#endif
