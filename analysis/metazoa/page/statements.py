"""The paper's statements beside what the runs say: rows of the report's result table.

Each row has the statement, the paper's value, ours (median and .95 interval over seeds), when we count it as agreeing, and the
verdict: True, False, or None when it was not measured or the paper says nothing.
"""

from dataclasses import dataclass

import numpy as np

from ..mathematics.particle import SELF_REPLICATOR, TYPES
from ..mathematics.statistics import number, text
from ..reading import hdf5
from ..reading.data import papers, picture
from ..reading.errors import Missing


@dataclass
class Row:
    what: str
    paper: str
    ours: str
    rule: str = ""
    agrees: object = None


NOT_MEASURED = "not measured"


def rows(runs):
    """The result table of one experiment (a list of runs that differ in their seeds)."""
    if runs[0].scalar:
        return [_score(runs, "Conventional network: ")] + _training_time(runs)
    if not papers(runs[0]):
        table = [_score(runs), _replicators(runs), *_places(runs), *_dropout(runs), _substitution(runs)]
        for row in table:
            row.paper, row.rule, row.agrees = "–", "", None
    elif runs[0].kind == "addition":
        table = [
            _replicators(runs, "all", "at least 99 % in the mean", lambda share: share >= 0.99),
            _score(runs, "", "about 10⁻⁷", "below 10⁻⁶ in the mean", lambda mae: mae < 1e-6),
            _substitution(runs),
        ]
    else:
        table = [
            _score(runs, "", "> 0.8, epoch 200", "above 0.8 in the mean", lambda accuracy: accuracy > 0.8),
            _replicators(runs, "about 25 %", "15 to 35 % in the mean", lambda share: 0.15 <= share <= 0.35),
            *_places(runs),
            *_dropout(runs),
            _substitution(runs),
        ]
    return table + _settling(runs) + _training_time(runs)


def _row(what, paper, values, rule, test, format_=text, detail=""):
    values = [v for v in values if v is not None and np.isfinite(v)]
    if not values:
        return Row(what, paper, NOT_MEASURED, rule)
    agrees = bool(test(np.mean(values))) if test else None
    return Row(what, paper, format_(values) + detail, rule, agrees)


def percent(values):
    return f"{text([100 * v for v in values])}\u00a0%"


def last_look(run):
    """The last measured test accuracy or MAE, before a settling phase where there was one, and its epoch; None if there is none."""
    column, rows = f"test_{run.measure}", run.metrics
    before = run.summary.get(f"{column}_before_settling")
    if before is not None:
        return before, int(min(rows["epoch"].iloc[-1], run.setting("training", "epochs", np.inf)))
    looks = rows.dropna(subset=[column]) if column in rows else rows[:0]
    return (float(looks[column].iloc[-1]), int(looks["epoch"].iloc[-1])) if len(looks) else None


def last_score(run):
    """The last measured test accuracy or MAE, before a settling phase where there was one; None if there is none."""
    look = last_look(run)
    return look and look[0]


def _score(runs, prefix="", paper="–", rule="", test=None):
    what = "test accuracy" if runs[0].measure == "accuracy" else "mean absolute error on test data"
    epochs = {look[1] for look in map(last_look, runs) if look}
    at = f" at epoch {epochs.pop()}" if len(epochs) == 1 else ""
    name = f"{prefix}{what}{at}"
    return _row(name[0].upper() + name[1:], paper, [last_score(run) for run in runs], rule, test)


def share_of_replicators(run):
    """The share at the end of the last epoch, before a settling phase where there was one; None without a census."""
    census = run.summary.get("census_before_settling") or run.summary.get("census") or {}
    total = sum(census.get(name) or 0 for name in TYPES)
    return census.get("self_replicator", 0) / total if total else None


def _replicators(runs, paper="–", rule="", test=None):
    return _row(
        "Self-replicators among the particles",
        paper,
        [share_of_replicators(run) for run in runs],
        rule,
        test,
        percent,
    )


def _collect(runs, kind, read):
    """read(file) for every run that has the probe."""
    values = []
    for run in runs:
        try:
            with run.probe(kind) as file:
                values.append(read(file))
        except Missing:
            continue
    return values


def _substitution(runs):
    name, rule = "Output difference after substitution", "median between 10⁻⁹ and 10⁻⁶"
    found = _collect(runs, "substitution", lambda file: np.abs(hdf5.read(file, "difference").ravel()))
    size = _collect(runs, "substitution", lambda file: np.abs(hdf5.read(file, "output")).mean())
    if not found:
        return Row(name, "10⁻⁸ to 10⁻⁷", NOT_MEASURED, rule)
    medians, largest = [float(np.median(d)) for d in found], max(float(d.max()) for d in found)
    return _row(
        name,
        "10⁻⁸ to 10⁻⁷",
        medians,
        rule,
        lambda median: 1e-9 <= median <= 1e-6,
        detail=f" (median; largest {number(largest)}"
        + (f"; mean size of an output {number(np.mean(size), 2)})" if size else ")"),
    )


