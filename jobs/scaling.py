#!/usr/bin/env python3
"""Checks, tabulates and plots the runs of a scaling study: scaling.py STUDY [REPEATS]. scaling.sh calls it.

Refuses a study that mixes builds, processors or bindings; fails where runs of one problem differ in their fingerprint, or where
runs are missing. Writes scaling.csv, scaling-median.csv and, with matplotlib, scaling-strong and scaling-weak as PDF and PNG.
"""

import csv
import json
import statistics
import sys
from collections import Counter, defaultdict
from pathlib import Path

# Where the time of a run's loop goes: phases of summary.json, mean over the ranks.
SHARES = {
    "computing": ("sweep", "forward", "backward", "validate", "census"),
    "communicating": ("reduce",),
    "waiting": ("exchange", "agree"),
    "writing": ("archive", "checkpoint"),
}
# What the cost model of docs/performance.md knows of; summary.json has its seconds for a machine of fixed rates.
MODELLED = ("computing", "communicating", "waiting")
SAME = ("version", "compiler", "mpi", "hdf5", "arithmetic")


def cpu_count(text):
    """Number of processors in a list such as 0-3,8."""
    ends = [part.split("-") for part in text.split(",")]
    return sum(int(end[-1]) - int(end[0]) + 1 for end in ends)


def read_run(folder, kind, ranks, grid, repeat):
    summary = json.loads((folder / "summary.json").read_text())
    places = [path.read_text().splitlines() for path in sorted(Path(f"{folder}.ranks").iterdir())]
    on_node = Counter(place[0] for place in places)
    usable = {node: {place[1] for place in places if place[0] == node} for node in on_node}
    row = {
        "kind": kind,
        "ranks": int(ranks),
        "nodes": len(on_node),
        "grid": grid,
        "used_grid": "x".join(str(n) for n in summary["grid"]),
        "repeat": int(repeat),
        "seconds": summary["loop_seconds"],
        "particles": summary["particles"],
        "fingerprint": summary["fingerprint"],
        "finished": summary["finished"],
        "cpus_per_rank": "/".join(sorted({str(cpu_count(place[1])) for place in places})),
        # More ranks on a node than there are processors for them: times of such a run say little about scaling.
        "oversubscribed": int(any(on_node[node] > sum(map(cpu_count, usable[node])) for node in on_node)),
    }
    for name, phases in SHARES.items():
        row[name] = sum(summary["phases"][phase]["mean"] for phase in phases)
    for name in MODELLED:
        row[f"model_{name}"] = summary["model"][name]
    row["other"] = sum(phase["mean"] for phase in summary["phases"].values()) - sum(
        row[name] for name in SHARES
    )
    provenance = json.loads((folder / "run.json").read_text())
    build = {key: provenance.get(key) for key in SAME}
    build["processor"] = "/".join(sorted({place[2] if len(place) > 2 else "?" for place in places}))
    build["processors a rank"] = row["cpus_per_rank"]
    return row, build


def read_study(study, repeats):
    rows, builds, problems = [], defaultdict(list), []
    for line in (study / "cases").read_text().splitlines():
        kind, ranks, grid, _ = line.split("\t")
        for repeat in range(1, repeats + 1):
            folder = study / "runs" / f"{kind}-{ranks}-{grid}-{repeat}"
            try:
                row, build = read_run(folder, kind, ranks, grid, repeat)
            except (OSError, ValueError, KeyError) as error:
                problems.append(f"{folder.name} left no result: {error}")
                continue
            if not row.pop("finished"):
                problems.append(f"{folder.name} is not finished")
            rows.append(row)
            for key, value in build.items():
                builds[key, value].append(folder.name)
    for key in sorted({key for key, _ in builds}):
        values = [value for name, value in builds if name == key]
        if len(values) > 1:
            examples = "; ".join(f"{value} (such as {builds[key, value][0]})" for value in values)
            problems.append(f"mixed runs, {key}: {examples}: their times cannot be compared")
    return rows, problems


def check_fingerprints(rows):
    """Strong scaling: one problem. Weak scaling: one for each number of ranks."""
    seen = defaultdict(lambda: defaultdict(list))
    for row in rows:
        seen[row["kind"], row["ranks"] if row["kind"] == "weak" else 0][row["fingerprint"]].append(
            f"{row['ranks']} ranks, grid {row['used_grid']}, repeat {row['repeat']}"
        )
    return [
        f"{kind} scaling: the results differ: "
        + "; ".join(f"{print_} at {where[0]}" for print_, where in prints.items())
        for (kind, _), prints in seen.items()
        if len(prints) > 1
    ]


def modelled(point):
    """Seconds of a point that went into what the model knows of."""
    return point["median_seconds"] * sum(point[f"{name}_share"] for name in MODELLED)


