/*
 * The sweep, written once for any shape; compiled for the common shapes with every loop unrolled.
 * Names follow kernel.h: W_k is weight layer k (0-based here), row[k] = W_{n-1} ... W_k, column[k] = W_k ...
 * W_0 g.
 */
#include <string.h>

#include "metazoa/particle/kernel.h"
#include "metazoa/particle/vector.h"

/* A particle shape that the compiler may know; position tables come from `shape`. */
struct frame {
    int width, layers;
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

/* row[k][e], k = n-1 .. 1: the product of the weight layers from k up. */
VECTOR_INLINE void rows(struct frame f, const vector *w, vector row[LAYERS][WIDTH])
{
    for (int e = 0; e < f.width; e++) row[f.layers - 1][e] = w[frame_start(f, f.layers - 1) + e];
    for (int k = f.layers - 2; k >= 1; k--) {
        for (int e = 0; e < f.width; e++) {
            const vector *weight = w + frame_start(f, k) + e;
            vector sum = row[k + 1][0] * weight[0];
            for (int c = 1; c < f.width; c++) sum += row[k + 1][c] * weight[c * f.width];
            row[k][e] = sum;
        }
    }
}

/* a[j] = row[1] W_0, inputs [begin, end). */
VECTOR_INLINE void response(struct frame f, const vector *w, const vector *row, vector *a, int begin, int end)
{
    for (int j = begin; j < end; j++) {
        vector sum = row[0] * w[j];
        for (int c = 1; c < f.width; c++) sum += row[c] * w[c * INPUTS + j];
        a[j] = sum;
    }
}

/* v = momentum v + gradient; w -= rate v, where the gradient of W_k is row[k+1] (outer) column[k-1]. */
VECTOR_INLINE void descend(struct frame f, vector *w, vector *v, vector row[LAYERS][WIDTH], vector *first,
                           const vector *g, int begin, int end, vector momentum, vector rate)
{
    vector column[WIDTH];
    for (int c = 0; c < f.width; c++) column[c] = first[c];
    for (int c = 0; c < f.width; c++) {
        for (int j = 0; j < INPUTS; j++) {
            int i = c * INPUTS + j;
            v[i] *= momentum;
            if (j >= begin && j < end) v[i] += row[1][c] * g[j];
            w[i] -= rate * v[i];
        }
    }
    for (int k = 1; k < f.layers - 1; k++) {
        vector next[WIDTH];
        for (int c = 0; c < f.width; c++) {
            vector *wk = w + frame_start(f, k) + c * f.width, *vk = v + frame_start(f, k) + c * f.width;
            vector sum = wk[0] * column[0];
            for (int e = 1; e < f.width; e++) sum += wk[e] * column[e];
            next[c] = sum;
            for (int e = 0; e < f.width; e++) {
                vk[e] = momentum * vk[e] + row[k + 1][c] * column[e];
                wk[e] -= rate * vk[e];
            }
        }
        for (int c = 0; c < f.width; c++) column[c] = next[c];
    }
    for (int e = 0; e < f.width; e++) {
        int i = frame_start(f, f.layers - 1) + e;
        v[i] = momentum * v[i] + column[e];
        w[i] -= rate * v[i];
    }
}

/* d loss / d W_0 ... needs W_0 g before W_0 moves: first[c] = sum over inputs [begin, end) of W_0[c][j] g[j].
 */
VECTOR_INLINE void first_column(struct frame f, const vector *w, const vector *g, int begin, int end,
                                vector *first)
{
    for (int c = 0; c < f.width; c++) {
        vector sum = w[c * INPUTS + begin] * g[begin];
        for (int j = begin + 1; j < end; j++) sum += w[c * INPUTS + j] * g[j];
        first[c] = sum;
    }
}

/* The entries of G = P^T P that change with the weights: w.w, w.layer, w.cell, w.edge. */
VECTOR_INLINE void moments(struct frame f, const vector *w, const struct particle_shape *shape,
                           vector moment[4])
{
    vector square[2] = {{0}}, layer = {0}, cell = {0}, edge[2] = {{0}};
    for (int k = 0; k < f.layers; k++) {
        for (int c = 0; c < frame_cells(f, k); c++) {
            const int n = frame_edges(f, k), start = frame_start(f, k) + c * n;
            vector sum = w[start];
            square[c & 1] += w[start] * w[start];
            for (int e = 1; e < n; e++) {
                sum += w[start + e];
                square[(c + e) & 1] += w[start + e] * w[start + e];
                edge[(c + e) & 1] += shape->edge_at[start + e] * w[start + e];
            }
            if (k > 0) layer += shape->layer_at[start] * sum;
            if (c > 0) cell += shape->cell_at[start] * sum;
        }
    }
    moment[0] = square[0] + square[1];
    moment[1] = layer;
    moment[2] = cell;
    moment[3] = edge[0] + edge[1];
}

/* The constant part of G, and 2 / n. */
struct gram {
    float ll, lc, le, cc, ce, ee;
    float twice_inverse;
};

static struct gram gram_new(const struct particle_shape *shape)
{
    double ll = 0, lc = 0, le = 0, cc = 0, ce = 0, ee = 0;
    for (int i = 0; i < shape->weights; i++) {
        double l = shape->layer_at[i], c = shape->cell_at[i], e = shape->edge_at[i];
        ll += l * l, lc += l * c, le += l * e, cc += c * c, ce += c * e, ee += e * e;
    }
    return (struct gram){
        (float)ll, (float)lc, (float)le, (float)cc, (float)ce, (float)ee, 2.0f / (float)shape->weights};
}

/* One self-training step; loss (before the step) only where it is wanted. */
VECTOR_INLINE void self_step(struct frame f, const struct particle_shape *shape, const struct gram *gram,
                             vector *restrict w, vector *restrict v, vector momentum, vector rate,
                             vector *restrict loss)
{
    vector row[LAYERS][WIDTH], first[WIDTH], a[INPUTS], d[4], gd[4], g[4], moment[4];
    rows(f, w, row);
    response(f, w, row[1], a, 0, 4);
    moments(f, w, shape, moment);
    d[0] = a[0] - 1, d[1] = a[1], d[2] = a[2], d[3] = a[3];
    gd[0] = (moment[0] * d[0] + moment[1] * d[1]) + (moment[2] * d[2] + moment[3] * d[3]);
    gd[1] = (moment[1] * d[0] + gram->ll * d[1]) + (gram->lc * d[2] + gram->le * d[3]);
    gd[2] = (moment[2] * d[0] + gram->lc * d[1]) + (gram->cc * d[2] + gram->ce * d[3]);
    gd[3] = (moment[3] * d[0] + gram->le * d[1]) + (gram->ce * d[2] + gram->ee * d[3]);
    *loss = 0.5f * gram->twice_inverse * ((d[0] * gd[0] + d[1] * gd[1]) + (d[2] * gd[2] + d[3] * gd[3]));
    for (int j = 0; j < 4; j++) g[j] = gram->twice_inverse * gd[j];
    first_column(f, w, g, 0, 4, first);
    descend(f, w, v, row, first, g, 0, 4, momentum, rate);
}

/* One task step along the gradient of the effective weight. */
VECTOR_INLINE void task_step(struct frame f, vector *restrict w, vector *restrict v, vector gradient,
                             vector momentum, vector rate)
{
    vector row[LAYERS][WIDTH], first[WIDTH], g[INPUTS];
    g[INPUTS - 1] = gradient;
    rows(f, w, row);
    first_column(f, w, g, INPUTS - 1, INPUTS, first);
    descend(f, w, v, row, first, g, INPUTS - 1, INPUTS, momentum, rate);
}

VECTOR_INLINE vector effective_weight(struct frame f, const vector *w)
{
    vector row[LAYERS][WIDTH], a[INPUTS];
    rows(f, w, row);
    response(f, w, row[1], a, INPUTS - 1, INPUTS);
    return a[INPUTS - 1];
}

/* So many groups take their steps in turn: their instructions overlap, and together they stay in first-level
 * cache, beside the next ones. */
enum { TOGETHER = 2 };

/* The next groups' memory is asked for while these ones compute: a part of it at each step. */
VECTOR_INLINE void fetch(const vector *next, int n, int step, int steps)
{
    for (int i = n * step / steps; i < n * (step + 1) / steps; i++) __builtin_prefetch(next + i);
}

VECTOR_INLINE void sweep_groups(struct frame f, const struct particle_shape *shape, const struct sweep *sweep,
                                int64_t groups, float *weights, float *task, float *self, float *effective,
                                const double *gradient, float *loss)
{
    const struct gram gram = gram_new(shape);
    const int n = frame_weights(f);
    const vector momentum = vector_all(sweep->momentum), rate = vector_all(sweep->learning_rate);
    vector empty[TOGETHER * PARTICLE_WEIGHTS_MAX];
    for (int64_t begin = 0; begin < groups; begin += TOGETHER) {
        const int together = groups - begin < TOGETHER ? (int)(groups - begin) : TOGETHER;
        vector *w = (vector *)weights + begin * n, *v = (vector *)task + begin * n;
        if (sweep->task_step)
            for (int i = 0; i < together; i++) {
                vector g;
                for (int lane = 0; lane < LANES; lane++)
                    g[lane] = (float)gradient[(begin + i) * LANES + lane] * sweep->gradient_scale;
                task_step(f, w + i * n, v + i * n, g, momentum, rate);
            }
        if (sweep->buffers == MOMENTUM_SEPARATE) v = (vector *)self + begin * n;
        if (sweep->buffers == MOMENTUM_RESET) v = memset(empty, 0, (size_t)(together * n) * sizeof *empty);
        for (int step = 0; step < sweep->self_steps; step++) {
            fetch(w + TOGETHER * n, TOGETHER * n, step, sweep->self_steps);
            if (sweep->buffers == MOMENTUM_SEPARATE)
                fetch(v + TOGETHER * n, TOGETHER * n, step, sweep->self_steps);
            for (int i = 0; i < together; i++)
                self_step(f, shape, &gram, w + i * n, v + i * n, momentum, rate, (vector *)loss + begin + i);
        }
        for (int i = 0; i < together; i++) ((vector *)effective)[begin + i] = effective_weight(f, w + i * n);
    }
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

static __attribute__((noinline)) void sweep_any(ARGUMENTS)
{
    sweep_groups((struct frame){shape->width, shape->layers}, shape, sweep, groups, weights, task, self,
                 effective, gradient, loss);
}

#define SPECIAL(W, N)                                                                                        \
    static __attribute__((noinline)) void sweep_##W##_##N(ARGUMENTS)                                         \
    {                                                                                                        \
        sweep_groups((struct frame){W, N}, shape, sweep, groups, weights, task, self, effective, gradient,   \
                     loss);                                                                                  \
    }
#define SHAPES(X) X(2, 3) X(3, 3) X(4, 3) X(5, 3) X(8, 3) X(3, 2) X(3, 4)
SHAPES(SPECIAL)

void particle_sweep(const struct particle_shape *shape, const struct sweep *sweep, int64_t groups,
                    float *weights, float *velocity_task, float *velocity_self, float *effective,
                    const double *gradient, float *loss)
{
    void (*kernel)(ARGUMENTS) = shape->layers == 0 ? sweep_scalar : sweep_any;
#define CHOOSE(W, N)                                                                                         \
    if (shape->width == W && shape->layers == N) kernel = sweep_##W##_##N;
    SHAPES(CHOOSE)
    kernel(shape, sweep, groups, weights, velocity_task, velocity_self, effective, gradient, loss);
}
