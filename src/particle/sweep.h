/*
 * The sweep, written once for any shape. sweep.c compiles it for the common shapes with every loop unrolled,
 * sweep_any.c for all others with loops as they are. The same operations in the same order for all, so that a
 * shape's results do not depend on which code it takes. Names are those of frame.h; w, v and s are weights,
 * velocities and squares of one vector of particles.
 */
#ifndef METAZOA_SRC_PARTICLE_SWEEP_H
#define METAZOA_SRC_PARTICLE_SWEEP_H

#include <string.h>

#include "frame.h"
#include "linear.h"
#include "metazoa/particle/state.h"
#include "optimizer.h"

/* Moves all weights (s: squares, NULL for SGD), where the gradient of W_k is row[k+1] (outer)
 * column[k-1]: g is the gradient of the response's numbers, of which only [begin, end) are not zero. */
VECTOR_INLINE void descend(struct frame f, vector *restrict w, vector *restrict v, vector *restrict s,
                           vector row[LAYERS][WIDTH], const vector g[NUMBERS], int begin, int end,
                           const struct mover *m)
{
    const int inputs = frame_edges(f, 0), edges = f.width + f.bias;
    vector column[WIDTH], next[WIDTH];
    UNROLL for (int c = 0; c < f.width; c++) /* before W_0 moves */
        column[c] = dot(w + (c * inputs + begin) * PARTS, PARTS, g + begin, 1, end - begin);
    if (f.bias) column[f.width] = next[f.width] = g[INPUTS];
    UNROLL for (int c = 0; c < f.width; c++) UNROLL for (int j = 0; j < inputs; j++)
    {
        const int at = (c * inputs + j) * PARTS;
        move_weight(m, w + at, v + at, s + at, j >= begin && j < end ? row[1][c] * g[j] : (vector){0});
    }
    UNROLL for (int k = 1; k < f.layers - 1; k++)
    {
        UNROLL for (int c = 0; c < f.width; c++)
        {
            const int start = (frame_start(f, k) + c * edges) * PARTS;
            next[c] = dot(w + start, PARTS, column, 1, edges);
            UNROLL for (int e = 0; e < edges; e++)
            {
                const int at = start + e * PARTS;
                move_weight(m, w + at, v + at, s + at, row[k + 1][c] * column[e]);
            }
        }
        UNROLL for (int c = 0; c < f.width; c++) column[c] = next[c];
    }
    UNROLL for (int e = 0; e < edges; e++)
    {
        const int at = (frame_start(f, f.layers - 1) + e) * PARTS;
        move_weight(m, w + at, v + at, s + at, column[e]);
    }
}

/* Moves columns 0 to 3 of W_0 alone, along the same gradient. */
VECTOR_INLINE void descend_columns(struct frame f, vector *restrict w, vector *restrict v, vector *restrict s,
                                   vector row[LAYERS][WIDTH], const vector g[NUMBERS], const struct mover *m)
{
    UNROLL for (int c = 0; c < f.width; c++) UNROLL for (int j = 0; j < INPUTS - 1; j++)
    {
        const int at = (c * frame_edges(f, 0) + j) * PARTS;
        move_weight(m, w + at, v + at, s + at, row[1][c] * g[j]);
    }
}

/* The entries of G = P^T P that change with the weights: w.w, w.layer, w.cell, w.edge, and with biases
 * w.1. Layer and cell are the same along a row. */
VECTOR_INLINE void moments(struct frame f, const vector *w, const struct particle_shape *shape,
                           vector moment[5])
{
    vector square[2] = {{0}}, layer = {0}, cell = {0}, edge[2] = {{0}}, one = {0};
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
        if (f.bias) one += sum;
    }
    moment[0] = square[0] + square[1];
    moment[1] = layer;
    moment[2] = cell;
    moment[3] = edge[0] + edge[1];
    moment[4] = one;
}

/* G; what does not change with the weights is the same for all, and so is 2 / n. */
struct gram {
    vector ll, lc, le, cc, ce, ee;
    vector l1, c1, e1, n; /* with biases P has a fifth column, of ones */
    float twice_inverse;
};

