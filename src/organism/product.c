#include "product.h"

#include <cblas.h>
#include <string.h>

#include "metazoa/organism/shape.h"
#include "metazoa/particle/vector.h"

/* Rows of a tile and its vectors, at most. Accumulators and operands fit the registers: 5 x 4 and 5 + 4 the
 * 32 of AVX-512, 5 x 2 and 5 + 2 the 16 of AVX (where a factor comes from memory as it is used). */
enum { TILE = 5, WIDE = VECTOR / 4 };

/* Vectors that hold n values and what pads them to LANES. */
static int32_t vectors_of(int32_t n)
{
    return (n + LANES - 1) / LANES * PARTS;
}

static int32_t tile_rows(int32_t rows)
{
    int32_t tiles = (rows + TILE - 1) / TILE;
    return (rows + tiles - 1) / tiles;
}

/* Coefficient of row i and term k: at[i * row + k * term]. */
struct coefficients {
    const float *at;
    int32_t row, term;
};

/* out[i][0 .. width) = sum over k of coefficient(i, k) in[k][0 .. width), width in vectors; tile of rows x
 * wide. */
VECTOR_INLINE void mix_tile(const int rows, const int wide, float *out, int32_t out_stride,
                            struct coefficients c, const float *in, int32_t in_stride, int32_t terms)
{
    vector sum[TILE][WIDE];
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < wide; j++) sum[i][j] = (vector){0};
    for (int32_t k = 0; k < terms; k++) {
        vector x[WIDE];
        for (int j = 0; j < wide; j++) x[j] = ((const vector *)(in + (int64_t)k * in_stride))[j];
        for (int i = 0; i < rows; i++) {
            float factor = c.at[(int64_t)i * c.row + (int64_t)k * c.term];
            for (int j = 0; j < wide; j++) sum[i][j] += factor * x[j];
        }
    }
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < wide; j++) ((vector *)(out + (int64_t)i * out_stride))[j] = sum[i][j];
}

VECTOR_INLINE void mix_rows(const int rows, float *out, int32_t out_stride, struct coefficients c,
                            const float *in, int32_t in_stride, int32_t terms, int32_t vectors)
{
    int32_t at = 0;
    for (; at + WIDE <= vectors; at += WIDE)
        mix_tile(rows, WIDE, out + at * VECTOR, out_stride, c, in + at * VECTOR, in_stride, terms);
    out += at * VECTOR, in += at * VECTOR;
    switch (vectors - at) { /* fewer than WIDE */
    case 1:
        mix_tile(rows, 1, out, out_stride, c, in, in_stride, terms);
        break;
    case 2:
        mix_tile(rows, WIDE < 2 ? WIDE : 2, out, out_stride, c, in, in_stride, terms);
        break;
    case 3:
        mix_tile(rows, WIDE < 3 ? WIDE : 3, out, out_stride, c, in, in_stride, terms);
        break;
    }
}

static void mix(float *out, int32_t out_stride, struct coefficients c, const float *in, int32_t in_stride,
                int32_t rows, int32_t terms, int32_t width)
{
    int32_t tile = tile_rows(rows), vectors = vectors_of(width);
    for (int32_t i = 0; i < rows; i += tile) {
        struct coefficients here = {c.at + (int64_t)i * c.row, c.row, c.term};
        float *to = out + (int64_t)i * out_stride;
        switch (rows - i < tile ? rows - i : tile) {
        case 1:
            mix_rows(1, to, out_stride, here, in, in_stride, terms, vectors);
            break;
        case 2:
            mix_rows(2, to, out_stride, here, in, in_stride, terms, vectors);
            break;
        case 3:
            mix_rows(3, to, out_stride, here, in, in_stride, terms, vectors);
            break;
        case 4:
            mix_rows(4, to, out_stride, here, in, in_stride, terms, vectors);
            break;
        default:
            mix_rows(5, to, out_stride, here, in, in_stride, terms, vectors);
            break;
        }
    }
}

