"""analysis/notebooks: every cell runs, in order, on runs that the program has just made; what they find is right."""

import ast
import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "analysis"))
NOTEBOOKS = sorted((ROOT / "analysis/notebooks").glob("*.ipynb"))
METAZOA = os.path.abspath(
    os.environ.get("METAZOA") or os.path.join(os.environ.get("BUILD", "build"), "metazoa")
)


def write_images(folder):
    """MNIST's files, with three classes that can be told apart."""
    random = np.random.default_rng(7)
    folder.mkdir()
    for kind, n in (("train", 300), ("t10k", 90)):
        labels = random.integers(0, 3, n).astype(np.uint8)
        pixels = random.integers(40, 100, (n, 6, 6))
        for k, label in enumerate(labels):
            pixels[k, 2 * label : 2 * label + 2] += 120
        images = pixels.astype(np.uint8).tobytes()
        (folder / f"{kind}-images-idx3-ubyte").write_bytes(struct.pack(">4i", 2051, n, 6, 6) + images)
        (folder / f"{kind}-labels-idx1-ubyte").write_bytes(struct.pack(">2i", 2049, n) + labels.tobytes())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where runs/mnist and runs/mnist-10 are: short ones."""
    base = tmp_path_factory.mktemp("notebooks")
    write_images(base / "images")
    options = {
        "task.path": "images",
        "task.size": "original",
        "training.epochs": 40,
        "training.batch": 20,
        "training.self_train_steps": 20,
    }
    words = [METAZOA, "train", ROOT / "conf/mnist.yaml", "--quiet"]
    words += [word for key, value in options.items() for word in ("--set", f"{key}={value}")]
    subprocess.run([*words, "--output", "runs/mnist"], cwd=base, check=True)
    subprocess.run([*words, "--output", "runs/mnist-10", "--set", "run.ensemble=3"], cwd=base, check=True)
    subprocess.run(
        [METAZOA, "probe", "dropout", "runs/mnist"], cwd=base, check=True, stdout=subprocess.DEVNULL
    )
    return base


def execute(path, names):
    """The cells' code, in order; the value of a last expression is shown, as a notebook would."""
    for number, cell in enumerate(json.loads(path.read_text(encoding="utf-8"))["cells"]):
        if cell["cell_type"] != "code":
            continue
        tree = ast.parse("".join(cell["source"]), f"{path.name}, cell {number}")
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, f"{path.name}, cell {number}", "exec"), names)
        if last:
            value = eval(compile(ast.Expression(last.value), f"{path.name}, cell {number}", "eval"), names)
            assert repr(value), number
    return names


def test_there_are_two():
    assert [path.stem for path in NOTEBOOKS] == ["ensemble", "first-look"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_outputs(path):
    """In the format 4.5, which asks for a name for each cell."""
    found = json.loads(path.read_text(encoding="utf-8"))
    assert (found["nbformat"], found["nbformat_minor"]) == (4, 5) and path.stat().st_size < 20_000
    names = [cell["id"] for cell in found["cells"]]
    assert len(set(names)) == len(names)
    for cell in found["cells"]:
        assert cell["cell_type"] in ("markdown", "code") and isinstance(cell["source"], list)
        assert not cell.get("outputs") and cell.get("execution_count") is None


def test_a_first_look(folder, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    found = execute(ROOT / "analysis/notebooks/first-look.ipynb", {})
    table = found["run"].metrics
    assert table.loc[table["epoch"] < found["passed"], "test_accuracy"].max() <= 0.8 < found["run"].score
    assert found["from_start"].shape == (41,) and np.isclose(
        found["from_start"][-1], found["farthest"]["distance"], rtol=1e-5
    )
    assert list(found["by_layer"].index) == [0, 1, 2] and found["probe"]["baseline"] == pytest.approx(
        found["run"].score
    )


def test_a_question_to_an_ensemble(folder, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    found = execute(ROOT / "analysis/notebooks/ensemble.ipynb", {})
    assert found["share"].shape == (3, 3) and found["most"].sum() == 3
    shares = (found["share"] * found["particles"].groupby(["seed", "layer"]).size().unstack()).sum(axis=1)
    counted = found["runs"].census["self_replicator"].groupby("seed").last()
    assert np.allclose(shares, counted)
    assert len(found["distance"]) > 0 and (found["less"]["count"] <= 3).all()
