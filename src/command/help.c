/* --help: usage, subcommands, options and the reference of keys, from the tables. */
#include <string.h>

#include "command.h"
#include "metazoa/measure/probe.h"

static void print_option(FILE *out, const struct option_row *row)
{
    const int n = fprintf(out, "  %s %s", row->name, row->value ? row->value : "");
    fprintf(out, "%*s%s", n < 28 ? 28 - n : 1, "", row->help);
    fprintf(out, row->initial ? " (%s)\n" : "\n", row->initial);
}

/* "train, check", "probe dropout", "all subcommands". */
static void print_owner(FILE *out, const struct option_row *row)
{
    if (strcmp(row->commands, "*") == 0) {
        fputs("all subcommands", out);
        return;
    }
    for (const char *at = row->commands; *at; at++) fputs(*at == ' ' ? ", " : (char[]){*at, 0}, out);
    if (row->kind) fprintf(out, " %s", row->kind);
}

static bool same_owner(const struct option_row *a, const struct option_row *b)
{
    return strcmp(a->commands, b->commands) == 0 &&
           strcmp(a->kind ? a->kind : "", b->kind ? b->kind : "") == 0;
}

static void print_options(FILE *out)
{
    struct option_row row, before = {.commands = ""};
    for (int i = 0; option_row(&row, i); i++) {
        if (!same_owner(&row, &before)) {
            fputs("\nOptions of ", out);
            print_owner(out, &row);
            fputs(":\n", out);
        }
        before = row;
        print_option(out, &row);
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

/* What a subcommand, or a probe of the given kind, does, and its options. */
static void print_command(FILE *out, const struct command *command, const struct probe *probe)
{
    const char *blank = *command->arguments ? " " : "";
    struct option_row row;
    if (probe)
        fprintf(out, "metazoa probe %s RUN [option]...\n%s\n\nOptions:\n", probe->kind, probe->help);
    else
        fprintf(out, "metazoa %s%s%s [option]...\n%s\n\nOptions:\n", command->name, blank, command->arguments,
                command->help);
    for (int i = 0; option_row(&row, i); i++)
        if (option_belongs(&row, command->name) &&
            (!row.kind || (probe && strcmp(row.kind, probe->kind) == 0)))
            print_option(out, &row);
}

static void print_probes(FILE *out)
{
    fputs("\nKIND is one of these; \"metazoa probe KIND --help\" lists the options of each:\n", out);
    for (int i = 0; probes[i]; i++) fprintf(out, "  %-26s%s\n", probes[i]->kind, probes[i]->help);
}

static void print_program(FILE *out)
{
    fprintf(out, "Metazoa trains organism networks: networks whose every edge is a self-replicating network, "
                 "a particle.\n\n"
                 "Usage: [mpirun -n RANKS] metazoa SUBCOMMAND ARGUMENTS [option]...\n"
                 "       metazoa help [SUBCOMMAND] | --version\n\nSubcommands:\n");
    for (const struct command *command = commands; command->name; command++) {
        const int n = fprintf(out, "  %s %s", command->name, command->arguments);
        fprintf(out, "%*s%s\n", n < 28 ? 28 - n : 1, "", command->help);
    }
    print_options(out);
    fprintf(out, "\nOf an option that is given twice the last value counts; each --set counts.\n");
    print_exit_codes(out);
    fprintf(out,
            "\nConfiguration: a YAML file of sections and keys (CONFIG), replaced one by one with --set.\n");
    config_reference(out, false);
}

void help_print(FILE *out, const struct command *command, const char *kind)
{
    const struct probe *probe = command && command->function == command_probe ? probe_find(kind) : NULL;
    if (!command) print_program(out);
    if (command) print_command(out, command, probe);
    if (command && command->function == command_probe && !probe) print_probes(out);
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
