/* Tasks from files in the MNIST format, in a folder of the test. */
#ifndef IDX_TASKS_H
#define IDX_TASKS_H

#include <sys/stat.h>

#include "task_tests.h"

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

static inline void put_good_files(bool gzip)
{
    folder_clear(folder, false);
    struct idx_files files = idx_files_new(TRAIN, TEST, ROWS, COLUMNS);
    idx_files_put(&files, folder, gzip);
    idx_files_free(&files);
}

#endif
