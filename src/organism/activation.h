/*
 * Element by element: GELU and the two losses, over feature-major chunks. Vectorised; accurate to about 2e-7.
 */
#ifndef METAZOA_SRC_ORGANISM_ACTIVATION_H
#define METAZOA_SRC_ORGANISM_ACTIVATION_H

#include "metazoa/organism/organism.h"

/* GELU(z) = z Phi(z), Phi the normal distribution function; slope = Phi(z) + z phi(z). In place; n a multiple
 * of LANES. */
void activation_gelu(float *z, float *slope, int64_t n);

/*
 * Softmax and cross-entropy of outputs z [outputs][stride] for `samples` samples with these labels: adds to
 * the tally; gradient [outputs][stride] (if not NULL): d loss / d z of each sample, zero beyond the samples.
 */
void activation_cross_entropy(const float *z, float *gradient, const int32_t *label, int32_t outputs,
                              int32_t samples, int32_t stride, struct tally *tally);

/* Squared error, mean over outputs, against y [samples][outputs]; gradient: (z - y), half its slope times
 * outputs. */
void activation_squared_error(const float *z, float *gradient, const float *y, int32_t outputs,
                              int32_t samples, int32_t stride, struct tally *tally);

#endif
