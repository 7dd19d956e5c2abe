"""The null model of trajectories: random walks with the same starting points and the same step sizes.

The principal components of a plain random walk in many dimensions are already smooth: the k-th is close to a cosine with k
half waves and explains a share 6 / (pi^2 k^2) of the variance (Antognini and Sohl-Dickstein, arXiv 1806.08805). Only what
goes beyond the walks' components says something about training.
"""

import numpy as np


class Walks:
    """Walks beside the particles of one slab after the other, in order of the records.

    Each particle's walk starts where the particle starts; each step is as long as the particle's, in a direction drawn
    evenly from the sphere. A step whose length is not finite is no step.
    """

    def __init__(self, *key):
        self.random = np.random.Generator(np.random.Philox(np.random.SeedSequence(key)))
        self.last, self.position = None, None

    def beside(self, slab):
        """Walks [record, particle, weight] (float64) beside a slab of trajectories of that shape."""
        out = np.empty(slab.shape)
        if self.last is None:
            self.position = np.array(slab[0], dtype=np.float64)
            out[0], first = self.position, 1
            before = slab[:1]
        else:
            first, before = 0, self.last[None]
        self.last = np.array(slab[-1], dtype=np.float64)
        for record in range(first, len(slab)):  # record by record: no temporary is larger than one record
            here = slab[record].astype(np.float64, copy=False)
            there = slab[record - 1].astype(np.float64, copy=False) if record else before[0]
            with np.errstate(invalid="ignore", over="ignore"):
                length = np.linalg.norm(here - there, axis=-1, keepdims=True)
            direction = self.random.standard_normal(here.shape)
            norm = np.linalg.norm(direction, axis=-1, keepdims=True)
            direction *= np.where(np.isfinite(length), length, 0) / np.where(norm > 0, norm, 1)
            self.position = self.position + direction
            out[record] = self.position
        return out


def expected_ratio(k):
    """Share of the variance that component k = 1, 2, ... of a walk in many dimensions explains."""
    return 6 / (np.pi * np.asarray(k)) ** 2
