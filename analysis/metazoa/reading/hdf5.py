"""HDF5 files, opened so that nothing is taken for data that was never written.

HDF5 fills in what it does not find: a part of a virtual dataset whose file is absent or cannot be opened, and a chunk that was
never written, read as a fill value without an error. So every dataset is read through `Rows`: it opens the files of a virtual
dataset itself, one after the other, and refuses (Damaged) what is not wholly there. Few files are open at a time, so the number
of a run's segments is not bounded by the operating system's limit of open files.
"""

import os
import re
import sys
from collections import OrderedDict
from pathlib import Path

os.environ[
    "HDF5_USE_FILE_LOCKING"
] = "FALSE"  # a file that is only read needs no lock, and not every file system has them

import h5py  # noqa: E402
import numpy as np  # noqa: E402

from .errors import Damaged  # noqa: E402

MOST_OPEN = 8  # files at a time
MOST_CHECKED = 4 << 30  # bytes whose digests are compared before they are read, of all datasets together
WITH_WIDTH = ("trajectory", "weights", "velocity_self", "velocity_task")  # whose rows are the last axis
REASONS = {
    "file signature not found": "it is no HDF5 file, or its beginning is lost",
    "truncated file": "its end is missing",
    "Fletcher32": "its values have another checksum than when they were written",
    "metadata checksum": "its structure has another checksum than when it was written",
    "inflate": "its packed values cannot be unpacked",
}
_checked = {}  # bytes of the datasets whose digests were compared, by file, its state, and name
_noted = []
# The variable is read when HDF5 is loaded, which somebody else may have done before; the option is not known to old versions.
_LOCKING = {"locking": False} if h5py.version.hdf5_version_tuple >= (1, 10, 7) else {}


class Elsewhere(Damaged):
    """Values that HDF5 would fill in, or that lie in other files in a way that is not read here."""


def open_file(path):
    """The file, open for reading."""
    try:
        return h5py.File(path, "r", **_LOCKING)
    except OSError as error:
        raise Damaged(f"{path} cannot be read: {_line(error)}") from None


def dataset(file, name):
    """A dataset of an open file or group as Rows; Damaged if it is absent."""
    found = file.get(name)
    if not isinstance(found, h5py.Dataset):
        raise Damaged(f"{file.file.filename} has no dataset {name}")
    return Rows(found)


def read(file, name):
    """All values of a dataset, () for a scalar."""
    return dataset(file, name)[()]


def open_whole(path):
    """A small file, open for reading; all its datasets have been read and are what was written."""
    file = open_file(path)
    try:
        file.visititems(lambda _, found: _whole(found) and None if isinstance(found, h5py.Dataset) else None)
    except (OSError, RuntimeError) as error:
        raise Damaged(f"{path} cannot be read: {_line(error)}") from None
    return file


