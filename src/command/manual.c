/* --help man: the manual page, from the tables of subcommands, options, probes and keys. */
#include <string.h>

#include "command.h"
#include "metazoa/base/memory.h"
#include "metazoa/measure/probe.h"

/* Writes a text so that troff prints it unchanged: hyphens stay hyphens, and no line begins a request. */
static void put(FILE *out, const char *text)
{
    if (*text == '.' || *text == '\'') fputs("\\&", out);
    for (; *text; text++) {
        if (*text == '\\')
            fputs("\\e", out);
        else if (*text == '-')
            fputs("\\-", out);
        else
            fputc(*text, out);
    }
}

/* An entry: the term in bold, its argument in italics, and the meaning below. */
static void put_item(FILE *out, const char *term, const char *argument, const char *meaning)
{
    fputs(".TP\n\\fB", out);
    put(out, term);
    fputs("\\fR", out);
    if (argument && *argument) {
        fputs(" \\fI", out);
        put(out, argument);
        fputs("\\fR", out);
    }
    fputc('\n', out);
    put(out, meaning);
    fputc('\n', out);
}

static void put_title(FILE *out, const char *name)
{
    fprintf(out, ".TH %s 1 \"\" \"Metazoa %s\" \"Metazoa\"\n", name, version_text());
}

static void put_begin(FILE *out)
{
    put_title(out, "METAZOA");
    fputs(".SH NAME\nmetazoa \\- train organism networks of self\\-replicating particles\n"
          ".SH SYNOPSIS\n[\\fBmpirun \\-n\\fR \\fIRANKS\\fR] \\fBmetazoa\\fR \\fISUBCOMMAND ARGUMENTS\\fR "
          "[\\fIOPTION\\fR]...\n.br\n\\fBmetazoa \\-\\-help\\fR "
          "[\\fBmarkdown\\fR|\\fBman\\fR|\\fBbash\\fR|\\fBzsh\\fR]"
          "\n.br\n\\fBmetazoa \\-\\-version\\fR\n"
          ".SH DESCRIPTION\nAn organism network is a neural network whose every edge is a small "
          "self\\-replicating\n"
          "network, a particle. \\fBmetazoa\\fR trains them on any number of MPI ranks; a run's numbers are "
          "the same\n"
          "bits on each of them, and after any kill and resume.\n",
          out);
}

static void put_commands(FILE *out)
{
    fputs(".SH SUBCOMMANDS\n", out);
    for (const struct command *command = commands; command->name; command++)
        put_item(out, command->name, command->arguments, command->help);
    fputs(".PP\nProbes (\\fIKIND\\fR):", out);
    for (int i = 0; probes[i]; i++) {
        fputs(i == 0 ? "\n" : ",\n", out);
        put(out, probes[i]->kind);
        fputs(": ", out);
        put(out, probes[i]->help);
    }
    fputs(".\n", out);
}

static void put_option(FILE *out, const struct option_row *row)
{
    char *help =
        memory_print("%s%s%s", row->help, row->initial ? "; default " : "", row->initial ? row->initial : "");
    put_item(out, row->name, row->value, help);
    memory_free(help);
}

static void put_options(FILE *out)
{
    struct option_row row;
    char *of = memory_string("");
    fputs(".SH OPTIONS\nAn option may stand anywhere after the subcommand; \\fB\\-\\-name value\\fR and\n"
          "\\fB\\-\\-name=value\\fR are the same, and \\fB\\-\\-\\fR ends the options.\n",
          out);
    for (int i = 0; option_row(&row, i); i++) {
        char *owner = memory_print("%s%s%s", *row.commands == '*' ? "all subcommands" : row.commands,
                                   row.kind ? " " : "", row.kind ? row.kind : "");
        if (strcmp(of, owner) != 0) {
            fputs(".SS Of ", out);
            put(out, owner);
            fputc('\n', out);
        }
        memory_free(of);
        of = owner;
        put_option(out, &row);
    }
    memory_free(of);
}

