/*
 * Affine: a linear particle whose cells also have biases. It is six numbers instead of five, the response a0 .. a4 and
 * the constant b:
 *
 *   w'_i = a0 w_i + a1 L_i + a2 C_i + a3 E_i + b     self-application
 *   a4 x + b                                         what an edge does to its input: it shows both numbers
 *   d = (a0 - 1, a1, a2, a3, b)                      zero for a fixpoint; P_i = (w_i, L_i, C_i, E_i, 1), G is 5 x 5
 *
 * A fixpoint has b = 0, so no projection keeps what the edge does: there is none.
 */
#include <stdio.h>

#include "linear.h"

static struct particle_shape affine_shape(int width, int layers)
{
    return linear_shape_of(EDGES_AFFINE, width, layers, 1);
}

static void affine_describe(const struct particle_shape *shape, char *out, size_t room)
{
    snprintf(out, room, "particles with biases, of width %d and %d layers, %d weights each", shape->width,
             shape->layers, shape->weights);
}

/* All biases as the weights at the fifth input: so does the constant, which is linear in them. */
static void affine_scale(float *weights, const struct particle_shape *shape, int32_t cells, int32_t edges)
{
    const float scale = linear_scaling(shape, cells, edges);
    for (int k = 0, at = 0; k < shape->layers; k++)
        for (int cell = 0; cell < particle_cells(shape, k); cell++, at += particle_edges(shape, k)) {
            weights[at + particle_edges(shape, k) - 1] *= scale;
            if (k == 0) weights[at + PARTICLE_INPUTS - 1] *= scale;
        }
}

const struct particle_kind kind_affine = {
    .replicates = true,
    .fits = linear_fits,
    .shape = affine_shape,
    .describe = affine_describe,
    .draw = linear_draw,
    .scale = affine_scale,
    .sweep = linear_sweep,
    .auxiliary = linear_auxiliary,
    .apply_by = linear_apply_by,
    .movement = linear_movement,
    .census = linear_census,
};
