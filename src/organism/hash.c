/* The plain twin of the fingerprint: one particle at a time. */
#include <string.h>

#include "metazoa/base/hash.h"
#include "metazoa/organism/organism.h"

static uint64_t hash_values(uint64_t hash, const float *values, int n)
{
    for (int i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        hash = (hash ^ bits) * 0x9fb21c651e98df25u;
        hash ^= hash >> 29;
    }
    return hash;
}

uint64_t organism_particle_hash(int64_t id, int n, const float *weights, const float *velocity_task,
                                const float *velocity_self)
{
    uint64_t hash = hash_values(0, weights, n);
    hash = hash_values(hash, velocity_task, n);
    if (velocity_self) hash = hash_values(hash, velocity_self, n);
    return hash_mix(hash ^ hash_mix((uint64_t)id + 1));
}
