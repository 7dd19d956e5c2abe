/*
 * Tasks: where samples come from. Each rank holds the columns [input_begin, input_end) of all inputs (those
 * that its row of the process grid needs) and all targets. What a task yields depends on its specification,
 * the seed and the epoch, never on the rank.
 *
 *   addition   x: `inputs` numbers from a normal distribution, y: their sum; new training samples every epoch
 *   idx        the four files of the MNIST format, plain or gzip: images and labels for training and for
 *              testing; the images are resized, divided by 255, and noise is added
 *   hdf5       one file: /x [samples, inputs] and /y, classes (integers) or values (floats); optionally the
 *              same under /test; attributes of netCDF-4 (scale, offset, missing values) count
 *   cifar10    the six files of CIFAR-10's binary version, in colour (three planes of inputs) or grey; then
 *              as idx
 */
#ifndef METAZOA_TASK_TASK_H
#define METAZOA_TASK_TASK_H

#include <stdbool.h>
#include <stdint.h>

#include "metazoa/base/error.h"
#include "metazoa/base/words.h"
#include "metazoa/parallel/comm.h"
#include "metazoa/parallel/shared.h"

#define TASK_KINDS(X)                                                                                        \
    X(TASK_ADDITION, "addition") X(TASK_IDX, "idx") X(TASK_HDF5, "hdf5") X(TASK_CIFAR10, "cifar10")
enum task_kind { TASK_KINDS(WORDS_VALUE) TASK_KIND_COUNT };
extern const char *const task_words[]; /* the word of each kind; NULL ends them */

/* Whether ranks of a node with the same columns hold one copy in shared memory. */
#define SHARE_DATA(X) X(SHARE_AUTO, "auto") X(SHARE_ALWAYS, "always") X(SHARE_NEVER, "never")
enum share_data { SHARE_DATA(WORDS_VALUE) };
extern const char *const share_data_words[];

/* What becomes of the inputs of HDF5 files; help texts and all. */
#define TASK_SCALING(X)                                                                                      \
    X(SCALING_NONE, "none", "they stay as they are.")                                                        \
    X(SCALING_RANGE, "range",                                                                                \
      "each input is moved and scaled so that its training samples go from 0 to 1. Inputs far from 1, such " \
      "as pixels from 0 to 255, teach an organism nothing without it; it also takes integers.")
enum task_scaling { TASK_SCALING(WORDS_VALUE) };
extern const char *const task_scaling_words[];

struct task_spec {
    enum task_kind kind;
    const char *path; /* idx, cifar10: folder; hdf5: file; not owned, must stay until task_load is done */
    bool colour;      /* cifar10: all three planes; otherwise their grey */
    int size[2];      /* idx, cifar10: rows, columns after bilinear resizing; 0: as in the file */
    enum task_scaling scaling; /* hdf5 */
    double noise;    /* all but addition: standard deviation of normal noise added once to every input */
    bool shuffle;    /* a new order of the training samples every epoch */
    int64_t samples; /* addition: training samples an epoch; others: only the first ones are used, 0: all */
    int64_t test_samples; /* the same for the test samples */
    double validation;    /* all but addition: share of the training samples that is held out */
    int inputs;           /* addition: numbers to add */
    uint64_t seed;
    enum share_data share_data;
};

/* Samples held in memory. Samples that stay for all epochs may lie in memory that other ranks share: read
 * only. */
struct dataset {
    int64_t samples;
    int32_t stride; /* floats from one sample to the next: the columns held, rounded up to a multiple of 16,
                       rest zero */
    float *x; /* [samples + 1][stride], the last row zero: whole vectors may be read from any column on */
    int32_t *label; /* [samples], or NULL */
    float *y;       /* [samples][outputs], or NULL */
};

/*
 * The identity of the data that a run is trained on: numbers, and digests of the samples in their order,
 * after scaling and resizing and before noise. The digests of samples that are drawn (addition) are 0. Equal
 * at every rank count, grid and share_from.
 */
