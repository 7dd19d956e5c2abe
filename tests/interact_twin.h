/* The literal twin of interaction: all particles in one array, in double precision, applied layer by layer. */
#ifndef INTERACT_TWIN_H
#define INTERACT_TWIN_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "metazoa/base/hash.h"
#include "metazoa/base/memory.h"
#include "metazoa/organism/interact.h"
#include "metazoa/parallel/random.h"

enum { SEED = 90210, FIELDS = 3 };
#define RATE (double)0.01f
#define MOMENTUM (double)0.9f

struct example {
    const char *name;
    int layers;
    int32_t cells[4], block;
    int width, particle_layers;
    enum momentum_buffers buffers;
    double attack, melt, learn;
    int severity;
    int64_t batches;
    bool bias;
    /* Filled in by the first run: */
    bool known;
    uint64_t fingerprint;
};

static inline struct organism_shape shape_of(const struct example *example)
{
    struct organism_shape shape = {
        .layers = example->layers,
        .bias = example->bias,
        .block = example->block,
        .chunk = 16,
        .particle = particle_shape_new(example->width, example->particle_layers),
    };
    memcpy(shape.cells, example->cells, (size_t)(example->layers + 1) * sizeof *example->cells);
    return shape;
}

/* Index over its maximum in the particle, as the paper's code has it. */
static inline double place(int index, int maximum)
{
    return index / (maximum + 1e-8);
}

/* A particle applied to five numbers, layer by layer. */
static inline double applied(const struct particle_shape *p, const double *w,
                             const double input[PARTICLE_INPUTS])
{
    double now[PARTICLE_WIDTH_MAX] = {0}, next[PARTICLE_WIDTH_MAX];
    memcpy(now, input, PARTICLE_INPUTS * sizeof *now);
    for (int k = 0, at = 0; k < p->layers; k++) {
        for (int c = 0; c < particle_cells(p, k); c++) {
            next[c] = 0;
            for (int e = 0; e < particle_edges(p, k); e++) next[c] += w[at++] * now[e];
        }
        memcpy(now, next, sizeof now);
    }
    return now[0];
}

/* terms[i]: the sum of the sizes of all products that make up the victim's new weight i. */
static inline void twin_attack(const struct particle_shape *p, double *victim, const double *attacker,
                               double *terms)
{
    double sizes[PARTICLE_WEIGHTS_MAX];
    for (int i = 0; i < p->weights; i++) sizes[i] = fabs(attacker[i]);
    const int last_edge = p->width > PARTICLE_INPUTS ? p->width - 1 : PARTICLE_INPUTS - 1;
    for (int k = 0, i = 0; k < p->layers; k++)
        for (int c = 0; c < particle_cells(p, k); c++)
            for (int e = 0; e < particle_edges(p, k); e++, i++) {
                const double input[PARTICLE_INPUTS] = {victim[i], place(k, p->layers - 1),
                                                       place(c, p->width - 1), place(e, last_edge), 0};
                const double input_sizes[PARTICLE_INPUTS] = {fabs(input[0]), input[1], input[2], input[3], 0};
                terms[i] = fabs(victim[i]) + applied(p, sizes, input_sizes);
                victim[i] = applied(p, attacker, input);
            }
}

static inline void twin_melt(struct random_stream stream, int weights, double *own, const double *other)
{
    uint32_t words[PARTICLE_WEIGHTS_MAX];
    int taken = 0;
    random_words(&stream, words, weights);
    for (int i = 0; i < weights; i++)
        if ((uint64_t)words[i] * (uint64_t)(weights - i) >> 32 < (uint64_t)(weights / 2 - taken)) {
            own[i] = other[i];
            taken++;
        }
    assert_int_equal(taken, weights / 2);
}

/* The particle's answer to an input; adds factor (answer - target) d answer / d w_i to gradient[i], layer
 * by layer. */
static inline void twin_backward(const struct particle_shape *p, const double *w,
                                 const double input[PARTICLE_INPUTS], double target, double factor,
                                 double *gradient)
{
    double now[PARTICLE_LAYERS_MAX + 1][PARTICLE_WIDTH_MAX] = {{0}}, back[PARTICLE_WIDTH_MAX];
    int start[PARTICLE_LAYERS_MAX], at = 0;
    memcpy(now[0], input, PARTICLE_INPUTS * sizeof **now);
    for (int k = 0; k < p->layers; k++) {
        start[k] = at;
        for (int c = 0; c < particle_cells(p, k); c++)
            for (int e = 0; e < particle_edges(p, k); e++) now[k + 1][c] += w[at++] * now[k][e];
    }
    back[0] = factor * (now[p->layers][0] - target);
    for (int k = p->layers - 1; k >= 0; k--) {
        double below[PARTICLE_WIDTH_MAX] = {0};
        const int edges = particle_edges(p, k);
        for (int c = 0; c < particle_cells(p, k); c++)
            for (int e = 0; e < edges; e++) {
                gradient[start[k] + c * edges + e] += back[c] * now[k][e];
                below[e] += back[c] * w[start[k] + c * edges + e];
            }
        memcpy(back, below, sizeof back);
    }
}

