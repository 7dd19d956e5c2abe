"""One self-contained HTML page of runs: nothing is loaded from anywhere, all figures and scripts are inside."""

import base64
import html
import io
import json
from pathlib import Path

import numpy as np

from .. import figures
from ..figures.style import PAGE, ours
from ..mathematics.statistics import number, percent, percentage, text
from ..reading.archive import archived_part
from ..reading.data import papers
from ..reading.errors import Damaged, Missing
from ..reading.ensemble import experiments
from ..paper import claims
from . import statements
from .viewer import payload

_HERE = Path(__file__).parent
_LARGEST_SVG = 500_000  # bytes; larger drawings go in as PNG


def build(runs, progress=lambda what: None, again=0):
    """The page, as text, and what was damaged, a list of messages; the page lists them, too.

    again: every how many seconds a browser loads it again, 0 for never.
    """
    groups = experiments(runs)
    titles = _titles(groups)
    sections, problems = [], []
    for k, (group, title) in enumerate(zip(groups, titles)):
        progress(f"{title}: {len(group)} run(s)")
        sections.append(_section(group, title, f"experiment-{k + 1}", progress, problems))
    links = "".join(f'<a href="#experiment-{k + 1}">{_escape(title)}</a>' for k, title in enumerate(titles))
    shown = _guarded(problems, _claims, groups)
    css, script = ((_HERE / name).read_text(encoding="utf-8") for name in ("page.css", "viewer.js"))
    beside = """ beside <cite>Constructing Organism Networks from Collaborative Self-Replicators</cite> (Illium, Zorn, Lenta, Kölle,
Linnhoff-Popien, Gabor 2022, arXiv:2212.10078)"""
    page = f"""<!DOCTYPE html>
<html lang="en"{f' data-again="{again}"' if again else ''}>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Metazoa: {_escape(', '.join(titles))}</title>
<style>
{css}</style>
</head>
<body>
<header>
<button type="button" id="scheme">Dark page</button>
<h1>Organism networks: results</h1>
<p class="soft">{len(runs)} {'runs' if len(runs) > 1 else 'run'} of Metazoa{beside if any(papers(group[0]) for group in groups) else ''}.
Numbers are medians over seeds with their .95 intervals (bootstrap).</p>
</header>
<nav aria-label="experiments">{links}</nav>
<main>
{''.join(sections)}{shown}
<footer>Made by <code>metazoa-report</code>. Particle types: <b>divergent</b>, a weight is not finite; <b>zero</b>, all weights within
ε of 0; <b>self-replicator</b>, one self-application moves no weight by more than ε; <b>secondary</b>, two do not; <b>other</b>.
Tested in this order, ε = 10⁻⁵ unless the configuration says otherwise.</footer>
</main>
<script>
{script}</script>
</body>
</html>
"""
    return page, list(dict.fromkeys(problems))


def _titles(groups):
    """Names of the experiments; the same name twice gets a number."""
    titles = []
    for group in groups:
        title = group[0].name + (
            " (conventional)" if group[0].scalar and "conventional" not in group[0].name else ""
        )
        same = sum(other == title or other.startswith(f"{title}, variant ") for other in titles)
        titles.append(f"{title}, variant {same + 1}" if same else title)
    return titles


def _section(runs, title, anchor, progress, problems):
    blocks = [
        f'<section id="{anchor}"><h2>{_escape(title)}</h2>',
        f'<p class="soft">{_escape(_describe(runs))}</p>',
        _tiles(runs),
    ]
    blocks += [
        "<h3>Results</h3>",
        _guarded(problems, _results, runs),
        "<h3>Figures</h3>",
        _figures(runs, progress, problems),
    ]
    if not runs[0].scalar:
        blocks += ["<h3>Trajectories</h3>", _guarded(problems, _view, runs[0])]
    blocks += ["<h3>Runs, configuration, provenance</h3>", _run_table(runs), _course(runs)]
    if not runs[0].scalar:
        blocks.append(_guarded(problems, _layers, runs[0]))
    blocks += [_details(runs), "</section>"]
    return "\n".join(blocks)


def _guarded(problems, make, *arguments):
    """A block of the page, or what was damaged in its place."""
    try:
        return make(*arguments)
    except Damaged as damage:
        problems.append(str(damage))
        return f'<p class="missing"><b class="no">Damaged:</b> {_escape(damage)}</p>'
    except Missing as missing:
        return f'<p class="missing">Not shown: {_escape(missing)}</p>'


