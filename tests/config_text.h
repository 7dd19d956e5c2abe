/* Configurations from texts, and the problems that a text must have. */
#ifndef CONFIG_TEXT_H
#define CONFIG_TEXT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "metazoa/base/memory.h"
#include "metazoa/config/config.h"

#define NO_VALUE "has no value: write one, or leave the key out for its default"

static inline struct config parse(const char *text, int n_sets, char *const *sets, struct problems *problems)
{
    struct config config;
    config_parse(&config, text, (int64_t)strlen(text), "F", n_sets, sets, problems);
    return config;
}

/* The text is good, and so are the --set texts (up to NULL). */
static inline struct config good(const char *text, ...)
{
    char *sets[8];
    int n = 0;
    va_list arguments;
    va_start(arguments, text);
    for (char *set; (set = va_arg(arguments, char *));) sets[n++] = set;
    va_end(arguments);
    struct problems problems = {0};
    struct config config = parse(text, n, sets, &problems);
    problems_print(&problems, stderr);
    assert_int_equal(problems.n, 0);
    return config;
}

/* The problems of a text (of `length` bytes), exactly these lines, each up to its "|" if there is one. */
static inline void expect_bytes(const char *text, int64_t length, const char *const *lines, int n)
{
    struct problems problems = {0};
    struct config config;
    config_parse(&config, text, length, "F", 0, NULL, &problems);
    if (problems.n != n) problems_print(&problems, stderr);
    assert_int_equal(problems.n, n);
    assert_int_equal(problems.code, EXIT_USAGE);
    for (int i = 0; i < n; i++) {
        const size_t all = strcspn(lines[i], "|");
        const bool begins = lines[i][all] == '|';
        if (strncmp(problems.text[i], lines[i], all) != 0 || (!begins && problems.text[i][all]))
            fail_msg("\"%s\" instead of \"%s\"", problems.text[i], lines[i]);
    }
    problems_free(&problems);
    config_free(&config);
}

#define EXPECT(text, ...)                                                                                    \
    do {                                                                                                     \
        const char *const lines[] = {__VA_ARGS__};                                                           \
        expect_bytes(text, (int64_t)strlen(text), lines, (int)(sizeof lines / sizeof *lines));               \
    } while (0)

#endif
