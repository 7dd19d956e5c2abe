"""Tables of trajectories: components beside random walks, by type, and where a path's length lies."""

import numpy as np

from ..mathematics import pca
from ..mathematics.particle import SELF_REPLICATOR
from ..reading import hdf5
from .sources import middle, percent, shares, table

SHOWN = 3  # components


def _ratios(run, origin):
    """Explained shares of the first components of each layer: of training, and of random walks, [layer, component] each."""
    with hdf5.open_whole(pca.ensure(run, "layer", origin)) as file:
        return (
            hdf5.read(file, "groups/ratio")[:, :SHOWN],
            hdf5.read(file, "groups/walk_ratio").mean(axis=0)[:, :SHOWN],
        )


def of_weights(run):
    return _ratios(run, "mean")


def of_displacements(run):
    return _ratios(run, "start")


def components(source):
    rows = []
    for name, measure in (("weights", of_weights), ("displacements from the start", of_displacements)):
        found = source.each("images", measure)
        for layer, place in ((0, "first"), (-1, "last")) if found else ():
            cells = [
                ", ".join(percent(value) for value in np.median([one[kind][layer] for one in found], axis=0))
                + " %"
                for kind in (0, 1)
            ]
            rows.append((f"{name}, {place} layer", len(found), *cells))
    head = (
        "explained variance, first three components",
        "seeds",
        "training",
        "random walks with the same steps",
    )
    return table(head, rows)


# ---- by type ----


def _axis(paths):
    """Share of the first component: of all paths [record, particle, weight] together, and the median of each one's own.

    Paths count from their own mean: where a particle is plays no part, only how it moves.
    """
    moved = paths - paths.mean(axis=0)
    products = moved.transpose(1, 2, 0) @ moved.transpose(1, 0, 2)  # of each particle
    own, together = np.linalg.eigvalsh(products), np.linalg.eigvalsh(products.sum(axis=0))
    return together[-1] / together.sum(), np.median(own[:, -1] / own.sum(axis=1))


def _walks(paths, random):
    """Paths with the same lengths of steps in random directions."""
    length = np.linalg.norm(np.diff(paths, axis=0), axis=-1, keepdims=True)
    steps = random.standard_normal((len(paths) - 1, *paths.shape[1:]))
    steps *= length / np.linalg.norm(steps, axis=-1, keepdims=True)
    return np.concatenate([np.zeros_like(paths[:1]), np.cumsum(steps, axis=0)])


def axes_of(run):
    """Of the first layer and of the last one that has both types: (self-replicators, together, own, together and own of walks),
    for self-replicators and for others."""
    random, found = np.random.default_rng(run.seed), {}
    with run.archive() as archive:
        for number, layer in archive.layers.items():
            ours = layer.types(-1).ravel() == SELF_REPLICATOR
            if not ours.any() or ours.all():
                continue
            paths = layer.read(slice(None), ()).astype(np.float64)
            made = [
                (int(part.sum()), *_axis(paths[:, part]), *_axis(_walks(paths[:, part], random)))
                for part in (ours, ~ours)
            ]
            found["first" if number == 0 else "last"] = made
    return found


def axes(source):
    rows = []
    for place, name in (("first", "first layer"), ("last", "last layer with both types")):
        found = [one[place] for one in source.each("images", axes_of) if place in one]
        for kind, who in ((0, "self-replicators"), (1, "others")) if found else ():
            values = np.array([one[kind] for one in found])
            cells = [middle(values[:, k], percent) + " %" for k in (1, 3, 2, 4)]
            rows.append((f"{name}, {who}", len(found), f"{np.median(values[:, 0]):g}", *cells))
    head = (
        "first component's share",
        "seeds",
        "particles",
        "all together",
        "walks",
        "each one's own, median",
        "walks",
    )
    return table(head, rows)


# ---- lengths ----


def path(run):
    """Shares of epoch 1: in the length of all paths, in the median particle's, of its net displacement; what of the pooled variance
    is between particles, not along their paths."""
    with run.archive() as archive:
        w = np.concatenate([layer.read(slice(None), ()) for layer in archive.layers.values()], axis=1).astype(
            np.float64
        )
    length = np.linalg.norm(np.diff(w, axis=0), axis=-1)
    whole = np.linalg.norm(w[-1] - w[0], axis=-1)
    between = 1 - w.var(axis=0).sum(axis=1).mean() / w.reshape(-1, w.shape[-1]).var(axis=0).sum()
    return (
        length[0].sum() / length.sum(),
        np.median(length[0] / length.sum(axis=0)),
        np.median(length[0] / whole),
        between,
    )


def paths(source):
    found = np.array(source.each("images", path))
    if not len(found):
        return ["not run"]
    names = (
        "of the length of all paths, in epoch 1",
        "of the median particle's path, in epoch 1",
        "length of epoch 1 by the median particle's net displacement",
        "of the pooled variance of all weights, between particles",
    )
    return table(
        (f"share, {len(found)} seeds", "median, interval, range"),
        [(name, shares(column)) for name, column in zip(names, found.T)],
    )
