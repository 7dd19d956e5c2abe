#include "replicators.h"

#include "metazoa/organism/order.h"

struct choice {
    const struct organism *organism;
    const struct order *order;
    uint64_t bound;
};

static bool take_chosen(const void *context, int l, int64_t position, int64_t id, void *row)
{
    const struct choice *choice = context;
    (void)id;
    if (choice->order->key[l][position] >= choice->bound) return false;
    whole_weights(choice->organism, l, position, row);
    return true;
}

struct types_and_seed {
    uint8_t *const *types;
    uint64_t seed;
};

static uint64_t replicators_at_random(const void *context, int l, int64_t position, int64_t id)
{
    const struct types_and_seed *c = context;
    return c->types[l][position] == TYPE_SELF_REPLICATOR ? order_random(c->seed, RANDOM_PROBE, 0, id)
                                                         : ORDER_NONE;
}

void replicators_collect(struct whole *whole, struct subject *subject, int64_t most, int64_t *available)
{
    struct organism *organism = &subject->organism;
    uint8_t **types = order_types(organism, (float)subject->config->measure.epsilon, NULL);
    const struct types_and_seed context = {types, (uint64_t)subject->config->run.seed};
    struct order order;
    order_new(&order, organism, replicators_at_random, &context);
    *available = order.n;
    const int64_t wanted = order.n < most ? order.n : most;
    struct choice choice = {.organism = organism, .order = &order};
    order_bounds(&order, 1, &wanted, &choice.bound);
    whole_collect(whole, organism, (size_t)organism->shape.particle.weights * sizeof(float), take_chosen,
                  &choice);
    order_free(&order);
    order_types_free(types, organism);
}
