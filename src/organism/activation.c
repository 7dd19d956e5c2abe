#include "activation.h"

#include <math.h>
#include <string.h>

#include "metazoa/particle/vector.h"

/* e^x, or its value at the nearer end of [-87, 88]; NaN stays NaN. x = n ln 2 + r, |r| <= ln 2 / 2; Taylor's
 * series of e^r to the 7th power errs by 5e-9. Within 0.93 units in the last place (measured over every 16th
 * float of the range, against expl). */
VECTOR_INLINE vector exponential(vector x)
{
    x = vector_select(x < -87, vector_all(-87), x);
    x = vector_select(x > 88, vector_all(88), x);
    const vector shift = vector_all(12582912.0f); /* 1.5 * 2^23: leaves n in the last bits */
    const vector shifted = vector_fma(x, vector_all(1.44269504f), shift), n = shifted - shift;
    const vector r = vector_fma(n, vector_all(2.12194440e-4f),
                                vector_fma(n, vector_all(-0.693359375f), x)); /* ln 2 in two parts */
    vector p = vector_fma(r, vector_all(1.0f / 5040), vector_all(1.0f / 720));
    p = vector_fma(p, r, vector_all(1.0f / 120));
    p = vector_fma(p, r, vector_all(1.0f / 24));
    p = vector_fma(p, r, vector_all(1.0f / 6));
    p = vector_fma(p, r, vector_all(0.5f));
    p = vector_fma(p, r, vector_all(1));
    p = vector_fma(p, r, vector_all(1));
    return p * (vector)(((mask)shifted << 23) + (127 << 23));
}

/* ln x for positive, normal x: x = 2^n m, m in [1/sqrt 2, sqrt 2), f = m - 1, t = f / (2 + f). ln m = 2
 * artanh t = f - t (f - t^2 (2/3 + 2/5 t^2 + ...)). NaN stays NaN. Within 0.9 units in the last place
 * (measured over all floats of [1, 2) and samples of the others, against logl); random.c has the same for
 * single numbers. */
VECTOR_INLINE vector logarithm(vector x)
{
    const mask bits = (mask)x, n = (bits - 0x3f3504f3) >> 23; /* 1 / sqrt 2 */
    const vector f = (vector)(bits - (n << 23)) - 1, steps = __builtin_convertvector(n, vector);
    const vector t = f / (2 + f), s = t * t;
    vector series = vector_fma(s, vector_all(2.0f / 9), vector_all(2.0f / 7));
    series = vector_fma(series, s, vector_all(2.0f / 5));
    series = vector_fma(series, s, vector_all(2.0f / 3));
    vector value = vector_fma(-t, vector_fma(-s, series, f), f);
    value = vector_fma(steps, vector_all(-2.12194440e-4f), value);
    value = vector_fma(steps, vector_all(0.693359375f), value);
    return vector_select(x == x, value, x);
}

/* GELU(z) = z Phi(z), Phi the distribution function of the normal distribution and phi its density; the slope
 * is Phi(z) + z phi(z). */
static void gelu(float *z, float *slope, int64_t n)
{
    for (int64_t i = 0; i < n; i += VECTOR) {
        const vector x = *(vector *)(z + i);
        /* The tail of the normal distribution by a rational-exponential fit, absolute error 7.5e-8 (Hastings
         * 1955, sheet 45; Abramowitz and Stegun 26.2.17). */
        const vector size = (vector)((mask)x & 0x7fffffff);
        const vector density = 0.39894228f * exponential(-0.5f * x * x);
        const vector t = 1 / vector_fma(vector_all(0.2316419f), size, vector_all(1));
        vector tail = vector_fma(t, vector_all(1.330274429f), vector_all(-1.821255978f));
        tail = vector_fma(tail, t, vector_all(1.781477937f));
        tail = vector_fma(tail, t, vector_all(-0.356563782f));
        tail = vector_fma(tail, t, vector_all(0.31938153f));
        tail *= t * density;
        const vector phi = vector_select(x < 0, tail, 1 - tail);
        *(vector *)(z + i) = x * phi;
        *(vector *)(slope + i) = vector_fma(x, density, phi);
    }
}

