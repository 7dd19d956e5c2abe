/* metazoa verify FILE|RUN: is what lies there sound, and what can be recovered. */
#include "command.h"

enum exit_code command_verify(struct comm *world, int argc, char **argv)
{
    struct options options;
    enum exit_code code;
    if (!options_begin(&options, world, argc, argv, &code)) code = EXIT_FAILED;
    options_free(&options);
    return code;
}
