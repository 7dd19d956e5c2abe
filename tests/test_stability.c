/* The eigenvalues of self-application against its Jacobian by differences, and a particle's permutations. */
#include "metazoa/measure/basins.h"
#include "metazoa/measure/stability.h"
#include "metazoa/particle/kind.h"
#include "probes.h"

/* The sums of the first powers of the eigenvalues are the traces of the Jacobian's powers, which decide
 * them; at a fixpoint without biases one of them is 1 + n. Jacobian: differences of the definition. */
static void eigenvalues_check(const struct particle_shape *p, const double *w, bool fixpoint)
{
    const double h = 1e-6;
    const int n = p->weights;
    double *jacobian = memory_new(n * n, sizeof *jacobian), *power = memory_new(n * n, sizeof *power),
           *next = memory_new(n * n, sizeof *next), *up = memory_new(3 * n, sizeof *up), *down = up + n,
           *at = down + n;
    for (int j = 0; j < n; j++) {
        memcpy(at, w, (size_t)n * sizeof *at);
        at[j] = w[j] + h;
        apply_literally(p, at, up);
        at[j] = w[j] - h;
        apply_literally(p, at, down);
        for (int i = 0; i < n; i++) power[i * n + j] = jacobian[i * n + j] = (up[i] - down[i]) / (2 * h);
    }
    struct eigenvalues found;
    stability_eigenvalues(&found, p, w);
    const int values = stability_values(p);
    double re[STABILITY_VALUES_MAX], im[STABILITY_VALUES_MAX], rest = found.rest;
    bool theorem = false;
    for (int k = 0; k < values; k++) {
        re[k] = found.real[k], im[k] = found.imaginary[k];
        theorem = theorem || fabs(re[k] - 1 - p->layers) + fabs(im[k]) < 1e-6;
    }
    assert_true(!fixpoint || ((theorem || p->bias) && fabs(rest - 1) < 1e-12));
    for (int degree = 1; degree <= values; degree++) {
        double trace = 0, sum = (n - values) * rest, size = fabs(sum);
        for (int i = 0; i < n; i++) trace += power[i * n + i];
        for (int k = 0; k < values; k++) sum += re[k], size += fabs(re[k]) + fabs(im[k]);
        assert_true(fabs(trace - sum) < 1e-6 * (1 + size));
        for (int k = 0; k < values; k++) {
            const double x = re[k] * found.real[k] - im[k] * found.imaginary[k];
            im[k] = re[k] * found.imaginary[k] + im[k] * found.real[k], re[k] = x;
        }
        rest *= found.rest;
        memset(next, 0, (size_t)(n * n) * sizeof *next);
        for (int i = 0; i < n; i++)
            for (int k = 0; k < n; k++)
                for (int j = 0; j < n; j++) next[i * n + j] += power[i * n + k] * jacobian[k * n + j];
        memcpy(power, next, (size_t)(n * n) * sizeof *power);
    }
    memory_free(jacobian), memory_free(power), memory_free(next), memory_free(up);
}

static void eigenvalues(void **state)
{
    (void)state;
    static const int shapes[][3] = {
        {3, 2, 0}, {3, 3, 0}, {3, 4, 0}, {1, 3, 0}, {5, 3, 0}, {3, 3, EDGES_AFFINE}, {5, 2, EDGES_AFFINE}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        const struct particle_shape p = particle_kinds[shapes[s][2]]->shape(shapes[s][0], shapes[s][1]);
        const int edges = particle_edges(&p, 0);
        for (uint64_t id = 0; id < 4; id++) {
            float weights[PARTICLE_WEIGHTS_MAX];
            double w[PARTICLE_WEIGHTS_MAX], before[PARTICLE_WEIGHTS_MAX];
            particle_draw(weights, &p, 3, RANDOM_PROBE, 0, id, 0);
            for (int i = 0; i < p.weights; i++) w[i] = before[i] = (double)weights[i];
            eigenvalues_check(&p, w, false);
            stability_project(&p, w);
            double moved[PARTICLE_WEIGHTS_MAX];
            apply_literally(&p, w, moved);
            for (int i = 0; i < p.weights; i++) {
                assert_true(fabs(moved[i] - w[i]) < 1e-10 * (1 + fabs(w[i])));
                if (i >= edges * p.width || i % edges == 4)
                    assert_true(w[i] == before[i]); /* the task's weights */
            }
            double size = 0;
            for (int i = 0; i < p.weights; i++) size = fmax(size, fabs(w[i]));
            if (size < 20) eigenvalues_check(&p, w, true);
        }
        float weights[PARTICLE_WEIGHTS_MAX];
        double w[PARTICLE_WEIGHTS_MAX];
        robustness_perfect(&p, weights);
        for (int i = 0; i < p.weights; i++) w[i] = (double)weights[i];
        assert_int_equal(stability_life(&p, w, 1e-5, 40), 40);
        w[0] = NAN;
        assert_int_equal(stability_life(&p, w, 1e-5, 40), 0);
    }
}

/* All permutations differ, and none changes what the particle computes. */
static void permutations(void **state)
{
    (void)state;
    static const int shapes[][4] = {{3, 3, 36, 0}, {3, 2, 6, 0},     {2, 4, 8, 0},
                                    {1, 3, 1, 0},  {5, 3, 14400, 0}, {3, 3, 36, EDGES_AFFINE}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        const struct particle_shape p = particle_kinds[shapes[s][3]]->shape(shapes[s][0], shapes[s][1]);
        float weights[PARTICLE_WEIGHTS_MAX];
        double w[PARTICLE_WEIGHTS_MAX], other[PARTICLE_WEIGHTS_MAX];
        particle_draw(weights, &p, 3, RANDOM_PROBE, 0, 1, 0);
        for (int i = 0; i < p.weights; i++) w[i] = (double)weights[i];
        struct eigenvalues own;
        stability_eigenvalues(&own, &p, w);
        assert_int_equal(basins_permutations(&p), shapes[s][2]);
        double least = INFINITY;
        for (int64_t k = 0; k < shapes[s][2] && k < 200; k++) {
            int order[PARTICLE_WEIGHTS_MAX];
            struct eigenvalues here;
            basins_permutation(&p, k, order);
            for (int i = 0; i < p.weights; i++) other[i] = w[order[i]];
            stability_eigenvalues(&here, &p, other);
            assert_true(fabs(here.rest - own.rest) < 1e-12);
            const double distance = basins_distance(p.weights, weights, weights, order);
            assert_true(k == 0 ? distance == 0 : distance > 0);
            if (k > 0) least = fmin(least, distance);
        }
        assert_true(least > 1e-3);
    }
    assert_int_equal(basins_permutations(&(struct particle_shape){.width = 16, .layers = 4}), 0);
}

PROBE_TESTS(cmocka_unit_test(eigenvalues), cmocka_unit_test(permutations))
