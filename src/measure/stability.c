#include "metazoa/measure/stability.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { MOST = STABILITY_VALUES_MAX };
typedef double square_matrix[MOST][MOST];

int stability_values(const struct particle_shape *shape)
{
    return 4 + shape->bias;
}

/* Partial products of a particle's matrices. Of weight layer k: above, the row W_n ... W_(k+1) [cells of
 * k], and below, the columns of W_(k-1) ... W_1 [input][edges of k]. A bias is one more input, the
 * constant 1, which every layer's last edge reads. */
enum { ROOM = PARTICLE_WIDTH_MAX + 1, INPUTS_MAX = PARTICLE_INPUTS + 1 };
struct products {
    double above[PARTICLE_LAYERS_MAX][ROOM];
    double below[PARTICLE_LAYERS_MAX][INPUTS_MAX][ROOM];
    double a[INPUTS_MAX];
    int first[PARTICLE_LAYERS_MAX + 1]; /* weight of each layer */
};

/* out = W_k in: a column through weight layer k. */
static void column(const struct particle_shape *shape, int k, const double *w, const double *in, double *out)
{
    const int cells = particle_cells(shape, k), edges = particle_edges(shape, k);
    for (int c = 0; c < cells; c++) {
        out[c] = 0;
        for (int e = 0; e < edges; e++) out[c] += w[c * edges + e] * in[e];
    }
}

/* out = in W_k: a row through weight layer k, from above. */
static void row(const struct particle_shape *shape, int k, const double *w, const double *in, double *out)
{
    const int cells = particle_cells(shape, k), edges = particle_edges(shape, k);
    for (int e = 0; e < edges; e++) {
        out[e] = 0;
        for (int c = 0; c < cells; c++) out[e] += in[c] * w[c * edges + e];
    }
}

static void products_of(struct products *out, const struct particle_shape *shape, const double *w)
{
    const int n = shape->layers;
    memset(out, 0, sizeof *out);
    for (int k = 0; k < n; k++)
        out->first[k + 1] = out->first[k] + particle_cells(shape, k) * particle_edges(shape, k);
    for (int j = 0; j < PARTICLE_INPUTS + shape->bias; j++) {
        out->below[0][j][j] = 1;
        for (int k = 0; k + 1 < n; k++) {
            column(shape, k, w + out->first[k], out->below[k][j], out->below[k + 1][j]);
            if (j == PARTICLE_INPUTS) out->below[k + 1][j][particle_cells(shape, k)] = 1;
        }
        column(shape, n - 1, w + out->first[n - 1], out->below[n - 1][j], &out->a[j]);
    }
    out->above[n - 1][0] = 1;
    for (int k = n - 1; k > 0; k--) row(shape, k, w + out->first[k], out->above[k], out->above[k - 1]);
}

/* Weight i of column j of P. */
static double position_of(const struct particle_shape *shape, const double *w, int j, int i)
{
    const float *const at[] = {NULL, shape->layer_at, shape->cell_at, shape->edge_at};
    return j == 0 ? w[i] : j == 4 ? 1 : (double)at[j][i];
}

/* Which of the response's numbers column j of P is multiplied by: a0 ... a3, and the constant. */
static int number_of(int j)
{
    return j == 4 ? PARTICLE_INPUTS : j;
}

/* How these numbers change along each column of P. */
static void directional(square_matrix m, const struct products *p, const struct particle_shape *shape,
                        const double *w)
{
    const int n = stability_values(shape);
    memset(m, 0, sizeof(square_matrix));
    for (int k = 0; k < shape->layers; k++) {
        const int cells = particle_cells(shape, k), edges = particle_edges(shape, k);
        for (int i = 0; i < cells * edges; i++)
            for (int to = 0; to < n; to++)
                for (int along = 0; along < n; along++)
                    m[to][along] += p->above[k][i / edges] * p->below[k][number_of(to)][i % edges] *
                                    position_of(shape, w, along, p->first[k] + i);
    }
}

/* ---- eigenvalues of an n x n matrix ---- */

struct complex_number {
    double re, im;
};

static struct complex_number times(struct complex_number x, struct complex_number y)
{
    return (struct complex_number){x.re * y.re - x.im * y.im, x.re * y.im + x.im * y.re};
}

static struct complex_number over(struct complex_number x, struct complex_number y)
{
    const double size = y.re * y.re + y.im * y.im;
    return (struct complex_number){(x.re * y.re + x.im * y.im) / size, (x.im * y.re - x.re * y.im) / size};
}

