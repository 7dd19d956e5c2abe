"""Figure 12: trajectories of the particles of one layer in their principal components, by type, beside random walks."""

import numpy as np

from ..mathematics import pca
from ..mathematics.particle import OTHER, SELF_REPLICATOR, TYPES
from ..reading import hdf5
from ..reading.errors import Missing
from . import style

MOST = 120  # trajectories in a drawing
_COLOURS = "tab20"  # of single trajectories, as in the paper


def choose(layers_types, most):
    """An even choice of particles, types in proportion (each at least once): [(layer, index in the layer, type)]."""
    numbers = sorted(layers_types)
    codes = np.concatenate([layers_types[number].ravel() for number in numbers])
    begins = np.cumsum([0] + [layers_types[number].size for number in numbers])
    chosen = []
    for code in range(5):
        members = np.flatnonzero(codes == code)
        n = (
            len(members)
            if codes.size <= most
            else min(len(members), max(1, round(most * len(members) / codes.size)))
        )
        chosen += list(members[np.linspace(0, len(members) - 1, n).astype(int)]) if n else []
    layer = np.searchsorted(begins, sorted(chosen), side="right") - 1
    return [(numbers[at], int(k - begins[at]), int(codes[k])) for at, k in zip(layer, sorted(chosen))]


def read_scores(file, chosen, records=None):
    """Scores [record, particle, component] of the chosen particles from an open analysis."""
    parts = []
    for number in sorted({layer for layer, _, _ in chosen}):
        data = hdf5.dataset(file, f"layers/{number}/projection")
        inside = np.array([k for layer, k, _ in chosen if layer == number])
        rows = np.arange(data.shape[0]) if records is None else records
        where = np.unravel_index(inside, data.shape[1:-1])
        out = np.empty((len(rows), len(inside), data.shape[-1]), dtype=np.float32)
        for i, record in enumerate(rows):  # a record at a time: memory stays small
            out[i] = data[int(record)][where]
        parts.append(out)
    return np.concatenate(parts, axis=1)


def read_walks(file, chosen, records=None):
    """Scores [record, particle, component] of random walks: for each chosen particle the walk beside it, or the next one that is kept;
    NaN in a layer without walks."""
    parts = []
    for number in sorted({layer for layer, _, _ in chosen}):
        walkers = hdf5.read(file, f"layers/{number}/walker")
        data = hdf5.dataset(file, f"layers/{number}/walk")
        inside = np.array([k for layer, k, _ in chosen if layer == number])
        rows = np.arange(data.shape[0]) if records is None else records
        if len(walkers) == 0:
            parts.append(np.full((len(rows), len(inside), data.shape[-1]), np.nan, np.float32))
            continue
        where = np.minimum(np.searchsorted(walkers, inside), len(walkers) - 1)
        parts.append(data[()][rows][:, where])
    return np.concatenate(parts, axis=1)


def trajectories(runs):
    """Figure 12, of the first run: trajectories of the last layer that has two types of particles (or the last one), in the layer's
    components, a panel for each type; below, random walks."""
    run = runs[0]
    with run.archive() as archive:
        if len(archive.epoch) < 3:
            raise Missing(f"{run}: fewer than three records in the archive")
        all_types = {n: layer.types(-1) for n, layer in archive.layers.items() if layer.n_particles}
        number = max(all_types, key=lambda n: (len(np.unique(all_types[n])) > 1, n))
        types = all_types[number]
    panels = [[entry for entry in choose({number: types}, MOST) if entry[2] == code] for code in range(5)]
    order = [SELF_REPLICATOR] + [code for code in range(5) if code != SELF_REPLICATOR]
    panels = [panels[code] for code in order if panels[code]]
    group = f"layer {number}"
    with hdf5.open_file(pca.ensure(run, "layer")) as file:
        names = [hdf5.text(name) for name in hdf5.read(file, "groups/name")]
        ratio = hdf5.read(file, "groups/ratio")[names.index(group)]
        views = {"training": [read_scores(file, panel) for panel in panels]}
        if "walk" in file[f"layers/{number}"]:
            views["random walks"] = [read_walks(file, panel) for panel in panels]
    columns = len(panels) + 1
    figure = style.Figure(figsize=(style.PAGE, 2.3 * len(views)))
    grid = figure.add_gridspec(len(views), columns, width_ratios=[1] * len(panels) + [0.9])
    first = None
    for row, (name, scores) in enumerate(views.items()):
        first = None  # the panels of a row share their axes
        for column, (panel, values) in enumerate(zip(panels, scores)):
            axes = figure.add_subplot(grid[row, column], sharex=first, sharey=first)
            first = first or axes
            label = style.TYPE_NAME[TYPES[panel[0][2]]].replace("replicator", "replicators")
            layer = f"layer {number + 1}: " if column == 0 else ""
            axes.set_title(
                f"{'abcde'[column]}  {layer}{(types == panel[0][2]).sum()} {label}" if row == 0 else name
            )
            _flat(axes, values, [f" ({100 * r:.0f} %)" for r in ratio[:2]] if row == 0 else ["", ""])
    _scree(figure.add_subplot(grid[:, -1]), runs, group)
    return figure


