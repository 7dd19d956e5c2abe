/* Preloaded: a node whose memory file system looks full to one rank, the last one, as it may when another
 * program takes the room at that instant. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

int statvfs(const char *path, struct statvfs *disk)
{
    int (*next)(const char *, struct statvfs *) =
        (int (*)(const char *, struct statvfs *))dlsym(RTLD_NEXT, "statvfs");
    const char *rank = getenv("OMPI_COMM_WORLD_RANK"), *ranks = getenv("OMPI_COMM_WORLD_SIZE");
    const int result = next(path, disk);
    if (rank && ranks && atoi(rank) == atoi(ranks) - 1 && strcmp(path, "/dev/shm") == 0) disk->f_bavail = 0;
    return result;
}
