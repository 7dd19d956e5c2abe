#include "prune.h"

#include "metazoa/base/memory.h"

/* Sends the effective weights of this rank's own particles, which it has changed, to all ranks that use them.
 * */
static void share(struct organism *organism, int l)
{
    comm_gather_all(organism->grid->axis[GRID_BATCH], organism->layer[l].effective, LANES * sizeof(float),
                    organism->layer[l].owner_offsets);
}

static float *owned_effective(struct organism *organism, int l, int64_t *n)
{
    struct layer *layer = &organism->layer[l];
    *n = layer_owned(layer);
    return layer_effective(layer);
}

double prune_score(struct subject *subject, const struct order *order, uint64_t bound)
{
    struct organism *organism = &subject->organism;
    organism_refresh(organism);
    for (int l = 0; l < organism->shape.layers; l++) {
        int64_t n;
        float *effective = owned_effective(organism, l, &n);
        for (int64_t at = 0; at < n; at++)
            if (order->key[l][at] < bound) effective[at] = 0;
        share(organism, l);
    }
    return subject_score(subject);
}

double prune_score_types(struct subject *subject, uint8_t *const *types, unsigned mask)
{
    struct organism *organism = &subject->organism;
    organism_refresh(organism);
    for (int l = 0; l < organism->shape.layers; l++) {
        int64_t n;
        float *effective = owned_effective(organism, l, &n);
        for (int64_t at = 0; at < n; at++)
            if (mask >> types[l][at] & 1) effective[at] = 0;
        share(organism, l);
    }
    return subject_score(subject);
}

void prune_restore(struct subject *subject)
{
    organism_refresh(&subject->organism);
}
