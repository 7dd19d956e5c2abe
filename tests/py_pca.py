"""Principal components by `metazoa pca`: equal to scikit-learn's on small archives, exact on known answers; the null model is a walk."""

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
from metazoa.reading.archive import Archive  # noqa: E402
from synthetic import fix_signs  # noqa: E402

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


def analyse(path, scope="organism", *options):
    """The results of the archive beside which they are written, open."""
    output = path.parent / "pca.h5"
    pca.analyse(path.parent, output, scope, *options)
    return h5py.File(output)


@pytest.mark.parametrize("origin", ["mean", "start"])
@pytest.mark.parametrize("whiten", [False, True])
@pytest.mark.parametrize(
    "chunks", [None, (7, 2, 4, 27), (4, 5, 9, 27)]
)  # one piece; cut in every direction; as ours
def test_organism_scope_equals_scikit_learn(tmp_path, whiten, chunks, origin):
    layers = ((5, 9),) if chunks else ((5, 9), (3, 5))
    path = synthetic.write_archive(tmp_path / "archive.h5", layers=layers, chunks=chunks, seed=3)
    data = trajectories(path)
    samples = np.concatenate([(x - x[:1] * (origin == "start")).reshape(-1, 27) for x in data.values()])
    first = np.concatenate([x[0].reshape(-1, 27) for x in data.values()])
    everything = np.concatenate([x.reshape(-1, 27) for x in data.values()])
    components, variance, ratio, scores = reference(samples, whiten)
    with analyse(path, "organism", "--origin", origin, *["--whiten"] * whiten) as file:
        assert np.abs(file["groups/components"][0, :3] - components).max() < TOLERANCE
        assert np.abs(file["groups/variance"][0, :3] - variance).max() < TOLERANCE
        assert np.abs(file["groups/ratio"][0, :3] - ratio).max() < TOLERANCE
        assert np.abs(file["groups/mean"][0] - samples.mean(axis=0)).max() < TOLERANCE
        share = np.var(first, axis=0, ddof=1).sum() / np.var(everything, axis=0, ddof=1).sum()
        assert abs(file["groups/initial_share"][0] - share) < TOLERANCE
        ours = np.concatenate([file[f"layers/{n}/projection"][:].reshape(-1, 3) for n in data])
    assert np.abs(ours - scores).max() < TOLERANCE
    assert np.abs(scores).max() > 0.1  # there was something to compare


@pytest.mark.parametrize("fraction", [False, True])
def test_other_scopes_equal_scikit_learn(tmp_path, fraction):
    path = synthetic.write_archive(tmp_path / "archive.h5", chunks=True, seed=4, fraction=fraction)
    data = trajectories(path)
    flat = {n: x.reshape(len(x), -1, 27) for n, x in data.items()}
    with Archive(path) as archive:
        last = {n: layer.types(-1).ravel() for n, layer in archive.layers.items()}
        cell = {n: np.ravel(layer.positions()[0]) for n, layer in archive.layers.items()}
    groups = {
        "layer": {f"layer {n}": {n: np.full(x.shape[1], True)} for n, x in flat.items()},
        "type": {
            name: {n: last[n] == code for n in flat} for code, name in ((2, "self_replicator"), (4, "other"))
        },
        "cell": {f"layer {n} cell {c}": {n: cell[n] == c} for n in flat for c in range(2)},
    }
    for scope, named in groups.items():
        with analyse(path, scope) as file:
            names = pca.group_names(file)
            scores = {n: file[f"layers/{n}/projection"][:].reshape(len(x), -1, 3) for n, x in flat.items()}
            for name, members in named.items():
                samples = np.concatenate(
                    [flat[n][:, inside].reshape(-1, 27) for n, inside in members.items()]
                )
                components, variance, _, expected = reference(samples)
                k = names.index(name)
                assert file["groups/count"][k] == len(samples)
                assert np.abs(file["groups/components"][k, :3] - components).max() < TOLERANCE
                assert np.abs(file["groups/variance"][k, :3] - variance).max() < TOLERANCE
                ours = np.concatenate([scores[n][:, inside].reshape(-1, 3) for n, inside in members.items()])
                assert np.abs(ours - expected).max() < TOLERANCE
            if scope == "type":  # no divergent particle
                assert file["groups/count"][0] == 0 and np.isnan(file["groups/variance"][0]).all()


def test_particle_scope_equals_scikit_learn(tmp_path):
    path = synthetic.write_archive(tmp_path / "archive.h5", layers=((3, 4), (2, 3)), records=40, seed=5)
    with h5py.File(path, "r+") as file:
        x = file["layers/0/trajectory"]
        x[:, 0, 1] = x[0, 0, 1] + (x[:, 0, 1] - x[0, 0, 1]) * 1e-4  # one that hardly moves
    with analyse(path, "particle") as file:
        for number, x in trajectories(path).items():
            for cell in range(x.shape[1]):
                for edge in range(x.shape[2]):
                    components, variance, ratio, scores = reference(x[:, cell, edge])
                    group = file[f"layers/{number}"]
                    assert np.abs(group["components"][:, cell, edge] - components).max() < 10 * TOLERANCE
                    assert np.abs(group["variance"][cell, edge] / variance - 1).max() < TOLERANCE
                    assert np.abs(group["ratio"][cell, edge] - ratio).max() < TOLERANCE
                    assert np.abs(group["projection"][:, cell, edge] - scores).max() < TOLERANCE


