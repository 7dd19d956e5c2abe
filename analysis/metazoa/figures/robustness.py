"""Figures 4 and 7: how long noisy self-replicators stay so, and how long until they diverge or vanish."""

import numpy as np

from matplotlib.patches import Patch

from ..reading import hdf5
from ..reading.errors import Missing
from . import style

GROUPS = (
    ("organism", style.ORANGE, "organism"),
    ("single", style.BLUE, "trained alone"),
    ("perfect", style.GREEN, "perfect"),
)


PUBLISHED = "as published"  # means of running sums over the draws, of the organism's: docs/probes.md


def robustness(runs):
    """Boxes (quartiles, whiskers at 5 and 95 %) over particles, draws and seeds, for each magnitude of the noise."""
    noise, cap, data, distribution, published = _read(runs)
    figure, ((top,), (bottom,)) = style.new(height=4.3, rows=2, sharex=True)
    for axes, kind, label in (
        (top, "steps_replicator", "steps as self-replicator"),
        (bottom, "steps_alive", "steps until divergence\nor zero"),
    ):
        _boxes(axes, noise, data[kind], cap, published.get(kind))
        axes.set_ylabel(label)
    bottom.set_xlabel(
        f"noise on the weights ({'half width' if distribution == 'uniform' else 'standard deviation'})"
    )
    style.letters((top, bottom))
    found = [entry for entry in GROUPS if entry[0] in data["steps_replicator"]]
    legend = [Patch(facecolor=colour, alpha=0.6, edgecolor=colour, label=name) for _, colour, name in found]
    style.legend_above(figure, legend + [line for line in top.lines if line.get_label() == PUBLISHED])
    return figure


def _read(runs):
    noise = cap = distribution = None
    published = {}
    data = {"steps_replicator": {}, "steps_alive": {}}
    for run in runs:
        with run.probe("robustness") as file:
            levels = hdf5.read(file, "noise")
            if noise is not None and not np.array_equal(noise, levels):
                raise Missing(f"{run}: probed with other noise magnitudes than the runs before")
            noise, cap = levels, int(hdf5.read(file, "step_cap"))
            distribution = hdf5.text(file["noise"].attrs.get("distribution", "normal"))
            for kind, groups in data.items():
                for group, _, _ in GROUPS:
                    name = f"{group}/{kind}"
                    steps = hdf5.read(file, name) if name in file else np.zeros(0)
                    if steps.size:
                        groups.setdefault(group, []).append(steps.reshape(len(noise), -1))
                    if steps.size and group == "organism":
                        published.setdefault(kind, []).append(steps.cumsum(axis=2).mean(axis=(1, 2)))
    data = {
        kind: {g: np.concatenate(parts, axis=1) for g, parts in groups.items()}
        for kind, groups in data.items()
    }
    if not data["steps_replicator"] and not data["steps_alive"]:
        raise Missing("no self-replicator was probed")
    return noise, cap, data, distribution, {kind: np.median(rows, axis=0) for kind, rows in published.items()}


def _boxes(axes, noise, groups, cap, published=None):
    order = np.argsort(noise)[::-1]
    shown = [entry for entry in GROUPS if entry[0] in groups]
    width = 0.8 / max(len(shown), 1)
    for k, (group, colour, _) in enumerate(shown):
        at = np.arange(len(noise)) + (k - (len(shown) - 1) / 2) * width
        axes.boxplot(
            [groups[group][i] for i in order],
            positions=at,
            widths=0.8 * width,
            whis=(5, 95),
            showfliers=False,
            patch_artist=True,
            manage_ticks=False,
            boxprops=dict(facecolor=colour + "99", edgecolor=colour, lw=0.6),
            medianprops=dict(color="black", lw=0.8),
            whiskerprops=dict(color=colour, lw=0.6),
            capprops=dict(color=colour, lw=0.6),
        )
    if published is not None:
        at = np.arange(len(noise)) - len(shown) / 2 * width  # beside the organism's boxes
        axes.plot(
            at,
            published[order],
            "D",
            ms=2.6,
            mfc="white",
            mec=style.BLACK,
            mew=0.7,
            label=PUBLISHED,
            zorder=4,
        )
    largest = max(
        [steps.max() for steps in groups.values()] + ([] if published is None else [published.max()])
    )
    smallest = min(steps.min() for steps in groups.values())
    ticks = [0] + [n * 10**k for k in range(9) for n in (1, 2, 5)]
    if smallest >= 2:
        axes.set_yscale("log")
        axes.set_ylim(smallest / 2, 2 * largest)
    else:
        axes.set_yscale("symlog", linthresh=1, linscale=0.4)
        axes.set_ylim(-0.15, max(2 * largest, 10))
    low, high = axes.get_ylim()
    axes.set_yticks([tick for tick in ticks if low <= tick <= high])
    axes.yaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()
    if largest >= cap:
        axes.axhline(cap, color=style.GREY, lw=0.6, linestyle=(0, (2, 2)))
        axes.annotate(
            "step cap", (len(noise) - 0.5, cap), ha="right", va="bottom", fontsize=6, color=style.GREY
        )
    axes.set_xticks(range(len(noise)))
    axes.set_xticklabels([_power(noise[i]) for i in order])
    axes.grid(axis="y")


def _power(value):
    exponent = np.log10(value) if value > 0 else np.nan
    return rf"$10^{{{exponent:.0f}}}$" if abs(exponent - round(exponent)) < 1e-6 else f"{value:g}"
