"""What stands behind the commands metazoa-figure and metazoa-pca: arguments, messages, exit codes (2: wrong input)."""

import argparse
import sys
from pathlib import Path

from . import pca
from .run import Missing, open_runs


def guarded(function):
    """Runs a command's main; a missing or unreadable input ends it with one line and exit code 2 or 3."""
    try:
        return function()
    except Missing as missing:
        print(f"metazoa: {missing}", file=sys.stderr)
        return 2
    except (OSError, KeyError, ValueError) as error:
        print(f"metazoa: cannot read the input: {error}", file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        return 130


def figure_main(arguments=None):
    from . import figures  # matplotlib takes a second to load: not for --help

    parser = argparse.ArgumentParser(prog="metazoa-figure", description="Draws a figure of the paper from runs. Several runs "
                                     "are seeds of one experiment: means with .95 intervals.")
    parser.add_argument("figure", help="2 to 12, settle, goal, all, or list")
    parser.add_argument("runs", nargs="*", metavar="RUN", help="folders of runs, or folders that hold runs")
    parser.add_argument("--output", metavar="FOLDER", help="where the figures go (default: RUN/figures)")
    parser.add_argument("--formats", default="pdf,svg,png", metavar="LIST", help="default: pdf,svg,png")
    options = parser.parse_args(arguments)
    if options.figure == "list":
        for figure in figures.FIGURES:
            print(f"{figure.name:>6}  {figure.title}  [{figure.reads}]")
        return 0
    if not options.runs:
        parser.error("no RUN is given")
    runs = open_runs(options.runs)
    folder = Path(options.output or runs[0].path / "figures")
    formats = tuple(options.formats.split(","))
    if options.figure != "all":
        for path in figures.draw(figures.find(options.figure), runs, folder, formats):
            print(path)
        return 0
    drawn = 0
    for figure in figures.FIGURES:
        if not figures.belongs(figure, runs):
            continue
        try:
            print(figures.draw(figure, runs, folder, formats)[0])
            drawn += 1
        except Missing as missing:
            print(f"metazoa: figure {figure.name} left out: {missing}", file=sys.stderr)
    return 0 if drawn else 2


def pca_main(arguments=None):
    parser = argparse.ArgumentParser(prog="metazoa-pca", description="Principal components of a run's trajectories beside "
                                     "random walks with the same step sizes; results to RUN/pca-SCOPE.h5.")
    parser.add_argument("runs", nargs="+", metavar="RUN")
    parser.add_argument("--scope", default="organism", choices=pca.SCOPES, help="what shares a space (default: organism)")
    parser.add_argument("--components", type=int, default=3, metavar="N", help="how many to keep (default: 3)")
    parser.add_argument("--whiten", action="store_true", help="divide scores by their standard deviation")
    parser.add_argument("--walks", type=int, default=3, metavar="N", help="random walks per particle; 0: none (default: 3)")
    parser.add_argument("--seed", type=int, default=0, help="of the random walks (default: 0)")
    parser.add_argument("--memory", type=int, default=512, metavar="MIB", help="about so much is held (default: 512)")
    parser.add_argument("--output", metavar="FOLDER", help="where pca-SCOPE.h5 goes (default: RUN)")
    parser.add_argument("--no-figure", action="store_true", help="no 3-D plot beside the results")
    options = parser.parse_args(arguments)
    if options.components < 1 or options.walks < 0 or options.memory < 1:
        parser.error("--components and --memory must be at least 1, --walks at least 0")
    for run in open_runs(options.runs):
        folder = Path(options.output or run.path)
        folder.mkdir(parents=True, exist_ok=True)
        with run.archive() as archive:
            path = pca.analyse(archive, folder / f"pca-{options.scope}.h5", options.scope, options.components, options.whiten,
                               options.walks, options.seed, options.memory << 20, _progress)
        _describe(path)
        if not options.no_figure:
            _draw(run, path)
    return 0


def _draw(run, path):
    from . import figure_scopes, style

    try:
        print(style.save(figure_scopes.draw(run, path), path.parent, path.stem, ("pdf", "png"))[0])
    except Missing as missing:
        print(f"metazoa: no plot: {missing}", file=sys.stderr)


def _progress(done):
    if sys.stderr.isatty():
        print(f"\r{100 * done:5.1f} %", end="\n" if done >= 1 else "", file=sys.stderr, flush=True)


def _describe(path):
    import h5py

    print(path)
    with h5py.File(path, "r") as file:
        if file.attrs["excluded"]:
            print(f"  {file.attrs['excluded']} samples with a weight that is not finite were left out")
        if "groups" not in file:
            return
        keep = file.attrs["components"]
        for k, name in enumerate(file["groups/name"].asstr()[:]):
            if file["groups/count"][k] > 1:
                walks = file["groups/walk_ratio"][:, k, :keep]
                line = " ".join(f"{100 * r:5.1f}" for r in file["groups/ratio"][k, :keep])
                line += "   walks " + " ".join(f"{100 * r:5.1f}" for r in walks.mean(axis=0)) if len(walks) else ""
                print(f"  {name:<16} explained variance (%) {line}")
