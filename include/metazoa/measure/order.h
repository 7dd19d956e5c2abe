/*
 * Orders of all particles: which ones are dropped first, or chosen. Each particle has a key of 64 bits. No
 * rank holds all keys: the m-th smallest key is found by bisection, counting smaller keys on all ranks.
 */
#ifndef METAZOA_MEASURE_ORDER_H
#define METAZOA_MEASURE_ORDER_H

#include <stdint.h>

#include "metazoa/organism/organism.h"

#define ORDER_NONE                                                                                           \
    UINT64_MAX /* the key of what is not in the order: padding, particles that are left out                  \
                */

struct order {
    uint64_t *key[ORGANISM_LAYERS_MAX]; /* [owned groups][LANES] */
    int64_t n, n_local;                 /* particles in it, on all ranks and here */
    uint64_t *sorted;                   /* [n_local] */
    struct comm *comm;
};

/* Local. Keys that differ for different ids (below 2^33): by a value >= 0 (NaN last), by chance. */
uint64_t order_value(float value, int64_t id);
uint64_t order_random(uint64_t seed, int64_t draw, int64_t id);

/* Collective over grid->all. key: for the particle with this id at an owned position (group * LANES + lane)
 * of a layer. */
typedef uint64_t order_key(const void *context, int layer, int64_t position, int64_t id);
void order_new(struct order *order, const struct organism *organism, order_key *key, const void *context);
void order_free(struct order *order);

/* Collective. bounds[i]: exactly counts[i] particles have smaller keys. counts: 0 ... order->n. */
void order_bounds(const struct order *order, int64_t n, const int64_t *counts, uint64_t *bounds);

/* Collective. Census: types [layer] -> [owned groups][LANES]; counts may be NULL. Free with order_types_free
 * (local). */
uint8_t **order_types(struct organism *organism, float epsilon, int64_t counts[TYPE_COUNT]);
void order_types_free(uint8_t **types, const struct organism *organism);

#endif
