#include "product.h"

#include <string.h>

#include "metazoa/particle/vector.h"

/* Rows of a tile and its vectors, at most: with their operands they fill the registers, of which AVX-512 and
 * AArch64 have 32, others 16. */
#if VECTOR == 16 || defined __aarch64__
enum { TILE = 6, WIDE = 4 };
#else
enum { TILE = 6, WIDE = 2 };
#endif

/* Vectors that hold n values and what pads them to LANES. */
static int32_t vectors_of(int32_t n)
{
    return (int32_t)lanes_round(n) / VECTOR;
}

/* As few tiles as can be, as equal as can be. */
static int32_t tile_rows(int32_t rows)
{
    int32_t tiles = (rows + TILE - 1) / TILE;
    return (rows + tiles - 1) / tiles;
}

/* Coefficient of row i and term k: at[i * row + k * term]. */
struct coefficients {
    const float *at;
    int64_t row, term;
};

/* Rows of a matrix: one after the other, or each where `rows` says. */
struct matrix {
    const float *at;
    int64_t stride;
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

/* Asks for the sums of a tile, which it needs at its end. */
VECTOR_INLINE void ask_sums(const struct result *to, const int rows, const int wide, int64_t first,
                            int64_t at)
{
    for (int i = 0; i < rows && to->sum; i++)
        for (int j = 0; j < wide * VECTOR; j += 8)
            __builtin_prefetch(to->sum + (first + i) * to->stride + at + j, 1, 3);
}

/* Leaves a tile's row of the result; n of its values count. */
VECTOR_INLINE void leave(const struct result *to, const int wide, const vector sum[WIDE], int64_t row,
                         int64_t at, int64_t n)
{
    float value[WIDE * VECTOR];
    const int64_t place = row * to->stride + at;
    if (to->z) {
        for (int j = 0; j < wide; j++) ((vector *)(to->z + place))[j] = sum[j];
        return;
    }
    memcpy(value, sum, (size_t)wide * sizeof *sum);
    if (n == wide * VECTOR)
        exact_add(to->sum + place, value, wide * VECTOR, to->exact);
    else
        exact_add(to->sum + place, value, n, to->exact);
}

/* result[i][j] = sum over k of coefficient(i, k) in[k][j]: a tile of rows from `first` x wide vectors from
 * `at` on; the result has `width` columns. */
VECTOR_INLINE void mix_tile(const int rows, const int wide, const bool apart, const bool ask,
                            const struct result *to, struct coefficients c, const struct matrix *in,
                            int32_t terms, int32_t first, int32_t at, int32_t width)
{
    vector sum[TILE][WIDE];
    const float *factor = c.at + first * c.row;
    const int64_t column = (int64_t)at * VECTOR, left = width - column;
    ask_sums(to, rows, wide, first, column);
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < wide; j++) sum[i][j] = (vector){0};
    for (int32_t k = 0; k < terms; k++, factor += c.term) {
        const float *row = row_of(in, apart, k) + column;
        vector x[WIDE];
        for (int j = 0; j < wide; j++) {
            if (ask && j % PARTS == 0) ask_far(&in->rows, k + in->rows.next, column + j * VECTOR);
            x[j] = vector_load(row + j * VECTOR);
        }
        for (int i = 0; i < rows; i++) {
            const vector all = vector_all(factor[i * c.row]);
            for (int j = 0; j < wide; j++) sum[i][j] = vector_fma(all, x[j], sum[i][j]);
        }
    }
    for (int i = 0; i < rows; i++)
        leave(to, wide, sum[i], first + i, column, left < wide * VECTOR ? left : wide * VECTOR);
}

/* All rows of some columns. Of rows that lie apart the first tile asks for those to come. */
VECTOR_INLINE void mix_columns(const int wide, const bool apart, const struct result *to,
                               struct coefficients c, const struct matrix *in, int32_t rows, int32_t terms,
                               int32_t at, int32_t width)
{
    const int32_t tile = tile_rows(rows);
    for (int32_t i = 0; i < rows; i += tile) {
        const int32_t here = rows - i < tile ? rows - i : tile;
#define CASE(N)                                                                                              \
    case N:                                                                                                  \
        if (apart && i == 0)                                                                                 \
            mix_tile(N, wide, apart, true, to, c, in, terms, i, at, width);                                  \
        else                                                                                                 \
            mix_tile(N, wide, apart, false, to, c, in, terms, i, at, width);                                 \
        break
        switch (here) {
            CASE(1);
            CASE(2);
            CASE(3);
            CASE(4);
            CASE(5);
            CASE(6);
        }
#undef CASE
    }
}

