"""What runs say, row by row: medians over the seeds with their .95 intervals; and which claims of the paper they decide."""

from dataclasses import dataclass

import numpy as np

from ..mathematics.particle import CENSUS, PRUNED, SELF_REPLICATOR
from ..mathematics.statistics import number, percentage, text
from ..paper import claims as paper
from ..paper.sources import Source
from ..reading import hdf5
from ..reading.data import papers, picture
from ..reading.errors import Missing


@dataclass
class Row:
    what: str
    ours: str


NOT_MEASURED = "not measured"

# The paper's settings of what decides its claims, for each experiment.
_BOTH = {
    ("organism", "edges"): "particle",
    ("organism", "start"): "particle",
    ("training", "self_train_weights"): "all",
    ("training", "momentum_buffers"): "separate",
    ("training", "phases"): "none",
}
_PAPERS = {
    "addition": {("organism", "hidden"): [3, 3], ("training", "self_train_steps"): 25, **_BOTH},
    "images": {("organism", "hidden"): [5, 5], ("training", "self_train_steps"): 5, **_BOTH},
}


def claims(groups):
    """The claims of the paper that runs decide: (name, what the paper says, when it counts as confirmed, what runs say, verdict).

    groups: lists of runs that differ in their seeds. The first with the data and the settings of an experiment of the paper counts. Claims that need
    more than these runs, or a long computation, are left out: `metazoa-paper claims` decides all of them.
    """
    runs = {}
    for group in groups:
        name = "addition" if group[0].kind == "addition" else "images"
        if (
            name not in runs
            and papers(group[0])
            and all(group[0].setting(*key, value) == value for key, value in _PAPERS[name].items())
        ):
            runs[name] = group
    source = Source(runs=runs)
    decided = [
        (name, claim, *paper.decide(source, claim)) for name, claim in paper.CLAIMS.items() if not claim.long
    ]
    return [
        (name, claim.says, claim.rule, ours, verdict)
        for name, claim, ours, verdict in decided
        if verdict is not None
    ]


def rows(runs):
    """The results of one experiment (a list of runs that differ in their seeds)."""
    if runs[0].scalar:
        return [_score(runs, "Conventional network: ")] + _training_time(runs)
    return [
        _score(runs),
        _replicators(runs),
        *_places(runs),
        *_dropout(runs),
        _substitution(runs),
        *_settling(runs),
        *_training_time(runs),
    ]


def _row(what, values, format_=text, detail="", of=0):
    """of: how many runs there are; where only some of them have the value, the row says so."""
    found = [v for v in values if v is not None and np.isfinite(v)]
    if not found and any(v is not None and np.isnan(v) for v in values):
        return Row(what, "no number")
    some = f" ({len(found)} of {max(of, len(values))} seeds)" if len(found) < max(of, len(values)) else ""
    return Row(what, format_(found) + detail + some if found else NOT_MEASURED)


def percent(values):
    return f"{text(values, percentage)}\u00a0%"


def last_look(run):
    """The last measured test accuracy or MAE, before a settling phase where there was one, and its epoch; None if there is none."""
    looks = run.looks(f"test_{run.measure}").loc[: run.trained]
    return (float(looks.iloc[-1]), int(looks.index[-1])) if len(looks) else None


def last_score(run):
    """The last measured test accuracy or MAE, before a settling phase where there was one; None if there is none."""
    look = last_look(run)
    return look and look[0]


def seeds(runs):
    """What runs of one experiment are called, and how many of them a reader must know to be incomplete."""
    unfinished = sum(not run.finished for run in runs)
    return ("seeds" if len(runs) > 1 else "seed") + f" ({unfinished} not finished)" * (unfinished > 0)


def _score(runs, prefix=""):
    what = "test accuracy" if runs[0].measure == "accuracy" else "mean absolute error on test data"
    epochs = {look[1] for look in map(last_look, runs) if look}
    at = f" at epoch {epochs.pop()}" if len(epochs) == 1 else ""
    name = f"{prefix}{what}{at}"
    return _row(name[0].upper() + name[1:], [last_score(run) for run in runs])


def share_of_replicators(run):
    """The share of those that live at the end of the last epoch, before a settling phase where there was one; None without a
    census."""
    census = run.summary.get("census_before_settling") or run.summary.get("census") or {}
    total = sum(census.get(name) or 0 for name in CENSUS)
    return census.get("self_replicator", 0) / total if total else None


def _replicators(runs):
    return _row("Self-replicators among the particles", [share_of_replicators(run) for run in runs], percent)


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


