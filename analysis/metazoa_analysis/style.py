"""How figures look: print sizes, a palette that colour-blind readers can tell apart, saving."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

from .particle import TYPES  # noqa: E402

COLUMN, PAGE = 3.4, 7.0  # inches: the widths of one and of two columns

# Okabe and Ito's colours; types differ in dash or hatch as well.
BLACK, ORANGE, SKY, GREEN, BLUE, RED, PURPLE, GREY = (
    "#000000", "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7", "#7F7F7F")
TYPE_COLOUR = dict(zip(TYPES, (RED, GREY, GREEN, ORANGE, BLUE)))
TYPE_DASH = dict(zip(TYPES, ((0, (1, 1)), (0, (4, 1, 1, 1)), "-", (0, (4, 1.5)), (0, (6, 1.5)))))
TYPE_NAME = {name: name.replace("_", "-") for name in TYPES}
STRATEGIES = {"replicators": (GREEN, "-", "self-replicators first"), "magnitude": (BLUE, (0, (4, 1.5)), "smallest first"),
              "random": (GREY, (0, (1, 1)), "random")}

plt.rcParams.update({
    "font.family": "sans-serif", "font.sans-serif": ["Source Sans Pro", "Helvetica", "Arial", "Liberation Sans", "DejaVu Sans"],
    "mathtext.fontset": "dejavusans", "font.size": 8, "axes.labelsize": 8, "axes.titlesize": 8, "axes.titleweight": "bold",
    "axes.titlelocation": "left", "xtick.labelsize": 7, "ytick.labelsize": 7, "legend.fontsize": 7,
    "legend.frameon": False, "legend.handlelength": 2.2, "axes.linewidth": 0.6, "axes.spines.top": False,
    "axes.spines.right": False, "xtick.major.width": 0.6, "ytick.major.width": 0.6, "xtick.major.size": 2.5,
    "ytick.major.size": 2.5, "xtick.minor.size": 1.5, "ytick.minor.size": 1.5, "lines.linewidth": 1.1,
    "axes.axisbelow": True, "grid.linewidth": 0.4, "grid.color": "#DDDDDD", "figure.dpi": 100, "savefig.dpi": 300,
    "pdf.fonttype": 42, "svg.hashsalt": "metazoa", "figure.constrained_layout.use": True,
})


def new(width=COLUMN, height=None, rows=1, columns=1, **options):
    return plt.subplots(rows, columns, figsize=(width, height or 0.68 * width), squeeze=False, **options)


def save(figure, folder, name, formats=("pdf", "svg", "png")):
    """Writes the figure in each format, without dates, so that equal figures are equal files; returns the paths."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for kind in formats:
        metadata = {"pdf": {"CreationDate": None, "Producer": None}, "svg": {"Date": None}, "png": {"Software": None}}
        paths.append(folder / f"{name}.{kind}")
        figure.savefig(paths[-1], metadata=metadata.get(kind))
    plt.close(figure)
    return paths


def band(axes, x, interval, colour, label=None, dash="-", **options):
    """A mean with its band."""
    mean, low, high = interval
    axes.plot(x, mean, color=colour, linestyle=dash, label=label, **options)
    if (high > low).any():
        axes.fill_between(x, low, high, color=colour, alpha=0.2, linewidth=0)


def note(axes, text):
    """A grey remark in an empty panel."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=GREY, wrap=True)
    axes.set_xticks([])
    axes.set_yticks([])


def seeds_text(runs):
    return "1 seed" if len(runs) == 1 else f"{len(runs)} seeds, mean and .95 interval"
