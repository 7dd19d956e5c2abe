"""The table of figures: name, what it shows, when it makes sense, how it is drawn. Every command goes through `draw`."""

from dataclasses import dataclass
from typing import Callable

from ..reading.errors import Missing
from . import fixpoints, pruned, pruning, robustness, space, style, training, trajectories


ROBUSTNESS = (
    "Self-replicators with noise on their weights, applied to themselves again and again. Boxes: quartiles and median over particles, "
    "draws and seeds; whiskers: 5 and 95 %. a: steps that they stay self-replicators. b: steps until they diverge or vanish. Diamonds, "
    "where they were counted: as the published code counts, which adds up from draw to draw."
)
LOSSES = (
    "a: mean losses of task and self-training. b: {}. Medians over the seeds; shaded: their .95 intervals."
)
TYPES_OVER_EPOCHS = "Share of each type among all particles after each epoch: the median over the seeds; shaded: its .95 interval."


@dataclass(frozen=True)
class Figure:
    """`sums`, `classes`: whether it is one of an experiment that learns numbers (the paper's first), or classes (its second)."""

    name: str
    title: str
    reads: str
    draw: Callable
    caption: str
    sums: bool = True
    classes: bool = True
    scalars: bool = False  # whether it makes sense for a conventional network
    compares: bool = False  # runs of several experiments; it is drawn only when asked for

    @property
    def probe(self):
        """The kind of the probe that it reads."""
        return self.reads[len("probe-") : -len(".h5")]

    @property
    def label(self):
        """What it is called on a page: a figure of the paper has its number."""
        return f"Figure {self.name}" if self.name.isdigit() else self.title


FIGURES = (
    Figure("2", "Particle types over epochs", "metrics.csv", training.types, TYPES_OVER_EPOCHS, classes=False),
    Figure("3", "Losses and error over epochs", "metrics.csv", training.losses, LOSSES.format("mean absolute error"),
           classes=False, scalars=True),
    Figure("4", "Robustness of self-replicators to noise", "probe-robustness.h5", robustness.robustness, ROBUSTNESS, classes=False),
    Figure("5", "Output differences after substitution by a conventional network", "probe-substitution.h5", pruning.substitution,
           "Absolute output differences between the organism, evaluated particle by particle, and the conventional network of its "
           "particles' responses: medians over the seeds with their .95 intervals. Line: the median of all."),
    Figure("6", "Losses and accuracy over epochs", "metrics.csv", training.losses,
           LOSSES.format("share of data that are classified right"), sums=False, scalars=True),
    Figure("7", "Robustness of self-replicators to noise", "probe-robustness.h5", robustness.robustness, ROBUSTNESS, sums=False),
    Figure("8", "Dropout by particle type, and pruning", "probe-dropout.h5", pruning.dropout,
           "a: score with all particles of one type set to zero; l1 norm: with as many connections dropped as there are "
           "self-replicators, the smallest effective weights first. b, c: score against the share of dropped connections, for the "
           "organism and for a conventional network of the same shape and training. Medians over the seeds, .95 intervals."),
    Figure("9", "Particle types over epochs", "metrics.csv", training.types, TYPES_OVER_EPOCHS, sums=False),
    Figure("10", "Self-replicators per input, their effective weights, and the mean of the data", "archive.h5", space.heat_maps,
           "Of the first layer's particles, for each input, mean over the seeds: a, self-replicators; b, the sum of their absolute "
           "effective weights. c: mean of the data.", sums=False),
    Figure("11", "Connections of each particle type", "archive.h5", space.connectivity,
           "Connections of each particle type (first seed; the darker, the larger the effective weight), and each type's share of "
           "every layer (median over the seeds, .95 interval)."),
    Figure("12", "Trajectories of a layer by type, in their principal components", "archive.h5", trajectories.trajectories,
           "Particles of one layer by their final type (one seed). Above: the layer's first two principal components over the epochs. "
           "Below: displacements from the start (cross) in their own components. Right: the variance that components explain, medians "
           "and ranges over the seeds, beside random walks with the same step sizes. Smooth curves alone are no sign of structure: "
           "walks have them too."),
    Figure("lifetime", "Random particles alone: self-application and self-training", "probe-lifetime.h5", fixpoints.lifetime,
           "Random particles that are in no organism. a: after how many self-applications they have vanished or diverged; b: after how "
           "many self-training steps they are self-replicators; c: how far one self-application moves them after training. All seeds.",
           classes=False),
    Figure("basins", "Noisy clones of self-replicators that train themselves alone", "probe-basins.h5", fixpoints.basins,
           "a: clones that are self-replicators in the end, and those of them that are nearest to their own parent. b: their distance "
           "to the parent, before and after; of the permutations of hidden cells, which compute the same, the nearest counts. c: how "
           "much of the distance is left; dotted: the median if training takes away what leads out of the manifold of fixpoints, 4 of the "
           "N directions, and nothing else. Medians over the seeds, .95 intervals."),
    Figure("stability", "Eigenvalues of self-application, and the lifetimes that they predict", "probe-stability.h5", fixpoints.stability,
           "At fixpoints of self-application, the four eigenvalues that are not 1 by themselves: a, of the organism's self-replicators; "
           "b, of random particles of n layers that were moved to the nearest fixpoint. Circle: modulus 1, the border of stability; "
           "diamonds: 1 + n, which every one of them has. c: steps that a particle lives longer for each power of ten of less noise, "
           "against the prediction from its largest eigenvalue; marks at the bottom: the prediction from 1 + n. All seeds."),
    Figure("settle", "Self-training alone after the last task step", "probe-settle.h5", pruning.settle,
           "a: particle types, b: score, while the particles train themselves alone. c: size of each particle's task gradient at the "
           "start, by type."),
    Figure("pruned", "Score against the share that pruning keeps", "metrics.csv", pruned.pruned,
           "Test score with which training ended at each share of particles that are kept: the organism, and a conventional network of "
           "the same shape. A line for each way to prune: medians over the seeds, .95 intervals.", scalars=True, compares=True),
    Figure("goal", "Shares of fixpoints and of test data within tolerances", "probe-goal.h5", pruning.goal,
           "Share of particles that are fixpoints, and of test data answered, within given tolerances (Definition 8)."),
)  # fmt: skip