def _describe(runs):
    run = runs[0]
    hidden = run.setting("organism", "hidden", [])
    width, layers, *bias = run.particle
    images = "classification of images" if run.classification else "images"
    what = {
        "addition": "addition of numbers",
        "idx": images,
        "cifar10": f"{images} (CIFAR-10)",
        "hdf5": "data from HDF5",
    }
    edges = (
        "scalar edges: a conventional network"
        if run.scalar
        else f"particles of width {width} with {layers} layers{' and biases' if bias else ''}"
    )
    if run.setting("organism", "bias", False):
        edges += ", a bias in every cell"
    seeds = ", ".join(str(r.seed) for r in runs)
    return (
        f"Task: {what.get(run.kind, run.kind)}. Hidden layers of {', '.join(map(str, hidden)) or 'no'} cells, "
        f"activation {run.setting('organism', 'activation', 'none')}, {edges}. Seeds: {seeds}."
    )


def _tiles(runs):
    """The headline numbers: of the finished organisms, after a settling phase where there was one."""
    scores, part = [run.score for run in runs], "test"
    if not any(len(run.looks(f"test_{run.measure}")) for run in runs):
        scores, part = [run.summary.get(f"train_{run.measure}") for run in runs], "training"
    what = "accuracy" if runs[0].measure == "accuracy" else "error (MAE)"
    tiles = [(text(scores), "", f"{part} {what}")]
    if not runs[0].scalar:
        settled = any(run.summary.get("census_before_settling") for run in runs)
        found = text([run.replicators for run in runs], percentage)
        tiles.append((found, "\u00a0%", "self-replicators" + settled * " after settling"))
    tiles += [
        (
            text([r.summary.get("particles") for r in runs]),
            "",
            "connections" if runs[0].scalar else "particles",
        ),
        (text([r.epochs for r in runs]), "", "epochs"),
        (text([r.summary.get("wall_seconds") for r in runs]), "\u00a0s", "wall time of a training"),
        (str(len(runs)), "", statements.seeds(runs)),
    ]
    return f'<div class="tiles">{"".join(_tile(*tile) for tile in tiles)}</div>'


def _tile(value, unit, name):
    """A number, its interval smaller, and what it is."""
    median, _, interval = value.partition(" (")
    small = f" <small>{_escape(interval[:-1])}</small>" if interval else ""
    return f"<div><b>{_escape(median + unit)}</b>{small}<span>{_escape(name)}</span></div>"


