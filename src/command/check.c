#include "command.h"
enum exit_code command_check(struct comm *world, int argc, char **argv)
{
    enum exit_code code;
    struct options options;
    if (options_begin(&options, world, argc, argv, &code)) return code;
    struct config config;
    code = options_config(&options, &config, world);
    if (code == EXIT_DONE) {
        char *t = config_text(&config);
        if (comm_rank(world) == 0) puts(t);
        config_free(&config);
    }
    options_free(&options);
    return code;
}
