"""Figure 12: particles' trajectories in their principal components, beside random walks with the same steps."""

import h5py
import numpy as np
from mpl_toolkits.mplot3d import Axes3D  # noqa: F401  (registers the projection)

from . import pca, style
from .particle import OTHER, TYPES
from .run import Missing

MOST = 120  # trajectories in a drawing


def choose(layers_types, most):
    """An even choice of particles, types in proportion (each at least once): [(layer, index in the layer, type)]."""
    numbers = sorted(layers_types)
    codes = np.concatenate([layers_types[number].ravel() for number in numbers])
    begins = np.cumsum([0] + [layers_types[number].size for number in numbers])
    chosen = []
    for code in range(5):
        members = np.flatnonzero(codes == code)
        n = len(members) if codes.size <= most else min(len(members), max(1, round(most * len(members) / codes.size)))
        chosen += list(members[np.linspace(0, len(members) - 1, n).astype(int)]) if n else []
    layer = np.searchsorted(begins, sorted(chosen), side="right") - 1
    return [(numbers[at], int(k - begins[at]), int(codes[k])) for at, k in zip(layer, sorted(chosen))]


def read_scores(file, chosen, name="projection", records=None):
    """Scores [record, particle, component] of the chosen particles from an open analysis."""
    parts = []
    for number in sorted({layer for layer, _, _ in chosen}):
        data = file[f"layers/{number}/{name}"]
        inside = np.array([k for layer, k, _ in chosen if layer == number])
        rows = np.arange(data.shape[0]) if records is None else records
        where = np.unravel_index(inside, data.shape[1:-1])
        out = np.empty((len(rows), len(inside), data.shape[-1]), dtype=np.float32)
        for i, record in enumerate(rows):  # a record at a time: memory stays small
            out[i] = data[record][where]
        parts.append(out)
    return np.concatenate(parts, axis=1)


def trajectories(runs, scope="organism"):
    """Figure 12, of the first run: 2-D and 3-D views of training and of walks; explained variance of all runs."""
    run = runs[0]
    with run.archive() as archive:
        if len(archive.epoch) < 3:
            raise Missing("fewer than three records in the archive")
        types = {number: layer.types(-1) for number, layer in archive.layers.items()}
    chosen = choose(types, MOST)
    with h5py.File(pca.ensure(run, scope), "r") as file:
        views = {"training": read_scores(file, chosen)}
        if "walk" in file[f"layers/{chosen[0][0]}"]:
            views["random walks"] = read_scores(file, chosen, "walk")
        ratio = _first(file, "ratio")
    keep = min(3, next(iter(views.values())).shape[-1])
    figure = style.plt.figure(figsize=(style.PAGE, 2.45 * len(views)))
    grid = figure.add_gridspec(len(views), 3, width_ratios=[1, 1.15, 0.8])
    for row, (name, scores) in enumerate(views.items()):
        flat, solid = figure.add_subplot(grid[row, 0]), figure.add_subplot(grid[row, 1], projection="3d")
        _flat(flat, scores, chosen, name, ratio if row == 0 else None)
        if keep > 2:
            space(solid, scores, chosen)
    _scree(figure.add_subplot(grid[:, 2]), runs, scope)
    return figure


def _first(file, name):
    return file[f"groups/{name}"][:][..., 0, :] if "groups" in file else None


def _flat(axes, scores, chosen, title, ratio):
    _, y = _pair(scores)
    for i, (_, _, code) in enumerate(chosen):
        colour = style.TYPE_COLOUR[TYPES[code]]
        axes.plot(scores[:, i, 0], y[:, i], color=colour, lw=0.4, alpha=0.55, rasterized=True)
        axes.plot(scores[0, i, 0], y[0, i], "o", ms=1.2, mfc="white", mec=colour, mew=0.3, rasterized=True)
        axes.plot(scores[-1, i, 0], y[-1, i], "o", ms=1.6, color=colour, mew=0, zorder=3, rasterized=True)
    share = [""] * 2 if ratio is None else [f" ({100 * r:.0f} %)" for r in np.append(ratio, 0)[:2]]
    axes.set_xlabel(f"component 1{share[0]}")
    axes.set_ylabel(f"component 2{share[1]}")
    axes.set_title(title)
    axes.set_aspect("equal", adjustable="datalim")
    present = [code for code in range(5) if any(entry[2] == code for entry in chosen)]
    if ratio is not None:
        handles = [style.plt.Line2D([], [], color=style.TYPE_COLOUR[TYPES[c]], lw=1.2, label=style.TYPE_NAME[TYPES[c]])
                   for c in present]
        handles += [style.plt.Line2D([], [], color="black", marker="o", ms=2.5, mfc=fill, mew=0.4, lw=0, label=label)
                    for fill, label in (("white", "first record"), ("black", "last record"))]
        axes.legend(handles=handles, loc="best", handlelength=1.2, fontsize=6, labelspacing=0.25)


def _pair(scores):
    return scores[:, :, 0], scores[:, :, 1] if scores.shape[-1] > 1 else np.zeros(scores.shape[:2])


def space(axes, scores, chosen):
    """Trajectories [record, particle, 3 and more] in 3-D axes, coloured by type."""
    for i, (_, _, code) in enumerate(chosen):
        axes.plot(*scores[:, i, :3].T, color=style.TYPE_COLOUR[TYPES[code]], lw=0.4, alpha=0.55,
                  zorder=1 if code == OTHER else 2)
    last = scores[-1]
    axes.scatter(*last[:, :3].T, s=2, c=[style.TYPE_COLOUR[TYPES[code]] for _, _, code in chosen], linewidths=0)
    for axis, k in ((axes.xaxis, 1), (axes.yaxis, 2), (axes.zaxis, 3)):
        axis.set_pane_color((1, 1, 1, 0))
        axis._axinfo["grid"].update(linewidth=0.3, color="#DDDDDD")
        axis.set_tick_params(labelsize=5, pad=-3)
    axes.set_xlabel("component 1", fontsize=6, labelpad=-9)
    axes.set_ylabel("component 2", fontsize=6, labelpad=-9)
    axes.set_zlabel("component 3", fontsize=6, labelpad=-8)
    axes.view_init(22, -58)
    axes.set_box_aspect(None, zoom=1.08)


def _scree(axes, runs, scope):
    """Explained variance per component: training (all runs) and walks (all draws of all runs)."""
    training, walks = [], []
    for run in runs:
        with h5py.File(pca.ensure(run, scope), "r") as file:
            if "groups" in file:
                training.append(file["groups/ratio"][0])
                walks += list(file["groups/walk_ratio"][:, 0])
    if not training:
        style.note(axes, "no shared space")
        return
    n = min(10, training[0].size)
    x = np.arange(1, n + 1)
    for rows, colour, marker, label in ((training, style.BLUE, "o", "training"), (walks, style.GREY, "s", "random walks")):
        if rows:
            rows = 100 * np.array(rows)[:, :n]
            axes.errorbar(x, rows.mean(axis=0), [rows.mean(axis=0) - rows.min(axis=0), rows.max(axis=0) - rows.mean(axis=0)],
                          color=colour, marker=marker, ms=3, lw=0.8, capsize=1.5, elinewidth=0.6, label=label)
    axes.set_xticks(x)
    axes.set_xlabel("component")
    axes.set_ylabel("explained variance (%)")
    axes.set_ylim(0, None)
    axes.set_title("range over seeds, draws" if len(runs) > 1 else "range over draws", fontweight="normal", color=style.GREY)
    axes.grid(axis="y")
    axes.legend()