VECTOR_INLINE void mix_all(const bool apart, const struct result *to, struct coefficients c,
                           const struct matrix *in, int32_t rows, int32_t terms, int32_t width)
{
    const int32_t vectors = vectors_of(width);
    int32_t at = 0;
    for (; at + WIDE <= vectors; at += WIDE) mix_columns(WIDE, apart, to, c, in, rows, terms, at, width);
    switch (vectors - at) { /* fewer than WIDE */
    case 1:
        mix_columns(1, apart, to, c, in, rows, terms, at, width);
        break;
    case 2:
        mix_columns(WIDE < 2 ? WIDE : 2, apart, to, c, in, rows, terms, at, width);
        break;
    case 3:
        mix_columns(WIDE < 3 ? WIDE : 3, apart, to, c, in, rows, terms, at, width);
        break;
    }
}

static void mix(struct result to, struct coefficients c, struct matrix in, int32_t rows, int32_t terms,
                int32_t width)
{
    if (in.rows.at)
        mix_all(true, &to, c, &in, rows, terms, width);
    else
        mix_all(false, &to, c, &in, rows, terms, width);
}

/* Dot products side by side, and rows of them. */
enum { SIDE = VECTOR / 4, DOTS = VECTOR == 16 ? 5 : 3 };

/* The sums over the LANES lanes of each of SIDE rows: lanes 8 apart are added, then 4, 2 and 1 apart. */
VECTOR_INLINE void sum_lanes(vector v[SIDE][PARTS], float out[SIDE])
{
#if VECTOR == 16
    const mask low = {0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23};
    const mask even = {0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27};
    const mask two = {2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13};
    const mask one = {1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14};
    const mask every_fourth = {0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12};
    vector a = vector_shuffle(v[0][0], v[1][0], low) + vector_shuffle(v[0][0], v[1][0], low + 8);
    vector b = vector_shuffle(v[2][0], v[3][0], low) + vector_shuffle(v[2][0], v[3][0], low + 8);
    vector c = vector_shuffle(a, b, even) + vector_shuffle(a, b, even + 4);
#elif VECTOR == 8
    const mask low = {0, 1, 2, 3, 8, 9, 10, 11};
    const mask two = {2, 3, 0, 1, 6, 7, 4, 5}, one = {1, 0, 3, 2, 5, 4, 7, 6};
    const mask every_fourth = {0, 4, 0, 4, 0, 4, 0, 4};
    vector a = v[0][0] + v[0][1], b = v[1][0] + v[1][1];
    vector c = vector_shuffle(a, b, low) + vector_shuffle(a, b, low + 4);
#else
    const mask two = {2, 3, 0, 1}, one = {1, 0, 3, 2}, every_fourth = {0};
    vector c = (v[0][0] + v[0][2]) + (v[0][1] + v[0][3]);
#endif
    c += vector_shuffle(c, c, two);
    c += vector_shuffle(c, c, one);
    c = vector_shuffle(c, c, every_fourth);
    memcpy(out, &c, SIDE * sizeof *out);
}

/* result[i][j] = p_i . q_j over a length in LANES: rows of p from `first` x wide rows of q from `at` on. */
VECTOR_INLINE void dots_tile(const int rows, const int wide, const bool apart, const bool ask,
                             const struct result *to, const float *p, int64_t p_stride,
                             const struct matrix *q, int32_t length, int32_t first, int32_t at)
{
    vector sum[DOTS][SIDE][PARTS];
    const float *from[SIDE];
    p += first * p_stride;
    for (int j = 0; j < wide; j++) from[j] = row_of(q, apart, at + j);
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < SIDE; j++)
            for (int part = 0; part < PARTS; part++) sum[i][j][part] = (vector){0};
    for (int32_t k = 0; k < length; k += LANES)
        for (int part = 0; part < PARTS; part++) {
            const int32_t here = k + part * VECTOR;
            vector y[SIDE];
            for (int j = 0; j < wide; j++) {
                if (ask && part == 0) ask_ahead(&q->rows, at + j, here);
                y[j] = vector_load(from[j] + here);
            }
            for (int i = 0; i < rows; i++) {
                const vector x = *(const vector *)(p + i * p_stride + here);
                for (int j = 0; j < wide; j++) sum[i][j][part] = vector_fma(x, y[j], sum[i][j][part]);
            }
        }
    for (int i = 0; i < rows; i++) {
        float total[SIDE];
        const int64_t place = (first + i) * to->stride + at;
        sum_lanes(sum[i], total);
        if (to->z)
            memcpy(to->z + place, total, (size_t)wide * sizeof *total);
        else
            exact_add(to->sum + place, total, wide, to->exact);
    }
}

VECTOR_INLINE void dots_rows(const int rows, const bool apart, const bool ask, const struct result *to,
                             const float *p, int64_t p_stride, const struct matrix *q, int32_t first,
                             int32_t columns, int32_t length)
{
    int32_t j = 0;
    for (; j + SIDE <= columns; j += SIDE)
        dots_tile(rows, SIDE, apart, ask, to, p, p_stride, q, length, first, j);
    for (; j < columns; j++) dots_tile(rows, 1, apart, ask, to, p, p_stride, q, length, first, j);
}

