/* Tasks from files in the MNIST format, in a folder of the test. */
#ifndef IDX_TASKS_H
#define IDX_TASKS_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <sys/stat.h>

#include "metazoa/base/memory.h"
#include "task_files.h"

static struct comm *world;

static char folder[64];

enum { TRAIN = 37, TEST = 11, ROWS = 9, COLUMNS = 7 };

static inline struct task_spec spec_new(int rows, int columns, double noise)
{
    return (struct task_spec){.kind = TASK_IDX,
                              .path = folder,
                              .size = {rows, columns},
                              .noise = noise,
                              .shuffle = true,
                              .seed = 42};
}

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

static inline int setup(void **state)
{
    (void)state;
    folder_new(folder);
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    folder_clear(folder, true);
    return 0;
}

static inline void put_good_files(bool gzip)
{
    folder_clear(folder, false);
    struct idx_files files = idx_files_new(TRAIN, TEST, ROWS, COLUMNS);
    idx_files_put(&files, folder, gzip);
    idx_files_free(&files);
}

#endif
