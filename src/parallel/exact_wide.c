#include "metazoa/parallel/exact.h"

#include "metazoa/parallel/comm.h"

/* Sums that were too large lose bits in an order that ranks decide; the limb at the top shows it, whatever
 * the order. */
static void poison(struct exact_wide *sum)
{
    if (sum->limb[0] < EXACT_WIDE_LIMIT) return;
    for (int k = 0; k < EXACT_LIMBS; k++) sum->limb[k] = (double)NAN;
}

void exact_wide_merge(struct exact_wide *sum, const struct exact_wide *other)
{
    for (int k = 0; k < EXACT_LIMBS; k++) sum->limb[k] += other->limb[k];
    poison(sum);
}

void exact_wide_sum(struct comm *comm, struct exact_wide *sum)
{
    comm_sum_double(comm, sum->limb, EXACT_LIMBS);
    poison(sum);
}
