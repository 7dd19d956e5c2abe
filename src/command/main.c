/* Metazoa: organism networks of self-replicating particles. One subcommand a call; see --help. */
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "metazoa/base/memory.h"
#include "metazoa/base/processor.h"

const struct command commands[] = {
    {"train", "CONFIG", "train an organism; a run's files go to its folder", 1, command_train},
    {"check", "CONFIG", "check a configuration; print particles, memory, traffic and file sizes; run nothing",
     1, command_check},
    {"probe", "KIND RUN", "probe a run's organism: robustness, substitution, dropout, goal or settle", 2,
     command_probe},
    {"verify", "FILE|RUN", "check checksums and completeness of a file or a run; say what can be used", 1,
     command_verify},
    {"archive", "merge RUN", "make one plain file of a run's trajectory archive", 2, command_archive},
    {"bench", "", "measure this machine and the program on it", 0, command_bench},
    {NULL, NULL, NULL, 0, NULL},
};

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

static const struct command *command_named(const char *name)
{
    const struct command *command = commands;
    while (command->name && strcmp(command->name, name) != 0) command++;
    return command->name ? command : NULL;
}

/* What else --help can print of the whole program: `metazoa --help man`. */
static const struct form {
    const char *name;
    void (*print)(FILE *out);
} forms[] = {{"markdown", help_markdown}, {"man", help_man}, {"bash", help_bash}, {"zsh", help_zsh}};

static void print_form(const char *name)
{
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (strcmp(forms[i].name, name) == 0) {
            forms[i].print(stdout);
            return;
        }
    help_print(stdout, NULL);
}

/* Prints help or the version and returns true, if that is what was asked for. */
static bool print_only(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";
    const struct command *command = command_named(word);
    bool help = strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
    for (int i = 2; command && i < argc && strcmp(argv[i], "--") != 0; i++)
        help |= strcmp(argv[i], "--help") == 0;
    const bool version = strcmp(word, "--version") == 0;
    if (!help && !version) return false;
    if (launcher_rank() != 0) return true;
    if (version)
        version_print(stdout);
    else if (!command)
        print_form(argc > 2 ? argv[2] : "");
    else
        help_print(stdout, command);
    return true;
}

int main(int argc, char **argv)
{
    processor_begin(argv);
    memory_start();
    if (print_only(argc, argv)) return fflush(stdout) == 0 ? EXIT_DONE : EXIT_FAILED;
    struct comm *world = comm_start(&argc, &argv);
    const struct command *command = argc > 1 ? command_named(argv[1]) : NULL;
    enum exit_code code;
    if (command) {
        code = command->function(world, argc - 1, argv + 1);
    } else {
        struct problems problems = {0};
        if (argc < 2)
            problems_add(&problems, EXIT_USAGE, "no subcommand: \"metazoa --help\" lists them");
        else
            problems_add(&problems, EXIT_USAGE, "unknown subcommand \"%s\": \"metazoa --help\" lists them",
                         argv[1]);
        code = comm_agree(world, &problems);
    }
    comm_finish(world);
    return (int)code;
}
