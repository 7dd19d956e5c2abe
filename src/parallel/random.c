#include "metazoa/parallel/random.h"

#include <Random123/philox.h>
#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

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

/*
 * The functions that normal numbers need, with the same bits on every machine: no call of a C library, whose
 * versions differ. ln x for positive, normal x: x = 2^n m with m in [1/sqrt 2, sqrt 2), f = m - 1
 * and t = f / (2 + f): ln m = 2 artanh t = f - t (f - 2 t^2 (1/3 + t^2 / 5 + ...)). */
static float logarithm(float x)
{
    int32_t bits;
    float m;
    memcpy(&bits, &x, sizeof bits);
    const int32_t n = (bits - 0x3f3504f3) >> 23; /* 1 / sqrt 2 */
    bits -= n * (1 << 23);
    memcpy(&m, &bits, sizeof m);
    const float f = m - 1;
    const float t = f / (2 + f), s = t * t, steps = (float)n;
    float series = 2.0f / 9;
    series = __builtin_fmaf(series, s, 2.0f / 7);
    series = __builtin_fmaf(series, s, 2.0f / 5);
    series = __builtin_fmaf(series, s, 2.0f / 3);
    const float value = __builtin_fmaf(-t, __builtin_fmaf(-s, series, f), f);
    return __builtin_fmaf(steps, 0.693359375f, __builtin_fmaf(steps, -2.12194440e-4f, value));
}

/* Sine and cosine of `turn` 2^-24 turns, turn < 2^24: first in an eighth of a turn on both sides of 0, by
 * Taylor's series, then a whole number of quarters further on. */
static void turn_of(uint32_t turn, float *sine, float *cosine)
{
    const uint32_t quarters = (turn + (1u << 21)) >> 22;
    const float x = (float)((int32_t)turn - (int32_t)(quarters << 22)) * (float)(6.283185307179586 * 0x1p-24);
    const float y = x * x;
    float s = 1.0f / 362880, c = -1.0f / 3628800;
    s = __builtin_fmaf(s, y, -1.0f / 5040);
    s = __builtin_fmaf(s, y, 1.0f / 120);
    s = __builtin_fmaf(s, y, -1.0f / 6);
    s = __builtin_fmaf(s * y, x, x);
    c = __builtin_fmaf(c, y, 1.0f / 40320);
    c = __builtin_fmaf(c, y, -1.0f / 720);
    c = __builtin_fmaf(c, y, 1.0f / 24);
    c = __builtin_fmaf(c, y, -0.5f);
    c = __builtin_fmaf(c, y, 1);
    const float up = quarters & 1 ? c : s, right = quarters & 1 ? -s : c;
    *sine = quarters & 2 ? -up : up;
    *cosine = quarters & 2 ? -right : right;
}

void random_normal(struct random_stream *stream, float *out, int n)
{
    /* Box-Muller: two uniform words, the first in (0, 1], give two normal numbers. */
    uint32_t words[PIECE];
    for (int at = 0; at < n; at += PIECE) {
        int now = n - at < PIECE ? n - at : PIECE, even = (now + 1) / 2 * 2;
        random_words(stream, words, even);
        for (int i = 0; i < even; i += 2) {
            float sine, cosine;
            float radius = sqrtf(-2 * logarithm((float)((words[i] >> 8) + 1) * 0x1p-24f));
            turn_of(words[i + 1] >> 8, &sine, &cosine);
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
