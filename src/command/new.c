/*
 * metazoa new NAME: a commented configuration for the user's own data, NAME.yaml. It reads all of the data
 * and says what it found. Every key is written with its description: those that matter here with a value,
 * the others as comments with their defaults.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "command.h"
#include "metazoa/base/launcher.h"
#include "metazoa/base/file.h"
#include "metazoa/base/memory.h"
#include "metazoa/base/words.h"
#include "metazoa/organism/shape.h"
#include "metazoa/parallel/cut.h"

enum { WIDTH = 100, SETS_MAX = 8 };

/* The keys that get a value, "section.key=value"; owned. */
struct chosen {
    int n;
    char *set[SETS_MAX];
};

static void choose(struct chosen *chosen, char *set)
{
    chosen->set[chosen->n++] = set;
}

static void choose_text(struct chosen *chosen, const char *key, const char *value)
{
    char *quoted = config_quoted(value);
    choose(chosen, memory_print("%s=%s", key, quoted));
    memory_free(quoted);
}

static const char *value_of(const struct chosen *chosen, const struct config_key *key)
{
    char *name = memory_print("%s.%s=", key->section, key->name);
    const char *value = NULL;
    for (int i = 0; i < chosen->n; i++)
        if (strncmp(chosen->set[i], name, strlen(name)) == 0) value = chosen->set[i] + strlen(name);
    memory_free(name);
    return value;
}

/* ---- the task ---- */

static void choose_task(struct chosen *chosen, const struct options *options, struct problems *problems)
{
    const char *path = options_text(options, "--data"), *kind = options_text(options, "--task");
    char *data = NULL;
    enum task_kind looks = path ? task_guess(path, &data) : TASK_ADDITION;
    if (!kind) kind = task_words[looks];
    if (words_find(task_words, kind) != TASK_ADDITION && !path)
        problems_add(problems, EXIT_USAGE, "task %s needs its data: --data PATH", kind);
    if (words_find(task_words, kind) == TASK_ADDITION && path)
        problems_add(problems, EXIT_USAGE, "task %s draws its samples and reads no data: leave --data out",
                     kind);
    choose(chosen, memory_print("task.kind=%s", kind));
    if (!path) return;
    choose_text(chosen, "task.path", strcmp(kind, task_words[looks]) == 0 ? data : path);
    memory_free(data);
    choose(chosen, memory_string("task.size=original"));
    if (words_find(task_words, kind) == TASK_HDF5) choose(chosen, memory_string("task.scaling=range"));
}

/* Inputs of HDF5 files were read with scaling, which takes all; it stays among the keys where it is needed. */
static void choose_scaling(struct chosen *chosen, struct task *task)
{
    if (task->spec.scaling == SCALING_NONE || task_far_from_one(task) || task->integers) return;
    task->spec.scaling = SCALING_NONE;
    memory_free(chosen->set[--chosen->n]);
}

/* About 25 batches per epoch, in whole steps of 50 samples, up to the paper's 2000. */
static int64_t batch_for(int64_t samples)
{
    const int64_t batch = samples / 25 / 50 * 50;
    return batch > 2000 ? 2000 : batch > 50 ? batch : 50;
}

/* ---- the file ---- */

/* "# ..." lines of at most WIDTH columns. */
static void put_comment(FILE *out, const char *text)
{
    int column = 0;
    for (const char *at = text; *at;) {
        const int n = (int)strcspn(at, " ");
        if (column > 0 && column + 1 + n > WIDTH) fputc('\n', out), column = 0;
        column += column == 0 ? fprintf(out, "  # %.*s", n, at) : fprintf(out, " %.*s", n, at);
        at += n + (at[n] == ' ');
    }
    fputc('\n', out);
}

static void put_keys(FILE *out, const struct chosen *chosen)
{
    struct config_key key;
    const char *section = "";
    for (int i = 0; config_key(&key, i); i++) {
        const char *value = value_of(chosen, &key);
        if (strcmp(section, key.section) != 0) fprintf(out, "\n%s:\n", section = key.section);
        put_comment(out, key.help);
        fprintf(out, "  %s%s: %s\n", value ? "" : "#", key.name, value ? value : key.initial);
        memory_free(key.values);
    }
}

