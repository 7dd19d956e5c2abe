"""The whole way on runs of the real program: train, probe, read, analyse, draw, report."""

import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from sklearn.decomposition import PCA

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "analysis"), str(ROOT / "tests")]
from metazoa import figures  # noqa: E402
from metazoa.mathematics import particle, pca  # noqa: E402
from metazoa.page import report, statements  # noqa: E402
from metazoa.reading import data  # noqa: E402
from metazoa.reading.errors import Damaged, Missing  # noqa: E402
from metazoa.reading.ensemble import open_runs  # noqa: E402
from synthetic import fix_signs  # noqa: E402

PROGRAM = (ROOT / os.environ.get("BUILD", "build") / "metazoa").resolve()


def metazoa(*arguments):
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr[-2000:]


def write_idx(folder, random):
    """Pictures of 8 x 8 with a bright half that tells the class, dark edges."""
    folder.mkdir()
    for part, n in (("train", 300), ("t10k", 100)):
        labels = random.integers(0, 10, n).astype(np.uint8)
        images = random.integers(0, 60, (n, 8, 8)).astype(np.uint8)
        images[np.arange(n), 1 + labels // 2, 2 + 3 * (labels % 2)] = 255
        images[:, [0, 7]] = images[:, :, [0, 7]] = 0
        (folder / f"{part}-images-idx3-ubyte").write_bytes(
            np.array([0x803, n, 8, 8], ">i4").tobytes() + images.tobytes()
        )
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(
            np.array([0x801, n], ">i4").tobytes() + labels.tobytes()
        )


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    base = tmp_path_factory.mktemp("real")
    write_idx(base / "data", np.random.default_rng(1))
    found = {}
    for name, configuration, settings in (
        ("addition", "addition", ["training.epochs=16", "checkpoint.every=5"]),
        (
            "idx",
            "mnist",
            [
                "training.epochs=30",
                "checkpoint.every=10",
                "training.batch=100",
                "task.size=[6, 6]",
                f"task.path={base / 'data'}",
            ],
        ),
    ):
        options = [word for setting in settings for word in ("--set", setting)]
        for seed in (1, 2):
            metazoa(
                "train",
                ROOT / f"conf/{configuration}.yaml",
                *options,
                "--set",
                f"run.seed={seed}",
                "--quiet",
                "--output",
                base / f"{name}-{seed}",
            )
        scalar = base / f"{name}-scalar"
        metazoa(
            "train",
            ROOT / f"conf/{configuration}.yaml",
            *options,
            "--set",
            "organism.edges=scalar",
            "--quiet",
            "--output",
            scalar,
        )
        for kind, more in (
            ("robustness", ["--cap", 50]),
            ("substitution", []),
            ("goal", []),
            ("settle", ["--steps", 200]),
            ("dropout", ["--baseline", scalar]),
            ("lifetime", ["--particles", 64]),
            ("basins", ["--particles", 4, "--steps", 200]),
            ("stability", ["--random", 8, "--seeds", 1]),
        ):
            metazoa("probe", kind, base / f"{name}-1", *more)
        found[name] = open_runs([base / f"{name}-1", base / f"{name}-2"])
        found[f"{name}-scalar"] = open_runs([scalar])
    return found


def test_archive_holds_what_the_program_says(runs):
    for name in ("addition", "idx"):
        for run in runs[name]:
            with run.archive() as archive:
                epochs = archive.epoch
                assert list(epochs) == list(range(run.setting("training", "epochs") + 1))
                counts = sum(
                    np.array([np.bincount(layer.types(r).ravel(), minlength=5) for r in range(len(epochs))])
                    for layer in archive.layers.values()
                )
                agree = total = 0
                for layer in archive.layers.values():
                    ours = particle.census(layer.trajectory[:], *run.particle, epsilon=run.epsilon)
                    agree += (ours == layer.type[:]).sum()
                    total += ours.size
                last = {n: layer.trajectory[-1] for n, layer in archive.layers.items()}
            assert agree / total > 0.995  # single precision may decide otherwise at the tolerance's very edge
            for code, column in enumerate(particle.CENSUS):
                assert np.array_equal(counts[:, code], run.metrics[column].iloc[-len(epochs) :]), column
            with h5py.File(run.path / f"checkpoint-{epochs[-1]}.h5") as file:
                for number, weights in last.items():
                    assert np.array_equal(file[f"layers/{number}/weights"][:], weights)


def test_effective_weights_are_the_program_s(runs):
    for name in ("addition", "idx"):
        run = runs[name][0]
        with run.archive() as archive, run.probe("substitution") as probe:
            for number, layer in archive.layers.items():
                ours, _ = run.effective_weights(layer)
                theirs = probe[f"layers/{number}/effective"][:]
                assert np.abs(ours - theirs).max() < 1e-5 * max(1, np.abs(ours).max())
                assert np.abs(theirs).max() > 0.05


def test_pca_equals_scikit_learn(runs, tmp_path):
    run = runs["idx"][0]
    pca.analyse(run.path, tmp_path / "pca.h5")
    with run.archive() as archive:
        data = [layer.trajectory[:].reshape(-1, 27) for layer in archive.layers.values()]
        chunks = archive.layers[0].chunks
    assert chunks[0] > 1 or np.prod(chunks) > 27  # the segments' chunks were found through the master file
    samples = np.concatenate(data).astype(np.float64)
    model = PCA(n_components=3, svd_solver="full").fit(samples)
    with h5py.File(tmp_path / "pca.h5") as file:
        assert np.abs(file["groups/components"][0, :3] - fix_signs(model.components_)).max() < 1e-5
        assert np.abs(file["groups/variance"][0, :3] - model.explained_variance_).max() < 1e-5
        ours = np.concatenate([file[f"layers/{n}/projection"][:].reshape(-1, 3) for n in range(len(data))])
        reference = (samples - model.mean_) @ fix_signs(model.components_).T
    assert np.abs(ours - reference).max() < 1e-5


def test_the_mean_is_of_the_run_s_own_data(runs):
    run = runs["idx"][0]
    file = data.find(run) / "t10k-images-idx3-ubyte"
    kept = file.read_bytes()
    assert data.input_mean(run, test=True).shape == (6, 6)
    try:
        file.write_bytes(kept[:1000] + bytes([kept[1000] ^ 64]) + kept[1001:])
        with pytest.raises(Missing, match="others than the run was trained on"):
            data.input_mean(run, test=True)
    finally:
        file.write_bytes(kept)


@pytest.mark.parametrize("name", ["addition", "idx"])
def test_every_figure_is_drawn(runs, name, tmp_path):
    expected = {
        "addition": {
            "2",
            "3",
            "4",
            "5",
            "8",
            "11",
            "12",
            "lifetime",
            "basins",
            "stability",
            "settle",
            "goal",
        },
        "idx": {"5", "6", "7", "8", "9", "10", "11", "12", "basins", "stability", "settle", "goal"},
    }[name]
    assert {figure.name for figure in figures.FIGURES if figures.belongs(figure, runs[name])} == expected
    for figure in figures.FIGURES:
        if figure.name in expected:
            (path,) = figures.draw(figure, runs[name][:1], tmp_path, ("png",))
            assert path.stat().st_size > 5000


def test_results_and_page(runs):
    for name in ("addition", "idx"):
        rows = {row.what: row for row in statements.rows(runs[name][:1])}
        assert all(row.ours != statements.NOT_MEASURED for row in rows.values()), rows
        score = next(
            row for what, row in rows.items() if "on test data" in what or what.startswith("Test accuracy")
        )
        last = runs[name][0].summary["test_mae" if name == "addition" else "test_accuracy"]
        assert score.ours == statements.number(last)
    page, problems = report.build(runs["addition-scalar"] + runs["idx-scalar"])
    assert not problems
    assert page.count("(conventional)") >= 2 and "Figure 6." in page and "Figure 3." in page


@pytest.mark.parametrize("name", ["trajectory", "type"])
def test_a_flipped_bit_without_a_checksum_of_hdf5_is_found(tmp_path, name):
    """Files that all ranks write have large datasets without Fletcher-32: their digests are compared."""
    run = tmp_path / "run"
    metazoa("train", ROOT / "conf/addition.yaml", "--output", run, "--quiet", "--set", "training.epochs=3",
            "--set", "io.parallel_from=0")  # fmt: skip
    with open_runs([run])[0].archive() as archive:
        assert archive.layers[1].trajectory.shape == (4, 3, 3, 27)
    segment = next((run / "archive").iterdir())
    with h5py.File(segment) as file:
        found = file[f"layers/1/{name}"]
        assert not found.fletcher32
        place = found.id.get_chunk_info(0).byte_offset
    content = bytearray(segment.read_bytes())
    content[place + 2] ^= 0x40
    segment.write_bytes(content)
    with pytest.raises(Damaged, match=f"layers/1/{name} is damaged"):
        open_runs([run])[0].archive()
