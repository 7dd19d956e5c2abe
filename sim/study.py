#!/usr/bin/env python3
"""Simulates the program on a cluster, at many numbers of ranks and process grids: see docs/scaling.md.

study.py ORGANISM RANKS... [--machine sim/marenostrum5.txt] [--csv FILE] [--best N]
    ORGANISM: paper, wide, billion, or CELLS:BATCH such as 784,1024,1024,10:2000
Every grid is listed by the program's cost model. The N cheapest and what `grid: auto` picks are simulated; then the neighbours of the
quickest (a factor moved from one axis to another) that the model does not put far behind, until none of them is quicker.
Rows are appended to the CSV; points that it holds already are not simulated again.
"""

import argparse
import csv
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROGRAM = Path(os.environ.get("BUILD", HERE.parent / "build")) / "sim" / "simulate"
ORGANISMS = {  # cells, batch
    "paper": ("225,5,5,10", 2000),
    "wide": ("784,4096,4096,10", 2000),
    "billion": ("784,31250,31250,10", 2000),
}

FAR = 1.6  # grids that the model expects to take so many times the least are not tried
FIELDS = [
    "machine",
    "organism",
    "batch",
    "placement",
    "ranks",
    "per_node",
    "grid",
    "auto",
    "model",
    "seconds",
    "sweep",
    "forward",
    "backward",
    "reduce",
    "exchange",
    "agree",
    "messages",
    "rank_messages",
    "rank_bytes",
    "rank_memory",
    "order",
]


def read_table(path):
    """The "key value" lines of a table."""
    lines = (line.split("#")[0].split() for line in Path(path).read_text().splitlines())
    return {line[0]: float(line[1]) for line in lines if line}


def platform(machine, nodes, per_node):
    """A platform of SimGrid: nodes of single-core hosts, a rank each, that share the node's memory and its port to the network.

    A message inside a node crosses two private links and the node's backbone; between nodes also both ports.
    """
    half = machine["shared_latency"] / 2 - machine["message_cpu"] / 2
    port = (machine["net_latency"] - machine["shared_latency"]) / 2
    text = [
        '<?xml version="1.0"?>',
        '<!DOCTYPE platform SYSTEM "https://simgrid.org/simgrid.dtd">',
        '<platform version="4.1">',
        '<zone id="machine" routing="Full">',
    ]
    for i in range(nodes):
        text.append(
            f'<cluster id="node{i}" prefix="n{i}-" suffix="" radical="0-{per_node - 1}" speed="1Gf" bw="{machine["shared_rate"]}Bps" '
            f'lat="{half:.3e}s" bb_bw="{machine["shared_total"]}Bps" bb_lat="0s" router_id="r{i}"/>'
        )
    for i in range(nodes):
        text.append(
            f'<link id="port{i}" bandwidth="{machine["net_rate"]}Bps" latency="{port:.3e}s" sharing_policy="SPLITDUPLEX"/>'
        )
    for i in range(nodes):
        for j in range(i + 1, nodes):
            text.append(
                f'<zoneRoute src="node{i}" dst="node{j}" gw_src="r{i}" gw_dst="r{j}">'
                f'<link_ctn id="port{i}" direction="UP"/><link_ctn id="port{j}" direction="DOWN"/></zoneRoute>'
            )
    return "\n".join(text + ["</zone>", "</platform>"])


def simulate(core, machine_file, ranks, per_node, placement="block", timeout=3600, **keys):
    """Runs the program on so many simulated ranks; the lines that it prints."""
    machine = read_table(machine_file)
    nodes = -(-ranks // per_node)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "platform.xml").write_text(platform(machine, nodes, per_node))
        (Path(folder) / "hosts").write_text(
            "\n".join(
                f"n{i // per_node}-{i % per_node}" if placement == "block" else f"n{i % nodes}-{i // nodes}"
                for i in range(ranks)
            )
            + "\n"
        )
        cost = f"0:{machine['message_cpu'] / 2}:0"
        options = [
            "smpi/simulate-computation:no",
            "smpi/wtime:0",
            "smpi/test:1e-7",
            "smpi/grow-injected-times:no",
            "smpi/bw-factor:0:1",
            "smpi/lat-factor:0:1",
            "network/TCP-gamma:0",
            "network/weight-S:0",
            f"smpi/os:{cost}",
            f"smpi/or:{cost}",
            f"smpi/ois:{cost}",
            "smpi/async-small-thresh:8192",
            "smpi/send-is-detached-thresh:8192",
            "smpi/coll-selector:ompi",
            "smpi/shared-malloc-blocksize:16777216",
            "contexts/stack-size:256",
        ]
        command = [
            "smpirun",
            "-np",
            str(ranks),
            "-platform",
            f"{folder}/platform.xml",
            "-hostfile",
            f"{folder}/hosts",
            f"--cfg=smpi/tmpdir:{folder}",
            "--log=root.thres:error",
            *("--cfg=" + option for option in options),
            str(PROGRAM),
            f"core={core}",
            f"machine={machine_file}",
            f"per_node={per_node if 'list' in keys else min(ranks, per_node)}",
        ]
        command += [f"{key}={value}" for key, value in keys.items()]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout
        )
    if done.returncode != 0:
        sys.exit(f"study.py: exit code {done.returncode} of {' '.join(command)}\n{done.stdout[-3000:]}")
    return done.stdout.splitlines()


