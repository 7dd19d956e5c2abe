/*
 * Buffers of the passes, made once. Activations of a chunk are groups of LANES samples,
 * [group][feature][LANES] (product.h); samples beyond the chunk's end up to a multiple of LANES are zero.
 */
#ifndef METAZOA_SRC_ORGANISM_WORKSPACE_H
#define METAZOA_SRC_ORGANISM_WORKSPACE_H

#include "metazoa/base/timer.h"
#include "blocks.h"

enum { SLOTS_MAX = 2 }; /* chunks under way at the same time */

/* The buffers of one chunk under way. Layer l reads input[l], forms z = A x in sum[l] and leaves input[l +
 * 1]. */
struct slot {
    int64_t begin, end; /* its samples, as positions in the batch */
    int32_t samples;    /* end - begin */
    bool first;         /* the pass's first chunk here: its gradients begin their sums */
    const float **row;  /* [chunk + ahead]: its samples in the data, and those wanted next */
    float *input[ORGANISM_LAYERS_MAX + 1];    /* local edges of layer l; l = layers: all outputs;
                                                 l = 0: NULL if the data's rows are read in place */
    float *slope[ORGANISM_LAYERS_MAX + 1];    /* derivative of the activation that made input[l] */
    float *gradient[ORGANISM_LAYERS_MAX + 1]; /* d loss / d z of layer l - 1, same shape as input[l] */
    double *sum;                              /* partial sums under way over rows or columns */
    struct comm_request request;
};

/*
 * The exact sums of a pass. Their grains follow the size of what is summed, agreed by all ranks once for each
 * batch: `exponent` is what the pass assumes, exact[kind][l].largest the largest partial that it met.
 */
enum sum_kind { SUM_FORWARD, SUM_BACKWARD, SUM_GRADIENT, SUM_KINDS };
struct sums {
    int exponent[SUM_KINDS][ORGANISM_LAYERS_MAX];
    struct exact exact[SUM_KINDS][ORGANISM_LAYERS_MAX];
    bool rounded; /* some sum has more than one partial; equal on all ranks */
};

/* How the effective weights are packed; backward takes none of layer 0. */
enum packing { PACKED_FORWARD, PACKED_BACKWARD, PACKINGS };

struct workspace {
    int slots;
    enum phase phase; /* what a forward pass counts as: training or validation */
    int32_t ahead;    /* samples known after those of a chunk */
    struct slot slot[SLOTS_MAX];
    struct sums training, evaluation; /* apart, as their values may have different sizes */
    struct sums *sums;                /* those of the pass that runs */
    float *turned;                    /* a layer's held inputs, sample by sample: see product_turn */
    float *packed[PACKINGS][ORGANISM_LAYERS_MAX]; /* [blocks][layer_block_room]: see product_pack */
    float *constant[ORGANISM_LAYERS_MAX];         /* [blocks][layer_block_cells]: see constants.h */
    struct layer last;                            /* see workspace_copy: blocks and effective weights alone */
    float *shown;   /* [largest owned layer][shown], if edges show more than one number */
    float *losses;  /* [largest owned layer] */
    uint8_t *types; /* the same */
    int64_t
        *offsets; /* [batch ranks + 1]: of the owners in the gradients, organism->owner_groups times LANES */
    int32_t *label; /* [chunk] */
    float *target;  /* [chunk][outputs] */
};

/* Local. For an organism whose cuts are known; a plan: see memory_take. workspace_fill completes it once the
 * owners' groups are known, too. */
struct workspace *workspace_new(const struct organism *organism, int64_t *plan);
void workspace_fill(struct workspace *workspace, const struct organism *organism);
void workspace_free(struct workspace *workspace);
float *workspace_shown(struct workspace *workspace);
float *workspace_losses(struct workspace *workspace);
uint8_t *workspace_types(struct workspace *workspace);

/* Cells of the largest block of a layer. Floats of that block's inputs, cells and edges rounded up to LANES. */
int64_t layer_block_cells(const struct organism *organism, int l);
int64_t layer_block_room(const struct organism *organism, int l);

/* Whether all blocks that are held here are narrow: see product.h. */
bool layer_narrow(const struct organism *organism, int l);

/*
 * The last layer is held by one rank of its cell axis if its cells are one part. The others have a copy of
 * its blocks and effective weights, with which they compute the gradients of its inputs, so that these need
 * no sum. workspace_copied: whether layer l has such copies. workspace_copy: collective, brings the effective
 * weights. workspace_backward: the layer as the backward pass takes it, the copy if there is one.
 */
bool workspace_copied(const struct organism *organism, int l);
const struct layer *workspace_backward(const struct organism *organism, int l);
void workspace_copy(struct organism *organism);

/*
 * Local. How many canonical partials a sum of this kind has that blocks add: those of the parts of the cut,
 * the diagonal of a residual layer, constants. 1: the sum is the product of a single block, or that and one
 * term more.
 */
int64_t sums_partials(const struct organism *organism, enum sum_kind kind, int l);

/* Local. Begins a pass whose gradients are sums over `chunks` chunks; 0: a forward pass only. */
void sums_begin(struct organism *organism, struct sums *sums, int64_t chunks);

/*
 * Collective. Call it at the end of a pass. Whether the grains fit the values that were summed. If not, it
 * corrects them, and the pass must be repeated. A grain depends only on sums before it, so the repetitions
 * end, and the result does not depend on the first assumption.
 */
bool sums_agree(struct organism *organism);

#endif
