#include "watch.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "metazoa/base/file.h"
#include "metazoa/base/hash.h"
#include "metazoa/base/memory.h"
#include "verify_file.h"

/* A state of a file, and what verify_file said of it. */
struct watched {
    char *path, *text; /* owned; text by free */
    uint64_t state;
    enum exit_code code;
};

/* 0: it is not there; a link that leads nowhere is. A file that is replaced has another number in its file
 * system. */
static uint64_t file_state(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0 && lstat(path, &status) != 0) return 0;
    const int64_t state[] = {(int64_t)status.st_ino, (int64_t)status.st_size, (int64_t)status.st_mtim.tv_sec,
                             (int64_t)status.st_mtim.tv_nsec};
    return hash_bytes(state, sizeof state, hash_bytes(path, strlen(path), 0)) | 1;
}

static const struct watched *known(const struct watch *watch, const char *path, uint64_t state)
{
    for (int64_t i = 0; i < watch->n; i++)
        if (watch->file[i].state == state && strcmp(watch->file[i].path, path) == 0) return &watch->file[i];
    return NULL;
}

enum exit_code watch_file(struct watch *watch, const char *path, FILE *out)
{
    const uint64_t state = file_state(path);
    const struct watched *before = known(watch, path, state);
    if (!before) {
        struct watched new = {.path = memory_string(path), .state = state};
        size_t bytes;
        FILE *memory = open_memstream(&new.text, &bytes);
        if (!memory) fatal("out of memory: what verify says");
        new.code = verify_file(path, memory);
        fclose(memory);
        if (new.code == EXIT_INPUT && (state == 0 || file_state(path) != state)) {
            memory_free(new.path);
            free(new.text);
            return EXIT_DONE;
        }
        watch->file = memory_grow(watch->file, watch->n + 1, sizeof *watch->file);
        before = &watch->file[watch->n];
        watch->file[watch->n++] = new;
    }
    fputs(before->text, out);
    fflush(out);
    return before->code;
}

void watch_free(struct watch *watch)
{
    for (int64_t i = 0; i < watch->n; i++) {
        memory_free(watch->file[i].path);
        free(watch->file[i].text);
    }
    memory_free(watch->file);
    *watch = (struct watch){0};
}

struct folder_state {
    const char *folder;
    uint64_t sum;
};

static void state_add(void *context, const char *name)
{
    struct folder_state *state = context;
    const size_t n = strlen(name);
    if (n < 3 || strcmp(name + n - 3, ".h5") != 0) return;
    char *path = file_path(state->folder, name);
    state->sum += file_state(path);
    memory_free(path);
}

uint64_t watch_state(const char *run)
{
    char *archive = file_path(run, "archive");
    struct folder_state files = {run, 0}, segments = {archive, 0};
    folder_visit(run, state_add, &files);
    folder_visit(archive, state_add, &segments);
    memory_free(archive);
    return files.sum + segments.sum;
}
