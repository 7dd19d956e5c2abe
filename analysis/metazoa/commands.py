"""The commands metazoa-NAME, for each NAME in COMMANDS: arguments, messages, exit codes (README.md)."""

import argparse
import logging
import os
import re
import sys
import time
import traceback
import warnings
from datetime import datetime, timezone
from pathlib import Path


def _parser(name, description):
    parser = argparse.ArgumentParser(prog=f"metazoa-{name}", description=description)
    parser.add_argument("runs", nargs="+", metavar="RUN", help="folders of runs, or folders that hold runs")
    return parser


def figure(name, arguments):
    from . import figures
    from .reading.errors import Damaged, Missing
    from .reading.ensemble import differing, experiments, open_runs
    from .reading.text import shown

    parser = argparse.ArgumentParser(
        prog=f"metazoa-{name}",
        description="Draws a figure of runs; numbers are the paper's. Several runs are seeds of one experiment: medians with .95 intervals.",
    )
    names = ", ".join(entry.name for entry in figures.FIGURES)
    parser.add_argument("figure", help=f"{names}, all, or list (says what they show)")
    parser.add_argument("runs", nargs="*", metavar="RUN", help="folders of runs, or folders that hold runs")
    parser.add_argument("--output", metavar="FOLDER", help="where the figures go (default: RUN/figures)")
    parser.add_argument("--formats", default="pdf,svg,png", metavar="LIST", help="default: pdf,svg,png")
    options = parser.parse_args(arguments)
    if options.figure == "list":
        for entry in figures.FIGURES:
            print(f"{entry.name:>6}  {entry.title}  [{entry.reads}]")
        return 0
    wanted = figures.FIGURES if options.figure == "all" else [figures.find(options.figure)]
    if not options.runs:
        parser.error("no RUN is given")
    formats = tuple(options.formats.split(","))
    if not set(formats) <= {"pdf", "svg", "png"}:
        parser.error(f"--formats {options.formats}: choose from pdf, svg, png, with commas between")
    runs = open_runs(options.runs)
    groups = experiments(runs)
    if len(groups) > 1 and not all(entry.compares for entry in wanted):
        raise Missing(
            f"{groups[0][0]} and {groups[1][0]} are of two experiments, not seeds of one ({differing(groups[0][0], groups[1][0])}): "
            "draw each on its own"
        )
    folder = Path(options.output or runs[0].path / "figures")
    codes = []
    for entry in wanted:
        if options.figure == "all" and not figures.belongs(entry, runs):
            continue
        try:
            paths = figures.draw(entry, runs, folder, formats)
            print("\n".join(shown(path) for path in (paths[:1] if options.figure == "all" else paths)))
            _say_if_old(name, entry, runs)
            codes.append(0)
        except (Missing, Damaged) as error:
            if options.figure != "all":
                raise
            print(f"metazoa-{name}: figure {entry.name} left out: {error}", file=sys.stderr)
            codes.append(error.exit_code)
    return 3 if 3 in codes else 0 if 0 in codes else 2


def _say_if_old(name, entry, runs):
    from .reading import program

    for run in runs if entry.reads.startswith("probe-") else ():
        if remark := run.probe_remark(entry.probe):
            print(f"metazoa-{name}: figure {entry.name} shows {run} {remark}; "
                  f"{program.command('probe', entry.probe, run)} probes the last", file=sys.stderr)  # fmt: skip


def pca(name, arguments):
    from .mathematics import pca as analysis
    from .reading.ensemble import open_runs

    parser = _parser(
        name,
        "Principal components of a run's trajectories, by `metazoa pca`, and a 3-D plot of them. Options that are not listed here go "
        "to the program: metazoa pca --help. A large archive is analysed by many ranks: mpirun -n N metazoa pca RUN.",
    )
    parser.add_argument("--scope", default="organism", help="what shares a space (default: organism)")
    parser.add_argument("--output", metavar="FOLDER", help="where pca-SCOPE.h5 goes (default: RUN)")
    parser.add_argument("--no-figure", action="store_true", help="no 3-D plot beside the results")
    options, others = _known(parser, arguments)
    runs = open_runs(options.runs)
    if options.output and len(runs) > 1:
        parser.error("--output takes one RUN: the results of several would replace each other")
    for run in runs:
        folder = Path(options.output or run.path)
        folder.mkdir(parents=True, exist_ok=True)
        with run.archive():  # names what is missing or damaged
            pass
        path = folder / f"pca-{options.scope}.h5"
        print(analysis.analyse(run.path, path, options.scope, *others), end="")
        if not options.no_figure:
            _draw(name, run, path)
    return 0


