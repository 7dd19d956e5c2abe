/* What the tests of tasks have in common: a folder, loading, and the main function, which also looks for
 * leaks. */
#ifndef TASK_TESTS_H
#define TASK_TESTS_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "metazoa/base/memory.h"
#include "task_files.h"

static struct comm *world;

static char folder[64],
    task_file[512]; /* of this test; task_file: its file task.h5, for those that have one */

/* The task with columns [begin, end); end -1: all. */
static inline struct task load(struct task_spec spec, int32_t begin, int32_t end)
{
    struct task task;
    struct problems problems = {0};
    task_open(&task, &spec, world, &problems);
    if (problems.n == 0) task_load(&task, begin, end < 0 ? task.inputs : end, world, &problems);
    problems_print(&problems, stderr);
    assert_int_equal(problems.n, 0);
    return task;
}

static inline int task_tests(int argc, char **argv, const struct CMUnitTest *tests, size_t n)
{
    world = comm_start(&argc, &argv);
    folder_new(folder);
    folder_path(task_file, folder, "task.h5");
    const int64_t before = memory_held();
    int failed = _cmocka_run_group_tests("tests", tests, n, NULL, NULL);
    if (memory_held() != before)
        failed++, print_error("%lld bytes leaked\n", (long long)(memory_held() - before));
    folder_clear(folder, true);
    comm_finish(world);
    return failed;
}

/* The main function of a test of tasks. */
#define TASK_TESTS(...)                                                                                      \
    int main(int argc, char **argv)                                                                          \
    {                                                                                                        \
        const struct CMUnitTest tests[] = {__VA_ARGS__};                                                     \
        return task_tests(argc, argv, tests, sizeof tests / sizeof *tests);                                  \
    }

#endif
