#!/usr/bin/env python3
"""Makes all tables and the figure of docs/scaling.md again, with one command: page.py [--short] [--folder docs]

Prints the tables; scaling.csv and scaling.svg go to the folder. Points that its scaling.csv holds already are not simulated again:
remove the file after a change of the program. --short: a few small points of each kind, in seconds, to see that all works.
The last table compares with real runs on this machine: it needs mpirun, two free cores, and the rates of build/sim/measure.
"""

import argparse
import math
import os
import subprocess
import sys
from pathlib import Path

import study

HERE = Path(__file__).resolve().parent
# Arguments of study.py.
POINTS = [
    "paper 1 2 4 8 16 32 64 128 256 --per-node 64 --best 2",
    "wide 16 64 512 --per-node 64 --grids 2x2x4 4x2x2 2x4x8 4x4x4 4x8x16 8x4x16",
    "billion 512 --per-node 64 --grids 2x4x64 4x2x64",
]
CYCLIC = "wide 512 --per-node 64 --placement cyclic --grids 8x4x16"
SHORT_POINTS = [
    "paper 1 2 4 --per-node 2 --best 1",
    "784,256,256,10:512 2 4 --per-node 2 --grids 2x1x1 2x1x2",
]
SHORT_CYCLIC = "784,256,256,10:512 4 --per-node 2 --placement cyclic --grids 2x1x2"
ORGANISMS = {"225,5,5,10": 2000, "225,64,64,10": 1000, "784,256,256,10": 1000, "784,1024,1024,10": 2000}
GRIDS = ["1x1x1", "2x1x1", "1x1x2", "1x2x1"]


def simulated(line, table):
    words = [sys.executable, HERE / "study.py", *line.split(), "--csv", table]
    subprocess.run(words, check=True, stdout=sys.stderr)


def result(lines):
    """Seconds a batch, of what the program prints."""
    line = next(line for line in lines if line.startswith("result,"))
    return float(line.split(",")[-len(study.FIELDS[study.FIELDS.index("seconds") :])])


def real(ranks, **keys):
    words = ["mpirun", "-n", str(ranks), str(study.PROGRAM.with_name("real"))]
    words += [f"{key}={value}" for key, value in keys.items()]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    return result(done.stdout.splitlines())


def believe(organisms, grids):
    """The same batches on this machine, for real and simulated."""
    print(
        "\n| organism, batch | grid | real, ms a batch | simulated | simulated / real |\n|---|---|---|---|---|"
    )
    core, machine = HERE / "core.txt", HERE / "here.txt"
    for grid in grids:
        ranks = math.prod(map(int, grid.split("x")))
        for cells, batch in organisms.items():
            keys = dict(cells=cells, batch=batch, grid=grid)
            seen = real(ranks, core=core, machine=machine, batches=20, per_node=ranks, **keys)
            told = result(study.simulate(core, machine, ranks, ranks, **keys))
            name = cells.replace(",", "-")
            print(f"| {name}, {batch} | {grid} | {1e3 * seen:.3g} | {1e3 * told:.3g} | {told / seen:.2f} |")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--folder", type=Path, default=HERE.parent / "docs")
    arguments = parser.parse_args()
    table = arguments.folder / "scaling.csv"
    for line in SHORT_POINTS if arguments.short else POINTS:
        simulated(line, table)
    simulated(SHORT_CYCLIC if arguments.short else CYCLIC, table)
    words = [sys.executable, HERE / "plot.py", table, "--svg", arguments.folder / "scaling.svg"]
    subprocess.run(words, check=True, env={**os.environ, "MPLBACKEND": "svg"})
    sys.stdout.flush()
    few = {"225,5,5,10": 2000}
    believe(few if arguments.short else ORGANISMS, GRIDS[:2] if arguments.short else GRIDS)


if __name__ == "__main__":
    main()
