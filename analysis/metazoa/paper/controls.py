"""Tables of the controls: experiment 2 with one thing changed, the phases of footnote 2, inputs without dead pixels."""

import numpy as np
from scipy import stats

from ..mathematics.particle import SELF_REPLICATOR
from ..mathematics.statistics import number
from ..reading.errors import Missing
from .sources import percent, score, share, shares, spread, table, three

VARIANTS = (
    ("as the paper has it", "images"),
    ("`self_train_steps: 0` (the task alone)", "images-task-only"),
    ("`self_train_steps: 1`", "images-steps-1"),
    ("`self_train_steps: 25`", "images-steps-25"),
    ("`self_train_weights: replication`", "images-replication"),
    ("`momentum_buffers: shared`", "images-momentum-shared"),
    ("`momentum_buffers: reset` (the published code's)", "images-momentum-reset"),
    ("`task.noise: 0`", "images-noise-0"),
    ("`task.noise: 0.1`", "images-noise-0.1"),
    ("`hidden: [5, 5, 5]`", "images-hidden-5-5-5"),
    ("`epochs: 2000`", "images-epochs-2000"),
    ("`start: layer`", "images-small-start"),
    ("conventional network", "images-conventional"),
    ("phases `[{self: 20}, {both: 200}]`", "images-self-both"),
    ("phases `[{task: 20}, {both: 200}]`", "images-task-both"),
    ("Fashion-MNIST", "images-fashion"),
    ("MNIST on a fixed background", "images-background"),
    ("MNIST, inputs rotated", "images-rotated"),
)


def variants(source):
    rows = []
    for name, variant in VARIANTS:
        runs = source.runs(variant)
        if runs:
            part = "" if runs[0].scalar else shares(source.each(variant, share))
            rows.append((name, len(runs), spread(source.each(variant, score), three), part))
    return table(("experiment 2", "seeds", "test accuracy", "self-replicators"), rows)


def scores(source):
    """Quartiles of accuracy and share over the seeds."""
    rows = []
    for name, variant in VARIANTS:
        if variant not in ("images", "images-conventional", "images-small-start", "images-momentum-reset"):
            continue
        for what, measure, form in (("accuracy", score, three), ("self-replicators (%)", share, percent)):
            values = source.each(variant, measure)
            if values and not (measure is share and source.runs(variant)[0].scalar):
                ends = (form(value) for value in np.quantile(values, (0, 0.25, 0.5, 0.75, 1)))
                rows.append((f"{name}: {what}", *ends, form(np.mean(values))))
    return table(("over seeds", "smallest", "quartile", "median", "quartile", "largest", "mean"), rows)


EPOCHS = (20, 50, 100, 200, 500, 1000, 2000)


def over_epochs(source):
    """Shares of self-replicators and accuracy over epochs."""
    rows = []
    for name, variant in (
        ("as the paper has it", "images"),
        ("`self_train_weights: replication`", "images-replication"),
        ("`epochs: 2000`", "images-epochs-2000"),
    ):
        for what, column, form in (
            ("self-replicators (%)", "self_replicator", percent),
            ("accuracy", "test_accuracy", three),
        ):
            runs = source.runs(variant)
            if runs:
                rows.append(
                    (
                        f"{name}, {len(runs)} seeds: {what}",
                        *(_median_at(runs, column, epoch, form) for epoch in EPOCHS),
                    )
                )
    return table(("median at epoch", *EPOCHS), rows)


def _median_at(runs, column, epoch, form):
    if runs[0].metrics["epoch"].iloc[-1] < epoch:
        return ""
    scale = runs[0].summary["particles"] if column == "self_replicator" else 1
    return form(np.median([run.metrics.set_index("epoch")[column].loc[epoch] / scale for run in runs]))


# ---- footnote 2 ----


def switch(run):
    """Score and share of self-replicators before the switch of phases, and at the end: four numbers."""
    phases = run.setting("training", "phases", [])
    first = int(next(iter(phases[0].values()))) if phases else 0
    rows = run.metrics.set_index("epoch")
    n = run.summary["particles"]
    found = []
    for epoch in (first, rows.index[-1]):
        found += [float(rows[f"test_{run.measure}"].loc[epoch]), rows["self_replicator"].loc[epoch] / n]
    return found


def _phases(source, experiment, names):
    rows = []
    for name in names:
        found = np.array(source.each(f"{experiment}-{name}", switch))
        if len(found):
            text = source.runs(f"{experiment}-{name}")[0].config["training"]["phases"]
            shown = ", ".join(f"{{{key}: {value}}}" for part in text for key, value in part.items())
            ends = [
                spread(found[:, k], percent if k % 2 else number) + (" %" if k % 2 else "") for k in range(4)
            ]
            rows.append((f"`[{shown}]`", len(found), ends[0], ends[2], ends[1], ends[3]))
    what = "error" if experiment == "addition" else "accuracy"
    head = (
        "phases",
        "seeds",
        f"{what} before the switch",
        "at the end",
        "self-replicators before the switch",
        "at the end",
    )
    return table(head, rows)


def phases_addition(source):
    return _phases(source, "addition", ("self-task", "task-self", "self-both", "task-both"))


def phases_images(source):
    return _phases(source, "images", ("self-task", "task-self", "self-both", "task-both"))


# ---- dead pixels ----


def by_input(run):
    """(share of self-replicators among the first layer's particles of each input, that in the whole layer)."""
    with run.archive() as archive:
        found = archive.layers[0].types(-1) == SELF_REPLICATOR
    return found.mean(axis=0), found.mean()


def pixels(source):
    """Share of self-replicators by what varies in an input: does it follow the inputs' variance?"""
    rows = []
    for name, variant in (
        ("MNIST", "images"),
        ("Fashion-MNIST", "images-fashion"),
        ("MNIST on a fixed background", "images-background"),
        ("MNIST, inputs rotated", "images-rotated"),
    ):
        try:
            found = source.each(variant, by_input)
            variance, square = spreads(source.runs(variant)[0]) if found else (None, None)
        except Missing:
            found = []
        if not found:
            continue
        share_of = np.mean([one for one, _ in found], axis=0)
        order = np.argsort(variance, kind="stable")
        fifths = [share_of[part].mean() for part in np.array_split(order, 5)]
        rows.append((
            name, len(found), f"{percent((variance < 1e-3).mean(), 2)} %", f"{percent((square < 1e-3).mean(), 2)} %",
            shares([all_of for _, all_of in found]), ", ".join(percent(value, 2) for value in fifths) + " %",
            _correlation(variance, share_of), _correlation(square, share_of),
        ))  # fmt: skip
    head = ("data", "seeds", "inputs with a variance below 0.001", "with a mean square below 0.001",
            "self-replicators of the first layer", "by fifths of the inputs, least variance first",
            "rank correlation of share and variance", "of share and mean square")  # fmt: skip
    return table(head, rows)


def _correlation(x, y):
    return number(stats.spearmanr(x, y)[0], 2).replace("-", "−")


def spreads(run):
    """Variance and mean square of each input over the training data."""
    from .pixels import inputs

    x = inputs(run)
    return x.var(axis=0), (x**2).mean(axis=0)
