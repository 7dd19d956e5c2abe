"""PCA: equal to scikit-learn's on small archives, exact on known answers, bounded in memory; the null model is a walk."""

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from sklearn.decomposition import PCA

ANALYSIS = Path(__file__).resolve().parent.parent / "analysis"
sys.path[:0] = [str(ANALYSIS), str(Path(__file__).resolve().parent)]
import synthetic  # noqa: E402
from metazoa.mathematics import pca  # noqa: E402
from metazoa.mathematics.moments import Moments, fix_signs  # noqa: E402
from metazoa.mathematics.null import Walks, expected_ratio  # noqa: E402
from metazoa.reading.archive import Archive  # noqa: E402

TOLERANCE = 1e-5  # asked for; float32 scores carry about 1e-7 of their size


def reference(samples, whiten=False):
    """scikit-learn's components, variances, ratios and scores of samples [n, weights], signs as ours."""
    model = PCA(n_components=3, whiten=whiten, svd_solver="full").fit(samples.astype(np.float64))
    components = fix_signs(model.components_)
    sign = (components * model.components_).sum(axis=1)
    return (
        components,
        model.explained_variance_,
        model.explained_variance_ratio_,
        model.transform(samples) * sign,
    )


def trajectories(path):
    with h5py.File(path) as file:
        return {int(name): group["trajectory"][:] for name, group in file["layers"].items()}


@pytest.mark.parametrize("whiten", [False, True])
@pytest.mark.parametrize("memory", [512 << 20, 40_000])  # one slab; many, cut in every direction
def test_organism_scope_equals_scikit_learn(tmp_path, whiten, memory):
    path = synthetic.write_archive(tmp_path / "archive.h5", chunks=None, seed=3)
    with Archive(path) as archive:
        pca.analyse(archive, tmp_path / "pca.h5", "organism", whiten=whiten, memory=memory)
    data = trajectories(path)
    samples = np.concatenate([x.reshape(-1, x.shape[-1]) for x in data.values()])
    components, variance, ratio, scores = reference(samples, whiten)
    with h5py.File(tmp_path / "pca.h5") as file:
        assert np.abs(file["groups/components"][0, :3] - components).max() < TOLERANCE
        assert np.abs(file["groups/variance"][0, :3] - variance).max() < TOLERANCE
        assert np.abs(file["groups/ratio"][0, :3] - ratio).max() < TOLERANCE
        ours = np.concatenate([file[f"layers/{n}/projection"][:].reshape(-1, 3) for n in data])
    assert np.abs(ours - scores).max() < TOLERANCE
    assert np.abs(scores).max() > 0.1  # there was something to compare


@pytest.mark.parametrize("fraction", [False, True])
def test_layer_and_type_scopes_equal_scikit_learn(tmp_path, fraction):
    path = synthetic.write_archive(tmp_path / "archive.h5", chunks=True, seed=4, fraction=fraction)
    data = trajectories(path)
    with Archive(path) as archive:
        last = {n: layer.types(-1).ravel() for n, layer in archive.layers.items()}
        pca.analyse(archive, tmp_path / "layer.h5", "layer", memory=60_000)
        pca.analyse(archive, tmp_path / "type.h5", "type", memory=60_000)
    with h5py.File(tmp_path / "layer.h5") as file:
        for number, x in data.items():
            components, _, _, scores = reference(x.reshape(-1, x.shape[-1]))
            assert np.abs(file["groups/components"][number, :3] - components).max() < TOLERANCE
            assert np.abs(file[f"layers/{number}/projection"][:].reshape(-1, 3) - scores).max() < TOLERANCE
    flat = {n: x.reshape(len(x), -1, x.shape[-1]) for n, x in data.items()}
    with h5py.File(tmp_path / "type.h5") as file:
        for code in (2, 4):
            samples = np.concatenate([flat[n][:, last[n] == code].reshape(-1, 27) for n in data])
            components, variance, _, scores = reference(samples)
            assert np.abs(file["groups/components"][code, :3] - components).max() < TOLERANCE
            ours = [
                file[f"layers/{n}/projection"][:]
                .reshape(len(flat[n]), -1, 3)[:, last[n] == code]
                .reshape(-1, 3)
                for n in data
            ]
            assert np.abs(np.concatenate(ours) - scores).max() < TOLERANCE
        assert (
            file["groups/count"][0] == 0 and np.isnan(file["groups/variance"][0]).all()
        )  # no divergent particle


