/*
 * Projection makes every particle with u != 0 a self-replicator and changes no effective weight by a bit;
 * where no power of two moves, its change is the least of all that do so. Checked literally, in double
 * precision, on random particles of many shapes.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "metazoa/base/memory.h"
#include "../src/particle/linear.h"
#include "metazoa/particle/census.h"
#include "metazoa/particle/kernel.h"
#include "metazoa/particle/project.h"
#include "metazoa/parallel/random.h"

enum { SEED = 20261129, N = 4 * LANES };

/* N random particles; those of every second lane have a last layer smaller by `small`. */
static float *particles_new(const struct particle_shape *shape, float small)
{
    float *weights = memory_new(N * shape->weights, sizeof *weights), row[PARTICLE_WEIGHTS_MAX];
    for (int p = 0; p < N; p++) {
        particle_draw(row, shape, SEED, RANDOM_WEIGHTS, 0, (uint64_t)p, 1);
        for (int i = 0; i < shape->weights; i++) {
            const bool last = i >= shape->weights - shape->width;
            weights[(p / LANES * shape->weights + i) * LANES + p % LANES] =
                row[i] * (last && p % 2 ? small : 1);
        }
    }
    return weights;
}

static void take(const struct particle_shape *shape, const float *weights, int p, double *w)
{
    for (int i = 0; i < shape->weights; i++)
        w[i] = (double)weights[(p / LANES * shape->weights + i) * LANES + p % LANES];
}

/* The response by way of the weights, layer by layer. */
static void literal_response(const struct particle_shape *shape, const double *w, double a[PARTICLE_INPUTS])
{
    for (int j = 0; j < PARTICLE_INPUTS; j++) {
        double now[PARTICLE_WIDTH_MAX + PARTICLE_INPUTS] = {0}, next[PARTICLE_WIDTH_MAX];
        now[j] = 1;
        for (int k = 0, at = 0; k < shape->layers; k++) {
            const int cells = particle_cells(shape, k), edges = particle_edges(shape, k);
            for (int c = 0; c < cells; c++) {
                next[c] = 0;
                for (int e = 0; e < edges; e++) next[c] += w[at++] * now[e];
            }
            memcpy(now, next, (size_t)cells * sizeof *now);
        }
        a[j] = now[0];
    }
}

/* The largest change of a weight by one self-application. */
static double literal_movement(const struct particle_shape *shape, const double *w)
{
    double a[PARTICLE_INPUTS], most = 0;
    literal_response(shape, w, a);
    for (int i = 0; i < shape->weights; i++)
        most = fmax(most, fabs((a[0] - 1) * w[i] + a[1] * (double)shape->layer_at[i] +
                               a[2] * (double)shape->cell_at[i] + a[3] * (double)shape->edge_at[i]));
    return most;
}

/* How far the rounding of u = W_n ... W_2 can be magnified: by the product of the layers' sizes over the
 * size of u, and by the largest weight; at least 1. */
static double condition(const struct particle_shape *shape, const double *w)
{
    double product = 1, u = 0, most = 0, response[PARTICLE_INPUTS], units[PARTICLE_WEIGHTS_MAX];
    for (int k = 0, at = 0; k < shape->layers; k++) {
        double square = 0;
        const int n = particle_cells(shape, k) * particle_edges(shape, k);
        for (int i = 0; i < n; i++, at++) {
            square += k > 0 ? w[at] * w[at] : 0;
            most = fmax(most, fabs(w[at]));
        }
        product *= k > 0 ? sqrt(square) : 1;
    }
    memcpy(units, w, (size_t)shape->weights * sizeof *w);
    for (int c = 0; c < shape->width; c++) {
        for (int i = 0; i < PARTICLE_INPUTS * shape->width; i++) units[i] = i == c * PARTICLE_INPUTS;
        literal_response(shape, units, response);
        u += response[0] * response[0];
    }
    return fmax(1, 0.02 * most * product / sqrt(u));
}

static void check_shape(int width, int layers, float small)
{
    const struct particle_shape shape = particle_shape_new(width, layers);
    float *weights = particles_new(&shape, small), *before = memory_new(N * PARTICLE_INPUTS, sizeof *before),
          *after = memory_new(N * PARTICLE_INPUTS, sizeof *after);
    uint8_t types[N];
    linear_response(&shape, N / LANES, weights, before);
    particle_project(&shape, N / LANES, weights, NULL);
    linear_response(&shape, N / LANES, weights, after);
    particle_census(&shape, N / LANES, weights, 1e-5f, types);
    for (int p = 0; p < N; p++) {
        const int at = (p / LANES * PARTICLE_INPUTS + 4) * LANES + p % LANES;
        double w[PARTICLE_WEIGHTS_MAX];
        assert_memory_equal(&before[at], &after[at], sizeof *before);
        take(&shape, weights, p, w);
        if (!(literal_movement(&shape, w) <= 1e-5 * condition(&shape, w)) || types[p] != TYPE_SELF_REPLICATOR)
            fail_msg("width %d, layers %d, particle %d (seed %d): moves by %g, type %d", width, layers, p,
                     SEED, literal_movement(&shape, w), types[p]);
    }
    memory_free(weights), memory_free(before), memory_free(after);
}