/* Rank 0. False: it cannot be written; errno says why. */
static bool write_file(const char *path, const char *name, const struct chosen *chosen)
{
    FILE *out = fopen(path, "wx");
    if (!out) return false;
    fprintf(out,
            "# A configuration of Metazoa. A key behind a # has the value that stands there; remove the # to "
            "change "
            "it.\n# \"%s check %s.yaml\" tells whether the configuration is good.\n",
            program_called, name);
    put_keys(out, chosen);
    const bool good = !ferror(out);
    return fclose(out) == 0 && good;
}

/* Collective. Opens and reads all data by the keys that are chosen so far. */
static enum exit_code read_data(struct task *task, const struct chosen *chosen, struct comm *world)
{
    struct config config;
    struct problems problems = {0};
    config_parse(&config, "{}", 2, "new", chosen->n, chosen->set, &problems);
    if (problems.n == 0) task_open(task, &config.task, world, &problems);
    if (problems.n == 0) {
        const int size = comm_size(world), rank = comm_rank(world);
        task_load(task, (int32_t)cut_begin(task->inputs, size, rank),
                  (int32_t)cut_begin(task->inputs, size, rank + 1), world, &problems);
    }
    const enum exit_code code = comm_agree(world, &problems);
    config_free(&config);
    return code;
}

static void print_found(const char *path, const struct task *task)
{
    printf("wrote   %s\n", path);
    printf("found   %" PRId64 " training and %" PRId64 " test samples, %d inputs, %d %s\n",
           task->train.samples, task->test.samples, task->inputs, task->outputs,
           task->classification ? "classes" : "outputs");
    printf("        inputs from %g to %g%s\n", task->input_lo, task->input_hi,
           task->spec.scaling == SCALING_RANGE ? ", each scaled to go from 0 to 1 (task.scaling)" : "");
    char *doubt;
    for (int i = 0; (doubt = task_doubt(task, i)); i++) {
        printf("doubt   %s\n", doubt);
        memory_free(doubt);
    }
    if (task->test.samples == 0)
        printf("        no test samples: probes that need a score (dropout, goal, settle) will refuse\n");
    char *word = command_word(path);
    printf("next    %s check %s --time\n        %s -n 2 %s train %s\n", program_called, word,
           launcher_command(comm_library()), program_called, word);
    memory_free(word);
}

/* Collective. */
static enum exit_code make(const char *name, struct chosen *chosen, struct comm *world)
{
    struct task task = {0};
    struct problems problems = {0};
    enum exit_code code = read_data(&task, chosen, world);
    if (code != EXIT_DONE) {
        task_free(&task);
        return code;
    }
    choose_scaling(chosen, &task);
    choose(chosen, memory_print("training.batch=%" PRId64, batch_for(task.train.samples)));
    char *path = memory_print("%s.yaml", name);
    if (comm_rank(world) == 0 && !write_file(path, name, chosen))
        problems_add(&problems, EXIT_USAGE, "%s: cannot be written: %s", path, strerror(errno));
    code = comm_agree(world, &problems);
    if (code == EXIT_DONE && comm_rank(world) == 0) print_found(path, &task);
    memory_free(path);
    task_free(&task);
    return code;
}

enum exit_code command_new(struct comm *world, int argc, char **argv)
{
    enum exit_code code;
    struct options options;
    struct chosen chosen = {0};
    if (options_begin(&options, world, argc, argv, &code)) return code;
    struct problems problems = {0};
    const char *path = options.argument[0], *name = file_name(path);
    char *output = memory_print("runs/%s", name);
    choose_text(&chosen, "run.name", name);
    choose_text(&chosen, "run.output", output); /* its default, "", is no value to write */
    memory_free(output);
    if (!*name)
        problems_add(&problems, EXIT_USAGE,
                     "new: \"%s\" names no configuration: metazoa new NAME writes NAME.yaml", path);
    choose_task(&chosen, &options, &problems);
    code = comm_agree(world, &problems);
    if (code == EXIT_DONE) code = make(path, &chosen, world);
    for (int i = 0; i < chosen.n; i++) memory_free(chosen.set[i]);
    options_free(&options);
    return code;
}
