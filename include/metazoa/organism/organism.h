/*
 * Organism: the particles of this rank and the passes over them.
 *
 * Distribution. On a grid batch x rows x columns the blocks of a layer are divided over rows and columns. A
 * rank's local blocks are those of its (row, column). Their groups of LANES particles are divided over the
 * batch axis, so every particle has one owner, which trains, stores and writes it. The effective weights of
 * all local blocks are held by every rank of the batch axis.
 *
 * Local order. The local blocks of a layer are ordered by cell part, then by edge part. In a block, particles
 * are row-major [cell][edge]; zero particles pad it to a multiple of LANES.
 */
#ifndef METAZOA_ORGANISM_ORGANISM_H
#define METAZOA_ORGANISM_ORGANISM_H

#include <stdint.h>

#include "metazoa/organism/shape.h"
#include "metazoa/parallel/exact.h"
#include "metazoa/parallel/grid.h"
#include "metazoa/particle/census.h"
#include "metazoa/particle/kernel.h"
#include "metazoa/particle/state.h"
#include "metazoa/task/task.h"

/* A block of local particles: cells [cell_begin, cell_end) x edges [edge_begin, edge_end) of its layer, of
 * which those from input_end on are biases: one in the blocks of the last edge part, if the organism has
 * biases. */
struct block {
    int32_t cell_begin, cell_end;
    int32_t edge_begin, input_end, edge_end;
    int64_t group_begin, group_end; /* in the layer's local groups */
};

struct layer {
    int32_t cell_parts, edge_parts; /* canonical cuts of the whole layer */
    int32_t cell_part_begin, cell_part_end, edge_part_begin, edge_part_end; /* parts held here */
    int64_t n_blocks; /* local blocks: cell part by cell part, edge parts inside */
    struct block *blocks;
    int64_t groups; /* local groups, of which this rank owns [owned_begin, owned_end) */
    int64_t owned_begin, owned_end;
    int64_t *owner_offsets; /* [batch ranks + 1]: rank i of the batch axis owns groups [offsets[i],
                               offsets[i+1]) */
    float *effective;       /* [groups][LANES]: block b is the matrix [cells][edges] at group_begin * LANES */
    float *constant;        /* likewise, if edges show a constant, too (particle/kind.h); else NULL */
    double *gradient;       /* [groups][LANES]: sum over this rank's samples of d loss / d effective weight */
    double *gradient_owned; /* [owned groups][LANES]: the sum over the whole batch */
    double *
        cell_gradient; /* [cells held]: sum over samples of d loss / d z; NULL without constants (constants.h) */
    double *
        gradient_shown; /* [owned groups][shown][LANES]: of all numbers that edges show; gradient_owned if it is one */
    float *field[FIELD_COUNT]; /* the state: [owned groups][values][LANES]; NULL: not held (state_held) */
};

/*
 * Local. Positions. The particles (and padding) that this rank owns of a layer have the positions
 * 0 .. layer_owned(layer) - 1: group * LANES + lane, counted from the first owned group. State, losses and
 * types are arrays over these positions (particle_index gives the address of a number).
 */
static inline int64_t layer_owned_groups(const struct layer *layer)
{
    return layer->owned_end - layer->owned_begin;
}
static inline int64_t layer_owned(const struct layer *layer)
{
    return layer_owned_groups(layer) * LANES;
}

/* Local. The effective weights of the owned positions; their constants, or NULL. */
static inline float *layer_effective(const struct layer *layer)
{
    return layer->effective + layer->owned_begin * LANES;
}
static inline float *layer_constants(const struct layer *layer)
{
    return layer->constant ? layer->constant + layer->owned_begin * LANES : NULL;
}

/* Local. After the weights of an owned particle were replaced: its other fields, which belonged to the old
 * weights, become zero. */
void layer_clear(struct layer *layer, const struct particle_shape *particle, int64_t position);

struct workspace; /* buffers of the passes: private to the organism */

struct organism {
    struct organism_shape shape;
    struct training training;
    struct grid *grid; /* not owned */
    uint64_t seed;
    struct layer layer[ORGANISM_LAYERS_MAX];
    /* All layers behind each other; the layers point into these. Rank i of the batch axis owns groups
     * [owner_groups[i], owner_groups[i + 1]) of all local groups. */
    int64_t *owner_groups; /* [batch ranks + 1] */
    float *effective, *constant;
    double *gradient, *gradient_owned, *gradient_shown, *cell_gradient;
    int64_t n_cell_gradients; /* cells held of all layers */
    struct rates rates;       /* from now on; 1, 1 at the start */
    bool task_pending;        /* the next sweep takes the task step of the last batch */
    float pending_rate;       /* rates.task of that batch */
    double gradient_scale;    /* of those gradients */
    struct exact_wide
        self_loss; /* of owned particles: sum of the losses before the last self-training step */
    struct workspace *workspace;
};

/* Local. The columns [begin, end) of the task's inputs that a rank of this grid needs: what to pass to
 * task_load. */
void organism_inputs(const struct organism_shape *shape, const struct grid *grid, int32_t *begin,
                     int32_t *end);

/* Local. Computes the layout and allocates; all state is zero. The grid is borrowed until organism_free. */
void organism_new(struct organism *organism, const struct organism_shape *shape,
                  const struct training *training, struct grid *grid, uint64_t seed);
void organism_free(struct organism *organism);

/* Collective. Sets Xavier-uniform weights from the seed, all other state to zero, and the effective weights.
 * If shape.scaled, the weights at each particle's fifth input are scaled, so that the variance of the
 * effective weights is 2 / (cells + edges) in every layer. */
