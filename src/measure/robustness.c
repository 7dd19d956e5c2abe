#include "metazoa/measure/robustness.h"

#include <string.h>

#include "metazoa/base/memory.h"
#include "metazoa/parallel/random.h"

void lifetimes_new(struct lifetimes *lifetimes, const struct noise *noise, int64_t n)
{
    const int64_t items = noise->levels * n * noise->draws;
    lifetimes->n = n;
    lifetimes->replicator = memory_new(items, sizeof *lifetimes->replicator);
    lifetimes->alive = memory_new(items, sizeof *lifetimes->alive);
    lifetimes->end = memory_new(items, sizeof *lifetimes->end);
}

void lifetimes_free(struct lifetimes *lifetimes)
{
    memory_free(lifetimes->replicator);
    memory_free(lifetimes->alive);
    memory_free(lifetimes->end);
    *lifetimes = (struct lifetimes){0};
}

static void draw_noise(float *out, const struct noise *noise, int weights, int64_t id, int64_t draw)
{
    struct random_stream stream = random_open(noise->seed, RANDOM_PROBE, draw, (uint64_t)id);
    if (noise->uniform) {
        random_uniform(&stream, out, weights);
        for (int i = 0; i < weights; i++) out[i] = 2 * out[i] - 1;
    } else {
        random_normal(&stream, out, weights);
    }
}

void robustness_live(const struct particle_shape *shape, float *w, int64_t cap, float epsilon, int lanes,
                     int32_t *replicator, int32_t *alive, uint8_t *end)
{
    uint8_t type[LANES];
    bool ended[LANES] = {false}, left[LANES] = {false};
    int living = lanes;
    for (int i = 0; i < lanes; i++) replicator[i] = alive[i] = (int32_t)cap, end[i] = TYPE_OTHER;
    for (int64_t t = 0; t < cap && living > 0; t++) {
        particle_census(shape, 1, w, epsilon, type);
        for (int i = 0; i < lanes; i++) {
            if (!left[i] && type[i] != TYPE_SELF_REPLICATOR) replicator[i] = (int32_t)t, left[i] = true;
            if (ended[i] || (type[i] != TYPE_DIVERGENT && type[i] != TYPE_ZERO)) continue;
            alive[i] = (int32_t)t, end[i] = type[i], ended[i] = true;
            living--;
        }
        particle_apply_self(shape, 1, w, 1);
    }
}

void robustness_run(struct lifetimes *lifetimes, const struct particle_shape *shape,
                    const struct noise *noise, int64_t cap, float epsilon, const int64_t *id,
                    const float *weights, int64_t begin, int64_t end)
{
    const int n = shape->weights;
    const int64_t items = (end - begin) * noise->draws;
    float *noises = memory_new(items, (size_t)n * sizeof *noises),
          *group = memory_new(n * LANES, sizeof *group);
    for (int64_t i = 0; i < items; i++)
        draw_noise(noises + i * n, noise, n, id[begin + i / noise->draws], i % noise->draws);
    for (int level = 0; level < noise->levels; level++)
        for (int64_t first = 0; first < items; first += LANES) {
            const int lanes = items - first < LANES ? (int)(items - first) : LANES;
            const float size = (float)noise->size[level];
            for (int lane = 0; lane < LANES; lane++) {
                const int64_t item = first + (lane < lanes ? lane : 0);
                const float *w = weights + (begin + item / noise->draws) * n;
                float row[PARTICLE_WEIGHTS_MAX];
                for (int i = 0; i < n; i++) row[i] = w[i] + size * noises[item * n + i];
                particle_row_put(group, lane, n, row);
            }
            const int64_t at = (level * lifetimes->n + begin) * noise->draws + first;
            robustness_live(shape, group, cap, epsilon, lanes, lifetimes->replicator + at,
                            lifetimes->alive + at, lifetimes->end + at);
        }
    memory_free(group);
    memory_free(noises);
}

void robustness_perfect(const struct particle_shape *shape, float *weights)
{
    memset(weights, 0, (size_t)shape->weights * sizeof *weights);
    for (int k = 0, at = 0; k < shape->layers; k++) {
        weights[at] = 1;
        at += particle_cells(shape, k) * particle_edges(shape, k);
    }
}
