/*
 * Particle: a linear network R^5 -> R without bias, layer sizes 5, w, ..., w, 1 (paper, section 3; its
 * 5-3-3-1 has width 3, 3 layers, 27 weights). Weights are ordered layer by layer, row-major [cell][edge].
 * An affine particle also has biases: the bias of a cell is its last edge.
 * `layers` = 0 means a scalar: one weight that is its own effective weight, the edge of a conventional
 * network.
 */
#ifndef METAZOA_PARTICLE_SHAPE_H
#define METAZOA_PARTICLE_SHAPE_H

#include <stdint.h>

#include "metazoa/base/words.h"

enum {
    PARTICLE_INPUTS = 5,
    PARTICLE_WIDTH_MAX = 16,
    PARTICLE_LAYERS_MIN = 2,
    PARTICLE_LAYERS_MAX = 4,
    PARTICLE_WEIGHTS_MAX = (PARTICLE_INPUTS + 1) * PARTICLE_WIDTH_MAX +
                           (PARTICLE_LAYERS_MAX - 2) * PARTICLE_WIDTH_MAX * (PARTICLE_WIDTH_MAX + 1) +
                           PARTICLE_WIDTH_MAX + 1,
    PARTICLE_SHOWN_MAX = 2, /* numbers that an edge shows to the passes, at most */
    LANES = 16 /* particles side by side in a vector: the unit in which particles are stored and divided */
};

/* What an edge of an organism is: the words of organism.edges (see kind.h). */
#define EDGES(X) X(EDGES_PARTICLE, "particle") X(EDGES_SCALAR, "scalar") X(EDGES_AFFINE, "affine")
enum edges { EDGES(WORDS_VALUE) EDGES_COUNT };
extern const char *const edges_words[];

struct particle_shape {
    enum edges kind;
    int width;  /* 1 .. PARTICLE_WIDTH_MAX */
    int layers; /* PARTICLE_LAYERS_MIN .. PARTICLE_LAYERS_MAX; 0: scalar */
    int bias;   /* 1: every cell has a bias; 0 */
    int shown; /* numbers that an edge shows to the passes: w, or w and c, as it makes w x + c of x (kind.h) */
    int weights; /* number of weights of a particle */
    /* Positions of each weight, (layer, cell, edge) index over its maximum + 1e-8: columns 1 to 3 of its
     * input row. */
    float layer_at[PARTICLE_WEIGHTS_MAX];
    float cell_at[PARTICLE_WEIGHTS_MAX];
    float edge_at[PARTICLE_WEIGHTS_MAX];
};

/*
 * Local. The address of a number: particles lie LANES side by side in arrays [groups][values][LANES], so
 * value `i` of the particle at a position (group * LANES + lane) is at this index. The next value of the same
 * particle is LANES further on. The passes lay out the features of samples in the same way.
 */
static inline int64_t particle_index(int64_t position, int values, int i)
{
    return (position / LANES * values + i) * LANES + position % LANES;
}

/* Local. n rounded up to whole groups. */
static inline int64_t lanes_round(int64_t n)
{
    return (n + LANES - 1) / LANES * LANES;
}

/* Local. Copies the values of one particle: row [values] from and to such an array. */
static inline void particle_row_get(float *row, const float *array, int64_t position, int values)
{
    const float *first = array + particle_index(position, values, 0);
    for (int i = 0; i < values; i++) row[i] = first[i * LANES];
}

static inline void particle_row_put(float *array, int64_t position, int values, const float *row)
{
    float *first = array + particle_index(position, values, 0);
    for (int i = 0; i < values; i++) first[i * LANES] = row[i];
}

/* Local. The shape of the first kind that has particles of this width and number of layers; some kind must
 * (assertion). */
struct particle_shape particle_shape_new(int width, int layers);

/* Local. Sizes of weight layer k: its cells (rows) and edges (columns, with a bias). */
int particle_cells(const struct particle_shape *shape, int k);
int particle_edges(const struct particle_shape *shape, int k);

/* Local. Initial weights of the particle with this global id: out[weights]. layer_bound: see kind.h. */
void particle_draw(float *out, const struct particle_shape *shape, uint64_t seed, int purpose, int64_t epoch,
                   uint64_t id, float layer_bound);

#endif
