/* One particle at a time, in double precision: this happens once in a run, not in its inner loop. */
#include "metazoa/particle/project.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "linear.h"
#include "metazoa/particle/kernel.h"

/* Columns of W_1 that decide about replication: all but the last, which makes the effective weight. */
enum { REPLICATING = PARTICLE_INPUTS - 1 };

/* Rounding the new weights to single precision leaves a residual, which a second and third round remove as
 * far as it can be. */
enum { ROUNDS = 3 };

enum { POWER_LEAST = 2 /* smaller powers of two are not worth moving */ };

/*
 * u = W_n ... W_2 of a group, [width][LANES], with the rounding of linear_response: with unit columns in the
 * place of W_1 the response is u itself. So what the census computes is what was made (1, 0, 0, 0).
 */
static void above_first(const struct particle_shape *shape, const float *group, float *u)
{
    float changed[PARTICLE_WEIGHTS_MAX * LANES] __attribute__((aligned(64))),
        a[PARTICLE_INPUTS * LANES] __attribute__((aligned(64)));
    memcpy(changed, group, (size_t)(shape->weights * LANES) * sizeof *group);
    for (int first = 0; first < shape->width; first += PARTICLE_INPUTS) {
        for (int i = 0; i < PARTICLE_INPUTS * shape->width; i++)
            for (int lane = 0; lane < LANES; lane++)
                changed[i * LANES + lane] = i / PARTICLE_INPUTS == first + i % PARTICLE_INPUTS;
        linear_response(shape, 1, changed, a);
        const int n = shape->width - first < PARTICLE_INPUTS ? shape->width - first : PARTICLE_INPUTS;
        memcpy(u + first * LANES, a, (size_t)(n * LANES) * sizeof *a);
    }
}

static double square(int n, const double *u)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum = fma(u[i], u[i], sum);
    return sum;
}

/* W_1 becomes smaller by the power of two by which W_n grows; false: a weight would not be normal
 * any more. */
static bool balance(const struct particle_shape *shape, float *w, int power)
{
    const int width = shape->width;
    float changed[PARTICLE_WEIGHTS_MAX];
    memcpy(changed, w, (size_t)shape->weights * sizeof *w);
    for (int i = 0; i < PARTICLE_INPUTS * width; i++) changed[i] = ldexpf(w[i], -power);
    for (int i = shape->weights - width; i < shape->weights; i++) changed[i] = ldexpf(w[i], power);
    for (int i = 0; i < shape->weights; i++)
        if (changed[i] != 0 && !isnormal(changed[i])) return false;
    memcpy(w, changed, (size_t)shape->weights * sizeof *w);
    return true;
}

static void project_columns(const struct particle_shape *shape, float *w, const double *u, double uu)
{
    for (int j = 0; j < REPLICATING; j++) {
        double short_of = j == 0;
        for (int c = 0; c < shape->width; c++)
            short_of = fma(-u[c], (double)w[c * PARTICLE_INPUTS + j], short_of);
        for (int c = 0; c < shape->width; c++) {
            float *weight = &w[c * PARTICLE_INPUTS + j];
            *weight = (float)fma(u[c], short_of / uu, (double)*weight);
        }
    }
}

/* The cell with the largest |u| of all but one; -1: there is none. */
static int largest_but(int width, const double *u, int one)
{
    int found = -1;
    for (int c = 0; c < width; c++)
        if (c != one && (found < 0 || fabs(u[c]) > fabs(u[found]))) found = c;
    return found;
}

/*
 * Column 4 becomes zero but for two cells: the one with the largest |u| makes the effective weight up to
 * rounding, and another one what is missing. So a4 is `effective` to the bit, where there is another cell
 * with u != 0 and what is missing is not too small for a float. linear_response adds cell after cell and
 * rounds each sum.
 */
static void set_effective(const struct particle_shape *shape, float *w, const double *u, float effective)
{
    float *column = w + REPLICATING;
    const int most = largest_but(shape->width, u, -1), rest = largest_but(shape->width, u, most);
    for (int c = 0; c < shape->width; c++) column[c * PARTICLE_INPUTS] = 0;
    column[most * PARTICLE_INPUTS] = (float)((double)effective / u[most]);
    if (rest < 0 || u[rest] == 0) return;
    double made = u[most] * (double)column[most * PARTICLE_INPUTS];
    if (most < rest) made = (double)(float)made;
    column[rest * PARTICLE_INPUTS] = (float)(((double)effective - made) / u[rest]);
}

/* The power of two by which W_n may grow for its weights and those of W_1, which are about 1 / |u|, to be of
 * one size. */
static int balancing(const struct particle_shape *shape, const float *w, double uu)
{
    float most = 0;
    for (int i = shape->weights - shape->width; i < shape->weights; i++) most = fmaxf(most, fabsf(w[i]));
    return -(ilogb(uu) / 2 + ilogbf(most)) / 2;
}

/* effective: what a4 becomes; NULL: it stays. */
static void project_one(const struct particle_shape *shape, float *w, double *u, const float *effective)
{
    double uu = square(shape->width, u);
    if (!(uu > 0) || !isfinite(uu)) return;
    for (int i = 0; i < shape->weights; i++)
        if (!isfinite(w[i])) return;
    const int power = balancing(shape, w, uu);
    if (power >= POWER_LEAST && balance(shape, w, power)) {
        for (int c = 0; c < shape->width; c++) u[c] = ldexp(u[c], power);
        uu = square(shape->width, u);
    }
    for (int round = 0; round < ROUNDS; round++) project_columns(shape, w, u, uu);
    if (effective) set_effective(shape, w, u, *effective);
}

void linear_project(const struct particle_shape *shape, int64_t groups, float *weights,
                    const float *effective)
{
    for (int64_t i = 0; i < groups; i++) {
        float *group = weights + i * shape->weights * LANES, above[PARTICLE_WIDTH_MAX * LANES],
              w[PARTICLE_WEIGHTS_MAX];
        double u[PARTICLE_WIDTH_MAX];
        above_first(shape, group, above);
        for (int lane = 0; lane < LANES; lane++) {
            particle_row_get(w, group, lane, shape->weights);
            for (int c = 0; c < shape->width; c++) u[c] = (double)above[c * LANES + lane];
            project_one(shape, w, u, effective ? &effective[i * LANES + lane] : NULL);
            particle_row_put(group, lane, shape->weights, w);
        }
    }
}
