/* The six files of CIFAR-10's binary version, plain or packed. */
#include "fuzz.h"

static const char *const names[] = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                    "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t options = fuzz_write_files(data, size, 6, names);
    struct task_spec spec = fuzz_spec(TASK_CIFAR10, fuzz_folder(), options);
    spec.colour = options & 4;
    fuzz_resize(&spec, options);
    fuzz_task(&spec, options & 8);
    return 0;
}
