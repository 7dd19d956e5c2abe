"""What the page's 3-D view shows: scores of some particles, packed small."""

import base64

import numpy as np

from ..figures.trajectories import choose, read_scores, read_walks
from ..mathematics import particle, pca
from ..reading import hdf5
from ..reading.errors import Missing

MOST_PARTICLES, MOST_RECORDS = 300, 150


def payload(run):
    """A dictionary for JSON: epochs; layer, cell and edge of the particles; their types and effective weights [record, particle];
    for each view the scores [record, particle, 3]. Numbers are packed (`_pack`)."""
    with run.archive() as archive:
        if len(archive.epoch) < 2:
            raise Missing("fewer than two records in the archive")
        records = np.unique(
            np.linspace(0, len(archive.epoch) - 1, min(MOST_RECORDS, len(archive.epoch))).astype(int)
        )
        chosen = choose({n: layer.types(-1) for n, layer in archive.layers.items()}, MOST_PARTICLES)
        chosen.sort()
        epochs = archive.epoch[records]
        parts = [
            _states(run, layer, records, [k for n, k, _ in chosen if n == number])
            for number, layer in archive.layers.items()
        ]
        types, weights = (np.concatenate(part, axis=1) for part in zip(*parts))
        where = {
            number: [axis.ravel() for axis in layer.positions()] for number, layer in archive.layers.items()
        }
        particles = [[n, int(where[n][0][k]), int(where[n][1][k])] for n, k, _ in chosen]
        n_all = sum(layer.n_particles for layer in archive.layers.values())
    views = {}
    with hdf5.open_file(pca.ensure(run)) as file:
        ratios = hdf5.read(file, "groups/ratio")[0], hdf5.read(file, "groups/walk_ratio")[0, 0]
        for label, read, ratio in zip(("training", "random walks"), (read_scores, read_walks), ratios):
            scores = read(file, chosen, records)
            if scores.shape[-1] < 3:
                scores = np.pad(scores, ((0, 0), (0, 0), (0, 3 - scores.shape[-1])))
            views[label] = {
                "scores": _pack(scores[..., :3]),
                "ratio": [round(float(r), 4) for r in ratio[:3]],
            }
    return {
        "epochs": epochs.tolist(),
        "particles": particles,
        "all": n_all,
        "views": views,
        "types": _text(types),
        "weights": _pack(weights),
    }


def _states(run, layer, records, inside):
    """Types and effective weights [record, particle] of some particles of a layer."""
    types, weights = np.empty((len(records), len(inside)), np.uint8), np.empty((len(records), len(inside)))
    for i, record in enumerate(records):
        types[i] = layer.types(int(record)).ravel()[inside]
        rows = layer.trajectory[int(record)].reshape(-1, layer.n_weights)[inside]
        weights[i] = particle.effective(rows, *run.particle)
    return types, weights


def _pack(numbers):
    """Base64 of int16: the numbers divided by `scale` and times 32767; -32768 for one that is not finite."""
    finite = np.isfinite(numbers)
    scale = float(np.abs(numbers[finite]).max(initial=1e-30))
    packed = np.where(finite, np.round(np.where(finite, numbers, 0) / scale * 32767), -32768)
    return {"values": _text(packed.astype("<i2")), "scale": float(f"{scale:.6g}")}


def _text(array):
    return base64.b64encode(array.tobytes()).decode()
