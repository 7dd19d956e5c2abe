#include "product.h"

#include <cblas.h>
#include <string.h>

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

/* Rows of a matrix: one after the other, or each where `rows` says. */
struct matrix {
    const float *at;
    int32_t stride;
    struct rows rows; /* at: NULL if they follow each other */
};

VECTOR_INLINE const float *row_of(const struct matrix *m, const bool apart, int64_t row)
{
    return apart ? m->rows.at[row] + m->rows.column : m->at + row * m->stride;
}

/*
 * Rows that lie apart come from memory one latency at a time, unless they are asked for ahead: into the
 * second cache long before, which has room for many requests, and from there into the first, which has few.
 * The gradient, which finds its rows in the second cache, asks for those of the chunk to come, so that memory
 * works in both passes; forward asks again, for some processors drop a request that finds no room. (Measured:
 * near or far alone, or forward alone, takes 15 % longer.)
 */
VECTOR_INLINE void ask_far(const struct rows *rows, int64_t row, int64_t column)
{
    __builtin_prefetch(rows->at[row] + rows->column + column, 0, 2);
}

VECTOR_INLINE void ask_ahead(const struct rows *rows, int64_t row, int64_t column)
{
    enum { NEAR = 8 };
    ask_far(rows, row + ROWS_AHEAD, column);
    __builtin_prefetch(rows->at[row + NEAR] + rows->column + column, 0, 3);
}

/* out[i][j] = sum over k of coefficient(i, k) in[k][j], vectors j from `at` on; tile of rows x wide. */
VECTOR_INLINE void mix_tile(const int rows, const int wide, const bool apart, const bool ask, float *out,
                            int32_t out_stride, struct coefficients c, const struct matrix *in, int32_t at,
                            int32_t terms)
{
    vector sum[TILE][WIDE];
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < wide; j++) sum[i][j] = (vector){0};
    for (int32_t k = 0; k < terms; k++) {
        const float *row = row_of(in, apart, k) + at * VECTOR;
        vector x[WIDE];
        for (int j = 0; j < wide; j++) {
            if (ask && j % PARTS == 0) ask_far(&in->rows, k + in->rows.next, (at + j) * VECTOR);
            x[j] = vector_load(row + j * VECTOR);
        }
        for (int i = 0; i < rows; i++) {
            float factor = c.at[(int64_t)i * c.row + (int64_t)k * c.term];
            for (int j = 0; j < wide; j++) sum[i][j] += factor * x[j];
        }
    }
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < wide; j++) ((vector *)(out + (int64_t)i * out_stride))[at + j] = sum[i][j];
}

VECTOR_INLINE void mix_rows(const int rows, const bool apart, const bool ask, float *out, int32_t out_stride,
                            struct coefficients c, const struct matrix *in, int32_t terms, int32_t vectors)
{
    int32_t at = 0;
    for (; at + WIDE <= vectors; at += WIDE)
        mix_tile(rows, WIDE, apart, ask, out, out_stride, c, in, at, terms);
    switch (vectors - at) { /* fewer than WIDE */
    case 1:
        mix_tile(rows, 1, apart, ask, out, out_stride, c, in, at, terms);
        break;
    case 2:
        mix_tile(rows, WIDE < 2 ? WIDE : 2, apart, ask, out, out_stride, c, in, at, terms);
        break;
    case 3:
        mix_tile(rows, WIDE < 3 ? WIDE : 3, apart, ask, out, out_stride, c, in, at, terms);
        break;
    }
}

VECTOR_INLINE void mix_all(const bool apart, const bool ask, float *out, int32_t out_stride,
                           struct coefficients c, const struct matrix *in, int32_t rows, int32_t terms,
                           int32_t vectors)
{
    switch (rows) {
    case 1:
        mix_rows(1, apart, ask, out, out_stride, c, in, terms, vectors);
        break;
    case 2:
        mix_rows(2, apart, ask, out, out_stride, c, in, terms, vectors);
        break;
    case 3:
        mix_rows(3, apart, ask, out, out_stride, c, in, terms, vectors);
        break;
    case 4:
        mix_rows(4, apart, ask, out, out_stride, c, in, terms, vectors);
        break;
    default:
        mix_rows(5, apart, ask, out, out_stride, c, in, terms, vectors);
        break;
    }
}

