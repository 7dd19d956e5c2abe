#include "metazoa/base/launcher.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "metazoa/base/memory.h"

/* The first `bytes` - 1 characters of a process's name; empty if it is unknown. */
static void name_of(long process, char *name, int bytes)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/comm", process);
    *name = 0;
    FILE *file = fopen(path, "r");
    if (file && fgets(name, bytes, file)) name[strcspn(name, "\n")] = 0;
    if (file) fclose(file);
}

/* 0 if it is unknown. */
static long parent_of(long process)
{
    char path[64], line[256];
    long parent = 0;
    snprintf(path, sizeof path, "/proc/%ld/status", process);
    FILE *file = fopen(path, "r");
    while (file && parent == 0 && fgets(line, sizeof line, file))
        if (strncmp(line, "PPid:", 5) == 0) parent = strtol(line + 5, NULL, 10);
    if (file) fclose(file);
    return parent;
}

struct launcher launcher_find(void)
{
    struct launcher launcher = {.process = getppid()};
    name_of(launcher.process, launcher.name, sizeof launcher.name);
    launcher.piped =
        strncmp(launcher.name, "hydra_", 6) == 0; /* MPICH has one such process per host in between */
    if (launcher.piped) {
        launcher.process = parent_of(launcher.process);
        name_of(launcher.process, launcher.name, sizeof launcher.name);
    } else if (!getenv("OMPI_COMM_WORLD_RANK")) {
        launcher = (struct launcher){0};
    }
    return launcher;
}

const char *launcher_output(const struct launcher *launcher)
{
    static char path[64];
    snprintf(path, sizeof path, "/proc/%ld/fd/1", launcher->process);
    return path;
}

/* Where a command lies, with all links followed. False: it is not on PATH. */
static bool command_place(const char *command, char place[PATH_MAX])
{
    const char *from = getenv("PATH");
    while (from && *from) {
        const int n = (int)strcspn(from, ":");
        char path[PATH_MAX];
        const int length = snprintf(path, sizeof path, "%.*s/%s", n, from, command);
        if (length < (int)sizeof path && access(path, X_OK) == 0 && realpath(path, place)) return true;
        from += n + (from[n] == ':');
    }
    return false;
}

const char *launcher_command(const char *library)
{
    static char name[32];
    const struct launcher launcher = launcher_find();
    snprintf(name, sizeof name, "%s", strncmp(launcher.name, "mpi", 3) == 0 ? launcher.name : "mpirun");
    if (launcher.process) return name;
    char usual[PATH_MAX], own[PATH_MAX];
    const char *const command = strncmp(library, "MPICH", 5) == 0      ? "mpirun.mpich"
                                : strncmp(library, "Open MPI", 8) == 0 ? "mpirun.openmpi"
                                                                       : "mpirun";
    if (command_place("mpirun", usual) && command_place(command, own) && strcmp(usual, own) != 0)
        snprintf(name, sizeof name, "%s", command);
    return name;
}

char *command_word(const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=+./,:@%";
    if (*word && strspn(word, plain) == strlen(word)) return memory_string(word);
    const size_t room = 4 * strlen(word) + 3; /* a quote becomes '\'' */
    char *quoted = memory_new((int64_t)room, 1);
    memory_append(quoted, room, "'");
    for (; *word; word++) memory_append(quoted, room, *word == '\'' ? "'\\''" : "%c", *word);
    memory_append(quoted, room, "'");
    return quoted;
}
