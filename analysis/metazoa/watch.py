"""metazoa-watch: runs on a terminal while they train; a frame of text that is drawn again in its place, or plain lines in a pipe.

`frame` makes the lines of a frame and knows nothing of terminals; `watch` shows them until nobody works in the runs' folders.
"""

import math
import os
import shutil
import sys
import time
from pathlib import Path

import numpy as np

from .mathematics.particle import replicator_shares
from .mathematics.statistics import percent
from .reading import program
from .reading.ensemble import open_runs
from .reading.errors import Damaged, Missing
from .reading.text import shown

BLOCKS = " ▁▂▃▄▅▆▇█"  # eighths of a line
COLOURS = {"score": 32, "self_replicator": 33, "task_loss": 34, "self_train_loss": 35}
SCALE = 10  # columns for the values at a chart's left
IDLE = 5  # seconds without a job and without news, after which an ensemble has ended


def frame(runs, width=80, height=24, colour=False, name="its folder"):
    """What a terminal of that size shows: lines of text, fewer than `height`. One run: charts; several: a line each."""
    if not runs:
        return [_with_name("the run has not begun: no configuration is in", name, width)]
    if len(runs) == 1:
        return _charts(runs[0], width, height, colour)
    lines = [_member(run, width) for run in runs]
    most = max(1, height - 2)
    left_out = len(lines) - most + 1
    return lines if len(lines) <= most else [*lines[: most - 1], f"and {left_out} runs more"]


def plain(run):
    """One line for a log: where the run is."""
    return "  ".join([run.state, *_numbers(run), str(run)])


def chart(values, width, height, logarithmic=False):
    """Values along one axis as `height` lines of blocks, at most `width` wide, and the values at top and bottom.

    Where there are more values than columns, a column is the mean of its values. In the place of what was not measured, is
    not finite, or is not positive on a logarithmic scale, the value before it is shown.
    """
    import pandas

    values = np.asarray(values, float)
    with np.errstate(all="ignore"):
        values = np.where(values > 0, np.log10(values), np.nan) if logarithmic else values.copy()
    values = pandas.Series(np.where(np.isfinite(values), values, np.nan)).ffill().to_numpy()
    if np.isnan(values).all():
        return [""] * height, (math.nan, math.nan)
    columns = np.array_split(values, min(width, len(values)))
    means = np.array([np.nanmean(part) if np.isfinite(part).any() else np.nan for part in columns])
    low, high = np.nanmin(means), np.nanmax(means)
    steps = len(BLOCKS) - 1
    share = (means - low) / (high - low) if high > low else np.where(np.isfinite(means), 1.0, np.nan)
    eighths = 1 + np.floor(share * (height * steps - 1) + 0.5)  # the smallest value shows, too
    lines = []
    for row in reversed(range(height)):
        here = np.clip(np.nan_to_num(eighths - row * steps), 0, steps).astype(int)
        lines.append("".join(BLOCKS[k] for k in here).rstrip())
    return lines, tuple(10**v if logarithmic else v for v in (high, low))