/* z^n + c[n - 1] z^(n - 1) + ... + c[0], whose roots are the eigenvalues (Faddeev and LeVerrier). */
static void characteristic(int n, square_matrix m, double c[MOST])
{
    square_matrix now = {{0}}, next;
    double above = 1;
    for (int k = 1; k <= n; k++) {
        double trace = 0;
        for (int i = 0; i < n; i++) now[i][i] += above;
        memset(next, 0, sizeof next);
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++)
                for (int l = 0; l < n; l++) next[i][j] += m[i][l] * now[l][j];
        for (int i = 0; i < n; i++) trace += next[i][i];
        above = c[n - k] = -trace / k;
        memcpy(now, next, sizeof now);
    }
}

static struct complex_number polynomial(int n, const double c[MOST], struct complex_number z)
{
    struct complex_number value = {1, 0};
    for (int i = n - 1; i >= 0; i--) {
        value = times(value, z);
        value.re += c[i];
    }
    return value;
}

/* All roots at once (Durand and Kerner); they are within the unit circle. */
static void roots(int n, const double c[MOST], struct complex_number z[MOST])
{
    enum { ROUNDS = 400 };
    const struct complex_number start = {0.4, 0.9};
    z[0] = (struct complex_number){1, 0};
    for (int i = 1; i < n; i++) z[i] = times(z[i - 1], start);
    for (int step = 0; step < ROUNDS; step++)
        for (int i = 0; i < n; i++) {
            struct complex_number down = {1, 0}, move;
            for (int j = 0; j < n; j++)
                if (j != i) down = times(down, (struct complex_number){z[i].re - z[j].re, z[i].im - z[j].im});
            if (down.re == 0 && down.im == 0) continue; /* two have met: a multiple root */
            move = over(polynomial(n, c, z[i]), down);
            z[i].re -= move.re, z[i].im -= move.im;
        }
}

static double square(struct complex_number z)
{
    return z.re * z.re + z.im * z.im;
}

/* The largest modulus first; of a conjugate pair the one above the real axis. */
static void arrange(int n, struct complex_number z[MOST])
{
    for (int i = 1; i < n; i++)
        for (int j = i; j > 0; j--) {
            const double before = square(z[j - 1]), here = square(z[j]), close = 1e-10 * here;
            if (here - before < close && !(before - here < close && z[j].im > z[j - 1].im)) break;
            const struct complex_number keep = z[j];
            z[j] = z[j - 1], z[j - 1] = keep;
        }
}

/* A bound of the moduli: the largest sum of a row's sizes; 1 for the zero matrix. */
static double bound_of(int n, square_matrix m)
{
    double most = 0;
    for (int i = 0; i < n; i++) {
        double sum = fabs(m[i][0]);
        for (int j = 1; j < n; j++) sum += fabs(m[i][j]);
        most = sum > most || isnan(sum) ? sum : most;
    }
    return most == 0 ? 1 : most;
}

void stability_eigenvalues(struct eigenvalues *out, const struct particle_shape *shape, const double *weights)
{
    const double real_axis = 1e-9;
    const int n = stability_values(shape);
    struct products p;
    struct complex_number z[MOST];
    square_matrix m;
    double c[MOST];
    products_of(&p, shape, weights);
    directional(m, &p, shape, weights);
    const double scale = bound_of(n, m);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) m[i][j] /= scale;
    characteristic(n, m, c);
    roots(n, c, z);
    for (int i = 0; i < n; i++) {
        z[i].re = z[i].re * scale + p.a[0], z[i].im *= scale;
        if (fabs(z[i].im) < real_axis * scale) z[i].im = 0;
    }
    arrange(n, z);
    out->rest = p.a[0];
    for (int i = 0; i < n; i++) out->real[i] = z[i].re, out->imaginary[i] = z[i].im;
}

/* ---- fixpoints and their lives ---- */

void stability_project(const struct particle_shape *shape, double *weights)
{
    struct products p;
    products_of(&p, shape, weights);
    double size = 0;
    for (int c = 0; c < shape->width; c++) size += p.above[0][c] * p.above[0][c];
    for (int c = 0; c < shape->width; c++)
        for (int j = 0; j < stability_values(shape); j++)
            weights[c * particle_edges(shape, 0) + number_of(j)] +=
                p.above[0][c] * ((j == 0) - p.a[number_of(j)]) / size;
}

int stability_life(const struct particle_shape *shape, double *weights, double epsilon, int cap)
{
    const double finite = 0x1.fffffep127;
    for (int t = 0; t < cap; t++) {
        double largest = 0;
        bool good = true;
        for (int i = 0; i < shape->weights; i++) {
            const double size = fabs(weights[i]);
            good = good && size <= finite;
            largest = size > largest ? size : largest;
        }
        if (!good || largest <= epsilon) return t;
        struct products p;
        products_of(&p, shape, weights);
        for (int i = 0; i < shape->weights; i++) {
            double move = (p.a[0] - 1) * weights[i];
            for (int j = 1; j < stability_values(shape); j++)
                move += p.a[number_of(j)] * position_of(shape, weights, j, i);
            weights[i] += move;
        }
    }
    return cap;
}
