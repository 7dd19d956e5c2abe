/*
 * The state of a particle: the numbers that training changes, as one table of fields. Memory, checkpoints,
 * --init, verification, fingerprints and estimates of sizes loop over the table; to add a field, add a value
 * to the enum and a row to the table in state.c.
 *
 * In memory a field is an array [groups][values][LANES], like the weights; in a checkpoint it is the dataset
 * /layers/<l>/<name> with the axes cell, edge, value. The order of the fields is the order in which they
 * enter the fingerprint: new fields go to the end. All functions are local.
 */
#ifndef METAZOA_PARTICLE_STATE_H
#define METAZOA_PARTICLE_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "metazoa/particle/kernel.h"
#include "metazoa/particle/shape.h"

enum state_field {
    FIELD_WEIGHTS,
    FIELD_VELOCITY_TASK,
    FIELD_VELOCITY_SELF,
    FIELD_PRUNED, /* 1: the particle is pruned (mask.h), 0: it lives */
    FIELD_KEPT,   /* the weights to which pruning goes back */
    FIELD_SQUARES_TASK,
    FIELD_SQUARES_SELF,
    FIELD_AGE_TASK,
    FIELD_AGE_SELF,
    FIELD_COUNT
};

/* What the self-training has of the task: its optimizer, its rate. Its momentum, beta and eps are always the
 * task's. */
enum { OPTIMIZER_SAME = OPTIMIZER_COUNT };
#define RATE_SAME (-1.0f)
extern const char *const optimizer_words[], *const self_optimizer_words[]; /* the latter end with "same" */

/* How particles are trained. */
struct training {
    struct descent task, self;
    enum momentum_buffers buffers;
    int self_steps; /* self-training steps of each batch */
    enum self_weights self_weights;
    bool prunes, rewinds; /* particles are pruned; those that live then go back to earlier weights */
};

/* The sweeps of a training, without steps yet. */
struct sweep training_sweep(const struct training *training);

/* A field's row in the table. Every field is drawn as zero, except the weights. */
struct state_row {
    const char *name;        /* of its dataset */
    const char *description; /* and units, for the dataset's attributes */
    const char *units;
    int values;                          /* numbers per particle; 0: one for each weight */
    const char *axis, *axis_description; /* in files, of more than one number: NULL is the axis of weights */
    bool stays;                          /* when the particle's weights are replaced (layer_clear) */
    /* Whether particles of this shape have the field when they are trained so; see state_held. */
    bool (*held)(const struct particle_shape *shape, const struct training *training);
};

extern const struct state_row state_table[FIELD_COUNT];

/* Whether a run holds the field. training NULL: whether a run with any training could, which is what a reader
 * asks that knows a file's shapes, but not its configuration. */
bool state_held(enum state_field field, const struct particle_shape *shape, const struct training *training);

/* The bytes per particle of all fields that a run holds. */
int64_t state_bytes(const struct particle_shape *shape, const struct training *training);

/* Numbers per particle of a field: the size of its array's second axis. */
static inline int state_values(enum state_field field, const struct particle_shape *shape)
{
    return state_table[field].values ? state_table[field].values : shape->weights;
}

#endif
