#include "prune.h"

double prune_score(struct subject *subject, prune_drops *drops, const void *context)
{
    struct organism *organism = &subject->organism;
    organism_refresh(organism);
    for (int l = 0; l < organism->shape.layers; l++) {
        const struct layer *layer = &organism->layer[l];
        float *effective = layer_effective(layer), *constant = layer_constants(layer);
        for (int64_t at = 0; at < layer_owned(layer); at++) {
            if (!drops(context, l, at)) continue;
            effective[at] = 0;
            if (constant) constant[at] = 0;
        }
    }
    organism_show(organism); /* all ranks that use them get the changed ones */
    return subject_score(subject);
}

struct typed {
    uint8_t *const *types;
    unsigned mask;
};

static bool is_typed(const void *context, int layer, int64_t position)
{
    const struct typed *typed = context;
    return typed->mask >> typed->types[layer][position] & 1;
}

double prune_score_types(struct subject *subject, uint8_t *const *types, unsigned mask)
{
    const struct typed typed = {types, mask};
    return prune_score(subject, is_typed, &typed);
}

void prune_restore(struct subject *subject)
{
    organism_refresh(&subject->organism);
}
