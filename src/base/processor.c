#include "metazoa/base/processor.h"

#include <fenv.h>
#include <stdint.h>
#ifdef __SSE2__
#include <immintrin.h>
#endif

#ifndef __clang__ /* which has no such option, and takes no comparison of fractions here */
_Static_assert(0.1 != (double)0.1f, "-fsingle-precision-constant changes numbers: leave it out");
#endif

void processor_start(void)
{
    fesetenv(FE_DFL_ENV);
#if defined __SSE2__
    enum { FLUSH_RESULTS = 0x8000, FLUSH_OPERANDS = 0x40 };
    _mm_setcsr(_mm_getcsr() | FLUSH_RESULTS | FLUSH_OPERANDS);
#elif defined __aarch64__
    const uint64_t flush = 1u << 24; /* FZ: operands and results */
    uint64_t control;
    __asm__ volatile("mrs %0, fpcr" : "=r"(control));
    __asm__ volatile("msr fpcr, %0" : : "r"(control | flush));
#endif
}
