/*
 * The sweep, written once for any shape; compiled for the common shapes with every loop unrolled. The same
 * operations in the same order for all, so that a shape's results do not depend on which code it takes.
 * Names follow kernel.h: W_k is weight layer k (0-based here), row[k] = W_{n-1} ... W_k, column[k] = W_k ...
 * W_0 g.
 *
 * All functions below work on one vector of particles: its weight `at` is w[at * PARTS].
 */
#include <string.h>

#include "linear.h"
#include "metazoa/particle/state.h"
#include "metazoa/particle/vector.h"

#ifndef __clang__ /* of loops of unknown length GCC does not see that they are equally long */
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

enum { WIDTH = PARTICLE_WIDTH_MAX, INPUTS = PARTICLE_INPUTS, LAYERS = PARTICLE_LAYERS_MAX };

/* The sizes of a particle shape, which the compiler knows for the common ones. */
struct frame {
    int width, layers;
};

VECTOR_INLINE int frame_cells(struct frame f, int k)
{
    return k == f.layers - 1 ? 1 : f.width;
}

VECTOR_INLINE int frame_edges(struct frame f, int k)
{
    return k == 0 ? INPUTS : f.width;
}

VECTOR_INLINE int frame_start(struct frame f, int k)
{
    return k == 0 ? 0 : INPUTS * f.width + (k - 1) * f.width * f.width;
}

VECTOR_INLINE int frame_weights(struct frame f)
{
    return frame_start(f, f.layers - 1) + f.width;
}

/* x . y, n terms that lie dx and dy apart: one chain, in order. */
VECTOR_INLINE vector dot(const vector *x, int dx, const vector *y, int dy, int n)
{
    vector sum = x[0] * y[0];
    UNROLL for (int k = 1; k < n; k++) sum = vector_fma(x[k * dx], y[k * dy], sum);
    return sum;
}

/* a x[0] + b x[1] + c x[2] + d x[3], in two chains. */
VECTOR_INLINE vector four(vector a, vector b, vector c, vector d, const vector x[4])
{
    return vector_fma(a, x[0], b * x[1]) + vector_fma(c, x[2], d * x[3]);
}

/* row[k][e], k = n-1 .. 1: the product of the weight layers from k up. */
VECTOR_INLINE void rows(struct frame f, const vector *w, vector row[LAYERS][WIDTH])
{
    const int last = frame_start(f, f.layers - 1);
    UNROLL for (int e = 0; e < f.width; e++) row[f.layers - 1][e] = w[(last + e) * PARTS];
    UNROLL for (int k = f.layers - 2; k > 0; k--) UNROLL for (int e = 0; e < f.width; e++) row[k][e] =
        dot(row[k + 1], 1, w + (frame_start(f, k) + e) * PARTS, f.width * PARTS, f.width);
}

/* a[j] = row[1] W_0. */
VECTOR_INLINE vector response(struct frame f, const vector *w, vector row[LAYERS][WIDTH], int j)
{
    return dot(row[1], 1, w + j * PARTS, INPUTS * PARTS, f.width);
}

/* v = momentum v + gradient; w -= rate v. */
struct rates {
    vector momentum, minus_rate;
};

VECTOR_INLINE void move(vector *w, vector *v, struct rates rates, vector gradient)
{
    *v = vector_fma(rates.momentum, *v, gradient);
    *w = vector_fma(rates.minus_rate, *v, *w);
}

/* Moves all weights, where the gradient of W_k is row[k+1] (outer) column[k-1]: g is the gradient of the
 * responses, of which only [begin, end) are not zero. */