def _known(parser, arguments):
    """The parser's own options, and the program's with their values: those that `metazoa pca --help` lists."""
    from .reading import program

    ours, others, words = [], [], list(sys.argv[1:] if arguments is None else arguments)
    takes = {}  # whether an option of the program takes a value
    if not {"-h", "--help"} & set(words) and any(word.startswith("--") for word in words):
        takes = dict(re.findall(r"^  (--[a-z-]+)( [A-Z]+)?", program.run("pca", "--help"), re.M))
    while words:
        word = words.pop(0)
        name = word.split("=")[0]
        chosen = others if name in takes and name not in parser._option_string_actions else ours
        chosen.append(word)
        if chosen is others and takes.get(word) and words:
            chosen.append(words.pop(0))
    return parser.parse_args(ours), others


def _draw(name, run, path):
    from .figures import scopes, style
    from .reading.errors import Missing
    from .reading.text import shown

    try:
        with style.ours():
            print(shown(style.save(scopes.draw(run, path), path.parent, path.stem, ("pdf", "png"))[0]))
    except Missing as missing:
        print(f"metazoa-{name}: no plot: {missing}", file=sys.stderr)


def report(name, arguments):
    from .reading.text import spared

    parser = _parser(
        name,
        "Writes one self-contained HTML page of runs. Runs that differ in their seeds alone are one experiment.",
    )
    parser.add_argument(
        "--output", metavar="FILE", help="default: RUN/report.html; of several RUNs, report.html here"
    )
    parser.add_argument(
        "--watch",
        type=_seconds,
        metavar="SECONDS",
        help="write the page again this long after the last time, until all runs are finished; a browser that shows it loads it again",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress messages")
    options = parser.parse_args(arguments)
    usual = Path(options.runs[0] if len(options.runs) == 1 else ".") / "report.html"
    output = spared(Path(options.output or usual))
    output.parent.mkdir(parents=True, exist_ok=True)
    while (code := _write_report(name, options, output)) is None:
        time.sleep(options.watch)
    return code


def _write_report(name, options, output):
    """Writes the page; the exit code, or None when it is to be written again."""
    from .page.report import build
    from .reading.ensemble import open_runs
    from .reading.errors import Damaged, Missing
    from .reading.text import shown

    say = (lambda what: None) if options.quiet else (lambda what: print(what, file=sys.stderr, flush=True))
    try:
        runs = open_runs(options.runs)
        again = options.watch if options.watch and not all(run.finished for run in runs) else 0
        page, problems = build(runs, say, again)
    except (Damaged, Missing) as error:  # a run that begins, or a file that was written while it was read
        if not options.watch:
            raise
        say(f"metazoa-{name}: {error}")
        return None
    beside = output.with_name(f"{output.name}.tmp")  # a browser never finds half a page
    beside.write_bytes(page.encode("utf-8", "replace"))
    beside.replace(output)
    print(f"{shown(output)} ({output.stat().st_size / 1e6:.1f} MB)", flush=True)
    for problem in problems:
        print(f"metazoa-{name}: {problem}", file=sys.stderr)
    return None if again else 3 if problems else 0


def _seconds(text):
    """An option's value."""
    value = float(text) if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text) else 0
    if not 0.05 <= value <= 86400:
        raise argparse.ArgumentTypeError(f'"{text}" is not a number of seconds from 0.05 to 86400')
    return value


def table(name, arguments):
    from .page.table import lines
    from .reading.ensemble import open_runs

    parser = _parser(
        name,
        "Prints what runs say, and which of the paper's claims they decide: medians over seeds with their .95 intervals.",
    )
    parser.add_argument("--markdown", action="store_true", help="as Markdown")
    options = parser.parse_args(arguments)
    print("\n".join(lines(open_runs(options.runs), options.markdown)).rstrip())
    return 0


def export(name, arguments):
    from .export import KINDS
    from .reading.ensemble import open_runs
    from .reading.text import shown, spared

    parser = _parser(name, "Writes runs for other programs, in bounded memory.")
    parser.add_argument(
        "--to",
        default="dataset",
        choices=KINDS,
        help="; ".join(f"{kind}: {entry[2]}" for kind, entry in KINDS.items()) + " (default: dataset)",
    )
    parser.add_argument(
        "--records",
        metavar="WHICH",
        help="last, all, or epochs A:B (default: last); not of tensorboard, which gets every row of metrics.csv",
    )
    parser.add_argument(
        "--output", metavar="PATH", help="what is written (default: in RUN, or here for several)"
    )
    options = parser.parse_args(arguments)
    records = options.records or "last"
    if options.records and options.to == "tensorboard":
        parser.error("--records: --to tensorboard writes every row of metrics.csv")
    if not re.fullmatch(r"all|last|[0-9]+:[0-9]+", records):
        parser.error(f"--records {options.records}: choose last, all, or epochs as 10:20")
    write, usual, _ = KINDS[options.to]
    runs = open_runs(options.runs)
    output = spared(Path(options.output or (runs[0].path if len(runs) == 1 else Path(".")) / usual))
    output.parent.mkdir(parents=True, exist_ok=True)
    write(runs, output, records)
    print(shown(output))
    return 0


