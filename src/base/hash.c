#include "metazoa/base/hash.h"

static uint64_t begin_bytes(size_t n, uint64_t position)
{
    return hash_mix(position + 0x9e3779b97f4a7c15u) ^ (uint64_t)n;
}

static uint64_t take_word(uint64_t hash, const unsigned char *at)
{
    uint64_t word;
    memcpy(&word, at, 8);
    hash = (hash ^ word) * 0x9fb21c651e98df25u;
    return hash ^ hash >> 29;
}

/* The last n < 8 bytes. */
static uint64_t end_bytes(uint64_t hash, const unsigned char *at, size_t n)
{
    uint64_t rest = 0;
    memcpy(&rest, at, n);
    return hash_mix(hash ^ rest);
}

uint64_t hash_bytes(const void *bytes, size_t n, uint64_t position)
{
    const unsigned char *at = bytes;
    uint64_t hash = begin_bytes(n, position);
    for (; n >= 8; n -= 8, at += 8) hash = take_word(hash, at);
    return end_bytes(hash, at, n);
}

/* Four rows side by side: each step of a hash waits for the one before, so that one row alone leaves the
 * processor idle. (An array of four hashes would be turned into vectors, which multiply slowly.) */
static uint64_t hash_four(const unsigned char *row, size_t bytes, uint64_t position)
{
    const unsigned char *const r0 = row, *const r1 = r0 + bytes, *const r2 = r1 + bytes,
                               *const r3 = r2 + bytes;
    uint64_t h0 = begin_bytes(bytes, position), h1 = begin_bytes(bytes, position + 1),
             h2 = begin_bytes(bytes, position + 2), h3 = begin_bytes(bytes, position + 3);
    size_t at = 0;
    for (; at + 8 <= bytes; at += 8) {
        h0 = take_word(h0, r0 + at);
        h1 = take_word(h1, r1 + at);
        h2 = take_word(h2, r2 + at);
        h3 = take_word(h3, r3 + at);
    }
    const size_t rest = bytes - at;
    return end_bytes(h0, r0 + at, rest) + end_bytes(h1, r1 + at, rest) + end_bytes(h2, r2 + at, rest) +
           end_bytes(h3, r3 + at, rest);
}

uint64_t hash_rows(const void *rows, int64_t n, size_t bytes, uint64_t position)
{
    const unsigned char *row = rows;
    uint64_t sum = 0;
    int64_t i = 0;
    for (; i + 4 <= n; i += 4, row += 4 * bytes) sum += hash_four(row, bytes, position + (uint64_t)i);
    for (; i < n; i++, row += bytes) sum += hash_bytes(row, bytes, position + (uint64_t)i);
    return sum;
}
