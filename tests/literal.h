/* An organism evaluated particle by particle, in double precision, without any code of the passes. */
#ifndef LITERAL_H
#define LITERAL_H

#include "organisms.h"

/* A particle applied to one number, layer by layer: N(0, 0, 0, 0, x). */
static inline double particle_apply(const struct particle_shape *p, const double *w, double x)
{
    double now[17] = {0, 0, 0, 0, x}, next[17] = {0};
    for (int k = 0, at = 0; k < p->layers; k++) {
        if (p->bias) now[particle_edges(p, k) - 1] = 1;
        for (int c = 0; c < particle_cells(p, k); c++) {
            next[c] = 0;
            for (int e = 0; e < particle_edges(p, k); e++) next[c] += w[at++] * now[e];
        }
        memcpy(now, next, sizeof now);
    }
    return p->layers == 0 ? w[0] * x : now[0];
}

static inline double literal_gelu(double x)
{
    return x * 0.5 * erfc(-x / sqrt(2));
}

/* Outputs for one sample, every edge by its particle. pruned: [layer] -> [cells][edges], edges that are
 * cut; NULL: none is. */
static inline void literal_outputs(const struct organism_shape *shape, double *const *weights,
                                   bool *const *pruned, const float *x, double *out)
{
    double now[64], next[64];
    for (int32_t i = 0; i < shape->cells[0]; i++) now[i] = (double)x[i];
    for (int l = 0; l < shape->layers; l++) {
        const int32_t edges = shape->cells[l] + (shape->bias ? 1 : 0);
        now[shape->cells[l]] = 1; /* what a bias reads */
        for (int32_t c = 0; c < shape->cells[l + 1]; c++) {
            next[c] = 0;
            for (int32_t e = 0; e < edges; e++) {
                if (pruned && pruned[l][c * edges + e]) continue;
                next[c] += particle_apply(&shape->particle,
                                          weights[l] + (c * edges + e) * shape->particle.weights, now[e]);
            }
            if (shape->residual && l > 0 && l < shape->layers - 1 && shape->cells[l] == shape->cells[l + 1])
                next[c] += now[c];
            if (l < shape->layers - 1 && shape->activation == ACTIVATION_GELU)
                next[c] = literal_gelu(next[c]);
        }
        memcpy(now, next, sizeof now);
    }
    memcpy(out, now, (size_t)shape->cells[shape->layers] * sizeof *out);
}

static inline double literal_loss(const struct organism_shape *shape, double *const *weights,
                                  bool *const *pruned, const struct whole *whole, double *correct)
{
    double total = 0, out[64];
    const int32_t outputs = shape->cells[shape->layers];
    *correct = 0;
    for (int64_t s = 0; s < whole->samples; s++) {
        literal_outputs(shape, weights, pruned, whole->x + s * whole->inputs, out);
        if (whole->label) {
            double sum = 0;
            int32_t best = 0;
            for (int32_t c = 0; c < outputs; c++) sum += exp(out[c]), best = out[c] > out[best] ? c : best;
            total += log(sum) - out[whole->label[s]];
            *correct += best == whole->label[s];
        } else
            for (int32_t c = 0; c < outputs; c++)
                total += (out[c] - (double)whole->y[s * outputs + c]) *
                         (out[c] - (double)whole->y[s * outputs + c]) / outputs;
    }
    return total / (double)whole->samples;
}

#endif
