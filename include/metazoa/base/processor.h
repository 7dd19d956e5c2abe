/* The processor that this rank computes on. */
#ifndef METAZOA_BASE_PROCESSOR_H
#define METAZOA_BASE_PROCESSOR_H

#include <float.h>

/* The Makefile switches off what changes arithmetic. A build that switches it on nevertheless would give
 * other numbers without a word. */
#if defined __FAST_MATH__ || (defined __FINITE_MATH_ONLY__ && __FINITE_MATH_ONLY__) ||                       \
    defined __ASSOCIATIVE_MATH__ || defined __RECIPROCAL_MATH__ || FLT_EVAL_METHOD != 0
#error "options such as -ffast-math and -mfpmath=387 change numbers: leave them out"
#endif

/* The version of the program's arithmetic: equal configurations give equal fingerprints on all machines where
 * it is the same. Version 0.1 had 1, and other bits on every type of machine. */
enum { ARITHMETIC = 2 };

/*
 * Local; comm_start calls it. From here on, whatever a loaded library has set before, results are rounded to
 * nearest, and numbers nearer to zero than 2^-126 (subnormal numbers) count as zero, on x86 and AArch64
 * alike, because some processors take a hundred times as long for them. Gradients of outputs that are nearly
 * certain are such numbers.
 */
void processor_start(void);

#endif
