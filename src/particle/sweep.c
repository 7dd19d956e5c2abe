/*
 * The sweep, written once for any shape; compiled for the common shapes with every loop unrolled.
 * Names follow kernel.h: W_k is weight layer k (0-based here), row[k] = W_{n-1} ... W_k, column[k] = W_k ...
 * W_0 g.
 */
#include <string.h>

#include "linear.h"
#include "metazoa/particle/state.h"
#include "metazoa/particle/vector.h"

/* A particle shape that the compiler may know (position tables come from `shape`); how many groups take their
 * steps together; and which of their vectors, [at, at + side), an operation works on. (16 bytes: Clang knows
 * the values of larger ones too late.) */
struct frame {
    int width, layers;
    int16_t groups, side, at;
};

VECTOR_INLINE int frame_cells(struct frame f, int k)
{
    return k == f.layers - 1 ? 1 : f.width;
}

VECTOR_INLINE int frame_edges(struct frame f, int k)
{
    return k == 0 ? PARTICLE_INPUTS : f.width;
}

VECTOR_INLINE int frame_start(struct frame f, int k)
{
    return k == 0 ? 0 : PARTICLE_INPUTS * f.width + (k - 1) * f.width * f.width;
}

VECTOR_INLINE int frame_weights(struct frame f)
{
    return frame_start(f, f.layers - 1) + f.width;
}

enum { WIDTH = PARTICLE_WIDTH_MAX, INPUTS = PARTICLE_INPUTS, LAYERS = PARTICLE_LAYERS_MAX };

/*
 * One vector's chain of operations is so long that the processor does not see what it could do meanwhile. So
 * the vectors of a group, at least two, take their steps in turn, half a step at a time: at the end of one's
 * half the processor sees the next one's. (Side by side, operation by operation, they spill most values, even
 * with 32 registers.) Wide particles have enough operations that do not wait for each other. A value of each:
 */
#ifdef __clang__ /* leaves loops in the code for two groups or for turns, and rounds there otherwise */
#define GROUPS(width) 1
enum { SIDE = PARTS };
#else
#define GROUPS(width) (PARTS == 1 && (width) <= 3 ? 2 : 1)
enum { SIDE = 1 };
#endif
enum { TOGETHER = PARTS > 1 ? PARTS : 2 };
typedef vector several[TOGETHER];

/* Loops of known length leave no loop in the code; by itself GCC leaves some, and values in memory for them.
 * (And of loops of unknown length it does not see that they are equally long.) */
#ifdef __clang__
#define UNROLL
#else
#define UNROLL _Pragma("GCC unroll 8")
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#define LOOP(i, begin, end) UNROLL for (int i = (begin); i < (end); i++)
#define EACH(i) LOOP (i, f.at, f.at + f.side)

/* Does `part` for all vectors in turn. There is code for each one's, unless it would leave the instruction
 * cache. */
#ifdef __clang__
#define TURNS(part) part
#else
#define IN_TURN for (f.at = 0; f.at < f.groups * PARTS; f.at = (int16_t)(f.at + f.side))
#define TURNS(part)                                                                                          \
    if (f.width <= 3)                                                                                        \
        UNROLL IN_TURN part;                                                                                 \
    else                                                                                                     \
        IN_TURN part
#endif

/* Where weight `at` of vector i lies. */
VECTOR_INLINE int place(struct frame f, int i, int at)
{
    return (i / PARTS * frame_weights(f) + at) * PARTS + i % PARTS;
}

/* The sum of n products x y, whose factors lie so far apart. */
VECTOR_INLINE vector dot(const vector *x, int dx, const vector *y, int dy, int n)
{
    if (n == 1) return vector_product(x[0], y[0]);
    vector sum = x[0] * y[0] + vector_product(x[dx], y[dy]);
    LOOP (k, 2, n) sum += x[k * dx] * y[k * dy];
    return sum;
}

/* row[k][e], k = n-1 .. 1: the product of the weight layers from k up. */
VECTOR_INLINE void rows(struct frame f, const vector *w, several row[LAYERS][WIDTH])
{
    LOOP (e, 0, f.width)
        EACH (i) row[f.layers - 1][e][i] = w[place(f, i, frame_start(f, f.layers - 1) + e)];
    LOOP (back, 2, f.layers) {
        const int k = f.layers - back;
        LOOP (e, 0, f.width)
            EACH (i)
                row[k][e][i] = dot(&row[k + 1][0][i], TOGETHER, w + place(f, i, frame_start(f, k) + e),
                                   f.width * PARTS, f.width);
    }
}

