"""Figures 5 and 8: substitution by a conventional network; dropout of types and pruning."""

import numpy as np

from ..mathematics.particle import CENSUS, SELF_REPLICATOR, TYPES
from ..mathematics.statistics import interval, number, percent
from ..reading import hdf5
from ..reading.data import papers
from ..reading.errors import Missing
from . import style


def substitution(runs):
    """Figure 5: distribution of the output differences between organism and substituted network."""
    figure, ((axes,),) = style.new()
    samples = []
    for run in runs:
        with run.probe("substitution") as file:
            samples.append(np.abs(hdf5.read(file, "difference").ravel()))
    everything = np.concatenate(samples)
    positive = everything[everything > 0]
    if positive.size == 0:
        style.note(axes, "every output is the same, bit for bit")
        return figure
    low, high = np.floor(np.log10(positive.min())), np.ceil(np.log10(positive.max()))
    bins = np.linspace(max(low, high - 12), max(high, low + 1), 61)
    share = [100 * np.histogram(np.log10(s[s > 0]), bins)[0] / s.size for s in samples]
    mean, low, high = interval(share)
    centres = 10 ** ((bins[1:] + bins[:-1]) / 2)
    axes.stairs(mean, 10**bins, color=style.BLUE, fill=True, alpha=0.35)
    axes.stairs(mean, 10**bins, color=style.BLUE, lw=0.9)
    if len(runs) > 1:
        axes.errorbar(
            centres,
            mean,
            [mean - low, high - mean],
            fmt="none",
            ecolor=style.BLUE,
            elinewidth=0.4,
        )
    median = np.median(everything)
    if median > 0:
        axes.axvline(median, color=style.BLACK, lw=0.8)
    axes.set_xscale("log")
    axes.set_ylim(0, None)
    axes.set_xlabel("absolute difference of an output")
    axes.set_ylabel("outputs (%)")
    zeros = percent((everything.size - positive.size) / everything.size)
    said = f"median {number(median, mathtext=True)}, largest {number(positive.max(), mathtext=True)}, equal {zeros}"
    style.remark(axes, said)
    if papers(runs[0]):
        axes.axvspan(1e-8, 1e-7, color=style.ORANGE, alpha=0.18, lw=0)
        axes.text(10**-7.5, axes.get_ylim()[1], "paper", ha="center", va="top", fontsize=6)
    return figure


def dropout(runs):
    """Figure 8: score without each type of particle; score against the share of dropped connections."""
    tables = [_read(run) for run in runs]
    measure = tables[0]["measure"]
    figure, ((bars, organism, conventional),) = style.new(
        style.PAGE, 2.5, columns=3, gridspec_kw=dict(width_ratios=[1, 1.25, 1.25])
    )
    _bars(bars, tables, measure)
    mark = 100 * np.mean([table["count"][SELF_REPLICATOR] / max(table["count"].sum(), 1) for table in tables])
    for axes, network in ((organism, "organism"), (conventional, "conventional")):
        _curves(axes, tables, network, measure)
        axes.set_title(network)
        if axes.lines:
            axes.axvline(mark, color=style.ORANGE, lw=0.6, linestyle=(0, (1, 1)))
            left = mark > 60  # of the line stands its name, lest it leave the panel
            axes.annotate(
                "share of self-replicators",
                (mark, 0.02),
                xycoords=("data", "axes fraction"),
                xytext=(-3 if left else 3, 0),
                textcoords="offset points",
                va="bottom",
                ha="right" if left else "left",
                fontsize=6,
                color=style.BLACK,
            )
    if organism.lines and conventional.lines:
        conventional.sharey(organism)
    if organism.lines:
        style.legend_above(figure, organism.lines[:-1])
    style.letters((bars, organism, conventional))
    return figure