def medians(rows):
    points = defaultdict(list)
    for row in rows:
        points[row["kind"], row["ranks"], row["grid"]].append(row)
    table = []
    for (kind, ranks, grid), runs in sorted(points.items()):
        seconds = sorted(run["seconds"] for run in runs)
        point = {
            "kind": kind,
            "ranks": ranks,
            "nodes": runs[0]["nodes"],
            "grid": grid,
            "used_grid": runs[0]["used_grid"],
            "runs": len(runs),
            "median_seconds": statistics.median(seconds),
            "least_seconds": seconds[0],
            "most_seconds": seconds[-1],
        }
        middle = sorted(runs, key=lambda run: run["seconds"])[len(runs) // 2]
        everything = sum(
            middle[name] for name in (*SHARES, "other")
        )  # a rank may be in its loop longer than the first
        for name in (*SHARES, "other"):
            point[f"{name}_share"] = middle[name] / everything
        model = sum(middle[f"model_{name}"] for name in MODELLED)
        point["model"] = model
        for name in MODELLED:
            point[f"model_{name}_share"] = middle[f"model_{name}"] / model if model > 0 else 0
        point["oversubscribed"] = max(run["oversubscribed"] for run in runs)
        point["fingerprint"] = runs[0]["fingerprint"]
        table.append(point)
    for point in table:
        same = [other for other in table if other["kind"] == point["kind"]]
        least = min(other["ranks"] for other in same)
        first = min(
            (other for other in same if other["ranks"] == least), key=lambda other: other["median_seconds"]
        )
        base = first["median_seconds"]
        work = point["ranks"] / least if point["kind"] == "strong" else 1
        point["efficiency"] = base / (point["median_seconds"] * work)
        # This machine is another one than the model's: of the first point the model's part counts as measured, and from that the
        # other points' follow. What is not in the model (writing, the rest) is as measured at each point.
        point["model_seconds"] = (
            modelled(first) * point["model"] / first["model"] if first["model"] > 0 else 0
        ) + (point["median_seconds"] - modelled(point))
    for point in table:
        del point["model"]
    return table


def write_table(path, rows):
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(
            {key: f"{value:.6g}" if isinstance(value, float) else value for key, value in row.items()}
            for row in rows
        )


def plot(study, kind, points):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (time, efficiency, share) = plt.subplots(1, 3, figsize=(14, 4), constrained_layout=True)
    ranks = sorted({point["ranks"] for point in points})
    for grid in sorted({point["grid"] for point in points}):
        line = [point for point in points if point["grid"] == grid]
        x = [point["ranks"] for point in line]
        y = [point["median_seconds"] for point in line]
        spread = [
            [point["median_seconds"] - point["least_seconds"] for point in line],
            [point["most_seconds"] - point["median_seconds"] for point in line],
        ]
        drawn = time.errorbar(x, y, yerr=spread, marker="o", capsize=3, label=f"grid {grid}")
        time.plot(
            x,
            [point["model_seconds"] for point in line],
            color=drawn.lines[0].get_color(),
            linestyle=":",
            marker="x",
            label=f"grid {grid}, model from the first point",
        )
        efficiency.plot(x, [point["efficiency"] for point in line], marker="o", label=f"grid {grid}")
    base = min(point["median_seconds"] for point in points if point["ranks"] == ranks[0])
    ideal = [base * (ranks[0] / n if kind == "strong" else 1) for n in ranks]
    time.plot(ranks, ideal, color="grey", linestyle="--", label="ideal")
    time.set(
        xlabel="ranks",
        ylabel="seconds (median, least to most)",
        xscale="log",
        yscale="log",
        title=f"{kind} scaling",
    )
    efficiency.axhline(1, color="grey", linestyle="--")
    efficiency.set(xlabel="ranks", ylabel="efficiency", xscale="log", ylim=(0, None))
    best = [
        min((point for point in points if point["ranks"] == n), key=lambda point: point["median_seconds"])
        for n in ranks
    ]
    bottom, colours = [0.0] * len(best), {}
    for name in (*SHARES, "other"):
        part = [point[f"{name}_share"] for point in best]
        bars = share.bar(range(len(best)), part, 0.5, bottom=bottom, label=name)
        bottom = [a + b for a, b in zip(bottom, part)]
        colours[name] = bars[0].get_facecolor()
    bottom = [0.0] * len(best)
    for name in MODELLED:
        part = [point[f"model_{name}_share"] for point in best]
        share.bar(
            [i + 0.38 for i in range(len(best))],
            part,
            0.2,
            bottom=bottom,
            color=colours[name],
            hatch="///",
            alpha=0.6,
            label="by the model" if name == MODELLED[0] else None,
        )
        bottom = [a + b for a, b in zip(bottom, part)]
    share.set_xticks(range(len(best)), [str(n) for n in ranks])
    share.set(xlabel="ranks", ylabel="share of time (fastest grid)", ylim=(0, 1.02))
    for axes in (time, efficiency):
        axes.set_xticks(ranks, [str(n) for n in ranks])
        axes.minorticks_off()
    time.legend()
    share.legend(loc="upper left", bbox_to_anchor=(1, 1))
    if any(point["oversubscribed"] for point in points):
        figure.suptitle("some runs had more ranks than processors", color="firebrick")
    for form in ("pdf", "png"):
        figure.savefig(study / f"scaling-{kind}.{form}", dpi=120)
    plt.close(figure)


def main():
    study, repeats = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 3
    rows, problems = read_study(study, repeats)
    problems += check_fingerprints(rows)
    if rows and not any("mixed" in problem for problem in problems):
        table = medians(rows)
        write_table(study / "scaling.csv", rows)
        write_table(study / "scaling-median.csv", table)
        print(
            f"{'':8}{'ranks':>6} {'nodes':>5}  {'grid':<10}{'seconds (least to most)':<30}{'efficiency':>10}  fingerprint"
        )
        for point in table:
            seconds = "{median_seconds:.4g} ({least_seconds:.4g} to {most_seconds:.4g})".format(**point)
            print(
                f"{point['kind']:8}{point['ranks']:6} {point['nodes']:5}  {point['used_grid']:<10}{seconds:<30}"
                f"{point['efficiency']:10.3f}  {point['fingerprint']}{'  oversubscribed' if point['oversubscribed'] else ''}"
            )
        try:
            for kind in sorted({point["kind"] for point in table}):
                plot(study, kind, [point for point in table if point["kind"] == kind])
        except ImportError:
            print("no matplotlib: no plots", file=sys.stderr)
    for problem in problems:
        print(f"scaling.py: {problem}", file=sys.stderr)
    print(f"results in {study}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
