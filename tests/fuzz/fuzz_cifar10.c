/* The six files of CIFAR-10's binary version, plain or packed. */
#include "fuzz.h"

static const char *const names[] = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                    "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t options = fuzz_write_files(data, size, 6, names);
    const struct task_spec spec = {.kind = TASK_CIFAR10,
                                   .path = fuzz_folder(),
                                   .colour = options & 4,
                                   .size = {options & 1 ? 3 : 0, options & 1 ? 5 : 0},
                                   .noise = options & 2 ? 0.25 : 0,
                                   .samples = options >> 4 & 3,
                                   .test_samples = options >> 6 & 3,
                                   .seed = 3};
    fuzz_task(&spec, options & 8);
    return 0;
}