static void all_shapes(void **state)
{
    (void)state;
    static const int widths[] = {1, 2, 3, 5, 8, 16};
    for (int k = 0; k < 6; k++)
        for (int layers = PARTICLE_LAYERS_MIN; layers <= PARTICLE_LAYERS_MAX; layers++) {
            check_shape(widths[k], layers, 1);
            check_shape(widths[k], layers, 1e-3f);
        }
}

/* Any other change of W_1 that leads to the same response is longer: what was added is a multiple of u in
 * each column. */
static void least_change(void **state)
{
    (void)state;
    const struct particle_shape shape = particle_shape_new(3, 2); /* u = W_2: the last three weights */
    float *weights = particles_new(&shape, 1), *was = particles_new(&shape, 1);
    particle_project(&shape, N / LANES, weights, NULL);
    int checked = 0;
    for (int p = 0; p < N; p++) {
        double w[PARTICLE_WEIGHTS_MAX], w0[PARTICLE_WEIGHTS_MAX];
        take(&shape, weights, p, w), take(&shape, was, p, w0);
        const double *u = w0 + 15, uu = u[0] * u[0] + u[1] * u[1] + u[2] * u[2];
        if (uu < 0.3) continue; /* a power of two may have moved */
        checked++;
        for (int j = 0; j < PARTICLE_INPUTS; j++) {
            double along = 0, change[3], rest = 0;
            for (int c = 0; c < 3; c++) along += u[c] * (change[c] = w[c * 5 + j] - w0[c * 5 + j]) / uu;
            for (int c = 0; c < 3; c++) rest = fmax(rest, fabs(change[c] - along * u[c]));
            assert_true(rest < 1e-6);
            if (j == 4) assert_true(change[0] == 0 && change[1] == 0 && change[2] == 0);
        }
    }
    assert_true(checked > N / 2);
    memory_free(weights), memory_free(was);
}

/* Nothing can make a particle replicate whose upper layers are zero, or whose weights are not finite: both
 * stay. */
static void hopeless_ones_stay(void **state)
{
    (void)state;
    const struct particle_shape shape = particle_shape_new(3, 3);
    float *weights = particles_new(&shape, 1), *was = memory_new(N * shape.weights, sizeof *was);
    for (int i = 24; i < 27; i++) weights[i * LANES] = 0, weights[i * LANES + 1] = NAN;
    weights[2] = INFINITY; /* one weight of the first layer, with a sound u */
    memcpy(was, weights, (size_t)(N * shape.weights) * sizeof *was);
    particle_project(&shape, N / LANES, weights, NULL);
    for (int i = 0; i < shape.weights; i++)
        assert_memory_equal(weights + i * LANES, was + i * LANES, 3 * sizeof *was);
    memory_free(weights), memory_free(was);
}

/* Particles get the effective weights that are asked for, to the bit where they have two cells, and
 * replicate. */
static void effective_weights_are_given(void **state)
{
    (void)state;
    static const int widths[] = {1, 3, 8};
    for (int k = 0; k < 3; k++) {
        const struct particle_shape shape = particle_shape_new(widths[k], 3);
        float *weights = particles_new(&shape, 1), wanted[N],
              *after = memory_new(N * PARTICLE_INPUTS, sizeof *after);
        uint8_t types[N];
        for (int p = 0; p < N; p++)
            wanted[p] = p == 0 ? 0 : ldexpf((p % 2 ? -1.25f : 1.7f) + (float)p * 0x1p-19f, p % 20 - 15);
        particle_project(&shape, N / LANES, weights, wanted);
        linear_response(&shape, N / LANES, weights, after);
        particle_census(&shape, N / LANES, weights, 1e-5f, types);
        for (int p = 0; p < N; p++) {
            const float got = after[(p / LANES * PARTICLE_INPUTS + 4) * LANES + p % LANES];
            const float most = widths[k] == 1 ? 5e-7f * fabsf(wanted[p]) : 0; /* one cell: up to rounding */
            if (!(fabsf(got - wanted[p]) <= most) || types[p] != TYPE_SELF_REPLICATOR)
                fail_msg("width %d, particle %d (seed %d): %g instead of %g, type %d", widths[k], p, SEED,
                         (double)got, (double)wanted[p], types[p]);
        }
        memory_free(weights), memory_free(after);
    }
}

/* Projected twice is projected once, but for rounding. */
static void projected_stays(void **state)
{
    (void)state;
    const struct particle_shape shape = particle_shape_new(3, 3);
    float *weights = particles_new(&shape, 1), *once = memory_new(N * shape.weights, sizeof *once);
    particle_project(&shape, N / LANES, weights, NULL);
    memcpy(once, weights, (size_t)(N * shape.weights) * sizeof *once);
    particle_project(&shape, N / LANES, weights, NULL);
    for (int i = 0; i < N * shape.weights; i++)
        assert_true(fabsf(weights[i] - once[i]) <= 1e-5f * fmaxf(1, fabsf(once[i])));
    memory_free(weights), memory_free(once);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_shapes),         cmocka_unit_test(least_change),
        cmocka_unit_test(hopeless_ones_stay), cmocka_unit_test(effective_weights_are_given),
        cmocka_unit_test(projected_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