/* a[j] = row[1] W_0, inputs [begin, end). */
VECTOR_INLINE void response(struct frame f, const vector *w, const several *row, several *a, int begin,
                            int end)
{
    LOOP (j, begin, end)
        EACH (i) a[j][i] = dot(&row[0][i], TOGETHER, w + place(f, i, j), INPUTS * PARTS, f.width);
}

/* v = momentum v + gradient; w -= rate v. */
VECTOR_INLINE void move(vector *w, vector *v, vector momentum, vector rate, vector gradient)
{
    *v = momentum * *v + gradient;
    *w -= rate * *v;
}

/* Moves all weights, where the gradient of W_k is row[k+1] (outer) column[k-1]. (A copy of the first column:
 * GCC makes better code of wide particles than where `first` is overwritten.) */
VECTOR_INLINE void descend(struct frame f, vector *w, vector *v, several row[LAYERS][WIDTH], several *first,
                           const several *g, int begin, int end, vector momentum, vector rate)
{
    several column[WIDTH];
    LOOP (c, 0, f.width)
        EACH (i) column[c][i] = first[c][i];
    LOOP (c, 0, f.width)
        LOOP (j, 0, INPUTS)
            EACH (i) {
                const int at = place(f, i, c * INPUTS + j);
                move(w + at, v + at, momentum, rate,
                     j >= begin && j < end ? vector_product(row[1][c][i], g[j][i]) : (vector){0});
            }
    LOOP (k, 1, f.layers - 1) {
        several next[WIDTH];
        LOOP (c, 0, f.width) {
            const int start = frame_start(f, k) + c * f.width;
            EACH (i) next[c][i] = dot(w + place(f, i, start), PARTS, &column[0][i], TOGETHER, f.width);
            LOOP (e, 0, f.width)
                EACH (i) {
                    const int at = place(f, i, start + e);
                    move(w + at, v + at, momentum, rate, vector_product(row[k + 1][c][i], column[e][i]));
                }
        }
        LOOP (c, 0, f.width)
            EACH (i) column[c][i] = next[c][i];
    }
    LOOP (e, 0, f.width)
        EACH (i) {
            const int at = place(f, i, frame_start(f, f.layers - 1) + e);
            move(w + at, v + at, momentum, rate, column[e][i]);
        }
}

/* d loss / d W_0 ... needs W_0 g before W_0 moves: first[c] = sum over inputs [begin, end) of W_0[c][j] g[j].
 */
VECTOR_INLINE void first_column(struct frame f, const vector *w, const several *g, int begin, int end,
                                several *first)
{
    LOOP (c, 0, f.width)
        EACH (i)
            first[c][i] =
                dot(w + place(f, i, c * INPUTS + begin), PARTS, &g[begin][i], TOGETHER, end - begin);
}

/* The entries of G = P^T P that change with the weights: w.w, w.layer, w.cell, w.edge. */
VECTOR_INLINE void moments(struct frame f, const vector *w, const struct particle_shape *shape,
                           several moment[4])
{
    several square[2], layer, cell, edge[2];
    EACH (i) square[0][i] = square[1][i] = layer[i] = cell[i] = edge[0][i] = edge[1][i] = (vector){0};
    LOOP (k, 0, f.layers)
        LOOP (c, 0, frame_cells(f, k)) {
            const int n = frame_edges(f, k), start = frame_start(f, k) + c * n;
            several sum;
            EACH (i) sum[i] = w[place(f, i, start)];
            EACH (i) square[c & 1][i] += sum[i] * sum[i];
            LOOP (e, 1, n)
                EACH (i) {
                    const vector weight = w[place(f, i, start + e)];
                    sum[i] += weight;
                    square[(c + e) & 1][i] += weight * weight;
                    edge[(c + e) & 1][i] += shape->edge_at[start + e] * weight;
                }
            if (k > 0)
                EACH (i) layer[i] += shape->layer_at[start] * sum[i];
            if (c > 0)
                EACH (i) cell[i] += shape->cell_at[start] * sum[i];
        }
    EACH (i) moment[0][i] = square[0][i] + square[1][i];
    EACH (i) moment[1][i] = layer[i];
    EACH (i) moment[2][i] = cell[i];
    EACH (i) moment[3][i] = edge[0][i] + edge[1][i];
}

/* G; what does not change with the weights is the same for all, and so is 2 / n. */
struct gram {
    vector ll, lc, le, cc, ce, ee;
    float twice_inverse;
};

static struct gram gram_new(const struct particle_shape *shape)
{
    double ll = 0, lc = 0, le = 0, cc = 0, ce = 0, ee = 0;
    for (int i = 0; i < shape->weights; i++) {
        double l = shape->layer_at[i], c = shape->cell_at[i], e = shape->edge_at[i];
        ll += l * l, lc += l * c, le += l * e, cc += c * c, ce += c * e, ee += e * e;
    }
    return (struct gram){vector_all((float)ll),       vector_all((float)lc), vector_all((float)le),
                         vector_all((float)cc),       vector_all((float)ce), vector_all((float)ee),
                         2.0f / (float)shape->weights};
}

