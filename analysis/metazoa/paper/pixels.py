"""MNIST without dead pixels, for two controls of experiment 2: files for `task.kind: hdf5` of images of 15 x 15 pixels.

    background.h5   x'_i = max(x_i, b_i) with one picture b for all images, uniform in [0, 0.5)
    rotated.h5      x' = Q x with one orthogonal matrix Q for all images, random (Haar)

Both keep what can be learned; in both no input is always zero. What a background makes of a dead pixel is constant, so it has a
mean square but hardly any variance; in rotated images all inputs have variances of one size.
"""

import h5py
import numpy as np

from ..reading import hdf5
from ..reading.data import find, idx_labels, idx_pieces

SIDE, SEED = 15, 20221216


def resizing(old, new):
    """The matrix [new, old] of bilinear resizing with half-pixel centres (src/task/image.c)."""
    at = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
    low = np.floor(at).astype(int)
    matrix = np.zeros((new, old))
    matrix[np.arange(new), low] += 1 - (at - low)
    matrix[np.arange(new), np.minimum(low + 1, old - 1)] += at - low
    return matrix


def images(folder, part):
    """Pixels [image, SIDE * SIDE] from 0 to 1."""
    small = []
    for piece in idx_pieces(folder, part):
        rows, columns = (resizing(n, SIDE) for n in piece.shape[1:])
        small.append(np.einsum("ir,nrc,jc->nij", rows, piece / 255, columns, optimize=True))
    return np.concatenate(small).reshape(-1, SIDE * SIDE)


def inputs(run):
    """The training inputs [sample, input] of a run on idx or HDF5 data, without the noise."""
    folder = find(run)
    if run.kind == "idx":
        return images(folder, "train")
    with hdf5.open_file(folder) as file:
        return hdf5.read(file, "x").astype(np.float64)


def changes():
    """The two controls by name: functions of pixels [image, input]."""
    random = np.random.default_rng(SEED)
    background = random.uniform(0, 0.5, SIDE * SIDE)
    q, r = np.linalg.qr(random.standard_normal((SIDE * SIDE, SIDE * SIDE)))
    rotation = q * np.sign(np.diag(r))  # without the signs it is not uniform over all rotations
    return {"background": lambda x: np.maximum(x, background), "rotated": lambda x: x @ rotation.T}


def write(folder, output):
    """Writes both files to `output`; `folder` holds the four files of the MNIST format. Their paths."""
    output.mkdir(parents=True, exist_ok=True)
    pixels = {part: images(folder, part) for part in ("train", "t10k")}
    for name, change in changes().items():
        with h5py.File(output / f"{name}.tmp", "w") as file:
            for part, group in (("train", ""), ("t10k", "test/")):
                file[f"{group}x"] = change(pixels[part]).astype(np.float32)
                file[f"{group}y"] = idx_labels(folder, part).astype(np.int64)
        (output / f"{name}.tmp").replace(output / f"{name}.h5")
    return [output / f"{name}.h5" for name in changes()]
