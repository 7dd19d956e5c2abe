/* The plain twin of the fingerprint: one particle at a time. */
#include "metazoa/base/hash.h"
#include "metazoa/organism/organism.h"

uint64_t organism_particle_hash(int64_t id, int n, const float *weights, const float *velocity_task,
                                const float *velocity_self)
{
    uint64_t hash = 0;
    for (int i = 0; i < n; i++) hash = hash_float(hash, weights[i]);
    for (int i = 0; i < n; i++) hash = hash_float(hash, velocity_task[i]);
    for (int i = 0; i < n && velocity_self; i++) hash = hash_float(hash, velocity_self[i]);
    return hash_mix(hash ^ hash_mix((uint64_t)id + 1));
}
