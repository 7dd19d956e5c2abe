/*
 * The null model: random walks beside some of the particles, the walkers. A walk starts where its particle
 * starts; each of its steps is as long as the particle's, in a direction drawn evenly from the sphere (a step
 * whose length is not finite is none). A walk depends on the particle's trajectory, its place in the archive,
 * the seed and the number of the walk alone. Local.
 */
#ifndef METAZOA_ANALYSE_WALKS_H
#define METAZOA_ANALYSE_WALKS_H

#include "source.h"

/* The walkers of an archive: one at random from each of as many equal shares of all particles. */
struct walkers {
    int64_t n;    /* of all layers */
    uint64_t *at; /* [n] ascending: particles before it, over all layers; owned */
};
void walkers_choose(struct walkers *walkers, const struct source *source, const struct pca_spec *spec);
void walkers_free(struct walkers *walkers);

/* The walkers [begin, end) among particles [lo, hi). */
void walkers_among(const struct walkers *walkers, int64_t lo, int64_t hi, int64_t *begin, int64_t *end);

/* The state of the walks beside one particle. */
struct walk {
    int weights;
    int64_t walks;
    uint64_t seed;
    int64_t at;       /* the particle */
    int64_t shown;    /* for the caller: where its scores go; -1: nowhere */
    float *last;      /* [weights] its weights in the record before */
    double *position; /* [walks][weights] */
};

/* Places for the walks beside n particles, one after the other; free the first with memory_free. */
struct walk *walks_new(int64_t n, int weights, const struct pca_spec *spec, const uint64_t *at);

/* Record number `record` of the window, in order; out: [walks][weights]. */
void walk_step(struct walk *walk, int64_t record, const float *row, float *out);

#endif
