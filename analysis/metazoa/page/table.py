"""The results of the report as text: what the runs say, and which of the paper's claims they decide."""

import shutil
import sys
import textwrap
import unicodedata

import numpy as np

from ..mathematics.statistics import number
from ..reading.ensemble import experiments
from ..paper import claims
from . import statements

_VERDICTS = {True: "confirmed", False: "CONTRADICTED", claims.OPEN: "not confirmed"}


def lines(runs, markdown=False, width=None):
    """The table of all experiments among the runs, line by line; at most `width` columns wide (the terminal's, or 80)."""
    if width is None:
        width = shutil.get_terminal_size((80, 24)).columns if sys.stdout.isatty() else 80
    form = _markdown if markdown else lambda table: _plain(table, max(width, 40))
    written, groups = [], experiments(runs)
    names = [group[0].name for group in groups]
    for group in groups:
        rows = [row for row in statements.rows(group) if row.ours != statements.NOT_MEASURED]
        title = f"{group[0].name}, {len(group)} {statements.seeds(group)}"
        if names.count(group[0].name) > 1:  # other experiments have the same name
            title += f" ({group[0]}{' and others' if len(group) > 1 else ''})"
        table = [(title, "here"), *((row.what, row.ours) for row in rows), *_spread(group)]
        written += form(table)
    decided = [
        (f"{name} {says}", ours, _VERDICTS[verdict])
        for name, says, _, ours, verdict in statements.claims(groups)
    ]
    return written + (form([("the paper says (figure)", "here", ""), *decided]) if decided else [])


def _spread(runs):
    """Smallest, quartiles and largest over the seeds, where there are enough of them."""
    if len(runs) < 5:
        return []
    found = [(statements.last_score(run), statements.share_of_replicators(run)) for run in runs]
    rows = []
    for name, values in zip((f"test {runs[0].measure}", "share of self-replicators"), zip(*found)):
        values = [v for v in values if v is not None]
        if values and not (runs[0].scalar and name.startswith("share")):
            ends = np.quantile(values, (0, 0.25, 0.5, 0.75, 1))
            rows.append((f"Spread of {name}: smallest, quartiles, largest", "  ".join(map(number, ends))))
    return rows


def _plain(table, width):
    """The table with its cells wrapped: all columns but the first get what they need up to a bound, the first gets the rest."""
    needs = [max(map(_width, column)) for column in zip(*table)]
    bounds = [min(need, most) for need, most in zip(needs[1:], (width // 3, 13) if len(needs) > 2 else (30,))]
    bounds.insert(0, min(needs[0], width - sum(bounds) - 2 * len(bounds)))
    if sum(needs) + 2 * (len(needs) - 1) <= width:
        bounds = needs
    written = []
    for k, row in enumerate([table[0], ["-" * bound for bound in bounds], *table[1:]]):
        cells = [_wrap(cell, bound) for cell, bound in zip(row, bounds)]
        for line in range(max(map(len, cells))):
            parts = [cell[line] if line < len(cell) else "" for cell in cells]
            written.append(
                "  ".join(part + " " * (bound - _width(part)) for part, bound in zip(parts, bounds)).rstrip()
            )
    return written + [""]


def _wrap(text, width):
    """Lines of at most that width. Spaces that do not break stay together as long as they fit."""
    wrapped = textwrap.wrap(text, width) or [""]
    if max(map(_width, wrapped)) > width:  # wide characters: fewer of them
        wrapped = textwrap.wrap(text, max(1, width // 2))
    return wrapped


def _markdown(table):
    table = [table[0], ("---",) * len(table[0]), *table[1:]]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in table] + [""]


def _width(text):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else not unicodedata.combining(c) for c in text)
