"""Figures 2, 3 and 6: particle types, losses and the task's success over epochs."""

import numpy as np
from matplotlib.ticker import MaxNLocator

from . import style
from .particle import TYPES
from .run import Missing
from .statistics import interval, log_interval, over_seeds


def types(runs):
    """Figure 2: share of each particle type over epochs."""
    figure, ((axes,),) = style.new()
    _types(axes, runs)
    _epochs(axes)
    axes.set_title(style.seeds_text(runs), fontweight="normal", color=style.GREY)
    return figure


def losses(runs):
    """Figure 3: both losses, and the error or accuracy, over epochs."""
    figure, ((top,), (bottom,)) = style.new(height=3.9, rows=2, sharex=True)
    _losses(top, runs)
    _success(bottom, runs)
    _epochs(bottom)
    top.set_title(style.seeds_text(runs), fontweight="normal", color=style.GREY)
    return figure


def overview(runs):
    """Figure 6: types, losses and success over epochs, side by side."""
    figure, ((left, middle, right),) = style.new(style.PAGE, 2.25, columns=3)
    _types(left, runs)
    _losses(middle, runs)
    _success(right, runs)
    for axes, letter in zip((left, middle, right), "abc"):
        _epochs(axes)
        axes.set_title(letter)
    right.set_title(style.seeds_text(runs), loc="right", fontweight="normal", color=style.GREY)
    return figure


def _epochs(axes):
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))


def _types(axes, runs):
    shown = 0
    total = max(float(np.nanmax(sum(run.metrics[name] for name in TYPES if name in run.metrics), initial=1)) for run in runs)
    for name in TYPES:
        series = over_seeds(runs, name)
        if series is None:
            continue
        epochs, counts = series
        if counts.max() > 0:  # a type that never occurs needs no line
            style.band(axes, epochs, interval(100 * counts / total), style.TYPE_COLOUR[name], style.TYPE_NAME[name],
                       style.TYPE_DASH[name])
            shown += 1
    if not shown:
        raise Missing("metrics.csv has no census (measure.census_every)")
    axes.set_ylabel("particles (%)")
    axes.set_ylim(-2, 102)
    axes.grid(axis="y")
    axes.legend(loc="best")


def _losses(axes, runs):
    for column, colour, dash, label in (("task_loss", style.BLUE, "-", "task"),
                                        ("self_train_loss", style.GREEN, (0, (4, 1.5)), "self-training")):
        series = over_seeds(runs, column)
        if series is not None and (series[1] > 0).any():
            style.band(axes, series[0], log_interval(series[1]), colour, label, dash)
    axes.set_yscale("log")
    axes.set_ylabel("loss")
    axes.grid(axis="y")
    axes.legend()


def _success(axes, runs):
    measure = runs[0].measure
    mean = log_interval if measure == "mae" else interval
    for part, colour, dash in (("train", style.SKY, (0, (4, 1.5))), ("test", style.RED, "-")):
        series = over_seeds(runs, f"{part}_{measure}")
        if series is not None:
            style.band(axes, series[0], mean(series[1]), colour, f"{part} data", dash)
    axes.set_ylabel("mean absolute error" if measure == "mae" else "accuracy")
    if measure == "mae":
        axes.set_yscale("log")
    axes.grid(axis="y")
    axes.legend()
