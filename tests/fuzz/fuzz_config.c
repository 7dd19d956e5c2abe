/*
 * The configuration: YAML text, and after each byte 0xff (which no UTF-8 text has) one text of --set. What is
 * taken must read back from its own print, and its arithmetic (grid, memory, files) must come to an end
 * without overflow.
 */
#include <string.h>

#include "command/estimate.h"
#include "fuzz.h"
#include "metazoa/base/memory.h"
#include "metazoa/train/run.h"

enum { SETS_MAX = 8, RANKS = 6, RANKS_MAX = 64, SEPARATOR = 0xff };

/* Printed, read and printed again: the same text. */
static void check_print(const struct config *config)
{
    struct problems problems = {0};
    struct config again;
    char *text = config_text(config);
    config_parse(&again, text, (int64_t)strlen(text), "print", 0, NULL, &problems);
    problems_print(&problems, stderr);
    fuzz_must(problems.n == 0, "a print is a good configuration");
    char *text_again = config_text(&again), *conflicts = config_conflicts(config, &again);
    fuzz_must(strcmp(text, text_again) == 0 && !conflicts, "a print reads back to the same configuration");
    memory_free(conflicts);
    memory_free(text_again);
    memory_free(text);
    config_free(&again);
}

/* What `metazoa check` computes, with data that are not there. */
static void check_needs(const struct config *config)
{
    struct problems problems = {0};
    struct task task = {.spec = config->task, .classification = true, .inputs = 784, .outputs = 10};
    task.train.samples = config->task.samples > 0 ? config->task.samples : 60000;
    task.test.samples = config->task.test_samples;
    if (config->task.kind == TASK_ADDITION) task_open(&task, &config->task, fuzz_world, &problems);
    const struct organism_shape shape = organism_shape_new(&config->organism, &task);
    fuzz_must(config->training.self_steps >= 0, "self-training steps fit their type");
    const int64_t *grid = config->grid;
    const int64_t product = config_grid_auto(config) ? RANKS : grid[0] * grid[1] * grid[2];
    int size[GRID_AXES] = {1, 1, 1};
    enum grid_axis order[GRID_AXES];
    run_grid(size, order, config, &shape, product <= RANKS_MAX ? (int)product : RANKS, RANKS, &problems);
    if (problems.n == 0) {
        const struct estimate e = estimate_make(config, &shape, &task, size);
        fuzz_must(e.particles > 0 && e.weights > 0 && estimate_memory(&e) > 0 && e.checkpoint > 0 &&
                      e.archive >= 0 && e.records >= 0 && e.traffic.sums >= 0 && e.traffic.batch >= 0 &&
                      e.traffic.meetings >= 0,
                  "needs are not negative");
    }
    problems_free(&problems);
    task_free(&task);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const int64_t held = memory_held();
    char *copy = memory_new((int64_t)size + 1, 1), *sets[SETS_MAX], *at = copy;
    int n = 0;
    if (size > 0) memcpy(copy, data, size);
    while (n < SETS_MAX && (at = memchr(at, SEPARATOR, size - (size_t)(at - copy))))
        *at++ = 0, sets[n++] = at;
    const int64_t length = n > 0 ? sets[0] - 1 - copy : (int64_t)size;
    /* The text in a piece of memory of its own, so that a step beyond its end is seen. */
    char *text = memory_new(length, 1);
    if (length > 0) memcpy(text, copy, (size_t)length);
    struct problems problems = {0};
    struct config config;
    config_parse(&config, text, length, "fuzz.yaml", n, sets, &problems);
    memory_free(text);
    if (problems.n == 0) {
        check_print(&config);
        check_needs(&config);
    }
    fuzz_must(problems.n == 0 || problems.code == EXIT_USAGE, "problems are the user's");
    problems_free(&problems);
    config_free(&config);
    memory_free(copy);
    fuzz_must(memory_held() == held, "all memory is given back");
    return 0;
}
