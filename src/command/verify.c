/* metazoa verify FILE|RUN: is what lies there sound, and what can be recovered. Rank 0 reads; the others
 * wait. */
#include "command.h"
#include "metazoa/store/verify.h"

enum exit_code command_verify(struct comm *world, int argc, char **argv)
{
    struct options options;
    enum exit_code code;
    if (options_begin(&options, world, argc, argv, &code)) return code;
    int64_t sound = comm_rank(world) != 0 || verify_path(options.argument[0], stdout);
    comm_min_i64(world, &sound, 1);
    options_free(&options);
    return sound ? EXIT_DONE : EXIT_INPUT;
}
