"""docs/reproduction.md: its tables, its claims on runs with known answers, and the double-precision twin of experiment 1."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import synthetic
from metazoa.mathematics import particle
from metazoa.paper import claims, double, pages, pixels, training, trajectories
from metazoa.paper.sources import Source
from metazoa.reading.ensemble import open_runs

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of make paper, of which only the two experiments and one variant were run (synthetic)."""
    base = tmp_path_factory.mktemp("paper")
    for seed in (1, 2):
        synthetic.write_run(base / f"addition/seed-{seed}", seed, "addition")
        synthetic.write_run(base / f"mnist/seed-{seed}", seed, "idx")
        shutil.copytree(base / f"mnist/seed-{seed}", base / f"mnist-steps-25/seed-{seed}")
    return base


def test_the_pages_tables_are_those_there_are(tmp_path, folder, command):
    for page, tables in ("reproduction", pages.TABLES), ("training", training.TABLES):
        named = re.findall(r"^<!-- table (\S+) -->$", (ROOT / f"docs/{page}.md").read_text(), re.M)
        assert sorted(named) == sorted(tables) and len(set(named)) == len(named)
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- table controls -->\nold\n<!-- end -->\nafter\n")
    pages.fill(page, {"controls": ["| new |"]})
    assert page.read_text() == "before\n<!-- table controls -->\n| new |\n<!-- end -->\nafter\n"
    page.write_text("<!-- table nothing -->\n<!-- end -->\n")
    with pytest.raises(Exception, match="no table nothing"):
        pages.fill(page, {"controls": []})
    code, _, error = command("paper", "claims", tmp_path / "absent")
    assert code == 2 and error.count("\n") == 1 and "make paper makes it" in error


def replicators(folder, name, seed, count):
    """Sets the last census of a run."""
    file = folder / name / f"seed-{seed}" / "metrics.csv"
    lines = file.read_text().splitlines()
    words = lines[-1].split(",")
    words[7] = str(count)
    file.write_text("\n".join([*lines[:-1], ",".join(words)]) + "\n")


