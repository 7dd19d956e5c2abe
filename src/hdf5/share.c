#include "metazoa/hdf5/share.h"

#include <stdlib.h>
#include <string.h>

#include "metazoa/base/guard.h"

bool share_sound(struct comm *comm, struct h5 *file)
{
    struct problems problems = {0};
    if (*file->problem) problems_add(&problems, EXIT_INPUT, "%s", file->problem);
    const bool sound = comm_share(comm, &problems);
    if (!sound) snprintf(file->problem, sizeof file->problem, "%s", problems.text[0]);
    problems_free(&problems);
    return sound;
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
    const bool good =
        h5_read_begin(&file, inspection->path) && inspection->inspect(&file, inspection->context);
    const bool sound = (good && !*file.problem) || file.newer;
    if (!sound) fputs(file.problem, out);
    h5_read_end(&file);
    return sound;
}

bool share_inspect(struct comm *comm, struct h5 *file, bool (*inspect)(struct h5 *file, const void *context),
                   const void *context)
{
    if (comm_rank(comm) == 0) {
        char reason[128], *text;
        struct inspection inspection = {file->path, inspect, context};
        const bool sound = guard_read(file->path, inspect_in_child, &inspection, &text, reason);
        text[strcspn(text, "\n")] = 0;
        if (!sound) h5_problem(file, "%s", *reason ? reason : text);
        free(text);
    }
    return share_sound(comm, file);
}
