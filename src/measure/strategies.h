/*
 * In which order connections are dropped, and which of them the first m are. A strategy gives every particle a key; by
 * layer, the same share of each layer is dropped.
 */
#ifndef METAZOA_SRC_MEASURE_STRATEGIES_H
#define METAZOA_SRC_MEASURE_STRATEGIES_H

#include "metazoa/measure/order.h"
#include "metazoa/measure/probe.h"

/* What the keys are made from. Particles are looked at where they lie: a position of a layer. */
struct material {
    /* Of the network that is pruned: */
    const struct organism *organism;
    /* [edges]: mean square of each input of a layer over the training data */
    double *square[ORGANISM_LAYERS_MAX];
    /* [owned]: gradient of the loss over the training data, up to a common factor */
    double *gradient[ORGANISM_LAYERS_MAX];
    /* Of the organism, whose positions are also used on the conventional network: */
    uint8_t *const *types;
    float *const *movement; /* by one self-application */
    float epsilon;
    uint64_t seed;
    int64_t draw;
};

/* Collective. Measures squares and gradients of a network; `organism`: types and so on. material_free (local) frees the
 * former. */
void material_measure(struct material *material, struct subject *network);
void material_free(struct material *material);

#define STRATEGIES(X)                                                                                        \
    X(REPLICATORS)                                                                                           \
    X(MAGNITUDE)                                                                                             \
    X(ACTIVITY)                                                                                              \
    X(GRADIENT)                                                                                              \
    X(TAYLOR)                                                                                                \
    X(MAGNITUDE_LAYERS)                                                                                      \
    X(ACTIVITY_LAYERS)                                                                                       \
    X(GRADIENT_LAYERS)                                                                                       \
    X(TAYLOR_LAYERS)                                                                                         \
    X(RANDOM)                                                                                                \
    X(TYPES)
#define STRATEGY_VALUE(name) STRATEGY_##name,
enum strategy { STRATEGIES(STRATEGY_VALUE) STRATEGY_COUNT };

struct strategy_row {
    const char *name, *description;
    order_key *key;
    bool by_layer;
    bool drawn; /* differs from draw to draw */
};
extern const struct strategy_row strategy_table[STRATEGY_COUNT];

/* The first counts[i] particles in a strategy's order, for i = 0 ... n - 1. */
struct ranking {
    int n_orders; /* 1, or a layer each */
    struct order order[ORGANISM_LAYERS_MAX];
    uint64_t *bounds; /* [n_orders][n] */
    int64_t n;
};

/* Collective. Free with ranking_free. */
void ranking_new(struct ranking *ranking, const struct material *material, enum strategy strategy, int64_t n,
                 const int64_t *counts);
void ranking_free(struct ranking *ranking);

/* Local. Whether the particle at an owned position is among the first counts[i]. */
bool ranking_has(const struct ranking *ranking, int64_t i, int layer, int64_t position);

#endif
