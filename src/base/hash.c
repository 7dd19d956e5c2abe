#include "metazoa/base/hash.h"

#include <string.h>

uint64_t hash_bytes(const void *bytes, size_t n, uint64_t position)
{
    const unsigned char *at = bytes;
    uint64_t hash = hash_mix(position + 0x9e3779b97f4a7c15u) ^ (uint64_t)n;
    for (; n >= 8; n -= 8, at += 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        hash = (hash ^ word) * 0x9fb21c651e98df25u;
        hash ^= hash >> 29;
    }
    uint64_t rest = 0;
    memcpy(&rest, at, n);
    return hash_mix(hash ^ rest);
}
