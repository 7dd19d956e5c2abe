/* What a path is: a file, the folder of a run or of an ensemble, or nothing of the program's. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "metazoa/base/file.h"
#include "metazoa/base/memory.h"
#include "metazoa/base/words.h"
#include "metazoa/store/members.h"
#include "metazoa/store/verify.h"
#include "verify_file.h"

/* Whether a name is one that a run's folder, or an ensemble's, has. */
static bool is_runs_name(const char *name)
{
    static const char *const own[] = {"config.yaml", "metrics.csv", "archive", "archive.h5", NULL};
    return words_find(own, name) >= 0 || members_named(name) ||
           (strncmp(name, "checkpoint-", strlen("checkpoint-")) == 0 && file_ends(name, ".h5"));
}

static bool is_hdf5_name(const char *name)
{
    return file_ends(name, ".h5");
}

static bool has_names(const char *folder, bool (*wanted)(const char *name))
{
    struct names names = folder_names(folder, wanted);
    const bool some = names.n > 0;
    names_free(&names);
    return some;
}

/* Whether a file begins as HDF5 files do. */
static bool has_signature(const char *path)
{
    static const char signature[8] = {'\x89', 'H', 'D', 'F', '\r', '\n', '\x1a', '\n'};
    char begin[sizeof signature] = {0};
    FILE *file = fopen(path, "rb");
    const bool read = file && fread(begin, sizeof begin, 1, file) == 1;
    if (file) fclose(file);
    return read && memcmp(begin, signature, sizeof begin) == 0;
}

/* Why this is nothing that could be damaged, because no run has written it; NULL: it may be a run's. */
static const char *not_ours(const char *path, const struct stat *status)
{
    if (S_ISREG(status->st_mode))
        return file_ends(path, ".h5") || has_signature(path)
                   ? NULL
                   : "no HDF5 file: verify reads HDF5 files and runs";
    if (!S_ISDIR(status->st_mode)) return NULL;
    return has_names(path, is_runs_name) || has_names(path, is_hdf5_name)
               ? NULL
               : "no run: the folder has no configuration, checkpoint or archive";
}

/* A folder of files that is no run's, such as the segments of an archive: each of them. */
static enum exit_code verify_files(const char *folder, FILE *out)
{
    int64_t n[EXIT_INPUT + 1] = {0};
    struct names names = folder_names(folder, is_hdf5_name);
    for (int64_t i = 0; i < names.n; i++) {
        char *path = file_path(folder, names.name[i]);
        n[verify_file(path, out)]++;
        memory_free(path);
    }
    names_free(&names);
    fprintf(out,
            "%s: no run's folder; of its files %" PRId64 " are sound, %" PRId64 " damaged, %" PRId64
            " foreign\n",
            folder, n[EXIT_DONE], n[EXIT_INPUT], n[EXIT_USAGE]);
    return n[EXIT_INPUT] > 0 ? EXIT_INPUT : n[EXIT_DONE] > 0 ? EXIT_DONE : EXIT_USAGE;
}

enum exit_code verify_path(const char *path, verify_config *config, FILE *out)
{
    struct stat status;
    if (stat(path, &status) != 0) {
        fprintf(out, "%s: there is no such file or folder\n", path);
        return EXIT_INPUT;
    }
    const char *reason = not_ours(path, &status);
    if (reason) {
        fprintf(out, "%s: foreign: %s\n", path, reason);
        return EXIT_USAGE;
    }
    if (!S_ISDIR(status.st_mode)) return verify_file(path, out);
    return has_names(path, is_runs_name) ? verify_folder(path, config, out) : verify_files(path, out);
}
