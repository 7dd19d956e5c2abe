/*
 * Products of one block: A [cells][edges], X its input over the samples of a chunk, Z = A X, all in single
 * precision. Every element is one chain of fused multiply-adds, in order, starting from 0: its bits depend
 * neither on the width of the registers nor on how a product is cut into tiles. Where the vectors lie along
 * the chain (see `dots`) it is LANES chains, lane by lane, and their sum in a fixed order.
 *
 * Matrices of features and samples are groups of LANES samples, X [group][feature][LANES]: what a tile reads
 * or writes lies together. The input of layer 0 lies sample by sample in the data; rows are padded there to a
 * multiple of LANES with finite values.
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
    int64_t x_group, g_group; /* floats from one group of samples to the next: in X, and in G */
    struct rows rows;         /* where the input of layer 0 lies; at: NULL for other layers */
};

/*
 * Where a result goes. Column j of row i has the place i * row + j / LANES * group + j % LANES.
 *   sum NULL   stored in z
 *   z NULL     added to sum, of which it is the first partial (what was there does not count) or another one
 *   both       the last partial: it completes the sum, which goes to z
 */
struct result {
    float *z;
    double *sum;
    bool first;
    struct exact *exact;
    int64_t row, group;
};

/* Whether the vectors lie along the chain: where a product has few cells, a sample's row is read in place. */
static inline bool product_narrow(int32_t cells)
{
    return cells <= ORGANISM_NARROW;
}

/* X of layer 0, from its rows. */
void product_bring(const struct product *p, float *x);

/* X^T [group of LANES edges][samples, rounded up to LANES][LANES], in layer 0 from its rows: what the
 * gradient of a block that is not narrow takes. All blocks with the same edges share it. */
void product_turn(const struct product *p, float *turned, const float *x);

/* The weights A as the forward product takes them, and as the backward product does, packed once for all
 * chunks of a batch: [group of LANES edges][cells][LANES], and [group of LANES cells][edges][LANES]. a:
 * [cells][row], of which the first `edges` of each row count. */
void product_pack(float *restrict packed, const float *restrict a, int32_t cells, int32_t edges, int32_t row);
void product_pack_turned(float *restrict packed, const float *restrict a, int32_t cells, int32_t edges,
                         int32_t row);

/* Z [cells] = A X. x: NULL for a narrow block of layer 0. */
void product_forward(const struct product *p, struct result z, const float *packed, const float *x);

/* dX [edges] = A^T G. packed: turned. */
void product_backward(const struct product *p, struct result dx, const float *packed, const float *g);

/* dA [cells][edges] += G X^T. x: of a narrow block X, which layer 0 does not read; else X^T. */
void product_gradient(const struct product *p, struct result da, const float *g, const float *x);

#endif
