#include "metazoa/base/processor.h"

#include <stddef.h>
#include <string.h>
#ifdef __SSE2__
#include <immintrin.h>
#endif

/* Calls that OpenBLAS and BLIS have; with another BLAS they are not there. */
void openblas_set_num_threads(int threads) __attribute__((weak));
void bli_thread_set_num_threads(long threads) __attribute__((weak));
char *openblas_get_corename(void) __attribute__((weak));

void processor_start(void)
{
    if (openblas_set_num_threads) openblas_set_num_threads(1);
    if (bli_thread_set_num_threads) bli_thread_set_num_threads(1);
#ifdef __SSE2__
    enum { FLUSH_RESULTS = 0x8000, FLUSH_OPERANDS = 0x40 };
    _mm_setcsr(_mm_getcsr() | FLUSH_RESULTS | FLUSH_OPERANDS);
#endif
}

/* OpenBLAS takes a processor that it does not know for the oldest of its kind, whatever that can do. */
const char *processor_advice(void)
{
#ifdef __x86_64__
    if (!openblas_get_corename || strcmp(openblas_get_corename(), "Prescott") != 0) return NULL;
    if (__builtin_cpu_supports("avx512bw"))
        return "OpenBLAS does not know this processor: wide layers will be several times as fast with "
               "OPENBLAS_CORETYPE=SkylakeX in the environment";
    if (__builtin_cpu_supports("avx2"))
        return "OpenBLAS does not know this processor: wide layers will be several times as fast with "
               "OPENBLAS_CORETYPE=Haswell in the environment";
#endif
    return NULL;
}
