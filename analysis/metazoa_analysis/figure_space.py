"""Figures 9 to 11: where in the organism the types sit."""

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap

from . import style
from .data import input_mean, picture
from .particle import DIVERGENT, SELF_REPLICATOR, TYPES
from .run import Missing
from .statistics import interval

DIVERGING = LinearSegmentedColormap.from_list("metazoa", [style.BLUE, "#9CC9E3", "#F7F7F7", "#F2B58A", style.RED])
MOST_LINES = 4000  # of one type in a drawing


def _per_input(runs):
    """Of the first layer, means over the runs: self-replicators and their summed effective weights per input; how many
    particles of an input are archived (all cells', or at most so many where the archive holds a choice)."""
    counts, sums = [], []
    for run in runs:
        with run.archive() as archive:
            layer = archive.layers[min(archive.layers)]
            weights, types = run.effective_weights(layer)
            _, edge = layer.positions()
            chosen = types == SELF_REPLICATOR
            inputs = int(edge.max()) + 1
            cells = int(np.bincount(np.ravel(edge)).max())
            counts.append(np.bincount(edge[chosen], minlength=inputs))
            sums.append(np.bincount(edge[chosen], weights[chosen], minlength=inputs))
    if len({len(c) for c in counts}) > 1:
        raise Missing("the runs have different numbers of inputs")
    return np.mean(counts, axis=0), np.mean(sums, axis=0), cells


def count_map(runs):
    """Figure 9: number of self-replicators per input pixel."""
    counts, _, cells = _per_input(runs)
    figure, ((axes,),) = style.new(height=2.7)
    _heat(figure, axes, picture(counts, runs[0]), "cividis", 0, cells, f"self-replicators (of {cells})")
    return figure


def weight_map(runs):
    """Figure 10: sum of the self-replicators' effective weights per input pixel, and the mean of the data."""
    _, sums, _ = _per_input(runs)
    figure, ((left, right),) = style.new(style.PAGE, 2.7, columns=2)
    largest = np.abs(sums).max() or 1
    _heat(figure, left, picture(sums, runs[0]), DIVERGING, -largest, largest, "sum of effective weights")
    left.set_title("a")
    try:
        mean = input_mean(runs[0])
        _heat(figure, right, mean, "cividis", 0, mean.max() or 1, "mean of the data")
        right.set_title("b")
    except Missing as missing:
        right.spines[:].set_visible(False)
        style.note(right, str(missing).split(": ")[-1])
    return figure


def _heat(figure, axes, image, colours, low, high, label):
    shown = axes.imshow(image, cmap=colours, vmin=low, vmax=high, interpolation="nearest")
    bar = figure.colorbar(shown, ax=axes, shrink=0.9, aspect=18)
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
    return np.unique(np.linspace(0, n - 1, min(n, 4)).round().astype(int))


def connectivity(runs):
    """Figure 11: the connections of each type (first run), and each type's share of every layer (all runs)."""
    run = runs[0]
    with run.archive() as archive:
        layers = [(number, *layer.positions(), *run.effective_weights(layer)) for number, layer in archive.layers.items()]
    present = [code for code in range(5) if any((types == code).any() for *_, types in layers)]
    shares = _layer_shares(runs, [number for number, *_ in layers])
    columns = len(present) + 1
    figure, axes = style.new(style.PAGE if columns > 2 else style.COLUMN, 2.6, columns=columns)
    for panel, code in zip(axes[0], present):
        _draw_type(panel, layers, code)
    _share_bars(axes[0][-1], shares, [number for number, *_ in layers], present)
    return figure


def _draw_type(axes, layers, code):
    n_shown = n_all = 0
    for depth, (_, cell, edge, weights, types) in enumerate(layers):
        chosen = np.flatnonzero(types.ravel() == code)
        n_all += len(chosen)
        if len(chosen) > MOST_LINES:  # an even choice, the same each time
            chosen = chosen[np.linspace(0, len(chosen) - 1, MOST_LINES).astype(int)]
        n_shown += len(chosen)
        n_cells, n_edges = int(cell.max()) + 1, int(edge.max()) + 1
        begin, end = _height(edge.ravel()[chosen], n_edges), _height(cell.ravel()[chosen], n_cells)
        size = np.abs(weights.ravel()[chosen]) if code != DIVERGENT else np.ones(len(chosen))
        strength = size / (np.nanmax(size) or 1) if len(size) else size
        colour = np.zeros((len(chosen), 4))
        colour[:, :3] = style.matplotlib.colors.to_rgb(style.TYPE_COLOUR[TYPES[code]])
        colour[:, 3] = np.clip(0.08 + 0.8 * strength, 0, 1)
        segments = np.stack([np.stack([np.full(len(chosen), depth), begin], 1),
                             np.stack([np.full(len(chosen), depth + 1), end], 1)], axis=1)
        axes.add_collection(LineCollection(segments, colors=colour, linewidths=0.4, rasterized=len(chosen) > 500))
        for x, n in ((depth, n_edges), (depth + 1, n_cells)):
            axes.scatter(np.full(n, x), _height(np.arange(n), n), s=min(9, 400 / n), color="black", linewidths=0, zorder=3)
    axes.set_xlim(-0.1, len(layers) + 0.1)
    axes.set_ylim(1.03, -0.03)
    axes.set_xticks(range(len(layers) + 1))
    axes.set_xticklabels(["in"] + [str(k + 1) for k in range(len(layers))])
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
            counts = [np.bincount(layer.types(-1).ravel(), minlength=5)[:5] for layer in archive.layers.values()]
        shares.append([100 * count / count.sum() for count in counts])
    return np.array(shares)


def _share_bars(axes, shares, numbers, present):
    width = 0.8 / len(present)
    for k, code in enumerate(present):
        mean, low, high = interval(shares[:, :, code])
        at = np.arange(len(numbers)) + (k - (len(present) - 1) / 2) * width
        error = None if len(shares) == 1 else [np.minimum(mean - low, mean), np.minimum(high - mean, 100 - mean)]
        axes.bar(at, mean, 0.9 * width, color=style.TYPE_COLOUR[TYPES[code]], edgecolor="black", linewidth=0.4, yerr=error,
                 error_kw=dict(elinewidth=0.6, capsize=1.5), label=style.TYPE_NAME[TYPES[code]])
    axes.set_xticks(range(len(numbers)))
    axes.set_xticklabels([str(number + 1) for number in numbers])
    axes.set_xlabel("layer")
    axes.set_ylabel("share of the layer (%)")
    axes.set_ylim(0, 100)
    axes.grid(axis="y")
