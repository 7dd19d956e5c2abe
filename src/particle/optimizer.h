/*
 * Optimizers: how one step moves the weights of one vector of particles along their gradients. Everything is
 * element by element, in the order in which it is written. To add one: a word in OPTIMIZERS (kernel.h) and a
 * case in move_weight. State: a velocity for each weight; squares for each weight and an age for each
 * particle, if the list says so.
 *
 * With g the gradient, v the velocity, s the squares, b_1 and b_2 the betas (docs/mathematics.md):
 *   sgd     g += decay w;  v = momentum v + g;  w -= rate v
 *   adam    g += decay w;  v = b_1 v + g;  s = b_2 s + g g;  w -= rate (v / c_1) / (sqrt(s / c_2) + eps)
 *   adamw   w -= rate decay w, then adam without decay
 * The ages c_k = 1 + b_k + b_k^2 + ... are the same sums of the number 1, c = b c + 1 from 0 on, so that v /
 * c_1 and s / c_2 are weighted means of the gradients and squares so far (PyTorch's, corrected). A particle
 * that was replaced begins anew by itself, and nothing depends on a count of steps outside of the state.
 */
#ifndef METAZOA_SRC_PARTICLE_OPTIMIZER_H
#define METAZOA_SRC_PARTICLE_OPTIMIZER_H

#include "metazoa/particle/kernel.h"
#include "metazoa/particle/vector.h"

/* The numbers of a descent, in all lanes. */
struct mover {
    enum optimizer optimizer; /* known to the compiler where it is used */
    bool plain;               /* without weight decay */
    vector minus_rate, momentum, decay, beta[2], eps;
    /* Of the step under way, one per particle: */
    vector minus_step, floor;
};

/* plain: the compiler knows that there is no weight decay. */
VECTOR_INLINE struct mover mover_new(const struct descent *descent, enum optimizer optimizer, bool plain)
{
    return (struct mover){.optimizer = optimizer,
                          .plain = plain || descent->decay == 0,
                          .minus_rate = vector_all(-descent->rate),
                          .momentum = vector_all(descent->momentum),
                          .decay = vector_all(descent->decay),
                          .beta = {vector_all(descent->beta[0]), vector_all(descent->beta[1])},
                          .eps = vector_all(descent->eps)};
}

/* The first thing of a step: ages, and what follows from them, with sqrt(c_2) moved out of the root:
 * rate sqrt(c_2) / c_1 and eps sqrt(c_2). age[2 * PARTS]; not read without squares. */
VECTOR_INLINE void move_begin(struct mover *m, vector *age)
{
    if (!optimizer_keeps_squares(m->optimizer)) return;
    vector *c = age, *of_squares = age + PARTS;
    *c = vector_fma(m->beta[0], *c, vector_all(1));
    *of_squares = vector_fma(m->beta[1], *of_squares, vector_all(1));
    const vector root = vector_sqrt(*of_squares);
    m->minus_step = m->minus_rate * root / *c;
    m->floor = m->eps * root;
}

/* Then each weight w with velocity v, squares s (NULL if the list says so) and gradient g. */
VECTOR_INLINE void move_weight(const struct mover *m, vector *w, vector *v, vector *s, vector g)
{
    switch (m->optimizer) {
    case OPTIMIZER_SGD:
        if (!m->plain) g = vector_fma(m->decay, *w, g);
        *v = vector_fma(m->momentum, *v, g);
        *w = vector_fma(m->minus_rate, *v, *w);
        break;
    case OPTIMIZER_ADAM:
    case OPTIMIZER_ADAMW:
        if (m->optimizer == OPTIMIZER_ADAM && !m->plain) g = vector_fma(m->decay, *w, g);
        if (m->optimizer == OPTIMIZER_ADAMW && !m->plain) *w = vector_fma(m->minus_rate * m->decay, *w, *w);
        *v = vector_fma(m->beta[0], *v, g);
        *s = vector_fma(m->beta[1], *s, g * g);
        *w = vector_fma(m->minus_step, *v / (vector_sqrt(*s) + m->floor), *w);
        break;
    case OPTIMIZER_COUNT:
        break;
    }
}

#endif
