/*
 * The algebra of one vector of linear particles, written once for any shape: the compiler knows the sizes of
 * the common ones (sweep.h). Weight `at` of a vector is w[at * PARTS]. Names follow kernel.h: W_k is weight
 * layer k (0-based here), row[k] = W_{n-1} ... W_k, column[k] = W_k ... W_0 g.
 */
#ifndef METAZOA_SRC_PARTICLE_FRAME_H
#define METAZOA_SRC_PARTICLE_FRAME_H

#include <stdbool.h>

#include "metazoa/particle/vector.h"

/* Numbers of the response; with biases also the constant, number INPUTS. A row holds the constant behind
 * its cells. */
enum {
    WIDTH = PARTICLE_WIDTH_MAX + 1,
    INPUTS = PARTICLE_INPUTS,
    NUMBERS = INPUTS + 1,
    LAYERS = PARTICLE_LAYERS_MAX
};

/* The sizes of a particle shape. */
struct frame {
    int width, layers;
    bool plain; /* both tasks take the steps of SGD without weight decay */
    int bias;   /* 1: the last edge of every cell is a bias; 0 */
    bool known; /* to the compiler: width, layers, bias */
};

VECTOR_INLINE int frame_numbers(struct frame f)
{
    return INPUTS + f.bias;
}

VECTOR_INLINE int frame_cells(struct frame f, int k)
{
    return k == f.layers - 1 ? 1 : f.width;
}

VECTOR_INLINE int frame_edges(struct frame f, int k)
{
    return (k == 0 ? INPUTS : f.width) + f.bias;
}

VECTOR_INLINE int frame_start(struct frame f, int k)
{
    return k == 0 ? 0 : (INPUTS + f.bias) * f.width + (k - 1) * f.width * (f.width + f.bias);
}

VECTOR_INLINE int frame_weights(struct frame f)
{
    return frame_start(f, f.layers - 1) + f.width + f.bias;
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

/* Edge e of a row times weight layer k. A bias also gets what the biases above add up to. */
VECTOR_INLINE vector row_times(struct frame f, const vector *w, const vector above[WIDTH], int k, int e)
{
    const int edges = frame_edges(f, k);
    const vector sum = dot(above, 1, w + (frame_start(f, k) + e) * PARTS, edges * PARTS, f.width);
    return f.bias && e == edges - 1 ? sum + above[f.width] : sum;
}

/* row[k][e], k = n-1 .. 1: the product of the weight layers from k up. */
VECTOR_INLINE void rows(struct frame f, const vector *w, vector row[LAYERS][WIDTH])
{
    const int last = frame_start(f, f.layers - 1), edges = f.width + f.bias;
    UNROLL for (int e = 0; e < edges; e++) row[f.layers - 1][e] = w[(last + e) * PARTS];
    UNROLL for (int k = f.layers - 2; k > 0; k--) UNROLL for (int e = 0; e < edges; e++) row[k][e] =
        row_times(f, w, row[k + 1], k, e);
}

/* a[j] = row[1] W_0, and b = a[INPUTS]. */
VECTOR_INLINE vector response(struct frame f, const vector *w, vector row[LAYERS][WIDTH], int j)
{
    return row_times(f, w, row[1], 0, j);
}

#endif
