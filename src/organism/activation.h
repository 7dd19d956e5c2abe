/*
 * Activation functions and the two losses, element by element over chunks [group][feature][LANES].
 * Vectorised. GELU is within 1.8e-7 max(1, |z|) of its definition, its slope within 3e-7 (measured for |z| <=
 * 20).
 */
#ifndef METAZOA_SRC_ORGANISM_ACTIVATION_H
#define METAZOA_SRC_ORGANISM_ACTIVATION_H

#include "metazoa/organism/organism.h"

/*
 * One row per activation f.
 *   forward   replaces z[n] by f(z) and writes slope[n] = df/dz; n is a multiple of LANES. The backward pass
 *             multiplies by the slope. It may call only functions of the program itself (such as exponential
 *             in activation.c), so that training has the same bits on every machine. NULL: f(z) = z, the
 *             slope is 1 and is not stored.
 *   plain     f of one number, from its definition, for tests and probes; it may call the C library
 */
struct activation_row {
    void (*forward)(float *z, float *slope, int64_t n);
    float (*plain)(float z);
};
extern const struct activation_row activation_table[ACTIVATION_COUNT];

/*
 * Softmax and cross-entropy of outputs z for `samples` samples with these labels: adds to the tally;
 * gradient, which lies as z (if not NULL): d loss / d z of each sample, zero beyond the samples.
 */
void activation_cross_entropy(const float *z, float *gradient, const int32_t *label, int32_t outputs,
                              int32_t samples, struct tally *tally);

/* Squared error, mean over outputs, against y [samples][outputs]; gradient: (z - y), half its slope times
 * outputs. */
void activation_squared_error(const float *z, float *gradient, const float *y, int32_t outputs,
                              int32_t samples, struct tally *tally);

#endif