static void put_keys(FILE *out)
{
    struct config_key key;
    const char *section = "";
    fputs(".SH CONFIGURATION\nA YAML file of sections and keys. What it leaves out has its default;\n"
          "\\fB\\-\\-set\\fR \\fISECTION.KEY=VALUE\\fR replaces a value.\n",
          out);
    for (int i = 0; config_key(&key, i); i++) {
        if (strcmp(section, key.section) != 0) fprintf(out, ".SS %s\n", key.section);
        section = key.section;
        char *values = memory_print("%s; default %s", key.values, key.initial);
        put_item(out, key.name, values, key.help);
        memory_free(values);
        memory_free(key.values);
    }
}

static void put_codes(FILE *out)
{
    fputs(".SH EXIT STATUS\n", out);
    static const struct {
        enum exit_code code;
        const char *meaning;
    } codes[] = {{EXIT_DONE, "done"},
                 {EXIT_FAILED, "failed while running"},
                 {EXIT_USAGE, "wrong usage or configuration"},
                 {EXIT_INPUT, "damaged or unreadable input"},
                 {EXIT_STOPPED, "stopped early with a good checkpoint: run again with --resume"}};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        char *code = memory_print("%d", codes[i].code);
        put_item(out, code, NULL, codes[i].meaning);
        memory_free(code);
    }
}

static void put_end(FILE *out)
{
    put_codes(out);
    fputs(".SH ENVIRONMENT\n", out);
    put_item(out, "SLURM_JOB_END_TIME", NULL, "a run stops in time before the job ends, with a checkpoint");
    fputs(".SH FILES\n", out);
    put_item(out, "RUN/config.yaml", NULL, "the effective configuration");
    put_item(out, "RUN/metrics.csv, RUN/summary.json", NULL, "a row an epoch; the last one, and times");
    put_item(out, "RUN/checkpoint-EPOCH.h5, RUN/archive.h5", NULL,
             "states to go on from; trajectories of all weights");
    put_item(out, "RUN/run.json", NULL, "who made it: program, libraries, hosts, ranks");
    fputs(".SH EXAMPLES\n.EX\nmetazoa check conf/mnist.yaml\nmpirun \\-n 4 metazoa train conf/mnist.yaml "
          "\\-\\-set run.seed=2\n"
          "metazoa train conf/mnist.yaml \\-\\-resume\nmetazoa probe dropout runs/mnist\nmetazoa verify "
          "runs/mnist\n.EE\n"
          ".SH SEE ALSO\n",
          out);
    for (const struct command *command = commands; command->name; command++)
        fprintf(out, ".BR metazoa\\-%s (1),\n", command->name);
    fputs(".BR mpirun (1),\n.BR h5dump (1)\n", out);
}

/* The probes, each with the options that it owns. */
static void put_probes(FILE *out)
{
    struct option_row row;
    fputs(".SH PROBES\n", out);
    for (int p = 0; probes[p]; p++) {
        fprintf(out, ".SS %s\n", probes[p]->kind);
        put(out, probes[p]->help);
        fputc('\n', out);
        for (int i = 0; option_row(&row, i); i++)
            if (row.kind && strcmp(row.kind, probes[p]->kind) == 0) put_option(out, &row);
    }
}

/* metazoa-train.1 */
static void put_subcommand(FILE *out, const struct command *command)
{
    struct option_row row;
    char *title = memory_print("METAZOA-%s", command->name);
    put_title(out, title);
    memory_free(title);
    fprintf(out, ".SH NAME\nmetazoa\\-%s \\- ", command->name);
    put(out, command->help);
    fprintf(out, "\n.SH SYNOPSIS\n\\fBmetazoa %s\\fR \\fI", command->name);
    put(out, command->arguments);
    fputs("\\fR [\\fIOPTION\\fR]...\n.SH OPTIONS\n", out);
    for (int i = 0; option_row(&row, i); i++)
        if (option_belongs(&row, command->name) && !row.kind) put_option(out, &row);
    if (command->function == command_probe) put_probes(out);
    put_codes(out);
    fputs(".SH SEE ALSO\n.BR metazoa (1)\n", out);
}

void help_man(FILE *out, const struct command *command)
{
    if (command) {
        put_subcommand(out, command);
        return;
    }
    put_begin(out);
    put_commands(out);
    put_options(out);
    put_keys(out);
    put_end(out);
}