/* The gradient of the mean squared difference between what `w` answers to the teacher's rows and the
 * teacher's weights. */
static inline void twin_lesson(const struct particle_shape *p, const double *w, const double *teacher,
                               double sign, double *gradient)
{
    const int last_edge = p->width > PARTICLE_INPUTS ? p->width - 1 : PARTICLE_INPUTS - 1;
    memset(gradient, 0, (size_t)p->weights * sizeof *gradient);
    for (int k = 0, i = 0; k < p->layers; k++)
        for (int c = 0; c < particle_cells(p, k); c++)
            for (int e = 0; e < particle_edges(p, k); e++, i++) {
                const double input[PARTICLE_INPUTS] = {teacher[i], place(k, p->layers - 1),
                                                       place(c, p->width - 1), place(e, last_edge), 0};
                twin_backward(p, w, input, sign * teacher[i], 2.0 / p->weights, gradient);
            }
}

/* `severity` steps of gradient descent with momentum, from velocity zero. terms[i]: a bound on the sizes
 * of all that is added up in weight i. */
static inline void twin_learn(const struct particle_shape *p, double *learner, const double *teacher,
                              int severity, double *terms)
{
    double v[PARTICLE_WEIGHTS_MAX] = {0}, gradient[PARTICLE_WEIGHTS_MAX], size[PARTICLE_WEIGHTS_MAX],
           sizes[PARTICLE_WEIGHTS_MAX], teachers[PARTICLE_WEIGHTS_MAX];
    for (int i = 0; i < p->weights; i++) terms[i] = fabs(learner[i]);
    for (int step = 0; step < severity; step++) {
        for (int i = 0; i < p->weights; i++) sizes[i] = fabs(learner[i]), teachers[i] = fabs(teacher[i]);
        twin_lesson(p, sizes, teachers, -1, size); /* all signs alike: nothing cancels */
        twin_lesson(p, learner, teacher, 1, gradient);
        for (int i = 0; i < p->weights; i++) {
            v[i] = MOMENTUM * v[i] + gradient[i];
            learner[i] -= RATE * v[i];
            terms[i] += 4 * RATE * severity * size[i]; /* 4: also what the steps before were off by */
        }
    }
}

static inline struct random_stream twin_stream(int64_t epoch, int64_t batch, int64_t id)
{
    return random_open(hash_mix(SEED ^ hash_mix((uint64_t)batch + 1)), RANDOM_INTERACT, epoch, (uint64_t)id);
}

/* Which edge of a cell with n edges edge e meets. */
static inline int32_t twin_partner(int64_t epoch, int64_t batch, int64_t first, int32_t n, int32_t e)
{
    uint32_t words[4];
    struct random_stream stream = twin_stream(epoch, batch, first);
    random_words(&stream, words, 4);
    const int32_t sum = (int32_t)((uint64_t)words[0] * (uint64_t)n >> 32);
    return (sum - e + n) % n;
}

/* One layer's batch; field[0]: weights, then the velocities: [cells][edges][weights] each. */
static inline void twin_layer(const struct organism_shape *shape, const struct example *example, int l,
                              int64_t epoch, int64_t batch, double *const field[FIELDS], double *terms,
                              uint64_t counts[INTERACTION_KINDS])
{
    const int32_t n = shape_edges(shape, l);
    const int weights = shape->particle.weights;
    for (int32_t cell = 0; cell < shape->cells[l + 1]; cell++) {
        const int64_t first = organism_particle_id(shape, l, cell, 0);
        for (int32_t e = 0; e < n; e++) {
            const int32_t other = twin_partner(epoch, batch, first, n, e);
            assert_int_equal(twin_partner(epoch, batch, first, n, other), e);
            if (other <= e) continue;
            uint32_t words[4];
            struct random_stream stream = twin_stream(epoch, batch, first + e);
            random_words(&stream, words, 4);
            const double chance = words[1] / 4294967296.0;
            const int32_t active = words[2] & 0x80000000u ? e : other, passive = e + other - active;
            const int64_t to = ((int64_t)cell * n + passive) * weights,
                          from = ((int64_t)cell * n + active) * weights;
            if (chance < example->attack)
                twin_attack(&shape->particle, field[0] + to, field[0] + from, terms + to),
                    counts[INTERACTION_ATTACK]++;
            else if (chance < example->attack + example->melt)
                twin_melt(stream, weights, field[0] + to, field[0] + from), counts[INTERACTION_MELT]++;
            else if (chance < example->attack + example->melt + example->learn) {
                twin_learn(&shape->particle, field[0] + to, field[0] + from, example->severity, terms + to);
                counts[INTERACTION_LEARN]++;
                continue; /* it keeps its velocities */
            } else
                continue;
            for (int k = 1; k < FIELDS; k++) memset(field[k] + to, 0, (size_t)weights * sizeof **field);
        }
    }
}

#endif
