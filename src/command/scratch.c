#include "scratch.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "metazoa/base/memory.h"

char *scratch_above(const char *path)
{
    char *folder = memory_string(path), *slash;
    while (access(folder, F_OK) != 0 && (slash = strrchr(folder, '/')) > folder) *slash = 0;
    if (access(folder, F_OK) == 0) return folder;
    memory_free(folder);
    return memory_string(*path == '/' ? "/" : ".");
}

/* Rank 0. False: errno says why. */
static bool make(char *folder)
{
    if (!mkdtemp(folder)) return false;
    char *archive = memory_print("%s/archive", folder);
    const bool made = mkdir(archive, 0777) == 0;
    memory_free(archive);
    return made;
}

char *scratch_new(const char *parent, struct comm *world)
{
    char *above = scratch_above(parent), *folder = memory_print("%s/.metazoa-XXXXXX", above);
    int64_t made = comm_rank(world) != 0 || make(folder);
    const int reason = errno;
    comm_min_i64(world, &made, 1);
    comm_broadcast(world, folder, (int64_t)strlen(folder) + 1, 0);
    memory_free(above);
    errno = reason;
    if (made) return folder;
    memory_free(folder);
    return NULL;
}

/* Removes the files of a folder, and the folder. */
static void remove_folder(const char *folder)
{
    DIR *list = opendir(folder);
    if (!list) return;
    for (struct dirent *entry; (entry = readdir(list)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        char *path = memory_print("%s/%s", folder, entry->d_name);
        if (unlink(path) != 0) remove_folder(path);
        memory_free(path);
    }
    closedir(list);
    rmdir(folder);
}

void scratch_free(char *folder, struct comm *world)
{
    comm_barrier(world);
    if (comm_rank(world) == 0) remove_folder(folder);
    memory_free(folder);
}
