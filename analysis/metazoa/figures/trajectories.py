"""Figure 12: trajectories of the particles of one layer in their principal components, by type, beside random walks."""

import numpy as np

from ..mathematics import pca
from ..mathematics.particle import OTHER, SELF_REPLICATOR, TYPES
from ..reading import hdf5
from ..reading.archive import archived_part
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
    """Figure 12. Above, as in the paper: trajectories of one layer by type, two components of the weights beside an epoch axis.
    Below, what they are about: components of the displacements from the start. On the right, the variance that components explain,
    beside random walks with the same steps."""
    run, number, types = _layer_with_types(runs)
    panels = [[entry for entry in choose({number: types}, MOST) if entry[2] == code] for code in range(5)]
    order = [SELF_REPLICATOR] + [code for code in range(5) if code != SELF_REPLICATOR]
    panels = [panels[code] for code in order if panels[code]]
    figure = style.Figure(figsize=(style.PAGE, 4.7))
    grid = figure.add_gridspec(2, len(panels) + 1, width_ratios=[1] * len(panels) + [0.85])
    flat = None  # panels of the second row share their axes
    for row, origin in enumerate(("mean", "start")):
        with hdf5.open_file(pca.ensure(run, "layer", origin)) as file:
            epoch, ratio = hdf5.read(file, "epoch"), _ratios(file, f"layer {number}")[0]
            scores = [read_scores(file, panel) for panel in panels]
        everything = np.concatenate(scores, axis=1)
        ends = [
            (np.nanmin(everything[..., k]), np.nanmax(everything[..., k]))
            for k in range(min(2, everything.shape[-1]))
        ]
        shares = [f" ({100 * r:.0f} %)" for r in ratio[:2]]
        for column, (panel, values) in enumerate(zip(panels, scores)):
            if row == 0:
                axes = figure.add_subplot(grid[row, column], projection="3d")
                _beside_epochs(axes, values, epoch, shares, "epoch" if column == 0 else "")
                for set_ends, its in zip((axes.set_xlim, axes.set_ylim), ends):  # the same in all panels
                    set_ends(its)
            else:
                flat = axes = figure.add_subplot(grid[row, column], sharex=flat, sharey=flat)
                _flat(axes, values, shares)
            axes.set_title(_title(row, column, number, types, panel), loc="left")
    for row, (origin, numbers, title) in enumerate(
        (("mean", [number], "weights"), ("start", sorted({0, number}), "displacements"))
    ):
        axes = figure.add_subplot(grid[row, -1])
        _scree(axes, runs, origin, numbers)
        axes.set_title(title)
    *left, above, below = figure.axes
    style.letters([*left[: len(panels)], above, *left[len(panels) :], below])
    style.remark(above, archived_part(runs))
    return figure


def _layer_with_types(runs):
    """The first run whose last layer has two types of particles, that layer and its types; otherwise the first run and the last
    layer of it that has."""
    best = None
    for run in runs:
        with run.archive() as archive:
            if len(archive.epoch) < 3:
                raise Missing(f"{run}: fewer than three records in the archive")
            types = {n: layer.types(-1) for n, layer in archive.layers.items() if layer.n_particles}
        found = max(types, key=lambda n: (len(np.unique(types[n])) > 1, n))
        best = best or (run, found, types[found])
        if found == max(types) and len(np.unique(types[found])) > 1:
            return run, found, types[found]
    return best


def _title(row, column, number, types, panel):
    """Layer, number and type; of displacements the type alone."""
    name = style.TYPE_NAME[TYPES[panel[0][2]]].replace("replicator", "replicators")
    if row == 1:
        return f"displacements: {name}" if column == 0 else name
    n = (types == panel[0][2]).sum()
    return (f"layer {number + 1}: " if column == 0 else "") + f"{n} {name.rstrip('s') if n == 1 else name}"


