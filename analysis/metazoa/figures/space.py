"""Figures 10 and 11: where in the organism the types sit."""

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb

from ..mathematics.particle import DIVERGENT, SELF_REPLICATOR, TYPES
from ..mathematics.statistics import interval
from ..reading.archive import archived_part
from ..reading.data import input_mean, picture
from ..reading.errors import Missing
from . import style

MOST_LINES = 4000  # of one type in a drawing


def per_input(runs):
    """Of the first layer, means over the runs: self-replicators and the sum of their absolute effective weights per input; how
    many particles of an input are archived at most."""
    counts, sums, cells = [], [], 0
    for run in runs:
        with run.archive() as archive:
            layer = archive.layers.get(0)
            if layer is None or not layer.n_particles:
                raise Missing(
                    f"{run}: the archive holds no particle of the first layer (archive.layers, archive.fraction)"
                )
            weights, types = run.effective_weights(layer)
            _, edge = layer.positions()
            inputs = layer.inputs
            chosen = (types == SELF_REPLICATOR) & (edge < inputs)  # biases read no input
            cells = max(cells, int(np.bincount(np.ravel(edge)).max()))
            counts.append(np.bincount(edge[chosen], minlength=inputs))
            sums.append(np.bincount(edge[chosen], np.abs(weights[chosen]), minlength=inputs))
    if len({len(c) for c in counts}) > 1:
        raise Missing("the runs have different numbers of inputs")
    return np.mean(counts, axis=0), np.mean(sums, axis=0), cells


def heat_maps(runs):
    """Figure 10: self-replicators per input, their absolute effective weights, and the mean of the data."""
    counts, sums, cells = per_input(runs)
    counts, sums = picture(counts, runs[0]), picture(sums, runs[0])
    rows = counts.shape[0]
    figure, axes = style.new(style.PAGE, 2.1 if rows > 1 else 4, *((1, 3) if rows > 1 else (3, 1)))
    left, middle, right = axes.ravel()
    most = cells * (runs[0].image[0] if runs[0].image else 1)
    _heat(figure, left, counts, most, f"self-replicators (of {most})")
    _heat(figure, middle, sums, sums.max() or 1, "sum of |effective weight|")
    try:
        mean, what = _mean(runs[0])
        _heat(figure, right, mean, mean.max() or 1, f"mean of the {what} data", min(0, mean.min()))
    except Missing as missing:
        style.note(right, str(missing).split(": ")[-1])
    style.letters((left, middle, right))
    style.remark(left, archived_part(runs))
    return figure


def _mean(run):
    """The mean of the test data, as in the paper; of the training data where there are no test data."""
    try:
        return input_mean(run, test=True), "test"
    except Missing:
        held_out = run.setting("task", "validation", 0)
        return input_mean(run), "training and validation" if held_out else "training"


def _heat(figure, axes, image, high, label, low=0):
    shown = axes.imshow(
        image,
        cmap="cividis",
        vmin=low,
        vmax=high,
        interpolation="nearest",
        aspect="equal" if len(image) > 1 else "auto",
    )
    place = [1.05, 0, 0.05, 1] if len(image) > 1 else [1.02, 0, 0.02, 1]
    bar = figure.colorbar(shown, cax=axes.inset_axes(place))  # as high as the map
    bar.set_label(label)
    bar.outline.set_linewidth(0.4)
    rows, columns = image.shape
    axes.set_xticks(_ticks(columns))
    axes.set_yticks(_ticks(rows) if rows > 1 else [])
    axes.set_xlabel("column" if rows > 1 else "input")
    axes.set_ylabel("row" if rows > 1 else "")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)


