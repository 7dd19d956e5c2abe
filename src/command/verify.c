/* metazoa verify FILE|FOLDER: is it sound, and what can be recovered. Rank 0 reads; the others wait. */
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "metazoa/base/file.h"
#include "metazoa/base/json.h"
#include "metazoa/base/memory.h"
#include "metazoa/config/config.h"
#include "metazoa/store/verify.h"
#include "replay.h"

/* {"path": ..., "sound": ..., "lines": [...]}: the lines that people get. */
static void print_json(const char *path, bool sound, char *lines)
{
    json_t *object = json_object(), *list = json_array();
    json_put(object, "path", json_words(path));
    json_put(object, "sound", json_boolean(sound));
    for (char *line = strtok(lines, "\n"); line; line = strtok(NULL, "\n")) json_add(list, json_words(line));
    json_put(object, "lines", list);
    char *text = json_print(object, 0);
    puts(text);
    memory_free(text);
}

char *verify_compare(const char *text, const char *name, const char *saved, const char *saved_name, char *set,
                     bool *wrong)
{
    struct config here, there;
    struct problems problems = {0};
    char *said = NULL;
    config_parse(&here, text, (int64_t)strlen(text), name, 0, NULL, &problems);
    config_parse(&there, saved, (int64_t)strlen(saved), saved_name, set ? 1 : 0, &set, &problems);
    char *conflicts = config_conflicts(&there, &here), *changes = config_changes(&there, &here);
    *wrong = problems.n > 0 || conflicts;
    if (problems.n > 0)
        said = memory_string(problems.text[0]);
    else if (conflicts)
        said = memory_print("%s has not the configuration of %s; these differ: %s%s", name, saved_name,
                            conflicts, strcmp(name, "config.yaml") == 0 ? " (set them back)" : "");
    else if (changes)
        said =
            memory_print("%s has other values than %s, as a resume may give: %s", name, saved_name, changes);
    memory_free(conflicts), memory_free(changes);
    config_free(&here), config_free(&there);
    problems_free(&problems);
    return said;
}

static enum exit_code verify(const struct options *options)
{
    const char *path = options->argument[0];
    if (!options_given(options, "--json")) return verify_path(path, verify_compare, stdout);
    char *lines = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&lines, &bytes);
    if (!out) fatal("out of memory: what verify says");
    const enum exit_code found = verify_path(path, verify_compare, out);
    if (fclose(out) != 0) fatal("out of memory: what verify says");
    print_json(path, found == EXIT_DONE, lines);
    free(lines);
    return found;
}

enum exit_code command_verify(struct comm *world, int argc, char **argv)
{
    struct options options;
    enum exit_code code;
    if (options_begin(&options, world, argc, argv, &code)) return code;
    struct problems problems = {0};
    const bool recompute = options_given(&options, "--recompute");
    if (recompute && options_given(&options, "--json"))
        problems_add(&problems, EXIT_USAGE, "--recompute prints no JSON");
    if (!recompute &&
        (options_given(&options, "--share") || options_given(&options, "--init") || options.n_sets > 0))
        problems_add(&problems, EXIT_USAGE, "--share, --set and --init go with --recompute");
    if (recompute) replay_share(&options, &problems);
    if (recompute && comm_rank(world) == 0 && file_exists(options.argument[0]) &&
        !file_odd(options.argument[0]))
        problems_add(&problems, EXIT_USAGE, "%s: --recompute needs the folder of a run, not a file",
                     options.argument[0]);
    code = comm_agree(world, &problems);
    if (code != EXIT_DONE) {
        options_free(&options);
        return code;
    }
    int64_t found = comm_rank(world) == 0 ? verify(&options) : EXIT_DONE;
    comm_max_i64(world, &found, 1);
    code = (enum exit_code)found;
    if (code == EXIT_DONE && recompute) code = replay_recompute(&options, world, argc, argv);
    options_free(&options);
    return code;
}
