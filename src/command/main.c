/* Metazoa: organism networks of self-replicating particles. One subcommand a call; see --help. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "metazoa/base/launcher.h"
#include "metazoa/base/memory.h"
#include "metazoa/base/processor.h"
#include "metazoa/base/suggest.h"
#include "metazoa/base/words.h"
#include "metazoa/measure/probe.h"

/* This process' rank as the launcher tells it before MPI has started: help must print once, and without MPI
 * too. */
static int launcher_rank(void)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "PALS_RANKID",
                                        "SLURM_PROCID"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *rank = getenv(names[i]);
        if (rank) return atoi(rank);
    }
    return 0;
}

static void print_man(FILE *out)
{
    help_man(out, NULL);
}

/* What else --help can print of the whole program: `metazoa --help man`. */
static const struct form {
    const char *name;
    void (*print)(FILE *out);
} forms[] = {
    {"markdown", help_markdown}, {"man", print_man}, {"bash", help_bash}, {"zsh", help_zsh}, {NULL, NULL}};

static bool is_one_of(const char *word, const char *const *words)
{
    return words_find(words, word) >= 0;
}

static const char *const help_words[] = {"--help", "-h", "help", NULL};
static const char *const version_words[] = {"--version", "-v", "-V", "version", NULL};

/* How many of the words "help train", "help probe goal", "--help man train" can be answered, "help" included. */
static int help_words_known(int argc, char **argv)
{
    const char *about = argc > 2 ? argv[2] : "", *more = argc > 3 ? argv[3] : "";
    const struct command *command = command_named(about);
    const struct form *form = forms;
    while (form->name && strcmp(form->name, about) != 0) form++;
    if (argc > 2 && !command && !form->name) return 1;
    if (strcmp(about, "man") == 0 && command_named(more)) return 3;
    return command && command->function == command_probe && probe_find(more) ? 3 : argc > 2 ? 2 : 1;
}

static void print_help(int argc, char **argv)
{
    const char *about = argc > 2 ? argv[2] : "", *more = argc > 3 ? argv[3] : "";
    for (const struct form *form = forms; form->name; form++)
        if (strcmp(form->name, about) == 0 && !*more) {
            form->print(stdout);
            return;
        }
    if (strcmp(about, "man") == 0)
        help_man(stdout, command_named(more));
    else
        help_print(stdout, command_named(about), more);
}

/* Whether "--help" is among the words after a subcommand. */
static bool asks_for_help(int argc, char **argv)
{
    for (int i = 2; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return true;
    return false;
}

/* How many words there are that are understood, of those that ask for help or the version. */
static int words_known(int argc, char **argv)
{
    return is_one_of(argv[1], version_words) ? 1 : help_words_known(argc, argv);
}

/* Prints help or the version and returns true, if that is what was asked for: once, and without MPI. */
static bool print_only(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";
    const struct command *command = command_named(word);
    const bool first = launcher_rank() == 0, help = is_one_of(word, help_words),
               version = is_one_of(word, version_words);
    if (!help && !version && !(command && asks_for_help(argc, argv))) return false;
    if (words_known(argc, argv) < argc - 1 && (help || version)) return false;
    if (first && help) print_help(argc, argv);
    if (first && version) version_print(stdout);
    if (first && !help && !version) help_print(stdout, command, argc > 2 ? argv[2] : "");
    return true;
}

/* The first word is no subcommand. */
static void add_unknown(const char *word, bool further, struct problems *problems)
{
    if (further) {
        problems_add(problems, EXIT_USAGE, "\"%s\" is a word too many", word);
        return;
    }
    struct suggest suggest = {.written = word};
    for (const struct command *command = commands; command->name; command++)
        suggest_try(&suggest, command->name);
    suggest_try(&suggest, "--help");
    suggest_try(&suggest, "--version");
    if (suggest_best(&suggest))
        problems_add(problems, EXIT_USAGE, "unknown subcommand \"%s\"; did you mean \"%s\"?", word,
                     suggest_best(&suggest));
    else
        problems_add(problems, EXIT_USAGE, "unknown subcommand \"%s\": \"%s --help\" lists them", word,
                     program_called);
}

/* What stands where a subcommand must; or, after words that ask for help or the version, one that says
 * nothing there. */
static void add_wrong(int argc, char **argv, struct problems *problems)
{
    const bool help = is_one_of(argv[1], help_words), version = is_one_of(argv[1], version_words);
    const int known = help || version ? words_known(argc, argv) : 0;
    const bool man = help && known == 2 && strcmp(argv[2], "man") == 0;
    add_unknown(argv[known + 1], version || (help && known > 1 && !man), problems);
}

/* Standard streams that were closed would be the numbers of the next files that are opened: what is printed
 * would go into them. And a file that may not grow further is an error of its write, not a signal that kills.
 */
static void make_safe(void)
{
    int opened;
    do opened = open("/dev/null", O_RDWR);
    while (0 <= opened && opened <= STDERR_FILENO);
    if (opened > STDERR_FILENO) close(opened);
    signal(SIGXFSZ, SIG_IGN);
}

/* The exit code of a command that has printed something: it failed if that was lost. */
static enum exit_code printed(enum exit_code code, const struct command *command)
{
    static const char *const writes[] = {"train", "compile", "replay", "probe", "pca", "archive", NULL};
    const char *reason = fflush(stdout) != 0 ? strerror(errno) : ferror(stdout) ? "a part is lost" : NULL;
    if (!reason || code != EXIT_DONE) return code;
    fprintf(stderr, "metazoa: standard output cannot be written: %s%s\n", reason,
            command && is_one_of(command->name, writes)
                ? "; what it had to do is done, and its files are complete"
                : "");
    return EXIT_FAILED;
}

int main(int argc, char **argv)
{
    make_safe();
    memory_start();
    program_called = command_word(program_invocation_name);
    if (print_only(argc, argv)) return (int)printed(EXIT_DONE, NULL);
    struct comm *world = comm_start(&argc, &argv);
    const struct command *command = argc > 1 ? command_named(argv[1]) : NULL;
    enum exit_code code;
    if (command) {
        code = command->function(world, argc - 1, argv + 1);
    } else {
        struct problems problems = {0};
        if (argc < 2)
            problems_add(&problems, EXIT_USAGE, "no subcommand: \"%s --help\" lists them", program_called);
        else
            add_wrong(argc, argv, &problems);
        code = comm_agree(world, &problems);
    }
    code = printed(code, command);
    comm_finish(world);
    return (int)code;
}
