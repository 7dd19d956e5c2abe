/* metazoa archive merge RUN: the trajectory archive as one plain file, of an ensemble each. Rank 0 works;
 * the others wait. */
#include <string.h>

#include "command.h"
#include "metazoa/base/memory.h"
#include "metazoa/base/terminal.h"
#include "metazoa/store/lock.h"
#include "metazoa/store/members.h"
#include "metazoa/store/verify.h"

/* Collective. output NULL: archive-merged.h5 in the run's folder. */
static enum exit_code merge(const char *run, const char *output, struct comm *world)
{
    char *usual = memory_print("%s/archive-merged.h5", run);
    if (comm_rank(world) == 0 && terminal_shown()) printf("merging the segments of %s\n", run);
    int64_t code = comm_rank(world) == 0 ? archive_merge(run, output ? output : usual, stdout) : EXIT_DONE;
    comm_max_i64(world, &code, 1);
    memory_free(usual);
    return (enum exit_code)code;
}

/* Each run of an ensemble; what is sound is merged, too, where another one is damaged. */
static enum exit_code merge_all(const struct members *members, struct comm *world)
{
    enum exit_code code = EXIT_DONE;
    for (int64_t i = 0; i < members->n; i++) {
        const enum exit_code now = merge(members->path[i], NULL, world);
        if (now > code) code = now;
    }
    return code;
}

enum exit_code command_archive(struct comm *world, int argc, char **argv)
{
    struct options options;
    struct problems problems = {0};
    enum exit_code code;
    if (options_begin(&options, world, argc, argv, &code)) return code;
    if (strcmp(options.argument[0], "merge") != 0)
        problems_add(&problems, EXIT_USAGE, "archive: unknown action \"%s\"; usage: %s archive merge RUN",
                     options.argument[0], program_called);
    const char *run = options.argument[1], *output = options_text(&options, "--output");
    struct members members = members_of(run, world);
    if (members.n > 0 && output)
        problems_add(&problems, EXIT_USAGE, "archive merge: --output takes one run, and %s is an ensemble",
                     run);
    if (output) lock_spare(output, &problems);
    code = comm_agree(world, &problems);
    if (code == EXIT_DONE) code = members.n > 0 ? merge_all(&members, world) : merge(run, output, world);
    members_free(&members);
    problems_free(&problems);
    options_free(&options);
    return code;
}
