"""Weights as a table: a row for each archived particle in each of the chosen records."""

import os
import uuid
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ..mathematics.particle import TYPES, effective
from ..reading.errors import Missing
from ..reading.text import shown

BUDGET = 16 << 20  # bytes of weights at a time
LABELS = ("run", "seed", "epoch", "batch", "layer", "cell", "edge", "type", "effective")


def chosen(archive, choice):
    """The numbers of the records that `choice` names: all, last, or epochs A:B."""
    if choice == "last":
        return np.array([len(archive.epoch) - 1])
    if choice == "all":
        return np.arange(len(archive.epoch))
    lo, hi = (int(word) for word in choice.split(":"))
    found = np.flatnonzero((archive.epoch >= lo) & (archive.epoch <= hi))
    if len(found) == 0:
        raise Missing(f"{archive.path} has no record of epochs {choice}")
    return found


def slabs(runs, choice):
    """The rows of some runs, slab by slab: (run's number, run, record's number, columns), columns as arrays of equal length."""
    same_particles(runs)
    for number, run in enumerate(runs):
        with run.archive() as archive:
            wanted = set(chosen(archive, choice).tolist())
            for layer in archive.layers.values():
                where = layer.positions()
                for part, records in layer.particle_slabs(BUDGET):
                    for span in records:
                        yield from _slab(number, run, archive, layer, where, part, span, wanted)


def same_particles(runs):
    """Rows of one table have as many weights, in the same places."""
    other = [run for run in runs if run.particle != runs[0].particle]
    if other:
        raise Missing(f"{runs[0]} and {other[0]} have particles of different shapes: export them one by one")


def _slab(number, run, archive, layer, where, part, span, wanted):
    inside = [k for k in range(span.start, span.stop) if k in wanted]
    if not inside:
        return
    weights = layer.read(slice(inside[0], inside[-1] + 1), part)
    cell, edge = (np.asarray(axis)[tuple(part)].ravel() for axis in where)
    for k in inside:
        here = weights[k - inside[0]]
        n = len(here)
        yield number, run, k, {
            "run": np.full(n, number, np.int32),
            "seed": np.full(n, run.seed, np.int64),
            "epoch": np.full(n, archive.epoch[k], np.int64),
            "batch": np.full(n, archive.batch[k], np.int64),
            "layer": np.full(n, layer.number, np.int32),
            "cell": cell.astype(np.int32),
            "edge": edge.astype(np.int32),
            "type": layer.types(k, part).ravel(),
            "effective": effective(here, *run.particle).astype(np.float32),
            "weights": here,
        }


@contextmanager
def replaced(output):
    """The name of a file to write: it becomes `output` when all is written, and is removed after a failure.

    No other export has the same name. What is no regular file (a pipe, a device) is never replaced.
    """
    if Path(output).exists() and not Path(output).is_file():
        raise Missing(f"{shown(output)} is no regular file: choose another output")
    temporary = Path(f"{output}.{uuid.uuid4().hex[:8]}.partial")
    try:
        yield temporary
        os.replace(temporary, output)
    finally:
        temporary.unlink(missing_ok=True)


def write_csv(runs, output, choice):
    """Text: numbers that read back to the same single-precision values, types by their names."""
    with replaced(output) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        for first, columns in _with_first(slabs(runs, choice)):
            if first:
                names = [f"w{i}" for i in range(columns["weights"].shape[1])]
                file.write(",".join((*LABELS, *names)) + "\r\n")
            numbers = np.column_stack((columns["effective"], columns["weights"]))
            labels = zip(
                *(columns[name].tolist() for name in LABELS[:-2]), (TYPES[t] for t in columns["type"])
            )
            for label, row in zip(labels, numbers):
                file.write(",".join((*map(str, label), *map(_shortest, row))) + "\r\n")


def _shortest(value):
    return np.format_float_scientific(value, trim="-") if np.isfinite(value) else str(value)


def write_parquet(runs, output, choice):
    """The same columns; the weights are one column of lists. A row group for each slab."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise Missing(
            "Parquet needs the Python package pyarrow, which Debian 12 lacks: pip install pyarrow, or --to csv"
        ) from None
    writer = None
    with replaced(output) as temporary:
        for _, columns in _with_first(slabs(runs, choice)):
            weights = columns.pop("weights")
            table = {name: pyarrow.array(values) for name, values in columns.items()}
            table["type"] = pyarrow.DictionaryArray.from_arrays(columns["type"].astype(np.int8), list(TYPES))
            flat = pyarrow.array(np.ascontiguousarray(weights).reshape(-1))
            table["weights"] = pyarrow.FixedSizeListArray.from_arrays(flat, weights.shape[1])
            table = pyarrow.table(table)
            writer = writer or parquet.ParquetWriter(temporary, table.schema)
            writer.write_table(table)
        writer.close()


def _with_first(found):
    """The columns of each slab, with whether it is the first; Missing without any."""
    first = True
    for _, _, _, columns in found:
        yield first, columns
        first = False
    if first:
        raise Missing("there is no archived particle to export")
