"""The table of figures: name, what it shows, how it is drawn. Every command goes through `draw`."""

from dataclasses import dataclass
from typing import Callable

from . import figure_pca, figure_pruning, figure_robustness, figure_space, figure_training, style
from .run import Missing


@dataclass(frozen=True)
class Figure:
    name: str
    title: str
    reads: str
    draw: Callable
    tasks: tuple = ("addition", "idx", "hdf5")  # which experiments it is one of
    scalars: bool = False  # does it make sense for a conventional network


_CLASSES = ("idx", "hdf5", "cifar")

FIGURES = (
    Figure("2", "Particle types over epochs", "metrics.csv", figure_training.types, ("addition",)),
    Figure("3", "Losses and error over epochs", "metrics.csv", figure_training.losses, ("addition",), True),
    Figure("4", "Robustness of self-replicators to noise", "probe-robustness.h5", figure_robustness.robustness, ("addition",)),
    Figure("5", "Output differences after substitution by a conventional network", "probe-substitution.h5",
           figure_pruning.substitution),
    Figure("6", "Particle types, losses and success over epochs", "metrics.csv", figure_training.overview, _CLASSES, True),
    Figure("7", "Robustness of self-replicators to noise", "probe-robustness.h5", figure_robustness.robustness, _CLASSES),
    Figure("8", "Dropout by particle type, and pruning", "probe-dropout.h5", figure_pruning.dropout),
    Figure("9", "Self-replicators per input", "archive.h5", figure_space.count_map, _CLASSES),
    Figure("10", "Effective weights of self-replicators per input, and the mean of the data", "archive.h5",
           figure_space.weight_map, _CLASSES),
    Figure("11", "Connections of each particle type", "archive.h5", figure_space.connectivity),
    Figure("12", "Trajectories in their principal components, beside random walks", "archive.h5", figure_pca.trajectories),
    Figure("settle", "Self-training alone after the last task step", "probe-settle.h5", figure_pruning.settle),
    Figure("goal", "Shares of fixpoints and of test data within tolerances", "probe-goal.h5", figure_pruning.goal),
)


def find(name):
    for figure in FIGURES:
        if figure.name == name:
            return figure
    raise Missing(f"there is no figure {name}: choose from {', '.join(f.name for f in FIGURES)}, or all")


def belongs(figure, runs):
    """Whether a figure is one of this experiment's, when all are drawn; a figure asked for by name is always drawn."""
    return runs[0].setting("task", "kind") in figure.tasks and (figure.scalars or not runs[0].scalar)


def draw(figure, runs, folder, formats=("pdf", "svg", "png")):
    """Draws and saves one figure as figure-NAME.*; the paths. Missing when an input is not there."""
    prefix = "figure-" if figure.name.isdigit() else ""
    return style.save(figure.draw(runs), folder, f"{prefix}{figure.name}", formats)
