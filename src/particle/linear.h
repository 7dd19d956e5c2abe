/* The operations of the linear particle (kind.h), and the scalar's sweep. */
#ifndef METAZOA_SRC_PARTICLE_LINEAR_H
#define METAZOA_SRC_PARTICLE_LINEAR_H

#include "metazoa/particle/kind.h"

/* shape.c */
extern const struct particle_kind kind_linear;

/* response.c */
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
void scalar_sweep(const struct particle_shape *shape, const struct sweep *sweep, int64_t groups,
                  float *const field[], float *effective, const double *gradient, float *loss);

/* scalar.c */
extern const struct particle_kind kind_scalar;

#endif
