/* metazoa archive merge RUN: the trajectory archive as one plain file. */
#include "command.h"

enum exit_code command_archive(struct comm *world, int argc, char **argv)
{
    struct options options;
    enum exit_code code;
    if (!options_begin(&options, world, argc, argv, &code)) code = EXIT_FAILED;
    options_free(&options);
    return code;
}