def text(value):
    """An attribute or element that holds a text."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


class Rows:
    """A dataset, read along its first axis. `shape`, `dtype`, `chunks` are as h5py has them; indices as numpy has them, but the first
    one is an integer, a slice or an ascending list."""

    def __init__(self, found):
        self.name, self.path = found.name, Path(found.file.filename)
        self.shape, self.dtype, self.size, self.ndim = found.shape, found.dtype, found.size, found.ndim
        self._plain = None if found.is_virtual else _whole(found)
        self._files = OrderedDict()
        self.parts = _parts(found) if found.is_virtual else []
        for part in self.parts:
            self._open(part)
        self.chunks = self._open(self.parts[0]).chunks if self.parts else found.chunks

    def __len__(self):
        return self.shape[0]

    def __array__(self, dtype=None):
        return np.asarray(self[()], dtype=dtype)

    def __getitem__(self, key):
        if self._plain is not None:
            return self._read(self._plain, key)
        first, *rest = key if isinstance(key, tuple) and key else (slice(None) if key == () else key,)
        if first is Ellipsis:
            first, rest = slice(None), [Ellipsis, *rest]
        rows = np.arange(self.shape[0])[first]
        wanted = np.atleast_1d(rows)
        if (np.diff(wanted) <= 0).any():
            raise IndexError(f"{self.name}: rows are read in ascending order")
        out = None
        for part in self.parts:
            lo, hi = np.searchsorted(wanted, (part.lo, part.hi))
            if lo == hi and not (out is None and part is self.parts[-1]):
                continue
            block = self._read(self._open(part), (_compact(wanted[lo:hi] - part.lo + part.offset), *rest))
            if out is None:
                out = np.empty((len(wanted),) + block.shape[1:], self.dtype)
            out[lo:hi] = block
        return out if rows.ndim else out[0]

    def _read(self, source, key):
        try:
            return source[key]
        except OSError as error:
            raise Damaged(f"{source.file.filename}: {self.name} cannot be read: {_line(error)}") from None

    def _open(self, part):
        """The dataset of a part, whose file is opened if it is not among the last that were used."""
        if part.path not in self._files:
            if not part.path.is_file():
                raise Damaged(
                    f"{part.path} is not there: {self.path} needs it for rows {part.lo} to {part.hi - 1} of {self.name}; "
                    "bring it back to this place"
                )
            if len(self._files) >= MOST_OPEN:
                self._files.popitem(last=False)[1].close()
            self._files[part.path] = open_file(part.path)
        self._files.move_to_end(part.path)
        found = self._files[part.path].get(part.name)
        if not isinstance(found, h5py.Dataset):
            raise Damaged(f"{part.path} has no dataset {part.name}, which {self.path} needs")
        if not part.known:
            if (
                found.is_virtual
                or found.shape[1:] != self.shape[1:]
                or found.shape[0] < part.offset + part.hi - part.lo
            ):
                raise Damaged(f"{part.path}: {part.name} has another shape than {self.path} needs")
            _whole(found)
            _same_records(self._files[part.path], self.path, part)
            part.known = True
        return found

    def close(self):
        while self._files:
            self._files.popitem()[1].close()


class _Part:
    """Rows lo to hi of a virtual dataset: in which file and dataset they are, and from which row there."""

    def __init__(self, lo, hi, path, name, offset):
        self.lo, self.hi, self.path, self.name, self.offset, self.known = lo, hi, path, name, offset, False


def _parts(found):
    """The parts of a virtual dataset in order of their rows; Damaged where they leave a gap or are no ranges of rows."""
    parts, base = [], Path(found.file.filename).parent
    where = f"{found.file.filename}: {found.name}"
    for source in found.virtual_sources():
        try:
            (lo, *first), (last, *end) = source.vspace.get_select_bounds()
            inside = source.src_space
            offset = 0 if inside.get_select_type() == h5py.h5s.SEL_ALL else inside.get_select_bounds()[0][0]
            regular = source.vspace.get_select_npoints() == (last + 1 - lo) * int(np.prod(found.shape[1:]))
        except (ValueError, RuntimeError):
            regular = False
        if not regular or any(first) or [n + 1 for n in end] != list(found.shape[1:]):
            raise Elsewhere(
                f"{where} is virtual, and not joined row by row from other files: such a dataset is not read here"
            )
        path = Path(found.file.filename) if source.file_name == "." else base / source.file_name
        parts.append(_Part(lo, last + 1, path, source.dset_name, offset))
    parts.sort(key=lambda part: part.lo)
    expected = 0
    for part in parts + [_Part(found.shape[0], 0, "", "", 0)]:
        if part.lo != expected:
            raise Damaged(
                f"{where}: rows {min(expected, part.lo)} to {max(expected, part.lo) - 1} "
                f"{'are in no file' if part.lo > expected else 'are in two files'}; metazoa verify says more"
            )
        expected = part.hi
    return parts


def _whole(found):
    """The dataset, if all its values were written."""
    try:
        if found.size and found.external:
            raise Elsewhere(
                f"{found.file.filename}: {found.name} keeps its values in another file, which is not read here"
            )
        if found.chunks:
            expected = int(np.prod([-(-n // c) for n, c in zip(found.shape, found.chunks)]))
            whole = found.id.get_num_chunks() == expected
        else:
            whole = found.id.get_storage_size() >= (found.size or 0) * found.dtype.itemsize
    except (OSError, RuntimeError) as error:
        raise Damaged(f"{found.file.filename}: {found.name} cannot be read: {_line(error)}") from None
    if not whole:
        raise Elsewhere(f"{found.file.filename}: parts of {found.name} were never written")
    if found.ndim and "digest" in found.attrs and _is_ours(found.file):
        _compare_digest(found)
    return found


def _is_ours(file):
    """Whether the program or this analysis has written a file: then `digest` is their word."""
    known = file.attrs.get("kind") == "pca" or text(file.attrs.get("format", "")).startswith("metazoa ")
    return known or "attributes_digest" in file.attrs


def _compare_digest(found):
    """Refuses a dataset whose values have another digest than when they were written (docs/formats.md).

    Each state of a file is compared once; what goes beyond MOST_CHECKED bytes is left to `metazoa verify`.
    """
    file, size = found.file.filename, found.size * found.dtype.itemsize
    status = os.stat(file)
    key = (os.path.realpath(file), status.st_ino, status.st_mtime_ns, status.st_size, found.name)
    if key in _checked:
        return
    if size + sum(_checked.values()) > MOST_CHECKED:
        if not _noted:
            print(
                f"note: {file} and what follows is too large to be checked here (metazoa verify RUN does it)",
                file=sys.stderr,
            )
            _noted.append(file)
        return
    try:
        total = _digest(found)
    except OSError as error:
        raise Damaged(f"{file}: {found.name} cannot be read: {_line(error)}") from None
    if total != int(found.attrs["digest"]):
        raise Damaged(
            f"{file}: {found.name} is damaged: its digest is not the stored one (metazoa verify says more)"
        )
    _checked[key] = size


def _digest(found):
    """The digest of a dataset's values as the program computes it: of its rows, which are single elements where it has no width."""
    named = found.name.rsplit("/", 1)[-1] in WITH_WIDTH
    wide = named or ("kind" in found.file.attrs and found.ndim > 1)  # kind: a probe, principal components
    width = found.shape[-1] if wide else 1
    rows, step = found.size // max(1, len(found) * width), (found.chunks or found.shape)[0]
    return sum(hash_rows(found[k : k + step], width, k * rows) for k in range(0, len(found), step)) % 2**64