def _places(runs):
    """Where the self-replicators are: first layer, and there at the picture's edge."""
    first, edge = [], []
    for run in runs:
        try:
            with run.archive() as archive:
                record = _record_before_settling(run, archive)
                types = {n: layer.types(record) for n, layer in archive.layers.items()}
                counts = {n: int((t == SELF_REPLICATOR).sum()) for n, t in types.items()}
                layer = archive.layers.get(0)
                if layer is None or not layer.n_particles:
                    continue
                inputs = layer.positions()[1]
                reads = inputs < layer.inputs  # biases read nothing
                inputs, found = inputs[reads], types[0][reads] == SELF_REPLICATOR
                frame = _frame(layer.inputs, run)
        except Missing:
            continue
        if sum(counts.values()):
            first.append(counts[0] / sum(counts.values()))
        if frame is not None and found[frame[inputs]].size and found[~frame[inputs]].size:
            edge.append((found[frame[inputs]].mean(), found[~frame[inputs]].mean()))
    table = [
        _row(
            "Self-replicators that sit in the first layer",
            "most",
            first,
            "more than half in the mean",
            lambda share: share > 0.5,
            percent,
        )
    ]
    if edge:
        outside, inside = np.array(edge).T
        table.append(
            Row(
                "Self-replicators among the first layer's particles: the picture's outer two pixels / the rest",
                "mostly at the edges",
                f"{percent(outside)} / {percent(inside)}",
                "outer share larger in the mean",
                bool(outside.mean() > inside.mean()),
            )
        )
    return table


def _record_before_settling(run, archive):
    """The last record of training proper: a settling phase adds one record after the last epoch."""
    epochs = run.setting("training", "epochs")
    within = np.flatnonzero(archive.epoch <= epochs) if epochs else np.arange(len(archive.epoch))
    return int(within[-1]) if within.size else -1


def _frame(inputs, run):
    shape = picture(np.zeros(inputs), run).shape
    if min(shape) < 6:
        return None
    frame = np.ones(shape, dtype=bool)
    frame[2:-2, 2:-2] = False
    return np.tile(frame.ravel(), inputs // frame.size)


def _dropout(runs):
    if not runs[0].classification:
        return []

    def read(file):
        count, without = (
            hdf5.read(file, f"types/{name}")[SELF_REPLICATOR] for name in ("count", "score_without")
        )
        only = hdf5.read(file, "types/score_only")[SELF_REPLICATOR] if "types/score_only" in file else np.nan
        return float(hdf5.read(file, "baseline")), without, only, int(count)

    found = _collect(runs, "dropout", read)
    cost = [baseline - without for baseline, without, _, count in found if count]
    return [
        _row(
            "Accuracy lost when the self-replicators are dropped",
            "about 0.001",
            cost,
            "at most 0.01 in the mean",
            lambda lost: lost <= 0.01,
        ),
        _row(
            "Accuracy when all other particles are dropped",
            "disables classification",
            [f[2] for f in found],
            "below 0.2 in the mean (chance is 0.1)",
            lambda accuracy: accuracy < 0.2,
        ),
    ]


def _settling(runs):
    """Beyond the paper: settling, by the probe or at the end of training."""
    table = []
    expected = "expected, not reached: all" if runs[0].classification and papers(runs[0]) else "–"
    found = _collect(
        runs, "settle", lambda file: [hdf5.read(file, name) for name in ("steps", "types", "score")]
    )
    if found:
        share = [types[-1, SELF_REPLICATOR] / max(types[-1].sum(), 1) for _, types, _ in found]
        table.append(
            _row(
                f"Self-replicators after {number(found[0][0][-1])} steps of self-training alone (probe)",
                expected,
                share,
                "",
                None,
                percent,
            )
        )
        table.append(
            _row("Change of the score by it", "–", [score[-1] - score[0] for _, _, score in found], "", None)
        )
    settled = [run for run in runs if run.summary.get("census_before_settling")]
    if settled:
        census = [run.summary["census"] for run in settled]
        share = [c["self_replicator"] / max(sum(c.values()), 1) for c in census]
        table.append(_row("Self-replicators after the settling phase", expected, share, "", None, percent))
        score = [run.summary.get(f"test_{run.measure}") for run in settled]
        table.append(
            _row(
                f"Test {'accuracy' if runs[0].measure == 'accuracy' else 'error'} after the settling phase",
                "–",
                score,
                "",
                None,
            )
        )
    return table


def _training_time(runs):
    seconds = [run.summary.get("wall_seconds") for run in runs]
    return [_row("Wall time of a training (s)", "–", seconds, "", None)]
