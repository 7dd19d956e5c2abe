/* The operations of the linear particle (kind.h), which other kinds may use, too. Those of shapes with
 * biases (shape.h) are the affine particle's, but for linear_scale, linear_response, linear_project,
 * linear_moments and linear_learn. */
#ifndef METAZOA_SRC_PARTICLE_LINEAR_H
#define METAZOA_SRC_PARTICLE_LINEAR_H

#include "metazoa/particle/kind.h"

/* shape.c */
extern const struct particle_kind kind_linear;
bool linear_fits(int64_t width, int64_t layers);
struct particle_shape linear_shape(int width, int layers);
struct particle_shape linear_shape_of(enum edges kind, int width, int layers, int bias);
void linear_describe(const struct particle_shape *shape, char *out, size_t room);
void linear_draw(float *out, const struct particle_shape *shape, float layer_bound);
float linear_scaling(const struct particle_shape *shape, int32_t cells, int32_t edges);
void linear_scale(float *weights, const struct particle_shape *shape, int32_t cells, int32_t edges);

/* response.c. linear_response: a0..a4 of every particle, out [groups][5][LANES]. */
void linear_response(const struct particle_shape *shape, int64_t groups, const float *weights, float *out);
void linear_auxiliary(const struct particle_shape *shape, const float *weights, const float *x, float *out);
void linear_apply_by(const struct particle_shape *shape, int64_t groups, float *weights, const float *by);
void linear_movement(const struct particle_shape *shape, int64_t groups, const float *weights, float *out);
void linear_census(const struct particle_shape *shape, int64_t groups, const float *weights, float epsilon,
                   uint8_t *types);

/* project.c */
void linear_project(const struct particle_shape *shape, int64_t groups, float *weights,
                    const float *effective);

/* sweep.c */
void linear_sweep(const struct particle_shape *shape, const struct sweep *sweep, int64_t groups,
                  float *const field[], float *effective, const double *gradient, float *loss);

/* sweep_any.c */
void linear_moments(const struct particle_shape *shape, int64_t groups, const float *weights, float *out);
void linear_learn(const struct particle_shape *shape, const struct sweep *sweep, int64_t groups,
                  float *weights, const float *moments);

/* kind.c: a sweep of all particles, pruned (mask.h) or not. */
void particle_steps(const struct particle_shape *shape, const struct sweep *sweep, int64_t groups,
                    float *const field[], float *effective, const double *gradient, float *loss);

/* affine.c */
extern const struct particle_kind kind_affine;

/* scalar.c */
extern const struct particle_kind kind_scalar;

#endif