def hash_rows(values, width, first):
    """The sum of `hash_bytes(row, number)` of src/base/hash.c over rows of `width` values, which are numbered from `first` on."""
    rows, piece = np.ascontiguousarray(values).reshape(-1, width).view(np.uint8), 1 << 13
    return sum(_hash_piece(rows[k : k + piece], first + k) for k in range(0, len(rows), piece)) % 2**64


def _hash_piece(rows, first):
    n, size = rows.shape
    words = np.zeros((n, size // 8 + 1), "<u8")  # whole words, then what is left of the row
    words.view(np.uint8)[:, :size] = rows
    *whole, rest = np.ascontiguousarray(words.T)
    with np.errstate(over="ignore"):
        numbers = np.arange(first, first + n, dtype=np.uint64)
        hashes = _mix(numbers + np.uint64(0x9E3779B97F4A7C15)) ^ np.uint64(size)
        for word in whole:
            hashes ^= word
            hashes *= np.uint64(0x9FB21C651E98DF25)
            hashes ^= hashes >> np.uint64(29)
        return int(_mix(hashes ^ rest).sum(dtype=np.uint64))


def _mix(x):
    for _ in range(2):
        x = x ^ (x >> np.uint64(32))
        x = x * np.uint64(0xD6E8FEB86659FD93)
    return x ^ (x >> np.uint64(32))


def _same_records(segment, master, part):
    """Refuses a segment whose epochs or metrics, fingerprints among them, are not those that the master expects in its place."""
    with open_file(master) as file:
        for name in ("epoch", *(f"metrics/{column}" for column in file.get("metrics", ()))):
            if name in segment and name in file:
                ours = segment[name][part.offset : part.offset + part.hi - part.lo]
                if ours.tobytes() != file[name][part.lo : part.hi].tobytes():
                    raise Damaged(
                        f"{part.path} holds other records than {master} expects there: it belongs to another run or state"
                    )


def _compact(rows):
    """A slice in place of rows with equal steps: it is read faster."""
    if len(rows) == 0:
        return slice(0, 0)
    steps = np.diff(rows)
    if (steps == steps[:1]).all():
        return slice(int(rows[0]), int(rows[-1]) + 1, int(steps[0]) if len(steps) else 1)
    return rows


def _line(error):
    """What an error of HDF5 means; without its numbers, addresses and times."""
    said = " ".join(str(error).split())
    for theirs, ours in REASONS.items():
        if theirs in said:
            return ours
    system = re.search(r"error message = '([^']*)'", said)
    return system[1] if system else re.split(r"[:=]", said.rsplit("(", 1)[-1])[0].rstrip(") ,")
