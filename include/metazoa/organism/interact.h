/*
 * Interaction: in each batch, after the self-training and before the task's pass, particles of a cell change
 * each other (future work of the paper, with the operators of its published code).
 *
 * Meetings. In a batch a particle meets at most one other of its cell: of a cell's edges 0 .. n - 1, edge e
 * meets edge (s - e) mod n, where s in 0 .. n - 1 is drawn for each cell and batch; an edge with e = (s - e)
 * mod n meets no other. So any two particles of a cell meet with probability 1 / n, and no two meetings of a
 * batch have a particle in common.
 *
 * What happens. A meeting is an attack with probability `attack`, a melting with probability `melt`, a lesson
 * with probability `learn`, and otherwise nothing; either of the two is the active one, with probability 1/2.
 * The active particle, with weights u and response a, stays as it is. The weights w of the other one become
 *
 *   attack   w'_i = a0 w_i + a1 L_i + a2 C_i + a3 E_i   u is applied to w; L, C, E: particle/shape.h
 *   melt     w'_i = u_i   for floor(weights / 2) positions i, drawn at random; w_i for the others
 *   learn    w after `severity` gradient steps towards reproducing u (particle_learn; paper, definition 5),
 *            with the learning rate and momentum of the training, from velocity zero, moving the weights that
 *            self-training moves
 *
 * After attack and melt its velocities, which belonged to the weights that it had, become zero; a particle
 * that has learned keeps them. (The published melt makes a third network: a copy of one of the two that takes
 * half of its weights, rounded down, from the other. An organism has no place for a third, so the mixture
 * takes the place of the particle of which it has more.)
 *
 * The random numbers depend on seed, epoch, batch and global ids alone, so every rank computes all its
 * meetings without communication, and results are the same on every grid. The stream of the cell's first
 * particle gives s. The stream of a meeting's particle with the lower id gives what happens, which one is
 * active, and the positions.
 */
#ifndef METAZOA_ORGANISM_INTERACT_H
#define METAZOA_ORGANISM_INTERACT_H

#include <stdint.h>

#include "metazoa/base/words.h"
#include "metazoa/organism/organism.h"

/*
 * The kinds: value, word (the key interaction.<word>), plural (the counters' column in metrics.csv,
 * checkpoints and archive), what the counter counts. To add a kind: a row here, at the end; its function in
 * the table of interact.c; its key in config/table.c. The function may change only one of the two particles:
 * the active one's owner sends what the operator needs of it, and gets nothing back. Files that were written
 * with fewer kinds stay readable: the counters that they lack are zero.
 */
#define INTERACTIONS(X)                                                                                      \
    X(INTERACTION_ATTACK, "attack", "attacks",                                                               \
      "particles that another one of their cell attacked in the epoch")                                      \
    X(INTERACTION_MELT, "melt", "melts",                                                                     \
      "particles that another one of their cell melted into in the epoch")                                   \
    X(INTERACTION_LEARN, "learn", "lessons", "particles that learned another one of their cell in the epoch")
enum interaction_kind { INTERACTIONS(WORDS_VALUE) INTERACTION_KINDS };
extern const char *const interaction_words[];

/* How probable each kind is in a meeting; all 0: particles do not interact. Their sum is at most 1. */
struct interaction_spec {
    double probability[INTERACTION_KINDS];
    int severity; /* gradient steps of a lesson */
};

/* Local. The probability that anything happens in a meeting. */
static inline double interaction_chance(const struct interaction_spec *spec)
{
    double sum = 0;
    for (int kind = 0; kind < INTERACTION_KINDS; kind++) sum += spec->probability[kind];
    return sum;
}

/* "attacks", "melts", "lessons": how many of them there were. */
const char *interaction_name(enum interaction_kind kind);

struct interaction;

/* Local. Probabilities are not negative, and their sum is at most 1 (assertion). The organism is borrowed
 * until interaction_free, which takes NULL, too. */
struct interaction *interaction_new(const struct organism *organism, const struct interaction_spec *spec);
void interaction_free(struct interaction *interaction);

/*
 * Collective over grid->all; no task step may be pending (assertion). The interactions of a batch, then the
 * effective weights. epoch: 0 .. 2^24 - 1; batch: counted within it. Adds to counts the number of
 * interactions of each kind whose changed particle this rank owns; their sum over all ranks is the total.
 * Returns what organism_sweep with 0 steps returns: the smallest global id of a particle whose effective
 * weight is not finite, or -1. Other weights that are not finite are found by a later sweep. Like a sweep it
 * empties organism->self_loss.
 */
int64_t interaction_batch(struct interaction *interaction, struct organism *organism, int64_t epoch,
                          int64_t batch, uint64_t counts[INTERACTION_KINDS]);

#endif
