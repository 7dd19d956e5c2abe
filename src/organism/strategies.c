#include "metazoa/organism/strategies.h"

#include <math.h>
#include <string.h>

#include "metazoa/base/memory.h"
#include "metazoa/particle/mask.h"

/* ---- what the keys are made from ---- */

const char *const strategy_words[] = {STRATEGIES(WORDS_TEXT) NULL};

void material_measure(struct material *material, struct organism *network, const struct task *task)
{
    struct tally ignored = {0};
    material->organism = network;
    for (int l = 0; l < network->shape.layers; l++) {
        material->square[l] = memory_new(shape_edges(&network->shape, l), sizeof(double));
        material->gradient[l] = memory_new(layer_owned(&network->layer[l]), sizeof(double));
    }
    organism_refresh(network);
    organism_mean_squares(network, &task->train, material->square);
    organism_learn(network, task, 0, task->train.samples, &ignored);
    for (int l = 0; l < network->shape.layers; l++) {
        const int64_t owned = layer_owned(&network->layer[l]);
        if (owned > 0)
            memcpy(material->gradient[l], network->layer[l].gradient_owned, (size_t)owned * sizeof(double));
    }
    organism_refresh(network); /* drops the pending task step */
}

void material_free(struct material *material)
{
    for (int l = 0; l < ORGANISM_LAYERS_MAX; l++)
        memory_free(material->square[l]), memory_free(material->gradient[l]);
}

float **movements_new(const struct organism *organism)
{
    float **movement = memory_new(organism->shape.layers, sizeof *movement);
    for (int l = 0; l < organism->shape.layers; l++) {
        const struct layer *layer = &organism->layer[l];
        const int64_t groups = layer_owned_groups(layer);
        movement[l] = memory_new(groups * LANES, sizeof *movement[l]);
        particle_movement(&organism->shape.particle, groups, layer->field[FIELD_WEIGHTS], movement[l]);
    }
    return movement;
}

void movements_free(float **movement, const struct organism *organism)
{
    for (int l = 0; movement && l < organism->shape.layers; l++) memory_free(movement[l]);
    memory_free(movement);
}

/* ---- keys ---- */

/* The self-replicators first, the ones that self-application moves least before the others; then all others,
 * likewise. */
static uint64_t by_replication(const void *context, int l, int64_t position, int64_t id)
{
    const struct material *m = context;
    float movement = m->movement[l][position];
    if (m->types[l][position] != TYPE_SELF_REPLICATOR && movement <= m->epsilon)
        movement = nextafterf(m->epsilon, 1);
    return order_value(movement, id);
}

static double weight_of(const struct material *m, int l, int64_t position)
{
    return fabs((double)layer_effective(&m->organism->layer[l])[position]);
}

static uint64_t by_magnitude(const void *context, int l, int64_t position, int64_t id)
{
    return order_value((float)weight_of(context, l, position), id);
}

/* How much the connection sends on: |w| times the root mean square of its input. */
static uint64_t by_activity(const void *context, int l, int64_t position, int64_t id)
{
    const struct material *m = context;
    int layer;
    int64_t cell, edge;
    organism_particle_place(&m->organism->shape, id, &layer, &cell, &edge);
    return order_value((float)(weight_of(m, l, position) * sqrt(m->square[l][edge])), id);
}

static uint64_t by_gradient(const void *context, int l, int64_t position, int64_t id)
{
    const struct material *m = context;
    return order_value((float)fabs(m->gradient[l][position]), id);
}

/* The change of the loss to first order when the weight becomes 0: |w| times the gradient's size. */
static uint64_t by_taylor(const void *context, int l, int64_t position, int64_t id)
{
    const struct material *m = context;
    return order_value((float)(weight_of(m, l, position) * fabs(m->gradient[l][position])), id);
}

static uint64_t by_chance(const void *context, int l, int64_t position, int64_t id)
{
    const struct material *m = context;
    (void)l, (void)position;
    return order_random(m->seed, m->purpose, m->draw, id);
}

/* Type by type, by chance within a type. */
static uint64_t by_type(const void *context, int l, int64_t position, int64_t id)
{
    static const uint64_t rank[TYPE_COUNT] = {[TYPE_ZERO] = 0,
                                              [TYPE_SELF_REPLICATOR] = 1,
                                              [TYPE_SECONDARY] = 2,
                                              [TYPE_OTHER] = 3,
                                              [TYPE_DIVERGENT] = 4};
    const uint64_t chance = by_chance(context, l, position, id), low = ((uint64_t)1 << 33) - 1;
    /* 30 random bits above the id: the lowest three make room for the type. */
    return rank[((const struct material *)context)->types[l][position]] << 60 | (chance >> 36) << 33 |
           (chance & low);
}

