#include "product.h"

#include <string.h>

#include "metazoa/parallel/cut.h"
#include "metazoa/particle/vector.h"

/* A tile has at most HIGH rows x WIDE vectors, or LOW x BROAD where the rows that it reads lie apart: with
 * their operands they fill the registers, of which AVX-512 and AArch64 have 32, others 16. */
#if VECTOR == 16
enum { HIGH = 12, WIDE = 2, LOW = 6, BROAD = 4 };
#elif defined __aarch64__
enum { HIGH = 6, WIDE = 4, LOW = HIGH, BROAD = WIDE };
#else
enum { HIGH = 6, WIDE = 2, LOW = HIGH, BROAD = WIDE };
#endif
enum { TILE = HIGH * WIDE }; /* vectors */

/* Vectors that hold n values and what pads them to LANES. */
static int32_t vectors_of(int32_t n)
{
    return (int32_t)lanes_round(n) / VECTOR;
}

/* Coefficient of row i and term k: at[k / LANES * group + i * LANES + k % LANES]. */
struct coefficients {
    const float *at;
    int64_t group;
};

/* Vectors: vector v of row i is at[v / PARTS * group + i * LANES + v % PARTS * VECTOR], or `rows` says where
 * the rows lie. */
struct matrix {
    const float *at;
    int64_t group;
    struct rows rows; /* at: NULL if they are in groups */
};

VECTOR_INLINE const float *vector_at(const struct matrix *m, const bool apart, int64_t row, int64_t v)
{
    if (apart) return m->rows.at[row] + m->rows.column + v * VECTOR;
    return m->at + v / PARTS * m->group + row * LANES + v % PARTS * VECTOR;
}

static int64_t place_of(const struct result *to, int64_t row, int64_t v)
{
    return row * to->row + v / PARTS * to->group + v % PARTS * VECTOR;
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

/* Asks for the sums of a row of a tile, which needs them at its end. */
VECTOR_INLINE void ask_sums(const struct result *to, const int wide, int64_t row, int64_t v)
{
    for (int j = 0; j < wide * VECTOR; j += 8)
        __builtin_prefetch(to->sum + place_of(to, row, v + j / VECTOR) + j % VECTOR, 1, 3);
}

/* Adds a partial to the sum at a place, or begins it. What the last one completes becomes single
 * precision. */
static void leave(const struct result *to, int64_t place, float partial)
{
    const double sum = (to->first ? 0 : to->sum[place]) + exact_round((double)partial, to->exact->magic);
    if (to->z)
        to->z[place] = (float)sum;
    else
        to->sum[place] = sum;
}

/* Half a vector, of which the doubles fill a register. */
typedef float half __attribute__((vector_size(VECTOR * sizeof(float) / 2)));
typedef double doubles __attribute__((vector_size(VECTOR * sizeof(double) / 2)));

VECTOR_INLINE doubles widen(half partial)
{
#if defined __AVX512F__ && VECTOR == 16 /* GCC 12 makes four instructions of the conversion */
    return (doubles)_mm512_cvtps_pd((__m256)partial);
#else
    return __builtin_convertvector(partial, doubles);
#endif
}

/* `leave` for rows of vectors, of which all values count. */
VECTOR_INLINE void leave_rows(const struct result *to, const bool first, const bool last,
                              const float *partial, int rows, int wide, int32_t row, int32_t v)
{
    const double magic = to->exact->magic;
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < wide; j++)
            for (int h = 0; h < VECTOR; h += VECTOR / 2, partial += VECTOR / 2) {
                const int64_t place = place_of(to, row + i, v + j) + h;
                half single;
                doubles sum = {0};
                memcpy(&single, partial, sizeof single);
                if (!first) memcpy(&sum, to->sum + place, sizeof sum);
                sum += (widen(single) + magic) - magic;
                if (last) {
                    single = __builtin_convertvector(sum, half);
                    memcpy(to->z + place, &single, sizeof single);
                } else
                    memcpy(to->sum + place, &sum, sizeof sum);
            }
}

