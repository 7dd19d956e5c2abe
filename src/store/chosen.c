/* Which particles of a layer archive.fraction chooses: by the seed and their numbers, whatever the ranks. */
#include "metazoa/parallel/random.h"
#include "rows.h"

bool rows_is_chosen(uint64_t seed, int64_t id, double fraction)
{
    struct random_stream stream = random_open(seed, RANDOM_SUBSET, 0, (uint64_t)id);
    uint32_t word;
    random_words(&stream, &word, 1);
    return word < fraction * 0x1p32;
}

/* Of n particles from this one on. */
static int64_t count_chosen(uint64_t seed, int64_t id, int64_t n, double fraction)
{
    int64_t chosen = 0;
    for (int64_t q = 0; q < n; q++) chosen += rows_is_chosen(seed, id + q, fraction);
    return chosen;
}

int64_t rows_chosen(const struct organism_shape *shape, uint64_t seed, int layer, double fraction)
{
    enum { COUNTED = 1 << 22 }; /* beyond, chance hardly moves the sum */
    /* The last answer for each layer: `check` asks for every one of its ranks. */
    static struct answer {
        uint64_t seed;
        int64_t id, n, chosen;
        double fraction;
    } answers[ORGANISM_LAYERS_MAX];
    struct answer *known = &answers[layer];
    const int64_t n = organism_layer_particles(shape, layer), id = organism_particle_id(shape, layer, 0, 0);
    if (fraction >= 1) return n;
    if (n > COUNTED) return (int64_t)((double)n * fraction);
    if (known->seed != seed || known->id != id || known->n != n || known->fraction < fraction ||
        known->fraction > fraction)
        *known = (struct answer){seed, id, n, count_chosen(seed, id, n, fraction), fraction};
    return known->chosen;
}
