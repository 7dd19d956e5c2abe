/* One particle drawn anew. */
#ifndef METAZOA_SRC_ORGANISM_DRAW_H
#define METAZOA_SRC_ORGANISM_DRAW_H

#include "metazoa/organism/organism.h"
#include "metazoa/parallel/random.h"

/* Local. Weights from the stream of (seed, purpose, epoch, id) for the particle at an owned position; its
 * velocities become zero. The effective weight is not renewed. */
void organism_draw_particle(struct organism *organism, int layer, int64_t position,
                            enum random_purpose purpose, int64_t epoch, int64_t id);

#endif