static void mix(float *out, int32_t out_stride, struct coefficients c, struct matrix in, int32_t rows,
                int32_t terms, int32_t width)
{
    const int32_t tile = tile_rows(rows), vectors = vectors_of(width);
    for (int32_t i = 0; i < rows; i += tile) {
        struct coefficients from = {c.at + (int64_t)i * c.row, c.row, c.term};
        float *to = out + (int64_t)i * out_stride;
        const int32_t here = rows - i < tile ? rows - i : tile;
        if (in.rows.at && i == 0)
            mix_all(true, true, to, out_stride, from, &in, here, terms, vectors);
        else if (in.rows.at)
            mix_all(true, false, to, out_stride, from, &in, here, terms, vectors);
        else
            mix_all(false, false, to, out_stride, from, &in, here, terms, vectors);
    }
}

/* The sums over the lanes of each of WIDE vectors: halves are added until each has four lanes of one vector
 * left, then those. */
VECTOR_INLINE void sum_lanes(const vector v[WIDE], float out[WIDE])
{
#if VECTOR == 16
    const mask low = {0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23};
    const mask even = {0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27};
    const mask two = {2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13};
    const mask one = {1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14};
    const mask every_fourth = {0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12};
    vector a = vector_shuffle(v[0], v[1], low) + vector_shuffle(v[0], v[1], low + 8);
    vector b = vector_shuffle(v[2], v[3], low) + vector_shuffle(v[2], v[3], low + 8);
    vector c = vector_shuffle(a, b, even) + vector_shuffle(a, b, even + 4);
#elif VECTOR == 8
    const mask low = {0, 1, 2, 3, 8, 9, 10, 11};
    const mask two = {2, 3, 0, 1, 6, 7, 4, 5}, one = {1, 0, 3, 2, 5, 4, 7, 6};
    const mask every_fourth = {0, 4, 0, 4, 0, 4, 0, 4};
    vector c = vector_shuffle(v[0], v[1], low) + vector_shuffle(v[0], v[1], low + 4);
#else
    const mask two = {2, 3, 0, 1}, one = {1, 0, 3, 2}, every_fourth = {0};
    vector c = v[0];
#endif
    c += vector_shuffle(c, c, two);
    c += vector_shuffle(c, c, one);
    c = vector_shuffle(c, c, every_fourth);
    memcpy(out, &c, WIDE * sizeof *out);
}

/* out[i * row + j] = p_i . q_j over a length in vectors, q from row `at` on; tile of rows x wide. What is
 * loaded is held: loaded again for each product that takes it, it costs more than the product. */
VECTOR_INLINE void dots_tile(const int rows, const int wide, const bool apart, const bool ask, float *out,
                             int32_t row, const float *p, int32_t p_stride, const struct matrix *q,
                             int32_t at, int32_t vectors)
{
    vector sum[TILE][WIDE];
    const float *from[WIDE];
    for (int j = 0; j < wide; j++) from[j] = row_of(q, apart, at + j);
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < WIDE; j++) sum[i][j] = (vector){0};
    for (int32_t k = 0; k < vectors; k++) {
        vector y[WIDE];
        for (int j = 0; j < wide; j++) {
            if (ask && k % PARTS == 0) ask_ahead(&q->rows, at + j, k * VECTOR);
            y[j] = vector_held(vector_load(from[j] + k * VECTOR));
        }
        for (int i = 0; i < rows; i++) {
            vector x = vector_held(((const vector *)(p + (int64_t)i * p_stride))[k]);
            for (int j = 0; j < wide; j++) sum[i][j] += x * y[j];
        }
    }
    for (int i = 0; i < rows; i++) {
        float total[WIDE];
        sum_lanes(sum[i], total);
        memcpy(out + i * row + at, total, (size_t)wide * sizeof *out);
    }
}

VECTOR_INLINE void dots_rows(const int rows, const bool apart, const bool ask, float *out, int32_t row,
                             const float *p, int32_t p_stride, const struct matrix *q, int32_t columns,
                             int32_t vectors)
{
    int32_t j = 0;
    for (; j + WIDE <= columns; j += WIDE)
        dots_tile(rows, WIDE, apart, ask, out, row, p, p_stride, q, j, vectors);
    for (; j < columns; j++) dots_tile(rows, 1, apart, ask, out, row, p, p_stride, q, j, vectors);
}

