#include "metazoa/organism/order.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "metazoa/base/error.h"
#include "metazoa/base/memory.h"
#include "metazoa/base/spread.h"

uint64_t order_value(float value, int64_t id)
{
    uint32_t bits; /* of floats without sign: in the order of their values */
    memcpy(&bits, &value, sizeof bits);
    return (uint64_t)(bits & 0x7fffffffu) << ORDER_ID_BITS | (uint64_t)id;
}

uint64_t order_random(uint64_t seed, enum random_purpose purpose, int64_t draw, int64_t id)
{
    uint32_t word;
    struct random_stream stream = random_open(seed, purpose, draw, (uint64_t)id);
    random_words(&stream, &word, 1);
    return (uint64_t)(word >> 2) << ORDER_ID_BITS | (uint64_t)id; /* 30 bits: never ORDER_NONE */
}

static int compare(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

void order_new(struct order *order, const struct organism *organism, order_key *key, const void *context)
{
    if (organism_particles(&organism->shape) > ORDER_PARTICLES_MAX)
        fatal("%" PRId64 " particles cannot be put in order, which this needs: %" PRId64 " at most",
              organism_particles(&organism->shape), ORDER_PARTICLES_MAX);
    *order = (struct order){.comm = organism->grid->all};
    int64_t room = 0;
    for (int l = 0; l < organism->shape.layers; l++) room += layer_owned(&organism->layer[l]);
    order->sorted = memory_new(room, sizeof *order->sorted);
    for (int l = 0; l < organism->shape.layers; l++) {
        const int64_t owned = layer_owned(&organism->layer[l]);
        order->key[l] = memory_new(owned, sizeof *order->key[l]);
        for (int64_t at = 0; at < owned; at++) {
            const int64_t id = organism_id(organism, l, at);
            order->key[l][at] = id < 0 ? ORDER_NONE : key(context, l, at, id);
            if (order->key[l][at] != ORDER_NONE) order->sorted[order->n_local++] = order->key[l][at];
        }
    }
    qsort(order->sorted, (size_t)order->n_local, sizeof *order->sorted, compare);
    uint64_t n = (uint64_t)order->n_local;
    comm_sum_u64(order->comm, &n, 1);
    order->n = (int64_t)n;
}

void order_free(struct order *order)
{
    for (int l = 0; l < ORGANISM_LAYERS_MAX; l++) memory_free(order->key[l]);
    memory_free(order->sorted);
    *order = (struct order){0};
}

/* How many of this rank's keys are smaller. */
static uint64_t smaller(const struct order *order, uint64_t bound)
{
    return (uint64_t)spread_below(order->n_local, order->sorted, bound);
}

void order_bounds(const struct order *order, int64_t n, const int64_t *counts, uint64_t *bounds)
{
    uint64_t *found = memory_new(n, sizeof *found);
    memset(bounds, 0, (size_t)n * sizeof *bounds);
    /* Bit by bit, the largest bound below which there are fewer keys than wanted; the next one is the answer.
     */
    for (int bit = 63; bit >= 0; bit--) {
        for (int64_t i = 0; i < n; i++) found[i] = smaller(order, bounds[i] | (uint64_t)1 << bit);
        comm_sum_u64(order->comm, found, n);
        for (int64_t i = 0; i < n; i++)
            if ((int64_t)found[i] < counts[i]) bounds[i] |= (uint64_t)1 << bit;
    }
    for (int64_t i = 0; i < n; i++) bounds[i] += counts[i] > 0;
    memory_free(found);
}

uint8_t **order_types(struct organism *organism, float epsilon, int64_t counts[TYPE_COUNT])
{
    int64_t ignored[TYPE_COUNT];
    uint8_t **types = memory_new(organism->shape.layers, sizeof *types);
    for (int l = 0; l < organism->shape.layers; l++)
        types[l] = memory_new(layer_owned(&organism->layer[l]), 1);
    organism_census(organism, epsilon, counts ? counts : ignored, types);
    return types;
}

void order_types_free(uint8_t **types, const struct organism *organism)
{
    for (int l = 0; l < organism->shape.layers; l++) memory_free(types[l]);
    memory_free(types);
}
