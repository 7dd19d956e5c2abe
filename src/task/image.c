#include "image.h"

#include <assert.h>
#include <math.h>

#include "metazoa/base/memory.h"

static void axis_new(struct axis *axis, int32_t from, int32_t to)
{
    if (to == 0) to = from;
    *axis = (struct axis){
        .from = from,
        .to = to,
        .low = memory_new(to, sizeof(int32_t)),
        .high = memory_new(to, sizeof(int32_t)),
        .share = memory_new(to, sizeof(float)),
    };
    for (int32_t i = 0; i < to; i++) {
        double at = fmax(0, (i + 0.5) * from / to - 0.5);
        int32_t low = (int32_t)fmin(at, from - 1);
        axis->low[i] = low;
        axis->high[i] = low + 1 < from ? low + 1 : low;
        axis->share[i] = (float)(at - low);
    }
}

static void axis_free(struct axis *axis)
{
    memory_free(axis->low);
    memory_free(axis->high);
    memory_free(axis->share);
}

void image_new(struct image *image, int planes, bool grey, const int32_t from[2], const int32_t to[2])
{
    assert(planes == 3 || !grey);
    image->planes = planes;
    image->grey = grey;
    axis_new(&image->rows, from[0], to[0]);
    axis_new(&image->columns, from[1], to[1]);
    image->plane = memory_new((int64_t)from[0] * from[1], sizeof(float));
    image->line = memory_new(from[1], sizeof(float));
    image->out = memory_new((grey ? 1 : planes) * (int64_t)image->rows.to * image->columns.to, sizeof(float));
}

void image_free(struct image *image)
{
    axis_free(&image->rows);
    axis_free(&image->columns);
    memory_free(image->plane);
    memory_free(image->line);
    memory_free(image->out);
    *image = (struct image){0};
}

/* line: a row of the target before its columns are resized. */
static void blend_rows(float *restrict line, const float *restrict low, const float *restrict high,
                       float share, int32_t columns)
{
    for (int32_t c = 0; c < columns; c++) line[c] = fmaf(share, high[c], (1 - share) * low[c]);
}

static void blend_columns(float *restrict out, const float *restrict line, const struct axis *axis)
{
    for (int32_t c = 0; c < axis->to; c++)
        out[c] = fmaf(axis->share[c], line[axis->high[c]], (1 - axis->share[c]) * line[axis->low[c]]);
}

/* image->plane: plane p of the bytes, or the grey of all three. */
static void take_plane(struct image *image, const uint8_t *bytes, int p)
{
    float *restrict plane = image->plane;
    int64_t pixels = (int64_t)image->rows.from * image->columns.from;
    const uint8_t *restrict red = bytes + p * pixels, *green = red + pixels, *blue = green + pixels;
    if (!image->grey)
        for (int64_t i = 0; i < pixels; i++) plane[i] = (float)red[i] / 255;
    else
        for (int64_t i = 0; i < pixels; i++)
            plane[i] =
                fmaf(0.299f, (float)red[i], fmaf(0.587f, (float)green[i], 0.114f * (float)blue[i])) / 255;
}

void image_convert(struct image *image, const uint8_t *bytes)
{
    const struct axis *rows = &image->rows, *columns = &image->columns;
    float *out = image->out;
    for (int p = 0; p < (image->grey ? 1 : image->planes); p++) {
        take_plane(image, bytes, p);
        for (int32_t r = 0; r < rows->to; r++) {
            const float *low = image->plane + (int64_t)rows->low[r] * columns->from;
            const float *high = image->plane + (int64_t)rows->high[r] * columns->from;
            blend_rows(image->line, low, high, rows->share[r], columns->from);
            blend_columns(out, image->line, columns);
            out += columns->to;
        }
    }
}
