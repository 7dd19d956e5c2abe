/* The four files of the MNIST format, plain or packed. */
#include "fuzz.h"

static const char *const names[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                    "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t options = fuzz_write_files(data, size, 4, names);
    const struct task_spec spec = {.kind = TASK_IDX,
                                   .path = fuzz_folder(),
                                   .size = {options & 1 ? 3 : 0, options & 1 ? 5 : 0},
                                   .noise = options & 2 ? 0.25 : 0,
                                   .shuffle = options & 4,
                                   .samples = options >> 4 & 3,
                                   .test_samples = options >> 6 & 3,
                                   .seed = 3};
    fuzz_task(&spec, options & 8);
    return 0;
}