VECTOR_INLINE void dots_all(const bool apart, const bool ask, float *out, int32_t row, const float *p,
                            int32_t p_stride, const struct matrix *q, int32_t rows, int32_t columns,
                            int32_t vectors)
{
    switch (rows) {
    case 1:
        dots_rows(1, apart, ask, out, row, p, p_stride, q, columns, vectors);
        break;
    case 2:
        dots_rows(2, apart, ask, out, row, p, p_stride, q, columns, vectors);
        break;
    case 3:
        dots_rows(3, apart, ask, out, row, p, p_stride, q, columns, vectors);
        break;
    case 4:
        dots_rows(4, apart, ask, out, row, p, p_stride, q, columns, vectors);
        break;
    default:
        dots_rows(5, apart, ask, out, row, p, p_stride, q, columns, vectors);
        break;
    }
}

static void dots(float *out, int32_t row, const float *p, int32_t p_stride, struct matrix q, int32_t rows,
                 int32_t columns, int32_t vectors)
{
    const int32_t tile = tile_rows(rows);
    for (int32_t i = 0; i < rows; i += tile) {
        const float *from = p + (int64_t)i * p_stride;
        float *to = out + (int64_t)i * row;
        const int32_t here = rows - i < tile ? rows - i : tile;
        if (q.rows.at && i == 0)
            dots_all(true, true, to, row, from, p_stride, &q, here, columns, vectors);
        else if (q.rows.at)
            dots_all(true, false, to, row, from, p_stride, &q, here, columns, vectors);
        else
            dots_all(false, false, to, row, from, p_stride, &q, here, columns, vectors);
    }
}

void product_bring(const struct product *p, float *x)
{
    for (int32_t s = 0; s < p->samples; s++) {
        for (int32_t e = 0; e < p->edges; e += LANES) ask_ahead(&p->rows, s, e);
        memcpy(x + (int64_t)s * p->x_stride, p->rows.at[s] + p->rows.column, (size_t)p->edges * sizeof *x);
    }
}

/* A sample-major X: the samples' rows. */
static struct matrix samples_of(const struct product *p, const float *x)
{
    return (struct matrix){x, p->x_stride, x ? (struct rows){0} : p->rows};
}

static void forward_samples(const struct product *p, float *z, const float *a, const float *x)
{
    for (int32_t c = 0; c < p->cells; c++) {
        float *row = p->padded + (int64_t)c * p->x_stride;
        memcpy(row, a + (int64_t)c * p->edges, (size_t)p->edges * sizeof *a);
        memset(row + p->edges, 0, (size_t)(p->x_stride - p->edges) * sizeof *a);
    }
    dots(z, p->stride, p->padded, p->x_stride, samples_of(p, x), p->cells, p->samples, vectors_of(p->edges));
}

void product_forward(const struct product *p, float *z, const float *a, const float *x)
{
    if (!product_narrow(p))
        cblas_sgemm(CblasRowMajor, CblasNoTrans, p->x_stride ? CblasTrans : CblasNoTrans, p->cells,
                    p->samples, p->edges, 1, a, p->edges, x, p->x_stride ? p->x_stride : p->stride, 0, z,
                    p->stride);
    else if (p->x_stride)
        forward_samples(p, z, a, x);
    else
        mix(z, p->stride, (struct coefficients){a, p->edges, 1},
            (struct matrix){.at = x, .stride = p->stride}, p->cells, p->edges, p->samples);
}

void product_backward(const struct product *p, float *dx, const float *a, const float *g)
{
    if (!product_narrow(p))
        cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, p->edges, p->samples, p->cells, 1, a, p->edges,
                    g, p->stride, 0, dx, p->stride);
    else
        mix(dx, p->stride, (struct coefficients){a, 1, p->edges},
            (struct matrix){.at = g, .stride = p->stride}, p->edges, p->cells, p->samples);
}

int32_t product_gradient(const struct product *p, float *da, const float *g, const float *x)
{
    if (!product_narrow(p)) {
        cblas_sgemm(CblasRowMajor, CblasNoTrans, p->x_stride ? CblasNoTrans : CblasTrans, p->cells, p->edges,
                    p->samples, 1, g, p->stride, x, p->x_stride ? p->x_stride : p->stride, 0, da, p->edges);
        return p->edges;
    }
    if (p->x_stride) {
        mix(da, p->x_stride, (struct coefficients){g, p->stride, 1}, samples_of(p, x), p->cells, p->samples,
            p->edges);
        return p->x_stride;
    }
    dots(da, p->edges, g, p->stride, (struct matrix){.at = x, .stride = p->stride}, p->cells, p->edges,
         vectors_of(p->samples));
    return p->edges;
}
