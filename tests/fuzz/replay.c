/* Gives a target each file of the folders, or the files, that are named: replay_NAME FOLDER|FILE... */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

static int replayed = 0;

static void replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    fuzz_must(file && fseek(file, 0, SEEK_END) == 0, "the corpus can be read");
    const size_t size = (size_t)ftell(file);
    rewind(file);
    uint8_t *data = malloc(size + !size);
    fuzz_must(data && fread(data, 1, size, file) == size, "the corpus can be read");
    fclose(file);
    printf("%s\n", path);
    fflush(stdout);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    replayed++;
}

static void replay(const char *path)
{
    DIR *list = opendir(path);
    if (!list) {
        replay_file(path);
        return;
    }
    for (struct dirent *entry; (entry = readdir(list));) {
        char inside[1024];
        snprintf(inside, sizeof inside, "%s/%s", path, entry->d_name);
        if (entry->d_name[0] != '.') replay_file(inside);
    }
    closedir(list);
}

int main(int argc, char **argv)
{
    LLVMFuzzerInitialize(&argc, &argv);
    for (int i = 1; i < argc; i++) replay(argv[i]);
    printf("%d inputs replayed\n", replayed);
    return replayed > 0 ? 0 : 1;
}