def _table(head, rows, label):
    """A table: on a narrow page every row becomes a block, whose cells are named by the head. Cells are HTML."""
    body = "".join(
        "<tr>"
        + "".join(
            f'<{"td" if k else "th scope=row"} data-head="{_escape(name)}">{cell}</{"td" if k else "th"}>'
            for k, (name, cell) in enumerate(zip(head, row))
        )
        + "</tr>"
        for row in rows
    )
    heads = "".join(f"<th scope=col>{_escape(name)}</th>" for name in head)
    return (
        f'<div class="scroll" tabindex="0" role="group" aria-label="{_escape(label)}"><table><thead><tr>{heads}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _claims(groups):
    """What the runs say to the paper's claims; nothing where none of them is an experiment of the paper."""
    words = {
        True: '<span class="yes">✓ confirmed</span>',
        False: '<span class="no">✗ contradicted</span>',
        claims.OPEN: "not confirmed",
    }
    rows = [
        [name, *map(_escape, (says, ours)), words[verdict], _escape(rule)]
        for name, says, rule, ours, verdict in statements.claims(groups)
    ]
    if not rows:
        return ""
    table = _table(
        ["", "The paper says (figure)", "Here", "Verdict", "Confirmed if"], rows, "the paper's claims"
    )
    return f"""<section id="claims"><h2>The paper's claims</h2>
<p class="soft">Those that these runs decide; medians, in brackets their .95 intervals, then the smallest and the largest seed.
All claims, and why the rules are these: <code>docs/reproduction.md</code>.</p>
{table}</section>"""


def _results(runs):
    rows = [[_escape(row.what), _escape(row.ours)] for row in statements.rows(runs)]
    return _table(["What", "Here"], rows, "results")


def _figures(runs, progress, problems):
    shown, left = [], []
    for figure in figures.FIGURES:
        if not figures.belongs(figure, runs):
            continue
        name = _escape(figure.label)
        try:
            source, classes = _image(figures.drawing(figure, runs))
            progress(f"  figure {figure.name}")
        except (Missing, Damaged) as error:
            progress(f"  figure {figure.name} left out: {error}")
            problems += [str(error)] if isinstance(error, Damaged) else []
            left.append(f"<li>{name}: {_escape(error)}</li>")
            continue
        caption = f"<b>{name}.</b> {_escape(figure.caption)}{_escape(_remarks(figure, runs))}"
        shown.append(
            f'<figure class="{classes}"><div class="scroll" tabindex="0" role="group" aria-label="{name}">'
            f'<img src="{source}" alt="{_escape(figure.title)}"></div><figcaption>{caption}</figcaption></figure>'
        )
    missing = f'<div class="missing"><p>Not shown:</p><ul>{"".join(left)}</ul></div>' if left else ""
    return f'<div class="figures">{chr(10).join(shown)}</div>{missing}'


def _remarks(figure, runs):
    """What must be said of this figure of these runs."""
    said = " Shaded: the paper's margin." if figure.name == "5" and papers(runs[0]) else ""
    if figure.reads.startswith("probe-"):
        remarks = [f"{run} {remark}" for run in runs if (remark := run.probe_remark(figure.probe))]
        said += f" Probed: {', '.join(remarks)}." if remarks else ""
    return said


def _image(drawing):
    """The drawing as a data URI, without a background; and its classes: how wide it is, and whether its colours are a scale, which
    a dark page must not turn around."""
    with ours():
        for kind, options in (
            ("svg", {"metadata": {"Date": None}}),
            ("png", {"metadata": {"Software": None}, "dpi": 220}),
        ):
            buffer = io.BytesIO()
            drawing.savefig(buffer, format=kind, transparent=True, **options)
            if buffer.tell() <= _LARGEST_SVG:
                break
    kind = "svg+xml" if kind == "svg" else kind
    classes = "wide" if drawing.get_figwidth() > 0.7 * PAGE else "narrow"
    classes += " scale" * any(axes.images for axes in drawing.axes)
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}", classes


def _view(run):
    data = payload(run)
    text_ = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    chosen = f"{number(len(data['particles']))} of {number(data['all'])} particles of seed {run.seed}"
    return f"""<figure class="view">
<div class="controls" data-part="legend"></div>
<canvas tabindex="0" role="img" aria-label="Trajectories of particles in their first three principal components"></canvas>
<output data-part="picked"></output>
<div class="controls"><button type="button" data-part="play">Play</button>
<input type="range" min="0" max="1" value="0" data-part="record" aria-label="epoch"><output data-part="epoch"></output></div>
<div class="controls"><label>Colour <select data-part="colour"><option value="type">type</option>
<option value="weight">effective weight</option><option value="birth">self-replicator since</option></select></label>
<span class="ramp" data-part="scale"><span></span><i></i><span></span></span>
<label>Show <select data-part="view"></select></label><select data-part="layer" aria-label="layer"></select>
<label><input type="checkbox" checked data-part="tail"> whole path</label>
<button type="button" data-part="reset">Reset</button><button type="button" data-part="picture">Save PNG</button>
<button type="button" data-part="film">Save video</button></div>
<figcaption>{_escape(chosen)}, in the first three principal components (PC) of all their weights over all epochs, with their share of the
variance. Point at a particle to see which it is, click to keep it; its path is drawn bold. Drag to turn; pinch, or scroll with Ctrl, to
zoom. Keys: arrows turn, + and − zoom, n and p go from particle to particle, Esc lets go. Click a type to hide it. Compare with the random
walks, which take steps of the same size in random directions, in their own components.</figcaption>
<script type="application/json">{text_}</script>
</figure>"""


def _run_table(runs):
    measure = runs[0].measure
    head = ["run", "seed", "epochs", f"test {measure if measure == 'accuracy' else 'MAE'}"]
    head += [] if runs[0].scalar else ["self-replicators"]
    head += ["ranks", "wall time (s)", "finished", "fingerprint"]
    rows = []
    for run in runs:
        summary = run.summary
        cells = [
            str(run),
            run.seed,
            run.epochs,
            number(run.score, 4) if len(run.looks(f"test_{run.measure}")) else "–",
        ]
        cells += [] if run.scalar else [percent(run.replicators) if np.isfinite(run.replicators) else "–"]
        seconds = summary.get("wall_seconds")
        cells += [summary.get("ranks", "–"), "–" if seconds is None else number(seconds)]
        cells += [
            {True: "yes", False: "no"}.get(summary.get("finished"), "–"),
            summary.get("fingerprint", "–"),
        ]
        rows.append([_escape(cell) for cell in cells])
    return _table(head, rows, "runs")