def find(name):
    for figure in FIGURES:
        if figure.name == name:
            return figure
    raise Missing(f"there is no figure {name}: choose from {', '.join(f.name for f in FIGURES)}, or all")


def belongs(figure, runs):
    """Whether a figure is one of this experiment's, when all are drawn; a figure asked for by name is always drawn."""
    return (
        not figure.compares
        and (figure.classes if runs[0].classification else figure.sums)
        and (figure.scalars or not runs[0].scalar)
    )


_OPTIONS = ("step_cap", "steps", "distribution", "changed")  # of probes, that no median over runs can mix


def _probed_alike(figure, runs):
    """Missing if runs were probed with other options than the first of them, as their lines of JSON say."""
    if not figure.reads.startswith("probe-"):
        return
    lines = [{"changed": "nothing", **run.probe_summary(figure.probe)} for run in runs]
    for run, line in zip(runs, lines):
        for name in _OPTIONS:
            if name in line and line[name] != lines[0].get(name, line[name]):
                raise Missing(
                    f"{run}: probed with {name} {line[name]}, {runs[0]} with {lines[0][name]}: probe them alike"
                )


def drawing(figure, runs):
    """The figure, a matplotlib.figure.Figure. Missing when an input is not there."""
    _probed_alike(figure, runs)
    with style.ours():
        return figure.draw(runs)


def draw(figure, runs, folder, formats=("pdf", "svg", "png")):
    """Draws and saves one figure as figure-NAME.*; the paths."""
    prefix = "figure-" if figure.name.isdigit() else ""
    with style.ours():
        return style.save(drawing(figure, runs), folder, f"{prefix}{figure.name}", formats)
