/* The types of particles: against a literal twin, and exactly at the tolerance. */
#include "particle_literal.h"

static enum particle_type literal_type(const struct particle_shape *s, const double *w, double eps)
{
    double once[PARTICLE_WEIGHTS_MAX], twice[PARTICLE_WEIGHTS_MAX], big = 0, moved = 0, moved_twice = 0;
    for (int i = 0; i < s->weights; i++) {
        if (!isfinite(w[i])) return TYPE_DIVERGENT;
        big = fmax(big, fabs(w[i]));
    }
    literal_apply(s, w, w, once);
    literal_apply(s, w, once, twice);
    for (int i = 0; i < s->weights; i++) {
        moved = fmax(moved, fabs(once[i] - w[i]));
        moved_twice = fmax(moved_twice, fabs(twice[i] - w[i]));
    }
    return big <= eps           ? TYPE_ZERO
           : moved <= eps       ? TYPE_SELF_REPLICATOR
           : moved_twice <= eps ? TYPE_SECONDARY
                                : TYPE_OTHER;
}

/* All five types, on hand-made particles and near the tolerance, agree with the literal definition. */
static void census(void **state)
{
    (void)state;
    struct groups g = groups_new(3, 3, 40);
    draw(&g);
    for (int p = 8; p < 24;
         p++) { /* a = (s, 0, 0, 0, x): s = 1 replicates itself, s = -1 every second time */
        for (int i = 0; i < 27; i++) *weight(&g, p, i) = 0;
        *weight(&g, p, 0) = 1, *weight(&g, p, 4) = 0.5f, *weight(&g, p, 15) = 1,
                       *weight(&g, p, 24) = p % 2 ? 1 : -1;
        if (p >= 12) *weight(&g, p, 0) = 1 + (float)(p - 17) * 3e-6f;
    }
    for (int i = 0; i < 27; i++) *weight(&g, 0, i) = 9e-6f * (i % 2 ? 1 : -1);
    for (int i = 0; i < 27; i++) *weight(&g, 1, i) = 0;
    *weight(&g, 2, 5) = NAN, *weight(&g, 3, 26) = INFINITY, *weight(&g, 4, 13) = -INFINITY;
    struct sweep s = sgd;
    s.self_steps = 2000; /* the rest settles */
    struct groups rest = groups_new(3, 3, 16);
    draw(&rest);
    sweep(&rest, s);
    for (int p = 24; p < 40; p++)
        for (int i = 0; i < 27; i++) *weight(&g, p, i) = *weight(&rest, p - 24, i);
    uint8_t types[48];
    particle_census(&g.shape, g.groups, g.w, 1e-5f, types);
    int seen[TYPE_COUNT] = {0};
    for (int p = 0; p < 40; p++) {
        double w[27];
        for (int i = 0; i < 27; i++) w[i] = (double)*weight(&g, p, i);
        assert_int_equal(types[p], literal_type(&g.shape, w, 1e-5));
        seen[types[p]]++;
    }
    for (int t = 0; t < TYPE_COUNT; t++) assert_true(seen[t] > 0);
    assert_string_equal(particle_type_names[TYPE_SELF_REPLICATOR], "self_replicator");
    groups_free(&g), groups_free(&rest);
}

/* What a particle is at a tolerance, and at the next smaller one. */
static void types_at(const struct groups *g, float epsilon, enum particle_type at, enum particle_type below)
{
    uint8_t types[LANES];
    particle_census(&g->shape, 1, g->w, epsilon, types);
    assert_int_equal(types[0], at);
    particle_census(&g->shape, 1, g->w, nextafterf(epsilon, 0), types);
    if (below == TYPE_COUNT)
        assert_int_not_equal(types[0], at);
    else
        assert_int_equal(types[0], below);
}

/* A particle at exactly the tolerance belongs to the type. All numbers here are exact: a = (s, 0, 0, 0, s
 * / 2) moves a weight by (s - 1) w in one self-application and by (s^2 - 1) w in two; the largest weight
 * is s itself. */
static void boundaries(void **state)
{
    (void)state;
    struct groups g = groups_new(3, 3, 1), scalar = groups_new(1, 0, 1);
    for (int i = 0; i < 27; i++) *weight(&g, 0, i) = (i % 2 ? 1 : -1) * 0x1p-10f;
    types_at(&g, 0x1p-10f, TYPE_ZERO, TYPE_COUNT);
    for (int i = 0; i < 27; i++) *weight(&g, 0, i) = 0;
    *weight(&g, 0, 4) = 0.5f, *weight(&g, 0, 15) = 1, *weight(&g, 0, 24) = 1;
    *weight(&g, 0, 0) = 1 + 0x1p-6f;
    types_at(&g, 0x1p-6f * (1 + 0x1p-6f), TYPE_SELF_REPLICATOR, TYPE_OTHER);
    *weight(&g, 0, 0) = -(1 + 0x1p-6f);
    types_at(&g, (0x1p-5f + 0x1p-12f) * (1 + 0x1p-6f), TYPE_SECONDARY, TYPE_OTHER);
    scalar.w[0] = -0x1p-10f;
    types_at(&scalar, 0x1p-10f, TYPE_ZERO, TYPE_OTHER);
    groups_free(&g), groups_free(&scalar);
}

static void scalars(void **state)
{
    (void)state;
    struct groups g = groups_new(1, 0, 17);
    assert_int_equal(g.shape.weights, 1);
    for (int p = 0; p < 17; p++) g.w[p] = (float)p, g.gradient[p] = 1;
    struct sweep s = sgd;
    s.task_step = 1, s.self_steps = 5;
    sweep(&g, s);
    sweep(&g, s);
    for (int p = 0; p < 17; p++)
        assert_true(fabsf(g.effective[p] - ((float)p - 0.004f * (1 + 1.9f))) < 2e-6f);
    groups_free(&g);
}

int main(void)
{
    print_message("seed %d\n", SEED);
    const struct CMUnitTest tests[] = {cmocka_unit_test(census), cmocka_unit_test(boundaries),
                                       cmocka_unit_test(scalars)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
