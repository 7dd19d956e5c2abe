/* Reading files that all ranks need whole: rank 0 reads, all receive. */
#include <errno.h>
#include <string.h>

#include "command.h"
#include "metazoa/base/memory.h"

enum { FILE_MAX = 1 << 20 }; /* bytes: far beyond any configuration, and no accident fills the memory */

/* The file's text with room for FILE_MAX + 1 bytes; length -1 and the reason when it cannot be read. */
static char *file_read(const char *path, int64_t *length, const char **reason)
{
    char *text = memory_new(FILE_MAX + 2, 1);
    errno = 0;
    FILE *file = fopen(path, "rb");
    const size_t n = file ? fread(text, 1, FILE_MAX + 1, file) : 0;
    *reason = NULL;
    if (!file || ferror(file))
        *reason = errno ? strerror(errno) : "reading failed";
    else if (n > FILE_MAX)
        *reason = "it has more than 1 MiB";
    if (file) fclose(file);
    *length = *reason ? -1 : (int64_t)n;
    return text;
}

char *options_file(const char *path, int64_t *length, struct comm *world, enum exit_code code,
                   struct problems *problems)
{
    const char *reason = NULL;
    char *text = comm_rank(world) == 0 ? file_read(path, length, &reason) : NULL;
    if (reason) problems_add(problems, code, "%s: cannot be read: %s", path, reason);
    comm_broadcast(world, length, sizeof *length, 0);
    if (*length < 0) {
        memory_free(text);
        return NULL;
    }
    if (!text) text = memory_new(*length + 1, 1);
    comm_broadcast(world, text, *length, 0);
    text[*length] = 0;
    return text;
}

enum exit_code options_config(const struct options *options, struct config *config, struct comm *world)
{
    struct problems problems = {0};
    int64_t length = 0;
    const char *path = options->argument[0];
    *config = (struct config){0};
    char *text = options_file(path, &length, world, EXIT_USAGE, &problems);
    if (text) config_parse(config, text, length, path, options->n_sets, options->sets, &problems);
    memory_free(text);
    const enum exit_code code = comm_agree(world, &problems);
    if (code != EXIT_DONE) config_free(config);
    return code;
}