@pytest.mark.parametrize("memory", [512 << 20, 100_000])
def test_particle_scope_equals_scikit_learn(tmp_path, memory):
    path = synthetic.write_archive(tmp_path / "archive.h5", layers=((3, 4), (2, 3)), records=40, seed=5)
    with Archive(path) as archive:
        pca.analyse(archive, tmp_path / "pca.h5", "particle", memory=memory)
    with h5py.File(tmp_path / "pca.h5") as file:
        for number, x in trajectories(path).items():
            for cell in range(x.shape[1]):
                for edge in range(x.shape[2]):
                    components, variance, ratio, scores = reference(x[:, cell, edge])
                    group = file[f"layers/{number}"]
                    assert np.abs(group["components"][cell, edge] - components).max() < TOLERANCE
                    assert np.abs(group["variance"][cell, edge] - variance).max() < TOLERANCE
                    assert np.abs(group["ratio"][cell, edge] - ratio).max() < TOLERANCE
                    assert np.abs(group["projection"][:, cell, edge] - scores).max() < TOLERANCE


def test_result_does_not_depend_on_the_slabs(tmp_path):
    path = synthetic.write_archive(tmp_path / "archive.h5", chunks=(7, 2, 4, 27), seed=6)
    ratios = []
    for memory in (512 << 20, 300_000, 30_000, 1):
        with Archive(path) as archive:
            pca.analyse(archive, tmp_path / "pca.h5", memory=memory, walks=0)
        with h5py.File(tmp_path / "pca.h5") as file:
            ratios.append(file["groups/ratio"][0])
    for other in ratios[1:]:
        assert np.abs(other - ratios[0]).max() < 1e-12


def test_covariance_far_from_the_origin_loses_nothing():
    random = np.random.default_rng(7)
    samples = random.normal(0, 1e-3, (400, 6, 5)) + 1e4  # a mean ten million times the spread
    moments = Moments(1, 5)
    for part in np.array_split(samples, 13):
        moments.add(part, np.zeros(6, dtype=int))
    flat = samples.reshape(-1, 5)
    exact = np.cov((flat - 1e4).T)
    assert np.abs(moments.scatter[0] / (len(flat) - 1) - exact).max() < 1e-4 * np.abs(exact).max()


def test_divergent_records_are_left_out_and_counted(tmp_path):
    path = synthetic.write_archive(tmp_path / "archive.h5", layers=((2, 3),), seed=8)
    with h5py.File(path, "r+") as file:
        file["layers/0/trajectory"][12:, 1, 2, 4] = np.nan
    x = trajectories(path)[0].reshape(-1, 27)
    components, variance, _, scores = reference(x[np.isfinite(x).all(axis=1)])
    for scope in ("organism", "particle"):
        with Archive(path) as archive:
            pca.analyse(archive, tmp_path / "pca.h5", scope)
        with h5py.File(tmp_path / "pca.h5") as file:
            assert file.attrs["excluded"] == 8
            projection = file["layers/0/projection"][:]
            assert np.isnan(projection[12:, 1, 2]).all() and np.isnan(projection).sum() == 8 * 3
            if scope == "organism":
                assert np.abs(file["groups/variance"][0, :3] - variance).max() < TOLERANCE


