"""Means and covariances of samples that arrive in parts: float64, merged by Chan's formula, so nothing cancels."""

import numpy as np


class Moments:
    """Count, mean and scatter matrix of samples of n_weights numbers, in n_groups separate groups."""

    def __init__(self, n_groups, n_weights):
        self.count = np.zeros(n_groups, dtype=np.int64)
        self.mean = np.zeros((n_groups, n_weights))
        self.scatter = np.zeros((n_groups, n_weights, n_weights))
        self.excluded = 0  # samples with a number that is not finite

    def add(self, slab, groups):
        """Adds [record, particle, weight]; groups [particle]: each particle's group, or None: every particle its own."""
        if groups is None:
            self._add_each(slab)
            return
        for group, members in members_of(groups):
            samples = slab[:, members].reshape(-1, slab.shape[-1]).astype(np.float64, copy=False)
            finite = np.isfinite(samples).all(axis=1)
            self.excluded += int((~finite).sum())
            samples = samples if finite.all() else samples[finite]
            if len(samples) == 0:
                continue
            mean = samples.mean(axis=0)
            centred = samples - mean
            self._merge(
                slice(group, group + 1), np.array([len(samples)]), mean[None], (centred.T @ centred)[None]
            )

    def _add_each(self, slab):
        samples = np.swapaxes(slab, 0, 1).astype(np.float64)  # [particle, record, weight]
        finite = np.isfinite(samples).all(axis=2)
        count = finite.sum(axis=1)
        self.excluded += int(finite.size - count.sum())
        samples[~finite] = 0
        mean = samples.sum(axis=1) / np.maximum(count, 1)[:, None]
        samples -= mean[:, None]
        samples[~finite] = 0
        self._merge(slice(None), count, mean, np.swapaxes(samples, 1, 2) @ samples)

    def _merge(self, where, count, mean, scatter):
        total = self.count[where] + count
        safe = np.maximum(total, 1)
        delta = mean - self.mean[where]
        weight = self.count[where] * (count / safe)
        self.scatter[where] += scatter + weight[:, None, None] * delta[:, :, None] * delta[:, None, :]
        self.mean[where] += delta * (count / safe)[:, None]
        self.count[where] = total

    def bases(self):
        """Principal components of every group: variance [group, n], components [group, n, n], largest first.

        Variances are unbiased (over count - 1). Each component's largest entry is positive. A group with fewer than two
        samples has NaN.
        """
        enough = self.count > 1
        covariance = self.scatter / np.maximum(self.count - 1, 1)[:, None, None]
        values, vectors = np.linalg.eigh(np.where(enough[:, None, None], covariance, 0))
        variance = np.maximum(values[:, ::-1], 0)
        components = fix_signs(np.swapaxes(vectors, 1, 2)[:, ::-1])
        variance[~enough], components[~enough] = np.nan, np.nan
        return variance, components


def members_of(groups):
    """(group, its members) for every group in [particle]; members is a slice when all are of one group: nothing is copied."""
    present = np.unique(groups)
    return (
        [(present[0], slice(None))] if len(present) == 1 else [(group, groups == group) for group in present]
    )


def fix_signs(components):
    """Each row [..., n, n] turned so that its entry of largest magnitude is positive."""
    at = np.abs(components).argmax(axis=-1)[..., None]
    return components * np.where(np.take_along_axis(components, at, axis=-1) < 0, -1.0, 1.0)
