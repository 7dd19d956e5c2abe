/* The cosine, with the same bits on every machine, which the C library's does not promise. */
#ifndef METAZOA_BASE_COSINE_H
#define METAZOA_BASE_COSINE_H

/* Local. cos(pi x) for 0 <= x <= 1, within 5e-16: sin(y), y = pi (1/2 - x), by its series to y^21. */
static inline double cosine_half(double x)
{
    const double y = 3.14159265358979323846 * (0.5 - x), s = y * y;
    double sum = 1;
    for (int n = 20; n > 0; n -= 2) sum = 1 - s / (n * (n + 1)) * sum;
    return y * sum;
}

#endif
