"""How figures look: print sizes, a palette that colour-blind readers can tell apart, saving.

Nothing of a user's matplotlib settings reaches them: they are drawn within `ours()`, and without pyplot, whose state is the
user's.
"""

import contextlib
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from ..mathematics.particle import TYPES

COLUMN, PAGE = 3.4, 7.0  # inches: the widths of one and of two columns

# Okabe and Ito's colours; types differ in dash as well. Self-replicators are orange and the others blue, as in the paper.
BLACK, ORANGE, SKY, GREEN, BLUE, RED, PURPLE, GREY = (
    "#000000", "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7", "#7F7F7F")  # fmt: skip
CYCLE = (ORANGE, BLUE, GREEN, PURPLE, BLACK, RED, SKY, GREY)  # for what has no colour of its own
TYPE_COLOUR = dict(zip(TYPES, (RED, GREY, ORANGE, GREEN, BLUE, PURPLE)))
TYPE_DASH = dict(
    zip(TYPES, ((0, (1, 1)), (0, (4, 1, 1, 1)), "-", (0, (4, 1.5)), (0, (6, 1.5)), (0, (3, 1, 1, 1))))
)
TYPE_NAME = {name: name.replace("_", "-") for name in TYPES}
STRATEGIES = {
    "replicators": (ORANGE, "-", "self-replicators first"),
    "magnitude": (BLUE, (0, (4, 1.5)), "smallest |w| first"),
    "activity": (GREEN, (0, (6, 1.5)), "smallest |w| rms(x) first"),
    "taylor": (PURPLE, (0, (3, 1, 1, 1)), "smallest |w g| first"),
    "random": (GREY, (0, (1, 1)), "random"),
}

_SETTINGS = {
    "font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans"], "mathtext.fontset": "dejavusans", "font.size": 7,
    "axes.labelsize": 7, "axes.titlesize": 7, "axes.titleweight": "bold", "axes.titlelocation": "left",
    "xtick.labelsize": 6, "ytick.labelsize": 6, "legend.fontsize": 6, "legend.frameon": False, "legend.handlelength": 2.2,
    "axes.linewidth": 0.6, "axes.spines.top": False, "axes.spines.right": False, "xtick.major.width": 0.6,
    "ytick.major.width": 0.6, "xtick.major.size": 2.5, "ytick.major.size": 2.5, "xtick.minor.size": 1.5,
    "ytick.minor.size": 1.5, "lines.linewidth": 1.1, "axes.axisbelow": True, "grid.linewidth": 0.4, "grid.color": "#DDDDDD",
    "figure.dpi": 100, "savefig.dpi": 300, "pdf.fonttype": 42, "svg.hashsalt": "metazoa",
    "figure.constrained_layout.use": True,
}  # fmt: skip


@contextlib.contextmanager
def ours():
    """Within: matplotlib's own defaults and our settings, whatever the user's are."""
    with matplotlib.rc_context():
        defaults = {key: value for key, value in matplotlib.rcParamsDefault.items() if "backend" not in key}
        dict.update(matplotlib.rcParams, defaults)
        matplotlib.rcParams.update(_SETTINGS)
        yield


def new(width=COLUMN, height=None, rows=1, columns=1, **options):
    """A figure and its panels [row, column]."""
    figure = Figure(figsize=(width, height or 0.68 * width))
    return figure, figure.subplots(rows, columns, squeeze=False, **options)


def save(figure, folder, name, formats=("pdf", "svg", "png")):
    """Writes the figure in each format, without dates, so that equal figures are equal files; returns the paths."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for kind in formats:
        metadata = {
            "pdf": {"CreationDate": None, "Producer": None},
            "svg": {"Date": None},
            "png": {"Software": None},
        }
        paths.append(folder / f"{name}.{kind}")
        figure.savefig(paths[-1], metadata=metadata.get(kind))
    return paths


def band(axes, x, interval, colour, label=None, dash="-", **options):
    """A median with its band."""
    median, low, high = interval
    axes.plot(x, median, color=colour, linestyle=dash, label=label, **options)
    if (high > low).any():
        axes.fill_between(x, low, high, color=colour, alpha=0.2, linewidth=0)


def letters(axes):
    """Names the panels a, b, c ... in front of the titles that they have."""
    for panel, letter in zip(axes, "abcdefghijklmnop"):
        panel.set_title(f"{letter}  {panel.get_title(loc='left')}".rstrip(), loc="left")


def legend_above(figure, handles):
    """The legend above all panels: inside, there may be no place that no curve crosses."""
    figure.get_layout_engine().set(rect=(0, 0, 1, 1 - 0.16 / figure.get_figheight()))
    figure.legend(handles=handles, loc="upper left", ncol=6, borderaxespad=0.2, columnspacing=1.2)


def remark(axes, text):
    """A grey remark above a panel, at its right end."""
    axes.set_title(text, loc="right", fontweight="normal", color=GREY, fontsize=6)


def note(axes, text):
    """A grey remark in an empty panel."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=GREY, wrap=True)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def seeds_text(runs):
    return "1 seed" if len(runs) == 1 else f"{len(runs)} seeds, median and its .95 interval"