#define TASK_IDENTITY(X)                                                                                     \
    X(TASK_TRAIN_SAMPLES, "number of training samples")                                                      \
    X(TASK_TEST_SAMPLES, "number of test samples")                                                           \
    X(TASK_INPUTS, "number of inputs")                                                                       \
    X(TASK_OUTPUTS, "number of classes or outputs")                                                          \
    X(TASK_TRAIN_INPUTS, "training samples")                                                                 \
    X(TASK_TRAIN_TARGETS, "training labels or values")                                                       \
    X(TASK_TEST_INPUTS, "test samples")                                                                      \
    X(TASK_TEST_TARGETS, "test labels or values")
enum task_part { TASK_IDENTITY(WORDS_VALUE) TASK_PART_COUNT };
extern const char *const task_part_words[];

struct task_identity {
    int64_t part[TASK_PART_COUNT];
};

struct task {
    struct task_spec spec;
    bool classification; /* targets are labels: cross-entropy; otherwise values: mean squared error */
    int32_t inputs;      /* columns in all */
    int32_t outputs;     /* classes or values */
    int32_t input_begin, input_end; /* columns held */
    int32_t shape[3];               /* of the inputs: planes, rows, columns; 0: they are no images */
    struct task_identity identity;  /* known once the samples are loaded */
    double input_lo, input_hi;      /* of the training samples, before scaling and noise; 0, 0: not loaded */
    double largest_target;          /* magnitude, of the training samples; 1: labels */
    bool integers;                  /* hdf5, on rank 0: the inputs are integers, which need scaling */
    int64_t vanished;               /* hdf5: values that count as zero; the most that one rank has read */
    struct dataset train, test;     /* test.samples may be 0 */
    struct dataset validation;      /* held out of train; the same memory, behind its samples */
    struct shared memory;           /* of all datasets */
    int64_t *order; /* [train.samples]: the order of the training samples in the current epoch */
};

/*
 * Collective over comm. Finds the inputs, outputs and numbers of samples (fields samples, inputs,
 * outputs, classification) and checks every file's header and size; holds no data yet. Problems, the same on
 * every rank, name file, offset and what was expected (EXIT_INPUT).
 */
void task_open(struct task *task, const struct task_spec *spec, struct comm *comm, struct problems *problems);

/*
 * Local. What the file or folder holds, by its contents: the kind, and in *data what task.path must be (owned
 * by the caller). What no kind knows: a folder is taken for TASK_IDX, anything else for TASK_HDF5, whose
 * messages say what is missing.
 */
enum task_kind task_guess(const char *path, char **data);

/* Collective over comm. Loads columns [input_begin, input_end) and all targets. Problems as above (labels,
 * NaN, ...). */
void task_load(struct task *task, int32_t input_begin, int32_t input_end, struct comm *comm,
               struct problems *problems);

/* Local. Bytes of both datasets that task_load would hold of these columns; INT64_MAX: that or more. */
int64_t task_bytes(const struct task *task, int32_t input_begin, int32_t input_end);

/* Local. Whether a task draws new training samples every epoch. */
bool task_draws(enum task_kind kind);

/* Local. task_digest: one number for all parts of an identity. task_differences: the names of the parts in
 * which two identities differ, separated by ", "; owned by the caller; NULL: they are equal. */
uint64_t task_digest(const struct task_identity *identity);
char *task_differences(const struct task_identity *a, const struct task_identity *b);

/* Local. Prepares epoch 1, 2, ...: the order of samples, or new samples. */
void task_epoch(struct task *task, int64_t epoch);

/* Local. What in the data is probably a mistake, or keeps training from learning: the i-th such sentence,
 * owned by the caller; NULL: there are no more. Those about values are known once the samples are loaded. */
char *task_doubt(const struct task *task, int i);

/* Local. The largest magnitude of an input that is trained on, without noise. */
double task_largest_input(const struct task *task);

/* Local. Whether the inputs, as they lie in the file, are too large or too small to be learned from. */
bool task_far_from_one(const struct task *task);

/* Local. Ranks of a node share samples when their copies would take at least this many bytes; INT64_MAX:
 * never, as where every epoch draws its own. */
int64_t task_share_from(const struct task_spec *spec);

/* Collective over task_load's comm; local for a task that was never loaded. */
void task_free(struct task *task);

#endif