def _course(runs):
    """How each run came to its end: the best score, when levels were reached, how often it started, and its pace."""
    rows = []
    for run in runs:
        table, column = run.metrics.query("epoch > 0"), f"test_{run.measure}"
        scores = table.set_index("epoch")[column].dropna() if column in table else None
        best = reached = "–"
        if scores is not None and len(scores):
            at = scores.idxmax() if run.measure == "accuracy" else scores.idxmin()
            best = f"{number(scores[at], 4)} (epoch {at})"
            levels = [level / 10 for level in range(9, 0, -1) if (scores >= level / 10).any()]
            if levels and run.measure == "accuracy":
                reached = f"{levels[0]} (epoch {scores.index[scores >= levels[0]][0]})"
        pace = table["seconds"].median() if "seconds" in table else np.nan
        cells = [run, best, reached, 1 + run.resumed, f"{pace:.2g}" if np.isfinite(pace) else "–"]
        rows.append([_escape(cell) for cell in cells])
    return _table(
        ["run", "best", "first at least", "starts", "s an epoch (median)"], rows, "course of the runs"
    )


def _layers(run):
    """Layer by layer, from 1: how many of those that live replicate, and how far they moved from where they began."""
    rows = []
    for layer, found in run.particles.groupby("layer"):
        living = found[found["type"] != "pruned"]
        if len(living) == 0:
            rows.append([layer + 1, len(found), "–", "–", "all are pruned"])
            continue
        n = f"{len(found)}, {len(found) - len(living)} pruned" if len(living) < len(found) else len(found)
        share, found = (living["type"] == "self_replicator").mean(), living
        far = found.loc[found["distance"].idxmax()] if found["distance"].notna().any() else None
        where = "–" if far is None else f"cell {far['cell']}, edge {far['edge']}: {far['distance']:.3g}"
        rows.append([layer + 1, n, percent(share), f"{found['distance'].mean():.3g}", _escape(where)])
    head = ["layer", "particles", "self-replicators", "moved, mean", "moved farthest (cell, edge from 0)"]
    part = archived_part([run])
    return _table(head, rows, f"layers of {run}") + (f'<p class="soft">{part}</p>' if part else "")


def _details(runs):
    """The configuration of one run, and where, when and by what the runs were made, folded away."""
    blocks = [
        f"<details><summary>Configuration of {_escape(runs[0])}</summary><pre tabindex=0>{_escape(runs[0].config_text)}</pre></details>"
    ]
    starts = {}
    for run in runs:
        found = run.starts
        for k, start in enumerate(found):
            starts[f"{run}, start {k + 1} of {len(found)}" if len(found) > 1 else str(run)] = start
    rows = [
        [_escape(key), _provenance(key, starts)]
        for key in dict.fromkeys(k for start in starts.values() for k in start)
    ]
    name = f"Provenance of {runs[0]}" if len(runs) == 1 else f"Provenance of {len(runs)} runs"
    table = _table(["what", "value"], rows, name) if rows else "<p>run.json is not there.</p>"
    return "\n".join(blocks + [f"<details><summary>{_escape(name)}</summary>{table}</details>"])


def _provenance(key, starts):
    """What the starts of runs say of a key: once where all say the same, otherwise each value with those that say it."""
    said = {}
    for name, start in starts.items():
        said.setdefault(_escape(_flat(start.get(key, "–"))), []).append(name)
    if len(said) == 1:
        return next(iter(said))
    return "<br>".join(
        f'{value} <span class="soft">({_escape(", ".join(names))})</span>' for value, names in said.items()
    )


def _flat(value):
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_flat(item)}" for key, item in value.items())
    return (
        " × ".join(map(str, value))
        if isinstance(value, list) and all(isinstance(v, int) for v in value)
        else (", ".join(map(str, value)) if isinstance(value, list) else str(value))
    )


def _escape(value):
    return html.escape(str(value), quote=True)
