/*
 * Shape of an organism: a feed-forward network whose every edge is a particle (paper, section 4). Layer l is
 * a matrix of cells[l + 1] cells x cells[l] edges of particles, one more with `bias`; a cell sums its
 * particles' outputs. The matrix is cut into canonical blocks: cells and edges into parts of at most `block`;
 * a batch into canonical chunks of at most `chunk` samples. The cuts depend on the configuration alone, never
 * on ranks.
 */
#ifndef METAZOA_ORGANISM_SHAPE_H
#define METAZOA_ORGANISM_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

#include "metazoa/base/words.h"
#include "metazoa/particle/shape.h"

/* Activation functions. To add one: a row here, and its functions in the table of organism/activation.c. */
#define ACTIVATIONS(X) X(ACTIVATION_LINEAR, "linear") X(ACTIVATION_GELU, "gelu")
enum activation { ACTIVATIONS(WORDS_VALUE) ACTIVATION_COUNT };
extern const char *const activation_words[];

/* Local. The activation of one number, computed from its definition: for tests and for measure/literal.h. The
 * passes use a vectorised version. */
float activation_plain(enum activation activation, float z);

/* Initial weights: by the size of a particle alone, or scaled by the size of the organism's layer too. */
#define STARTS(X) X(START_PARTICLE, "particle") X(START_LAYER, "layer")
enum organism_start { STARTS(WORDS_VALUE) };
extern const char *const organism_start_words[];

enum loss { LOSS_MSE, LOSS_CROSS_ENTROPY };

enum { ORGANISM_LAYERS_MAX = 32 };

/* A block of at most this many cells is multiplied by the narrow product, whose vectors lie along the edges
 * (organism/product.h): it is faster for few cells, as measured. */
enum { ORGANISM_NARROW = 16 };

/* An organism as it is configured: all of its shape but inputs, outputs and loss, which the task decides. */
struct organism_spec {
    int n_hidden;
    int32_t hidden[ORGANISM_LAYERS_MAX - 1]; /* cells of each hidden layer */
    enum activation activation;
    enum edges edges;
    enum organism_start start;
    bool residual, bias;
    int width, layers;    /* of a particle */
    bool affine;          /* particles have biases: edges are of the kind `affine` */
    int32_t block, chunk; /* see organism_shape */
};

struct organism_shape {
    int layers;                             /* layers of particles */
    int32_t cells[ORGANISM_LAYERS_MAX + 1]; /* inputs, hidden ..., outputs */
    enum activation activation;             /* after every layer but the last */
    enum loss loss;
    bool residual; /* square hidden layers: output = activation(A x + x) */
    bool bias;     /* every cell has one more edge, the last one, which reads the constant 1 */
    bool scaled;   /* initial effective weights as small as a conventional network's, see organism_draw */
    int32_t block; /* cells and edges of a block, at most */
    int32_t chunk; /* samples of a chunk, at most */
    struct particle_shape particle;
};

struct task;

/* Local. The shape of a configured organism for a task that is open. */
struct organism_shape organism_shape_new(const struct organism_spec *spec, const struct task *task);

/* Local. Whether two organisms have the same particles in the same places, whatever their activation, loss
 * and blocks. */
bool organism_shape_same(const struct organism_shape *a, const struct organism_shape *b);

/* Local. Whether the input of layer l is added to its output. */
bool shape_residual(const struct organism_shape *shape, int l);

/* Local. The edges of a cell of layer l: one for each input, and the bias. */
int32_t shape_edges(const struct organism_shape *shape, int l);

/* Local. Particles in a layer, in all; the global id of particle (l, c, e): layer by layer, row-major. */
int64_t organism_layer_particles(const struct organism_shape *shape, int layer);
int64_t organism_particles(const struct organism_shape *shape);
int64_t organism_particle_id(const struct organism_shape *shape, int layer, int64_t cell, int64_t edge);

/* Local. The inverse: layer, cell and edge of a global id. */
void organism_particle_place(const struct organism_shape *shape, int64_t id, int *layer, int64_t *cell,
                             int64_t *edge);

#endif
