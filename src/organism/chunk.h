/*
 * One chunk through one layer (chunk.c). Each half `start` computes and sends a sum on its way; `finish`
 * waits for it and completes the layer. Between the two, another slot's chunk may compute. Collective over
 * rows and columns.
 */
#ifndef METAZOA_SRC_ORGANISM_CHUNK_H
#define METAZOA_SRC_ORGANISM_CHUNK_H

#include "workspace.h"

/* From input[l] (or x) to input[l + 1], with slope[l + 1]. */
void chunk_forward_start(struct organism *organism, struct slot *slot, int l);
void chunk_forward_finish(struct organism *organism, struct slot *slot, int l);

/* Local. Packs the effective weights for the chunks of a batch: forward and, to learn, backward. */
void chunk_pack(struct organism *organism, bool learn);

/* From gradient[l + 1] to the layer's gradient, one of the canonical partials of its sum, and, for l > 0, to
 * gradient[l]. */
void chunk_backward_start(struct organism *organism, struct slot *slot, int l);
void chunk_backward_finish(struct organism *organism, struct slot *slot, int l);

#endif
