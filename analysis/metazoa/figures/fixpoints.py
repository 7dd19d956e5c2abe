"""Particles alone: random ones (section II), noisy clones of self-replicators, and eigenvalues of self-application."""

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from scipy import stats

from ..mathematics.particle import SELF_REPLICATOR, n_weights
from ..mathematics.statistics import interval, percent
from ..reading import hdf5
from ..reading.errors import Missing
from . import style

MOST_DOTS = 2000  # of one group in a panel
MOST_STEPS = 10  # per decade: particles that are nearly stable live longer, and are left out


def lifetime(runs):
    """Section II: when random particles end by self-application alone, and when self-training alone makes them self-replicators."""
    end, applications, type_, steps, movement = _lives(runs)
    figure, ((left, middle, right),) = style.new(style.PAGE, 2.1, columns=3)
    for code, name, word in ((1, "zero", "vanished"), (0, "divergent", "diverged")):
        found = np.bincount(applications[end == code].astype(int)) / len(end)
        colour = style.TYPE_COLOUR[name]
        left.step(
            np.arange(len(found)),
            100 * found,
            where="mid",
            color=colour,
            label=f"{word}: {percent(found.sum())}",
        )
    left.set_xlabel("self-applications")
    left.xaxis.set_major_locator(MaxNLocator(integer=True))
    left.set_ylabel("particles (%)")
    middle.hist(
        steps[type_ == 2], 40, weights=np.full((type_ == 2).sum(), 100 / len(type_)), color=style.ORANGE
    )
    middle.set_xlabel("self-training steps until self-replicator")
    sizes = np.sort(movement[np.isfinite(movement)])
    right.plot(sizes, 100 * np.arange(1, len(sizes) + 1) / len(movement), color=style.ORANGE)
    right.set_xscale("log")
    right.set_ylim(0, 102)
    right.set_xlabel("largest change by one\nself-application, after training")
    right.set_ylabel("particles below it (%)")
    for axes in (left, middle, right):
        axes.grid(axis="y")
    style.letters((left, middle, right))
    left.legend(loc="upper right")
    style.remark(right, f"{len(end)} particles")
    return figure


def _lives(runs):
    """The probe's five columns, over all runs."""
    parts = []
    for run in runs:
        with run.probe("lifetime") as file:
            names = (
                "application/end",
                "application/steps",
                "training/type",
                "training/steps",
                "training/movement",
            )
            parts.append([hdf5.read(file, name) for name in names])
    return [np.concatenate(column) for column in zip(*parts)]


# ---- basins ----


def basins(runs):
    """Noisy clones of self-replicators that train themselves: whether they come back, and how near to their parent."""
    noise, found, theory = _basins(runs)
    figure, ((left, middle, right),) = style.new(style.PAGE, 2.3, columns=3)
    for axes, names in (
        (left, ("replicate", "nearest")),
        (middle, ("start", "end", "permuted")),
        (right, ("ratio", "ratio_permuted")),
    ):
        for name in names:
            colour, dash, label = _BASINS[name]
            style.band(axes, noise, interval(found[name]), colour, label, dash, marker="o", markersize=2.5)
        axes.set_xscale("log")
        axes.invert_xaxis()  # as in figure 4
        axes.set_xlabel("noise on the weights\n(standard deviation)")
        axes.grid(axis="y")
    left.set_ylabel("clones (%)")
    left.set_ylim(-2, 102)
    middle.set_yscale("log")
    middle.set_ylabel("distance to the parent")
    right.axhline(theory, color=style.BLACK, lw=0.8, linestyle=(0, (1, 1)))
    right.set_ylabel("distance after / before")
    for axes, place in ((left, "lower right"), (middle, "lower left"), (right, "lower right")):
        axes.legend(loc=place)
    style.letters((left, middle, right))
    style.remark(right, style.seeds_text(runs))
    return figure


_BASINS = {
    "replicate": (style.ORANGE, "-", "self-replicators"),
    "nearest": (style.BLUE, (0, (4, 1.5)), "of these nearest to\ntheir own parent"),
    "start": (style.GREY, (0, (1, 1)), "before training"),
    "end": (style.ORANGE, "-", "after"),
    "permuted": (style.GREEN, (0, (4, 1.5)), "after, modulo permutations"),
    "ratio": (style.ORANGE, "-", "after"),
    "ratio_permuted": (style.GREEN, (0, (4, 1.5)), "after, modulo permutations"),
}


