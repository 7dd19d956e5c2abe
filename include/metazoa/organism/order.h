/*
 * Orders of all particles, for pruning and for probes that drop or choose the first m of them. Each particle
 * has a 64-bit key; the order is by key. No rank holds all keys: the m-th smallest key is found by bisection,
 * where all ranks count their smaller keys.
 */
#ifndef METAZOA_ORGANISM_ORDER_H
#define METAZOA_ORGANISM_ORDER_H

#include <stdint.h>

#include "metazoa/organism/organism.h"
#include "metazoa/parallel/random.h"

/* The key of a particle that is not in the order, and of padding. */
#define ORDER_NONE UINT64_MAX

/* A larger organism has no order: ids are the lowest bits of keys. */
enum { ORDER_ID_BITS = 33 };
#define ORDER_PARTICLES_MAX (((int64_t)1 << ORDER_ID_BITS) - 1)

struct order {
    uint64_t *key[ORGANISM_LAYERS_MAX]; /* [owned groups][LANES] */
    int64_t n, n_local;                 /* particles in the order: on all ranks, on this rank */
    uint64_t *sorted;                   /* [n_local] */
    struct comm *comm;
};

/* Local. Keys that order by a value >= 0 (NaN comes last), or randomly. Different ids have
 * different keys. */
uint64_t order_value(float value, int64_t id);
uint64_t order_random(uint64_t seed, enum random_purpose purpose, int64_t draw, int64_t id);

/* Collective over grid->all; more than ORDER_PARTICLES_MAX particles are fatal. `key` returns the key of
 * the particle with this id, at an owned position (group * LANES + lane) of a layer. Free with order_free. */
typedef uint64_t order_key(const void *context, int layer, int64_t position, int64_t id);
void order_new(struct order *order, const struct organism *organism, order_key *key, const void *context);
void order_free(struct order *order);

/* Collective. Sets bounds[n] so that exactly counts[i] particles have keys below bounds[i]. counts[i]: 0 to
 * order->n. */
void order_bounds(const struct order *order, int64_t n, const int64_t *counts, uint64_t *bounds);

/* Collective. A census: returns types [layer] -> [owned groups][LANES], and the number of particles of each
 * type in `counts` (may be NULL). Free with order_types_free (local). */
uint8_t **order_types(struct organism *organism, float epsilon, int64_t counts[TYPE_COUNT]);
void order_types_free(uint8_t **types, const struct organism *organism);

#endif