VECTOR_INLINE void dots_all(const bool apart, const bool ask, const struct result *to, const float *p,
                            int64_t p_stride, const struct matrix *q, int32_t rows, int32_t first,
                            int32_t columns, int32_t length)
{
#define CASE(N)                                                                                              \
    case N:                                                                                                  \
        dots_rows(N, apart, ask, to, p, p_stride, q, first, columns, length);                                \
        break
    switch (rows) {
        CASE(1);
        CASE(2);
        CASE(3);
#if VECTOR == 16
        CASE(4);
        CASE(5);
#endif
    }
#undef CASE
}

static void dots(struct result to, const float *p, int64_t p_stride, struct matrix q, int32_t rows,
                 int32_t columns, int32_t length)
{
    const int32_t tiles = (rows + DOTS - 1) / DOTS, tile = (rows + tiles - 1) / tiles;
    for (int32_t i = 0; i < rows; i += tile) {
        const int32_t here = rows - i < tile ? rows - i : tile;
        if (q.rows.at && i == 0)
            dots_all(true, true, &to, p, p_stride, &q, here, i, columns, length);
        else if (q.rows.at)
            dots_all(true, false, &to, p, p_stride, &q, here, i, columns, length);
        else
            dots_all(false, false, &to, p, p_stride, &q, here, i, columns, length);
    }
}

/* out[column][row] = in[row][column], LANES rows at a time; in has room up to a multiple of LANES in both
 * directions, rows beyond the last are zero in `out`. */
static void turn(float *restrict out, int64_t out_stride, const struct matrix *in, int32_t rows,
                 int32_t columns)
{
    for (int32_t r = 0; r < rows; r += LANES) {
        const float *from[LANES];
        static const float none[1] = {0};
        const int here = rows - r < LANES ? rows - r : LANES;
        for (int i = 0; i < here; i++) {
            from[i] = row_of(in, in->rows.at != NULL, r + i);
            if (in->rows.at)
                for (int32_t c = 0; c < columns; c += LANES) ask_far(&in->rows, r + i + ROWS_AHEAD, c);
        }
        for (int32_t c = 0; c < columns; c++) {
            float *to = out + c * out_stride + r;
            for (int i = 0; i < here; i++) to[i] = from[i][c];
            for (int i = here; i < LANES; i++) to[i] = none[0];
        }
    }
}

void product_bring(const struct product *p, float *x)
{
    const struct matrix rows = {.rows = p->rows};
    turn(x, p->stride, &rows, p->samples, p->edges);
}

void product_turn(const struct product *p, float *turned, const float *x)
{
    const struct matrix rows = {.at = x, .stride = p->stride};
    turn(turned, organism_row(p->edges), &rows, p->edges, p->samples);
}

/* Few cells read the samples' rows: the vectors lie along the edges. */
static void forward_rows(const struct product *p, struct result z, const float *a)
{
    const int32_t row = organism_row(p->edges), length = (int32_t)lanes_round(p->edges);
    for (int32_t c = 0; c < p->cells; c++) {
        float *to = p->scratch + (int64_t)c * row;
        memcpy(to, a + (int64_t)c * p->edges, (size_t)p->edges * sizeof *a);
        memset(to + p->edges, 0, (size_t)(length - p->edges) * sizeof *a);
    }
    dots(z, p->scratch, row, (struct matrix){.rows = p->rows}, p->cells, p->samples, length);
}

void product_forward(const struct product *p, struct result z, const float *a, const float *x)
{
    if (p->rows.at && product_narrow(p->cells))
        forward_rows(p, z, a);
    else
        mix(z, (struct coefficients){a, p->edges, 1}, (struct matrix){.at = x, .stride = p->stride}, p->cells,
            p->edges, p->samples);
}

void product_backward(const struct product *p, struct result dx, const float *a, const float *g)
{
    mix(dx, (struct coefficients){a, 1, p->edges}, (struct matrix){.at = g, .stride = p->stride}, p->edges,
        p->cells, p->samples);
}

void product_gradient(const struct product *p, struct result da, const float *g, const float *x)
{
    const struct coefficients factors = {g, p->stride, 1};
    const struct matrix apart = {.rows = p->rows}, turned = {.at = x, .stride = organism_row(p->edges)},
                        along = {.at = x, .stride = p->stride};
    if (p->rows.at)
        mix(da, factors, apart, p->cells, p->samples, p->edges);
    else if (product_narrow(p->cells))
        dots(da, g, p->stride, along, p->cells, p->edges, (int32_t)lanes_round(p->samples));
    else
        mix(da, factors, turned, p->cells, p->samples, p->edges);
}
