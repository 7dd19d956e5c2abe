"""One self-contained HTML page of runs: nothing is loaded from anywhere, all figures and scripts are inside."""

import argparse
import base64
import html
import json
import sys
import tempfile
from pathlib import Path

from . import figures, statements
from .run import Missing, experiments, open_runs
from .statistics import number, text
from .style import PAGE, plt
from .viewer import payload

_HERE = Path(__file__).parent
_LARGEST_SVG = 500_000  # bytes; larger drawings go in as PNG

CAPTIONS = {
    "2": "Share of each particle type after each epoch.",
    "3": "Mean losses of task and self-training, and the mean absolute error. Logarithmic scales; geometric means.",
    "4": "Self-replicators with noise on their weights, applied to themselves again and again. Boxes: quartiles and median; "
         "whiskers: 5 and 95 %. Above: steps that they stay self-replicators. Below: steps until they diverge or vanish.",
    "5": "Absolute output differences between the organism, evaluated particle by particle, and the conventional network of its "
         "particles' responses. Shaded: the paper's margin.",
    "6": "a: share of each particle type. b: losses of task and self-training. c: success on training and test data.",
    "7": "As figure 4, for this experiment's particles.",
    "8": "a: score with all particles of one type set to zero. b, c: score against the share of dropped connections, for the "
         "organism and for a conventional network of the same shape and training.",
    "9": "Number of self-replicators among the first layer's particles of each input, mean over the seeds.",
    "10": "a: sum of the effective weights of these self-replicators. b: mean of the training data.",
    "11": "Connections of each particle type (first seed; the darker, the larger the effective weight), and each type's share of "
          "every layer (all seeds).",
    "12": "Trajectories of the particles' weights in their first principal components (first seed), coloured by final type. Below, "
          "random walks with the same starts and step sizes in their own components; right, explained variance of both. Smooth "
          "curves alone are no sign of structure: walks have them too.",
    "settle": "a: particle types, b: score, while the particles train themselves alone. c: size of each particle's task gradient "
              "at the start, by type.",
    "goal": "Share of particles that are fixpoints, and of test data answered, within given tolerances (Definition 8).",
}


def build(runs, progress=lambda what: None):
    """The page, as text."""
    groups = experiments(runs)
    titles = _titles(groups)
    sections = []
    for k, (group, title) in enumerate(zip(groups, titles)):
        progress(f"{title}: {len(group)} run(s)")
        sections.append(_section(group, title, f"experiment-{k + 1}", progress))
    links = "".join(f'<a href="#experiment-{k + 1}">{_escape(title)}</a>' for k, title in enumerate(titles))
    css, script = (_HERE / "page.css").read_text(), (_HERE / "viewer.js").read_text()
    return f"""<!DOCTYPE html>
<html lang="en">
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
<h1>Organism networks: results</h1>
<p class="soft">{len(runs)} {'runs' if len(runs) > 1 else 'run'} of Metazoa beside <cite>Constructing Organism Networks from
Collaborative Self-Replicators</cite> (Illium, Zorn, Lenta, Kölle, Linnhoff-Popien, Gabor 2022, arXiv:2212.10078).
Numbers are means over seeds ± half the width of their .95 confidence interval.</p>
</header>
<nav>{links}</nav>
<main>
{''.join(sections)}
<footer>Made by <code>metazoa-report</code>. Particle types: <b>divergent</b>, a weight is not finite; <b>zero</b>, all weights within
ε of 0; <b>self-replicator</b>, one self-application moves no weight by more than ε; <b>secondary</b>, two do not; <b>other</b>.
Tested in this order, ε = 10⁻⁵ unless the configuration says otherwise.</footer>
</main>
<script>
{script}</script>
</body>
</html>
"""


def _titles(groups):
    """Names of the experiments; the same name twice gets a number."""
    titles = []
    for group in groups:
        title = group[0].name + (" (conventional)" if group[0].scalar and "conventional" not in group[0].name else "")
        same = sum(other == title or other.startswith(f"{title}, variant ") for other in titles)
        titles.append(f"{title}, variant {same + 1}" if same else title)
    return titles


