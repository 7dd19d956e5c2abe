"""The result table of the report as text: the paper's statements beside what the runs say."""

import argparse
import unicodedata

import numpy as np

from . import statements
from .run import experiments, open_runs
from .statistics import number

_VERDICTS = {True: "agrees", False: "DIFFERS", None: ""}
_HEAD = ("", "paper", "here", "")


def lines(runs, markdown=False):
    """The table of all experiments among the runs, line by line."""
    written = []
    for group in experiments(runs):
        seeds = len(group)
        title = f"{group[0].name}, {seeds} {'seeds' if seeds > 1 else 'seed'}"
        rows = [(row.what, row.paper, row.ours, _VERDICTS[row.agrees]) for row in statements.rows(group)
                if row.ours != statements.NOT_MEASURED]
        rows += _spread(group)
        written += _markdown(title, rows) if markdown else _plain(title, rows)
    return written


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
            rows.append((f"Spread of {name}: smallest, quartiles, largest", "–", "  ".join(map(number, ends)), ""))
    return rows


def _plain(title, rows):
    head = (title,) + _HEAD[1:]
    widths = [max(map(_width, column)) for column in zip(head, *rows)]
    table = [head, tuple("-" * width for width in widths), *rows]
    return ["  ".join(cell + " " * (width - _width(cell)) for cell, width in zip(row, widths)).rstrip() for row in table] + [""]


def _markdown(title, rows):
    table = [(title,) + _HEAD[1:], ("---",) * len(_HEAD), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in table] + [""]


def _width(text):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else not unicodedata.combining(c) for c in text)


def table_main(arguments=None):
    parser = argparse.ArgumentParser(prog="metazoa-table", description="Prints the paper's statements beside what the runs say: means "
                                     "over seeds and half widths of their .95 confidence intervals.")
    parser.add_argument("runs", nargs="+", metavar="RUN", help="folders of runs, or folders that hold runs")
    parser.add_argument("--markdown", action="store_true", help="as Markdown")
    options = parser.parse_args(arguments)
    print("\n".join(lines(open_runs(options.runs), options.markdown)).rstrip())
    return 0