def test_claims_are_decided_by_the_runs(folder, tmp_path):
    base = tmp_path / "paper"
    shutil.copytree(folder, base)
    n = {name: open_runs([base / name])[0].summary["particles"] for name in ("addition", "mnist")}
    for seed in (1, 2):
        replicators(base, "addition", seed, n["addition"])
        replicators(base, "mnist", seed, n["mnist"] // 4)
    assert claims.decide(Source(base), claims.CLAIMS["C1"])[1] is True
    assert claims.decide(Source(base), claims.CLAIMS["C9"])[1] is True
    replicators(base, "addition", 2, n["addition"] - 1)
    for seed in (1, 2):
        replicators(base, "mnist", seed, n["mnist"] // 2)
    assert claims.decide(Source(base), claims.CLAIMS["C1"])[1] is False
    assert claims.decide(Source(base), claims.CLAIMS["C9"])[1] is False
    assert claims.decide(Source(base), claims.CLAIMS["C7"])[1] is True  # 0.86 at the end
    for name, claim in claims.CLAIMS.items():  # nothing was run
        assert claims.decide(Source(base / "absent"), claim)[1] is None, name
        assert claims.decide(Source(runs={}), claim)[1] is None, name
    assert all(row.endswith("| not run |") for row in pages.TABLES["review"](Source(base / "absent"))[2:])
    assert claims._above([2, 2, 2], 1) is True and claims._above([0, 0, 0], 1) is False
    assert claims._above([0, 2, 2], 1) == claims._most([True, False]) == claims.OPEN
    assert claims._both(True, claims.OPEN) == claims.OPEN and claims._both(claims.OPEN, False) is False
    shown = "\n".join(pages.TABLES["controls"](Source(base)))
    assert "`self_train_steps: 25` | 2 |" in shown and "Fashion" not in shown


def test_training_is_compared_seed_by_seed(tmp_path, command):
    """Pairs of equal seeds count, whatever other seeds a configuration has; a table that lacks runs says so or is empty."""
    for name, seeds in ("train-sgd", (1, 2, 3)), ("train-adam", (2, 3)):
        for seed in seeds:
            synthetic.write_run(tmp_path / name / f"seed-{seed}", seed, "idx")
    for seed in 2, 3:
        replicators(tmp_path, "train-adam", seed, 0)
    n = open_runs([tmp_path / "train-sgd/seed-1"])[0].summary["particles"]
    for way, seeds in ("activity", (1, 2)), ("random", (2,)):
        for seed in seeds:
            synthetic.prune(synthetic.write_run(tmp_path / f"curve-organism-{way}/seed-{seed}", seed, "idx"))
    file = tmp_path / "curve-organism-random/seed-2/metrics.csv"
    rows = [line.split(",") for line in file.read_text().splitlines()]
    rows[-2][4] = rows[-1][4] = "0.5"  # the last test accuracy
    file.write_text("\n".join(map(",".join, rows)) + "\n")
    assert (training.paired({1: 5, 2: 7, 4: 0}, {2: 4, 3: 9, 4: 1}) == [3, -1]).all()
    code, text, _ = command("paper", "training", tmp_path)
    assert code == 0
    assert (
        f"self-replicators of {n} |" in text
        and "| Adam | 2 |" in text
        and "| Adam | +0.000; above in 0 of 2 |" in text
    )
    assert "| organism, `random` | +0.000 (0 of 1) | +0.3" in text
    assert "| `rewind: init` minus `none` | not run | not run |" in text


def test_one_axis_is_found_where_there_is_one():
    random = np.random.default_rng(1)
    time = np.linspace(0, 1, 50)[:, None, None]
    own = time * random.standard_normal((1, 30, 27))  # each along a direction of its own
    same = time * random.standard_normal(27) * random.uniform(1, 2, (1, 30, 1))
    assert trajectories._axis(own)[0] < 0.3 and trajectories._axis(own)[1] > 0.999
    assert trajectories._axis(same)[0] > 0.999
    walks = trajectories._walks(own, random)
    assert np.allclose(
        np.linalg.norm(np.diff(walks, axis=0), axis=-1), np.linalg.norm(np.diff(own, axis=0), axis=-1)
    )
    assert trajectories._axis(walks)[1] < 0.9


# ---- the twin ----


def loss(weights, frozen):
    """Self-training's loss by its definition: inputs and targets are constants."""
    a = particle.response(weights, 3, 3)
    out = a[..., :1] * frozen + a[..., 1:4] @ particle.positions(3, 3)
    return ((out - frozen) ** 2).mean(axis=-1)


def test_the_twin_s_steps_are_gradients():
    random = np.random.default_rng(3)
    start = random.uniform(-0.7, 0.7, (4, 27))
    state = double.State(start, 3, 0.01, 0.9)
    state.self_train(1)
    for i in range(27):
        up, down = start.copy(), start.copy()
        up[:, i] += 1e-6
        down[:, i] -= 1e-6
        slope = (loss(up, start) - loss(down, start)) / 2e-6
        assert np.allclose((start[:, i] - state.weights[i]) / 0.01, slope, atol=1e-8)
    shape, x = [(3, 2), (3, 3), (1, 3)], random.standard_normal((2, 50, 2))
    effective = random.standard_normal(36)

    def error(values):
        out = double._outputs(double._layers(values, shape, 2), x)[-1][..., 0]
        return ((out - x.sum(axis=2)) ** 2).mean(axis=1).sum()

    found = double._task_gradient(effective, shape, x)
    for i in range(36):
        step = np.eye(36)[i] * 1e-6
        assert abs((error(effective + step) - error(effective - step)) / 2e-6 - found[i]) < 1e-6 * (
            1 + abs(found[i])
        )


def test_the_twin_goes_the_program_s_way(tmp_path):
    metazoa = ROOT / os.environ.get("BUILD", "build") / "metazoa"
    words = [metazoa, "train", "conf/addition.yaml", "--quiet", "--output", tmp_path / "run"]
    words += ["--set", 'training.phases=[{"self": 1}]', "--set", "training.epochs=1"]
    subprocess.run(list(map(str, words)), cwd=ROOT, check=True, capture_output=True)
    runs = open_runs([tmp_path / "run"])
    starts, _ = double._starts(runs)
    state = double.State(starts, 3, 0.004, 0.9)
    state.self_train(20 * 25)
    with runs[0].archive() as archive:
        ends = np.concatenate([layer.read(slice(1, 2), ())[0] for layer in archive.layers.values()])
    assert np.abs(starts - ends).max() > 0.1 and np.abs(state.weights.T - ends).max() < 1e-4


# ---- data ----


def test_pixels_are_turned_and_filled():
    x = np.random.default_rng(4).uniform(0, 1, (20, 225)) * (np.arange(225) > 100)
    change = pixels.changes()
    filled, turned = change["background"](x), change["rotated"](x)
    assert (
        (filled >= x).all() and (filled[:, :100] == filled[0, :100]).all() and 0 < filled[0, :100].min() < 0.5
    )
    assert np.allclose(turned @ turned.T, x @ x.T) and (turned.std(axis=0) > 0).all()
