#include "fuzz.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "metazoa/base/memory.h"

struct comm *fuzz_world;

/* MPI and HDF5 keep what they take at their start; the leak detector need not look at it. */
__attribute__((weak)) void __lsan_disable(void);
__attribute__((weak)) void __lsan_enable(void);

/* HDF5 1.10 leaks by itself when a file's headers are damaged; the log counts it. What we leave open there,
 * fuzz_hdf5.c asks HDF5 itself. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libhdf5";
}

static char folder[256];

const char *fuzz_folder(void)
{
    return folder;
}

/* fatal() ends here. */
static void job_failed(int exit_code)
{
    (void)exit_code;
    abort();
}

static void folder_remove(void)
{
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    if (system(command) != 0) fprintf(stderr, "%s: cannot be removed\n", folder);
}

/* The fuzzer leaves by exit(), which would otherwise count as a library's ending of the program. */
static void leave(void)
{
    comm_finish(fuzz_world);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const char *place = getenv("TMPDIR");
    if (!place) place = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(folder, sizeof folder, "%s/metazoa-fuzz-XXXXXX", place);
    fuzz_must(mkdtemp(folder) != NULL, "a folder could be made");
    atexit(folder_remove);
    setenv("OMPI_MCA_ess_singleton_isolated", "1", 0);
    if (__lsan_disable) __lsan_disable();
    fuzz_world = comm_start(argc, argv);
    atexit(leave);
    if (__lsan_enable) __lsan_enable();
    error_set_job(0, job_failed);
    return 0;
}

void fuzz_must(bool kept, const char *what)
{
    if (kept) return;
    fprintf(stderr, "fuzz: it must be that %s\n", what);
    abort();
}

/* Packs with the smallest window and memory that gzip has: most of a target's time would go there. */
static size_t pack(uint8_t *out, size_t room, const uint8_t *bytes, size_t n)
{
    z_stream stream = {
        .next_in = (Bytef *)(uintptr_t)bytes, .avail_in = (uInt)n, .next_out = out, .avail_out = (uInt)room};
    bool good = deflateInit2(&stream, 1, Z_DEFLATED, 9 + 16, 1, Z_DEFAULT_STRATEGY) == Z_OK;
    good = good && deflate(&stream, Z_FINISH) == Z_STREAM_END && deflateEnd(&stream) == Z_OK;
    fuzz_must(good, "a file could be packed");
    return stream.total_out;
}

void fuzz_write(const char *name, const uint8_t *bytes, size_t n, bool gzip)
{
    static uint8_t packed[2 * UINT16_MAX];
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (gzip) n = pack(packed, sizeof packed, bytes, n);
    const int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    fuzz_must(file >= 0 && write(file, gzip ? packed : bytes, n) == (ssize_t)n && close(file) == 0,
              "a file could be written");
}

static uint8_t byte_at(const uint8_t *data, size_t size, size_t at)
{
    return at < size ? data[at] : 0;
}

uint8_t fuzz_write_files(const uint8_t *data, size_t size, int n, const char *const *names)
{
    static uint8_t file[UINT16_MAX];
    const size_t head = 2 + 2 * (size_t)n, rest = size > head ? size - head : 0;
    size_t at = 0;
    for (size_t i = 0; i < (size_t)n; i++) {
        const size_t length = byte_at(data, size, 2 + 2 * i) | (size_t)byte_at(data, size, 3 + 2 * i) << 8;
        for (size_t k = 0; k < length; k++) file[k] = rest > 0 ? data[head + at++ % rest] : 0;
        fuzz_write(names[i], file, length, byte_at(data, size, 1) >> i & 1);
    }
    return byte_at(data, size, 0);
}

static void look_at_set(const struct task *task, const struct dataset *data)
{
    const int32_t held = task->input_end - task->input_begin;
    fuzz_must(data->stride >= held, "a sample's columns have room");
    for (int64_t s = 0; s < data->samples; s++) {
        for (int32_t i = 0; i < data->stride; i++) {
            const float x = data->x[s * data->stride + i];
            fuzz_must(isfinite(x) && (i < held || x == 0), "inputs are finite, and the rest is zero");
        }
        if (task->classification)
            fuzz_must(0 <= data->label[s] && data->label[s] < task->outputs, "labels are classes");
        for (int32_t i = 0; !task->classification && i < task->outputs; i++)
            fuzz_must(isfinite(data->y[s * task->outputs + i]), "targets are finite");
    }
}

struct task_spec fuzz_spec(enum task_kind kind, const char *path, uint8_t options)
{
    return (struct task_spec){.kind = kind,
                              .path = path,
                              .noise = options & 2 ? 0.25 : 0,
                              .samples = options >> 4 & 3,
                              .test_samples = options >> 6 & 3,
                              .seed = 3};
}

/* The size that bit 0 of the options asks for, of images. */
void fuzz_resize(struct task_spec *spec, uint8_t options)
{
    if (!(options & 1)) return;
    spec->size[0] = 3;
    spec->size[1] = 5;
}

void fuzz_task(const struct task_spec *spec, bool part)
{
    const int64_t held = memory_held();
    struct task task;
    struct problems problems = {0};
    task_open(&task, spec, fuzz_world, &problems);
    if (problems.n == 0) {
        fuzz_must(task.inputs > 0 && task.outputs > 0 && task.train.samples > 0,
                  "a task has something to learn");
        const int32_t begin = part ? task.inputs / 3 : 0,
                      end = part ? task.inputs - task.inputs / 4 : task.inputs;
        task_load(&task, begin, end, fuzz_world, &problems);
        if (problems.n == 0) {
            task_epoch(&task, 1);
            look_at_set(&task, &task.train);
            look_at_set(&task, &task.test);
        }
    }
    fuzz_must((problems.n == 0) == (problems.code == 0), "a refusal has an exit code");
    task_free(&task);
    problems_free(&problems);
    fuzz_must(memory_held() == held, "all memory is given back");
}
