"""Figures 2, 3, 6 and 9: particle types, losses and the task's success over epochs."""

import numpy as np
from matplotlib.ticker import MaxNLocator

from ..mathematics.particle import TYPES
from ..mathematics.statistics import interval, over_seeds
from ..reading.errors import Missing
from . import style


def types(runs):
    """Figures 2 and 9: share of each particle type over epochs."""
    figure, ((axes,),) = style.new()
    for name in TYPES:
        series = over_seeds(runs, name)
        if series is not None and (series[1] > 0).any():  # a type that never occurs needs no line
            total = [
                [run.census.sum(axis=1).max()] for run in runs if name in run.metrics
            ]  # pruned ones, too
            share = interval(100 * series[1] / np.array(total))
            style.band(
                axes, series[0], share, style.TYPE_COLOUR[name], style.TYPE_NAME[name], style.TYPE_DASH[name]
            )
    if not axes.lines:
        raise Missing("metrics.csv has no census (measure.census_every)")
    axes.set_ylabel("particles (%)")
    axes.set_ylim(-2, 102)
    axes.grid(axis="y")
    _epochs(axes)
    style.legend_above(figure, axes.lines)
    style.remark(axes, style.seeds_text(runs))
    return figure


def losses(runs):
    """Figures 3 and 6: both losses, and the error or accuracy, over epochs."""
    figure, ((left, right),) = style.new(style.PAGE, 2.5, columns=2)
    _losses(left, runs)
    _success(right, runs)
    for axes in (left, right):
        _epochs(axes)
        axes.grid(axis="y")
    style.legend_above(figure, [line for axes in (left, right) for line in axes.lines])
    style.letters((left, right))
    style.remark(right, style.seeds_text(runs))
    return figure


def _epochs(axes):
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))


def _losses(axes, runs):
    for column, colour, dash, label in (
        ("task_loss", style.BLUE, "-", "task"),
        ("self_train_loss", style.ORANGE, (0, (4, 1.5)), "self-training"),
    ):
        series = over_seeds(runs, column)
        if series is not None and (series[1] > 0).any():
            style.band(axes, series[0], interval(series[1]), colour, label, dash)
    axes.set_yscale("log")
    axes.set_ylabel("loss")


def _success(axes, runs):
    measure = runs[0].measure
    for part, name, colour, dash in (
        ("train", "training", style.RED, (0, (4, 1.5))),
        ("test", "test", style.GREEN, "-"),
    ):
        series = over_seeds(runs, f"{part}_{measure}")
        if series is not None:
            style.band(axes, series[0], interval(series[1]), colour, f"{name} data", dash)
    axes.set_ylabel("mean absolute error" if measure == "mae" else "accuracy")
    if measure == "mae" and any((np.asarray(line.get_ydata()) > 0).any() for line in axes.lines):
        axes.set_yscale("log")
