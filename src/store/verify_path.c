/* What a path is: a file, the folder of a run or of an ensemble, or nothing of the program's. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "metazoa/base/file.h"
#include "metazoa/store/members.h"
#include "metazoa/store/verify.h"
#include "verify_file.h"

/* Whether a run has written something of this name. */
static void find_trace(void *found, const char *name)
{
    const bool trace = strcmp(name, "config.yaml") == 0 || strcmp(name, "metrics.csv") == 0 ||
                       strcmp(name, "archive") == 0 || members_named(name) || file_ends(name, ".h5");
    *(bool *)found = *(bool *)found || trace;
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
    bool found = false;
    folder_visit(path, find_trace, &found);
    return found ? NULL : "no run: the folder has no configuration, checkpoint or archive";
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
    return S_ISDIR(status.st_mode) ? verify_folder(path, config, out) : verify_file(path, out);
}