def _charts(run, width, height, colour):
    head = [_with_name("  ".join([run.state, *_progress(run)]), run, width)]
    if not run.begun:
        return head
    names = [
        (f"test_{run.measure}", "score"),
        ("self_replicator",) * 2,
        ("task_loss",) * 2,
        ("self_train_loss",) * 2,
    ]
    table = run.metrics
    names = [(column, key) for column, key in names if column in table and table[column].notna().any()]
    names = names[: max(1, (height - 2) // 2)]
    rows = max(1, min(6, (height - 2) // max(1, len(names)) - 1))
    for column, key in names:
        values = table[column].to_numpy(float)
        if key == "self_replicator":
            values = 100 * replicator_shares(run.census).reindex(table["epoch"]).to_numpy(float)
        logarithmic = key.endswith("loss") or column.endswith("mae")
        drawn, scale = chart(values, width - SCALE - 2, rows, logarithmic)
        head.append(_cut(f"{_title(column)} {_last(values)}", width))
        for k, line in enumerate(drawn):
            value = scale[0] if k == 0 else scale[1] if k == rows - 1 else None
            text = f"\x1b[{COLOURS[key]}m{line}\x1b[0m" if colour and line else line
            head.append(f"{'' if value is None else _short(value):>{SCALE}} {text}".rstrip())
    return head[: height - 1]


def _member(run, width):
    """A line of several: the run's folder, state and numbers, and its score as a small curve where there is room."""
    line = "  ".join([run.path.name, f"{run.state:<9}", *_numbers(run)]).rstrip()
    room = min(20, width - 1 - len(line) - 2)
    if not run.begun or room < 5 or f"test_{run.measure}" not in run.metrics:
        return _cut(line, width)
    return (
        f"{line}  {chart(run.metrics[f'test_{run.measure}'], room, 1, run.measure == 'mae')[0][0]}".rstrip()
    )


def _with_name(line, name, width):
    """The line and the run's name, of which the end is shown where there is no room for all of it."""
    name, room = str(name), width - 1 - len(line) - 2
    if len(name) > room:
        name = "…" + name[len(name) - room + 1 :] if room > 4 else ""
    return _cut(f"{line}  {name}".rstrip(), width)


def _numbers(run):
    if not run.begun:
        return []
    wanted = run.provenance.get("epochs")
    of = f"/{wanted:.0f}" if isinstance(wanted, (int, float)) else ""
    found = [f"epoch {run.epochs}{of}"]
    if math.isfinite(run.score):
        found.append(f"{'error' if run.measure == 'mae' else run.measure} {_short(run.score)}")
    if not run.scalar and math.isfinite(run.replicators):
        found.append(f"replicators {percent(run.replicators, 0)}")
    return found


def _progress(run):
    if not run.begun:
        return []
    wanted, done = run.provenance.get("epochs"), run.epochs
    found = [f"epoch {done} of {wanted:.0f}" if isinstance(wanted, (int, float)) else f"epoch {done}"]
    each = run.metrics["seconds"].iloc[1:].tail(10).mean() if "seconds" in run.metrics else math.nan
    if math.isfinite(each):
        found.append(f"{_short(each)} s each")
    if run.state == "running" and math.isfinite(each) and isinstance(wanted, (int, float)) and wanted > done:
        left = int((wanted - done) * each + 0.5)
        found.append(f"{left // 3600}:{left // 60 % 60:02}:{left % 60:02} left")
    if run.resumed:
        found.append(f"start {1 + run.resumed}")
    return found


def _title(column):
    return {"self_replicator": "self-replicators (%)", "test_mae": "test error (mean absolute)"}.get(
        column, column.replace("_", " ")
    )


def _last(values):
    finite = values[np.isfinite(values)]
    return _short(finite[-1]) if len(finite) else "-"


def _short(value):
    return f"{value:.4g}"


def _cut(line, width):
    return line if len(line) < width else line[: width - 2] + "…"


def watch(paths, every=1.0, once=False, out=None):
    """Shows the runs in these folders until all have ended. The exit code: 0 all finished; 75 stopped in an orderly way; 1 killed."""
    screen = _Screen(out or sys.stdout, ", ".join(map(shown, paths)))
    changed, before = time.monotonic(), None
    while True:
        runs, failure = _look(paths)
        news = [(str(run), run.state, run.epochs) for run in runs]
        if news != before:
            changed, before = time.monotonic(), news
        idle = time.monotonic() - changed
        if failure and (once or idle > IDLE):
            raise failure
        if not failure:
            screen.show(runs)
        states = {state for _, state, _ in news}
        alone = (
            len(paths) == 1 and (Path(paths[0]) / "config.yaml").is_file()
        )  # no member of an ensemble will follow
        ended = states and not states & {"running", "not begun"} and (alone or idle > IDLE)
        if once or (ended and not failure):
            return screen.end(runs)
        time.sleep(every)


def _look(paths):
    """The runs as they are now, and what was wrong if files changed while they were read."""
    try:
        there = [
            path
            for path in paths
            if any(Path(path).glob("*/config.yaml")) or (Path(path) / "config.yaml").is_file()
        ]
        runs = open_runs(there)
        for run in runs:
            if run.begun:
                run.metrics
        return runs, None
    except (Missing, Damaged) as error:
        return [], error


class _Screen:
    """Where frames go: a terminal, on which one is drawn over the other; or anything else, which gets a line for each change."""

    def __init__(self, out, name):
        self.out, self.name, self.lines, self.said = out, name, 0, {}
        self.live = out.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self.colour = self.live and not os.environ.get("NO_COLOR")

    def show(self, runs):
        if self.live:
            size = shutil.get_terminal_size((80, 24))
            lines = frame(runs, size.columns, size.lines, self.colour, self.name)
            up = f"\x1b[{self.lines}A" if self.lines else ""
            self.out.write("\r" + up + "".join(f"{line}\x1b[K\n" for line in lines) + "\x1b[J")
            self.lines = len(lines)
        elif not runs and not self.said:
            self.said[None] = True
            self.out.write(frame(runs, name=self.name)[0] + "\n")
        for run in () if self.live else runs:
            line = plain(run)
            if self.said.get(str(run)) != line:
                self.said[str(run)] = line
                self.out.write(line + "\n")
        self.out.flush()

    def end(self, runs):
        """The last word, and the exit code."""
        stopped = [run for run in runs if run.state == "stopped"]
        for run in stopped:
            reason = f" ({run.stopped_by})" if run.stopped_by else ""
            self.out.write(f"{run} stopped{reason}: {program.resuming(run)} goes on\n")
        self.out.flush()
        return 0 if not stopped else 75 if all(run.stopped_by for run in stopped) else 1
