#include "metazoa/base/spread.h"

#include <math.h>
#include <stdlib.h>

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return isnan(x) || isnan(y) ? isnan(x) - isnan(y) : (x > y) - (x < y);
}

void spread_sort(int64_t n, double *values)
{
    qsort(values, (size_t)n, sizeof *values, compare);
}

double spread_quantile(int64_t n, const double *sorted, double q)
{
    if (n == 0) return (double)NAN;
    const double at = q * (double)(n - 1);
    const int64_t low = (int64_t)at, high = low + 1 < n ? low + 1 : low;
    const double part = at - (double)low;
    if (!(part > 0) || sorted[high] == sorted[low]) return sorted[low]; /* also infinite ones */
    return sorted[low] + part * (sorted[high] - sorted[low]);
}

int64_t spread_below(int64_t n, const uint64_t *sorted, uint64_t bound)
{
    int64_t low = 0, high = n;
    while (low < high) {
        const int64_t middle = (low + high) / 2;
        if (sorted[middle] < bound)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