const struct strategy_row strategy_table[STRATEGY_COUNT] = {
    [STRATEGY_REPLICATORS] =
        {"the organism's self-replicators first, the ones that self-application moves least before the "
         "others, then all others; on the conventional network the same positions in the same order",
         by_replication, .replicates = true},
    [STRATEGY_MAGNITUDE] =
        {.description =
             "smallest |w| first: absolute effective weight, or weight, over all layers (global l1 norm)",
         .key = by_magnitude},
    [STRATEGY_ACTIVITY] = {"smallest |w| rms(x) first, x: the connection's input over the training data",
                           by_activity, .data = true},
    [STRATEGY_GRADIENT] =
        {"smallest |g| first, g: gradient of the loss over the training data with respect to w", by_gradient,
         .data = true},
    [STRATEGY_TAYLOR] = {"smallest |w g| first", by_taylor, .data = true},
    [STRATEGY_MAGNITUDE_LAYERS] = {"as magnitude, the same share of each layer", by_magnitude,
                                   .by_layer = true},
    [STRATEGY_ACTIVITY_LAYERS] = {"as activity, the same share of each layer", by_activity, .by_layer = true,
                                  .data = true},
    [STRATEGY_GRADIENT_LAYERS] = {"as gradient, the same share of each layer", by_gradient, .by_layer = true,
                                  .data = true},
    [STRATEGY_TAYLOR_LAYERS] = {"as taylor, the same share of each layer", by_taylor, .by_layer = true,
                                .data = true},
    [STRATEGY_RANDOM] = {"by chance, a draw per row", by_chance, .drawn = true},
    [STRATEGY_TYPES] = {"zero, self_replicator, secondary, other, divergent, by chance within a type, a draw "
                        "per row; on the "
                        "conventional network the same positions in the same order",
                        by_type, .drawn = true, .replicates = true},
};

/* ---- orders ---- */

struct living {
    order_key *key;
    const struct material *material;
    int layer; /* -1: all */
};

/* Whether a particle is pruned already. */
static bool is_pruned(const struct organism *organism, int l, int64_t position)
{
    return mask_has(organism->layer[l].field[FIELD_PRUNED], position);
}

static uint64_t of_living(const void *context, int l, int64_t position, int64_t id)
{
    const struct living *living = context;
    const bool wanted = living->layer < 0 || l == living->layer;
    return wanted && !is_pruned(living->material->organism, l, position)
               ? living->key(living->material, l, position, id)
               : ORDER_NONE;
}

/* m particles for the layers that are marked: their shares differ by less than one particle, and they add
 * up to m. */
static void share_out(const int64_t *particles, const bool *marked, int layers, int64_t m, int64_t *share)
{
    int64_t all = 0, begin = 0;
    for (int l = 0; l < layers; l++) all += marked[l] ? particles[l] : 0;
    for (int l = 0; l < layers; l++) {
        if (!marked[l]) continue;
        const double part = (double)m / (double)all;
        const int64_t end = begin + particles[l];
        share[l] = (int64_t)floor((double)end * part + 0.5) - (int64_t)floor((double)begin * part + 0.5);
        begin = end;
    }
}

/* The particles of each order that are pruned when m are: the same share of each layer. What is pruned
 * already stays so: a layer with more than its share keeps what it has, and the others share the rest. */
static void divide(const int64_t *particles, const int64_t *pruned, int layers, int64_t m, int64_t *share)
{
    bool marked[ORGANISM_LAYERS_MAX];
    memset(marked, true, sizeof marked);
    for (bool kept = true; kept;) {
        share_out(particles, marked, layers, m, share);
        kept = false;
        for (int l = 0; l < layers; l++) {
            if (!marked[l] || share[l] >= pruned[l]) continue;
            marked[l] = false;
            share[l] = pruned[l];
            m -= pruned[l];
            kept = true;
        }
        if (m < 0) m = 0;
    }
}

void ranking_new(struct ranking *ranking, const struct material *material, enum strategy strategy, int64_t n,
                 const int64_t *counts)
{
    const struct strategy_row *row = &strategy_table[strategy];
    const struct organism *organism = material->organism;
    const struct organism_shape *shape = &organism->shape;
    int64_t particles[ORGANISM_LAYERS_MAX], pruned[ORGANISM_LAYERS_MAX], share[ORGANISM_LAYERS_MAX];
    *ranking = (struct ranking){.organism = organism, .n_orders = row->by_layer ? shape->layers : 1, .n = n};
    const int orders = ranking->n_orders;
    ranking->bounds = memory_new(orders * n, sizeof *ranking->bounds);
    int64_t *living = memory_new(orders * n, sizeof *living);
    for (int k = 0; k < orders; k++) {
        const struct living of = {row->key, material, row->by_layer ? k : -1};
        order_new(&ranking->order[k], organism, of_living, &of);
        particles[k] = row->by_layer ? organism_layer_particles(shape, k) : organism_particles(shape);
        pruned[k] = particles[k] - ranking->order[k].n;
    }
    for (int64_t i = 0; i < n; i++) {
        divide(particles, pruned, orders, counts[i], share);
        for (int k = 0; k < orders; k++) living[k * n + i] = share[k] - pruned[k];
    }
    for (int k = 0; k < orders; k++)
        order_bounds(&ranking->order[k], n, living + k * n, ranking->bounds + k * n);
    memory_free(living);
}

void ranking_free(struct ranking *ranking)
{
    for (int k = 0; k < ranking->n_orders; k++) order_free(&ranking->order[k]);
    memory_free(ranking->bounds);
}

bool ranking_has(const struct ranking *ranking, int64_t i, int layer, int64_t position)
{
    const int k = ranking->n_orders > 1 ? layer : 0;
    return is_pruned(ranking->organism, layer, position) ||
           ranking->order[k].key[layer][position] < ranking->bounds[k * ranking->n + i];
}