def _ticks(n):
    return np.arange(0, n, -(-n // 3))


def connectivity(runs):
    """Figure 11: the connections of each type (first run), and each type's share of every layer (all runs)."""
    run = runs[0]
    with run.archive() as archive:
        layers = [
            (number, layer.matrix, layer.bias, *layer.positions(), *run.effective_weights(layer))
            for number, layer in archive.layers.items()
        ]
        numbers = list(archive.layers)
    present = [code for code in range(len(TYPES)) if any((types == code).any() for *_, types in layers)]
    present.sort(key=lambda code: code != SELF_REPLICATOR)  # first, as in the paper
    shares = _layer_shares(runs, numbers)
    columns = len(present) + 1
    figure, axes = style.new(style.PAGE if columns > 2 else style.COLUMN, 2.6, columns=columns)
    for panel, code in zip(axes[0], present):
        _draw_type(panel, layers, code)
    _share_bars(axes[0][-1], shares, numbers, present)
    style.remark(axes[0][-1], archived_part(runs))
    style.letters(axes[0])
    return figure


def _draw_type(axes, layers, code):
    n_shown, n_all, numbers = 0, 0, [number for number, *_ in layers]
    for depth, (n_cells, n_edges), bias, cell, edge, weights, types in layers:
        n_ends = n_cells + (
            bias if depth + 1 in numbers else 0
        )  # beside the constant that the next layer's biases read
        chosen = np.flatnonzero(types.ravel() == code)
        n_all += len(chosen)
        if len(chosen) > MOST_LINES:  # an even choice, the same each time
            chosen = chosen[np.linspace(0, len(chosen) - 1, MOST_LINES).astype(int)]
        n_shown += len(chosen)
        begin, end = _height(edge.ravel()[chosen], n_edges), _height(cell.ravel()[chosen], n_ends)
        size = np.nan_to_num(np.abs(weights.ravel()[chosen])) if code != DIVERGENT else np.ones(len(chosen))
        strength = size / (size.max(initial=0) or 1)
        colour = np.zeros((len(chosen), 4))
        colour[:, :3] = to_rgb(style.TYPE_COLOUR[TYPES[code]])
        colour[:, 3] = np.clip(0.08 + 0.8 * strength, 0, 1)
        segments = np.stack(
            [
                np.stack([np.full(len(chosen), depth), begin], 1),
                np.stack([np.full(len(chosen), depth + 1), end], 1),
            ],
            axis=1,
        )
        axes.add_collection(
            LineCollection(segments, colors=colour, linewidths=0.4, rasterized=len(chosen) > 500)
        )
        for x, n, among in ((depth, n_edges, n_edges), (depth + 1, n_cells, n_ends)):
            axes.scatter(
                np.full(n, x),
                _height(np.arange(n), among),
                s=min(9, 400 / n),
                color="black",
                linewidths=0,
                zorder=3,
            )
    ticks = sorted({k for number in numbers for k in (number, number + 1)})
    axes.set_xlim(ticks[0] - 0.2, ticks[-1] + 0.2)
    axes.set_ylim(1.03, -0.03)
    axes.set_xticks(ticks)
    axes.set_xticklabels([str(k) if k else "in" for k in ticks])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    share = "" if n_shown == n_all else f" ({n_shown:,} drawn)".replace(",", "\u00a0")
    number = f"{n_all:,}".replace(",", "\u00a0")
    axes.set_title(f"{style.TYPE_NAME[TYPES[code]]}: {number}{share}", color=style.TYPE_COLOUR[TYPES[code]])


def _height(index, n):
    return (np.asarray(index) + 0.5) / n


def _layer_shares(runs, numbers):
    """[run, layer, type] in percent."""
    shares = []
    for run in runs:
        with run.archive() as archive:
            if list(archive.layers) != numbers:
                raise Missing("the runs have different layers")
            counts = [
                np.bincount(layer.types(-1).ravel(), minlength=len(TYPES))[: len(TYPES)]
                for layer in archive.layers.values()
            ]
        shares.append([100 * count / max(count.sum(), 1) for count in counts])
    return np.array(shares)


def _share_bars(axes, shares, numbers, present):
    width = 0.8 / len(present)
    for k, code in enumerate(present):
        mean, low, high = interval(shares[:, :, code])
        at = np.arange(len(numbers)) + (k - (len(present) - 1) / 2) * width
        error = None if len(shares) == 1 else [mean - low, high - mean]
        axes.bar(
            at,
            mean,
            0.9 * width,
            color=style.TYPE_COLOUR[TYPES[code]],
            edgecolor="black",
            linewidth=0.4,
            yerr=error,
            error_kw=dict(elinewidth=0.6, capsize=1.5),
            label=style.TYPE_NAME[TYPES[code]],
        )
    axes.set_xticks(range(len(numbers)))
    axes.set_xticklabels([str(number + 1) for number in numbers])
    axes.set_xlabel("layer")
    axes.set_ylabel("share of the layer (%)")
    axes.set_ylim(0, 102)
    axes.grid(axis="y")
