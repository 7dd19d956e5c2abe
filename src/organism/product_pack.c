/* What products read, laid out so that a tile finds it together. */
#include <string.h>

#include "metazoa/particle/shape.h"
#include "product.h"

void product_bring(const struct product *p, float *x)
{
    for (int32_t s = 0; s < p->samples; s += LANES, x += p->x_group) {
        const int here = p->samples - s < LANES ? p->samples - s : LANES;
        for (int i = 0; i < here; i++) {
            const float *row = p->rows.at[s + i] + p->rows.column,
                        *ahead = p->rows.at[s + i + ROWS_AHEAD] + p->rows.column;
            for (int32_t e = 0; e < p->edges; e++) x[e * LANES + i] = row[e];
            for (int32_t e = 0; e < p->edges; e += LANES) __builtin_prefetch(ahead + e, 0, 2);
        }
        for (int32_t e = 0; e < p->edges; e++)
            memset(x + e * LANES + here, 0, (size_t)(LANES - here) * sizeof *x);
    }
}

void product_turn(const struct product *p, float *turned, const float *x)
{
    const int32_t padded = (int32_t)lanes_round(p->samples);
    for (int32_t e = 0; e < p->edges; e += LANES, turned += (int64_t)padded * LANES) {
        const size_t here = (size_t)(p->edges - e < LANES ? p->edges - e : LANES);
        for (int32_t s = 0; s < p->samples; s++) {
            float *to = turned + (int64_t)s * LANES;
            if (p->rows.at)
                memcpy(to, p->rows.at[s] + p->rows.column + e, here * sizeof *to);
            else
                for (size_t i = 0; i < here; i++)
                    to[i] = x[s / LANES * p->x_group + (e + (int64_t)i) * LANES + s % LANES];
            memset(to + here, 0, (LANES - here) * sizeof *to);
        }
    }
}

void product_pack(float *restrict packed, const float *restrict a, int32_t cells, int32_t edges, int32_t row)
{
    for (int32_t e = 0; e < edges; e += LANES) {
        const size_t here = (size_t)(edges - e < LANES ? edges - e : LANES);
        for (int32_t c = 0; c < cells; c++, packed += LANES) {
            memcpy(packed, a + (int64_t)c * row + e, here * sizeof *a);
            memset(packed + here, 0, (LANES - here) * sizeof *a);
        }
    }
}

void product_pack_turned(float *restrict packed, const float *restrict a, int32_t cells, int32_t edges,
                         int32_t row)
{
    for (int32_t c = 0; c < cells; c++) {
        float *to = packed + (int64_t)(c / LANES * LANES) * edges + c % LANES;
        for (int32_t e = 0; e < edges; e++) to[e * LANES] = a[(int64_t)c * row + e];
    }
}
