"""Principal components of weight trajectories: the files that `metazoa pca` writes (docs/analysis.md).

The program computes them, on all ranks of a job where the archive is large; here they are asked for, told apart, and read.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np

from ..reading import hdf5, program
from ..reading.errors import Damaged

VERSION = 3  # of the results
DEFAULT = {"origin": "mean", "whiten": 0, "walks": 3, "seed": 0}


def analyse(run, output, scope="organism", *options):
    """Runs `metazoa pca` on a run's folder; the results go to the HDF5 file `output`. Returns what the program prints."""
    return program.run("pca", run, "--scope", scope, "--output", output, *map(str, options))


def attributes(path):
    """The attributes of a file, texts as texts; nothing of a file that is damaged."""
    try:
        with hdf5.open_whole(path) as file:
            return {k: hdf5.text(v) if isinstance(v, (bytes, str)) else v for k, v in file.attrs.items()}
    except Damaged:
        return {}


def group_names(file):
    """What shares a space, group by group."""
    return [name for text in hdf5.read(file, "groups/name") for name in hdf5.text(text).split("\n")]


def ensure(run, scope="organism", origin="mean"):
    """The analysis of a run's archive as it is now: the file pca-SCOPE.h5 in its folder; pca-SCOPE-start.h5 for displacements.

    It is made if it is absent, of another state of the archive, or made with other options than the default ones; then, or where
    the folder cannot be written, under another name, so that nobody's results are replaced.
    """
    with run.archive() as archive:
        state = _state(archive.file)
    name = f"pca-{scope}.h5" if origin == DEFAULT["origin"] else f"pca-{scope}-{origin}.h5"
    file = run.path / name
    key = str(run.path.resolve()), name
    for known in (file, *_made.get(key, ())):
        if _fits(known, scope, origin, state, run.epsilon):
            return known
    if os.access(run.path, os.W_OK) and (not file.exists() or _is_default(attributes(file), origin)):
        analyse(run.path, file, scope, "--origin", origin)
        return file
    file = Path(_temporary()) / f"{len(_made)}-{name}"
    _made[key] = [file]
    analyse(run.path, file, scope, "--origin", origin)
    return file


_made = {}  # analyses of this process in a temporary folder, by run and scope


def _temporary():
    folder = tempfile.mkdtemp(prefix="metazoa-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _state(file, prints="metrics/fingerprint"):
    """What tells an archive from any other, and from itself after more training: epochs and fingerprints."""
    return [hdf5.read(file, name) for name in ("epoch", prints) if name in file]


def _is_default(found, origin="mean"):
    """Whether an analysis was made with the default options, or by a version that did not keep all of them."""
    return found.get("components", 0) <= 3 and all(
        found.get(k, v) == v for k, v in {**DEFAULT, "origin": origin}.items()
    )


def _fits(file, scope, origin, state, epsilon):
    found = attributes(file) if file.is_file() else {}
    if found.get("scope") != scope or found.get("version") != VERSION or not _is_default(found, origin):
        return False
    if not np.isclose(found.get("epsilon", epsilon), epsilon, 1e-6, 0):
        return False
    with hdf5.open_file(file) as results:
        known = _state(results, "fingerprint")
        scored = any("projection" in layer for layer in results["layers"].values())
    return scored and len(known) == len(state) and all(map(np.array_equal, known, state))
