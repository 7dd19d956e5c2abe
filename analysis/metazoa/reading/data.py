"""What a task's inputs look like: the mean of those that a run used, and values per input as a picture."""

import gzip
import json
import os
import zlib
from pathlib import Path

import numpy as np

from . import hdf5, program
from .errors import Damaged, Missing
from .text import shown

MNIST_LABELS = (
    5923,
    6742,
    5958,
    6131,
    5842,
    5421,
    5918,
    6265,
    5851,
    5949,
)  # how often each class is among the training labels
GREY = (0.299, 0.587, 0.114)  # of red, green and blue
PIECE = 8192  # rows that are read at a time


def input_mean(run, test=False):
    """Mean of each input over the samples that the run used for training and validation, or for testing: a picture, or [1, inputs].

    Missing when the data are not found or the task has none (addition).
    """
    if run.kind == "addition":
        raise Missing("the addition task draws its inputs anew: their mean is 0")
    found = find(run)
    proven = _check(run, found)
    wanted = run.setting("task", "test_samples" if test else "samples", 0)
    try:
        if run.kind == "hdf5":
            mean = _mean(_hdf5_pieces(found, "test/x" if test else "x", wanted, proven), 0)
            return picture(_scaled(mean, found, run, proven), run)
        if run.kind == "idx":
            planes = _mean(idx_pieces(found, "t10k" if test else "train"), wanted)[None]
        elif run.kind == "cifar10":
            planes = _mean(_cifar10(found, test), wanted)
        else:
            raise Missing(f"inputs of a task of kind {run.kind} cannot be read here")
    except (OSError, EOFError, zlib.error) as error:
        raise Damaged(f"{shown(found)}: the data cannot be read: {error}") from None
    size = run.image[1:] if run.image else planes.shape[1:]
    grey = np.tensordot(GREY, planes, 1) if len(planes) == 3 else planes[0]
    return resize(grey / 255, *size)


def _check(run, found):
    """Whether the program has just read the data there whole, and found those that the run was trained on; Missing if they are others."""
    ours = run.data.get("digest")
    if not ours:
        return False
    try:
        path = f"task.path={json.dumps(os.fspath(found), ensure_ascii=False)}"
        said = program.run("check", run.path / "config.yaml", "--data", "--json", "--set", path)
    except (Missing, OSError, UnicodeError):
        return False  # no program, or no memory for it: nobody can tell
    theirs = json.loads(said)["task"].get("digest")
    if theirs not in (None, ours):
        raise Missing(f"{run}: the data '{shown(found)}' are others than the run was trained on")
    return theirs == ours


def picture(values, run):
    """Values per input as a picture, summed over its planes; as a square or one row where the inputs are no pictures."""
    values = np.asarray(values)
    if run.image and int(np.prod(run.image)) == values.size:
        return values.reshape(run.image).sum(axis=0)
    side = int(round(values.size**0.5))
    return values.reshape(side, side) if side * side == values.size and side > 2 else values.reshape(1, -1)


def is_mnist(run):
    """Whether a run's data are MNIST: by the labels where they are found, otherwise by the name of their folder."""
    if run.kind != "idx":
        return False
    try:
        folder = find(run)
        return tuple(np.bincount(idx_labels(folder, "train"), minlength=10)) == MNIST_LABELS
    except (Missing, OSError, EOFError, zlib.error):
        return Path(str(run.setting("task", "path", "data/mnist"))).name.lower() == "mnist"


def papers(run):
    """Whether a run is of an experiment of the paper, so that its numbers can be set beside the run's: its data, and no meetings."""
    meets = any(run.setting("interaction", operator, 0.0) for operator in ("attack", "melt", "learn"))
    return not meets and (run.kind == "addition" or is_mnist(run))


def find(run):
    """The file or folder of a run's data. Missing if it is not there."""
    path = str(run.setting("task", "path", "data/mnist"))
    for base in (Path(), run.path, *run.path.resolve().parents):
        if (base / path).exists():
            return base / path
    raise Missing(f"{run}: the data '{path}' are not here")


def _unpacked(path):
    """The stream of a file that may be packed by gzip, whatever its name says."""
    with open(path, "rb") as stream:
        packed = stream.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if packed else open(path, "rb")


def _begins(path, magic):
    try:
        with _unpacked(path) as stream:
            return stream.read(4) == magic.to_bytes(4, "big")
    except (OSError, EOFError, zlib.error):
        return False


