/*
 * A group: LANES particles that live outside of an organism and train themselves with its optimizer and rates, as they are
 * written: a schedule follows the epochs of a run. For probes.
 * All functions are local.
 */
#ifndef METAZOA_SRC_MEASURE_GROUP_H
#define METAZOA_SRC_MEASURE_GROUP_H

#include "metazoa/organism/organism.h"
#include "metazoa/particle/kernel.h"
#include "metazoa/particle/state.h"

struct group {
    const struct particle_shape *shape; /* not owned */
    const struct training *training;    /* not owned */
    float *field[FIELD_COUNT];          /* owned; NULL: not held */
    _Alignas(64) float effective[PARTICLE_SHOWN_MAX * LANES];
    _Alignas(64) float loss[LANES];
};

/* Particles of the organism's shape, trained as it trains its own. Free with group_free. */
void group_new(struct group *group, const struct organism *organism);
void group_free(struct group *group);

/* Sets all but the weights to zero, as at the start of training. */
void group_reset(struct group *group);

/* New random particles, with the ids first, first + 1, ...; then as group_reset. They are the same ones for
 * every probe of a run. */
void group_draw(struct group *group, uint64_t seed, int64_t first);

/* Self-training steps, in portions as large as between two task steps of the run (which matters where the
 * momentum starts anew in each batch). */
void group_train(struct group *group, int64_t steps);

/*
 * Trains likewise, with a census after every GROUP_CENSUS steps (rounded up to whole portions) and at the end.
 *   types   [LANES], in the end
 *   found   [LANES], the number of steps after which a census first found a self-replicator; 0: none did
 */
enum { GROUP_CENSUS = 50 };
void group_watch(struct group *group, float epsilon, int64_t steps, uint8_t types[LANES],
                 int64_t found[LANES]);

#endif
