"""3-D plots of an analysis by metazoa-pca: one column for each group, training above and random walks below."""

import re

import numpy as np

from ..mathematics import pca
from ..mathematics.particle import TYPES
from ..reading import hdf5
from ..reading.errors import Missing
from . import style
from .trajectories import MOST, choose, read_scores, read_walks, space

MOST_PANELS = 4


def draw(run, path):
    """The drawing of the results in `path`, at most MOST_PANELS groups (or particles, chosen evenly)."""
    with run.archive() as archive:
        types = {number: layer.types(-1) for number, layer in archive.layers.items()}
    with hdf5.open_file(path) as file:
        if not any("projection" in layer for layer in file["layers"].values()):
            raise Missing("the results have no scores")
        if file.attrs["components"] < 3:
            raise Missing("fewer than three components: nothing to draw in 3-D")
        if hdf5.text(file.attrs["scope"]) != "particle" and (file["groups/count"][:] < 2).all():
            raise Missing("no group has two samples")
        panels = (_particles if hdf5.text(file.attrs["scope"]) == "particle" else _groups)(file, types)[
            :MOST_PANELS
        ]
    rows = 2 if panels[0][3] is not None else 1
    figure = style.Figure(figsize=(style.PAGE * max(len(panels), 2) / 4, 2.1 * rows))
    for column, (title, chosen, scores, walk, ratio, walk_ratio) in enumerate(panels):
        for row, (what, values, share) in enumerate(
            (("training", scores, ratio), ("random walks", walk, walk_ratio))[:rows]
        ):
            axes = figure.add_subplot(rows, len(panels), 1 + column + row * len(panels), projection="3d")
            space(axes, values, chosen)
            axes.set_zlabel("")  # it is cut by the next panel
            axes.locator_params(nbins=4)
            axes.set_title(
                f"{title if row == 0 else what}\n{_percent(share)}", fontsize=6.5, fontweight="normal", pad=0
            )
    return figure


def _percent(ratio):
    return "" if ratio is None else " + ".join(f"{100 * r:.0f}" for r in ratio[:3]) + " % of variance"


def _groups(file, types):
    panels = []
    walks = file["groups/walk_ratio"].shape[0] > 0
    for k, name in enumerate(pca.group_names(file)):
        if file["groups/count"][k] < 2:
            continue
        members = {number: codes for number, codes in types.items() if name == f"layer {number}"} or types
        title = (
            f"layer {next(iter(members)) + 1}"
            if name.startswith("layer ")
            else style.TYPE_NAME.get(name, name)
        )
        if " cell " in name:
            title, chosen = _of_cell(file, types, *map(int, re.findall(r"\d+", name)))
        else:
            chosen = choose(members, MOST) if name not in TYPES else _of_type(types, TYPES.index(name))
        panels.append(
            (
                title,
                chosen,
                read_scores(file, chosen),
                read_walks(file, chosen) if walks else None,
                file["groups/ratio"][k],
                file["groups/walk_ratio"][:, k].mean(axis=0) if walks else None,
            )
        )
    return panels


def _of_cell(file, types, number, cell):
    codes = types[number]
    if codes.ndim == 2:
        cells = np.repeat(np.arange(codes.shape[0]), codes.shape[1])
    else:
        cells = hdf5.read(file, f"layers/{number}/cell")
    inside = np.flatnonzero(cells == cell)[:MOST]
    return f"layer {number + 1}, cell {cell}", [(number, int(k), int(codes.ravel()[k])) for k in inside]


def _of_type(types, code):
    members = [
        (number, k, code) for number, codes in types.items() for k in np.flatnonzero(codes.ravel() == code)
    ]
    return [members[i] for i in np.unique(np.linspace(0, len(members) - 1, MOST).astype(int))]


def _particles(file, types):
    panels = []
    for number, k, code in choose(types, MOST_PANELS):
        layer = file[f"layers/{number}"]
        where = np.unravel_index(k, layer["projection"].shape[1:-1])
        walks = "walk" in layer
        one = [(number, k, code)]
        panels.append(
            (
                f"layer {number + 1}, particle {', '.join(map(str, where))}",
                one,
                read_scores(file, one),
                read_walks(file, one) if walks else None,
                layer["ratio"][where],
                layer["walk_ratio"][(slice(None),) + where].mean(axis=0) if walks else None,
            )
        )
    return panels
