#include "metazoa/parallel/exact.h"

void exact_add(double *sum, const float *partial, int64_t count, int64_t n)
{
    if (n <= 1) {
        for (int64_t i = 0; i < count; i++) sum[i] += (double)partial[i];
        return;
    }
    const double magic = exact_magic(n);
    for (int64_t i = 0; i < count; i++) sum[i] += exact_round((double)partial[i], magic);
}