def _section(runs, title, anchor, progress):
    blocks = [f'<section id="{anchor}"><h2>{_escape(title)}</h2>', f'<p class="soft">{_escape(_describe(runs))}</p>', _tiles(runs),
              "<h3>Results</h3>", _results(runs), "<h3>Figures</h3>", _figures(runs, progress)]
    if not runs[0].scalar:
        blocks += ["<h3>Trajectories</h3>", _view(runs[0])]
    blocks += ["<h3>Runs, configuration, provenance</h3>", _run_table(runs), _details(runs), "</section>"]
    return "\n".join(blocks)


def _describe(runs):
    run = runs[0]
    hidden = run.setting("organism", "hidden", [])
    width, layers = run.particle
    what = {"addition": "addition of numbers", "idx": "classification of images"}.get(run.setting("task", "kind"), "data from HDF5")
    edges = "scalar edges: a conventional network" if run.scalar else f"particles of width {width} with {layers} layers"
    seeds = ", ".join(str(r.seed) for r in runs)
    return (f"Task: {what}. Hidden layers of {', '.join(map(str, hidden)) or 'no'} cells, "
            f"activation {run.setting('organism', 'activation', 'none')}, {edges}. Seeds: {seeds}.")


def _tiles(runs):
    measure = "test accuracy" if runs[0].measure == "accuracy" else "test error (MAE)"
    tiles = [(text([statements.last_score(run) for run in runs]), measure)]
    if not runs[0].scalar:
        share = [statements.share_of_replicators(run) for run in runs]
        tiles.append((text([100 * s for s in share if s is not None]) + "\u00a0%", "self-replicators"))
    particles = [run.summary.get("particles") for run in runs]
    epochs = [run.summary.get("epochs") for run in runs]
    tiles += [(text(particles), "connections" if runs[0].scalar else "particles"), (text(epochs), "epochs"),
              (text([run.summary.get("wall_seconds") for run in runs]) + "\u00a0s", "wall time of a training"),
              (str(len(runs)), "seeds" if len(runs) > 1 else "seed")]
    return '<div class="tiles">' + "".join(f"<div><b>{_escape(v)}</b><span>{_escape(n)}</span></div>" for v, n in tiles) + "</div>"


def _results(runs):
    body = []
    for row in statements.rows(runs):
        verdict = {True: '<span class="yes">✓ agrees</span>', False: '<span class="no">✗ differs</span>'}.get(row.agrees, "")
        rule = f'<span class="rule">{_escape(row.rule)}</span>' if row.rule and row.agrees is not None else ""
        body.append(f"<tr><td>{_escape(row.what)}</td><td>{_escape(row.paper)}</td><td>{_escape(row.ours)}</td>"
                    f"<td>{verdict}</td><td>{rule}</td></tr>")
    return ('<div class="scroll"><table><thead><tr><th>What</th><th>Paper</th><th>Here</th><th></th><th>Counted as agreeing when</th>'
            f"</tr></thead><tbody>{''.join(body)}</tbody></table></div>")


def _figures(runs, progress):
    shown, missing = [], []
    for figure in figures.FIGURES:
        if not figures.belongs(figure, runs):
            continue
        progress(f"  figure {figure.name}")
        name = f"Figure {figure.name}" if figure.name.isdigit() else figure.title
        try:
            source, wide = _image(figure, runs)
        except (Missing, KeyError, OSError) as error:
            plt.close("all")  # what was begun
            missing.append(f"<li>{_escape(name)}: {_escape(str(error))}</li>")
            continue
        caption = f"<b>{_escape(name)}.</b> {_escape(CAPTIONS[figure.name])}"
        shown.append(f'<figure{" class=wide" if wide else ""}><img src="{source}" alt="{_escape(figure.title)}">'
                     f"<figcaption>{caption}</figcaption></figure>")
    left = f'<div class="missing"><p>Not shown, as their input is not there:</p><ul>{"".join(missing)}</ul></div>' if missing else ""
    return f'<div class="figures">{"".join(shown)}</div>{left}'


def _image(figure, runs):
    """The drawing as a data URI, and whether it is two columns wide."""
    with tempfile.TemporaryDirectory() as folder:
        drawing = figure.draw(runs)
        wide = drawing.get_figwidth() > 0.7 * PAGE
        svg, png = (Path(folder) / f"figure.{kind}" for kind in ("svg", "png"))
        drawing.savefig(svg, metadata={"Date": None})
        if svg.stat().st_size <= _LARGEST_SVG:
            kind, data = "svg+xml", svg.read_bytes()
        else:
            drawing.savefig(png, dpi=220, metadata={"Software": None})
            kind, data = "png", png.read_bytes()
        plt.close(drawing)
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}", wide