VECTOR_INLINE struct gram gram_new(const struct particle_shape *shape)
{
    double ll = 0, lc = 0, le = 0, cc = 0, ce = 0, ee = 0, l1 = 0, c1 = 0, e1 = 0;
    for (int i = 0; i < shape->weights; i++) {
        double l = shape->layer_at[i], c = shape->cell_at[i], e = shape->edge_at[i];
        ll += l * l, lc += l * c, le += l * e, cc += c * c, ce += c * e, ee += e * e;
        l1 += l, c1 += c, e1 += e;
    }
    return (struct gram){vector_all((float)ll),       vector_all((float)lc),
                         vector_all((float)le),       vector_all((float)cc),
                         vector_all((float)ce),       vector_all((float)ee),
                         vector_all((float)l1),       vector_all((float)c1),
                         vector_all((float)e1),       vector_all((float)shape->weights),
                         2.0f / (float)shape->weights};
}

/* What the first half of a self-training step finds: the rows, the responses less the identity's (d[4]:
 * the constant), moments. */
struct seen {
    vector row[LAYERS][WIDTH], d[5], moment[5];
};

VECTOR_INLINE void self_look(struct frame f, const struct particle_shape *shape, const vector *w,
                             struct seen *seen)
{
    rows(f, w, seen->row);
    UNROLL for (int j = 0; j < 4; j++) seen->d[j] = response(f, w, seen->row, j);
    seen->d[0] -= 1;
    if (f.bias) seen->d[4] = response(f, w, seen->row, INPUTS);
    moments(f, w, shape, seen->moment);
}

/* G d, and d^T G d. */
VECTOR_INLINE vector gram_times(struct frame f, const struct gram *gram, const vector m[5], const vector d[5],
                                vector gd[5])
{
    gd[0] = four(m[0], m[1], m[2], m[3], d);
    gd[1] = four(m[1], gram->ll, gram->lc, gram->le, d);
    gd[2] = four(m[2], gram->lc, gram->cc, gram->ce, d);
    gd[3] = four(m[3], gram->le, gram->ce, gram->ee, d);
    if (!f.bias) return four(d[0], d[1], d[2], d[3], gd);
    const vector last[4] = {m[4], gram->l1, gram->c1, gram->e1};
    UNROLL for (int j = 0; j < 4; j++) gd[j] = vector_fma(last[j], d[4], gd[j]);
    gd[4] = vector_fma(gram->n, d[4], four(last[0], last[1], last[2], last[3], d));
    return vector_fma(d[4], gd[4], four(d[0], d[1], d[2], d[3], gd));
}

/* The second half: the gradient (2 / n) G d of the responses, the loss d^T G d / n, and the step. */
VECTOR_INLINE void self_move(struct frame f, const struct gram *gram, enum self_weights which,
                             struct seen *seen, vector *restrict w, vector *restrict v, vector *restrict s,
                             const struct mover *mover, vector *restrict loss)
{
    vector gd[5], g[NUMBERS] = {{0}};
    *loss = 0.5f * gram->twice_inverse * gram_times(f, gram, seen->moment, seen->d, gd);
    UNROLL for (int j = 0; j < 4; j++) g[j] = gram->twice_inverse * gd[j];
    if (f.bias) g[INPUTS] = gram->twice_inverse * gd[4];
    if (which == SELF_REPLICATION)
        descend_columns(f, w, v, s, seen->row, g, mover);
    else
        descend(f, w, v, s, seen->row, g, 0, f.bias ? NUMBERS : 4, mover);
}

/* One task step along the gradient of the numbers that an edge shows: effective weight and constant. */
VECTOR_INLINE void task_step(struct frame f, vector *restrict w, vector *restrict v, vector *restrict s,
                             const double *gradient, float scale, const struct mover *m)
{
    vector row[LAYERS][WIDTH], g[NUMBERS] = {{0}};
    UNROLL for (int j = INPUTS - 1; j < frame_numbers(f); j++, gradient += LANES)
    {
        for (int lane = 0; lane < VECTOR; lane++) g[j][lane] = (float)gradient[lane];
        g[j] *= scale;
    }
    rows(f, w, row);
    descend(f, w, v, s, row, g, INPUTS - 1, frame_numbers(f), m);
}

