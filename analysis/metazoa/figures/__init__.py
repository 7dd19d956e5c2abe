"""The table of figures: name, what it shows, when it makes sense, how it is drawn. Every command goes through `draw`."""

from dataclasses import dataclass
from typing import Callable

from ..reading.errors import Missing
from . import pruning, robustness, space, style, training, trajectories


@dataclass(frozen=True)
class Figure:
    """`sums`, `classes`: whether it is one of an experiment that learns numbers (the paper's first), or classes (its second)."""

    name: str
    title: str
    reads: str
    draw: Callable
    sums: bool = True
    classes: bool = True
    scalars: bool = False  # whether it makes sense for a conventional network


FIGURES = (
    Figure("2", "Particle types over epochs", "metrics.csv", training.types, classes=False),
    Figure("3", "Losses and error over epochs", "metrics.csv", training.losses, classes=False, scalars=True),
    Figure("4", "Robustness of self-replicators to noise", "probe-robustness.h5", robustness.robustness, classes=False),
    Figure("5", "Output differences after substitution by a conventional network", "probe-substitution.h5", pruning.substitution),
    Figure("6", "Losses and accuracy over epochs", "metrics.csv", training.losses, sums=False, scalars=True),
    Figure("7", "Robustness of self-replicators to noise", "probe-robustness.h5", robustness.robustness, sums=False),
    Figure("8", "Dropout by particle type, and pruning", "probe-dropout.h5", pruning.dropout),
    Figure("9", "Particle types over epochs", "metrics.csv", training.types, sums=False),
    Figure("10", "Self-replicators per input, their effective weights, and the mean of the data", "archive.h5", space.heat_maps, sums=False),
    Figure("11", "Connections of each particle type", "archive.h5", space.connectivity),
    Figure("12", "Trajectories of a layer by type, in their principal components", "archive.h5", trajectories.trajectories),
    Figure("settle", "Self-training alone after the last task step", "probe-settle.h5", pruning.settle),
    Figure("goal", "Shares of fixpoints and of test data within tolerances", "probe-goal.h5", pruning.goal),
)  # fmt: skip


def find(name):
    for figure in FIGURES:
        if figure.name == name:
            return figure
    raise Missing(f"there is no figure {name}: choose from {', '.join(f.name for f in FIGURES)}, or all")


def belongs(figure, runs):
    """Whether a figure is one of this experiment's, when all are drawn; a figure asked for by name is always drawn."""
    return (figure.classes if runs[0].classification else figure.sums) and (
        figure.scalars or not runs[0].scalar
    )


def drawing(figure, runs):
    """The figure, a matplotlib.figure.Figure. Missing when an input is not there."""
    with style.ours():
        return figure.draw(runs)


def draw(figure, runs, folder, formats=("pdf", "svg", "png")):
    """Draws and saves one figure as figure-NAME.*; the paths."""
    prefix = "figure-" if figure.name.isdigit() else ""
    with style.ours():
        return style.save(figure.draw(runs), folder, f"{prefix}{figure.name}", formats)