def _read(run):
    with run.probe("dropout") as file:
        table = {"measure": hdf5.text(file.attrs.get("measure", "test_accuracy")), "curves": {}}
        for key, name in (
            ("baseline", "baseline"),
            ("count", "types/count"),
            ("without", "types/score_without"),
        ):
            table[key] = hdf5.read(file, name)
        for network in file.get("curves", {}):
            for strategy in file[f"curves/{network}"]:
                group = f"curves/{network}/{strategy}"
                table["curves"][network, strategy] = hdf5.read(file, f"{group}/share"), hdf5.read(
                    file, f"{group}/score"
                )
        name = "same_count/organism/magnitude"
        table["norm"] = float(np.mean(hdf5.read(file, name))) if name in file else np.nan
    return table


def _bars(axes, tables, measure):
    """Scores without each type and, as many connections dropped as there are self-replicators, by the smallest l1 norm."""
    present = [k for k in range(5) if any(table["count"][k] > 0 for table in tables)]
    labels = (
        ["nothing"]
        + [style.TYPE_NAME[TYPES[k]].replace("self-replicator", "self-\nreplicators") for k in present]
        + ["l1 norm"]
    )
    values = [
        [table["baseline"]]
        + [table["without"][k] if table["count"][k] else np.nan for k in present]
        + [table["norm"]]
        for table in tables
    ]
    mean, low, high = interval(values)
    colours = ["white"] + [style.TYPE_COLOUR[TYPES[k]] for k in present] + ["#CCCCCC"]
    axes.bar(range(len(mean)), mean, color=colours, edgecolor="black", linewidth=0.6, width=0.7)
    if len(tables) > 1:
        axes.errorbar(
            range(len(mean)),
            mean,
            [mean - low, high - mean],
            fmt="none",
            ecolor="black",
            elinewidth=0.8,
            capsize=2,
        )
    for x, value in enumerate(mean):
        if np.isfinite(value):
            text = f"{value:.3f}" if measure == "test_accuracy" else number(value, 2, mathtext=True)
            axes.annotate(
                text,
                (x, high[x] if len(tables) > 1 else value),
                xytext=(0, 2),
                textcoords="offset points",
                ha="center",
                va="bottom",
                fontsize=5,
            )
    axes.set_xticks(range(len(labels)))
    axes.set_xticklabels(labels, fontsize=5.5)
    axes.set_xlabel("what is dropped")
    _score_axis(axes, measure)


def _curves(axes, tables, network, measure):
    for strategy, (colour, dash, label) in style.STRATEGIES.items():
        found = [
            table["curves"][network, strategy] for table in tables if (network, strategy) in table["curves"]
        ]
        if not found:
            continue
        grid = np.unique(np.concatenate([share for share, _ in found]))
        rows = [np.interp(grid, share, np.atleast_2d(score).mean(axis=0)) for share, score in found]
        style.band(
            axes,
            100 * grid,
            interval(rows),
            colour,
            label,
            dash,
        )
    if not axes.lines:
        style.note(axes, "not probed: metazoa probe\ndropout RUN --baseline RUN")
        return
    axes.set_xlabel("dropped connections (%)")
    _score_axis(axes, measure)


def _score_axis(axes, measure):
    axes.grid(axis="y")
    if measure == "test_accuracy":
        axes.set_ylabel("test accuracy")
        axes.set_ylim(0, 1.02)
    else:
        axes.set_ylabel("test error (MAE)")
        axes.set_yscale("log")