/* One of four rows of G d. */
VECTOR_INLINE vector four(vector a, vector b, vector c, vector d, const several *x, int i)
{
    return (a * x[0][i] + vector_product(b, x[1][i])) + (c * x[2][i] + vector_product(d, x[3][i]));
}

/* The first half of a step: responses less the identity's, and moments. */
VECTOR_INLINE void self_look(struct frame f, const struct particle_shape *shape, const vector *w,
                             several row[LAYERS][WIDTH], several *d, several *m)
{
    rows(f, w, row);
    response(f, w, row[1], d, 0, 4);
    moments(f, w, shape, m);
    EACH (i) d[0][i] -= 1;
}

/* The second half. */
VECTOR_INLINE void self_move(struct frame f, const struct gram *gram, several row[LAYERS][WIDTH],
                             const several *d, const several *m, vector *restrict w, vector *restrict v,
                             vector momentum, vector rate, vector *restrict loss)
{
    several first[WIDTH], gd[4], g[4];
    EACH (i) gd[0][i] = four(m[0][i], m[1][i], m[2][i], m[3][i], d, i);
    EACH (i) gd[1][i] = four(m[1][i], gram->ll, gram->lc, gram->le, d, i);
    EACH (i) gd[2][i] = four(m[2][i], gram->lc, gram->cc, gram->ce, d, i);
    EACH (i) gd[3][i] = four(m[3][i], gram->le, gram->ce, gram->ee, d, i);
    EACH (i) loss[i] = 0.5f * gram->twice_inverse * four(d[0][i], d[1][i], d[2][i], d[3][i], gd, i);
    LOOP (j, 0, 4)
        EACH (i) g[j][i] = gram->twice_inverse * gd[j][i];
    first_column(f, w, g, 0, 4, first);
    descend(f, w, v, row, first, g, 0, 4, momentum, rate);
}

/* One self-training step, and the loss before it. */
VECTOR_INLINE void self_step(struct frame f, const struct particle_shape *shape, const struct gram *gram,
                             vector *restrict w, vector *restrict v, vector momentum, vector rate,
                             vector *restrict loss)
{
    several row[LAYERS][WIDTH], d[INPUTS], m[4];
    TURNS(self_look(f, shape, w, row, d, m));
    TURNS(self_move(f, gram, row, d, m, w, v, momentum, rate, loss));
}

/* One task step along the gradient of the effective weight. */
VECTOR_INLINE void task_part(struct frame f, vector *restrict w, vector *restrict v, const double *gradient,
                             float scale, vector momentum, vector rate)
{
    several row[LAYERS][WIDTH], first[WIDTH], g[INPUTS];
    EACH (i)
        for (int lane = 0; lane < VECTOR; lane++)
            g[INPUTS - 1][i][lane] = (float)gradient[i * VECTOR + lane] * scale;
    rows(f, w, row);
    first_column(f, w, g, INPUTS - 1, INPUTS, first);
    descend(f, w, v, row, first, g, INPUTS - 1, INPUTS, momentum, rate);
}

VECTOR_INLINE void task_step(struct frame f, vector *restrict w, vector *restrict v, const double *gradient,
                             float scale, vector momentum, vector rate)
{
    TURNS(task_part(f, w, v, gradient, scale, momentum, rate));
}

VECTOR_INLINE void effective_part(struct frame f, const vector *w, vector *effective)
{
    several row[LAYERS][WIDTH], a[INPUTS];
    rows(f, w, row);
    response(f, w, row[1], a, INPUTS - 1, INPUTS);
    EACH (i) effective[i] = a[INPUTS - 1][i];
}

VECTOR_INLINE void effective_weights(struct frame f, const vector *w, vector *effective)
{
    TURNS(effective_part(f, w, effective));
}

/* The next groups' memory is asked for while these ones compute: a part of it at each step. */
VECTOR_INLINE void fetch(const vector *next, int n, int step, int steps)
{
    const int line = 64 / (int)sizeof *next, lines = n / line;
    for (int i = lines * step / steps; i < lines * (step + 1) / steps; i++)
        __builtin_prefetch(next + i * line);
}

/* The groups of a frame, from group `at` on, through a whole sweep: they stay in first-level cache, beside
 * the next ones. What a sweep does not use may be NULL. */
