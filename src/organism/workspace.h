/*
 * Buffers of the passes, made once. Activations of a chunk are feature-major: the features of part p of a cut
 * are rows of `stride` samples, part after part; samples beyond the chunk's end up to a multiple of LANES are
 * zero in gradients.
 */
#ifndef METAZOA_SRC_ORGANISM_WORKSPACE_H
#define METAZOA_SRC_ORGANISM_WORKSPACE_H

#include "metazoa/base/timer.h"
#include "metazoa/organism/organism.h"

enum { SLOTS_MAX = 2 }; /* chunks under way at the same time */

/* The buffers of one chunk under way. Layer l reads input[l], forms z = A x in sum[l] and leaves input[l +
 * 1]. */
struct slot {
    int64_t begin, end; /* its samples, as positions in the batch */
    int32_t samples;    /* end - begin */
    const float **row;  /* [chunk + ahead]: its samples in the data, and those wanted next */
    float *x; /* input of layer 0, sample-major: part p is [samples][input_stride(p)]; NULL: read in place */
    float *input[ORGANISM_LAYERS_MAX + 1];    /* [local edges of layer l][stride]; l = layers: all outputs */
    float *slope[ORGANISM_LAYERS_MAX + 1];    /* derivative of the activation that made input[l] */
    float *gradient[ORGANISM_LAYERS_MAX + 1]; /* d loss / d z of layer l - 1, same shape as input[l] */
    double *sum;                              /* partial sums under way over rows or columns */
    struct comm_request request;
};

struct workspace {
    int slots;
    enum phase phase; /* what a forward pass counts as: training or validation */
    int32_t stride;   /* samples of a chunk, rounded up to a multiple of LANES */
    int32_t ahead;    /* samples known after those of a chunk */
    struct slot slot[SLOTS_MAX];
    float *partial; /* one block's partial result */
    float *padded;  /* one block's effective weights, rows padded to a multiple of LANES */
    float *losses;  /* [largest owned layer] */
    uint8_t *types; /* the same */
    int64_t
        *offsets; /* [batch ranks + 1]: of the owners in the gradients, organism->owner_groups times LANES */
    int32_t *label; /* [chunk] */
    float *target;  /* [chunk][outputs] */
};

struct workspace *workspace_new(const struct organism *organism);
void workspace_free(struct workspace *workspace);
float *workspace_losses(struct workspace *workspace);
uint8_t *workspace_types(struct workspace *workspace);

/* Features of layer l's input that are held here, and of its output; first feature of each. */
int32_t layer_edges_held(const struct organism *organism, int l);
int32_t layer_cells_held(const struct organism *organism, int l);
int32_t layer_edge_first(const struct organism *organism, int l);
int32_t layer_cell_first(const struct organism *organism, int l);

/* Width of edge part p of layer 0, rounded up to a multiple of LANES: floats from one gathered sample to the
 * next. */
int32_t input_stride(const struct organism *organism, int32_t part);

#endif
