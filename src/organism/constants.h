/*
 * Constants: what the edges of a cell add to its sum whatever the sample. A cell's bias (shape.bias) is an
 * edge that reads the constant 1: its effective weight is one. Edges that make w x + c of their input x
 * (particle.shown is 2) have one each. A block adds what those of a cell add up to as one more partial of the
 * cell's sum; the gradient of each is the sum over samples of d loss / d z.
 */
#ifndef METAZOA_SRC_ORGANISM_CONSTANTS_H
#define METAZOA_SRC_ORGANISM_CONSTANTS_H

#include "product.h"
#include "workspace.h"

/* Local. Whether cells have constants at all. */
bool constants_any(const struct organism_shape *shape);

/* Local. Sets the constants of a layer's blocks, workspace->constant[l], from what its edges show. */
void constants_pack(struct organism *organism, int l);

/* Local. Adds those of block b, if it has any, to a result whose first row is the block's first cell. */
void constants_add(const struct organism *organism, int l, int64_t b, const struct result *to,
                   int32_t samples);

/* Local. Adds a chunk's gradients of layer l's cells to cell_gradient. */
void constants_gradient(struct organism *organism, const struct slot *slot, int l);

/* Collective over the batch axis. cell_gradient becomes the sum over the batch, and with it the gradients
 * of what is owned here. */
void constants_finish(struct organism *organism);

#endif
