"""A flat data set of weights with labels, for learning on weights: HDF5 arrays along one axis, sample."""

import io

import h5py
import numpy as np

from ..mathematics.particle import TYPES
from ..reading import hdf5
from ..reading.errors import Missing
from .rows import replaced, same_particles, slabs

_CHUNK = 4096  # samples
_TEXTS = {
    "weights": "weights of a particle: layer by layer, row-major [cell][edge]",
    "type": "0 divergent, 1 zero, 2 self-replicator, 3 secondary, 4 other, 5 pruned",
    "effective": "effective weight: what the particle multiplies its input by",
    "run": "number of the run, as in run_name",
    "seed": "seed of the run",
    "epoch": "epochs completed",
    "batch": "batches completed inside the next epoch",
    "layer": "layer of the organism, from the inputs on",
    "cell": "cell that the particle feeds",
    "edge": "cell of the layer before, or input, that it reads",
    "score": "of the run in this record: test accuracy or mean absolute error, NaN: not measured",
    "fingerprint": "of the whole organism in this record, as in metrics.csv",
}
_AXES = {"sample": "number of the sample", "weight": "number of the weight", "number": "number of the run"}


def _describe(data, text):
    data.attrs.update(long_name=text, units="1")


class _Stream(io.FileIO):
    """The file below HDF5. A write that fails is remembered and passed over: told of it, HDF5 would try again while it closes
    the file, and crash."""

    error = None

    def write(self, data):
        rest = memoryview(data).cast("B")
        try:
            while rest:  # a part may be written before the error
                rest = rest[super().write(rest) :]
        except OSError as error:
            self.error = self.error or error
        return len(data)

    def truncate(self, size=None):
        try:
            return super().truncate(size)
        except OSError as error:
            self.error = self.error or error
            return size

    def check(self):
        if self.error:
            raise OSError(self.error.errno, self.error.strerror, self.name)


def write(runs, output, choice):
    """Writes /weights [sample, weight] and its labels [sample]; the attribute `measure` says what `score` is."""
    same_particles(runs)
    labels = [_labels(run) for run in runs]
    with replaced(output) as temporary, _Stream(temporary, "w+") as stream:
        with h5py.File(stream, "w") as file:
            _fill(file, runs, choice, labels, stream)
        stream.check()


def _fill(file, runs, choice, labels, stream):
    """All datasets and attributes; stops where the stream below has failed."""
    for number, run, record, columns in slabs(runs, choice):
        n = len(columns["type"])
        columns["score"] = np.full(n, labels[number][0][record], np.float32)
        columns["fingerprint"] = np.full(n, labels[number][1][record], np.uint64)
        for name, values in columns.items():
            _append(file, name, values)
        stream.check()
    if "weights" not in file:
        raise Missing("there is no archived particle to export")
    file["run_name"] = [run.name for run in runs]
    measures = {run.measure for run in runs}
    file.attrs.update(
        kind="dataset",
        types=list(TYPES),
        measure=" or ".join(sorted(f"test_{m}" for m in measures)),
        Conventions="CF-1.8",
    )
    for name, size in zip(_AXES, (*file["weights"].shape, len(runs))):
        file.create_dataset(name, data=np.arange(size)).make_scale(name)
        _describe(file[name], _AXES[name])
    for name in _TEXTS:
        file[name].dims[0].attach_scale(file["sample"])
    file["weights"].dims[1].attach_scale(file["weight"])
    file["run_name"].dims[0].attach_scale(file["number"])
    _describe(file["run_name"], "name of each run")
    file["type"].attrs.update(
        flag_values=np.arange(len(TYPES), dtype=np.uint8), flag_meanings=" ".join(TYPES)
    )


def _append(file, name, values):
    if name not in file:
        shape, chunk = values.shape[1:], (_CHUNK,) + values.shape[1:]
        data = file.create_dataset(name, (0,) + shape, values.dtype, maxshape=(None,) + shape, chunks=chunk)
        _describe(data, _TEXTS[name])
    data = file[name]
    at = len(data)
    data.resize(at + len(values), axis=0)
    data[at:] = values


def _labels(run):
    """Score and fingerprint of every record."""
    with run.archive() as archive:
        n, found = len(archive.epoch), archive.file
        measured = f"metrics/test_{run.measure}"
        score = hdf5.read(found, measured) if measured in found else np.full(n, np.nan)
        known = "metrics/fingerprint" in found
        return score, hdf5.read(found, "metrics/fingerprint") if known else np.zeros(n, np.uint64)
