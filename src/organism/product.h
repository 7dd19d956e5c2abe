/*
 * Products of one block: A [cells][edges], X its input over the samples of a chunk, Z = A X, all in single
 * precision. Every element is one chain of fused multiply-adds, in order, starting from 0: its bits depend
 * neither on the width of the registers nor on how a product is cut into tiles. Where the vectors lie along
 * the chain (see `dots`) it is LANES chains, lane by lane, and their sum in a fixed order.
 *
 * Hidden activations are feature-major, X [edges][stride]. The input of layer 0 lies sample by sample in the
 * data; rows are padded there to a multiple of LANES with finite values.
 */
#ifndef METAZOA_SRC_ORGANISM_PRODUCT_H
#define METAZOA_SRC_ORGANISM_PRODUCT_H

#include <stdbool.h>
#include <stdint.h>

#include "metazoa/organism/shape.h"
#include "metazoa/parallel/exact.h"

/* The samples of a chunk where they lie in memory, in whatever order. A row may be read up to a multiple of
 * LANES. */
enum { ROWS_AHEAD = 64 };
struct rows {
    const float *const *at; /* [samples + the larger of ROWS_AHEAD and next]: the last are wanted next */
    int64_t column;         /* the first one of X in each row */
    int32_t next;           /* the gradient prefetches this many of the rows that are needed next */
};

struct product {
    int32_t cells, edges, samples;
    int32_t stride;   /* of feature-major matrices; a multiple of LANES */
    struct rows rows; /* where the input of layer 0 lies; at: NULL for other layers */
    float *scratch;   /* [cells][organism_row(edges)] for a narrow product */
};

/* Where a result goes: stored in z, or, where that is NULL, added to sums. Both have the rows of the result,
 * `stride` apart. */
struct result {
    float *z;
    double *sum;
    struct exact *exact;
    int64_t stride;
};

/* Whether the vectors lie along the chain: where a product has few cells, a sample's row is read in place. */
static inline bool product_narrow(int32_t cells)
{
    return cells <= ORGANISM_NARROW;
}

/* X [edges][stride] of layer 0, from its rows. */
void product_bring(const struct product *p, float *x);

/* X^T [samples][organism_row(edges)] of another layer: what the gradient of a block that is not
 * narrow takes. All blocks with the same edges share it. */
void product_turn(const struct product *p, float *turned, const float *x);

/* Z [cells] = A X. x: NULL for a narrow block of layer 0. */
void product_forward(const struct product *p, struct result z, const float *a, const float *x);

/* dX [edges] = A^T G, from g [cells][stride]. */
void product_backward(const struct product *p, struct result dx, const float *a, const float *g);

/* dA [cells][edges] += G X^T. x: of a narrow block X; else X^T; not read in layer 0. */
void product_gradient(const struct product *p, struct result da, const float *g, const float *x);

#endif