def settle(runs):
    """Beyond the paper: self-training alone after the last task step; a particle's type and its task gradient."""
    figure, axes = style.new(style.PAGE, 2.35, columns=3)
    left, middle, right = axes[0]
    steps, shares, scores, measure = None, [], [], "test_accuracy"
    sizes = {name: [] for name in CENSUS}
    for run in runs:
        with run.probe("settle") as file:
            here = hdf5.read(file, "steps")
            if steps is not None and not np.array_equal(steps, here):
                raise Missing(f"{run}: settled over other steps than the runs before")
            steps, counts = here, hdf5.read(file, "types")
            measure = hdf5.text(file.attrs.get("measure", measure))
            shares.append(100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))
            scores.append(hdf5.read(file, "score"))
            if "gradient/size" in file:
                size, before = hdf5.read(file, "gradient/size"), hdf5.read(file, "gradient/type_before")
                for code, name in enumerate(CENSUS):
                    sizes[name].append(size[before == code])
    x = np.maximum(steps, 0)
    for code, name in enumerate(CENSUS):
        values = np.array(shares)[:, :, code]
        if values.max() > 0:
            style.band(
                left,
                x,
                interval(values),
                style.TYPE_COLOUR[name],
                style.TYPE_NAME[name],
                style.TYPE_DASH[name],
            )
    left.set_ylabel("particles (%)")
    left.set_ylim(-2, 102)
    if measure == "test_accuracy":  # each run's change: it is small beside the differences between seeds
        changes = np.array(scores) - np.array(scores)[:, :1]
        style.band(middle, x, interval(changes), style.GREEN)
        room = max(0.001, 1.1 * np.abs(changes).max())
        middle.set_ylim(-room, room)
        middle.set_ylabel("change of the test accuracy")
    else:
        style.band(middle, x, interval(scores), style.GREEN)
        _score_axis(middle, measure)
        middle.set_ylim(np.min(scores) / 3, np.max(scores) * 3)
    for panel in (left, middle):
        panel.set_xscale("symlog", linthresh=10, linscale=0.5)
        panel.set_xlim(-0.5, 1.2 * x.max())
        panel.set_xticks([0] + [10**k for k in range(1, int(np.log10(max(x.max(), 10))) + 1)])
        panel.set_xlabel("self-training steps alone")
        panel.grid(axis="y")
    sizes = {name: np.concatenate(parts) for name, parts in sizes.items() if sum(map(len, parts))}
    if sizes and any((s > 0).any() for s in sizes.values()):
        logs = np.concatenate([np.log10(s[s > 0]) for s in sizes.values()])
        bins = np.linspace(logs.min(), logs.max() + 1e-9, 41)
        for name, size in sizes.items():
            right.hist(
                np.log10(size[size > 0]),
                bins,
                histtype="stepfilled",
                alpha=0.5,
                color=style.TYPE_COLOUR[name],
                label=style.TYPE_NAME[name],
            )
        right.set_xlabel("log$_{10}$ of the task gradient's norm")
        right.set_ylabel("particles")
    else:
        style.note(right, "no gradients in\nprobe-settle.h5")
    style.legend_above(figure, left.lines)
    style.letters((left, middle, right))
    return figure


def goal(runs):
    """Beyond the paper: Definition 8's shares, for every tolerance."""
    figure, ((axes,),) = style.new()
    tables = []
    for run in runs:
        with run.probe("goal") as file:
            tables.append(
                [hdf5.read(file, name) for name in ("epsilon", "share_fixpoints", "zeta", "share_within")]
            )
        for at in 0, 2:
            if not np.array_equal(tables[0][at], tables[-1][at]):
                raise Missing(f"{run}: probed with other tolerances than the runs before")
    for (at, share), colour, dash, label in (
        ((0, 1), style.ORANGE, "-", "fixpoints within $\\epsilon$"),
        ((2, 3), style.GREEN, (0, (4, 1.5)), "test data within $\\zeta$"),
    ):
        order = np.argsort(tables[0][at])
        style.band(
            axes,
            tables[0][at][order],
            interval([100 * table[share][order] for table in tables]),
            colour,
            label,
            dash,
            marker="o",
            markersize=2.5,
        )
    axes.set_xscale("log")
    axes.set_xlabel("tolerance")
    axes.set_ylabel("share (%)")
    axes.set_ylim(-2, 102)
    axes.grid(axis="y")
    style.legend_above(figure, axes.lines)
    return figure
