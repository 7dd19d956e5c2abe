"""The runs of `make paper`, by experiment and variant, and what one number each says of them."""

import json

import numpy as np

from ..mathematics.particle import TYPES
from ..mathematics.statistics import interval, number, percentage
from ..reading.errors import Missing
from ..reading.ensemble import open_runs


class Source:
    """A folder of `make paper`. Variants are named as there: addition, addition-task-self, images, images-replication, ..."""

    def __init__(self, folder=None, runs=None):
        """runs, where there is no folder: lists of runs by the names of their variants."""
        self.folder = folder
        found = [name for name in ("mnist", "fashion") if folder and (folder / name).is_dir()]
        self.images = found[0] if found else "mnist"
        self._runs, self._lines, self.made = {} if runs is None else dict(runs), {}, {}

    def runs(self, variant):
        """The finished runs of a variant in order of their seeds; none where it was not made."""
        if variant not in self._runs:
            folder = self.folder and self.folder / variant.replace("images", self.images)
            try:
                found = open_runs([folder]) if folder and folder.is_dir() else []
            except Missing:
                found = []
            found = [run for run in found if run.summary.get("finished")]
            self._runs[variant] = sorted(found, key=lambda run: run.seed)
        return self._runs[variant]

    def lines(self, variant, kind):
        """What the probe of this kind says of each run of a variant that has it, of its last state: the objects of its lines of
        JSON."""
        if (variant, kind) not in self._lines:
            runs = [run for run in self.runs(variant) if (run.path / f"probe-{kind}.json").is_file()]
            runs = [run for run in runs if not run.probe_remark(kind)]
            self._lines[variant, kind] = [run.probe_summary(kind) for run in runs]
        return self._lines[variant, kind]

    def compiled(self, variant):
        """What `metazoa compile` said of each run of a variant."""
        if not self.folder:
            return []
        folder = self.folder / f"{variant.replace('images', self.images)}-compiled"
        return [json.loads(file.read_text()) for file in sorted(folder.glob("seed-*.json"))]

    def each(self, variant, measure):
        """measure(run) of every run of a variant; computed once."""
        key = variant, measure
        if key not in self.made:
            self.made[key] = [measure(run) for run in self.runs(variant)]
        return self.made[key]


class Needed:
    """A source of which nothing may be missing: what it gives is never empty, or Missing is raised."""

    def __init__(self, source):
        self._source = source

    def __getattr__(self, name):
        found = getattr(self._source, name)
        return (lambda *asked: _some(found(*asked), asked)) if callable(found) else found


def _some(values, asked):
    if not len(values):
        raise Missing(f"there are no runs of {asked[0]}")
    return values


# ---- numbers of one run ----


def last(column, epoch=None):
    """measure: the column of metrics.csv at an epoch, or at the last one."""
    if (column, epoch) not in _LAST:
        _LAST[column, epoch] = lambda run: _at(run, column, epoch)
    return _LAST[column, epoch]


_LAST = {}  # one function for each, so that Source.each knows it again


def _at(run, column, epoch):
    table = run.metrics.set_index("epoch")[column]
    return float(table.loc[epoch] if epoch else table.dropna().iloc[-1])


def score(run):
    return _at(run, f"test_{run.measure}", _end(run))


def share(run):
    """Self-replicators at the end of training, before a settling phase."""
    return _at(run, "self_replicator", _end(run)) / run.summary["particles"]


def _end(run):
    """The last epoch of training proper: settling adds one."""
    rows = run.metrics["epoch"]
    return int(rows.iloc[-2] if "census_before_settling" in run.summary else rows.iloc[-1])


def census_shares(run):
    """Shares of all types over epochs: [epoch, type]."""
    table = run.census
    return table.index.to_numpy(), table[list(TYPES)].to_numpy() / run.summary["particles"]


# ---- texts ----


def three(value):
    return f"{value:.3f}"


def signed_points(value):
    """A share as percentage points."""
    return f"{100 * value:+.2f}".replace("-", "−")


def percent(value, digits=3):
    return percentage(value, digits)


def spread(values, form=number):
    """Median with its .95 interval, and the range."""
    values = np.asarray([v for v in values if v is not None], dtype=float)
    if not len(values):
        return "not run"
    median, low, high = map(float, interval(values))
    text = form(median)
    if len(values) > 1 and np.ptp(values) > 0:
        text += f" [{form(low)}, {form(high)}], {form(values.min())} to {form(values.max())}"
    return text


def shares(values):
    return f"{spread(values, percent)} %" if len(values) else "not run"


def middle(values, form=number):
    """Median with its .95 interval."""
    return spread(values, form).rsplit(", ", 1)[0] if len(values) > 1 else spread(values, form)


def table(head, rows):
    """A Markdown table, line by line."""
    lines = [head, ("---",) * len(head), *rows]
    return ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines]
