/*
 * Kinds of particles: what an edge of an organism can be. One table of operations. Code outside of
 * src/particle calls these and does not test for one kind. (organism_compile only compares the kinds of two
 * organisms.)
 *
 *   particle   linear network R^5 -> R (shape.h): src/particle/shape.c, response.c, sweep.c, project.c
 *   scalar     one number, the edge of a conventional network: src/particle/scalar.c
 *   affine     linear network with biases: src/particle/affine.c, and the files of `particle`
 *
 * To add a kind: a word in EDGES (shape.h), at the end; a struct particle_kind in a file of its own; a row in
 * kind.c. docs/extending.md has an example. Files describe a kind by width and layers, and by its word if an
 * earlier kind has particles of the same width and layers (store/head.c).
 *
 * The seam to the passes. A kind shows one or two numbers per edge to the organism's passes (shape.shown), as
 * it makes w x or w x + c of its input x: the effective weight w and the constant c. A sweep writes them and
 * reads their gradients. So a block of edges is a matrix, a pass is a matrix product, and the constants of a
 * cell are one number (organism/constants.h). A non-linear particle would show all weights that its fifth
 * input reaches. It would need more of these numbers, and an evaluation edge by edge beside
 * organism/product.c. The other operations do not assume that a particle is linear, and those that only some
 * kinds have may be NULL.
 *
 * All operations are local. They read and write only their arguments: draw, scale, sweep, apply_by,
 * learn and project change arrays in place. Arrays are [groups][values][LANES] (particle_index); draw,
 * scale and auxiliary take the weights of one particle, a plain row. Arrays of LANES are aligned to 64 bytes,
 * as memory_new does it; on the stack write _Alignas(64).
 */
#ifndef METAZOA_PARTICLE_KIND_H
#define METAZOA_PARTICLE_KIND_H

#include <stdbool.h>
#include <stdint.h>

#include "metazoa/particle/kernel.h"
#include "metazoa/particle/shape.h"

struct particle_kind {
    /* Whether it can be applied to itself and to others. If not, it has no self-training and no state for it,
     * does not interact, and probes of replication refuse it. */
    bool replicates;

    /* Whether particles of this width and number of layers exist, and their shape. */
    bool (*fits)(int64_t width, int64_t layers);
    struct particle_shape (*shape)(int width, int layers);
    void (*describe)(const struct particle_shape *shape, char *out, size_t room);

    /* Initial weights. `draw`: out[weights] holds numbers uniform in [0, 1), which it replaces by weights.
     * layer_bound: sqrt(6 / (cells + edges)) of the organism's layer, for kinds whose weights depend on it.
     * `scale` changes a drawn particle of a layer of cells x edges, so that its effective weight has the
     * variance of a conventional network's, 2 / (cells + edges). */
    void (*draw)(float *out, const struct particle_shape *shape, float layer_bound);
    void (*scale)(float *weights, const struct particle_shape *shape, int32_t cells, int32_t edges);

    /* The functions of kernel.h and census.h that have these names. */
    void (*sweep)(const struct particle_shape *shape, const struct sweep *sweep, int64_t groups,
                  float *const field[], float *effective, const double *gradient, float *loss);
    void (*auxiliary)(const struct particle_shape *shape, const float *weights, const float *x, float *out);
    void (*apply_by)(const struct particle_shape *shape, int64_t groups, float *weights, const float *by);
    /* Learning from others by four numbers of theirs; NULL: this kind cannot (config/rules.c refuses it). */
    void (*moments)(const struct particle_shape *shape, int64_t groups, const float *weights, float *out);
    void (*learn)(const struct particle_shape *shape, const struct sweep *sweep, int64_t groups,
                  float *weights, const float *moments);
    void (*project)(const struct particle_shape *shape, int64_t groups, float *weights,
                    const float *effective); /* project.h; NULL: there is no such change */
    void (*movement)(const struct particle_shape *shape, int64_t groups, const float *weights, float *out);
    void (*census)(const struct particle_shape *shape, int64_t groups, const float *weights, float epsilon,
                   uint8_t *types);
};

extern const struct particle_kind *const particle_kinds[EDGES_COUNT];

static inline const struct particle_kind *particle_kind(const struct particle_shape *shape)
{
    return particle_kinds[shape->kind];
}

/* The first kind that has particles of this width and number of layers, or -1 if none has. */
int particle_kind_find(int64_t width, int64_t layers);

/* The first kind whose particles can be projected onto self-replicators (project.h); EDGES_COUNT: none. */
int particle_kind_projected(void);

/* A plural noun for messages, such as "particles of width 3 and 3 layers, 27 weights each". */
void particle_describe(const struct particle_shape *shape, char *out, size_t room);

#endif
