/* Particles in groups of lanes, and their literal twins in double precision. */
#ifndef PARTICLE_LITERAL_H
#define PARTICLE_LITERAL_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <hdf5.h>

#include "metazoa/base/memory.h"
#include "metazoa/parallel/random.h"
#include "metazoa/particle/census.h"
#include "metazoa/particle/kernel.h"
#include "metazoa/particle/kind.h"
#include "metazoa/particle/state.h"

enum { SEED = 20221216 };

/* Literal forward pass of a particle on one input row. */
static inline double literal_output(const struct particle_shape *s, const double *w, const double *input)
{
    double now[17], next[17];
    memcpy(now, input, PARTICLE_INPUTS * sizeof *now);
    for (int k = 0, at = 0; k < s->layers; k++) {
        int cells = particle_cells(s, k), edges = particle_edges(s, k);
        if (s->bias) now[edges - 1] = 1;
        for (int c = 0; c < cells; c++) {
            next[c] = 0;
            for (int e = 0; e < edges; e++) next[c] += w[at++] * now[e];
        }
        memcpy(now, next, (size_t)cells * sizeof *now);
    }
    return now[0];
}

/* Outputs for all input rows; the rows come from `of`. */
static inline void literal_apply(const struct particle_shape *s, const double *w, const double *of,
                                 double *out)
{
    for (int i = 0; i < s->weights; i++) {
        double row[5] = {of[i], (double)s->layer_at[i], (double)s->cell_at[i], (double)s->edge_at[i], 0};
        out[i] = literal_output(s, w, row);
    }
}

/* Loss of weights w on the frozen inputs and targets `of`. */
static inline double literal_loss(const struct particle_shape *s, const double *w, const double *of)
{
    double out[PARTICLE_WEIGHTS_MAX], sum = 0;
    literal_apply(s, w, of, out);
    for (int i = 0; i < s->weights; i++) sum += (out[i] - of[i]) * (out[i] - of[i]);
    return sum / s->weights;
}

static inline double *read_doubles(hid_t file, const char *name, hsize_t dims[2])
{
    hid_t set = H5Dopen2(file, name, H5P_DEFAULT), space = H5Dget_space(set);
    dims[1] = 1;
    H5Sget_simple_extent_dims(space, dims, NULL);
    double *out = memory_new((int64_t)(dims[0] * dims[1]), sizeof *out);
    assert_true(H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, out) >= 0);
    H5Sclose(space);
    H5Dclose(set);
    return out;
}

struct groups {
    struct particle_shape shape;
    int64_t n, groups;
    float *field[FIELD_COUNT], *effective, *loss;
    float *w, *task, *self; /* fields: weights, velocities */
    double *gradient;
};

static inline struct groups groups_of(enum edges kind, int width, int layers, int64_t n)
{
    struct groups g = {
        .shape = particle_kinds[kind]->shape(width, layers), .n = n, .groups = (n + LANES - 1) / LANES};
    int64_t size = g.groups * LANES;
    const struct training any = {.task.optimizer = OPTIMIZER_ADAM, .self.optimizer = OPTIMIZER_ADAM};
    for (int f = 0; f < FIELD_COUNT; f++)
        if (f <= FIELD_VELOCITY_SELF || state_held((enum state_field)f, &g.shape, &any))
            g.field[f] = memory_new(size * state_values((enum state_field)f, &g.shape), sizeof(float));
    g.w = g.field[FIELD_WEIGHTS], g.task = g.field[FIELD_VELOCITY_TASK],
    g.self = g.field[FIELD_VELOCITY_SELF];
    g.effective = memory_new(size * g.shape.shown, sizeof(float));
    g.loss = memory_new(size, sizeof(float));
    g.gradient = memory_new(size * g.shape.shown, sizeof(double));
    return g;
}

static inline struct groups groups_new(int width, int layers, int64_t n)
{
    return groups_of((enum edges)particle_kind_find(width, layers), width, layers, n);
}

static inline void groups_free(struct groups *g)
{
    for (int f = 0; f < FIELD_COUNT; f++) memory_free(g->field[f]);
    memory_free(g->effective), memory_free(g->loss), memory_free(g->gradient);
}

static inline float *weight(struct groups *g, int64_t particle, int i)
{
    return &g->w[particle_index(particle, g->shape.weights, i)];
}

static inline void draw(struct groups *g)
{
    float row[PARTICLE_WEIGHTS_MAX];
    for (int64_t p = 0; p < g->n; p++) {
        particle_draw(row, &g->shape, SEED, RANDOM_WEIGHTS, 0, (uint64_t)p, 1);
        for (int i = 0; i < g->shape.weights; i++) *weight(g, p, i) = row[i];
    }
}

static inline void sweep(struct groups *g, struct sweep s)
{
    particle_sweep(&g->shape, &s, g->groups, g->field, g->effective, g->gradient, g->loss);
}

static const struct descent adamw = {0.01f, 0.9f, OPTIMIZER_ADAMW, 0.1f, {0.9f, 0.999f}, 1e-8f};
static const struct sweep sgd = {DESCENT_SGD(0.004f, 0.9f), .gradient_scale = 1};

#endif