/* The sums over the lanes of each of WIDE vectors: halves are added until each vector has four lanes left. */
VECTOR_INLINE void sum_lanes(const vector v[WIDE], float out[WIDE])
{
#if VECTOR == 16
    const mask low = {0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23};
    const mask even = {0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27};
    const mask swap = {2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13};
    vector a = vector_shuffle(v[0], v[1], low) + vector_shuffle(v[0], v[1], low + 8);
    vector b = vector_shuffle(v[2], v[3], low) + vector_shuffle(v[2], v[3], low + 8);
    vector c = vector_shuffle(a, b, even) + vector_shuffle(a, b, even + 4);
#elif VECTOR == 8
    const mask low = {0, 1, 2, 3, 8, 9, 10, 11}, swap = {2, 3, 0, 1, 6, 7, 4, 5};
    vector c = vector_shuffle(v[0], v[1], low) + vector_shuffle(v[0], v[1], low + 4);
#else
    const mask swap = {2, 3, 0, 1};
    vector c = v[0];
#endif
    c += vector_shuffle(c, c, swap);
    for (int i = 0; i < WIDE; i++) out[i] = c[4 * i] + c[4 * i + 1];
}

/* The second factors of dots: rows of q, which are brought there from elsewhere first where `from` says so.
 */
struct factors {
    float *q;
    int32_t stride;
    struct rows from; /* at: NULL where q is there already */
};

/* out[i * row + j * column] = p_i . q_j over a length in vectors; tile of rows x wide; q from factor `at` on.
 */
VECTOR_INLINE void dots_tile(const int rows, const int wide, const bool bring, float *out, int32_t row,
                             int32_t column, const float *p, int32_t p_stride, struct factors f, int32_t at,
                             int32_t vectors)
{
    vector sum[TILE][WIDE];
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < WIDE; j++) sum[i][j] = (vector){0};
    for (int32_t k = 0; k < vectors; k++) {
        vector y[WIDE];
        for (int j = 0; j < wide; j++) {
            vector *here = (vector *)(f.q + (int64_t)(at + j) * f.stride) + k;
            if (bring) {
                __builtin_prefetch(f.from.at[at + j + ROWS_AHEAD] + f.from.column + k * VECTOR);
                *here = vector_load(f.from.at[at + j] + f.from.column + k * VECTOR);
            }
            y[j] = *here;
        }
        for (int i = 0; i < rows; i++) {
            vector x = ((const vector *)(p + (int64_t)i * p_stride))[k];
            for (int j = 0; j < wide; j++) sum[i][j] += x * y[j];
        }
    }
    for (int i = 0; i < rows; i++) {
        float total[WIDE];
        sum_lanes(sum[i], total);
        for (int j = 0; j < wide; j++) out[i * row + (at + j) * column] = total[j];
    }
}

VECTOR_INLINE void dots_rows(const int rows, float *out, int32_t row, int32_t column, const float *p,
                             int32_t p_stride, struct factors f, int32_t columns, int32_t vectors)
{
    int32_t j = 0;
    if (f.from.at) {
        for (; j + WIDE <= columns; j += WIDE)
            dots_tile(rows, WIDE, true, out, row, column, p, p_stride, f, j, vectors);
        for (; j < columns; j++) dots_tile(rows, 1, true, out, row, column, p, p_stride, f, j, vectors);
    } else {
        for (; j + WIDE <= columns; j += WIDE)
            dots_tile(rows, WIDE, false, out, row, column, p, p_stride, f, j, vectors);
        for (; j < columns; j++) dots_tile(rows, 1, false, out, row, column, p, p_stride, f, j, vectors);
    }
}

