#include "basis.h"

#include <math.h>
#include <string.h>

#include "eigen.h"
#include "metazoa/base/memory.h"

void bases_new(struct bases *bases, int64_t n, int weights)
{
    *bases = (struct bases){.n = n, .weights = weights};
    bases->count = memory_new(n, sizeof *bases->count);
    bases->mean = memory_new(n * weights, sizeof *bases->mean);
    bases->variance = memory_new(n * weights, sizeof *bases->variance);
    bases->ratio = memory_new(n * weights, sizeof *bases->ratio);
    bases->component = memory_new(n * weights * weights, sizeof *bases->component);
}

void bases_free(struct bases *bases)
{
    memory_free(bases->count);
    memory_free(bases->mean);
    memory_free(bases->variance);
    memory_free(bases->ratio);
    memory_free(bases->component);
    memory_free(bases->axes);
    *bases = (struct bases){0};
}

/* An eigenvector, turned so that its entry of largest size (the first of several) is positive. */
static void put_component(double *into, const double *vector, int n)
{
    int largest = 0;
    for (int i = 1; i < n; i++)
        if (fabs(vector[i]) > fabs(vector[largest])) largest = i;
    for (int i = 0; i < n; i++) into[i] = vector[largest] < 0 ? -vector[i] : vector[i];
}

/* The places of a matrix's diagonal entries, the largest first; of equal ones in their order. */
static void descending(int *order, const double *matrix, int n)
{
    for (int k = 0; k < n; k++) {
        int at = k;
        for (; at > 0 && matrix[order[at - 1] * (n + 1)] < matrix[k * (n + 1)]; at--)
            order[at] = order[at - 1];
        order[at] = k;
    }
}

void bases_set(struct bases *bases, int64_t i, const struct moments *moments)
{
    const int n = bases->weights;
    double *variance = bases->variance + i * n, *ratio = bases->ratio + i * n,
           *component = bases->component + i * n * n, total = 0;
    double *matrix = memory_new((int64_t)n * n, sizeof *matrix),
           *vectors = memory_new((int64_t)n * n, sizeof *vectors);
    int *order = memory_new(n, sizeof *order);
    bases->count[i] = moments_count(moments);
    moments_finish(moments, bases->mean + i * n, matrix);
    const double degrees = (double)(bases->count[i] - 1);
    for (int k = 0; k < n * n; k++) matrix[k] = bases->count[i] > 1 ? matrix[k] / degrees : 0;
    eigen_symmetric(n, matrix, vectors);
    descending(order, matrix, n);
    for (int k = 0; k < n; k++) {
        const double value = matrix[order[k] * n + order[k]];
        variance[k] = value > 0 ? value : 0;
        total += variance[k];
        put_component(component + k * n, vectors + order[k] * n, n);
    }
    for (int k = 0; k < n; k++) ratio[k] = variance[k] / (total > 0 ? total : 1);
    for (int k = 0; k < n && bases->count[i] < 2; k++) variance[k] = ratio[k] = (double)NAN;
    for (int k = 0; k < n * n && bases->count[i] < 2; k++) component[k] = (double)NAN;
    memory_free(order);
    memory_free(vectors);
    memory_free(matrix);
}

void bases_share(struct bases *bases, struct comm *comm)
{
    const int64_t values = bases->n * bases->weights * (int64_t)sizeof(double);
    comm_broadcast(comm, bases->count, bases->n * (int64_t)sizeof *bases->count, 0);
    comm_broadcast(comm, bases->mean, values, 0);
    comm_broadcast(comm, bases->variance, values, 0);
    comm_broadcast(comm, bases->ratio, values, 0);
    comm_broadcast(comm, bases->component, values * bases->weights, 0);
}

/* Components of scores are worked on SIDE at a time, by the compiler's vector extension. */
enum { SIDE = 8 };
typedef double scores __attribute__((vector_size(SIDE * sizeof(double)), aligned(sizeof(double))));

static int64_t padded(int keep)
{
    return (keep + SIDE - 1) / SIDE * SIDE;
}

void bases_turn(struct bases *bases, int keep)
{
    const int64_t n = bases->weights, side = padded(keep);
    bases->keep = keep;
    if (!bases->axes) bases->axes = memory_new(bases->n * n * side, sizeof *bases->axes);
    for (int64_t i = 0; i < bases->n; i++)
        for (int64_t k = 0; k < keep; k++)
            for (int64_t j = 0; j < n; j++)
                bases->axes[(i * n + j) * side + k] = bases->component[(i * n + k) * n + j];
}

void bases_score(const struct bases *bases, int64_t i, const float *row, const float *start,
                 const double *scale, float *out)
{
    const int n = bases->weights, keep = bases->keep;
    const int64_t side = padded(keep);
    const double *mean = bases->mean + i * n, *axes = bases->axes + i * n * side;
    for (int from = 0; from < keep; from += SIDE) {
        scores score = {0};
        double nothing = 0; /* stays 0 as long as all weights are finite */
        for (int j = 0; j < n; j++) {
            const double value = (double)(start ? row[j] - start[j] : row[j]), x = value - mean[j];
            nothing += value * 0;
            score += x * *(const scores *)(axes + j * side + from);
        }
        for (int k = 0; k < SIDE && from + k < keep; k++) {
            const double by = scale && scale[from + k] > 0 ? scale[from + k] : 1;
            out[from + k] = (float)(nothing == 0 ? score[k] / by : (double)NAN);
        }
    }
}
