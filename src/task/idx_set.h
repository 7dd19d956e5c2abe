/*
 * The files of a set of images in the MNIST format. A file is a magic number (two zero bytes, 8 for unsigned
 * bytes, the number of dimensions), the dimensions, all big-endian 32-bit numbers, and then the bytes. Local;
 * problems: EXIT_INPUT.
 */
#ifndef METAZOA_TASK_IDX_SET_H
#define METAZOA_TASK_IDX_SET_H

#include "stream.h"

enum idx_which { IDX_TRAIN, IDX_TEST };

struct idx_set {
    struct stream images, labels; /* open; read up to the end of their headers */
    int64_t n;
    int32_t size[2]; /* rows, columns of an image */
};

/* Opens both files and reads their headers, which must agree. Close the set even if this fails. */
bool idx_set_open(struct idx_set *set, const char *folder, enum idx_which which, struct problems *found);
void idx_set_close(struct idx_set *set);

/*
 * Checks the sizes of both files; reads all labels on the way, so that the set has to be opened again. The
 * labels must be below `classes` (0: any); returns the largest, or -1 when they cannot be had.
 */
int idx_set_check(struct idx_set *set, int classes, struct problems *found);

/* Local. How many of the four files there are in a folder. */
int idx_files_in(const char *folder);

/* Local. Whether a file begins, plain or unpacked, as one of the four does. */
bool idx_is_file(const char *path);

#endif
