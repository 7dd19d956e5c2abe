/* metazoa archive merge RUN: the trajectory archive as one plain file. Rank 0 works; the others wait. */
#include <string.h>

#include "command.h"
#include "metazoa/base/memory.h"
#include "metazoa/base/terminal.h"
#include "metazoa/store/verify.h"

enum exit_code command_archive(struct comm *world, int argc, char **argv)
{
    struct options options;
    struct problems problems = {0};
    enum exit_code code;
    if (options_begin(&options, world, argc, argv, &code)) return code;
    if (strcmp(options.argument[0], "merge") != 0)
        problems_add(&problems, EXIT_USAGE,
                     "archive: unknown action \"%s\"; usage: metazoa archive merge RUN", options.argument[0]);
    code = comm_agree(world, &problems);
    if (code == EXIT_DONE) {
        const char *run = options.argument[1], *output = options_text(&options, "--output");
        char *usual = memory_print("%s/archive-merged.h5", run);
        if (comm_rank(world) == 0 && terminal_shown()) printf("merging the segments of %s\n", run);
        int64_t sound = comm_rank(world) != 0 || archive_merge(run, output ? output : usual, stdout);
        comm_min_i64(world, &sound, 1);
        code = sound ? EXIT_DONE : EXIT_INPUT;
        memory_free(usual);
    }
    problems_free(&problems);
    options_free(&options);
    return code;
}
