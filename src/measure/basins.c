#include "metazoa/measure/basins.h"

#include <math.h>

static int64_t factorial(int n)
{
    int64_t product = 1;
    for (int i = 2; i <= n && product <= BASINS_PERMUTATIONS; i++) product *= i;
    return product;
}

int64_t basins_permutations(const struct particle_shape *shape)
{
    int64_t product = 1;
    for (int k = 1; k < shape->layers; k++) {
        product *= factorial(shape->width);
        if (product > BASINS_PERMUTATIONS) return 0;
    }
    return product;
}

/* Permutation number `which` of n places, in the order of the dictionary. */
static void place(int n, int64_t which, int *out)
{
    int left[PARTICLE_WIDTH_MAX];
    for (int i = 0; i < n; i++) left[i] = i;
    for (int i = 0; i < n; i++) {
        const int64_t block = factorial(n - 1 - i);
        const int take = (int)(which / block);
        which %= block;
        out[i] = left[take];
        for (int j = take; j < n - 1 - i; j++) left[j] = left[j + 1];
    }
}

void basins_permutation(const struct particle_shape *shape, int64_t which, int *order)
{
    int cell[PARTICLE_WIDTH_MAX + 1] = {0},
                                  edge[PARTICLE_WIDTH_MAX + 1]; /* of this layer, and of the one below */
    for (int e = 0; e <= PARTICLE_INPUTS; e++) edge[e] = e;     /* the last one reads 1, if it is there */
    for (int k = 0, at = 0; k < shape->layers; k++) {
        const int cells = particle_cells(shape, k), edges = particle_edges(shape, k);
        const int64_t all = factorial(shape->width);
        if (k < shape->layers - 1) {
            place(cells, which % all, cell);
            which /= all;
        } else {
            cell[0] = 0;
        }
        for (int c = 0; c < cells; c++)
            for (int e = 0; e < edges; e++) order[at + c * edges + e] = at + cell[c] * edges + edge[e];
        for (int c = 0; c < cells; c++) edge[c] = cell[c];
        edge[cells] = cells;
        at += cells * edges;
    }
}

double basins_distance(int weights, const float *a, const float *b, const int *order)
{
    double sum = 0;
    for (int i = 0; i < weights; i++) {
        const double x = (double)a[i] - (double)b[order ? order[i] : i];
        sum += x * x;
    }
    return sqrt(sum);
}
