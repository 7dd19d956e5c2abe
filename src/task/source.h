/*
 * What each kind of task provides, and what the kinds share. To add a kind: a file with a struct task_source,
 * its line in the table of task.c, and its word in TASK_KINDS (task.h).
 */
#ifndef METAZOA_TASK_SOURCE_H
#define METAZOA_TASK_SOURCE_H

#include "image.h"
#include "metazoa/parallel/random.h"
#include "metazoa/task/task.h"

struct task_source {
    /* Local, on rank 0 alone. Fills inputs, outputs, classification and the numbers of samples; what is wrong
     * goes to found. */
    void (*open)(struct task *task, struct problems *found);

    /*
     * Collective. Fills the datasets, which task.c has allocated for the columns [input_begin, input_end).
     * Problems of any rank are added to found; the ranks agree on them afterwards, so every rank must return.
     */
    void (*load)(struct task *task, struct comm *comm, struct problems *found);

    /* Local. New training samples for the epoch; NULL: they stay, and their order changes. */
    void (*epoch)(struct task *task, int64_t epoch);

    /* Local. Whether a file or folder holds data of this kind, by its contents: then what task.path must be,
     * owned by the caller; otherwise NULL. The function may be NULL: there are no files. */
    char *(*looks)(const char *path);
};

/* Local. The folder in which a file lies; owned by the caller. */
char *source_folder(const char *path);

extern const struct task_source source_addition, source_idx, source_hdf5, source_cifar10;

/* The largest number of inputs or outputs of an organism. */
enum { TASK_CELLS_MAX = 1 << 24 };

/*
 * Local. How many of the `held` samples are used when `wanted` are asked for (0: all); more than there are is
 * a problem. key: the configuration's name for it; where: file.
 */
int64_t source_samples(int64_t held, int64_t wanted, const char *key, const char *where,
                       struct problems *found);

/* Local. Ranks that share the samples' memory fill it in together: whether this one fills in that sample. */
static inline bool source_mine(const struct task *task, int64_t sample)
{
    return sample % task->memory.size == task->memory.rank;
}

/* Local. The number of inputs of images that are resized as task->spec says, and their shape into
 * task->shape; TASK_CELLS_MAX + 1 when there are more than that. */
int32_t source_image_inputs(struct task *task, int planes, const int32_t size[2]);

/* Local. Sets a sample's inputs to the columns held of an image, if it is this rank's to fill in.
 */
void source_image(const struct task *task, struct dataset *data, int64_t sample, struct image *image,
                  const uint8_t *bytes);

/* Local. Whether a sample's label is a class. name: what of task.path holds the labels, for the message. */
bool source_label(const struct task *task, int64_t sample, int64_t label, const char *name,
                  struct problems *found);

#endif