def point(arguments, name, cells, batch, ranks, per_node, grid, chosen, model):
    """One simulated point as a row of the CSV."""
    lines = simulate(
        arguments.core,
        arguments.machine,
        ranks,
        per_node,
        arguments.placement,
        cells=cells,
        batch=batch,
        grid=grid,
        order=arguments.order,
    )
    result = next(line for line in lines if line.startswith("result,")).split(",")
    keys = FIELDS[FIELDS.index("seconds") :]
    numbers = result[-len(keys) :]
    row = {
        "machine": Path(arguments.machine).stem,
        "organism": name,
        "batch": batch,
        "placement": arguments.placement,
        "ranks": ranks,
        "per_node": per_node,
        "grid": grid,
        "auto": int(chosen),
        "model": model,
    }
    return row | dict(zip(keys, numbers))


def grids(arguments, cells, batch, ranks, per_node):
    """All (grid, modelled seconds, whether grid: auto picks it), cheapest first."""
    lines = simulate(arguments.core, arguments.machine, 1, per_node, cells=cells, batch=batch, list=ranks)
    rows = [line.split(",")[1:] for line in lines if line.startswith("grid,")]
    return sorted(((g, float(s), c == "1") for g, s, c in rows), key=lambda row: row[1])


def neighbours(grid):
    """All grids that differ from this one by a factor of two or three moved from one axis to another."""
    size = [int(n) for n in grid.split("x")]
    found = set()
    for source in range(3):
        for target in range(3):
            for factor in (2, 3):
                if source != target and size[source] % factor == 0:
                    moved = list(size)
                    moved[source] //= factor
                    moved[target] *= factor
                    found.add("x".join(map(str, moved)))
    return found


def append(path, row):
    """Adds a row to the CSV, which begins with its header."""
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, FIELDS)
        if new:
            writer.writeheader()
        writer.writerow(row)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("organism")
    parser.add_argument("ranks", type=int, nargs="+")
    parser.add_argument("--core", default=HERE / "core.txt")
    parser.add_argument("--machine", default=HERE / "marenostrum5.txt")
    parser.add_argument("--csv", type=Path, default=Path("scaling.csv"))
    parser.add_argument(
        "--placement", default="block", choices=("block", "cyclic"), help="how ranks are dealt to nodes"
    )
    parser.add_argument("--order", default="auto", help="of the grid's axes, as for build/sim/simulate")
    parser.add_argument(
        "--per-node", type=int, default=0, help="ranks on a node, at most; otherwise one a core"
    )
    parser.add_argument("--best", type=int, default=3)
    parser.add_argument("--grids", nargs="*", help="these instead of the model's cheapest")
    arguments = parser.parse_args()
    name = arguments.organism
    cells, batch = ORGANISMS[name] if name in ORGANISMS else (name.split(":")[0], int(name.split(":")[1]))
    machine = read_table(arguments.machine)
    known = {}
    if arguments.csv.exists():
        with arguments.csv.open() as file:
            known = {tuple(row[key] for key in FIELDS[:7]): row for row in csv.DictReader(file)}
    for ranks in arguments.ranks:
        nodes = -(-ranks // int(arguments.per_node or machine["node_cores"]))
        per_node = -(-ranks // nodes)  # as evenly as they can be spread
        listed = grids(arguments, cells, batch, ranks, per_node)
        times = {}

        def run(row):
            grid, model, chosen = row
            key = (
                Path(arguments.machine).stem,
                name,
                str(batch),
                arguments.placement,
                str(ranks),
                str(per_node),
                grid,
            )
            if key not in known:
                known[key] = point(arguments, name, cells, batch, ranks, per_node, grid, chosen, model)
                append(arguments.csv, known[key])
                print(
                    f"{name} {ranks} ranks {grid}{' (auto)' if chosen else ''}: {float(known[key]['seconds']):.4g} s a batch, "
                    f"model {model:.4g}",
                    flush=True,
                )
            known[key].update(auto=int(chosen), model=model)  # the model may be another one since
            times[grid] = float(known[key]["seconds"])

        if arguments.grids:
            for row in listed:
                if row[0] in arguments.grids:
                    run(row)
            continue
        for i, row in enumerate(listed):
            if i < arguments.best or row[2]:
                run(row)
        while True:
            near = neighbours(min(times, key=times.get))
            left = [
                row
                for row in listed
                if row[0] in near and row[0] not in times and row[1] < FAR * listed[0][1]
            ]
            if not left:
                break
            run(left[0])
        arguments.csv.unlink()
        for row in known.values():
            append(arguments.csv, row)


if __name__ == "__main__":
    main()
