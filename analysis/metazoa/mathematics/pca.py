"""Principal components of weight trajectories, streamed: an archive of any size within a fixed memory.

One pass over the archive for the covariances, one for the projection; each reads slab by slab along the chunks on disk. The
samples are the particles' weights in every record; what shares a covariance is the scope:

  organism  all particles of all layers, one space
  layer     each layer its own
  type      particles by their type in the last record
  particle  every particle its own

Beside the trajectories stand random walks with the same step sizes (null.py), analysed in the same way.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import h5py
import numpy as np

from ..reading import hdf5
from ..reading.errors import Damaged, Missing
from .moments import Moments, members_of
from .null import Walks
from .particle import TYPES

SCOPES = ("organism", "layer", "type", "particle")
VERSION = 2  # of the results; 1 did not say of which state of an archive they are
_SLABS_IN_MEMORY = 12  # float32 slabs that all temporaries of one slab take together, with room


def analyse(
    archive,
    output,
    scope="organism",
    components=3,
    whiten=False,
    walks=3,
    seed=0,
    memory=512 << 20,
    progress=lambda done: None,
):
    """Analyses an open archive and writes the results to the HDF5 file `output`; returns its path.

    components: how many are kept; whiten: scores are divided by their standard deviation; walks: random walks per particle
    (0: no null model); memory: about so many bytes are held; progress: called with the share done.
    """
    if scope not in SCOPES:
        raise ValueError(f"scope {scope!r} is none of {', '.join(SCOPES)}")
    if len(archive.epoch) < 2 or not any(layer.n_particles for layer in archive.layers.values()):
        raise Missing(
            f"{archive.path}: principal components of trajectories need a particle and two records, train longer"
        )
    n_weights = next(iter(archive.layers.values())).n_weights
    keep = min(components, n_weights)
    output, partial = Path(output), Path(f"{output}.{os.getpid()}.partial")
    try:
        with h5py.File(partial, "w") as file:
            file.attrs.update(kind="pca", version=VERSION, state=archive.state, records=len(archive.epoch))
            file.attrs.update(scope=scope, components=keep, whiten=whiten, walks=walks, seed=seed)
            _put(file, "epoch", archive.epoch, "epoch of each record", "epoch")
            _Job(
                archive,
                file,
                scope,
                n_weights,
                keep,
                whiten,
                walks,
                seed,
                memory // _SLABS_IN_MEMORY,
                progress,
            ).run()
            hdf5.seal(file)
        os.replace(partial, output)
    finally:
        partial.unlink(missing_ok=True)
    return output


class _Job:
    def __init__(self, archive, file, scope, n_weights, keep, whiten, walks, seed, budget, progress):
        self.archive, self.file, self.scope, self.progress = archive, file, scope, progress
        self.n_weights, self.keep, self.whiten = n_weights, keep, whiten
        self.walks, self.seed = walks, seed
        if scope == "particle":  # the covariances of a slab's particles must fit as well
            self.most_particles = max(1, 4 * budget // (8 * n_weights * n_weights))
            budget = min(budget, max(1, self.most_particles // 4) * 4 * n_weights * self._records())
        self.budget = max(budget, 4 * n_weights)
        self.done, self.total = 0, 2 * sum(layer.trajectory.size for layer in archive.layers.values())
        self.excluded = 0

    def _records(self):
        return next(iter(self.archive.layers.values())).n_records

    def run(self):
        for layer in self.archive.layers.values():
            self._create(layer)
        if self.scope == "particle":
            for layer, part, records in self._parts():
                shape = _shape(part)
                sums = [Moments(int(np.prod(shape)), self.n_weights) for _ in range(1 + self.walks)]
                self._fit(sums, layer, part, records, None)
                bases = [moments.bases() for moments in sums]
                self._project(sums, bases, layer, part, records, None)
                self._store_particles(sums, bases, layer, part, shape)
        else:
            names = self._group_names()
            sums = [Moments(len(names), self.n_weights) for _ in range(1 + self.walks)]
            for layer, part, records in self._parts():
                self._fit(sums, layer, part, records, self._groups(layer, part))
            bases = [moments.bases() for moments in sums]
            self._store_groups(names, sums, bases)
            for layer, part, records in self._parts():
                self._project(sums, bases, layer, part, records, self._groups(layer, part))
        self.file.attrs["excluded"] = self.excluded

    def _parts(self):
        for layer in self.archive.layers.values():
            for part, records in layer.particle_slabs(self.budget):
                yield layer, part, records

    def _group_names(self):
        if self.scope == "layer":
            return [f"layer {number}" for number in self.archive.layers]
        return list(TYPES) if self.scope == "type" else ["organism"]

    def _groups(self, layer, part):
        n = int(np.prod(_shape(part)))
        if self.scope == "layer":
            return np.full(n, list(self.archive.layers).index(layer.number))
        return layer.types(-1, part).ravel().astype(int) if self.scope == "type" else np.zeros(n, dtype=int)

    def _walk(self, layer, part, draw):
        return Walks(self.seed, draw, layer.number, *(s.start for s in part))

    def _fit(self, sums, layer, part, records, groups):
        walkers = [self._walk(layer, part, draw) for draw in range(self.walks)]
        before = sums[0].excluded
        for record in records:
            slab = layer.read(record, part)
            sums[0].add(slab, groups)
            for moments, walker in zip(sums[1:], walkers):
                moments.add(walker.beside(slab), groups)
            self._advance(slab)
        self.excluded += sums[0].excluded - before

    def _project(self, sums, bases, layer, part, records, groups):
        out = self.file[f"layers/{layer.number}"]
        walker = self._walk(layer, part, 0) if self.walks else None
        for record in records:
            slab = layer.read(record, part)
            where = (record,) + tuple(part) + (slice(None),)
            shape = (len(slab),) + _shape(part) + (self.keep,)
            out["projection"][where] = self._scores(slab, sums[0], bases[0], groups).reshape(shape)
            if walker:
                walk = self._scores(walker.beside(slab), sums[1], bases[1], groups)
                out["walk"][where] = walk.reshape(shape)
            self._advance(slab)

    def _scores(self, slab, moments, basis, groups):
        """Scores [record, particle, keep] float32; NaN where a weight is not finite."""
        variance, components = basis
        groups = np.arange(slab.shape[1]) if groups is None else groups
        scores = np.empty(slab.shape[:2] + (self.keep,), dtype=np.float32)
        scale = np.sqrt(variance[:, : self.keep]) if self.whiten else np.ones((len(variance), self.keep))
        scale = np.where(scale > 0, scale, 1)
        with np.errstate(invalid="ignore", over="ignore"):
            if self.scope == "particle":
                axes = np.swapaxes(
                    components[:, : self.keep] / scale[:, :, None], 1, 2
                )  # [particle, weight, keep]
                centred = np.swapaxes(slab - moments.mean, 0, 1)
                scores[:] = np.swapaxes(centred @ axes, 0, 1)
            else:
                for group, members in members_of(groups):
                    axes = (components[group, : self.keep] / scale[group, :, None]).T
                    scores[:, members] = (slab[:, members] - moments.mean[group]) @ axes
            scores[~np.isfinite(slab).all(axis=2)] = np.nan
        return scores

    def _advance(self, slab):
        self.done += slab.size
        self.progress(self.done / self.total)

    def _create(self, layer):
        group = self.file.create_group(f"layers/{layer.number}")
        shape = layer.trajectory.shape[:-1] + (self.keep,)
        chunks = tuple(min(c, n) for c, n in zip(layer.chunks[:-1], shape)) + (self.keep,)
        chunks = (chunks if np.prod(chunks) >= 1024 else True) if layer.n_particles else None
        what = [("projection", "scores of the trajectories")]
        what += (
            [("walk", "scores of the first random walk, in the walks' own components")] if self.walks else []
        )
        for name, description in what:
            data = group.create_dataset(name, shape, np.float32, chunks=chunks)
            data.attrs.update(description=description, unit="1")
        if self.scope == "particle":
            rest = layer.particle_shape
            group.create_dataset("mean", rest + (self.n_weights,))
            group.create_dataset("components", rest + (self.keep, self.n_weights))
            group.create_dataset("variance", rest + (self.keep,))
            group.create_dataset("ratio", rest + (self.keep,))
            group.create_dataset("walk_ratio", (self.walks,) + rest + (self.keep,))

    def _store_groups(self, names, sums, bases):
        group = self.file.create_group("groups")
        variance, components = bases[0]
        _put(group, "name", np.array(names, dtype="S"), "what shares a space", "1")
        _put(group, "count", sums[0].count, "samples", "1")
        _put(group, "mean", sums[0].mean, "mean weights", "1")
        _put(group, "components", components, "principal components, largest variance first", "1")
        _put(group, "variance", variance, "variance along each component", "1")
        _put(group, "ratio", _ratio(variance), "share of the variance that each component explains", "1")
        walk = np.array([_ratio(basis[0]) for basis in bases[1:]]).reshape((self.walks,) + variance.shape)
        _put(group, "walk_ratio", walk, "the same of the random walks, one row per draw", "1")

    def _store_particles(self, sums, bases, layer, part, shape):
        group = self.file[f"layers/{layer.number}"]
        variance, components = bases[0]
        group["mean"][part] = sums[0].mean.reshape(shape + (-1,))
        group["components"][part] = components[:, : self.keep].reshape(shape + (self.keep, -1))
        group["variance"][part] = variance[:, : self.keep].reshape(shape + (-1,))
        group["ratio"][part] = _ratio(variance)[:, : self.keep].reshape(shape + (-1,))
        for draw, basis in enumerate(bases[1:]):
            group["walk_ratio"][(draw,) + part] = _ratio(basis[0])[:, : self.keep].reshape(shape + (-1,))


def _ratio(variance):
    total = variance.sum(axis=-1, keepdims=True)
    return variance / np.where(total > 0, total, 1)


def _shape(part):
    return tuple(s.stop - s.start for s in part)


def _put(group, name, data, description, unit):
    dataset = group.create_dataset(name, data=data)
    dataset.attrs.update(description=description, unit=unit)


def ensure(run, scope="organism"):
    """The analysis of a run's archive as it is now: the file pca-SCOPE.h5 in its folder.

    It is made if it is absent, of another state of the archive, or made with other options than the default ones; then, or where
    the folder cannot be written, under another name, so that nobody's results are replaced.
    """
    with run.archive() as archive:
        state = archive.state
        file = run.path / f"pca-{scope}.h5"
        for known in (file, *_made.get((str(run.path.resolve()), scope), ())):
            if _fits(known, scope, state):
                return known
        try:
            if not file.exists() or _is_default(file):
                return analyse(archive, file, scope)
        except PermissionError:
            pass
        file = Path(_temporary()) / f"{len(_made)}-pca-{scope}.h5"
        _made[str(run.path.resolve()), scope] = [file]
        return analyse(archive, file, scope)


_made = {}  # analyses of this process in a temporary folder, by run and scope


def _temporary():
    folder = tempfile.mkdtemp(prefix="metazoa-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _attributes(file):
    """Empty where the file is damaged."""
    try:
        with hdf5.open_whole(file) as found:
            return dict(found.attrs)
    except Damaged:
        return {}


def _is_default(file):
    """Whether an analysis was made with the default options, or by a version that did not keep them."""
    found = _attributes(file)
    return found.get("components", 0) <= 3 and all(
        found.get(k, v) == v for k, v in {"whiten": False, "walks": 3, "seed": 0}.items()
    )


def _fits(file, scope, state):
    found = _attributes(file) if file.is_file() else {}
    return (
        found.get("state") == state
        and found.get("scope") == scope
        and found.get("version") == VERSION
        and _is_default(file)
    )
