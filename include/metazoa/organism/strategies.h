/*
 * In which order connections are pruned, and which of them the first m are. A strategy gives every particle a
 * key; by layer, the same share of each layer is pruned. For pruning.score (train/pruning.h) and probe
 * dropout.
 */
#ifndef METAZOA_ORGANISM_STRATEGIES_H
#define METAZOA_ORGANISM_STRATEGIES_H

#include "metazoa/organism/order.h"

/* What the keys are made from. Particles are looked at where they lie: a position of a layer. */
struct material {
    /* Of the network that is pruned: */
    const struct organism *organism;
    /* [edges]: mean square of each input of a layer over the training data */
    double *square[ORGANISM_LAYERS_MAX];
    /* [owned]: gradient of the loss over the training data, up to a common factor */
    double *gradient[ORGANISM_LAYERS_MAX];
    /* Of the organism, whose positions are also used on the conventional network; borrowed: */
    uint8_t *const *types;
    float *const *movement; /* by one self-application */
    float epsilon;
    /* Of orders by chance: */
    uint64_t seed;
    enum random_purpose purpose;
    int64_t draw;
};

/* Collective. Measures squares and gradients of a network over the training samples of the task as they are
 * now. A pending task step is lost. material_free (local) frees what this has measured. */
void material_measure(struct material *material, struct organism *network, const struct task *task);
void material_free(struct material *material);

/* Local. By how much self-application moves each particle: [layer] -> [owned]. Free with movements_free. */
float **movements_new(const struct organism *organism);
void movements_free(float **movement, const struct organism *organism);

#define STRATEGIES(X)                                                                                        \
    X(STRATEGY_REPLICATORS, "replicators")                                                                   \
    X(STRATEGY_MAGNITUDE, "magnitude")                                                                       \
    X(STRATEGY_ACTIVITY, "activity")                                                                         \
    X(STRATEGY_GRADIENT, "gradient")                                                                         \
    X(STRATEGY_TAYLOR, "taylor")                                                                             \
    X(STRATEGY_MAGNITUDE_LAYERS, "magnitude_layers")                                                         \
    X(STRATEGY_ACTIVITY_LAYERS, "activity_layers")                                                           \
    X(STRATEGY_GRADIENT_LAYERS, "gradient_layers")                                                           \
    X(STRATEGY_TAYLOR_LAYERS, "taylor_layers")                                                               \
    X(STRATEGY_RANDOM, "random")                                                                             \
    X(STRATEGY_TYPES, "types")
enum strategy { STRATEGIES(WORDS_VALUE) STRATEGY_COUNT };
extern const char *const strategy_words[];

struct strategy_row {
    const char *description;
    order_key *key;
    bool by_layer;
    bool drawn;      /* differs from draw to draw */
    bool replicates; /* by types or movements: without meaning for a network whose edges do not replicate */
    bool data;       /* by squares or gradients */
};
extern const struct strategy_row strategy_table[STRATEGY_COUNT];

/* The first counts[i] particles in a strategy's order, for i = 0 ... n - 1: pruned ones (FIELD_PRUNED)
 * come first. */
struct ranking {
    const struct organism *organism;
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