/* Leaves a tile: rows from `row` on x wide vectors from v on, of a result of `width` columns. */
static __attribute__((noinline)) void tile_leave(const struct result *to, float *value, int rows, int wide,
                                                 int32_t row, int32_t v, int32_t width)
{
    const int32_t columns = wide * VECTOR, left = width - v * VECTOR;
    if (left < columns)
        for (int i = 0; i < rows; i++)
            for (int n = 0; n < columns; n++)
                if (n < left)
                    leave(to, place_of(to, row + i, v + n / VECTOR) + n % VECTOR, value[i * columns + n]);
                else
                    value[i * columns + n] = 0;
    else if (to->first)
        leave_rows(to, true, false, value, rows, wide, row, v);
    else if (to->z)
        leave_rows(to, false, true, value, rows, wide, row, v);
    else
        leave_rows(to, false, false, value, rows, wide, row, v);
    exact_see(to->exact, value, rows * columns);
}

/* result[i][j] = sum over k of coefficient(i, k) in[k][j]: a tile of rows from `first` on x wide vectors from
 * v on; the result has `width` columns. */
VECTOR_INLINE void mix_tile(const int rows, const int wide, const bool apart, const struct result *to,
                            struct coefficients c, const struct matrix *in, int32_t terms, int32_t first,
                            int32_t v, int32_t width)
{
    vector sum[HIGH][BROAD];
    const float *factor = c.at + first * LANES;
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < wide; j++) sum[i][j] = (vector){0};
    for (int32_t k = 0; k < terms; k += LANES, factor += c.group) {
        if (to->sum && k / LANES < rows) ask_sums(to, wide, first + k / LANES, v);
        const int here = terms - k < LANES ? terms - k : LANES;
        for (int t = 0; t < here; t++) {
            vector x[BROAD];
            for (int j = 0; j < wide; j++) {
                if (apart && j % PARTS == 0) ask_far(&in->rows, k + t + in->rows.next, (v + j) * VECTOR);
                x[j] = vector_load(vector_at(in, apart, k + t, v + j));
            }
            for (int i = 0; i < rows; i++) {
                const vector all = vector_all(factor[i * LANES + t]);
                for (int j = 0; j < wide; j++) sum[i][j] = vector_fma(all, x[j], sum[i][j]);
            }
        }
    }
    if (!to->sum) {
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < wide; j++) *(vector *)(to->z + place_of(to, first + i, v + j)) = sum[i][j];
        return;
    }
    vector value[TILE];
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < wide; j++) value[i * wide + j] = sum[i][j];
    tile_leave(to, (float *)value, rows, wide, first, v, width);
}

/* All rows of some columns, in as few tiles as can be, as equal as can be. */
VECTOR_INLINE void mix_columns(const int high, const int wide, const bool apart, const struct result *to,
                               struct coefficients c, const struct matrix *in, int32_t rows, int32_t terms,
                               int32_t v, int32_t width)
{
    const int32_t tiles = (rows + high - 1) / high;
    for (int32_t tile = 0; tile < tiles; tile++) {
        const int32_t first = (int32_t)cut_begin(rows, tiles, tile);
        switch ((int32_t)cut_begin(rows, tiles, tile + 1) - first) {
#define CASE(N)                                                                                              \
    case N:                                                                                                  \
        if (N <= high) mix_tile(N, wide, apart, to, c, in, terms, first, v, width);                          \
        break
            CASE(1);
            CASE(2);
            CASE(3);
            CASE(4);
            CASE(5);
            CASE(6);
#if VECTOR == 16
            CASE(7);
            CASE(8);
            CASE(9);
            CASE(10);
            CASE(11);
            CASE(12);
#endif
#undef CASE
        }
    }
}

