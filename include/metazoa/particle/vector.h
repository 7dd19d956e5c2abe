/*
 * One vector holds the same number of LANES particles. The compiler's vector extension turns it into AVX-512,
 * AVX2 or plain instructions; multiplications and additions are contracted to fused ones where the machine
 * has them.
 */
#ifndef METAZOA_PARTICLE_VECTOR_H
#define METAZOA_PARTICLE_VECTOR_H

#include <stdint.h>

#include "metazoa/particle/shape.h"

typedef float vector __attribute__((vector_size(LANES * sizeof(float))));
typedef int32_t mask __attribute__((vector_size(LANES * sizeof(int32_t)))); /* -1: yes, 0: no */
typedef double vector_double __attribute__((vector_size(LANES * sizeof(double))));

#define VECTOR_INLINE static inline __attribute__((always_inline))

VECTOR_INLINE vector vector_all(float value)
{
    return value - (vector){0};
}

/* Lane by lane: yes where the mask is -1, no where it is 0. */
VECTOR_INLINE vector vector_select(mask which, vector yes, vector no)
{
    return (vector)((which & (mask)yes) | (~which & (mask)no));
}

VECTOR_INLINE vector vector_min(vector a, vector b)
{
    return vector_select(a < b, a, b);
}

VECTOR_INLINE vector vector_max(vector a, vector b)
{
    return vector_select(a > b, a, b);
}

VECTOR_INLINE vector vector_load(const float *from)
{
    typedef float unaligned __attribute__((vector_size(LANES * sizeof(float)), aligned(4)));
    return *(const unaligned *)from;
}

/* Lane i of the result is lane which[i] of a and then b, counted on. GCC has it as an instruction; Clang
 * finds the one that these constants make. */
#ifdef __clang__
VECTOR_INLINE vector vector_shuffle(vector a, vector b, mask which)
{
    vector out;
    for (int i = 0; i < LANES; i++) out[i] = which[i] < LANES ? a[which[i]] : b[which[i] - LANES];
    return out;
}
#else
#define vector_shuffle __builtin_shuffle
#endif

#endif