def _open(folder, name, dimensions):
    """The stream of a file of MNIST's format: as the program, the first that begins as it must."""
    files = [folder / f"{name}{dot}idx{dimensions}-ubyte{ending}" for dot in "-." for ending in ("", ".gz")]
    files = [file for file in files if file.is_file()]
    if not files:
        raise Missing(f"{shown(folder)} holds no {name}-idx{dimensions}-ubyte")
    return _unpacked(next((file for file in files if _begins(file, 0x800 + dimensions)), files[0]))


def idx_labels(folder, part):
    """The classes of a folder in MNIST's format; part: train or t10k."""
    with _open(folder, f"{part}-labels", 1) as stream:
        return np.frombuffer(stream.read()[8:], np.uint8)


def idx_pieces(folder, part):
    """Pieces [image, row, column] of its images, 0 to 255."""
    with _open(folder, f"{part}-images", 3) as stream:
        header = np.frombuffer(stream.read(16), dtype=">i4")
        if len(header) != 4 or header[0] != 0x803:
            raise Damaged(f"{shown(folder)}: {part}-images is no IDX file of images")
        left, *shape = map(int, header[1:])
        while left > 0:
            n = min(left, PIECE)
            piece = stream.read(n * shape[0] * shape[1])
            if len(piece) < n * shape[0] * shape[1]:
                raise Damaged(f"{shown(folder)}: {part}-images ends early")
            yield np.frombuffer(piece, np.uint8).reshape(n, *shape)
            left -= n


def _cifar10(folder, test):
    """Pieces [image, plane, row, column]."""
    for name in ["test_batch.bin"] if test else [f"data_batch_{k}.bin" for k in range(1, 6)]:
        if not (folder / name).is_file():
            raise Missing(f"{shown(folder)} holds no {name}")
        with _unpacked(folder / name) as stream:
            yield np.frombuffer(stream.read(), np.uint8).reshape(-1, 3073)[:, 1:].reshape(-1, 3, 32, 32)


def _mean(pieces, wanted):
    """Mean over the first samples of all pieces, all of them if `wanted` is 0."""
    total, count = 0.0, 0
    for piece in pieces:
        piece = piece[: wanted - count] if wanted else piece
        total, count = total + piece.sum(axis=0, dtype=np.float64), count + len(piece)
        if wanted and count >= wanted:
            break
    return total / max(count, 1)


def _hdf5_pieces(path, name, wanted, proven):
    """Pieces [sample, input] of the first samples, all of them if `wanted` is 0, by what netCDF's attributes say of them.

    proven: the program has found all that is used to be stored, in this file or another, so HDF5 fills in nothing.
    """
    with hdf5.open_file(path) as file:
        if name not in file:
            raise Missing(f"{shown(path)} has no /{name}")
        try:
            attributes, x = file[name].attrs, file[name] if proven else hdf5.dataset(file, name)
        except hdf5.Elsewhere as error:
            raise Missing(str(error)) from None
        inputs = int(np.prod(x.shape[1:]))
        scale, offset = (
            float(np.ravel(attributes.get(key, default))[0])
            for key, default in (("scale_factor", 1), ("add_offset", 0))
        )
        signed = hdf5.text(attributes.get("_Unsigned", "")) not in ("true", "True") or x.dtype.kind != "i"
        kind = x.dtype if signed else x.dtype.str.replace("i", "u")
        step, n = max(1, (16 << 20) // (4 * inputs)), min(wanted or len(x), len(x))
        for k in range(0, n, step):
            yield x[k : min(k + step, n)].view(kind).reshape(-1, inputs).astype(float) * scale + offset


def _scaled(mean, path, run, proven):
    """The mean of inputs that the run has scaled (task.scaling): by the range of each input over the training samples."""
    if run.setting("task", "scaling", "none") != "range":
        return mean
    lo, hi = np.inf, -np.inf
    for piece in _hdf5_pieces(path, "x", run.setting("task", "samples", 0), proven):
        lo, hi = np.minimum(lo, piece.min(axis=0)), np.maximum(hi, piece.max(axis=0))
    return np.where(hi > lo, (mean - lo) / np.where(hi > lo, hi - lo, 1), 0)


def resize(image, rows, columns):
    """Bilinear with half-pixel centres and without anti-aliasing, as the program resizes; linear, so it commutes with means."""
    for axis, n in ((0, rows), (1, columns)):
        old = image.shape[axis]
        at = np.clip((np.arange(n) + 0.5) * old / n - 0.5, 0, old - 1)
        low = np.floor(at).astype(int)
        high = np.minimum(low + 1, old - 1)
        weight = (at - low).reshape((-1, 1) if axis == 0 else (1, -1))
        image = (1 - weight) * image.take(low, axis) + weight * image.take(high, axis)
    return image
