#include "activation.h"

#include <math.h>
#include <string.h>

#include "metazoa/particle/vector.h"

/* e^x: x = n ln 2 + r, |r| <= ln 2 / 2; Taylor's series of e^r to the 7th power errs by 5e-9. NaN stays NaN.
 */
VECTOR_INLINE vector exponential(vector x)
{
    x = vector_select(x < -87, vector_all(-87), x);
    x = vector_select(x > 88, vector_all(88), x);
    vector n = (x * 1.44269504f + 12582912.0f) - 12582912.0f; /* 1.5 * 2^23 rounds to an integer */
    vector r = (x - n * 0.693359375f) + n * 2.12194440e-4f;   /* ln 2 in two parts */
    vector p = vector_all(1.0f / 5040);
    p = p * r + 1.0f / 720;
    p = p * r + 1.0f / 120;
    p = p * r + 1.0f / 24;
    p = p * r + 1.0f / 6;
    p = p * r + 0.5f;
    p = p * r + 1;
    p = p * r + 1;
    return p * (vector)((__builtin_convertvector(n, mask) + 127) << 23);
}

/* ln x for positive, normal x: x = 2^n m, m in [1/sqrt 2, sqrt 2); ln m = 2 artanh t, t = (m - 1) / (m + 1).
 */
VECTOR_INLINE vector logarithm(vector x)
{
    mask bits = (mask)x;
    mask n = (bits - 0x3f3504f3) >> 23; /* 1 / sqrt 2 */
    vector m = (vector)(bits - (n << 23));
    vector t = (m - 1) / (m + 1), s = t * t;
    vector series = ((s * (1.0f / 9) + 1.0f / 7) * s + 1.0f / 5) * s + 1.0f / 3;
    vector value = __builtin_convertvector(n, vector) * 0.69314718f + 2 * (t + t * s * series);
    return vector_select(x == x, value, x);
}

void activation_gelu(float *z, float *slope, int64_t n)
{
    for (int64_t i = 0; i < n; i += VECTOR) {
        vector x = *(vector *)(z + i);
        /* The tail of the normal distribution by a rational-exponential fit, absolute error 7.5e-8 (Hastings
         * 1955, sheet 45; Abramowitz and Stegun 26.2.17). */
        vector size = (vector)((mask)x & 0x7fffffff);
        vector density = 0.39894228f * exponential(-0.5f * x * x);
        vector t = 1 / (1 + 0.2316419f * size);
        vector tail = t * (0.31938153f +
                           t * (-0.356563782f + t * (1.781477937f + t * (-1.821255978f + t * 1.330274429f))));
        tail *= density;
        vector phi = vector_select(x < 0, tail, 1 - tail);
        *(vector *)(z + i) = x * phi;
        *(vector *)(slope + i) = phi + x * density;
    }
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
                              int32_t samples, int32_t stride, struct tally *tally)
{
    double total = 0;
    mask hits = {0};
    for (int32_t s = 0; s < (samples + LANES - 1) / LANES * LANES; s += VECTOR) {
        const mask labels = labels_of(label + s, samples - s);
        vector best = *(const vector *)(z + s), sum = {0}, wanted = best;
        mask winner = {0};
        for (int32_t c = 1; c < outputs; c++) {
            const vector value = *(const vector *)(z + (int64_t)c * stride + s);
            const mask greater = value > best;
            best = vector_select(greater, value, best);
            winner = (greater & c) | (~greater & winner);
            wanted = vector_select(labels == c, value, wanted);
        }
        for (int32_t c = 0; c < outputs; c++) {
            const vector power = exponential(*(const vector *)(z + (int64_t)c * stride + s) - best);
            if (gradient) *(vector *)(gradient + (int64_t)c * stride + s) = power;
            sum += power;
        }
        const vector loss = logarithm(sum) + best - wanted;
        for (int lane = 0; lane < VECTOR && lane < samples - s; lane++) total += (double)loss[lane];
        hits -= (winner == labels) & is_finite(loss);
        if (!gradient) continue;
        const vector inverse = 1 / sum;
        for (int32_t c = 0; c < outputs; c++) {
            vector *row = (vector *)(gradient + (int64_t)c * stride + s);
            *row = vector_product(*row, inverse) - vector_select(labels == c, vector_all(1), (vector){0});
            *row = vector_select(labels < 0, (vector){0}, *row);
        }
    }
    for (int lane = 0; lane < VECTOR; lane++) tally->correct += hits[lane];
    tally->samples += samples;
    exact_wide_add(&tally->loss, total);
}

void activation_squared_error(const float *z, float *gradient, const float *y, int32_t outputs,
                              int32_t samples, int32_t stride, struct tally *tally)
{
    double squares = 0, sizes = 0;
    for (int32_t c = 0; c < outputs; c++) {
        for (int32_t s = 0; s < samples; s++) {
            float difference = z[(int64_t)c * stride + s] - y[(int64_t)s * outputs + c];
            squares += (double)difference * (double)difference;
            sizes += fabs((double)difference);
            if (gradient) gradient[(int64_t)c * stride + s] = difference;
        }
        int32_t padded = (samples + LANES - 1) / LANES * LANES;
        if (gradient)
            memset(gradient + (int64_t)c * stride + samples, 0,
                   (size_t)(padded - samples) * sizeof *gradient);
    }
    tally->samples += samples;
    exact_wide_add(&tally->loss, squares / outputs);
    exact_wide_add(&tally->error, sizes / outputs);
}