VECTOR_INLINE void sweep_frame(struct frame f, const struct particle_shape *shape, const struct gram *gram,
                               const struct sweep *sweep, int64_t at, float *weights, float *task,
                               float *self, float *effective, const double *gradient, float *loss)
{
    const int n = f.groups * PARTS * frame_weights(f);
    const int64_t begin = at * PARTS * frame_weights(f);
    const vector momentum = vector_all(sweep->momentum), rate = vector_all(sweep->learning_rate);
    vector empty[TOGETHER * PARTICLE_WEIGHTS_MAX], *w = (vector *)weights + begin,
                                                   *v = (vector *)task + begin;
    if (sweep->task_step) task_step(f, w, v, gradient + at * LANES, sweep->gradient_scale, momentum, rate);
    if (sweep->buffers == MOMENTUM_SEPARATE) v = (vector *)self + begin;
    if (sweep->buffers == MOMENTUM_RESET) v = memset(empty, 0, (size_t)n * sizeof *empty);
    for (int step = 0; step < sweep->self_steps; step++) {
        fetch(w + n, n, step, sweep->self_steps);
        if (sweep->task_step || sweep->buffers == MOMENTUM_SHARED)
            fetch((vector *)task + begin + n, n, step, sweep->self_steps);
        if (sweep->buffers == MOMENTUM_SEPARATE) fetch(v + n, n, step, sweep->self_steps);
        self_step(f, shape, gram, w, v, momentum, rate, (vector *)loss + at * PARTS);
    }
    effective_weights(f, w, (vector *)effective + at * PARTS);
}

VECTOR_INLINE void sweep_groups(struct frame f, const struct particle_shape *shape, const struct sweep *sweep,
                                int64_t groups, float *weights, float *task, float *self, float *effective,
                                const double *gradient, float *loss)
{
    const struct gram gram = gram_new(shape);
    const int together = f.groups;
    int64_t at = 0;
    for (; at + together <= groups; at += together)
        sweep_frame(f, shape, &gram, sweep, at, weights, task, self, effective, gradient, loss);
    for (f.groups = f.side = 1; together > 1 && at < groups; at++)
        sweep_frame(f, shape, &gram, sweep, at, weights, task, self, effective, gradient, loss);
}

#define ARGUMENTS                                                                                            \
    const struct particle_shape *shape, const struct sweep *sweep, int64_t groups, float *weights,           \
        float *task, float *self, float *effective, const double *gradient, float *loss

/* A conventional network's edge: nothing to self-train. */
static void sweep_scalar(ARGUMENTS)
{
    (void)shape, (void)self;
    for (int64_t i = 0; i < groups * LANES; i++) {
        if (sweep->task_step) {
            task[i] = sweep->momentum * task[i] + (float)gradient[i] * sweep->gradient_scale;
            weights[i] -= sweep->learning_rate * task[i];
        }
        if (sweep->self_steps > 0) loss[i] = 0;
        effective[i] = weights[i];
    }
}

/* One group at a time: code with loops may round differently for two. */
static __attribute__((noinline)) void sweep_any(ARGUMENTS)
{
    sweep_groups((struct frame){shape->width, shape->layers, 1, PARTS, 0}, shape, sweep, groups, weights,
                 task, self, effective, gradient, loss);
}

#define SPECIAL(W, N)                                                                                        \
    static __attribute__((noinline)) void sweep_##W##_##N(ARGUMENTS)                                         \
    {                                                                                                        \
        sweep_groups((struct frame){W, N, GROUPS(W), SIDE, 0}, shape, sweep, groups, weights, task, self,    \
                     effective, gradient, loss);                                                             \
    }
#define SHAPES(X) X(2, 3) X(3, 3) X(4, 3) X(5, 3) X(8, 3) X(3, 2) X(3, 4)
SHAPES(SPECIAL)

void linear_sweep(const struct particle_shape *shape, const struct sweep *sweep, int64_t groups,
                  float *const field[], float *effective, const double *gradient, float *loss)
{
    void (*kernel)(ARGUMENTS) = sweep_any;
#define CHOOSE(W, N)                                                                                         \
    if (shape->width == W && shape->layers == N) kernel = sweep_##W##_##N;
    SHAPES(CHOOSE)
    kernel(shape, sweep, groups, field[FIELD_WEIGHTS], field[FIELD_VELOCITY_TASK], field[FIELD_VELOCITY_SELF],
           effective, gradient, loss);
}

void scalar_sweep(const struct particle_shape *shape, const struct sweep *sweep, int64_t groups,
                  float *const field[], float *effective, const double *gradient, float *loss)
{
    sweep_scalar(shape, sweep, groups, field[FIELD_WEIGHTS], field[FIELD_VELOCITY_TASK], NULL, effective,
                 gradient, loss);
}