def _flat(axes, scores, shares):
    x, y = scores[:, :, 0], scores[:, :, 1] if scores.shape[-1] > 1 else np.zeros(scores.shape[:2])
    colours = style.matplotlib.colormaps[_COLOURS].colors
    for i in range(scores.shape[1]):
        colour = colours[i % len(colours)]
        axes.plot(x[:, i], y[:, i], color=colour, lw=0.6, alpha=0.8, rasterized=scores[:, :, 0].size > 10_000)
        axes.plot(x[0, i], y[0, i], "o", ms=2, mfc="white", mec=colour, mew=0.5)
        axes.plot(x[-1, i], y[-1, i], "o", ms=2, color=colour, mew=0, zorder=3)
    axes.set_xlabel(f"component 1{shares[0]}")
    axes.set_ylabel(f"component 2{(shares + [''])[1]}")
    axes.margins(0.08)


def space(axes, scores, chosen):
    """Trajectories [record, particle, 3 and more] in 3-D axes, coloured by type."""
    for i, (_, _, code) in enumerate(chosen):
        axes.plot(
            *scores[:, i, :3].T,
            color=style.TYPE_COLOUR[TYPES[code]],
            lw=0.4,
            alpha=0.55,
            zorder=1 if code == OTHER else 2,
        )
    last = scores[-1]
    axes.scatter(
        *last[:, :3].T, s=2, c=[style.TYPE_COLOUR[TYPES[code]] for _, _, code in chosen], linewidths=0
    )
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        axis.set_pane_color((1, 1, 1, 0))
        axis._axinfo["grid"].update(linewidth=0.3, color="#DDDDDD")
        axis.set_tick_params(labelsize=5, pad=-3)
    axes.set_xlabel("component 1", fontsize=6, labelpad=-9)
    axes.set_ylabel("component 2", fontsize=6, labelpad=-9)
    axes.set_zlabel("component 3", fontsize=6, labelpad=-9)
    axes.view_init(22, -58)
    axes.set_box_aspect(None, zoom=1.1)


def _scree(axes, runs, group):
    """Explained variance per component: training (all runs) and walks (all draws of all runs)."""
    training, walks = [], []
    for run in runs:
        with hdf5.open_file(pca.ensure(run, "layer")) as file:
            names = [hdf5.text(name) for name in hdf5.read(file, "groups/name")]
            if group in names:
                training.append(hdf5.read(file, "groups/ratio")[names.index(group)])
                walks += list(hdf5.read(file, "groups/walk_ratio")[:, names.index(group)])
    n = min(10, training[0].size)
    x = np.arange(1, n + 1)
    for rows, colour, marker, label in (
        (training, style.BLUE, "o", "training"),
        (walks, style.GREY, "s", "random walks"),
    ):
        if rows:
            rows = 100 * np.array(rows)[:, :n]
            mean = rows.mean(axis=0)
            axes.errorbar(x, mean, [mean - rows.min(axis=0), rows.max(axis=0) - mean], color=colour, marker=marker, ms=3, lw=0.8,
                          capsize=1.5, elinewidth=0.6, label=label)  # fmt: skip
    axes.set_xticks(x)
    axes.set_xlabel("component")
    axes.set_ylabel("explained variance (%)")
    axes.set_ylim(0, None)
    style.remark(axes, "range over seeds, draws" if len(runs) > 1 else "range over draws")
    axes.grid(axis="y")
    axes.legend()
