/*
 * A vector is a register of the machine, by the compiler's vector extension: 16 floats with AVX-512, 8 with
 * AVX, else 4. A row of LANES particles or samples takes PARTS of them; rows are what is stored, so that
 * files and results do not ask how wide a register is. Multiplications and additions are contracted to fused
 * ones where the machine has them.
 */
#ifndef METAZOA_PARTICLE_VECTOR_H
#define METAZOA_PARTICLE_VECTOR_H

#include <stdint.h>

#include "metazoa/particle/shape.h"

#if defined __AVX512F__
#define VECTOR 16
#elif defined __AVX__
#define VECTOR 8
#else
#define VECTOR 4
#endif
enum { PARTS = LANES / VECTOR };

typedef float vector __attribute__((vector_size(VECTOR * sizeof(float))));
typedef int32_t mask __attribute__((vector_size(VECTOR * sizeof(int32_t)))); /* -1: yes, 0: no */

#define VECTOR_INLINE static inline __attribute__((always_inline))

VECTOR_INLINE vector vector_all(float value)
{
    return value - (vector){0};
}

/* A value as it stands: the compiler does not see through an assembler's line, even an empty one. */
VECTOR_INLINE vector vector_held(vector value)
{
#if defined __AVX512F__
    __asm__("" : "+v"(value));
#elif defined __AVX__
    __asm__("" : "+x"(value));
#elif defined __aarch64__
    __asm__("" : "+w"(value));
#elif defined __FP_FAST_FMAF
    __asm__("" : "+m"(value)); /* some other machine: by way of memory */
#endif
    return value;
}

/* a b, rounded by itself. Of a b + c d either product may be fused with the sum, as the compiler happens to
 * choose at each place; of a b + vector_product(c, d) it is the first. */
VECTOR_INLINE vector vector_product(vector a, vector b)
{
    return vector_held(a * b);
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