def _view(run):
    try:
        data = payload(run)
    except (Missing, KeyError, OSError) as error:
        return f'<p class="missing">No view of trajectories: {_escape(str(error))}</p>'
    text_ = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    chosen = f"{number(len(data['particles']))} of {number(data['all'])} particles of seed {run.seed}"
    return f"""<figure class="view">
<div class="controls" data-part="legend"></div>
<canvas tabindex="0" role="img" aria-label="Trajectories of particles in their first three principal components"></canvas>
<div class="controls"><button type="button" data-part="play">Play</button>
<input type="range" min="0" max="1" value="0" data-part="record" aria-label="epoch"><output data-part="epoch"></output>
<select data-part="view" aria-label="what is shown"></select><select data-part="layer" aria-label="layer"></select>
<label><input type="checkbox" checked data-part="tail"> whole path</label>
<button type="button" data-part="reset">Reset view</button></div>
<figcaption>{_escape(chosen)}, in the first three principal components of all their weights over all epochs. Drag to turn, scroll or pinch to
zoom, arrow keys and + − work too. Colours: the type at the shown epoch; click a type to hide it. Compare with the random walks, which take steps of the
same size in random directions, in their own components.</figcaption>
<script type="application/json">{text_}</script>
</figure>"""


def _run_table(runs):
    measure = runs[0].measure
    head = ["run", "seed", "epochs", f"test {measure if measure == 'accuracy' else 'MAE'}"]
    head += [] if runs[0].scalar else ["self-replicators"]
    head += ["ranks", "wall time (s)", "finished", "fingerprint"]
    body = []
    for run in runs:
        summary = run.summary
        score, share = statements.last_score(run), statements.share_of_replicators(run)
        cells = [str(run.path), run.seed, summary.get("epochs", "–"), "–" if score is None else number(score, 4)]
        cells += [] if run.scalar else ["–" if share is None else f"{100 * share:.1f} %"]
        seconds = summary.get("wall_seconds")
        cells += [summary.get("ranks", "–"), "–" if seconds is None else number(seconds),
                  {True: "yes", False: "no"}.get(summary.get("finished"), "–")]
        body.append("<tr>" + "".join(f"<td>{_escape(str(c))}</td>" for c in cells) +
                    f"<td><code>{_escape(str(summary.get('fingerprint', '–')))}</code></td></tr>")
    return ('<div class="scroll"><table><thead><tr>' + "".join(f"<th>{_escape(h)}</th>" for h in head) +
            f"</tr></thead><tbody>{''.join(body)}</tbody></table></div>")


def _details(runs):
    blocks = [f"<details><summary>Configuration of {_escape(str(runs[0].path))}</summary><pre>{_escape(runs[0].config_text)}</pre></details>"]
    for run in runs:
        found = run.provenance
        rows_ = "".join(f"<tr><th>{_escape(key)}</th><td>{_escape(_flat(value))}</td></tr>" for key, value in found.items())
        content = f'<div class="scroll"><table><tbody>{rows_}</tbody></table></div>' if found else "<p>run.json is not there.</p>"
        blocks.append(f"<details><summary>Provenance of {_escape(str(run.path))}</summary>{content}</details>")
    return "\n".join(blocks)


def _flat(value):
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_flat(item)}" for key, item in value.items())
    return " × ".join(map(str, value)) if isinstance(value, list) and all(isinstance(v, int) for v in value) else (
        ", ".join(map(str, value)) if isinstance(value, list) else str(value))


def _escape(value):
    return html.escape(str(value), quote=True)


def report_main(arguments=None):
    parser = argparse.ArgumentParser(prog="metazoa-report", description="Writes one self-contained HTML page of runs. Runs that differ "
                                     "in their seeds alone are one experiment.")
    parser.add_argument("runs", nargs="+", metavar="RUN", help="folders of runs, or folders that hold runs")
    parser.add_argument("--output", default="report.html", metavar="FILE", help="default: report.html")
    parser.add_argument("--quiet", action="store_true", help="no progress messages")
    options = parser.parse_args(arguments)
    say = (lambda what: None) if options.quiet else (lambda what: print(what, file=sys.stderr, flush=True))
    page = build(open_runs(options.runs), say)
    output = Path(options.output)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(page, encoding="utf-8")
    print(f"{output} ({len(page.encode()) / 1e6:.1f} MB)")
    return 0
