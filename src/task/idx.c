/* IDX: images and labels in the four files of the MNIST format. */
#include "idx_set.h"
#include "metazoa/base/memory.h"
#include "source.h"

enum { PIECE = 1 << 20 }; /* bytes that travel from the reader at a time (but one image at least) */

static void idx_open(struct task *task, struct problems *found)
{
    const struct task_spec *spec = &task->spec;
    struct idx_set train, test;
    if (!folder_is_there(spec->path,
                         "task.path must name the folder of the four files of the MNIST format (`make data` "
                         "brings MNIST to data/mnist)",
                         found))
        return;
    if (idx_files_in(spec->path) == 0) {
        problems_add(
            found, EXIT_INPUT,
            "%s: holds none of the four files of the MNIST format (train-images-idx3-ubyte, "
            "train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte, each also with .gz "
            "at its end); `make data` brings MNIST to data/mnist",
            spec->path);
        return;
    }
    bool good_train = idx_set_open(&train, spec->path, IDX_TRAIN, found);
    bool good_test = idx_set_open(&test, spec->path, IDX_TEST, found);
    if (good_train && good_test) {
        int classes = 1 + idx_set_check(&train, 0, found); /* 0: unknown */
        if (classes == 1) classes = 2;
        idx_set_check(&test, classes, found);
        if (train.size[0] != test.size[0] || train.size[1] != test.size[1])
            problems_add(found, EXIT_INPUT, "%s: byte 8: expected images of %d x %d, as in %s, found %d x %d",
                         test.images.path, train.size[0], train.size[1], train.images.path, test.size[0],
                         test.size[1]);
        task->classification = true;
        task->inputs = source_image_inputs(task, 1, train.size);
        task->outputs = classes;
        task->train.samples =
            source_samples(train.n, spec->samples, "task.samples", train.images.path, found);
        task->test.samples =
            source_samples(test.n, spec->test_samples, "task.test_samples", test.images.path, found);
    }
    idx_set_close(&train);
    idx_set_close(&test);
}

static bool load_labels(struct task *task, struct dataset *data, struct idx_set *set, struct comm *comm,
                        struct problems *found)
{
    const char *name = data == &task->train ? "training labels" : "test labels";
    uint8_t *bytes = memory_new(data->samples, 1);
    bool good = stream_read_shared(&set->labels, bytes, data->samples, "the labels", comm, found);
    for (int64_t i = 0; i < data->samples && good; i++) {
        good = source_label(task, i, bytes[i], name, found);
        if (source_mine(task, i)) data->label[i] = bytes[i];
    }
    memory_free(bytes);
    return good;
}

static void load_images(struct task *task, struct dataset *data, struct idx_set *set, struct comm *comm,
                        struct problems *found)
{
    struct image image;
    image_new(&image, 1, false, set->size, task->spec.size);
    int64_t pixels = (int64_t)set->size[0] * set->size[1], most = pixels < PIECE ? PIECE / pixels : 1;
    if (most > data->samples) most = data->samples;
    uint8_t *bytes = memory_new(most, (size_t)pixels);
    for (int64_t first = 0; first < data->samples; first += most) {
        int64_t n = data->samples - first < most ? data->samples - first : most;
        if (!stream_read_shared(&set->images, bytes, n * pixels, "the images", comm, found)) break;
        for (int64_t i = 0; i < n; i++) source_image(task, data, first + i, &image, bytes + i * pixels);
    }
    memory_free(bytes);
    image_free(&image);
}

static void load_set(struct task *task, struct dataset *data, enum idx_which which, struct comm *comm,
                     struct problems *found)
{
    /* Only rank 0 reads; it tells the others whether there is something to receive. */
    struct idx_set set = {0};
    int32_t head[3] = {0};
    if (comm_rank(comm) == 0) {
        head[0] = idx_set_open(&set, task->spec.path, which, found);
        head[1] = set.size[0];
        head[2] = set.size[1];
        if (head[0] && source_image_inputs(task, 1, set.size) != task->inputs) {
            problems_add(found, EXIT_INPUT, "%s: has changed since its header was read first",
                         set.images.path);
            head[0] = 0;
        }
    }
    comm_broadcast(comm, head, sizeof head, 0);
    set.size[0] = head[1];
    set.size[1] = head[2];
    if (head[0] && load_labels(task, data, &set, comm, found)) load_images(task, data, &set, comm, found);
    idx_set_close(&set);
}

static void idx_load(struct task *task, struct comm *comm, struct problems *found)
{
    load_set(task, &task->train, IDX_TRAIN, comm, found);
    load_set(task, &task->test, IDX_TEST, comm, found);
}

/* One of the files, or their folder. */
static char *idx_looks(const char *path)
{
    if (path_look(path) == PATH_FOLDER) return idx_files_in(path) > 0 ? memory_string(path) : NULL;
    return idx_is_file(path) ? source_folder(path) : NULL;
}

const struct task_source source_idx = {.open = idx_open, .load = idx_load, .looks = idx_looks};