def _basins(runs):
    """Magnitudes of the noise; by name [run, magnitude], distances being medians over the clones that became self-replicators; and
    the median ratio of distances if training takes away what leads out of the fixpoints, 4 of N directions, and nothing else: its
    square is then distributed as Beta((N - 4) / 2, 4 / 2)."""
    found = {name: [] for name in _BASINS}
    for run in runs:
        with run.probe("basins") as file:
            noise = hdf5.read(file, "noise")
            back = hdf5.read(file, "type") == SELF_REPLICATOR
            if not back.size:
                continue  # a run without self-replicators
            start, end, permuted = (
                hdf5.read(file, f"distance_{name}") for name in ("start", "end", "permuted")
            )
            own = hdf5.read(file, "nearest") == np.arange(back.shape[1])[:, None]
        found["replicate"].append(100 * back.mean(axis=(1, 2)))
        found["nearest"].append(100 * _of(back, own, np.mean))
        for name, values in (("start", start), ("end", end), ("permuted", permuted),
                             ("ratio", end / start), ("ratio_permuted", permuted / start)):  # fmt: skip
            found[name].append(_of(back, values, np.nanmedian))
    if not found["ratio"]:
        raise Missing("no self-replicator was probed")
    width, layers, *bias = runs[0].particle
    n, fixed = n_weights(width, layers, *bias), 4 + len(bias)  # dimensions that self-replication fixes
    return noise, found, np.sqrt(stats.beta.median((n - fixed) / 2, fixed / 2))


def _of(chosen, values, mean):
    """The mean of each level's values where they are chosen; NaN where none is."""
    return np.array([mean(row[part]) if part.any() else np.nan for part, row in zip(chosen, values)])


# ---- stability ----

_GROUPS = {
    "organism": (None, style.ORANGE, "the organism's self-replicators"),
    "random_2_layers": (2, style.BLUE, "random, n = 2"),
    "random_3_layers": (3, style.GREEN, "random, n = 3"),
    "random_4_layers": (4, style.PURPLE, "random, n = 4"),
}


def stability(runs):
    """Eigenvalues of self-application at fixpoints, and the steps per decade of noise that they predict."""
    biases = len(runs[0].particle) > 2  # with them 1 + n is no eigenvalue
    figure, ((left, middle, right),) = style.new(style.PAGE, 2.5, columns=3)
    groups = _eigenvalues(runs)
    for name, (values, observed) in reversed(groups.items()):  # the widest first, lest they hide the others
        layers, colour, label = _GROUPS[name]
        chosen = np.unique(np.linspace(0, len(values) - 1, MOST_DOTS).astype(int))
        dots = dict(ls="", marker="o", ms=1.7, mew=0, alpha=0.5, color=colour, rasterized=True)
        panel = left if name == "organism" else middle
        panel.plot(values[chosen].real.ravel(), values[chosen].imag.ravel(), **dots)
        predicted = 1 / np.log10(np.abs(values[chosen]).max(axis=1))
        dies = (predicted > 0) & (predicted < MOST_STEPS)
        right.plot(predicted[dies], observed[chosen][dies], **dots, label=label)
        if not biases:
            theorem, mark = 1 + (layers or runs[0].particle[1]), dict(transform=right.get_xaxis_transform())
            panel.plot(theorem, 0, "D", ms=4.5, mfc="none", mec=style.BLACK, mew=0.7, zorder=4)
            right.plot(2 * [1 / np.log10(theorem)], [0, 0.03], color=colour, lw=1.4, **mark)
    for axes, title in ((left, "the organism's"), (middle, "random particles'")):
        turn = np.linspace(0, 2 * np.pi, 200)
        axes.plot(np.cos(turn), np.sin(turn), color=style.GREY, lw=0.6)
        axes.set_aspect("equal", "datalim")
        axes.set_title(title)
        axes.set_xlabel("real part of the eigenvalue")
        axes.set_ylabel("imaginary part")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(6, integer=True))
        axes.grid()
    ends = [min(right.get_xlim()[0], right.get_ylim()[0]), max(right.get_xlim()[1], right.get_ylim()[1])]
    right.plot(ends, ends, color=style.BLACK, lw=0.6, zorder=1.5)
    right.set(xlim=ends, ylim=ends)
    right.set_xlabel("steps per decade, predicted")
    right.set_ylabel("observed")
    right.grid()
    handles = [Line2D([], [], ls="", marker="o", ms=3, mew=0, color=line.get_color(), label=line.get_label())
               for line in reversed(right.lines) if not line.get_label().startswith("_")]  # fmt: skip
    diamond = Line2D([], [], ls="", marker="D", ms=4, mfc="none", mec=style.BLACK, mew=0.7, label="1 + n")
    style.legend_above(figure, handles if biases else [*handles, diamond])
    style.letters((left, middle, right))
    return figure


def _eigenvalues(runs):
    """By group, over all runs' self-replicators: the four eigenvalues that are not a0, and the steps per decade that were seen."""
    found = {name: ([], []) for name in _GROUPS}
    for run in runs:
        with run.probe("stability") as file:
            for name, (values, observed) in found.items():
                if name not in file:
                    continue
                real, imaginary, steps, kind = (
                    hdf5.read(file, f"{name}/{part}")
                    for part in ("real", "imaginary", "steps_per_decade", "type")
                )
                chosen = (kind == SELF_REPLICATOR) & np.isfinite(steps)
                values.append((real + 1j * imaginary)[chosen])
                observed.append(steps[chosen])
    together = {name: tuple(map(np.concatenate, parts)) for name, parts in found.items() if parts[0]}
    together = {name: parts for name, parts in together.items() if len(parts[0])}
    if not together:
        raise Missing("no self-replicator was probed")
    return together