def watch(name, arguments):
    from .watch import watch as show

    parser = argparse.ArgumentParser(
        prog=f"metazoa-{name}",
        description="Shows runs while they train, with curves on a terminal and lines elsewhere, until they end. Exit code: 0 all "
        "finished, 75 stopped with a checkpoint, 1 killed.",
    )
    parser.add_argument(
        "runs", nargs="+", metavar="RUN", help="folders of runs, which need not have begun; or that hold runs"
    )
    parser.add_argument(
        "--every", type=_seconds, default=1, metavar="S", help="seconds between two looks (default: 1)"
    )
    parser.add_argument("--once", action="store_true", help="look once and end")
    options = parser.parse_args(arguments)
    try:
        return show(options.runs, options.every, options.once)
    except KeyboardInterrupt:  # the usual way to leave
        return 0


def paper(name, arguments):
    from .paper import pages, pixels
    from .reading.text import shown

    parser = argparse.ArgumentParser(
        prog=f"metazoa-{name}", description="Parts of `make paper` and `make training`."
    )
    parts = parser.add_subparsers(dest="part", required=True)
    for part, page, made in ("claims", "reproduction", "paper"), ("training", "training", "training"):
        made_of = parts.add_parser(part, help=f"the tables of docs/{page}.md from all runs of make {made}")
        made_of.add_argument("folder", metavar="FOLDER", help=f"of the runs: runs/{made}")
        made_of.add_argument("--page", metavar="FILE", help="a page whose tables are replaced")
        made_of.set_defaults(made=made)
    data = parts.add_parser("pixels", help="MNIST without dead pixels: background.h5, rotated.h5")
    data.add_argument("folder", metavar="MNIST", help="folder of the four files")
    data.add_argument("output", metavar="OUTPUT", help="folder of the new files")
    options = parser.parse_args(arguments)
    if options.part == "pixels":
        print("\n".join(shown(path) for path in pixels.write(Path(options.folder), Path(options.output))))
        return 0
    tables = pages.tables(Path(options.folder), options.made)
    if options.page:
        pages.fill(Path(options.page), tables)
    else:
        print("\n".join(pages.text(tables)))
    return 0


COMMANDS = {
    "figure": figure,
    "pca": pca,
    "report": report,
    "table": table,
    "export": export,
    "watch": watch,
    "paper": paper,
}


def main(name, arguments=None):
    """Runs a command; what is wrong with its input, or with the machine, ends it with one line and an exit code."""
    os.environ.update(
        MPLBACKEND="Agg", MATPLOTLIBRC=os.devnull
    )  # the user's settings are not ours (figures/style.py)
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    sys.warnoptions.clear()  # PYTHONWARNINGS=error would make errors of what libraries remark
    warnings.resetwarnings()
    for kind in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
        warnings.simplefilter("ignore", kind)
    for name_of in ("stdout", "stderr"):  # where a stream is closed, Python has none
        if getattr(sys, name_of) is None:
            setattr(sys, name_of, open(os.devnull, "w"))
    for stream in (sys.stdout, sys.stderr):  # UTF-8 whatever the locale is
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        _check_date()
        code = COMMANDS[name](name, arguments)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever read our output has gone
        sys.stdout = open(os.devnull, "w")
        return 141
    except Exception as error:
        if "METAZOA_TRACEBACK" in os.environ:
            traceback.print_exc()
        code, message = _explain(name, error)
        print(f"metazoa-{name}: {' '.join(message.split())}", file=sys.stderr)
        return code


def _check_date():
    """Missing where SOURCE_DATE_EPOCH, from which matplotlib takes the date of a figure, is no time."""
    from .reading.errors import Missing

    seconds = os.environ.get("SOURCE_DATE_EPOCH")
    try:
        datetime.fromtimestamp(int(seconds or 0), timezone.utc)
    except (ValueError, OverflowError, OSError):
        raise Missing(
            f"SOURCE_DATE_EPOCH is {seconds!r}, no number of seconds since 1970: correct or unset it"
        ) from None


def _explain(name, error):
    """Exit code and message of an error that ended a command."""
    if hasattr(error, "exit_code"):
        return error.exit_code, str(error)
    if isinstance(error, ImportError):
        lacking = {"yaml": "PyYAML"}.get(error.name, error.name) or "what is missing"
        return (
            2,
            f"{sys.executable} cannot load what the analysis needs ({error}): {sys.executable} -m pip install {lacking}",
        )
    if isinstance(error, MemoryError):
        return 1, "the memory does not suffice"
    if isinstance(error, OSError) and error.filename is not None:
        return 1, f"{os.fsencode(error.filename).decode('utf-8', 'replace')}: {error.strerror}"
    if isinstance(error, OSError):
        return 1, f"a file cannot be read or written: {error}"
    place = traceback.extract_tb(error.__traceback__)[-1]
    what = f"{type(error).__name__} {error} ({Path(place.filename).name}, line {place.lineno})"
    return 3, f"the input is not understood: {what}; METAZOA_TRACEBACK=1 shows more"


def entry():
    """The commands as pip installs them (pyproject.toml): the name of the program says which."""
    sys.exit(main(Path(sys.argv[0]).stem.removeprefix("metazoa-")))
