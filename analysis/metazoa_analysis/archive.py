"""The trajectory archive of a run, read in slabs that fit a memory budget.

Layers hold float32 [record, cell, edge, weight], or [record, particle, weight] when only a fraction of the particles is kept.
The axes between record and weight are the particle axes; `Layer` treats both forms alike.
"""

import math
from itertools import product
from pathlib import Path

import h5py
import numpy as np

from .particle import census

NO_CENSUS = 255


class Archive:
    """An open archive.h5. Use as a context manager.

    shape, epsilon: width and layers of a particle and the census' tolerance, for records without a census.
    """

    def __init__(self, path, shape=(3, 3), epsilon=1e-5):
        self.path = Path(path)
        self.file = h5py.File(self.path, "r")
        self.epoch = self.file["epoch"][:]
        names = sorted(self.file["layers"], key=int)
        self.layers = {int(name): Layer(self.file["layers"][name], int(name), shape, epsilon) for name in names}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()


class Layer:
    """One layer of an archive: records, particles, weights."""

    def __init__(self, group, number, shape, epsilon):
        self.group, self.number = group, number
        self.shape, self.epsilon = shape, epsilon
        self.trajectory = group["trajectory"]
        self.n_records, self.n_weights = self.trajectory.shape[0], self.trajectory.shape[-1]
        self.particle_shape = self.trajectory.shape[1:-1]
        self.n_particles = math.prod(self.particle_shape)
        self.chunks = _chunk_shape(self.trajectory)

    def particle_slabs(self, budget):
        """Slices over the particle axes and over the records, so that each slab, as float32, takes about `budget` bytes.

        Yields (particle slices, [record slices]): the record slices cover all records in order, for one part of the particles.
        The cuts follow the chunks, so that every chunk is read once; a chunk larger than the budget is read in parts.
        """
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
        types = self.group["type"][(record,) + tuple(part)]
        if (types == NO_CENSUS).any():
            return census(self.trajectory[(record,) + tuple(part)], *self.shape, self.epsilon)
        return types

    def record(self, record):
        """All weights of one record, with the particle axes."""
        return self.trajectory[record]

    def positions(self):
        """Cell and edge of every particle, two int arrays with the particle axes."""
        if "cell" in self.group and "edge" in self.group and len(self.particle_shape) == 1:
            return self.group["cell"][:], self.group["edge"][:]
        return np.indices(self.particle_shape)


def _cuts(n, step):
    return (slice(begin, min(begin + step, n)) for begin in range(0, n, step))


def _chunk_shape(dataset):
    """The chunks on disk; those of the first source when the dataset is virtual; free cuts when it has none."""
    if dataset.chunks:
        return dataset.chunks
    if getattr(dataset, "is_virtual", False):
        for source in dataset.virtual_sources():
            path = Path(source.file_name)
            path = Path(dataset.file.filename) if source.file_name == "." else (
                path if path.is_absolute() else Path(dataset.file.filename).parent / path)
            try:
                with h5py.File(path, "r") as file:
                    return file[source.dset_name].chunks or (1,) * (dataset.ndim - 1) + dataset.shape[-1:]
            except (OSError, KeyError):
                continue
    return (1,) * (dataset.ndim - 1) + dataset.shape[-1:]