VECTOR_INLINE void descend(struct frame f, vector *restrict w, vector *restrict v, vector row[LAYERS][WIDTH],
                           const vector g[INPUTS], int begin, int end, struct rates rates)
{
    vector column[WIDTH], next[WIDTH];
    UNROLL for (int c = 0; c < f.width; c++) /* before W_0 moves */
        column[c] = dot(w + (c * INPUTS + begin) * PARTS, PARTS, g + begin, 1, end - begin);
    UNROLL for (int c = 0; c < f.width; c++) UNROLL for (int j = 0; j < INPUTS; j++)
    {
        const int at = (c * INPUTS + j) * PARTS;
        move(w + at, v + at, rates, j >= begin && j < end ? row[1][c] * g[j] : (vector){0});
    }
    UNROLL for (int k = 1; k < f.layers - 1; k++)
    {
        UNROLL for (int c = 0; c < f.width; c++)
        {
            const int start = (frame_start(f, k) + c * f.width) * PARTS;
            next[c] = dot(w + start, PARTS, column, 1, f.width);
            UNROLL for (int e = 0; e < f.width; e++)
                move(w + start + e * PARTS, v + start + e * PARTS, rates, row[k + 1][c] * column[e]);
        }
        UNROLL for (int c = 0; c < f.width; c++) column[c] = next[c];
    }
    UNROLL for (int e = 0; e < f.width; e++)
    {
        const int at = (frame_start(f, f.layers - 1) + e) * PARTS;
        move(w + at, v + at, rates, column[e]);
    }
}

/* Moves columns 0 to 3 of W_0 alone, along the same gradient. */
VECTOR_INLINE void descend_columns(struct frame f, vector *restrict w, vector *restrict v,
                                   vector row[LAYERS][WIDTH], const vector g[INPUTS], struct rates rates)
{
    UNROLL for (int c = 0; c < f.width; c++) UNROLL for (int j = 0; j < INPUTS - 1; j++)
    {
        const int at = (c * INPUTS + j) * PARTS;
        move(w + at, v + at, rates, row[1][c] * g[j]);
    }
}

/* The entries of G = P^T P that change with the weights: w.w, w.layer, w.cell, w.edge. Layer and cell are the
 * same along a row. */
