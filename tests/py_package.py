"""The package: what analysis/README.md shows works as written; pip installs it; ensembles; provenance of old and new files."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "analysis"), str(ROOT / "tests")]
import metazoa  # noqa: E402
import synthetic  # noqa: E402

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
    words = [place / "bin/pip", "install", "-q", "--no-index", "--no-build-isolation", "--no-deps", source]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    run = synthetic.write_run(tmp_path / "run", kind="addition")
    code = f"import metazoa; print(metazoa.__file__, len(metazoa.open({str(run)!r}).metrics))"
    done = subprocess.run(
        [place / "bin/python", "-c", code], cwd=tmp_path / "run", capture_output=True, text=True
    )
    assert done.stdout.startswith(str(place)) and done.stdout.endswith(" 20\n"), done.stderr
    for name in ("figure", "pca", "report", "table"):
        done = subprocess.run([place / f"bin/metazoa-{name}", "--help"], capture_output=True, text=True)
        assert done.returncode == 0 and f"metazoa-{name}" in done.stdout
    done = subprocess.run(
        [place / "bin/metazoa-report", run, "--quiet", "--output", tmp_path / "page.html"],
        capture_output=True,
    )
    assert done.returncode == 0 and b"trajectoryView" in (tmp_path / "page.html").read_bytes()


def test_an_ensemble_is_one_object(tmp_path):
    for seed in (1, 2, 10):
        synthetic.write_run(tmp_path / f"seed-{seed}", seed, "addition")
    runs = metazoa.open(tmp_path)
    assert [run.seed for run in runs] == [1, 2, 10]
    assert len(runs.metrics) == 60 and np.array_equal(
        runs.metrics.loc[2]["task_loss"], runs[1].metrics["task_loss"]
    )
    assert runs.census.loc[10].equals(runs[2].census)


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
    groups = metazoa.reading.run.experiments(metazoa.open(tmp_path))
    assert [[run.seed for run in group] for group in groups] == [[1, 2], [3]]
    assert groups[0][0].image == (1, 4, 9) and groups[0][0].classification
    assert "data: a and b" in metazoa.reading.run.differing(groups[0][0], groups[1][0])