def test_walks_keep_starts_and_step_sizes_across_slabs():
    random = np.random.default_rng(9)
    x = random.normal(size=(30, 4, 27)).cumsum(axis=0)
    walker = Walks(1, 2, 3)
    walk = np.concatenate([walker.beside(part) for part in np.split(x, [1, 5, 6, 17])])
    assert np.array_equal(walk[0], x[0])
    assert np.allclose(
        np.linalg.norm(np.diff(walk, axis=0), axis=2), np.linalg.norm(np.diff(x, axis=0), axis=2)
    )
    assert np.array_equal(walk, Walks(1, 2, 3).beside(x))  # the same numbers however it is cut
    assert not np.allclose(walk, Walks(1, 2, 4).beside(x))


def test_walks_in_many_dimensions_have_the_known_spectrum():
    """Antognini and Sohl-Dickstein: component k of a long walk in many dimensions explains 6 / (pi k)^2."""
    n_weights, records = 1500, 300
    straight = np.zeros((records, 1, n_weights), dtype=np.float32)
    straight[:, 0, 0] = np.arange(records)  # a straight line: one component explains everything
    moments, walks = Moments(1, n_weights), Moments(1, n_weights)
    moments.add(straight, np.zeros(1, dtype=int))
    walks.add(Walks(11).beside(straight), np.zeros(1, dtype=int))
    ratio = moments.bases()[0][0] / moments.bases()[0][0].sum()
    walk_ratio = walks.bases()[0][0] / walks.bases()[0][0].sum()
    assert ratio[0] > 0.999
    # The sample's shares scatter by about sqrt(2 / n_weights), 4 %, and finite length adds 1 / records.
    assert np.abs(walk_ratio[:3] / expected_ratio([1, 2, 3]) - 1).max() < 0.12


def test_null_model_tells_training_from_walking(tmp_path):
    """A directed archive stands out from its walks; an archive of walks does not."""
    random = np.random.default_rng(12)
    walk = random.normal(0, 0.01, (60, 4, 5, 27)).cumsum(axis=0)
    directed = (
        random.normal(0, 0.01, (60, 4, 5, 27)) + np.linspace(0, 2, 60)[:, None, None, None] * np.eye(27)[0]
    )
    shares = {}
    for name, data in (("walk", walk), ("directed", directed)):
        with h5py.File(tmp_path / "archive.h5", "w") as file:
            file["epoch"] = np.arange(60)
            file["layers/0/trajectory"] = data.astype(np.float32)
            file["layers/0/type"] = np.full(data.shape[:3], 4, np.uint8)
        with Archive(tmp_path / "archive.h5") as archive:
            pca.analyse(archive, tmp_path / "pca.h5", walks=5)
        with h5py.File(tmp_path / "pca.h5") as file:
            shares[name] = file["groups/ratio"][0, 0], file["groups/walk_ratio"][:, 0, 0]
    assert shares["directed"][0] > 3 * shares["directed"][1].max()
    assert 0.6 < shares["walk"][0] / shares["walk"][1].mean() < 1.6


def test_memory_is_bounded(tmp_path):
    """300 MB of trajectories with a budget of 48 MiB: the process stays under 160 MiB, libraries and all."""
    path = synthetic.write_large_archive(tmp_path / "archive.h5", 300)
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from metazoa.mathematics import pca; from metazoa.reading.archive import Archive\n"
        "with Archive(sys.argv[2]) as archive: pca.analyse(archive, sys.argv[3], memory=48 << 20, walks=1)\n"
        "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, ANALYSIS, path, tmp_path / "pca.h5"],
        check=True,
        capture_output=True,
        text=True,
        timeout=400,
    )
    peak = int(done.stdout) / 1024
    print(f"peak {peak:.0f} MiB")
    assert path.stat().st_size > 280e6
    assert peak < 160
    with h5py.File(tmp_path / "pca.h5") as file:
        ratio = file["groups/ratio"][0]
        assert abs(ratio.sum() - 1) < 1e-9
        assert np.isfinite(file["layers/0/projection"][::10, ::20]).all()