VECTOR_INLINE void moments(struct frame f, const vector *w, const struct particle_shape *shape,
                           vector moment[4])
{
    vector square[2] = {{0}}, layer = {0}, cell = {0}, edge[2] = {{0}};
    UNROLL for (int k = 0; k < f.layers; k++) UNROLL for (int c = 0; c < frame_cells(f, k); c++)
    {
        const int n = frame_edges(f, k), start = frame_start(f, k) + c * n;
        vector sum = w[start * PARTS];
        square[c & 1] = vector_fma(sum, sum, square[c & 1]);
        UNROLL for (int e = 1; e < n; e++)
        {
            const vector weight = w[(start + e) * PARTS], at = vector_all(shape->edge_at[start + e]);
            const int chain = (c + e) & 1;
            sum += weight;
            square[chain] = vector_fma(weight, weight, square[chain]);
            edge[chain] = vector_fma(at, weight, edge[chain]);
        }
        if (k > 0) layer = vector_fma(vector_all(shape->layer_at[start]), sum, layer);
        if (c > 0) cell = vector_fma(vector_all(shape->cell_at[start]), sum, cell);
    }
    moment[0] = square[0] + square[1];
    moment[1] = layer;
    moment[2] = cell;
    moment[3] = edge[0] + edge[1];
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

/* What the first half of a self-training step finds: the rows, the responses less the identity's, moments. */
struct seen {
    vector row[LAYERS][WIDTH], d[4], moment[4];
};

VECTOR_INLINE void self_look(struct frame f, const struct particle_shape *shape, const vector *w,
                             struct seen *seen)
{
    rows(f, w, seen->row);
    UNROLL for (int j = 0; j < 4; j++) seen->d[j] = response(f, w, seen->row, j);
    seen->d[0] -= 1;
    moments(f, w, shape, seen->moment);
}

/* The second half: the gradient (2 / n) G d of the responses, the loss d^T G d / n, and the step. */
VECTOR_INLINE void self_move(struct frame f, const struct gram *gram, enum self_weights which,
                             struct seen *seen, vector *restrict w, vector *restrict v, struct rates rates,
                             vector *restrict loss)
{
    const vector *d = seen->d, *m = seen->moment;
    const vector gd[4] = {four(m[0], m[1], m[2], m[3], d), four(m[1], gram->ll, gram->lc, gram->le, d),
                          four(m[2], gram->lc, gram->cc, gram->ce, d),
                          four(m[3], gram->le, gram->ce, gram->ee, d)};
    *loss = 0.5f * gram->twice_inverse * four(d[0], d[1], d[2], d[3], gd);
    vector g[INPUTS] = {{0}};
    UNROLL for (int j = 0; j < 4; j++) g[j] = gram->twice_inverse * gd[j];
    if (which == SELF_REPLICATION)
        descend_columns(f, w, v, seen->row, g, rates);
    else
        descend(f, w, v, seen->row, g, 0, 4, rates);
}

/* One task step along the gradient of the effective weight. */
VECTOR_INLINE void task_step(struct frame f, vector *restrict w, vector *restrict v, const double *gradient,
                             float scale, struct rates rates)
{
    vector row[LAYERS][WIDTH], g[INPUTS] = {{0}};
    for (int lane = 0; lane < VECTOR; lane++) g[INPUTS - 1][lane] = (float)gradient[lane];
    g[INPUTS - 1] *= scale;
    rows(f, w, row);
    descend(f, w, v, row, g, INPUTS - 1, INPUTS, rates);
}

VECTOR_INLINE vector effective_weight(struct frame f, const vector *w)
{
    vector row[LAYERS][WIDTH];
    rows(f, w, row);
    return response(f, w, row, INPUTS - 1);
}

/* The next vectors' memory is asked for while these compute: a part of it at each step. */
VECTOR_INLINE void fetch(const vector *next, int n, int step, int steps)
{
    const int line = 64 / (int)sizeof *next, lines = n / line;
    for (int i = lines * step / steps; i < lines * (step + 1) / steps; i++)
        __builtin_prefetch(next + i * line);
}

/*
 * One vector's chain of operations is so long that the processor does not see what it could do meanwhile. So
 * the vectors of a group, or of two groups where a group is one vector, take their steps in turn, half a step
 * at a time: at the end of one's half the processor sees the next one's.
 */
enum { TOGETHER = PARTS > 1 ? PARTS : 2 };

/* Arrays of the groups that are swept together, from the first one's on. */
struct several {
    vector *w, *task, *self, *effective, *loss;
    const double *gradient;
};

/* `vectors` of them through a whole sweep: they stay in first-level cache, beside the next ones. */
VECTOR_INLINE void sweep_several(struct frame f, const struct particle_shape *shape, const struct gram *gram,
                                 const struct sweep *sweep, struct several s, const int vectors)
{
    const int n = frame_weights(f), all = n * vectors;
    const struct rates rates = {vector_all(sweep->momentum), vector_all(-sweep->learning_rate)};
    struct seen seen[TOGETHER];
    vector empty[TOGETHER * PARTICLE_WEIGHTS_MAX], *v = s.task;
    int at[TOGETHER]; /* where each vector's weights begin */
    for (int i = 0; i < vectors; i++) at[i] = i / PARTS * PARTS * n + i % PARTS;
    for (int i = 0; i < vectors && sweep->task_step; i++)
        task_step(f, s.w + at[i], v + at[i], s.gradient + i * VECTOR, sweep->gradient_scale, rates);
    if (sweep->buffers == MOMENTUM_SEPARATE) v = s.self;
    if (sweep->buffers == MOMENTUM_RESET) v = memset(empty, 0, (size_t)all * sizeof *empty);
    for (int step = 0; step < sweep->self_steps; step++) {
        fetch(s.w + all, all, step, sweep->self_steps);
        if (sweep->task_step || sweep->buffers == MOMENTUM_SHARED)
            fetch(s.task + all, all, step, sweep->self_steps);
        if (sweep->buffers == MOMENTUM_SEPARATE) fetch(s.self + all, all, step, sweep->self_steps);
        for (int i = 0; i < vectors; i++) self_look(f, shape, s.w + at[i], &seen[i]);
        for (int i = 0; i < vectors; i++)
            self_move(f, gram, sweep->self_weights, &seen[i], s.w + at[i], v + at[i], rates, s.loss + i);
    }
    for (int i = 0; i < vectors; i++) s.effective[i] = effective_weight(f, s.w + at[i]);
}

#define ARGUMENTS                                                                                            \
    const struct particle_shape *shape, const struct sweep *sweep, int64_t groups, float *weights,           \
        float *task, float *self, float *effective, const double *gradient, float *loss

VECTOR_INLINE void sweep_groups(struct frame f, ARGUMENTS)
{
    const struct gram gram = gram_new(shape);
    const int64_t vectors = groups * PARTS, n = frame_weights(f);
    const int together = f.width <= 3 ? TOGETHER : PARTS; /* wide ones have enough to do at a time */
    for (int64_t i = 0; i < vectors; i += together) {     /* what a sweep does not use may be NULL */
        const struct several s = {(vector *)weights + i * n,
                                  task ? (vector *)task + i * n : NULL,
                                  self ? (vector *)self + i * n : NULL,
                                  (vector *)effective + i,
                                  loss ? (vector *)loss + i : NULL,
                                  gradient ? gradient + i * VECTOR : NULL};
        if (i + together <= vectors)
            sweep_several(f, shape, &gram, sweep, s, together);
        else
            sweep_several(f, shape, &gram, sweep, s, 1);
    }
}

/* A conventional network's edge: nothing to self-train. */
static void sweep_scalar(ARGUMENTS)
{
    (void)shape, (void)self;
    const float momentum = sweep->momentum, minus_rate = -sweep->learning_rate;
    for (int64_t i = 0; i < groups * LANES; i++) {
        if (sweep->task_step) {
            task[i] = __builtin_fmaf(momentum, task[i], (float)gradient[i] * sweep->gradient_scale);
            weights[i] = __builtin_fmaf(minus_rate, task[i], weights[i]);
        }
        if (sweep->self_steps > 0) loss[i] = 0;
        effective[i] = weights[i];
    }
}

static __attribute__((noinline)) void sweep_any(ARGUMENTS)
{
    sweep_groups((struct frame){shape->width, shape->layers}, shape, sweep, groups, weights, task, self,
                 effective, gradient, loss);
}

/* Code of its own for each of these shapes: width, layers. */
#define SHAPES(X) X(2, 3) X(3, 3) X(4, 3) X(5, 3) X(8, 3) X(3, 2) X(3, 4)
#define SPECIAL(W, N)                                                                                        \
    static __attribute__((noinline)) void sweep_##W##_##N(ARGUMENTS)                                         \
    {                                                                                                        \
        sweep_groups((struct frame){W, N}, shape, sweep, groups, weights, task, self, effective, gradient,   \
                     loss);                                                                                  \
    }
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

/* One version for all shapes: particles that learn from others are few. */
void linear_moments(const struct particle_shape *shape, int64_t groups, const float *weights, float *out)
{
    const struct frame f = {shape->width, shape->layers};
    for (int64_t i = 0; i < groups * PARTS; i++) {
        vector moment[4], *to = (vector *)out + i / PARTS * PARTS * 4 + i % PARTS;
        moments(f, (const vector *)weights + i / PARTS * PARTS * shape->weights + i % PARTS, shape, moment);
        for (int j = 0; j < 4; j++) to[j * PARTS] = moment[j];
    }
}

void linear_learn(const struct particle_shape *shape, const struct sweep *sweep, int64_t groups,
                  float *weights, const float *others)
{
    const struct frame f = {shape->width, shape->layers};
    const struct gram gram = gram_new(shape);
    const struct rates rates = {vector_all(sweep->momentum), vector_all(-sweep->learning_rate)};
    for (int64_t i = 0; i < groups * PARTS; i++) {
        vector *w = (vector *)weights + i / PARTS * PARTS * shape->weights + i % PARTS, loss,
               v[PARTICLE_WEIGHTS_MAX * PARTS] = {{0}};
        const vector *other = (const vector *)others + i / PARTS * PARTS * 4 + i % PARTS;
        struct seen seen;
        for (int step = 0; step < sweep->self_steps; step++) {
            self_look(f, shape, w, &seen);
            for (int j = 0; j < 4; j++) seen.moment[j] = other[j * PARTS];
            self_move(f, &gram, sweep->self_weights, &seen, w, v, rates, &loss);
        }
    }
}

void scalar_sweep(const struct particle_shape *shape, const struct sweep *sweep, int64_t groups,
                  float *const field[], float *effective, const double *gradient, float *loss)
{
    sweep_scalar(shape, sweep, groups, field[FIELD_WEIGHTS], field[FIELD_VELOCITY_TASK], NULL, effective,
                 gradient, loss);
}