def _colours():
    return style.matplotlib.colormaps[_COLOURS].colors


def _beside_epochs(axes, scores, epoch, shares, label):
    """Two components and the epoch, a colour for each trajectory, as in the paper."""
    y = scores[:, :, 1] if scores.shape[-1] > 1 else np.zeros(scores.shape[:2])
    for i in range(scores.shape[1]):
        axes.plot(scores[:, i, 0], y[:, i], epoch, color=_colours()[i % 20], lw=0.6, alpha=0.8)
    _plain_3d(axes, [f"component {k + 1}{share}" for k, share in enumerate(shares)] + [label])
    axes.locator_params(nbins=4)
    axes.set_box_aspect(None, zoom=0.9)  # its labels count for nothing when panels are laid out


def _flat(axes, scores, shares):
    x, y = scores[:, :, 0], scores[:, :, 1] if scores.shape[-1] > 1 else np.zeros(scores.shape[:2])
    for i in range(scores.shape[1]):
        colour = _colours()[i % 20]
        axes.plot(x[:, i], y[:, i], color=colour, lw=0.6, alpha=0.8, rasterized=x.size > 10_000)
        axes.plot(x[-1, i], y[-1, i], "o", ms=2, color=colour, mew=0, zorder=3)
    axes.plot(x[0, 0], y[0, 0], "+", ms=5, color=style.BLACK, mew=0.8, zorder=4)  # all start here
    axes.set_xlabel(f"component 1{shares[0]}")
    axes.set_ylabel(f"component 2{(shares + [''])[1]}")
    axes.margins(0.08)


def _plain_3d(axes, labels):
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        axis.set_pane_color((1, 1, 1, 0))
        axis._axinfo["grid"].update(linewidth=0.3, color="#DDDDDD")
        axis.set_tick_params(labelsize=5, pad=-3)
    for set_label, label in zip((axes.set_xlabel, axes.set_ylabel, axes.set_zlabel), labels):
        set_label(label, fontsize=6, labelpad=-9)
    axes.view_init(22, -58)


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
    _plain_3d(axes, ["component 1", "component 2", "component 3"])
    axes.set_box_aspect(None, zoom=0.95)


def _ratios(file, group):
    """Explained variances of a group: training [component], walks [draw, component]; None, [] where it has none."""
    names = pca.group_names(file)
    if group not in names:
        return None, []
    k = names.index(group)
    return hdf5.read(file, "groups/ratio")[k], hdf5.read(file, "groups/walk_ratio")[:, k]


def _scree(axes, runs, origin, numbers):
    """Explained variance per component of some layers, medians and ranges: training (a value for each run) and walks (the mean of
    a run's draws)."""
    n = 10
    for number, (marker, fill) in zip(numbers, (("o", True), ("s", False))):
        training, walks = [], []
        for run in runs:
            with hdf5.open_file(pca.ensure(run, "layer", origin)) as file:
                ratio, walked = _ratios(file, f"layer {number}")
            if ratio is not None:
                training.append(ratio[:n])
            if len(walked):
                walks.append(np.mean(walked, axis=0)[:n])
        for rows, colour, what in ((training, style.BLUE, "training"), (walks, style.GREY, "walks")):
            if not rows:
                continue
            rows = 100 * np.array(rows)
            median = np.median(rows, axis=0)
            error = [median - rows.min(axis=0), rows.max(axis=0) - median] if len(rows) > 1 else None
            axes.errorbar(range(1, len(median) + 1), median, error, color=colour, marker=marker, ms=3, lw=0.8, capsize=1.5,
                          mfc=colour if fill else "white", elinewidth=0.6, label=f"layer {number + 1}, {what}")  # fmt: skip
    axes.set_xticks(range(1, n + 1))
    axes.set_xlabel("component")
    axes.set_ylabel("explained variance (%)")
    axes.set_ylim(0, None)
    axes.grid(axis="y")
    axes.legend()