VECTOR_INLINE void show(struct frame f, const vector *w, vector *shown)
{
    vector row[LAYERS][WIDTH];
    rows(f, w, row);
    UNROLL for (int j = INPUTS - 1; j < frame_numbers(f); j++, shown += PARTS) *shown =
        response(f, w, row, j);
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

/* What an optimizer keeps of the particles of a task; what it does not keep may be NULL. */
struct kept {
    vector *velocity, *squares, *age;
};

/* Arrays of the groups that are swept together, from the first one's on. */
struct several {
    vector *w, *effective, *loss;
    struct kept task, self;
    const double *gradient;
    int at[TOGETHER], age_at[TOGETHER], shown_at[TOGETHER]; /* where each vector's numbers begin */
};

VECTOR_INLINE void task_steps(struct frame f, const struct sweep *sweep, const struct several *s,
                              const int vectors, const enum optimizer optimizer)
{
    struct mover m = mover_new(&sweep->task, optimizer, f.plain);
    for (int i = 0; i < vectors; i++) {
        move_begin(&m, s->task.age + s->age_at[i]);
        task_step(f, s->w + s->at[i], s->task.velocity + s->at[i], s->task.squares + s->at[i],
                  s->gradient + s->shown_at[i] * VECTOR, sweep->gradient_scale, &m);
    }
}

VECTOR_INLINE void self_steps(struct frame f, const struct particle_shape *shape, const struct gram *gram,
                              const struct sweep *sweep, const struct several *s, const int vectors,
                              const struct kept kept, const enum optimizer optimizer)
{
    const int all = frame_weights(f) * vectors, steps = sweep->self_steps;
    struct mover m = mover_new(&sweep->self, optimizer, f.plain);
    struct seen seen[TOGETHER];
    for (int step = 0; step < steps; step++) {
        fetch(s->w + all, all, step, steps);
        if (sweep->task_step || sweep->buffers == MOMENTUM_SHARED)
            fetch(s->task.velocity + all, all, step, steps);
        if (sweep->buffers == MOMENTUM_SEPARATE) fetch(kept.velocity + all, all, step, steps);
        if (optimizer_keeps_squares(optimizer) && sweep->buffers != MOMENTUM_RESET)
            fetch(kept.squares + all, all, step, steps);
        for (int i = 0; i < vectors; i++) self_look(f, shape, s->w + s->at[i], &seen[i]);
        for (int i = 0; i < vectors; i++) {
            move_begin(&m, kept.age + s->age_at[i]);
            self_move(f, gram, sweep->self_weights, &seen[i], s->w + s->at[i], kept.velocity + s->at[i],
                      kept.squares + s->at[i], &m, s->loss + i);
        }
    }
}

/* OPTIMIZER_CALL(optimizer), with an optimizer that the compiler knows. */
#define OPTIMIZER_CASE(value, ...)                                                                           \
    case value:                                                                                              \
        OPTIMIZER_CALL(value);                                                                               \
        break;
#define OPTIMIZER_SWITCH(optimizer)                                                                          \
    switch (optimizer) {                                                                                     \
        OPTIMIZERS(OPTIMIZER_CASE)                                                                           \
    case OPTIMIZER_COUNT:                                                                                    \
        break;                                                                                               \
    }

/* `vectors` of them through a whole sweep: they stay in first-level cache, beside the next ones. */
VECTOR_INLINE void sweep_several(struct frame f, const struct particle_shape *shape, const struct gram *gram,
                                 const struct sweep *sweep, struct several s, const int vectors)
{
    const int n = frame_weights(f), all = n * vectors;
    vector velocity[TOGETHER * PARTICLE_WEIGHTS_MAX], squares[TOGETHER * PARTICLE_WEIGHTS_MAX],
        age[2 * TOGETHER];
    struct kept kept = sweep->buffers == MOMENTUM_SEPARATE ? s.self : s.task;
    for (int i = 0; i < vectors; i++) {
        s.at[i] = i / PARTS * PARTS * n + i % PARTS;
        s.age_at[i] = i / PARTS * PARTS * 2 + i % PARTS;
        s.shown_at[i] = i / PARTS * PARTS * (1 + f.bias) + i % PARTS;
    }
#define OPTIMIZER_CALL(value) task_steps(f, sweep, &s, vectors, value)
    if (sweep->task_step) OPTIMIZER_SWITCH(f.plain ? OPTIMIZER_SGD : sweep->task.optimizer)
#undef OPTIMIZER_CALL
    if (sweep->buffers == MOMENTUM_RESET) {
        kept.velocity = memset(velocity, 0, (size_t)all * sizeof *velocity);
        if (!f.plain) kept.squares = memset(squares, 0, (size_t)all * sizeof *squares);
        if (!f.plain) kept.age = memset(age, 0, sizeof age);
    }
#define OPTIMIZER_CALL(value) self_steps(f, shape, gram, sweep, &s, vectors, kept, value)
    OPTIMIZER_SWITCH(f.plain ? OPTIMIZER_SGD : sweep->self.optimizer)
#undef OPTIMIZER_CALL
    for (int i = 0; i < vectors; i++) show(f, s.w + s.at[i], s.effective + s.shown_at[i]);
}

#define ARGUMENTS                                                                                            \
    const struct particle_shape *shape, const struct sweep *sweep, int64_t groups, float *const field[],     \
        float *effective, const double *gradient, float *loss

/* Vector i of a field with n numbers per particle; NULL: not held. */
VECTOR_INLINE vector *field_at(float *field, int64_t i, int n)
{
    return field ? (vector *)field + i * n : NULL;
}

VECTOR_INLINE void sweep_groups(struct frame f, ARGUMENTS)
{
    const struct gram gram = gram_new(shape);
    const int64_t vectors = groups * PARTS;
    const int together = f.width <= 3 ? TOGETHER : PARTS; /* wide ones have enough to do at a time */
    const int n = frame_weights(f);
    for (int64_t i = 0; i < vectors; i += together) { /* what a sweep does not use may be NULL */
        struct several s = {.w = field_at(field[FIELD_WEIGHTS], i, n),
                            .effective = (vector *)effective + i * (1 + f.bias),
                            .loss = loss ? (vector *)loss + i : NULL,
                            .task = {.velocity = field_at(field[FIELD_VELOCITY_TASK], i, n)},
                            .self = {.velocity = field_at(field[FIELD_VELOCITY_SELF], i, n)},
                            .gradient = gradient ? gradient + i * VECTOR * (1 + f.bias) : NULL};
        if (!f.plain) {
            s.task.squares = field_at(field[FIELD_SQUARES_TASK], i, n);
            s.self.squares = field_at(field[FIELD_SQUARES_SELF], i, n);
            s.task.age = field_at(field[FIELD_AGE_TASK], i, 2);
            s.self.age = field_at(field[FIELD_AGE_SELF], i, 2);
        }
        const bool last = PARTS == 1 && i + together > vectors;
        if (f.known && last)
            sweep_several(f, shape, &gram, sweep, s, 1);
        else
            sweep_several(f, shape, &gram, sweep, s, last ? 1 : together);
    }
}

/* A function of the sweep for one frame. */
#define KERNEL(NAME, ...)                                                                                    \
    void NAME(ARGUMENTS)                                                                                     \
    {                                                                                                        \
        sweep_groups((struct frame){__VA_ARGS__}, shape, sweep, groups, field, effective, gradient, loss);   \
    }

/* sweep_any.c: for every shape; SGD without biases, and all else. */
void sweep_plain_any(ARGUMENTS);
void sweep_other_any(ARGUMENTS);

#endif
