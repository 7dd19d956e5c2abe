"""The trajectory archive of a run, read in slabs that fit a memory budget.

Layers hold float32 [record, cell, edge, weight], or [record, particle, weight] when only a fraction of the particles is kept.
The axes between record and weight are the particle axes; `Layer` treats both forms alike. On opening, all segments are checked
(hdf5.py): what is read later was written by the program.
"""

import math
from itertools import product
from pathlib import Path

import numpy as np

from ..mathematics.particle import census, n_weights
from . import hdf5, hold
from .errors import Damaged

NO_CENSUS = 255


def absent(folder):
    """What to do about an archive.h5 that a run's folder lacks."""
    if not (folder / "archive").is_dir():
        return "train with archive.trajectory_every > 0"
    if hold.held(folder):
        return "it is being trained now, and its first record is still to come: wait for it"
    return "its segments are there: train --resume writes it anew"


def archived_part(runs):
    """What share of these runs their archives hold; "" where it is all."""
    found = {}
    for run in runs:
        with run.archive() as archive:
            found[archive.part] = None
    return "; ".join(filter(None, found))


class Archive:
    """An open archive.h5. Use as a context manager.

    epoch, batch: of each record, epochs completed and batches completed inside the next one (0: between epochs).
    last: the last epoch of the run.
    shape: width and layers of a particle (and True, with biases), None if unknown; epsilon: the census' tolerance, for records without a census.
    """

    def __init__(self, path, shape=None, epsilon=1e-5, last=0):
        self.path, self.last = Path(path), last
        self.file = hdf5.open_file(self.path)
        self.epoch = hdf5.read(self.file, "epoch")
        inside = "metrics/batch" in self.file
        self.batch = hdf5.read(self.file, "metrics/batch") if inside else np.zeros_like(self.epoch)
        if "layers" not in self.file:
            raise Damaged(f"{self.path} has no /layers: it is no archive")
        cells, bias = list(self.file.attrs.get("cells", [])), int(self.file.attrs.get("bias", 0))
        self.layers = {}
        for number in sorted(map(int, self.file["layers"])):
            matrix = (int(cells[number + 1]), int(cells[number]) + bias) if len(cells) > number + 1 else None
            layer = Layer(self.file, number, shape or (3, 3), epsilon, matrix, bias)
            if layer.n_records != len(self.epoch) or (shape and layer.n_weights != n_weights(*shape)):
                raise Damaged(
                    f"{self.path}: layer {number} has another shape than the run's configuration and epochs say"
                )
            self.layers[number] = layer

    @property
    def part(self):
        """What share of the run this is, "19 of 27 particles archived, records to epoch 24 of 30"; "" where it is all, or nobody knows."""
        cells, bias = list(self.file.attrs.get("cells", [])), int(self.file.attrs.get("bias", 0))
        total = sum(int(a + bias) * int(b) for a, b in zip(cells, cells[1:]))
        held = sum(layer.n_particles for layer in self.layers.values())
        first, end = (int(self.epoch[0]), int(self.epoch[-1])) if len(self.epoch) else (0, self.last)
        parts = [
            f"{held} of {total} particles archived" if held < total else "",
            f"records from epoch {first} on" if first else "",
            f"records to epoch {end} of {self.last}" if end < self.last else "",
        ]
        return ", ".join(filter(None, parts))

    def fingerprints(self):
        """Pairs of epoch and fingerprint, as metrics.csv has it, of the records between epochs; none in files without."""
        known = "metrics/fingerprint" in self.file
        found = hdf5.read(self.file, "metrics/fingerprint") if known else ()
        return [(int(e), f"{int(f):016x}") for e, b, f in zip(self.epoch, self.batch, found) if b == 0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for layer in self.layers.values():
            layer.trajectory.close()
            layer.type.close()
        self.file.close()


class Layer:
    """One layer of an archive: records, particles, weights."""

    def __init__(self, file, number, shape, epsilon, matrix=None, bias=0):
        self.group, self.number = file[f"layers/{number}"], number
        self.shape, self.epsilon = shape, epsilon
        self.trajectory = hdf5.dataset(file, f"layers/{number}/trajectory")
        self.type = hdf5.dataset(file, f"layers/{number}/type")
        if self.trajectory.ndim not in (3, 4) or self.type.shape != self.trajectory.shape[:-1]:
            raise Damaged(f"{file.filename}: layer {number} has trajectories and types of different shapes")
        self.n_records, self.n_weights = self.trajectory.shape[0], self.trajectory.shape[-1]
        self.particle_shape = self.trajectory.shape[1:-1]
        self.n_particles = math.prod(self.particle_shape)
        self.chunks = self.trajectory.chunks or (1,) * (self.trajectory.ndim - 1) + (self.n_weights,)
        self._matrix, self.bias = matrix, bias

    def particle_slabs(self, budget):
        """Slices over the particle axes and over the records, so that each slab, as float32, takes about `budget` bytes.

        Yields (particle slices, [record slices]): the record slices cover all records in order, for one part of the particles.
        The cuts follow the chunks, so that every chunk is read once; a chunk larger than the budget is read in parts.
        """
        if not self.trajectory.size:
            return
        chunk = [min(c, n) for c, n in zip(self.chunks, self.trajectory.shape)]
        most = max(1, budget // (4 * self.n_weights))
        steps = [1] * (1 + len(self.particle_shape))
        for axis in reversed(range(len(steps))):  # a whole chunk, if it fits
            steps[axis] = min(chunk[axis], max(1, most // math.prod(steps)))
        if steps == chunk[:-1]:  # then more of them: all records if they fit, then along the particle axes
            for axis in [0] + list(reversed(range(1, len(steps)))):
                n, room = self.trajectory.shape[axis], most // math.prod(steps)
                steps[axis] = min(n, steps[axis] * max(1, room))
        records = list(_cuts(self.n_records, steps[0]))
        for part in product(*(list(_cuts(n, s)) for n, s in zip(self.particle_shape, steps[1:]))):
            yield part, records

    def read(self, records, part):
        """Weights of a slab, float32 [record, particle, weight], particles in row-major order."""
        data = self.trajectory[(records,) + tuple(part)]
        return data.reshape(data.shape[0], -1, self.n_weights)

    def types(self, record, part=()):
        """Types in one record, uint8 with the particle axes; a census is taken now where the program took none."""
        types = self.type[(record,) + tuple(part)]
        if (types == NO_CENSUS).any():
            return census(self.trajectory[(record,) + tuple(part)], *self.shape, epsilon=self.epsilon)
        return types

    def positions(self):
        """Cell and edge of every particle, two int arrays with the particle axes."""
        if len(self.particle_shape) == 1:
            return hdf5.dataset(self.group, "cell")[()], hdf5.dataset(self.group, "edge")[()]
        return np.indices(self.particle_shape)

    @property
    def matrix(self):
        """Cells and edges of the layer, archived or not; a bias is the last edge."""
        if self._matrix or len(self.particle_shape) == 2:
            return self._matrix or self.particle_shape
        return tuple(int(axis.max(initial=-1)) + 1 for axis in self.positions())

    @property
    def inputs(self):
        """Edges that read an input."""
        return self.matrix[1] - self.bias


def _cuts(n, step):
    return (slice(begin, min(begin + step, n)) for begin in range(0, n, step))
