"""The tables of docs/reproduction.md and docs/training.md: each has a name, and stands between <!-- table NAME --> and <!-- end -->."""

import re

from ..reading.errors import Missing
from ..reading.text import shown
from . import claims, controls, pruning, review, robustness, settling, training, trajectories
from .sources import Source

TABLES = {
    "claims": claims.table,
    "review": review.table,
    "robustness": robustness.lifetimes,
    "stability": robustness.stability,
    "basins": robustness.basins,
    "alone": robustness.alone,
    "double": robustness.double,
    "dropout": pruning.dropout,
    "replication": pruning.replication,
    "settle": pruning.settle,
    "steps": pruning.steps,
    "ways": settling.ways,
    "compiled": settling.compiled,
    "controls": controls.variants,
    "scores": controls.scores,
    "long": controls.over_epochs,
    "pixels": controls.pixels,
    "phases-addition": controls.phases_addition,
    "phases-images": controls.phases_images,
    "components": trajectories.components,
    "axes": trajectories.axes,
    "paths": trajectories.paths,
}


def tables(folder, made="paper"):
    """All tables by name, each a list of lines, from the runs of `make paper` or `make training` in a folder."""
    if not folder.is_dir():
        raise Missing(f"{shown(folder)} is no folder: make {made} makes it")
    source = Source(folder)
    return {name: make(source) for name, make in (TABLES if made == "paper" else training.TABLES).items()}


def text(tables):
    return [line for name, lines in tables.items() for line in (f"## {name}", "", *lines, "")]


def fill(page, tables):
    """Replaces the tables in a page. Missing if it asks for one that there is not."""
    old = page.read_text(encoding="utf-8")

    def new(match):
        if match[1] not in tables:
            raise Missing(f"{shown(page)}: there is no table {match[1]}: choose from {', '.join(tables)}")
        return "\n".join([f"<!-- table {match[1]} -->", *tables[match[1]], "<!-- end -->"])

    page.write_text(
        re.sub(r"^<!-- table (\S+) -->$.*?^<!-- end -->$", new, old, flags=re.S | re.M), encoding="utf-8"
    )
