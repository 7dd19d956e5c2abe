#include "metazoa/organism/prune.h"

#include <assert.h>
#include <string.h>

#include "draw.h"
#include "metazoa/particle/mask.h"

int64_t organism_pruned(const struct organism *organism)
{
    uint64_t n = 0;
    for (int l = 0; l < organism->shape.layers; l++)
        for (int64_t at = 0; at < layer_owned(&organism->layer[l]); at++)
            n += mask_has(organism->layer[l].field[FIELD_PRUNED], at);
    comm_sum_u64(organism->grid->all, &n, 1);
    return (int64_t)n;
}

int64_t organism_living(const struct organism *organism)
{
    return organism_particles(&organism->shape) - organism_pruned(organism);
}

/* A row of weights: of one particle, in place of its own; its velocities become zero. */
static void replace(struct organism *organism, int l, int64_t position, const float *row)
{
    struct layer *layer = &organism->layer[l];
    particle_row_put(layer->field[FIELD_WEIGHTS], position, organism->shape.particle.weights, row);
    layer_clear(layer, &organism->shape.particle, position);
}

void organism_prune(struct organism *organism, const struct ranking *ranking, int64_t i)
{
    const float zero[PARTICLE_WEIGHTS_MAX] = {0};
    assert(organism->training.prunes && !organism->task_pending);
    for (int l = 0; l < organism->shape.layers; l++)
        for (int64_t at = 0; at < layer_owned(&organism->layer[l]); at++) {
            if (organism_id(organism, l, at) < 0 || !ranking_has(ranking, i, l, at)) continue;
            replace(organism, l, at, zero);
            organism->layer[l].field[FIELD_PRUNED][at] = 1;
        }
    organism_refresh(organism);
}

void organism_keep(struct organism *organism)
{
    assert(organism->training.rewinds);
    for (int l = 0; l < organism->shape.layers; l++) {
        const struct layer *layer = &organism->layer[l];
        const int64_t n = layer_owned(layer) * organism->shape.particle.weights;
        if (n > 0) memcpy(layer->field[FIELD_KEPT], layer->field[FIELD_WEIGHTS], (size_t)n * sizeof(float));
    }
}

void organism_rewind(struct organism *organism)
{
    float row[PARTICLE_WEIGHTS_MAX];
    assert(organism->training.rewinds && !organism->task_pending);
    for (int l = 0; l < organism->shape.layers; l++) {
        const struct layer *layer = &organism->layer[l];
        for (int64_t at = 0; at < layer_owned(layer); at++) {
            particle_row_get(row, layer->field[FIELD_KEPT], at, organism->shape.particle.weights);
            replace(organism, l, at, row);
        }
    }
    organism_refresh(organism); /* pruned ones are zero again: mask_sweep */
}

struct chance {
    const struct organism *organism;
    int64_t epoch;
};

static uint64_t by_chance(const void *context, int l, int64_t position, int64_t id)
{
    const struct chance *chance = context;
    const struct organism *organism = chance->organism;
    return mask_has(organism->layer[l].field[FIELD_PRUNED], position)
               ? order_random(organism->seed, RANDOM_REGROW, chance->epoch, id)
               : ORDER_NONE;
}

void organism_regrow_order(struct order *order, const struct organism *organism, int64_t epoch)
{
    const struct chance chance = {organism, epoch};
    order_new(order, organism, by_chance, &chance);
}

/* A particle that was pruned when weights were kept goes back to its first ones after that. */
static void keep_first(struct layer *layer, const struct particle_shape *shape, int64_t position)
{
    float row[PARTICLE_WEIGHTS_MAX];
    bool kept = false;
    if (!layer->field[FIELD_KEPT]) return;
    particle_row_get(row, layer->field[FIELD_KEPT], position, shape->weights);
    for (int i = 0; i < shape->weights; i++) kept = kept || row[i] != 0;
    if (kept) return;
    particle_row_get(row, layer->field[FIELD_WEIGHTS], position, shape->weights);
    particle_row_put(layer->field[FIELD_KEPT], position, shape->weights, row);
}

void organism_regrow(struct organism *organism, const struct order *order, uint64_t bound, int64_t epoch)
{
    assert(organism->training.prunes && !organism->task_pending);
    for (int l = 0; l < organism->shape.layers; l++)
        for (int64_t at = 0; at < layer_owned(&organism->layer[l]); at++) {
            if (order->key[l][at] >= bound)
                continue; /* padding, living and other ones: ORDER_NONE is not below */
            organism->layer[l].field[FIELD_PRUNED][at] = 0;
            organism_draw_particle(organism, l, at, RANDOM_REGROWN, epoch, organism_id(organism, l, at));
            keep_first(&organism->layer[l], &organism->shape.particle, at);
        }
    organism_refresh(organism);
}
