/* A configuration's file, read by rank 0 for all ranks. */
#include <errno.h>
#include <string.h>

#include "metazoa/base/file.h"
#include "metazoa/base/memory.h"
#include "metazoa/config/config.h"
#include "metazoa/parallel/comm.h"

enum { FILE_MAX = 1 << 20 }; /* bytes: far beyond any configuration; a wrong file cannot fill the memory */

/* Reads a file of at most FILE_MAX bytes. If it cannot be read, the length is -1 and *reason says why. */
static char *text_read(const char *path, int64_t *length, const char **reason)
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

/* Collective. The text of the file, which ends with NUL; NULL with a problem on rank 0 alone. */
static char *text_share(const char *path, int64_t *length, enum exit_code unreadable, struct comm *comm,
                        struct problems *problems)
{
    const char *reason = NULL;
    char *text = comm_rank(comm) == 0 ? text_read(path, length, &reason) : NULL;
    if (reason) problems_add(problems, unreadable, "%s: cannot be read: %s", path, reason);
    comm_broadcast(comm, length, sizeof *length, 0);
    if (*length < 0) {
        memory_free(text);
        return NULL;
    }
    if (!text) text = memory_new(*length + 1, 1);
    comm_broadcast(comm, text, *length, 0);
    text[*length] = 0;
    return text;
}

enum exit_code config_read(struct config *config, const char *path, int n_sets, char *const *sets,
                           enum exit_code unreadable, struct comm *comm)
{
    struct problems problems = {0};
    int64_t length = 0;
    *config = (struct config){0};
    char *text = text_share(path, &length, unreadable, comm, &problems);
    if (text) config_parse(config, text, length, path, n_sets, sets, &problems);
    memory_free(text);
    const enum exit_code code = comm_agree(comm, &problems);
    if (code != EXIT_DONE) config_free(config);
    return code;
}

/* Collective. Refuses a configuration, read from `path`, that is not that of a checkpoint. */
static void compare(const struct config *here, const char *path, const char *checkpoint, struct comm *comm,
                    struct problems *problems)
{
    struct config saved = {0};
    char *text = checkpoint_config_at(checkpoint, comm);
    if (text) config_parse(&saved, text, (int64_t)strlen(text), checkpoint, 0, NULL, problems);
    char *conflicts = text && problems->n == 0 ? config_conflicts(&saved, here) : NULL;
    if (conflicts)
        problems_add(problems, EXIT_INPUT,
                     "%s: is not the configuration of %s; these differ: %s (set them back, or remove that "
                     "file if it is of another run)",
                     path, file_name(checkpoint), conflicts);
    memory_free(conflicts);
    memory_free(text);
    config_free(&saved);
}

/* Collective. The same of all checkpoints of the run. */
static enum exit_code compare_all(const struct config *here, const char *path, const char *run,
                                  struct comm *comm)
{
    struct problems problems = {0};
    int64_t n;
    char **checkpoints = checkpoint_list(run, comm, &n);
    for (int64_t i = 0; i < n && problems.n == 0; i++) compare(here, path, checkpoints[i], comm, &problems);
    checkpoint_list_free(checkpoints, n);
    return comm_agree(comm, &problems);
}

enum exit_code config_read_run(struct config *config, const char *run, int n_sets, char *const *sets,
                               struct comm *comm)
{
    struct config here = {0};
    char *path = memory_print("%s/config.yaml", run);
    enum exit_code code = config_read(&here, path, 0, NULL, EXIT_INPUT, comm);
    if (code == EXIT_DONE) code = compare_all(&here, path, run, comm);
    config_free(&here);
    if (code == EXIT_DONE) code = config_read(config, path, n_sets, sets, EXIT_INPUT, comm);
    memory_free(path);
    return code;
}
