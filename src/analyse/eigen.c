#include "eigen.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { SWEEPS_MAX = 60 }; /* about ten are needed */

/* (x, y) becomes (c x - s y, s x + c y), for n entries. */
static void rotate(int n, double *restrict x, double *restrict y, double c, double s)
{
    for (int i = 0; i < n; i++) {
        const double here = x[i];
        x[i] = c * here - s * y[i];
        y[i] = s * here + c * y[i];
    }
}

/* The rotation of rows and columns p and q that makes their common entry zero. */
static void annihilate(int n, double *a, double *vectors, int p, int q)
{
    const double shared = a[p * n + q], at_p = a[p * n + p], at_q = a[q * n + q],
                 theta = (at_q - at_p) / (2 * shared),
                 t = (theta < 0 ? -1 : 1) / (fabs(theta) + sqrt(theta * theta + 1)), c = 1 / sqrt(t * t + 1);
    rotate(n, a + p * n, a + q * n, c, t * c);
    rotate(n, vectors + p * n, vectors + q * n, c, t * c);
    a[p * n + p] = at_p - t * shared;
    a[q * n + q] = at_q + t * shared;
    a[p * n + q] = a[q * n + p] = 0;
    for (int i = 0; i < n; i++) {
        if (i == p || i == q) continue;
        a[i * n + p] = a[p * n + i];
        a[i * n + q] = a[q * n + i];
    }
}

/* Entries that are smaller do not change any eigenvalue beyond rounding. */
static double negligible(int n, const double *a)
{
    double largest = 0;
    for (int i = 0; i < n * n; i++) largest = fmax(largest, fabs(a[i]));
    return 0x1p-60 * largest;
}

void eigen_symmetric(int n, double *matrix, double *vectors)
{
    const double least = negligible(n, matrix);
    bool done = false;
    memset(vectors, 0, (size_t)n * (size_t)n * sizeof *vectors);
    for (int i = 0; i < n; i++) vectors[i * n + i] = 1;
    for (int sweep = 0; sweep < SWEEPS_MAX && !done; sweep++) {
        done = true;
        for (int p = 0; p < n; p++)
            for (int q = p + 1; q < n; q++) {
                if (!(fabs(matrix[p * n + q]) > least)) continue;
                annihilate(n, matrix, vectors, p, q);
                done = false;
            }
    }
}