def _remarks(runs, kind):
    """What must be said of probes that looked at an older state than the last, or at other data."""
    probed = [run for run in runs if (run.path / f"probe-{kind}.h5").is_file()]
    said = {remark for run in probed if (remark := run.probe_remark(kind))}
    return "".join(f" (probed {remark})" for remark in sorted(said))


def _substitution(runs):
    found = _collect(runs, "substitution", lambda file: np.abs(hdf5.read(file, "difference").ravel()))
    size = _collect(runs, "substitution", lambda file: np.abs(hdf5.read(file, "output")).mean())
    medians, largest = [float(np.median(d)) for d in found], max([float(d.max()) for d in found], default=0)
    detail = f" (median; largest {number(largest)}"
    detail += f"; mean size of an output {number(np.mean(size), 2)})" if size else ")"
    detail += _remarks(runs, "substitution")
    return _row("Output difference after substitution", medians, detail=detail, of=len(runs))


def _places(runs):
    """Where the self-replicators are: first layer, and there at the picture's edge."""
    first, edge = [], []
    for run in runs:
        try:
            with run.archive() as archive:
                record = _record_before_settling(run, archive)
                if archive.epoch[record] != run.trained:
                    continue  # the archive ends earlier
                types = {n: layer.types(record) for n, layer in archive.layers.items()}
                counts = {n: int((t == SELF_REPLICATOR).sum()) for n, t in types.items()}
                whole = all(n in types for n in range(len(run.setting("organism", "hidden", [])) + 1))
                layer = archive.layers.get(0)
                if layer is None or not layer.n_particles:
                    continue
                inputs = layer.positions()[1]
                reads = (inputs < layer.inputs) & (types[0] != PRUNED)  # biases read nothing
                inputs, found = inputs[reads], types[0][reads] == SELF_REPLICATOR
                frame = _frame(layer.inputs, run)
        except Missing:
            continue
        if whole and sum(counts.values()):
            first.append(counts[0] / sum(counts.values()))
        if frame is not None and found[frame[inputs]].size and found[~frame[inputs]].size:
            edge.append((found[frame[inputs]].mean(), found[~frame[inputs]].mean()))
    table = [_row("Self-replicators that sit in the first layer", first, percent, of=len(runs))]
    if edge:
        outside, inside = np.array(edge).T
        table.append(
            Row(
                "Self-replicators among the first layer's particles: the picture's outer two pixels / the rest",
                f"{percent(outside)} / {percent(inside)}",
            )
        )
    return table


def _record_before_settling(run, archive):
    """The last record of training proper: a settling phase adds one record after the last epoch."""
    within = np.flatnonzero(archive.epoch <= run.trained)
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
        only = hdf5.read(file, "types/score_only")[SELF_REPLICATOR] if "types/score_only" in file else None
        return float(hdf5.read(file, "baseline")), without, only, int(count)

    found = _collect(runs, "dropout", read)
    cost = [baseline - without for baseline, without, _, count in found if count]
    told = dict(detail=_remarks(runs, "dropout"), of=len(runs))
    return [
        _row("Accuracy lost when the self-replicators are dropped", cost, **told),
        _row("Accuracy when all other particles are dropped", [f[2] for f in found], **told),
    ]


def _settling(runs):
    """Beyond the paper: settling, by the probe or at the end of training."""
    table = []
    found = _collect(
        runs, "settle", lambda file: [hdf5.read(file, name) for name in ("steps", "types", "score")]
    )
    if len({steps[-1] for steps, _, _ in found}) > 1:
        table.append(Row("Self-replicators after self-training alone (probe)", "probed over different steps"))
    elif found:
        share = [types[-1, SELF_REPLICATOR] / max(types[-1].sum(), 1) for _, types, _ in found]
        steps, told = number(found[0][0][-1]), dict(detail=_remarks(runs, "settle"), of=len(runs))
        table.append(
            _row(
                f"Self-replicators after {steps} steps of self-training alone (probe)",
                share,
                percent,
                **told,
            )
        )
        changes = [score[-1] - score[0] for _, _, score in found]
        table.append(_row("Change of the score by it", changes, **told))
    settled = [run for run in runs if run.summary.get("census_before_settling")]
    if settled:
        census = [run.summary["census"] for run in settled]
        share = [c["self_replicator"] / max(sum(c.get(name) or 0 for name in CENSUS), 1) for c in census]
        score = [run.score for run in settled]
        what = "accuracy" if runs[0].measure == "accuracy" else "error"
        table.append(_row("Self-replicators after the settling phase", share, percent))
        table.append(_row(f"Test {what} after the settling phase", score))
    return table


def _training_time(runs):
    return [_row("Wall time of a training (s)", [run.summary.get("wall_seconds") for run in runs])]
