/* --help: usage, subcommands, options and the reference of keys, from the tables. */
#include <string.h>

#include "command.h"

static void print_option(FILE *out, const struct option_row *row)
{
    const int n = fprintf(out, "  %s %s", row->name, row->value ? row->value : "");
    fprintf(out, "%*s%s\n", n < 28 ? 28 - n : 1, "", row->help);
}

/* "a b c" as "a, b, c". */
static void print_listed(FILE *out, const char *words)
{
    for (; *words; words++) fprintf(out, *words == ' ' ? ", " : "%c", *words);
}

static void print_options(FILE *out)
{
    const char *of = "";
    for (const struct option_row *row = option_rows; row->name; row++) {
        if (strcmp(of, row->commands) != 0) {
            fprintf(out, "\nOptions of ");
            if (*row->commands == '*')
                fprintf(out, "all subcommands");
            else
                print_listed(out, row->commands);
            fprintf(out, ":\n");
        }
        of = row->commands;
        print_option(out, row);
    }
}

static void print_exit_codes(FILE *out)
{
    fprintf(out,
            "\nExit codes: %d done; %d failed while running; %d wrong usage or configuration; %d damaged or "
            "unreadable\n"
            "input; %d stopped early with a good checkpoint: run again with --resume.\n",
            EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_INPUT, EXIT_STOPPED);
}

void help_print(FILE *out, const struct command *command)
{
    if (command) {
        const char *blank = *command->arguments ? " " : "";
        fprintf(out, "metazoa %s%s%s [option]...\n%s\n\nOptions:\n", command->name, blank, command->arguments,
                command->help);
        for (const struct option_row *row = option_rows; row->name; row++)
            if (option_belongs(row, command->name)) print_option(out, row);
        return;
    }
    fprintf(out, "Metazoa trains organism networks: networks whose every edge is a self-replicating network, "
                 "a particle.\n\n"
                 "Usage: [mpirun -n RANKS] metazoa SUBCOMMAND ARGUMENTS [option]...\n       metazoa --help | "
                 "--version\n\nSubcommands:\n");
    for (command = commands; command->name; command++) {
        const int n = fprintf(out, "  %s %s", command->name, command->arguments);
        fprintf(out, "%*s%s\n", n < 28 ? 28 - n : 1, "", command->help);
    }
    print_options(out);
    print_exit_codes(out);
    fprintf(out,
            "\nConfiguration: a YAML file of sections and keys (CONFIG), replaced one by one with --set.\n");
    config_reference(out, false);
}

void help_markdown(FILE *out)
{
    fprintf(
        out,
        "# Configuration\n\n"
        "A configuration is a YAML file of sections and keys. Every key has a default; what a file leaves "
        "out is\n"
        "filled in, and the run's folder keeps the effective configuration as `config.yaml`. `--set "
        "SECTION.KEY=VALUE`\n"
        "replaces a value; the value is YAML as it would stand in the file. Unknown, duplicate or mistyped "
        "keys and\n"
        "values out of range are listed all at once with file, line and column. `metazoa check CONFIG` tells "
        "whether a\n"
        "configuration is good, and what it will need.\n\n"
        "This page is made by `metazoa --help markdown` from the table that the program itself reads by.\n");
    config_reference(out, true);
}
