/*
 * Gradients and losses at the present weights, without changing them: copies of the particles take a step of
 * length zero, after which their velocities are the gradients.
 */
#ifndef METAZOA_SRC_MEASURE_GRADIENT_H
#define METAZOA_SRC_MEASURE_GRADIENT_H

#include "metazoa/measure/probe.h"

/* Local. Euclidean norm of each particle's part of a field [groups][weights][LANES]: out [groups][LANES]. */
void gradient_norms(const float *field, int weights, int64_t groups, double *out);

/* Collective. Norms of the gradients of the task loss over all training data: out[layer] [owned
 * groups][LANES]. A pending task step is lost. */
void gradient_task(struct subject *subject, double *const *out);

/* Collective. Mean self-training loss of the particles that live. */
double gradient_self_loss(struct subject *subject);

#endif
