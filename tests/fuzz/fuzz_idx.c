/* The four files of the MNIST format, plain or packed. */
#include "fuzz.h"

static const char *const names[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                    "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t options = fuzz_write_files(data, size, 4, names);
    struct task_spec spec = fuzz_spec(TASK_IDX, fuzz_folder(), options);
    spec.shuffle = options & 4;
    fuzz_resize(&spec, options);
    fuzz_task(&spec, options & 8);
    return 0;
}
