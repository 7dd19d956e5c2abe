/*
 * Products of one block: A [cells][edges], X its input over the samples of a chunk, Z = A X, all in single
 * precision and in an order that depends on these sizes alone. Layers of ordinary width go to BLAS; narrow
 * ones, for which BLAS is far too slow, to two small kernels. Hidden activations are feature-major, X
 * [edges][stride]; the input of layer 0 is sample-major, X [samples][x_stride], its rows padded to a multiple
 * of LANES with finite values that take no part.
 */
#ifndef METAZOA_SRC_ORGANISM_PRODUCT_H
#define METAZOA_SRC_ORGANISM_PRODUCT_H

#include <stdbool.h>
#include <stdint.h>

#include "metazoa/organism/shape.h"

/* The samples of a chunk where they lie in memory, in whatever order. A row may be read up to a multiple of
 * LANES. */
enum { ROWS_AHEAD = 64 };
struct rows {
    const float *const *at; /* [samples + the larger of ROWS_AHEAD and next]: the last are wanted next */
    int64_t column;         /* the first one of X in each row */
    int32_t next;           /* so many of the rows wanted next does the gradient ask for */
};

struct product {
    int32_t cells, edges, samples;
    int32_t stride;   /* of feature-major matrices; a multiple of LANES */
    int32_t x_stride; /* of a sample-major X; 0: X is feature-major */
    struct rows rows; /* where a sample-major X comes from */
    float *padded;    /* scratch: [cells][x_stride] where X is sample-major */
};

/* Whether a product of so many cells can read a sample-major X from its rows, where they lie; x is NULL then.
 */
static inline bool product_in_place(int32_t cells)
{
    return cells <= ORGANISM_NARROW;
}

/* Whether a product goes to the small kernels, not to BLAS. */
static inline bool product_narrow(const struct product *p)
{
    return product_in_place(p->cells) || (p->x_stride == 0 && p->edges <= ORGANISM_NARROW);
}

/* Brings a sample-major X from its rows. */
void product_bring(const struct product *p, float *x);

/* z [cells][stride] = A X. */
void product_forward(const struct product *p, float *z, const float *a, const float *x);

/* dx [edges][stride] = A^T G, from g [cells][stride]. Feature-major only. */
void product_backward(const struct product *p, float *dx, const float *a, const float *g);

/* da [cells][returned stride] = G X^T. */
int32_t product_gradient(const struct product *p, float *da, const float *g, const float *x);

#endif