def test_a_window_is_an_archive_of_its_own(tmp_path):
    path = synthetic.write_archive(tmp_path / "archive.h5", seed=6)
    with analyse(path, "layer", "--epochs", "5:12", "--origin", "start") as file:
        window = {name: file[f"groups/{name}"][:] for name in ("ratio", "mean", "count", "walk_ratio")}
        assert list(file["epoch"][:]) == list(range(5, 13))
    with h5py.File(path, "r+") as file:
        for name, data in {n: file[n][5:13] for n in ("epoch", *_data(file))}.items():
            del file[name]
            file[name] = data
    with analyse(path, "layer", "--origin", "start") as file:
        assert all(np.array_equal(file[f"groups/{name}"][:], values) for name, values in window.items())


def _data(file):
    return [f"layers/{n}/{name}" for n in file["layers"] for name in ("trajectory", "type")]


def test_divergent_records_are_left_out_and_counted(tmp_path):
    path = synthetic.write_archive(tmp_path / "archive.h5", layers=((2, 3),), seed=8)
    with h5py.File(path, "r+") as file:
        file["layers/0/trajectory"][12:, 1, 2, 4] = np.nan
    x = trajectories(path)[0].reshape(-1, 27)
    components, variance, _, scores = reference(x[np.isfinite(x).all(axis=1)])
    for scope in ("organism", "particle"):
        with analyse(path, scope) as file:
            assert file.attrs["excluded"] == 8
            projection = file["layers/0/projection"][:]
            assert np.isnan(projection[12:, 1, 2]).all() and np.isnan(projection).sum() == 8 * 3
            if scope == "organism":
                assert np.abs(file["groups/variance"][0, :3] - variance).max() < TOLERANCE


def test_walks_keep_starts_and_step_sizes(tmp_path):
    """With all components kept, scores have the distances of the positions that they stand for."""
    path = synthetic.write_archive(tmp_path / "archive.h5", layers=((4, 8),), records=30, seed=9)
    x = trajectories(path)[0].reshape(30, -1, 27).astype(float)
    with analyse(path, "organism", "--components", 27) as file:
        walkers, walk = file["layers/0/walker"][:], file["layers/0/walk"][:].astype(float)
        ratios = file["groups/walk_ratio"][:, 0]
    assert list(walkers) == list(range(32))
    steps, expected = (np.linalg.norm(np.diff(y, axis=0), axis=2) for y in (walk, x))
    assert np.abs(steps - expected).max() < TOLERANCE
    between, expected = (np.linalg.norm(y[0][:, None] - y[0], axis=2) for y in (walk, x))
    assert np.abs(between - expected).max() < TOLERANCE
    assert len(np.unique(ratios[:, 0])) == 3  # three walks, each with its own numbers
    with analyse(path, "organism", "--walkers", 5) as file:
        assert file["layers/0/walk"].shape == (30, 5, 3) and file.attrs["walkers"] == 5
        few = file["groups/walk_ratio"][:]
    with analyse(path, "organism", "--walkers", 5, "--seed", 1) as file:
        assert not np.allclose(few, file["groups/walk_ratio"][:])


def test_walks_in_many_dimensions_have_the_known_spectrum(tmp_path):
    """Antognini and Sohl-Dickstein: component k of a long walk in many dimensions explains 6 / (pi k)^2."""
    n_weights, records = 600, 300
    straight = np.zeros((records, 1, 1, n_weights), dtype=np.float32)
    straight[:, 0, 0, 0] = np.arange(records)  # a straight line: one component explains everything
    with h5py.File(tmp_path / "archive.h5", "w") as file:
        file["epoch"] = np.arange(records)
        file["layers/0/trajectory"] = straight
        file["layers/0/type"] = np.full((records, 1, 1), 4, np.uint8)
    with analyse(tmp_path / "archive.h5", "organism", "--walks", 8) as file:
        assert file["groups/ratio"][0, 0] > 0.999
        walk_ratio = file["groups/walk_ratio"][:, 0].mean(axis=0)
    # A sample's shares scatter by about sqrt(2 / n_weights), 6 %, and finite length adds 1 / records.
    assert np.abs(walk_ratio[:3] / (6 / (np.pi * np.arange(1, 4)) ** 2) - 1).max() < 0.12


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
        with analyse(tmp_path / "archive.h5", "organism", "--walks", 5) as file:
            shares[name] = file["groups/ratio"][0, 0], file["groups/walk_ratio"][:, 0, 0]
    assert shares["directed"][0] > 3 * shares["directed"][1].max()
    assert 0.6 < shares["walk"][0] / shares["walk"][1].mean() < 1.6
