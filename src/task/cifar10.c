/*
 * CIFAR-10 in its binary format: five files of training images and one of test images. A record is a byte,
 * the class, and the planes red, green and blue of 32 x 32 bytes. The published files have 10000 records
 * each; other numbers are accepted.
 */
#include "metazoa/base/memory.h"
#include "source.h"
#include "stream.h"

enum { CLASSES = 10, PIXELS = 32 * 32, PLANES = 3, RECORD = 1 + PLANES * PIXELS, PIECE = 256, PARTS = 5 };

static const int32_t size[2] = {32, 32};

/* The files of the training images, and the file of the test images. */
static const char *const parts[PARTS + 1] = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                             "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"};

static bool open_part(struct stream *stream, const char *folder, int part, struct problems *found)
{
    char path[4096];
    *stream = (struct stream){0};
    if (snprintf(path, sizeof path, "%s/%s", folder, parts[part]) < (int)sizeof path &&
        path_look(path) != PATH_NONE)
        return stream_open(stream, path, found);
    problems_add(
        found, EXIT_INPUT,
        "%s/%s: no such file; task.path must name the folder of the six files of CIFAR-10's binary version",
        folder, parts[part]);
    return false;
}

/* Records of a part, 0 with a problem. */
static int64_t count_records(const char *folder, int part, struct problems *found)
{
    struct stream stream;
    int64_t bytes = 0;
    bool good = open_part(&stream, folder, part, found) && stream_size(&stream, INT64_MAX - 1, &bytes, found);
    if (good && (bytes == 0 || bytes % RECORD != 0)) {
        problems_add(found, EXIT_INPUT,
                     "%s: expected records of %d bytes, found %lld bytes: %lld records and %lld bytes",
                     stream.path, RECORD, (long long)bytes, (long long)(bytes / RECORD),
                     (long long)(bytes % RECORD));
        bytes = 0;
    }
    stream_close(&stream);
    return good ? bytes / RECORD : 0;
}

static void cifar10_open(struct task *task, struct problems *found)
{
    const struct task_spec *spec = &task->spec;
    int64_t train = 0;
    if (!folder_is_there(spec->path,
                         "task.path must name the folder of the six files of CIFAR-10's binary version",
                         found))
        return;
    for (int part = 0; part < PARTS; part++) train += count_records(spec->path, part, found);
    int64_t test = count_records(spec->path, PARTS, found);
    if (found->n > 0) return;
    task->classification = true;
    task->inputs = source_image_inputs(task, spec->colour ? PLANES : 1, size);
    task->outputs = CLASSES;
    task->train.samples = source_samples(train, spec->samples, "task.samples", spec->path, found);
    task->test.samples = source_samples(test, spec->test_samples, "task.test_samples", spec->path, found);
}

/* Collective. Reads the records of a part into the samples from *first on, up to the number wanted. False: a
 * problem. */
static bool load_part(struct task *task, struct dataset *data, int part, int64_t *first, struct image *image,
                      uint8_t *records, struct comm *comm, struct problems *found)
{
    struct stream stream = {0};
    int64_t n = 0; /* rank 0 counts the records; 0: it could not */
    if (comm_rank(comm) == 0) {
        n = count_records(task->spec.path, part, found);
        if (n > 0 && !open_part(&stream, task->spec.path, part, found)) n = 0;
    }
    comm_broadcast(comm, &n, sizeof n, 0);
    bool good = n > 0;
    if (n > data->samples - *first) n = data->samples - *first;
    for (int64_t done = 0; done < n && good; done += PIECE) {
        int64_t now = n - done < PIECE ? n - done : PIECE;
        good = stream_read_shared(&stream, records, now * RECORD, "the records", comm, found);
        for (int64_t i = 0; i < now && good; i++, ++*first) {
            good = source_label(task, *first, records[i * RECORD], parts[part], found);
            if (source_mine(task, *first)) data->label[*first] = records[i * RECORD];
            source_image(task, data, *first, image, records + i * RECORD + 1);
        }
    }
    stream_close(&stream);
    return good;
}

static void cifar10_load(struct task *task, struct comm *comm, struct problems *found)
{
    struct image image;
    image_new(&image, PLANES, !task->spec.colour, size, task->spec.size);
    const int64_t most = task->train.samples + task->test.samples; /* neither is 0 */
    uint8_t *records = memory_new(most < PIECE ? most : PIECE, RECORD);
    int64_t train = 0, test = 0;
    bool good = true;
    for (int part = 0; part < PARTS && good; part++)
        good = load_part(task, &task->train, part, &train, &image, records, comm, found);
    good = good && load_part(task, &task->test, PARTS, &test, &image, records, comm, found);
    if (good && (train < task->train.samples || test < task->test.samples))
        problems_add(found, EXIT_INPUT, "%s: the files have become shorter since they were opened first",
                     task->spec.path);
    memory_free(records);
    image_free(&image);
}

/* A record's bytes, times a whole number, as the published files and nothing else by chance have; also
 * packed. */
static bool has_records(const char *path)
{
    const int64_t most = INT64_C(1) << 30; /* bytes that are unpacked for a look */
    struct stream stream = {0};
    struct problems none = {0};
    int64_t bytes = 0;
    const bool good = path_look(path) == PATH_REGULAR && stream_open(&stream, path, &none) &&
                      stream_size(&stream, most, &bytes, &none) && bytes > 0 && bytes % RECORD == 0;
    stream_close(&stream);
    problems_free(&none);
    return good;
}

/* One of the files, their folder, or the folder in which the published archive has unpacked. */
static char *cifar10_looks(const char *path)
{
    if (has_records(path)) return source_folder(path);
    for (int i = 0; i < 2; i++) {
        char *folder = i == 0 ? memory_string(path) : memory_print("%s/cifar-10-batches-bin", path);
        char *file = memory_print("%s/%s", folder, parts[0]);
        const bool good = has_records(file);
        memory_free(file);
        if (good) return folder;
        memory_free(folder);
    }
    return NULL;
}

const struct task_source source_cifar10 = {
    .open = cifar10_open, .load = cifar10_load, .looks = cifar10_looks};
