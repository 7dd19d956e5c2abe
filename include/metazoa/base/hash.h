/*
 * Hashes: 64-bit, not cryptographic. The hash of a set is the sum (modulo 2^64) of its members' hashes, each
 * mixed with the member's position, so that any rank may add its members in any order.
 */
#ifndef METAZOA_BASE_HASH_H
#define METAZOA_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Local. A bijection on 64 bits that scatters well (every input bit reaches every output bit). */
static inline uint64_t hash_mix(uint64_t x)
{
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93u;
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93u;
    x ^= x >> 32;
    return x;
}

/* Local. Takes the bits of one float into a running hash. All NaN count as one: which one an operation gives
 * depends on the machine. */
static inline uint64_t hash_float(uint64_t hash, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    bits = value == value ? bits : 0x7fc00000u;
    hash = (hash ^ bits) * 0x9fb21c651e98df25u;
    return hash ^ hash >> 29;
}

/* Local. Hash of n bytes at a position; equal bytes at another position hash differently. */
uint64_t hash_bytes(const void *bytes, size_t n, uint64_t position);

/* Local. Hash of the set of n rows of `bytes` bytes each, one after the other; the first has this position. */
uint64_t hash_rows(const void *rows, int64_t n, size_t bytes, uint64_t position);

#endif