void organism_draw(struct organism *organism);

/* Collective. All ranks of the batch axis get what the owned edges show. organism_sweep does it, too. */
void organism_show(struct organism *organism);

/* Collective. Computes the effective weights again, after other code has changed weights. Drops a pending
 * task step. */
void organism_refresh(struct organism *organism);

/*
 * Collective. One sweep: the pending task step if there is one, then self_steps self-training steps, then the
 * effective weights. Returns the smallest global id of a particle, on any rank, whose effective weight or
 * self-training loss is not finite, or -1. With 0 steps there is no loss: only effective weights are checked.
 * *flags (0 .. 2^20) becomes the largest value of all ranks; it is sent in the same message.
 */
int64_t organism_sweep(struct organism *organism, int self_steps, int *flags);

/*
 * Collective. organism_sweep with 0 steps that also looks at every weight: a weight that is not finite need
 * not show in the effective weight. For the end of an epoch, since it reads all weights once more.
 */
int64_t organism_check(struct organism *organism, int *flags);

/*
 * Collective. New weights (Xavier-uniform, RANDOM_RESET at `when` < 2^24) and zero velocities for every
 * particle with a weight or effective weight that is not finite, then effective weights. Returns their number
 * over all ranks.
 */
int64_t organism_reset_divergent(struct organism *organism, int64_t when);

/*
 * Collective. Every particle with u != 0 becomes a self-replicator by the smallest change of columns 0 to 3
 * of W_1 (particle/project.h). Effective weights keep their bits, so that no output of the organism changes.
 * All state but the weights becomes zero. No task step may be pending (assertion).
 */
void organism_project(struct organism *organism);

/*
 * Collective. The organism becomes one of self-replicators with the function of another one that has the same
 * layers, blocks and grid. If the particles have one shape, they are the other's, projected: every effective
 * weight keeps its bits. Otherwise (the other's edges are scalars, say) particles are drawn from the seed and
 * get its effective weights to the bit (project.h). All state but the weights is zero. Returns the smallest
 * id of a particle whose effective weight is not finite, because the other's is not or is too large; or -1.
 */
int64_t organism_compile(struct organism *organism, const struct organism *other);

/* What a pass measures: sums over the samples of this rank; after organism_tally_sum, over all samples. */
struct tally {
    int64_t samples;
    int64_t correct; /* classification: samples whose largest output is the label */
    struct exact_wide
        loss; /* sum over samples of the loss (cross-entropy; or squared error, mean over outputs) */
    struct exact_wide error; /* regression: sum over samples of the absolute error, mean over outputs */
};

/* Collective. The sum over all ranks. */
void organism_tally_sum(struct organism *organism, struct tally *tally);

/*
 * Collective. Forward and backward pass over one batch, the training samples order[begin, end) of the task.
 * Adds to the tally. Afterwards each owner has the summed gradients of its particles, and the next
 * organism_sweep takes the task step.
 */
void organism_learn(struct organism *organism, const struct task *task, int64_t begin, int64_t end,
                    struct tally *tally);

/* Collective. Forward pass over all samples of a dataset; adds to the tally. */
void organism_evaluate(struct organism *organism, const struct dataset *data, struct tally *tally);

/* Collective. The outputs for samples [begin, end): out [end - begin][outputs], on every rank. */
void organism_outputs(struct organism *organism, const struct dataset *data, int64_t begin, int64_t end,
                      float *out);

/* Collective. The mean squares of what each layer reads over all samples of a dataset: out[l]
 * [edges], on every rank; exact sums. A bias reads 1. */
void organism_mean_squares(struct organism *organism, const struct dataset *data, double *const *out);

/* Collective. Number of particles of each type, and a layer's types [owned groups][LANES] if types[l] is not
 * NULL. */
void organism_census(struct organism *organism, float epsilon, int64_t counts[TYPE_COUNT], uint8_t **types);

/* Collective. The sum of the hashes of all particles, each of its id and all its state fields. The same on
 * every rank, and for every grid and block size. */
uint64_t organism_fingerprint(struct organism *organism);

/* Local. The hash of one particle. field[f]: its row of state field f; NULL: the run does not hold the
 * field. */
uint64_t organism_particle_hash(int64_t id, const struct particle_shape *shape,
                                const float *const field[FIELD_COUNT]);

/*
 * Owned particles in canonical coordinates, for files and probes. A stretch is part of one cell's row:
 * particles (cell, edge .. edge + count - 1), rows [first, first + count) of the exported rows, at `position`
 * and after it in the layer's fields.
 */
struct stretch {
    int64_t cell, edge;
    int64_t count, first, position;
};

/* Local. The owned stretches of a layer in local order; memory_free the result. n_rows: owned particles
 * without padding. */
struct stretch *organism_stretches(const struct organism *organism, int layer, int64_t *n_stretches,
                                   int64_t *n_rows);

/* Local. Copies a state field of all owned particles to and from rows [n_rows][values]. The organism must
 * hold the field (assertion). */
void organism_export(const struct organism *organism, int layer, enum state_field field, float *rows);
void organism_import(struct organism *organism, int layer, enum state_field field, const float *rows);

/* Local. The global id of the particle at an owned position, or -1 for padding. */
int64_t organism_id(const struct organism *organism, int layer, int64_t position);

/* Local. Types [owned groups][LANES] to [n_rows]. */
void organism_export_types(const struct organism *organism, int layer, const uint8_t *types, uint8_t *rows);

#endif
