#include "metazoa/hdf5/share.h"

#include <stdlib.h>
#include <string.h>

#include "metazoa/base/guard.h"

enum { SILENCE = 60 }; /* seconds until a child is given up */

bool share_sound(struct comm *comm, struct h5 *file)
{
    int64_t speaker = *file->problem ? comm_rank(comm) : INT64_MAX;
    comm_min_i64(comm, &speaker, 1);
    if (speaker == INT64_MAX) return true;
    comm_broadcast(comm, file->problem, sizeof file->problem, (int)speaker);
    return false;
}

struct inspection {
    const char *path;
    bool (*inspect)(struct h5 *file, const void *context);
    const void *context;
};

static bool inspect_in_child(void *context, FILE *out)
{
    const struct inspection *inspection = context;
    struct h5 file;
    const bool sound =
        (h5_read_begin(&file, inspection->path) && inspection->inspect(&file, inspection->context)) ||
        file.newer;
    if (!sound) fputs(file.problem, out);
    h5_read_end(&file);
    return sound;
}

bool share_inspect(struct comm *comm, struct h5 *file, bool (*inspect)(struct h5 *file, const void *context),
                   const void *context)
{
    if (comm_rank(comm) == 0) {
        char reason[128], *text = NULL;
        size_t length = 0;
        FILE *out = open_memstream(&text, &length);
        struct inspection inspection = {file->path, inspect, context};
        const bool sound = guard_run(inspect_in_child, &inspection, out, SILENCE, reason);
        fclose(out);
        if (!sound) h5_problem(file, "%s", *reason ? reason : text);
        free(text);
    }
    return share_sound(comm, file);
}
