"""The package: what analysis/README.md shows works as written; pip installs it; ensembles; provenance of old and new files."""

import fcntl
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "analysis"), str(ROOT / "tests")]
import metazoa  # noqa: E402
import synthetic  # noqa: E402
from metazoa import Damaged, Missing, Run, commands  # noqa: E402
from metazoa.commands import COMMANDS  # noqa: E402
from metazoa.mathematics import particle  # noqa: E402
from metazoa.reading import data  # noqa: E402

README = (ROOT / "analysis/README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a run in runs/mnist and the analysis beside it, as in the repository."""
    base = tmp_path_factory.mktemp("readme")
    synthetic.write_run(base / "runs/mnist")
    (base / "analysis").symlink_to(ROOT / "analysis")
    return base


def blocks(language):
    found = re.findall(rf"```{language}\n(.*?)```", README, re.S)
    assert found
    return found


def test_the_readme_s_python_runs(folder):
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "analysis")}
    for block in blocks("python"):
        code = block + "\nassert weights.shape == (5, 36, 27) and accurate > 1 and types.shape == (5, 36)"
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0 and "self_replicator" in done.stdout, done.stderr


def test_the_readme_s_commands_run(folder):
    environment = {**os.environ, "METAZOA_PYTHON": sys.executable}
    script = "set -e\n" + "\n".join(blocks("sh"))
    done = subprocess.run(["sh", "-c", script], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for file in ("runs/mnist/figures/figure-6.pdf", "runs/mnist/pca-layer.h5", "report.html"):
        assert (folder / file).stat().st_size > 1000


def test_every_figure_is_in_the_readme():
    from metazoa import figures

    table = re.findall(r"^\| (\w+) \| [^|]* \| `([^`]*)`", README, re.M)
    assert [(name, reads) for name, reads in table if name in {f.name for f in figures.FIGURES}] == [
        (figure.name, figure.reads) for figure in figures.FIGURES
    ]


def test_pip_installs_package_and_commands(tmp_path):
    """In a fresh virtual environment that sees the machine's packages."""
    source = shutil.copytree(
        ROOT / "analysis",
        tmp_path / "analysis",
        ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"),
    )
    place = tmp_path / "environment"
    if subprocess.run(
        [sys.executable, "-m", "venv", "--system-site-packages", place], capture_output=True
    ).returncode:
        pytest.skip("no venv here (python3-venv)")
    words = [place / "bin/pip", "install", "-q", "--no-index", "--no-build-isolation", source]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    run = synthetic.write_run(tmp_path / "run", kind="addition")
    code = f"import metazoa; print(metazoa.__file__, len(metazoa.open({str(run)!r}).metrics))"
    done = subprocess.run(
        [place / "bin/python", "-c", code], cwd=tmp_path / "run", capture_output=True, text=True
    )
    assert done.stdout.startswith(str(place)) and done.stdout.endswith(" 20\n"), done.stderr
    for name in COMMANDS:
        done = subprocess.run([place / f"bin/metazoa-{name}", "--help"], capture_output=True, text=True)
        assert done.returncode == 0 and f"metazoa-{name}" in done.stdout
    done = subprocess.run(
        [place / "bin/metazoa-report", run, "--quiet", "--output", tmp_path / "page.html"],
        capture_output=True,
    )
    assert done.returncode == 0 and b"trajectoryView" in (tmp_path / "page.html").read_bytes()


def test_every_command_has_its_program_and_entry_point():
    scripts = re.findall(
        r'^metazoa-(\w+) = "metazoa.commands:entry"', (ROOT / "analysis/pyproject.toml").read_text(), re.M
    )
    assert sorted(scripts) == sorted(COMMANDS)
    assert sorted(path.name for path in (ROOT / "analysis").glob("metazoa-*")) == [
        f"metazoa-{name}" for name in sorted(COMMANDS)
    ]


def test_everything_that_a_run_offers_is_described():
    for name, member in [*vars(metazoa.Run).items(), *vars(metazoa.Ensemble).items()]:
        if not name.startswith("_"):
            assert len((member.__doc__ or "").split()) > 3, name


def test_a_run_answers(tmp_path):
    run = metazoa.open(synthetic.write_run(tmp_path / "run", seed=4))
    assert (run.seed, run.epochs, run.state, run.resumed, run.fingerprint) == (
        4,
        20,
        "finished",
        0,
        "0123456789abcdef",
    )
    assert run.finished and run.score == run.metrics["test_accuracy"].dropna().iloc[-1]
    assert run.replicators == run.census["self_replicator"].iloc[-1] / (5 * 36 + 5 * 5 + 10 * 5)
    assert run.config["training"]["batch"] == 50
    assert run.probes == sorted(run.probes) and {"dropout", "goal", "settle"} <= set(run.probes)
    assert run.probe_summary("goal") == {"kind": "goal"}
    assert list(run.trajectory[1].epoch) == list(range(21))
    table = run.particles
    assert len(table) == 5 * 36 + 5 * 5 + 10 * 5 and set(table["layer"]) == {0, 1, 2}
    row = table.query("layer == 1 and cell == 3 and edge == 2").iloc[0]
    path = run.trajectory[1][:, 3, 2].astype(float)
    assert np.isclose(row["distance"], np.linalg.norm(path[-1] - path[0]))
    assert np.isclose(row["effective"], particle.effective(path[-1], 3, 3))
    assert (table["type"] == "self_replicator").sum() >= 85  # every third was made one


def test_the_particles_of_an_archive_of_a_part(tmp_path):
    folder = synthetic.write_run(tmp_path / "run")
    synthetic.write_archive(folder / "archive.h5", ((5, 36), (5, 5), (10, 5)), records=21, fraction=True)
    run = metazoa.open(folder)
    row = run.particles.iloc[7]
    with run.archive() as archive:
        cell, edge = archive.layers[0].positions()
        assert (row["cell"], row["edge"]) == (cell[7], edge[7]) and edge[7] != 7


def test_states_of_a_run(tmp_path):
    """A lock is held by a job; a summary of an earlier epoch is of an earlier start."""
    folder = synthetic.write_run(tmp_path / "run", kind="addition")
    summary = json.loads((folder / "summary.json").read_text())
    state = lambda: (metazoa.open(folder).state, metazoa.open(folder).stopped_by)  # noqa: E731
    assert state() == ("finished", "")
    with open(folder / ".lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert state() == ("running", "")
        (folder / "archive.h5").rename(folder / "away")
        (folder / "archive").mkdir()
        with pytest.raises(metazoa.Missing, match="its first record is still to come"):
            metazoa.open(folder).archive()
    with pytest.raises(metazoa.Missing, match="its segments are there"):
        metazoa.open(folder).archive()
    (folder / "away").rename(folder / "archive.h5")
    assert state() == ("finished", "")
    (folder / "summary.json").write_text(json.dumps({**summary, "finished": False, "stopped_by": "SIGTERM"}))
    assert state() == ("stopped", "SIGTERM")
    (folder / "summary.json").write_text(json.dumps({**summary, "epochs": 7, "stopped_by": "SIGTERM"}))
    assert state() == ("stopped", "")
    (folder / "metrics.csv").unlink()
    assert state() == ("not begun", "") and metazoa.open(folder).epochs == 0


def test_an_ensemble_is_one_object(tmp_path):
    """It has every attribute of a run: tables one below the other, everything else as a series."""
    for seed in (1, 2, 10):
        synthetic.write_run(tmp_path / f"seed-{seed}", seed, "addition")
    runs = metazoa.open(tmp_path)
    assert [run.seed for run in runs] == runs.labels == [1, 2, 10] and "3 runs" in repr(runs)
    assert len(runs.metrics) == 60 and np.array_equal(
        runs.metrics.loc[2]["task_loss"], runs[1].metrics["task_loss"]
    )
    assert runs.census.loc[10].equals(runs[2].census)
    assert runs.particles.loc[2].equals(runs[1].particles)
    assert runs.score.dtype == float and runs.score.loc[10] == runs[2].score
    assert runs.trajectory[2][0][-1].shape == (3, 2, 27) and runs.config[1] == runs[0].config
    assert list(runs.probe_summary("goal")["kind"]) == ["goal"] * 3
    assert runs.probe("goal")[10].attrs["seed"] == 10
    for name in dir(runs[0]):
        if name[0] != "_" and not callable(getattr(runs[0], name)):
            assert name in dir(runs) and len(getattr(runs, name)) >= 3, name
    with pytest.raises(AttributeError):
        runs.nothing


def test_a_list_of_runs_is_an_ensemble(tmp_path):
    """Runs of one seed are told apart by their folders."""
    folders = [synthetic.write_run(tmp_path / name, kind="addition") for name in ("one", "two")]
    runs = metazoa.open(folders)
    assert runs.labels == ["one", "two"] and runs.metrics.loc["two"].shape[0] == 20
    assert len(metazoa.open([folders[0]])) == 1 and isinstance(metazoa.open(folders[0]), metazoa.Run)


def test_starts_of_old_and_new_files(tmp_path):
    run = synthetic.write_run(tmp_path / "run", kind="addition")
    nested = {"host": "c", "before": {"host": "b", "before": {"host": "a", "before": None}}}
    flat = {"host": "c", "starts": [{"host": "a"}, {"host": "b"}]}
    for content, hosts in ((nested, "abc"), (flat, "abc"), ({"host": "a", "before": None}, "a"), ({}, "")):
        (run / "run.json").write_text(json.dumps(content))
        assert [start["host"] for start in metazoa.open(run).starts] == list(hosts)


def test_the_old_name_is_an_alias(tmp_path):
    run = synthetic.write_run(tmp_path / "run", kind="addition")
    code = "from metazoa_analysis import data; from metazoa_analysis.run import Run; import sys; print(data.input_mean, Run(sys.argv[1]))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "analysis")}
    done = subprocess.run([sys.executable, "-c", code, run], capture_output=True, text=True, env=environment)
    assert done.returncode == 0 and str(run) in done.stdout, done.stderr


def test_paper_s_values_stand_beside_the_paper_s_data_alone(tmp_path):
    from metazoa.page.table import lines

    run = synthetic.write_run(tmp_path / "run")
    paper = lines([metazoa.open(run)])
    assert any("paper" in line for line in paper) and max(map(len, paper)) <= 80
    labels = np.random.default_rng(1).integers(0, 10, 600, dtype=np.uint8)  # other data under the same name
    (tmp_path / "absent/mnist").mkdir(parents=True)
    (tmp_path / "absent/mnist/train-labels-idx1-ubyte").write_bytes(bytes(8) + labels.tobytes())
    own = lines([metazoa.open(run)])
    assert not any("paper" in line or "DIFFERS" in line or "25 %" in line for line in own)
    assert any("Self-replicators among the particles" in line for line in own)


def test_experiments_of_one_name_are_told_apart_by_their_folders(tmp_path):
    from metazoa.page.table import lines

    runs = [synthetic.write_run(tmp_path / f"seed-{seed}", seed) for seed in (1, 2, 3)]
    (runs[2] / "config.yaml").write_text(
        (runs[2] / "config.yaml").read_text().replace("batch: 50", "batch: 40")
    )
    titles = [
        line for line in lines([metazoa.open(run) for run in runs], width=400) if line.endswith(" here")
    ]
    assert [f"({runs[0]} and others)" in titles[0], f"({runs[2]})" in titles[1]] == [True, True], titles
    assert "(" not in lines([metazoa.open(run) for run in runs[:2]], width=400)[0]
    (runs[1] / "summary.json").unlink()  # a run that goes on, or has failed
    assert "2 seeds (1 not finished)" in lines([metazoa.open(run) for run in runs[:2]], width=400)[0]


def test_runs_on_other_data_are_another_experiment(tmp_path):
    """run.json has a digest of the data: it decides, and not the path."""
    runs = [synthetic.write_run(tmp_path / f"seed-{seed}", seed) for seed in (1, 2, 3)]
    for run, digest in zip(runs, "aab"):
        (run / "run.json").write_text(
            json.dumps({"data": {"digest": digest, "classification": True, "inputs_shape": [1, 4, 9]}})
        )
        (run / "config.yaml").write_text(
            (run / "config.yaml").read_text().replace("absent", f"elsewhere-{run.name}")
        )
    groups = metazoa.reading.ensemble.experiments(metazoa.open(tmp_path))
    assert [[run.seed for run in group] for group in groups] == [[1, 2], [3]]
    assert groups[0][0].image == (1, 4, 9) and groups[0][0].classification
    assert "data: a and b" in metazoa.reading.ensemble.differing(groups[0][0], groups[1][0])


@pytest.mark.parametrize("kind", ["cifar10", "hdf5", "some_kind_to_come"])
def test_a_task_of_any_kind_has_its_figures(tmp_path, kind):
    """Classes or numbers decide, which metrics.csv tells; no list of kinds does."""
    from metazoa import figures

    for first, number in (("idx", "6"), ("addition", "3")):
        run = synthetic.write_run(tmp_path / f"{kind}-{first}", kind=first)
        text = (run / "config.yaml").read_text()
        (run / "config.yaml").write_text(text.replace(f"kind: {first}", f"kind: {kind}"))
        runs = metazoa.open([run])
        drawn = [figure.name for figure in figures.FIGURES if figures.belongs(figure, runs)]
        assert number in drawn and {"5", "8", "11", "12", "settle", "goal"} <= set(drawn)
        assert (
            figures.draw(figures.find(number), runs, tmp_path / "figures", ("png",))[0].stat().st_size > 1000
        )


def configuration(folder, task):
    """A run whose configuration has that task; the run."""
    run = synthetic.write_run(folder / "run")
    text = (run / "config.yaml").read_text()
    begin, end = text.index("task:"), text.index("organism:")
    (run / "config.yaml").write_text(f"{text[:begin]}task: {task}\n{text[end:]}")
    return Run(run)


def test_the_mean_is_of_the_samples_that_were_used(tmp_path):
    x = np.random.default_rng(1).normal(size=(50, 6)).astype(np.float32)
    with h5py.File(tmp_path / "d.h5", "w") as file:
        file["x"], file["test/x"] = x, 2 * x
        for name in ("x", "test/x"):
            file[name].attrs.update(scale_factor=0.5, add_offset=3.0)
    run = configuration(tmp_path, f"{{kind: hdf5, path: {tmp_path}/d.h5, samples: 10, test_samples: 7}}")
    assert np.allclose(data.input_mean(run), x[:10].mean(axis=0) / 2 + 3)
    assert np.allclose(data.input_mean(run, test=True), x[:7].mean(axis=0) + 3)
    run = configuration(
        tmp_path / "scaled", f"{{kind: hdf5, path: {tmp_path}/d.h5, samples: 10, scaling: range}}"
    )
    used = x[:10] / 2 + 3
    lo, hi = used.min(axis=0), used.max(axis=0)
    assert np.allclose(data.input_mean(run, test=True), (x.mean(axis=0) + 3 - lo) / (hi - lo), atol=1e-5)
    bytes_ = np.arange(300, dtype=np.uint8).reshape(50, 6)
    with h5py.File(tmp_path / "d.h5", "w") as file:
        file["x"] = bytes_.view(np.int8)
        file["x"].attrs.update(scale_factor=0.5, _Unsigned="true")
    run = configuration(tmp_path / "unsigned", f"{{kind: hdf5, path: {tmp_path}/d.h5}}")
    assert np.allclose(data.input_mean(run), bytes_.mean(axis=0) / 2)
    half = np.full((50, 6), 60000, np.float16)
    with h5py.File(tmp_path / "d.h5", "w") as file:
        file["x"] = half
        file["x"].attrs["scale_factor"] = 1.5  # beyond what half precision holds
    assert np.allclose(data.input_mean(run), 1.5 * float(half[0, 0]))
    layout = h5py.VirtualLayout((50, 6), np.float32)
    layout[:] = h5py.VirtualSource("absent.h5", "x", (50, 6))
    with h5py.File(tmp_path / "d.h5", "w") as file:
        file.create_virtual_dataset("x", layout)
    with pytest.raises(Damaged, match="absent.h5"):
        data.input_mean(run)


def test_data_that_the_program_has_read_are_not_damaged(tmp_path, monkeypatch):
    x = np.random.default_rng(1).normal(size=(50, 6)).astype(np.float32)
    layout = h5py.VirtualLayout((50, 6), np.float32)
    for k in range(2):
        with h5py.File(tmp_path / f"{k}.h5", "w") as file:
            file["x"] = x[:, 3 * k : 3 * k + 3]
        layout[:, 3 * k : 3 * k + 3] = h5py.VirtualSource(f"{k}.h5", "x", (50, 3))
    x.tofile(tmp_path / "raw")
    with h5py.File(tmp_path / "d.h5", "w") as file:
        file.create_virtual_dataset("x", layout)
        file.create_dataset("test/x", x.shape, x.dtype, external=[(f"{tmp_path}/raw", 0, x.nbytes)])
    with h5py.File(tmp_path / "part.h5", "w") as file:
        file.create_dataset("x", x.shape, x.dtype, chunks=(10, 6))[:20] = x[:20]
    run = configuration(tmp_path, f"{{kind: hdf5, path: {tmp_path}/d.h5}}")
    part = configuration(tmp_path / "part", f"{{kind: hdf5, path: {tmp_path}/part.h5, samples: 20}}")
    for of, test in (run, False), (run, True), (part, False):
        with pytest.raises(Missing):
            data.input_mean(of, test)
    monkeypatch.setattr(data, "_check", lambda *_: True)
    for of, test in (run, False), (run, True), (part, False):
        assert np.allclose(data.input_mean(of, test), x[: 20 if of is part else 50].mean(axis=0))


def test_the_date_of_figures_is_a_date(monkeypatch, capsys):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "x")
    assert commands.main("figure", ["list"]) == 2
    assert "SOURCE_DATE_EPOCH is 'x'" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["nan", "inf", "-1", "0", "1e999", "", " 3", "3x", "0x10", "1_0", "\u0663"])
