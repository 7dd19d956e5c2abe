/*
 * A vector is a register of the machine, by the compiler's vector extension: 16 floats with AVX-512, 8 with
 * AVX, else 4. A row of LANES particles or samples takes PARTS of them; rows are what is stored, so files and
 * results do not depend on the width of a register.
 *
 * The program is compiled with -ffp-contract=off: every operation is rounded on its own, and a fused
 * multiply-add stands where vector_fma is written. So results do not depend on the compiler either.
 */
#ifndef METAZOA_PARTICLE_VECTOR_H
#define METAZOA_PARTICLE_VECTOR_H

#include <stdint.h>
#if defined __x86_64__
#include <immintrin.h>
#elif defined __aarch64__
#include <arm_neon.h>
#endif

#include "metazoa/particle/shape.h"

#ifndef VECTOR /* tests choose narrower ones */
#if defined __AVX512F__
#define VECTOR 16
#elif defined __AVX__
#define VECTOR 8
#else
#define VECTOR 4
#endif
#endif
enum { PARTS = LANES / VECTOR };

typedef float vector __attribute__((vector_size(VECTOR * sizeof(float))));
typedef int32_t mask __attribute__((vector_size(VECTOR * sizeof(int32_t)))); /* -1: yes, 0: no */

#define VECTOR_INLINE static inline __attribute__((always_inline))

/* In front of a loop of a length that the compiler knows: leaves no loop in the code. A file in which it
 * knows none defines it as nothing before. */
#ifdef UNROLL
#elif defined __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 8")
#endif

VECTOR_INLINE vector vector_all(float value)
{
    return value - (vector){0};
}

/* a b + c, rounded once. Without such an instruction the C library computes the same, slowly. */
VECTOR_INLINE vector vector_fma(vector a, vector b, vector c)
{
#if defined __AVX512F__ && VECTOR == 16
    return (vector)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined __FMA__ && VECTOR == 8
    return (vector)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined __FMA__ && VECTOR == 4
    return (vector)_mm_fmadd_ps((__m128)a, (__m128)b, (__m128)c);
#elif defined __aarch64__ && VECTOR == 4
    return (vector)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
    for (int i = 0; i < VECTOR; i++) c[i] = __builtin_fmaf(a[i], b[i], c[i]);
    return c;
#endif
}

/* Rounded right, as IEEE 754 defines it. */
VECTOR_INLINE vector vector_sqrt(vector x)
{
#if defined __AVX512F__ && VECTOR == 16
    return (vector)_mm512_sqrt_ps((__m512)x);
#elif defined __AVX__ && VECTOR == 8
    return (vector)_mm256_sqrt_ps((__m256)x);
#elif defined __SSE__ && VECTOR == 4
    return (vector)_mm_sqrt_ps((__m128)x);
#elif defined __aarch64__ && VECTOR == 4
    return (vector)vsqrtq_f32((float32x4_t)x);
#else
    for (int i = 0; i < VECTOR; i++) x[i] = __builtin_sqrtf(x[i]);
    return x;
#endif
}

/* Lane by lane: yes where the mask is -1, no where it is 0. */
VECTOR_INLINE vector vector_select(mask which, vector yes, vector no)
{
    return (vector)((which & (mask)yes) | (~which & (mask)no));
}

VECTOR_INLINE vector vector_max(vector a, vector b)
{
    return vector_select(a > b, a, b);
}

VECTOR_INLINE vector vector_load(const float *from)
{
    typedef float unaligned __attribute__((vector_size(VECTOR * sizeof(float)), aligned(4)));
    return *(const unaligned *)from;
}

/* Lane i of the result is lane which[i] of a and then b, counted on. GCC has it as an instruction; Clang
 * finds the one that these constants make. */
#ifdef __clang__
VECTOR_INLINE vector vector_shuffle(vector a, vector b, mask which)
{
    vector out;
    for (int i = 0; i < VECTOR; i++) out[i] = which[i] < VECTOR ? a[which[i]] : b[which[i] - VECTOR];
    return out;
}
#else
#define vector_shuffle __builtin_shuffle
#endif

#endif
