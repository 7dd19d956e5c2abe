"""The mean of a task's training inputs, for the heat maps."""

import gzip
from pathlib import Path

import h5py
import numpy as np

from .run import Missing


def input_mean(run):
    """Mean of each input over the training data: the task's picture [rows, columns], or [1, inputs].

    Missing when the data are not found or the task has none (addition).
    """
    kind, path = run.setting("task", "kind"), run.setting("task", "path")
    if kind == "addition":
        raise Missing("the addition task draws its inputs anew: their mean is 0")
    found = _find(run, path)
    if kind == "idx":
        mean = _idx_mean(found) / 255
        size = _size(run)
        return resize(mean, *size) if any(size) else mean
    if kind == "hdf5":
        return picture(_hdf5_mean(found), run)
    raise Missing(f"inputs of a task of kind {kind} cannot be read here")


def picture(values, run):
    """Values per input as the task's picture: its size, a square, or one row."""
    values = np.asarray(values)
    rows, columns = _size(run)
    if rows and rows * columns == values.size:
        return values.reshape(rows, columns)
    side = int(round(values.size ** 0.5))
    return values.reshape(side, side) if side * side == values.size and side > 2 else values.reshape(1, -1)


def _size(run):
    """Rows and columns that the task asks for; zeros: as in the files."""
    size = run.setting("task", "size", "original")
    return [0, 0] if size == "original" else size


def _find(run, path):
    for base in (Path(), run.path, *run.path.resolve().parents):
        if path and (base / path).exists():
            return base / path
    raise Missing(f"{run}: the data '{path}' are not here")


def _idx_mean(folder):
    for name in ("train-images-idx3-ubyte", "train-images.idx3-ubyte"):
        for file, opener in ((folder / name, open), (folder / f"{name}.gz", gzip.open)):
            if file.is_file():
                with opener(file, "rb") as stream:
                    return _stream_mean(stream, file)
    raise Missing(f"{folder} holds no train-images-idx3-ubyte")


def _stream_mean(stream, file):
    header = np.frombuffer(stream.read(16), dtype=">i4")
    if len(header) != 4 or header[0] != 0x803:
        raise Missing(f"{file} is no IDX file of images")
    n, rows, columns = map(int, header[1:])
    total, left = np.zeros(rows * columns), n
    while left:
        images = np.frombuffer(stream.read(min(left, 8192) * rows * columns), dtype=np.uint8)
        images = images[:images.size // (rows * columns) * rows * columns].reshape(-1, rows * columns)
        if len(images) == 0:
            raise Missing(f"{file} ends early")
        total += images.sum(axis=0)
        left -= len(images)
    return (total / n).reshape(rows, columns)


def _hdf5_mean(path):
    with h5py.File(path, "r") as file:
        x = file["x"]
        total, step = np.zeros(x.shape[1]), max(1, (16 << 20) // (4 * x.shape[1]))
        for begin in range(0, x.shape[0], step):
            total += x[begin:begin + step].sum(axis=0, dtype=np.float64)
        return total / x.shape[0]


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