def test_seconds_are_a_number(text, capsys):
    for words in ("watch", "--every"), ("report", "--watch"):
        with pytest.raises(SystemExit) as ended:
            commands.main(words[0], ["run", f"{words[1]}={text}"])
        assert ended.value.code == 2
        assert f'"{text}" is not a number of seconds' in capsys.readouterr().err


def test_pictures_of_three_colours(tmp_path):
    random = np.random.default_rng(3)
    parts = {
        name: random.integers(0, 256, (5, 3073)).astype(np.uint8)
        for name in [f"data_batch_{k}" for k in range(1, 6)] + ["test_batch"]
    }
    for name, part in parts.items():
        (tmp_path / f"{name}.bin").write_bytes(part.tobytes())
    run = configuration(
        tmp_path, f"{{kind: cifar10, path: {tmp_path}, size: [8, 8], colour: true, samples: 7}}"
    )
    pixels = (
        np.concatenate([parts["data_batch_1"], parts["data_batch_2"]])[:7, 1:]
        .reshape(7, 3, 32, 32)
        .mean(axis=0)
        / 255
    )
    grey = 0.299 * pixels[0] + 0.587 * pixels[1] + 0.114 * pixels[2]
    assert np.allclose(data.input_mean(run), data.resize(grey, 8, 8))
    (tmp_path / "data_batch_1.bin").write_bytes(gzip.compress(parts["data_batch_1"].tobytes()))
    assert np.allclose(data.input_mean(run), data.resize(grey, 8, 8))
    counts = np.arange(3 * 64)
    assert run.image == (3, 8, 8) and run.classification
    assert np.array_equal(data.picture(counts, run), counts.reshape(3, 8, 8).sum(axis=0))
