#!/usr/bin/env python3
"""Draws docs/overview.png, the picture of the README: an organism, one of its particles, and two results.

    docs/overview.py RUN [OUTPUT]      RUN: a run of conf/mnist.yaml after `metazoa probe dropout RUN`
"""
import csv
import sys
from pathlib import Path

import h5py
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

ORANGE, BLUE, GREY = "#e07b00", "#2f6db5", "#8a8a8a"


def network(axes, sizes, left, right, low, high, size, edge):
    """Cells of each layer as dots, every edge as a line; returns the places of the cells."""
    at = []
    for i, n in enumerate(sizes):
        x = left + (right - left) * i / (len(sizes) - 1)
        at.append(
            [
                (x, (low + high) / 2 + (high - low) * ((n - 1) / 2 - k) / max(max(sizes) - 1, 1))
                for k in range(n)
            ]
        )
    for here, there in zip(at, at[1:]):
        for a in here:
            for b in there:
                axes.plot(*zip(a, b), **edge, zorder=1)
    for layer in at:
        axes.scatter(*zip(*layer), s=size, color="white", edgecolor="black", linewidth=0.9, zorder=2)
    return at


def organism(axes):
    axes.set_title("An organism: every edge is a network that replicates itself", fontsize=9)
    at = network(axes, [2, 3, 3, 1], 0, 3, 0.6, 2.4, 60, {"color": BLUE, "linewidth": 1.1})
    axes.plot(*zip(at[1][0], at[2][0]), color=ORANGE, linewidth=2.2, zorder=1)
    corner = (1.55, 2.4)
    axes.annotate("", (3.75, 2.05), corner, arrowprops={"arrowstyle": "-", "color": GREY, "linestyle": ":"})
    inner = network(axes, [5, 3, 3, 1], 4.2, 5.9, 0.75, 2.25, 30, {"color": ORANGE, "linewidth": 0.8})
    for (x, y), word in zip(inner[0], ["weight", "layer", "cell", "edge", "input x"]):
        axes.text(x - 0.1, y, word, ha="right", va="center", fontsize=6.5)
    axes.text(
        inner[3][0][0] + 0.1, inner[3][0][1], "weight\nor $a_4 x$", ha="left", va="center", fontsize=6.5
    )
    axes.text(5.05, 0.35, "one particle, 27 weights", ha="center", fontsize=7.5, color=ORANGE)
    axes.text(1.5, 0.35, "inputs, cells, outputs", ha="center", fontsize=7.5)
    axes.set_xlim(-0.3, 6.6)
    axes.set_ylim(0.15, 2.75)
    axes.axis("off")


def census(axes, run):
    with open(run / "metrics.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    epoch = [int(row["epoch"]) for row in rows]
    replicators = [int(row["self_replicator"]) for row in rows]
    all_particles = sum(
        int(rows[-1][name]) for name in ("divergent", "zero", "self_replicator", "secondary", "other")
    )
    axes.stackplot(
        epoch,
        replicators,
        [all_particles - n for n in replicators],
        colors=[ORANGE, BLUE],
        alpha=0.85,
        linewidth=0,
    )
    axes.text(
        epoch[-1] * 0.97, replicators[-1] * 0.4, "self-replicators", ha="right", color="white", fontsize=8
    )
    axes.text(epoch[-1] * 0.97, all_particles * 0.7, "others", ha="right", color="white", fontsize=8)
    axes.set(xlabel="epoch", ylabel="particles", xlim=(0, epoch[-1]), ylim=(0, all_particles))
    axes.set_title("Particles specialise while MNIST is learnt", fontsize=9)
    twin = axes.twinx()
    known = [(e, float(row["test_accuracy"])) for e, row in zip(epoch, rows) if row["test_accuracy"]]
    twin.plot(*zip(*known), color="black", linewidth=1.3)
    twin.set(ylim=(0, 1), ylabel="test accuracy")


def dropout(axes, run):
    with h5py.File(run / "probe-dropout.h5") as file:
        for strategy, color, word in (
            ("replicators", ORANGE, "self-replicators first"),
            ("magnitude", BLUE, "smallest |weight| first"),
            ("random", GREY, "random"),
        ):
            curve = file["curves/organism"][strategy]
            axes.plot(curve["share"][:], curve["score"][:].mean(axis=0), color=color, label=word)
    axes.set(
        xlabel="share of particles dropped",
        ylabel="test accuracy",
        xlim=(0, 1),
        ylim=(0, 1.25),
        yticks=[0, 0.5, 1],
    )
    axes.set_title("Replicators can be dropped", fontsize=9)
    axes.legend(fontsize=7, frameon=False)


def main():
    run = Path(sys.argv[1])
    output = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).with_name("overview.png")
    plt.rcdefaults()
    plt.rcParams.update({"font.size": 8, "axes.spines.top": False})
    figure = plt.figure(figsize=(10, 2.9), layout="constrained")
    parts = figure.add_gridspec(1, 3, width_ratios=[1.7, 1, 1])
    organism(figure.add_subplot(parts[0]))
    census(figure.add_subplot(parts[1]), run)
    dropout(figure.add_subplot(parts[2]), run)
    figure.savefig(output, dpi=150, metadata={"Software": None})


main()
