/* The table of probes, and their options. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "metazoa/base/memory.h"
#include "metazoa/base/number.h"
#include "metazoa/measure/probe.h"
#include "metazoa/particle/kind.h"

#define PROBES(X)                                                                                            \
    X(robustness)                                                                                            \
    X(lifetime)                                                                                              \
    X(basins)                                                                                                \
    X(stability)                                                                                             \
    X(substitution)                                                                                          \
    X(dropout)                                                                                               \
    X(goal)                                                                                                  \
    X(settle)

#define DECLARE(kind) extern const struct probe probe_##kind;
#define ADDRESS(kind) &probe_##kind,
PROBES(DECLARE)
const struct probe *const probes[] = {PROBES(ADDRESS) NULL};

const struct probe *probe_find(const char *kind)
{
    const struct probe *const *probe = probes;
    while (*probe && strcmp((*probe)->kind, kind) != 0) probe++;
    return *probe;
}

/* ---- options ---- */

/* "1e-3,1e-4": positive numbers. */
static bool read_numbers(struct probe_numbers *numbers, const char *text)
{
    struct probe_numbers read = {0};
    for (const char *at = text;;) {
        const size_t length = strcspn(at, ",");
        char *word = memory_print("%.*s", (int)length, at);
        double value = 0;
        const bool good =
            number_real(word, &value) && value > 0 && isfinite(value) && read.n < PROBE_NUMBERS_MAX;
        memory_free(word);
        if (!good) return false;
        read.value[read.n++] = value;
        if (!at[length]) break;
        at += length + 1;
    }
    *numbers = read;
    return true;
}

static bool set_integer(int64_t *field, const struct probe_option *option, const char *text,
                        struct problems *problems)
{
    int64_t value;
    if (number_integer(text, &value) && value >= option->lo && value <= option->hi) {
        *field = value;
        return true;
    }
    problems_add(problems, EXIT_USAGE, "option %s: \"%s\" is not an integer from %lld to %lld", option->name,
                 text, (long long)option->lo, (long long)option->hi);
    return false;
}

static void set_choice(void *field, const struct probe_option *option, const char *text,
                       struct problems *problems)
{
    const int index = words_find(option->words, text);
    if (index >= 0) {
        memcpy(field, &index, sizeof index);
        return;
    }
    char list[256] = "";
    for (int i = 0; option->words[i]; i++)
        memory_append(list, sizeof list, "%s%s", i ? ", " : "", option->words[i]);
    problems_add(problems, EXIT_USAGE, "option %s: \"%s\" is none of these: %s", option->name, text, list);
}

void probe_set(const struct probe *probe, void *options, const char *name, const char *text,
               struct problems *problems)
{
    const struct probe_option *option = probe->options;
    while (option && option->name && strcmp(option->name, name) != 0) option++;
    if (!option || !option->name) {
        problems_add(problems, EXIT_USAGE, "probe %s has no option %s: \"%s probe %s --help\" lists them",
                     probe->kind, name, program_called, probe->kind);
        return;
    }
    void *field = (char *)options + option->offset;
    switch (option->type) {
    case PROBE_INTEGER:
        set_integer(field, option, text, problems);
        return;
    case PROBE_CHOICE:
        set_choice(field, option, text, problems);
        return;
    case PROBE_NUMBERS:
        if (!read_numbers(field, text))
            problems_add(problems, EXIT_USAGE,
                         "option %s: \"%s\" is not a list of at most %d positive numbers, like 1e-3,1e-4",
                         name, text, PROBE_NUMBERS_MAX);
        return;
    case PROBE_RUN:
        memcpy(field, &text, sizeof text);
        return;
    case PROBE_FLAG:
        *(bool *)field = true;
        return;
    }
}

void *probe_options(const struct probe *probe)
{
    struct problems problems = {0};
    void *options = memory_new((int64_t)probe->bytes, 1);
    for (const struct probe_option *option = probe->options; option && option->name; option++)
        if (option->initial) probe_set(probe, options, option->name, option->initial, &problems);
    if (problems.n > 0) fatal("a default of probe %s does not fit: %s", probe->kind, problems.text[0]);
    return options;
}

/* ---- running ---- */

/* What a probe cannot do without. */
static enum exit_code check_subject(const struct probe *probe, const struct subject *subject)
{
    struct problems problems = {0};
    if (!particle_kind(&subject->organism.shape.particle)->replicates)
        problems_add(
            &problems, EXIT_USAGE,
            "%s: the edges of this run (organism.edges: %s) do not replicate; there is nothing to probe",
            subject->run, edges_words[subject->organism.shape.particle.kind]);
    if (probe->test_data && subject->task.test.samples == 0)
        problems_add(&problems, EXIT_USAGE, "%s: its task has no test data, which this probe needs",
                     subject->run);
    return comm_agree(subject->comm, &problems);
}

enum exit_code probe_run(const struct probe *probe, struct subject *subject, const void *options)
{
    subject->probe = probe;
    const enum exit_code code = check_subject(probe, subject);
    return code == EXIT_DONE ? probe->run(subject, options) : code;
}
