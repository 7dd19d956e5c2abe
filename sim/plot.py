#!/usr/bin/env python3
"""Plots and tabulates simulated points: plot.py CSV... --svg docs/scaling.svg. Prints the tables of docs/scaling.md.

For each organism and number of ranks: the quickest grid that was simulated, with the first letters of its axes, the one that leaves
the nodes first, and beside it what `grid: auto` picks.
"""

import argparse
import csv
from collections import defaultdict
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

TITLES = {"paper": "225-5-5-10", "wide": "784-4096-4096-10", "billion": "784-31250-31250-10, 1.0e9 particles"}
PARTS = {  # columns of the CSV, mean over the ranks
    "sweep": ("sweep",),
    "passes": ("forward", "backward"),
    "batch axis": ("reduce",),
    "rows and columns": ("exchange",),
    "waiting for the slowest": ("agree",),
}


def read(paths):
    """Rows with numbers as numbers, by organism and number of ranks."""
    found = defaultdict(lambda: defaultdict(list))
    for path in paths:
        with open(path) as file:
            for row in csv.DictReader(file):
                for key, value in row.items():
                    try:
                        row[key] = float(value)
                    except ValueError:
                        pass
                if row["placement"] == "block":
                    found[row["organism"]][int(row["ranks"])].append(row)
    return found


def seconds(value):
    for unit, factor in (("s", 1), ("ms", 1e3), ("us", 1e6)):
        if value * factor >= 1:
            return f"{value * factor:.3g} {unit}"
    return f"{value:.3g} s"


def size(value):
    return f"{value / 1e9:.3g} GB" if value >= 1e9 else f"{value / 1e6:.3g} MB"


def table(organism, by_ranks):
    """One organism's table; of each number of ranks the quickest grid."""
    first = None
    print(f"\n### {TITLES.get(organism, organism)}\n")
    print(
        "| ranks | best grid | a batch | efficiency | sweep, passes | batch axis | rows, columns | waiting | auto | lost by auto | sent by a rank | memory of a rank |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    for ranks, rows in sorted(by_ranks.items()):
        best = min(rows, key=lambda row: row["seconds"])
        auto = next((row for row in rows if row["auto"] == 1), None)
        first = first or (ranks, best["seconds"])
        efficiency = first[0] * first[1] / (ranks * best["seconds"])
        share = {name: sum(best[key] for key in keys) / best["seconds"] for name, keys in PARTS.items()}
        lost = f"{100 * (auto['seconds'] / best['seconds'] - 1):.0f} %" if auto else "?"
        print(
            f"| {ranks} | {best['grid']} {best['order']} | {seconds(best['seconds'])} | {100 * efficiency:.0f} % | {100 * (share['sweep'] + share['passes']):.0f} % "
            f"| {100 * share['batch axis']:.0f} % | {100 * share['rows and columns']:.0f} % | {100 * share['waiting for the slowest']:.0f} % "
            f"| {auto['grid'] if auto else '?'} | {lost} | {size(best['rank_bytes'])} | {size(best['rank_memory'])} |"
        )


def plot(found, path):
    plt.rcParams.update({"svg.hashsalt": "metazoa", "font.size": 9})
    figure, axes = plt.subplots(
        2,
        len(found),
        figsize=(4 * len(found), 6.4),
        squeeze=False,
        sharex="col",
        gridspec_kw={"height_ratios": [3, 2]},
    )
    for column, (organism, by_ranks) in enumerate(found.items()):
        above, below = axes[0][column], axes[1][column]
        ranks = sorted(by_ranks)
        best = [min(by_ranks[n], key=lambda row: row["seconds"]) for n in ranks]
        auto = [
            next((row["seconds"] for row in by_ranks[n] if row["auto"] == 1), float("nan")) for n in ranks
        ]
        above.loglog(
            ranks,
            [best[0]["seconds"] * ranks[0] / n for n in ranks],
            color="0.6",
            linestyle=":",
            label="ideal",
        )
        for n in ranks:
            above.loglog(
                [n] * len(by_ranks[n]),
                [row["seconds"] for row in by_ranks[n]],
                ".",
                color="0.75",
                markersize=4,
            )
        above.loglog(ranks, [row["seconds"] for row in best], "o-", color="C0", label="best grid")
        above.loglog(ranks, auto, "x", color="C3", markersize=8, label="grid: auto")
        above.set_title(TITLES.get(organism, organism))
        above.set_ylabel("seconds a batch")
        above.legend(frameon=False)
        bottom = [0.0] * len(ranks)
        for name, keys in PARTS.items():
            part = [sum(row[key] for key in keys) / row["seconds"] for row in best]
            below.bar(ranks, part, bottom=bottom, width=[0.5 * n for n in ranks], label=name)
            bottom = [b + p for b, p in zip(bottom, part)]
        below.set_xscale("log", base=2)
        below.set_xticks(ranks, [str(n) for n in ranks], fontsize=8)
        below.set_xlabel("ranks")
        below.set_ylabel("share of the best grid's batch")
        below.set_ylim(0, 1.02)
    figure.legend(
        *axes[1][0].get_legend_handles_labels(), loc="lower center", ncols=len(PARTS), frameon=False
    )
    figure.tight_layout(rect=(0, 0.05, 1, 1))
    figure.savefig(path, metadata={"Date": None})


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("csv", nargs="+", type=Path)
    parser.add_argument("--svg", type=Path, default=Path("scaling.svg"))
    arguments = parser.parse_args()
    found = read(arguments.csv)
    found = {
        name: found[name]
        for name in [*(n for n in TITLES if n in found), *(n for n in found if n not in TITLES)]
    }
    for organism, by_ranks in found.items():
        table(organism, by_ranks)
    plot(found, arguments.svg)


if __name__ == "__main__":
    main()
