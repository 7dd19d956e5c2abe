#include "metazoa/parallel/random.h"

#include <Random123/philox.h>
#include <assert.h>
#include <math.h>
#include <stdbool.h>

struct random_stream random_open(uint64_t seed, enum random_purpose purpose, int64_t epoch, uint64_t id)
{
    assert(epoch >= 0 && epoch < 1 << 24 && purpose < 256);
    uint32_t where = (uint32_t)epoch << 8 | (uint32_t)purpose;
    return (struct random_stream){
        .key = {(uint32_t)seed, (uint32_t)(seed >> 32)},
        .counter = {0, where, (uint32_t)id, (uint32_t)(id >> 32)},
    };
}

static philox4x32_ctr_t block(const struct random_stream *stream, int number)
{
    const uint32_t *from = stream->counter;
    const philox4x32_key_t key = {{stream->key[0], stream->key[1]}};
    const philox4x32_ctr_t counter = {{from[0] + (uint32_t)number, from[1], from[2], from[3]}};
    return philox4x32(counter, key);
}

void random_words(struct random_stream *stream, uint32_t *out, int n)
{
    const int whole = n / 4, rest = n % 4;
    for (int b = 0; b < whole; b++) { /* none depends on another: compilers make several at a time */
        const philox4x32_ctr_t words = block(stream, b);
        for (int i = 0; i < 4; i++) out[4 * b + i] = words.v[i];
    }
    if (rest > 0) {
        const philox4x32_ctr_t words = block(stream, whole);
        for (int i = 0; i < rest; i++) out[4 * whole + i] = words.v[i];
    }
    stream->counter[0] += (uint32_t)(whole + (rest > 0));
}

enum { PIECE = 256 }; /* numbers made at a time: a multiple of four */

void random_uniform(struct random_stream *stream, float *out, int n)
{
    uint32_t words[PIECE];
    for (int at = 0; at < n; at += PIECE) {
        int now = n - at < PIECE ? n - at : PIECE;
        random_words(stream, words, now);
        for (int i = 0; i < now; i++) out[at + i] = (float)(words[i] >> 8) * 0x1p-24f;
    }
}

void random_normal(struct random_stream *stream, float *out, int n)
{
    /* Box-Muller: two uniform words, the first in (0, 1], give two normal numbers. */
    uint32_t words[PIECE];
    for (int at = 0; at < n; at += PIECE) {
        int now = n - at < PIECE ? n - at : PIECE, even = (now + 1) / 2 * 2;
        random_words(stream, words, even);
        for (int i = 0; i < even; i += 2) {
            float radius = sqrtf(-2 * logf((float)((words[i] >> 8) + 1) * 0x1p-24f));
            float angle = (float)(words[i + 1] >> 8) * (float)(2 * M_PI * 0x1p-24), sine, cosine;
            sincosf(angle, &sine, &cosine);
            out[at + i] = radius * cosine;
            if (i + 1 < now) out[at + i + 1] = radius * sine;
        }
    }
}

/* A number in [0, bound): the high half of a product, of 32 random bits for short ranges (bias below 2^-12),
 * else of 64. */
static int64_t below(int64_t bound, const uint32_t words[2], bool wide)
{
    if (!wide) return (int64_t)((uint64_t)words[0] * (uint64_t)bound >> 32);
    uint64_t bits = (uint64_t)words[0] << 32 | words[1];
    return (int64_t)((unsigned __int128)bits * (uint64_t)bound >> 64);
}

void random_permutation(uint64_t seed, int64_t epoch, int64_t n, int64_t *out)
{
    /* Fisher-Yates from the top. */
    struct random_stream stream = random_open(seed, RANDOM_SHUFFLE, epoch, 0);
    const bool wide = n > 1 << 20;
    const int each = wide ? 2 : 1;
    uint32_t words[PIECE];
    for (int64_t i = 0; i < n; i++) out[i] = i;
    int used = PIECE;
    for (int64_t i = n - 1; i > 0; i--) {
        if (used == PIECE) {
            random_words(&stream, words, PIECE);
            used = 0;
        }
        int64_t j = below(i + 1, &words[used], wide);
        used += each;
        int64_t swap = out[i];
        out[i] = out[j];
        out[j] = swap;
    }
}
