/*
 * Images: bytes [planes][rows][columns] become inputs. A pixel is byte / 255. Resizing is bilinear with
 * half-pixel centres and without anti-aliasing: the centre of target pixel i lies at (i + 1/2) * from / to -
 * 1/2 of the source, limited to the source's first and last pixel. All functions are local.
 */
#ifndef METAZOA_TASK_IMAGE_H
#define METAZOA_TASK_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

/* One axis of a resize: target i is (1 - share[i]) of source low[i] and share[i] of source high[i]. */
struct axis {
    int32_t from, to;
    int32_t *low, *high;
    float *share;
};

struct image {
    int planes; /* of the bytes */
    bool grey;  /* three planes (red, green, blue) become one */
    struct axis rows, columns;
    float *plane; /* [rows.from][columns.from] */
    float *line;  /* [columns.from] */
    float *out;   /* [planes, or 1 if grey][rows.to][columns.to] */
};

/* Sizes: at least 1. to: 0 for no resizing of that axis. */
void image_new(struct image *image, int planes, bool grey, const int32_t from[2], const int32_t to[2]);
void image_free(struct image *image);

/* Fills image->out. */
void image_convert(struct image *image, const uint8_t *bytes);

#endif