static void dots(float *out, int32_t row, int32_t column, const float *p, int32_t p_stride, struct factors f,
                 int32_t rows, int32_t columns, int32_t vectors)
{
    int32_t tile = tile_rows(rows);
    for (int32_t i = 0; i < rows; i += tile, f.from.at = NULL) {
        const float *from = p + (int64_t)i * p_stride;
        float *to = out + (int64_t)i * row;
        switch (rows - i < tile ? rows - i : tile) {
        case 1:
            dots_rows(1, to, row, column, from, p_stride, f, columns, vectors);
            break;
        case 2:
            dots_rows(2, to, row, column, from, p_stride, f, columns, vectors);
            break;
        case 3:
            dots_rows(3, to, row, column, from, p_stride, f, columns, vectors);
            break;
        case 4:
            dots_rows(4, to, row, column, from, p_stride, f, columns, vectors);
            break;
        default:
            dots_rows(5, to, row, column, from, p_stride, f, columns, vectors);
            break;
        }
    }
}

static bool narrow(const struct product *p)
{
    return p->cells <= ORGANISM_NARROW || (p->x_stride == 0 && p->edges <= ORGANISM_NARROW);
}

/* X is sample-major here, and perhaps not there yet. */
static void forward_samples(const struct product *p, float *z, const float *a, struct factors x)
{
    for (int32_t c = 0; c < p->cells; c++) {
        float *row = p->padded + (int64_t)c * p->x_stride;
        memcpy(row, a + (int64_t)c * p->edges, (size_t)p->edges * sizeof *a);
        memset(row + p->edges, 0, (size_t)(p->x_stride - p->edges) * sizeof *a);
    }
    dots(z, p->stride, 1, p->padded, p->x_stride, x, p->cells, p->samples, vectors_of(p->edges));
}

void product_forward(const struct product *p, float *z, const float *a, const float *x)
{
    if (!narrow(p))
        cblas_sgemm(CblasRowMajor, CblasNoTrans, p->x_stride ? CblasTrans : CblasNoTrans, p->cells,
                    p->samples, p->edges, 1, a, p->edges, x, p->x_stride ? p->x_stride : p->stride, 0, z,
                    p->stride);
    else if (p->x_stride)
        forward_samples(p, z, a, (struct factors){(float *)x, p->x_stride, {0}});
    else
        mix(z, p->stride, (struct coefficients){a, p->edges, 1}, x, p->stride, p->cells, p->edges,
            p->samples);
}

void product_forward_rows(const struct product *p, float *z, const float *a, float *x, struct rows rows)
{
    if (narrow(p)) {
        forward_samples(p, z, a, (struct factors){x, p->x_stride, rows});
        return;
    }
    for (int32_t s = 0; s < p->samples; s++) {
        const float *ahead = rows.at[s + ROWS_AHEAD] + rows.column;
        for (int32_t e = 0; e < p->edges; e += 64 / (int32_t)sizeof *x) __builtin_prefetch(ahead + e);
        memcpy(x + (int64_t)s * p->x_stride, rows.at[s] + rows.column, (size_t)p->edges * sizeof *x);
    }
    product_forward(p, z, a, x);
}

void product_backward(const struct product *p, float *dx, const float *a, const float *g)
{
    if (!narrow(p))
        cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, p->edges, p->samples, p->cells, 1, a, p->edges,
                    g, p->stride, 0, dx, p->stride);
    else
        mix(dx, p->stride, (struct coefficients){a, 1, p->edges}, g, p->stride, p->edges, p->cells,
            p->samples);
}

int32_t product_gradient(const struct product *p, float *da, const float *g, const float *x)
{
    if (!narrow(p)) {
        cblas_sgemm(CblasRowMajor, CblasNoTrans, p->x_stride ? CblasNoTrans : CblasTrans, p->cells, p->edges,
                    p->samples, 1, g, p->stride, x, p->x_stride ? p->x_stride : p->stride, 0, da, p->edges);
        return p->edges;
    }
    if (p->x_stride) {
        mix(da, p->x_stride, (struct coefficients){g, p->stride, 1}, x, p->x_stride, p->cells, p->samples,
            p->edges);
        return p->x_stride;
    }
    dots(da, p->edges, 1, g, p->stride, (struct factors){(float *)x, p->stride, {0}}, p->cells, p->edges,
         vectors_of(p->samples));
    return p->edges;
}
