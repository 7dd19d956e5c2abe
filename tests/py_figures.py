"""Every figure is produced and shows what its input says; commands and their exit codes."""

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "analysis"), str(ROOT / "tests")]
import synthetic  # noqa: E402
from matplotlib import image  # noqa: E402
from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: E402
from matplotlib.text import Text  # noqa: E402
from metazoa import Missing, Run, commands, figures  # noqa: E402
from metazoa.figures import scopes, space, style  # noqa: E402
from metazoa.figures.trajectories import choose  # noqa: E402
from metazoa.page import statements  # noqa: E402
from metazoa.paper import claims  # noqa: E402
from metazoa.paper.sources import Source  # noqa: E402
from metazoa.reading.ensemble import open_runs  # noqa: E402


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two seeds of each experiment, with all probes (synthetic)."""
    base = tmp_path_factory.mktemp("runs")
    runs = {
        kind: [synthetic.write_run(base / kind / f"seed-{seed}", seed, kind) for seed in (1, 2)]
        for kind in ("idx", "addition")
    }
    runs["pruned"] = [
        synthetic.prune(synthetic.write_run(base / "pruned" / f"seed-{seed}", seed, "idx")) for seed in (1, 2)
    ]
    return runs


def test_pruned_is_the_last_score_with_each_share(folders):
    runs = open_runs(folders["pruned"])
    line = figures.drawing(figures.find("pruned"), runs).axes[0].lines[0]
    assert line.get_xdata().tolist() == [100, 50, 25]
    scores = [
        [
            run.metrics["test_accuracy"][rows].dropna().iloc[-1]
            for rows in (slice(0, 5), slice(5, 12), slice(12, None))
        ]
        for run in runs
    ]
    assert np.allclose(line.get_ydata(), np.median(scores, axis=0))
    with pytest.raises(Missing, match="trained without pruning"):
        figures.drawing(figures.find("pruned"), open_runs(folders["idx"]))


def test_shares_of_self_replicators_are_of_the_particles_that_live(folders):
    run = open_runs(folders["pruned"])[0]
    living = run.census.drop(columns="pruned").sum(axis=1)
    assert run.census["pruned"].iloc[-1] == 9 and living.iloc[-1] > 0
    assert run.replicators == run.census["self_replicator"].iloc[-1] / living.iloc[-1] > 0


def test_basins_and_stability_are_the_probes_numbers(folders):
    runs = open_runs(folders["addition"])
    left, middle, right = figures.drawing(figures.find("basins"), runs).axes
    shares, ratios = [], []
    for run in runs:
        with h5py.File(run.path / "probe-basins.h5") as file:
            back, start = file["type"][:] == 2, file["distance_start"][:]
        shares.append([100 * row.mean() for row in back])
        ratios.append([np.median((0.9 * one / one)[part]) for one, part in zip(start, back)])
    assert (
        np.allclose(left.lines[0].get_ydata(), np.median(shares, axis=0))
        and np.ptp(left.lines[0].get_ydata()) > 1
    )
    assert np.allclose(right.lines[0].get_ydata(), np.median(ratios, axis=0))
    # Noise loses its parts along 4 of 27 directions: the median of what is left of its length, by drawing it.
    noise = np.random.default_rng(5).standard_normal((200000, 27))
    left_over = np.linalg.norm(noise[:, 4:], axis=1) / np.linalg.norm(noise, axis=1)
    assert abs(right.lines[2].get_ydata()[0] - np.median(left_over)) < 1e-3
    organism, random, lifetimes = figures.drawing(figures.find("stability"), runs).axes
    with h5py.File(runs[0].path / "probe-stability.h5") as file:
        observed = file["random_4_layers/steps_per_decade"][:]
    four = next(line for line in lifetimes.lines if line.get_label() == "random, n = 4")
    assert np.allclose(four.get_ydata()[:50], observed) and np.allclose(four.get_xdata(), 1 / np.log10(5))
    assert {4} <= set(organism.lines[0].get_xdata()) and {3, 4, 5} <= {
        x for line in random.lines for x in line.get_xdata()
    }


def faults(drawing):
    """Texts of a drawing that are cut, or lie on each other (of tilted ones the box says nothing about the latter)."""
    drawn = {}

    def draw(text, renderer, *more, **others):
        drawn[text] = None
        original(text, renderer, *more, **others)

    original = Text.draw
    with style.ours(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(Text, "draw", draw)
        canvas = FigureCanvasAgg(drawing)
        canvas.draw()
    found, before = [], []
    for text in drawn:
        what, box = text.get_text(), text.get_window_extent(canvas.get_renderer())
        if not what.strip() or not text.get_visible():
            continue
        if box.x0 < -1 or box.y0 < -1 or box.x1 > drawing.bbox.x1 + 1 or box.y1 > drawing.bbox.y1 + 1:
            found.append(f"{what!r} is cut")
        for other, there in before:
            across = min(box.x1, there.x1) - max(box.x0, there.x0), min(box.y1, there.y1) - max(
                box.y0, there.y0
            )
            if min(across) > 1 and text.get_rotation() % 90 == 0:
                found.append(f"{what!r} lies on {other!r}")
        before += [(what, box)] * (text.get_rotation() % 90 == 0)
    return found


@pytest.mark.parametrize("figure", figures.FIGURES, ids=lambda figure: figure.name)
def test_figure_is_drawn(figure, folders, tmp_path):
    kind = "pruned" if figure.compares else "idx" if figure.classes else "addition"
    paths = figures.draw(figure, open_runs(folders[kind]), tmp_path)
    assert [path.suffix for path in paths] == [".pdf", ".svg", ".png"]
    assert paths[0].read_bytes().startswith(b"%PDF") and b"</svg>" in paths[1].read_bytes()
    pixels = image.imread(paths[2])[..., :3]
    assert pixels.shape[1] >= 300 * style.COLUMN - 1  # at least a column wide at 300 dots an inch
    ink = (pixels < 0.9).any(axis=2)
    assert 0.01 < ink.mean() < 0.9
    assert ink[:, : ink.shape[1] // 3].any() and ink[:, -ink.shape[1] // 3 :].any()
    assert faults(figures.drawing(figure, open_runs(folders[kind]))) == []


def test_faults_are_found():
    with style.ours():
        drawing, ((axes,),) = style.new()
        axes.text(0.5, 0.5, "here")
        axes.text(0.52, 0.5, "there")
        axes.annotate("away", (0.5, 0.5), xytext=(0, 200), textcoords="offset points", in_layout=False)
    assert faults(drawing) == ["'there' lies on 'here'", "'away' is cut"]


def test_equal_runs_give_equal_files(folders, tmp_path):
    figure = figures.find("6")
    first = figures.draw(figure, open_runs(folders["idx"]), tmp_path / "a")
    second = figures.draw(figure, open_runs(folders["idx"]), tmp_path / "b")
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in second]


def test_curves_are_the_numbers(folders):
    drawing = figures.drawing(figures.find("2"), open_runs(folders["addition"]))
    line = next(line for line in drawing.axes[0].lines if line.get_label() == "self-replicator")
    runs = open_runs(folders["addition"])
    expected = np.median([100 * run.metrics["self_replicator"] / 18 for run in runs], axis=0)
    assert np.allclose(line.get_ydata(), expected) and np.allclose(line.get_xdata(), np.arange(1, 21))


def test_heat_map_counts_self_replicators_per_pixel(folders):
    counts, sums, cells = space.per_input(open_runs(folders["idx"][:1]))
    with h5py.File(folders["idx"][0] / "archive.h5") as file:
        replicators = file["layers/0/type"][-1] == 2
    assert cells == 5 and np.array_equal(counts, replicators.sum(axis=0))
    assert (sums[counts == 0] == 0).all() and (sums[counts > 0] != 0).all()


def test_choice_of_particles_is_even_and_knows_rare_types():
    types = {0: np.full((40, 50), 4, np.uint8), 2: np.full((10, 10), 2, np.uint8)}
    types[0][7, 3] = 1
    chosen = choose(types, 100)
    assert 98 <= len(chosen) <= 102 and chosen == sorted(chosen) and len(set(chosen)) == len(chosen)
    assert (0, 7 * 50 + 3, 1) in chosen and sum(layer == 2 for layer, _, _ in chosen) == round(
        100 * 100 / 2100
    )
    assert all(types[layer].ravel()[k] == code for layer, k, code in chosen)
    assert len(choose(types, 10_000)) == 2100


def test_results_are_the_numbers(folders):
    rows = {row.what: row for row in statements.rows(open_runs(folders["idx"]))}
    accuracy = rows["Test accuracy at epoch 20"]
    assert accuracy.ours == "0.85"
    assert rows["Accuracy lost when the self-replicators are dropped"].ours == "0.001"
    assert rows["Accuracy when all other particles are dropped"].ours == "0.1"
    run = open_runs(folders["idx"])[0]
    run.metrics.loc[run.metrics["epoch"] > 10, "test_accuracy"] = np.nan
    run._measured.loc[run.metrics["epoch"] > 10, "test_accuracy"] = False
    assert statements.rows([run])[0].what == "Test accuracy at epoch 10"  # the last that was looked at


def test_results_of_some_seeds_say_so(tmp_path):
    made = [synthetic.write_run(tmp_path / f"seed-{k}", kind="idx", seed=k) for k in (1, 2)]
    synthetic.remove_probe(made[1], "dropout")
    synthetic.remove_probe(made[1], "substitution")
    found = {row.what: row.ours for row in statements.rows(open_runs(made))}
    assert found["Accuracy lost when the self-replicators are dropped"].endswith("(1 of 2 seeds)")
    assert found["Output difference after substitution"].endswith("(1 of 2 seeds)")
    assert "seeds)" not in found["Self-replicators among the particles"]
    first = "Self-replicators that sit in the first layer"
    assert found[first].endswith("%")
    with h5py.File(made[0] / "archive.h5", "r+") as file:
        del file["layers/1"]
    found = {row.what: row.ours for row in statements.rows(open_runs(made))}
    assert found[first].endswith("(1 of 2 seeds)")  # of an archive of some layers nothing is known


def test_the_papers_claims_are_those_of_the_page(folders):
    groups = [open_runs(folders[name]) for name in ("addition", "idx")]
    found = {name: verdict for name, *_, verdict in statements.claims(groups)}
    assert found["C1"] is False and found["C7"] is True  # 32 % self-replicators, not all; an accuracy of 0.85
    for name, claim in claims.CLAIMS.items():
        verdict = claims.decide(Source(runs=dict(zip(("addition", "images"), groups))), claim)[1]
        assert claim.long or found.get(name) == verdict
    assert {name for name, *_ in statements.claims(groups[1:])} < set(found)
    other = open_runs(folders["idx"])
    other[0].config["training"]["self_train_steps"] = 25  # not the paper's
    assert statements.claims([other]) == [] == statements.claims([])


def test_absent_probe_is_missing_not_an_error(folders, tmp_path):
    run = Run(synthetic.write_run(tmp_path / "run", kind="idx"))
    synthetic.remove_probe(run.path, "dropout")
    with pytest.raises(Missing, match=r"run: \S*/metazoa probe dropout"):
        figures.find("8").draw([run])
    assert any(row.ours == statements.NOT_MEASURED for row in statements.rows([run]))


def command(capsys, name, *arguments):
    """Exit code, standard output and error of a command, run here."""
    try:
        code = commands.main(name, [str(argument) for argument in arguments])
    except SystemExit as stop:  # argparse: wrong usage
        code = stop.code
    return (code, *capsys.readouterr())


def test_commands(folders, tmp_path, capsys):
    figure, pca = "figure", "pca"
    code, out, _ = command(capsys, figure, "list")
    assert code == 0 and all(f"{n:>6}  " in out for n in range(2, 13))
    code, _, _ = command(capsys, figure, "6", *folders["idx"], "--output", tmp_path, "--formats", "svg")
    assert code == 0 and (tmp_path / "figure-6.svg").stat().st_size > 1000
    code, out, _ = command(
        capsys, pca, folders["idx"][0], "--scope", "layer", "--whiten", "--output", tmp_path
    )
    assert code == 0 and "layer 2" in out
    with h5py.File(tmp_path / "pca-layer.h5") as file:
        scores = file["layers/1/projection"][:].reshape(-1, 3).astype(float)
    assert np.abs(np.cov(scores.T) - np.eye(3)).max() < 1e-4  # whitened
    with style.ours():
        assert faults(scopes.draw(Run(folders["idx"][0]), tmp_path / "pca-layer.h5")) == []
    for arguments, expected, message in (
        (("13", folders["idx"][0]), 2, "there is no figure 13"),
        (("6", tmp_path / "nothing"), 2, "config.yaml"),
        (("6",), 2, "RUN"),
    ):
        code, _, error = command(capsys, figure, *arguments)
        assert code == expected and message in error
    broken = synthetic.write_run(tmp_path / "broken", kind="idx")
    (broken / "archive.h5").write_bytes(b"no archive")
    code, _, error = command(capsys, figure, "11", broken)
    assert code == 3 and error.startswith("metazoa-figure: ") and error.count("\n") == 1


@pytest.mark.parametrize("name", ["metazoa-figure", "metazoa-pca", "metazoa-report"])
def test_programs_start(name):
    done = subprocess.run([ROOT / "analysis" / name, "--help"], capture_output=True, text=True, timeout=50)
    assert done.returncode == 0 and name in done.stdout and "RUN" in done.stdout


def test_layers_that_are_not_archived_leave_their_places_empty(tmp_path):
    run = synthetic.write_run(tmp_path / "run", kind="idx")
    with h5py.File(run / "archive.h5", "r+") as file:
        file.attrs["cells"] = [36, 5, 5, 10]
        del file["layers/1"]
    first, *_, shares = figures.drawing(figures.find("11"), [Run(run)]).axes
    assert [label.get_text() for label in first.get_xticklabels()] == ["in", "1", "2", "3"]
    begins = {
        int(line[0, 0])
        for lines in first.collections
        if hasattr(lines, "get_segments")
        for line in lines.get_segments()
    }
    assert begins == {0, 2}
    assert shares.get_title(loc="right") == "230 of 255 particles archived"