VECTOR_INLINE void mix_all(const bool apart, const struct result *to, struct coefficients c,
                           const struct matrix *in, int32_t rows, int32_t terms, int32_t width)
{
    const int32_t vectors = vectors_of(width);
    const int high = apart ? LOW : HIGH;
    int32_t v = 0;
    for (; apart && v + BROAD <= vectors; v += BROAD)
        mix_columns(high, BROAD, apart, to, c, in, rows, terms, v, width);
    for (; v + WIDE <= vectors; v += WIDE) mix_columns(high, WIDE, apart, to, c, in, rows, terms, v, width);
    for (; v < vectors; v++) mix_columns(high, 1, apart, to, c, in, rows, terms, v, width);
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

/* result[i][j] = p_i . q_j over `groups` groups of LANES: rows of p from `first` on x wide rows of q from
 * `at` on. */
VECTOR_INLINE void dots_tile(const int rows, const int wide, const bool apart, const bool ask,
                             const struct result *to, const struct coefficients *p, const struct matrix *q,
                             int32_t groups, int32_t first, int32_t at)
{
    vector sum[DOTS][SIDE][PARTS];
    const float *from[SIDE], *x = p->at + first * LANES;
    const int64_t step = apart ? LANES : q->group;
    for (int j = 0; j < wide; j++) from[j] = vector_at(q, apart, at + j, 0);
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < SIDE; j++)
            for (int part = 0; part < PARTS; part++) sum[i][j][part] = (vector){0};
    for (int32_t k = 0; k < groups; k++, x += p->group)
        for (int part = 0; part < PARTS; part++) {
            vector y[SIDE];
            for (int j = 0; j < wide; j++) {
                if (ask && part == 0) ask_ahead(&q->rows, at + j, k * LANES);
                y[j] = vector_load(from[j] + k * step + part * VECTOR);
            }
            for (int i = 0; i < rows; i++) {
                const vector factor = *(const vector *)(x + i * LANES + part * VECTOR);
                for (int j = 0; j < wide; j++) sum[i][j][part] = vector_fma(factor, y[j], sum[i][j][part]);
            }
        }
    for (int i = 0; i < rows; i++) {
        float total[SIDE];
        const int64_t place = (first + i) * to->row + at / LANES * to->group + at % LANES;
        sum_lanes(sum[i], total);
        if (!to->sum) {
            memcpy(to->z + place, total, (size_t)wide * sizeof *total);
            continue;
        }
        for (int j = 0; j < wide; j++) leave(to, place + j, total[j]);
        exact_see(to->exact, total, wide);
    }
}

VECTOR_INLINE void dots_rows(const int rows, const bool apart, const bool ask, const struct result *to,
                             const struct coefficients *p, const struct matrix *q, int32_t first,
                             int32_t columns, int32_t groups)
{
    int32_t j = 0;
    for (; j + SIDE <= columns; j += SIDE) dots_tile(rows, SIDE, apart, ask, to, p, q, groups, first, j);
    for (; j < columns; j++) dots_tile(rows, 1, apart, ask, to, p, q, groups, first, j);
}

VECTOR_INLINE void dots_all(const bool apart, const bool ask, const struct result *to,
                            const struct coefficients *p, const struct matrix *q, int32_t rows, int32_t first,
                            int32_t columns, int32_t groups)
{
#define CASE(N)                                                                                              \
    case N:                                                                                                  \
        dots_rows(N, apart, ask, to, p, q, first, columns, groups);                                          \
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

static void dots(struct result to, struct coefficients p, struct matrix q, int32_t rows, int32_t columns,
                 int32_t groups)
{
    const int32_t tiles = (rows + DOTS - 1) / DOTS, tile = (rows + tiles - 1) / tiles;
    for (int32_t i = 0; i < rows; i += tile) {
        const int32_t here = rows - i < tile ? rows - i : tile;
        if (q.rows.at && i == 0)
            dots_all(true, true, &to, &p, &q, here, i, columns, groups);
        else if (q.rows.at)
            dots_all(true, false, &to, &p, &q, here, i, columns, groups);
        else
            dots_all(false, false, &to, &p, &q, here, i, columns, groups);
    }
}

void product_forward(const struct product *p, struct result z, const float *packed, const float *x)
{
    const struct coefficients factors = {packed, p->cells * LANES};
    if (p->rows.at && product_narrow(p->cells))
        dots(z, factors, (struct matrix){.rows = p->rows}, p->cells, p->samples,
             (int32_t)lanes_round(p->edges) / LANES);
    else
        mix(z, factors, (struct matrix){.at = x, .group = p->x_group}, p->cells, p->edges, p->samples);
}

void product_backward(const struct product *p, struct result dx, const float *packed, const float *g)
{
    const struct coefficients factors = {packed, p->edges * LANES};
    mix(dx, factors, (struct matrix){.at = g, .group = p->g_group}, p->edges, p->cells, p->samples);
}

void product_gradient(const struct product *p, struct result da, const float *g, const float *x)
{
    const struct coefficients factors = {g, p->g_group};
    const int64_t padded = lanes_round(p->samples);
    if (!product_narrow(p->cells))
        mix(da, factors, (struct matrix){.at = x, .group = padded * LANES}, p->cells, p->samples, p->edges);
    else if (p->rows.at)
        mix(da, factors, (struct matrix){.rows = p->rows}, p->cells, p->samples, p->edges);
    else
        dots(da, factors, (struct matrix){.at = x, .group = p->x_group}, p->cells, p->edges,
             (int32_t)(padded / LANES));
}