static float gelu_plain(float z)
{
    return 0.5f * z * erfcf(z * -0.70710678f);
}

static float linear_plain(float z)
{
    return z;
}

const struct activation_row activation_table[ACTIVATION_COUNT] = {
    [ACTIVATION_LINEAR] = {NULL, linear_plain},
    [ACTIVATION_GELU] = {gelu, gelu_plain},
};

float activation_plain(enum activation activation, float z)
{
    return activation_table[activation].plain(z);
}

/* The labels of a vector of samples; none where there are no samples. */
VECTOR_INLINE mask labels_of(const int32_t *label, int32_t samples)
{
    mask labels = ~(mask){0};
    memcpy(&labels, label, (size_t)(samples < VECTOR ? samples > 0 ? samples : 0 : VECTOR) * sizeof *label);
    return labels;
}

VECTOR_INLINE mask is_finite(vector x)
{
    return ((mask)x & 0x7f800000) != 0x7f800000;
}

void activation_cross_entropy(const float *z, float *gradient, const int32_t *label, int32_t outputs,
                              int32_t samples, struct tally *tally)
{
    double total = 0;
    mask hits = {0};
    for (int32_t s = 0; s < (samples + LANES - 1) / LANES * LANES; s += VECTOR) {
        const int64_t at = particle_index(s, outputs, 0);
        const mask labels = labels_of(label + s, samples - s);
        vector best = *(const vector *)(z + at), sum = {0}, wanted = best;
        mask winner = {0};
        for (int32_t c = 1; c < outputs; c++) {
            const vector value = *(const vector *)(z + at + c * LANES);
            const mask greater = value > best;
            best = vector_select(greater, value, best);
            winner = (greater & c) | (~greater & winner);
            wanted = vector_select(labels == c, value, wanted);
        }
        for (int32_t c = 0; c < outputs; c++) {
            const vector power = exponential(*(const vector *)(z + at + c * LANES) - best);
            if (gradient) *(vector *)(gradient + at + c * LANES) = power;
            sum += power;
        }
        const vector loss = logarithm(sum) + best - wanted;
        for (int lane = 0; lane < VECTOR && lane < samples - s; lane++) total += (double)loss[lane];
        hits -= (winner == labels) & is_finite(loss);
        if (!gradient) continue;
        const vector inverse = 1 / sum;
        for (int32_t c = 0; c < outputs; c++) {
            vector *row = (vector *)(gradient + at + c * LANES);
            *row = *row * inverse - vector_select(labels == c, vector_all(1), (vector){0});
            *row = vector_select(labels < 0, (vector){0}, *row);
        }
    }
    for (int lane = 0; lane < VECTOR; lane++) tally->correct += hits[lane];
    tally->samples += samples;
    exact_wide_add(&tally->loss, total);
}

void activation_squared_error(const float *z, float *gradient, const float *y, int32_t outputs,
                              int32_t samples, struct tally *tally)
{
    double squares = 0, sizes = 0;
    for (int32_t c = 0; c < outputs; c++) {
        for (int32_t s = 0; s < samples; s++) {
            const int64_t at = particle_index(s, outputs, c);
            float difference = z[at] - y[(int64_t)s * outputs + c];
            squares += (double)difference * (double)difference;
            sizes += fabs((double)difference);
            if (gradient) gradient[at] = difference;
        }
        for (int32_t s = samples; gradient && s < lanes_round(samples); s++)
            gradient[particle_index(s, outputs, c)] = 0;
    }
    tally->samples += samples;
    exact_wide_add(&tally->loss, squares / outputs);
    exact_wide_add(&tally->error, sizes / outputs);
}
