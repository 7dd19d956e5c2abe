/*
 * What single particles answer: their response a = W_n ... W_1, self-application and census. Not in the inner
 * loop: one version for all shapes.
 */
#include <string.h>

#include "linear.h"
#include "metazoa/particle/census.h"
#include "metazoa/particle/vector.h"

/*
 * Vectors of particles: part p of group i is vector i PARTS + p of all. Weight j of a vector lies at w[j
 * PARTS] from its first one on.
 */
static int64_t vectors_of(int64_t groups)
{
    return groups * PARTS;
}

static int64_t first_of(const struct particle_shape *shape, int64_t i)
{
    return i / PARTS * PARTS * shape->weights + i % PARTS;
}

/* a0..a4, and the constant b of particles with biases. */
enum { NUMBERS = PARTICLE_INPUTS + 1 };

/* These of one vector: the row of the last layer is multiplied by the layers below it. Its last number is
 * what biases add up to, if there are any. */
static void respond(const struct particle_shape *shape, const vector *w, vector a[NUMBERS])
{
    vector row[PARTICLE_WIDTH_MAX + 1], next[PARTICLE_WIDTH_MAX + 1];
    const vector *weight = w + shape->weights * PARTS;
    for (int k = shape->layers - 1; k >= 0; k--) {
        int cells = particle_cells(shape, k), edges = particle_edges(shape, k);
        weight -= cells * edges * PARTS;
        for (int e = 0; e < edges; e++) {
            if (k == shape->layers - 1) {
                next[e] = weight[e * PARTS];
                continue;
            }
            vector sum = row[0] * weight[e * PARTS];
            for (int c = 1; c < cells; c++) sum = vector_fma(row[c], weight[(c * edges + e) * PARTS], sum);
            next[e] = shape->bias && e == edges - 1 ? sum + row[cells] : sum;
        }
        memcpy(row, next, (size_t)edges * sizeof *row);
    }
    a[PARTICLE_INPUTS] = (vector){0};
    memcpy(a, row, (size_t)(PARTICLE_INPUTS + shape->bias) * sizeof *a);
}

/* By how much one application of a particle with response a moves weight i: nothing cancels near a fixpoint.
 */
static inline vector movement(const struct particle_shape *shape, const vector *a, vector w, int i)
{
    const vector layer = vector_all(shape->layer_at[i]), cell = vector_all(shape->cell_at[i]),
                 edge = vector_all(shape->edge_at[i]);
    const vector move = vector_fma(a[0] - 1, w, vector_fma(a[1], layer, vector_fma(a[2], cell, a[3] * edge)));
    return shape->bias ? move + a[PARTICLE_INPUTS] : move;
}

void linear_response(const struct particle_shape *shape, int64_t groups, const float *weights, float *out)
{
    for (int64_t i = 0; i < vectors_of(groups); i++) {
        vector a[NUMBERS], *to = (vector *)out + i / PARTS * PARTS * PARTICLE_INPUTS + i % PARTS;
        respond(shape, (const vector *)weights + first_of(shape, i), a);
        for (int j = 0; j < PARTICLE_INPUTS; j++) to[j * PARTS] = a[j];
    }
}

void linear_auxiliary(const struct particle_shape *shape, const float *weights, const float *x, float *out)
{
    for (int i = 0; i < LANES; i += VECTOR) {
        vector now[PARTICLE_WIDTH_MAX + 1] = {{0}}, next[PARTICLE_WIDTH_MAX + 1];
        memcpy(&now[PARTICLE_INPUTS - 1], x + i, sizeof *now);
        const float *w = weights;
        for (int k = 0; k < shape->layers; k++) {
            const int cells = particle_cells(shape, k), edges = particle_edges(shape, k);
            if (shape->bias) now[edges - 1] = vector_all(1);
            for (int c = 0; c < cells; c++) {
                vector sum = {0};
                for (int e = 0; e < edges; e++) sum += *w++ * now[e];
                next[c] = sum;
            }
            memcpy(now, next, (size_t)cells * sizeof *now);
        }
        memcpy(out + i, now, sizeof *now);
    }
}

void linear_apply_by(const struct particle_shape *shape, int64_t groups, float *weights, const float *by)
{
    for (int64_t i = 0; i < vectors_of(groups); i++) {
        vector *w = (vector *)weights + first_of(shape, i), a[NUMBERS];
        respond(shape, (const vector *)by + first_of(shape, i), a);
        for (int j = 0; j < shape->weights; j++) w[j * PARTS] += movement(shape, a, w[j * PARTS], j);
    }
}

const char *const particle_type_names[TYPE_NAMES] = {
    [TYPE_DIVERGENT] = "divergent", [TYPE_ZERO] = "zero",   [TYPE_SELF_REPLICATOR] = "self_replicator",
    [TYPE_SECONDARY] = "secondary", [TYPE_OTHER] = "other", [TYPE_PRUNED] = "pruned",
};

double census_replicators(const int64_t census[TYPE_COUNT])
{
    int64_t living = 0;
    for (int t = 0; t < TYPE_COUNT; t++) living += census[t];
    return living > 0 ? (double)census[TYPE_SELF_REPLICATOR] / (double)living : 0;
}

static inline vector absolute(vector x)
{
    return (vector)((mask)x & 0x7fffffff);
}

void linear_movement(const struct particle_shape *shape, int64_t groups, const float *weights, float *out)
{
    const vector infinity = vector_all(__builtin_inff());
    for (int64_t i = 0; i < vectors_of(groups); i++) {
        const vector *w = (const vector *)weights + first_of(shape, i);
        vector a[NUMBERS], most = {0};
        mask finite = ~(mask){0};
        respond(shape, w, a);
        for (int j = 0; j < shape->weights; j++) {
            vector move = absolute(movement(shape, a, w[j * PARTS], j));
            finite &= (absolute(w[j * PARTS]) < infinity) & (move < infinity);
            most = vector_max(most, move);
        }
        ((vector *)out)[i] = vector_select(finite, most, infinity);
    }
}

/* The tests are written so that a NaN fails them. */
static mask census_vector(const struct particle_shape *shape, const vector *w, float epsilon)
{
    const vector eps = vector_all(epsilon), infinity = vector_all(__builtin_inff());
    vector a[NUMBERS];
    respond(shape, w, a);
    mask finite = ~(mask){0}, zero = ~(mask){0}, once = ~(mask){0}, twice = ~(mask){0};
    for (int i = 0; i < shape->weights; i++) {
        vector weight = w[i * PARTS], first = movement(shape, a, weight, i),
               both = first + movement(shape, a, weight + first, i);
        finite &= absolute(weight) < infinity;
        zero &= absolute(weight) <= eps;
        once &= absolute(first) <= eps;
        twice &= absolute(both) <= eps;
    }
    mask type = (mask){0} + TYPE_OTHER;
    type = (twice & TYPE_SECONDARY) | (~twice & type);
    type = (once & TYPE_SELF_REPLICATOR) | (~once & type);
    type = (zero & TYPE_ZERO) | (~zero & type);
    return (finite & type) | (~finite & TYPE_DIVERGENT);
}

void linear_census(const struct particle_shape *shape, int64_t groups, const float *weights, float epsilon,
                   uint8_t *types)
{
    for (int64_t i = 0; i < vectors_of(groups); i++) {
        mask type = census_vector(shape, (const vector *)weights + first_of(shape, i), epsilon);
        for (int lane = 0; lane < VECTOR; lane++) types[i * VECTOR + lane] = (uint8_t)type[lane];
    }
}
