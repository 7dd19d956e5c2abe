"""Random weights as the program draws them, from the definition of Philox 4x32-10 (docs/mathematics.md, section 6)."""

import numpy as np

WEIGHTS, RESET, REGROW, REGROWN = 1, 8, 14, 15  # parallel/random.h
WORD = 0xFFFFFFFF


def words(seed, purpose, epoch, particle, n):
    out = []
    for block in range((n + 3) // 4):
        key = [seed & WORD, seed >> 32]
        x = [block, epoch << 8 | purpose, particle & WORD, particle >> 32]
        for _ in range(10):
            a, b = 0xD2511F53 * x[0], 0xCD9E8D57 * x[2]
            x = [b >> 32 ^ x[1] ^ key[0], b & WORD, a >> 32 ^ x[3] ^ key[1], a & WORD]
            key = [(key[0] + 0x9E3779B9) & WORD, (key[1] + 0xBB67AE85) & WORD]
        out += x
    return out[:n]


def weights(seed, purpose, epoch, particle):
    """Of a 5-3-3-1, Xavier-uniform in each layer."""
    out = np.array([(w >> 8) * 2.0**-24 for w in words(seed, purpose, epoch, particle, 27)], "f4")
    bounds = np.repeat(np.sqrt(np.array([6 / 8, 6 / 6, 6 / 4], "f4")), (15, 9, 3))
    return (2 * out - 1) * bounds
