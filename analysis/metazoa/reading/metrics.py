"""metrics.csv as a table; it may be read while the program writes it."""

from itertools import islice

import numpy as np

from .errors import Damaged, Missing
from .text import read_text, shown

TEXTS = ("fingerprint",)  # columns that are no numbers


def _told(lines):
    return (line for line in lines if line.strip() and not line.startswith("#"))


def recorded(file):
    """Whether a row is complete below the names of the columns: the program writes the file line by line."""
    if not file.is_file():
        return False
    with open(file, encoding="utf-8", errors="replace") as lines:
        return [line.endswith("\n") for line in islice(_told(lines), 2)] == [True, True]


def read(file):
    """The rows that are whole, a pandas.DataFrame, and in which of its cells something was measured, another one of truth
    values: a result may be NaN as well. Missing without any row, Damaged if one is missing or wrong."""
    import pandas  # takes a while to load, and principal components do not need it

    if not file.is_file():
        raise Missing(f"{shown(file.parent)}: no metrics.csv")
    lines = list(_told(read_text(file).splitlines(keepends=True)))
    if lines and not lines[-1].endswith("\n"):
        lines.pop()  # the program is writing it
    if len(lines) < 2:
        raise Missing(f"{shown(file.parent)}: metrics.csv has no epoch yet")
    names = [name.strip() for name in lines[0].split(",")]
    rows = [line.rstrip("\r\n").split(",") for line in lines[1:]]
    wrong = next((k for k, row in enumerate(rows) if len(row) != len(names)), None)
    if wrong is not None or "epoch" not in names:
        raise Damaged(f"{shown(file)}: row {2 + (wrong or -1)} has other columns than it must have")
    table = pandas.DataFrame(rows, columns=names)
    measured = table.apply(lambda column: column.str.strip() != "")
    for name in names:
        if name not in TEXTS:
            try:
                table[name] = np.array([float(value) if value.strip() else np.nan for value in table[name]])
            except ValueError as error:
                raise Damaged(f"{shown(file)}: column {name}: {error}") from None
    epochs = table["epoch"].to_numpy()
    if not (np.isfinite(epochs).all() and (np.diff(epochs) > 0).all()):
        raise Damaged(f"{shown(file)}: the epochs do not ascend")
    holes = np.flatnonzero(np.diff(epochs) > 1)
    if len(holes):
        raise Damaged(f"{shown(file)} has no row of epoch {epochs[holes[0]] + 1:.0f}")
    table["epoch"] = epochs.astype(np.int64)
    return table, measured
