/*
 * An HDF5 file of a task; the input's last byte is options, all before it the file. HDF5 itself is not built
 * for fuzzing and is known to crash on some damaged files: triage.sh tells its crashes from ours.
 */
#include <hdf5.h>
#include <stdio.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool started = false;
    if (!started) H5open(), H5set_free_list_limits(0, 0, 0, 0, 0, 0); /* what it frees, it gives back */
    started = true;
    const size_t n = size > 0 ? size - 1 : 0;
    const uint8_t options = size > 0 ? data[n] : 0;
    char path[300];
    fuzz_write("task.h5", data, n, false);
    snprintf(path, sizeof path, "%s/task.h5", fuzz_folder());
    struct task_spec spec = fuzz_spec(TASK_HDF5, path, options);
    spec.shuffle = options & 4;
    fuzz_task(&spec, options & 8);
    fuzz_must(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL) == 0,
              "all that was opened in HDF5 is closed");
    return 0;
}
