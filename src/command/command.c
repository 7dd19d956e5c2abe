/* The table of subcommands. */
#include "command.h"

#include <string.h>

const struct command commands[] = {
    {"new", "NAME", "write a commented configuration for your own data, NAME.yaml", 1, command_new},
    {"train", "CONFIG", "train an organism; a run's files go to its folder", 1, command_train},
    {"check", "CONFIG", "check a configuration; print particles, memory, traffic and file sizes; run nothing",
     1, command_check},
    {"info", "RUN...", "what a run reached: one run in detail, several in one line each", -1, command_info},
    {"status", "RUN...",
     "say in one line per run whether it runs or waits, how quick it is, and when it ends", -1,
     command_status},
    {"probe", "KIND RUN",
     "do an experiment on a run's organism, or on those of an ensemble; a table, or JSON into a pipe", 2,
     command_probe},
    {"compile", "RUN", "make of a trained run an organism of self-replicators with the same function", 1,
     command_compile},
    {"verify", "FILE|RUN", "check checksums and completeness of a file or a run; say what can be used", 1,
     command_verify},
    {"replay", "RUN",
     "train epochs of a run once more, record any of their batches, and prove that they are those that "
     "happened",
     1, command_replay},
    {"pca", "RUN", "principal components of a run's archived trajectories, beside random walks", 1,
     command_pca},
    {"archive", "merge RUN", "make one plain file of a run's trajectory archive, or of each in an ensemble",
     2, command_archive},
    {"bench", "", "measure this machine and the program on it", 0, command_bench},
    {NULL, NULL, NULL, 0, NULL},
};

const struct command *command_named(const char *name)
{
    const struct command *command = commands;
    while (command->name && strcmp(command->name, name) != 0) command++;
    return command->name ? command : NULL;
}
