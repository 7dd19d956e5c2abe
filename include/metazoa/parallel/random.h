/*
 * Random numbers without state: Philox 4x32-10 (Random123) as a function of seed, purpose, epoch, id and
 * counter. The same arguments give the same numbers on every rank. Local.
 */
#ifndef METAZOA_PARALLEL_RANDOM_H
#define METAZOA_PARALLEL_RANDOM_H

#include <stdint.h>

enum random_purpose {
    RANDOM_WEIGHTS = 1, /* initial weights; id: particle */
    RANDOM_SHUFFLE,     /* order of the training samples; id: 0 */
    RANDOM_TRAIN,       /* generated training samples; id: sample */
    RANDOM_TEST,        /* generated test samples; id: sample */
    RANDOM_NOISE_TRAIN, /* noise on loaded training samples; id: sample */
    RANDOM_NOISE_TEST,  /* noise on loaded test samples; id: sample */
    RANDOM_PROBE,       /* probes; id: particle */
    RANDOM_RESET,       /* new weights for divergent particles; id: particle */
    RANDOM_SUBSET,      /* which particles are archived; id: particle */
    RANDOM_INTERACT,    /* interaction of particles; id: particle, see organism/interact.h */
    RANDOM_WALKER,      /* which particles of an archive have random walks beside them; id: walker */
    RANDOM_WALK,        /* these walks; epoch: walk, id: particle in the archive */
    RANDOM_PRUNE,       /* which particles are pruned, by chance; id: particle */
    RANDOM_REGROW,      /* which pruned particles come back; id: particle */
    RANDOM_REGROWN      /* their new weights; id: particle */
};

struct random_stream {
    uint32_t key[2];
    uint32_t counter[4]; /* counter[0] counts blocks of four words */
};

/* A stream of its own for (seed, purpose, epoch, id). epoch < 2^24, id < 2^64 - 1. */
struct random_stream random_open(uint64_t seed, enum random_purpose purpose, int64_t epoch, uint64_t id);

/* The next n numbers of the stream. Every call begins with a new block of four words, so two calls of 2
 * numbers give other numbers than one call of 4. */
void random_uniform(struct random_stream *stream, float *out, int n); /* [0, 1) */
void random_normal(struct random_stream *stream, float *out, int n);  /* mean 0, standard deviation 1 */
void random_words(struct random_stream *stream, uint32_t *out, int n);

/* out: a permutation of 0 .. n-1, equal on all ranks. */
void random_permutation(uint64_t seed, int64_t epoch, int64_t n, int64_t *out);

#endif
