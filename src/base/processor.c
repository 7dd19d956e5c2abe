#include "metazoa/base/processor.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __SSE2__
#include <immintrin.h>
#endif

/* Calls that OpenBLAS and BLIS have; with another BLAS they are not there. */
void openblas_set_num_threads(int threads) __attribute__((weak));
void bli_thread_set_num_threads(long threads) __attribute__((weak));
char *openblas_get_corename(void) __attribute__((weak));

/* The kernels of OpenBLAS that suit this processor better than those it uses; NULL if it knows what it does.
 */
static const char *better_kernels(void)
{
#ifdef __x86_64__
    if (!openblas_get_corename || strcmp(openblas_get_corename(), "Prescott") != 0) return NULL;
    if (__builtin_cpu_supports("avx512bw")) return "SkylakeX";
    if (__builtin_cpu_supports("avx2")) return "Haswell";
#endif
    return NULL;
}

void processor_begin(char **argv)
{
    static const char variable[] = "OPENBLAS_CORETYPE";
    char program[4096];
    const char *kernels = better_kernels();
    const ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    if (!kernels || n < 0 || getenv(variable) || setenv(variable, kernels, 1) != 0) return;
    program[n] = 0;
    execv(program, argv); /* if it cannot be, the slow kernels have to do */
}

void processor_start(void)
{
    if (openblas_set_num_threads) openblas_set_num_threads(1);
    if (bli_thread_set_num_threads) bli_thread_set_num_threads(1);
#ifdef __SSE2__
    enum { FLUSH_RESULTS = 0x8000, FLUSH_OPERANDS = 0x40 };
    _mm_setcsr(_mm_getcsr() | FLUSH_RESULTS | FLUSH_OPERANDS);
#endif
}
