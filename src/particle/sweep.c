/* The sweep of the common shapes, and which code a shape takes. */
#include "sweep.h"

#include "linear.h"

/* Code of its own for SGD with each of these shapes (width, layers), and for all other shapes. The steps
 * of other optimizers have theirs for the paper's shape, and for all others; particles with biases take
 * the latter. */
#define SHAPES(X) X(2, 3) X(3, 3) X(4, 3) X(5, 3) X(8, 3) X(3, 2) X(3, 4)
#define KNOWN(NAME, W, N, PLAIN) static __attribute__((noinline)) KERNEL(NAME, W, N, PLAIN, 0, true)
#define SPECIAL(W, N) KNOWN(plain_##W##_##N, W, N, true)
SHAPES(SPECIAL)
KNOWN(other_3_3, 3, 3, false)

static bool is_plain(const struct descent *descent)
{
    return descent->optimizer == OPTIMIZER_SGD && descent->decay == 0;
}

void linear_sweep(const struct particle_shape *shape, const struct sweep *sweep, int64_t groups,
                  float *const field[], float *effective, const double *gradient, float *loss)
{
    const bool plain = is_plain(&sweep->task) && is_plain(&sweep->self) && !shape->bias;
    void (*kernel)(ARGUMENTS) = plain ? sweep_plain_any : sweep_other_any;
    if (!plain && !shape->bias && shape->width == 3 && shape->layers == 3) kernel = other_3_3;
#define CHOOSE(W, N)                                                                                         \
    if (plain && shape->width == W && shape->layers == N) kernel = plain_##W##_##N;
    SHAPES(CHOOSE)
    kernel(shape, sweep, groups, field, effective, gradient, loss);
}
