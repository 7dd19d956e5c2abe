#include "walks.h"

#include <math.h>
#include <string.h>

#include "metazoa/base/memory.h"
#include "metazoa/base/spread.h"
#include "metazoa/parallel/cut.h"
#include "metazoa/parallel/random.h"
#include "metazoa/particle/shape.h"

void walkers_choose(struct walkers *walkers, const struct source *source, const struct pca_spec *spec)
{
    const int64_t all = source_particles(source), most = spec->walks > 0 ? spec->walkers : 0;
    walkers->n = all < most ? all : most;
    walkers->at = memory_new(walkers->n, sizeof *walkers->at);
    for (int64_t i = 0; i < walkers->n; i++) {
        const int64_t begin = cut_begin(all, walkers->n, i), size = cut_begin(all, walkers->n, i + 1) - begin;
        struct random_stream stream = random_open(spec->seed, RANDOM_WALKER, 0, (uint64_t)i);
        uint32_t word;
        random_words(&stream, &word, 1);
        walkers->at[i] = (uint64_t)begin + ((uint64_t)word * (uint64_t)size >> 32);
    }
}

void walkers_free(struct walkers *walkers)
{
    memory_free(walkers->at);
    *walkers = (struct walkers){0};
}

void walkers_among(const struct walkers *walkers, int64_t lo, int64_t hi, int64_t *begin, int64_t *end)
{
    *begin = spread_below(walkers->n, walkers->at, (uint64_t)lo);
    *end = spread_below(walkers->n, walkers->at, (uint64_t)hi);
}

struct walk *walks_new(int64_t n, int weights, const struct pca_spec *spec, const uint64_t *at)
{
    /* One piece of memory: the walks, their positions, the last weights. */
    const int64_t position = spec->walks * weights;
    const int64_t bytes = (int64_t)sizeof(struct walk) + position * (int64_t)sizeof(double) +
                          (weights + 1) / 2 * 2 * (int64_t)sizeof(float);
    struct walk *walk = memory_new(n * bytes, 1);
    double *positions = (double *)(void *)(walk + n);
    float *last = (float *)(void *)(positions + n * position);
    for (int64_t i = 0; i < n; i++)
        walk[i] = (struct walk){.weights = weights,
                                .walks = spec->walks,
                                .seed = spec->seed,
                                .at = (int64_t)at[i],
                                .position = positions + i * position,
                                .last = last + i * weights};
    return walk;
}

/* The length of the particle's step; 0 if it is not finite. */
static double step_length(const struct walk *walk, const float *row)
{
    double sum = 0;
    for (int i = 0; i < walk->weights; i++) {
        const double step = (double)row[i] - (double)walk->last[i];
        sum += step * step;
    }
    return isfinite(sum) ? sqrt(sum) : 0;
}

/* Each walk has random numbers of its own, and each record some of these. */
static void draw(const struct walk *walk, int64_t number, int64_t record, float *direction)
{
    struct random_stream stream = random_open(walk->seed, RANDOM_WALK, number, (uint64_t)walk->at);
    stream.counter[0] = (uint32_t)(record * ((walk->weights + 3) / 4));
    random_normal(&stream, direction, walk->weights);
}

static void move(const struct walk *walk, int64_t number, int64_t record, double length)
{
    double *position = walk->position + number * walk->weights, sum = 0;
    float direction[PARTICLE_WEIGHTS_MAX + 4];
    draw(walk, number, record, direction);
    for (int i = 0; i < walk->weights; i++) sum += (double)direction[i] * (double)direction[i];
    const double scale = sum > 0 ? length / sqrt(sum) : 0;
    for (int i = 0; i < walk->weights; i++) position[i] += scale * (double)direction[i];
}

void walk_step(struct walk *walk, int64_t record, const float *row, float *out)
{
    const double length = record > 0 ? step_length(walk, row) : 0;
    for (int64_t k = 0; k < walk->walks; k++) {
        double *position = walk->position + k * walk->weights;
        for (int i = 0; i < walk->weights && record == 0; i++) position[i] = (double)row[i];
        if (length > 0) move(walk, k, record, length);
        for (int i = 0; i < walk->weights; i++) out[k * walk->weights + i] = (float)position[i];
    }
    memcpy(walk->last, row, (size_t)walk->weights * sizeof *row);
}
