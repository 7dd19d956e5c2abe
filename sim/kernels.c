/*
 * Stand-ins for the kernels: they compute nothing and touch no memory, but owe the time that the kernels take
 * on the machine of the table. Everything around them (pass.c, chunk.c, state.c, comm.c, ...) is the
 * program's own. Not replaced, and so charged here with what is beside it: gathering samples (with the loss),
 * multiplying by slopes (with the activation), the loops of organism_sweep over losses and effective weights
 * (with the sweep).
 */
#include <math.h>
#include <stdbool.h>

#include "activation.h"
#include "metazoa/base/timer.h"
#include "metazoa/particle/census.h"
#include "metazoa/particle/kernel.h"
#include "metazoa/particle/state.h"
#include "product.h"
#include "rates.h"

/* What a product takes, and what it owes for its exact sums. */
static double product_seconds(const struct product *p, const struct result *to, int64_t values, double wide,
                              const struct narrow *first, const struct narrow *later)
{
    const double flop = 2.0 * p->cells * p->edges * p->samples;
    const struct narrow *small = p->rows.at ? first : later;
    const double sums = to->sum ? (double)values * rates.exact : 0;
    return sums + (product_narrow(p->cells) ? small->call + flop / small->rate : flop / wide);
}

/* Seconds until the samples' rows are here. */
static double gather_seconds(const struct product *p)
{
    const double bytes = (double)p->edges * p->samples * sizeof(float);
    return fmax(bytes * rates.gather, bytes / rates_share());
}

void product_bring(const struct product *p, float *x)
{
    (void)x;
    charge(gather_seconds(p));
}

/* A layer's inputs are turned once for a chunk, its weights once for a batch: less than a percent of their products. */
void product_turn(const struct product *p, float *turned, const float *x)
{
    (void)p, (void)turned, (void)x;
}

void product_pack(float *packed, const float *a, int32_t cells, int32_t edges, int32_t row)
{
    (void)packed, (void)a, (void)cells, (void)edges, (void)row;
}

void product_pack_turned(float *packed, const float *a, int32_t cells, int32_t edges, int32_t row)
{
    (void)packed, (void)a, (void)cells, (void)edges, (void)row;
}

/* The narrow kernel computes while the samples come. */
void product_forward(const struct product *p, struct result z, const float *a, const float *x)
{
    (void)a;
    const double product = product_seconds(p, &z, (int64_t)p->cells * p->samples, rates.wide_forward,
                                           &rates.first_forward, &rates.later_forward);
    charge(p->rows.at && !x ? fmax(gather_seconds(p), product) : product);
}

void product_backward(const struct product *p, struct result dx, const float *a, const float *g)
{
    (void)a, (void)g;
    charge(product_seconds(p, &dx, (int64_t)p->edges * p->samples, rates.wide_backward, &rates.later_backward,
                           &rates.later_backward));
}

/* Gradients are as many as there are particles: beyond the cache their sums come from memory, chunk after chunk. */
void product_gradient(const struct product *p, struct result da, const float *g, const float *x)
{
    (void)g, (void)x;
    const int64_t values = (int64_t)p->cells * p->edges;
    double seconds =
        product_seconds(p, &da, values, rates.wide_gradient, &rates.first_gradient, &rates.later_gradient);
    if (setting.resident > rates.cache)
        seconds = fmax(seconds, (double)values * 2 * sizeof(double) / rates_share());
    charge(seconds);
}

static void hidden(float *z, float *slope, int64_t n)
{
    (void)z, (void)slope;
    charge((double)n * rates.hidden);
}

const struct activation_row activation_table[ACTIVATION_COUNT] = {[ACTIVATION_GELU] = {.forward = hidden}};

/* Kernels that compute nothing meet no sizes, so a pass would be repeated for grains that fit them. In a training that
 * happens now and then: the agreement is simulated, the repetition is not. */
bool __real_sums_agree(struct organism *organism);
bool __wrap_sums_agree(struct organism *organism);
bool __wrap_sums_agree(struct organism *organism)
{
    __real_sums_agree(organism);
    return true;
}

static void charge_loss(int32_t outputs, int32_t samples, struct tally *tally)
{
    charge(rates.loss * outputs * samples);
    tally->samples += samples;
}

void activation_cross_entropy(const float *z, float *gradient, const int32_t *label, int32_t outputs,
                              int32_t samples, struct tally *tally)
{
    (void)z, (void)gradient, (void)label;
    charge_loss(outputs, samples, tally);
}

void activation_squared_error(const float *z, float *gradient, const float *y, int32_t outputs,
                              int32_t samples, struct tally *tally)
{
    (void)z, (void)gradient, (void)y;
    charge_loss(outputs, samples, tally);
}

/* Weights and both velocities are read and written; gradient, effective weight and loss go one way. */
void __wrap_linear_sweep(const struct particle_shape *shape, const struct sweep *sweep, int64_t groups,
                         float *const field[], float *effective, const double *gradient, float *loss)
{
    (void)field, (void)effective, (void)gradient, (void)loss;
    const double particles = (double)groups * LANES, held = particles * shape->weights * 3 * sizeof(float);
    const double bytes = 2 * held + particles * 16;
    double seconds =
        particles * shape->weights / 27 * (rates.sweep_fixed + sweep->self_steps * rates.sweep_step);
    if (held > rates.cache) seconds = fmax(seconds + bytes / rates.sweep_stream, bytes / rates_share());
    charge(seconds);
}

double batch_clock(int ranks)
{
    (void)ranks;
    return timer_now();
}

/* Nothing looks at the weights. What lies in folded memory is used as numbers of every kind: of those,
 * denormal ones would take a hundred times the time. */
void draw_weights(struct organism *organism)
{
    (void)organism;
#ifdef __SSE__
    __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040); /* flush to zero, denormals are zero */
#endif
}

void __wrap_linear_census(const struct particle_shape *shape, int64_t groups, const float *weights,
                          float epsilon, uint8_t *types)
{
    (void)shape, (void)groups, (void)weights, (void)epsilon, (void)types;
}
