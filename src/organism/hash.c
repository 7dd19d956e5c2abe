/* The plain twin of the fingerprint: one particle at a time. */
#include "metazoa/base/hash.h"
#include "metazoa/organism/organism.h"

uint64_t organism_particle_hash(int64_t id, const struct particle_shape *shape,
                                const float *const field[FIELD_COUNT])
{
    uint64_t hash = 0;
    for (int f = 0; f < FIELD_COUNT; f++)
        for (int i = 0; field[f] && i < state_values((enum state_field)f, shape); i++)
            hash = hash_float(hash, field[f][i]);
    return hash_mix(hash ^ hash_mix((uint64_t)id + 1));
}
