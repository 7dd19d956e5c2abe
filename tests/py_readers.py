"""Readers: configuration, metrics, archive slabs; the particles' algebra against golden data; statistics."""

import gzip
import json
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "analysis"), str(ROOT / "tests")]
import synthetic  # noqa: E402
from metazoa import Damaged, Missing, Run, figures  # noqa: E402
from metazoa.mathematics import particle, statistics  # noqa: E402
from metazoa.page import report, statements  # noqa: E402
from metazoa.reading import config, data  # noqa: E402
from metazoa.reading.archive import Archive, archived_part  # noqa: E402
from metazoa.reading.ensemble import experiments, open_runs  # noqa: E402


def test_configuration_in_both_styles():
    text = """
# a comment
run: {name: "two words: # here", seed: 7, output: runs/mnist}
task:
  kind: idx
  size: [15, 15]   # picture
  noise: 1.0e-4
  shuffle: true
  path: 'it''s'
organism:
  hidden:
  - 5
  - 6
  residual: false
archive: {layers: [], nested: {a: [1, 2], b: x}}
empty:
"""
    got = config.parse(text)
    assert got == {
        "run": {"name": "two words: # here", "seed": 7, "output": "runs/mnist"},
        "task": {"kind": "idx", "size": [15, 15], "noise": 1e-4, "shuffle": True, "path": "it's"},
        "organism": {"hidden": [5, 6], "residual": False},
        "archive": {"layers": [], "nested": {"a": [1, 2], "b": "x"}},
        "empty": None,
    }
    assert isinstance(got["run"]["seed"], int) and isinstance(got["task"]["noise"], float)


@pytest.mark.parametrize(
    "text", ["a: [1, 2", "a: 1\n   b: 2", "just words", "a: 1", "a: !!python/object:os.system {}"]
)
def test_configuration_that_is_not_understood_is_refused(text):
    with pytest.raises(ValueError, match="line|section|words"):
        config.parse(text)


def test_configurations_of_the_program_are_read():
    files = sorted((ROOT / "conf").glob("*.yaml"))
    assert files
    for file in files:
        got = config.parse(file.read_text())
        assert got["organism"] and all(isinstance(section, dict) for section in got.values()), file


def literal(weights, inputs, width, layers, bias=False):
    """The particle as a network, multiplied out weight by weight."""
    values, at = inputs, 0
    for cells, edges in particle.shapes(width, layers, bias):
        values = [*values, 1] if bias else values
        values = [sum(weights[at + c * edges + e] * values[e] for e in range(edges)) for c in range(cells)]
        at += cells * edges
    return values[0]


@pytest.mark.parametrize(
    "width,layers,bias",
    [(3, 3, False), (2, 2, False), (5, 4, False), (1, 2, False), (3, 3, True), (6, 2, True)],
)
def test_algebra_is_the_network_itself(width, layers, bias):
    random = np.random.default_rng(1)
    n = particle.n_weights(width, layers, bias)
    weights = random.uniform(-1, 1, (4, n))
    at = particle.positions(width, layers, bias)
    for w in weights:
        constant = literal(w, [0] * 5, width, layers, bias)
        weight = literal(w, [0, 0, 0, 0, 1], width, layers, bias) - constant
        assert abs(weight - particle.effective(w, width, layers, bias)) < 1e-14
        outputs = [literal(w, [w[i], *at[:, i], 0], width, layers, bias) for i in range(n)]
        assert np.abs(particle.apply_self(w, width, layers, bias) - outputs).max() < 1e-14


def test_algebra_agrees_with_golden_data():
    with h5py.File(ROOT / "tests/golden/organism_gelu_classify.h5") as file:
        names = []
        file.visit(names.append)
        weights = next(file[name] for name in names if name.endswith("0/weights"))[:]
    assert weights.shape[-1] == 27
    a = particle.response(weights, 3, 3)
    w1, w2, w3 = weights[..., :15], weights[..., 15:24], weights[..., 24:]
    product = np.einsum(
        "...a,...ab,...bc->...c",
        w3.astype(float),
        w2.reshape(w2.shape[:-1] + (3, 3)),
        w1.reshape(w1.shape[:-1] + (3, 5)),
    )
    assert np.abs(a - product).max() < 1e-14


def test_census_of_known_particles():
    fixpoint = np.zeros(27)
    fixpoint[[0, 15, 24]] = 1  # a = (1, 0, 0, 0, 0): every weight maps to itself
    negated = fixpoint.copy()
    negated[24] = -1  # a0 = -1: two applications are the identity
    nan = fixpoint.copy()
    nan[5] = np.nan
    rows = np.array([nan, np.full(27, 1e-6), fixpoint, negated, np.full(27, 0.5)])
    assert list(particle.census(rows, 3, 3)) == [0, 1, 2, 3, 4]
    assert list(particle.census(np.array([[np.inf], [0], [0.3]]), 3, 0)) == [0, 1, 4]


@pytest.mark.parametrize("chunks", [True, None, (7, 2, 3, 27)])
@pytest.mark.parametrize("budget", [1, 5_000, 40_000, 1 << 30])
def test_slabs_cover_the_archive_once(tmp_path, chunks, budget):
    path = synthetic.write_archive(tmp_path / "archive.h5", chunks=chunks)
    with Archive(path) as archive:
        for layer in archive.layers.values():
            seen = np.zeros(layer.trajectory.shape[:-1], dtype=int)
            for part, records in layer.particle_slabs(budget):
                assert [r.start for r in records] == [0] + [r.stop for r in records[:-1]]
                for record in records:
                    seen[(record,) + part] += 1
                    slab = layer.read(record, part)
                    assert slab.nbytes <= max(budget, 4 * 27)
            assert (seen == 1).all()


def test_a_virtual_archive_of_segments_reads_like_a_plain_one(tmp_path):
    plain = synthetic.write_archive(tmp_path / "plain.h5", layers=((3, 4),), records=10, chunks=(5, 3, 2, 27))
    with h5py.File(plain) as file:
        data_, types, epochs = file["layers/0/trajectory"][:], file["layers/0/type"][:], file["epoch"][:]
    (tmp_path / "archive").mkdir()
    layouts = {
        "trajectory": h5py.VirtualLayout(data_.shape, np.float32),
        "type": h5py.VirtualLayout(types.shape, np.uint8),
    }
    for begin in (0, 5):
        with h5py.File(tmp_path / f"archive/segment-{begin}.h5", "w") as file:
            for name, values in (("trajectory", data_), ("type", types)):
                part = values[begin : begin + 5]
                file.create_dataset(name, data=part, chunks=(5, 3, 2, 27)[: part.ndim])
                layouts[name][begin : begin + 5] = h5py.VirtualSource(
                    f"archive/segment-{begin}.h5", name, part.shape
                )
    with h5py.File(tmp_path / "archive.h5", "w") as file:
        file["epoch"] = epochs
        for name, layout in layouts.items():
            file.create_virtual_dataset(f"layers/0/{name}", layout)
    with Archive(tmp_path / "archive.h5") as archive:
        layer = archive.layers[0]
        assert layer.chunks == (5, 3, 2, 27)
        assert np.array_equal(layer.trajectory[7], data_[7]) and np.array_equal(layer.types(-1), types[-1])


def test_types_without_a_census_are_found_now(tmp_path):
    path = synthetic.write_archive(tmp_path / "archive.h5", layers=((2, 3),))
    with h5py.File(path, "r+") as file:
        file["layers/0/trajectory"][-1, 0, 0] = 0
        file["layers/0/type"][-1] = 255
    with Archive(path) as archive:
        types = archive.layers[0].types(-1)
    assert types[0, 0] == particle.ZERO and (types.ravel()[1:] == particle.OTHER).all()


def test_runs_group_into_experiments(tmp_path):
    for kind in ("idx", "addition"):
        for seed in (1, 2):
            synthetic.write_run(tmp_path / kind / f"seed-{seed}", seed, kind)
    runs = open_runs([tmp_path / "idx", tmp_path / "addition/seed-2", tmp_path / "addition/seed-1"])
    groups = experiments(runs)
    assert [[run.seed for run in group] for group in groups] == [[1, 2], [2, 1]]
    assert groups[0][0].measure == "accuracy" and groups[1][0].measure == "mae"
    assert groups[0][0].particle == (3, 3) and len(groups[0][0].metrics["epoch"]) == 20
    epochs, values = statistics.over_seeds(groups[0], "test_accuracy")
    assert list(epochs) == list(range(2, 21, 2)) and values.shape == (2, 10)  # measured every second epoch
    with pytest.raises(Missing, match="config.yaml"):
        open_runs([tmp_path / "nothing"])
    with pytest.raises(Missing, match="probe-nonsense"):
        Run(tmp_path / "idx/seed-1").probe("nonsense")


def test_intervals():
    median, low, high = statistics.interval([[1.0], [2.0], [3.0]])
    assert median[0] == 2 and low[0] == 1 and high[0] == 3  # of three seeds any may be the median
    median, low, high = statistics.interval([[1.0, np.nan]])
    assert median[0] == low[0] == high[0] == 1 and np.isnan(median[1]) and np.isnan(low[1])
    values = np.random.default_rng(5).normal(size=(30, 4))
    values[7, 2] = np.inf  # left out
    for scale in (
        lambda x: x,
        np.exp,
    ):  # the interval of a function that grows is the function of the interval, up to the ends'
        median, low, high = statistics.interval(scale(values))  # interpolation
        assert (low <= median).all() and (median <= high).all() and (low > scale(values).min(axis=0)).all()
        assert np.isfinite(high).all()
    # A normal median's interval has a half width of 1.96 * 1.253 / sqrt(n).
    median, low, high = statistics.interval(np.random.default_rng(6).normal(size=(400, 50)))
    assert abs((high - low).mean() / (2 * 1.96 * 1.253 / 20) - 1) < 0.15
    assert abs(((low < 0) & (0 < high)).mean() - 0.95) < 0.1
    assert statistics.number(1.26e-7) == "1.3\u00a0×\u00a010⁻⁷" and statistics.number(0.8644) == "0.864"
    assert statistics.text([0.5, 0.5]) == "0.5" and statistics.text([]) == "–"
    assert statistics.text([1, 2, 3]) == "2 (1 to 3)"


def changed(run, column, rows):
    """Cells of a run's metrics.csv replaced; rows: by number, from the end where it is negative."""
    lines = [line.split(",") for line in (run / "metrics.csv").read_text().splitlines()]
    for row, value in rows.items():
        lines[row if row < 0 else row + 1][lines[0].index(column)] = value
    (run / "metrics.csv").write_text("".join(",".join(line) + "\n" for line in lines))
    return Run(run)


def test_a_result_that_is_no_number_is_not_passed_over(tmp_path):
    run = synthetic.write_run(tmp_path / "seed-1", kind="addition")
    assert Run(run).score == Run(run).metrics["test_mae"].dropna().iloc[-1]
    run = changed(run, "test_mae", {-1: "nan"})
    assert np.isnan(run.score) and len(run.looks("test_mae")) == 10 and len(run.looks("test_accuracy")) == 0
    assert statements.last_look(run)[1] == 20 and statements.rows([run])[0].ours == "no number"
    other = Run(synthetic.write_run(tmp_path / "seed-2", 2, "addition"))
    row = statements.rows([run, other])[0]
    assert row.ours.endswith("(1 of 2 seeds)") and "at epoch 20" in row.what
    epochs, values = statistics.over_seeds([run, other], "test_mae")  # the epoch stays, the seed is NaN there
    assert epochs[-1] == 20 and np.isnan(values[0, -1]) and values[1, -1] == other.score
    assert "test error" in report._tiles([run])


def test_curves_have_the_epochs_that_all_runs_measured(tmp_path):
    runs = [synthetic.write_run(tmp_path / f"seed-{seed}", seed, "idx", 9) for seed in (1, 2)]
    types = ("divergent", "zero", "self_replicator", "secondary", "other")
    for name in types:  # the last epoch was counted in the first run alone, which ended there
        changed(runs[1], name, {-1: ""})
    runs = open_runs(runs)
    axes = figures.drawing(figures.find("9"), runs).axes[0]
    assert [line.get_label() for line in axes.lines] == ["self-replicator", "other"]
    for line in axes.lines:
        name = line.get_label().replace("-", "_")
        shares = [run.census[name] / run.census.sum(axis=1) for run in runs]
        assert line.get_xdata().tolist() == list(range(1, 9))
        assert np.allclose(line.get_ydata(), 100 * np.median([share[:8] for share in shares], axis=0))


def test_what_stopped_early_and_settled_is_told_apart(tmp_path):
    """Training of 20 epochs ended after 8; the ninth row is the settled organism, of which all particles replicate."""
    folder = synthetic.write_run(tmp_path / "run", kind="idx", epochs=9)
    run = changed(folder, "test_accuracy", {7: "0.5", 8: "0.25"})
    text = (folder / "config.yaml").read_text().replace("epochs: 9", "epochs: 20, patience: 3")
    (folder / "config.yaml").write_text(text)
    summary = run.summary
    summary.update(epochs=9, census_before_settling=summary["census"], test_accuracy_before_settling=0.5)
    (folder / "summary.json").write_text(json.dumps(summary))
    with h5py.File(folder / "archive.h5", "r+") as file:
        for layer in file["layers"].values():
            before = layer["type"][8]
            before.flat[::4] = 2
            layer["type"][8], layer["type"][9] = before, 2
        types = [file[f"layers/{n}/type"][8] for n in range(3)]
    rows = {row.what: row.ours for row in statements.rows([Run(folder)])}
    assert Run(folder).trained == 8 and rows["Test accuracy at epoch 8"] == "0.5"
    assert rows["Test accuracy after the settling phase"] == "0.25"
    share = (types[0] == 2).sum() / sum((part == 2).sum() for part in types)
    assert rows["Self-replicators that sit in the first layer"] == f"{100 * share:.3g}\u00a0%"


def test_an_archive_that_ends_before_the_run_says_nothing_of_its_end(tmp_path):
    """As of a run that stopped between two records."""
    folder = synthetic.write_run(tmp_path / "run", kind="idx", epochs=9)
    what = "Self-replicators that sit in the first layer"
    assert {row.what: row.ours for row in statements.rows([Run(folder)])}[what].endswith("%")
    (folder / "config.yaml").write_text(
        (folder / "config.yaml").read_text().replace("epochs: 9", "epochs: 20")
    )
    *_, last = (folder / "metrics.csv").read_text().splitlines()
    with open(folder / "metrics.csv", "a") as metrics:
        metrics.write(last.replace("9,", "10,", 1) + "\n")
    run = Run(folder)
    assert run.epochs == run.trained == 10
    assert {row.what: row.ours for row in statements.rows([run])}[what] == statements.NOT_MEASURED
    assert archived_part([run]) == "records to epoch 9 of 10"
    assert "records to epoch 9 of 10" in report._layers(run)
    with run.archive() as archive:
        archive.epoch = archive.epoch[3:]
        assert archive.part == "records from epoch 3 on, records to epoch 9 of 10"


def test_shares_are_of_the_particles_that_live(tmp_path):
    run = Run(synthetic.prune(synthetic.write_run(tmp_path / "run", kind="idx")))
    living = run.census.iloc[-1].drop("pruned")
    assert run.census["pruned"].iloc[-1] == 9 and run.replicators == living["self_replicator"] / living.sum()


def test_shares_are_never_rounded_to_all_or_nothing():
    assert [statistics.percentage(share) for share in (0, 0.3111, 0.9996, 0.99999, 1)] == ["0", "31.1", "99.96", "99.999", "100"]  # fmt: skip
    found = [statistics.percent(share) for share in (0, 0.0001, 0.3111, 0.9996, 0.99999, 1)]
    assert found == ["0.0 %", "0.01 %", "31.1 %", "99.96 %", "99.999 %", "100.0 %"]
    assert statistics.percent(0.9996, 0) == "99.96 %" and statistics.percent(0.996, 0) == "99.6 %"
    assert [statistics.number(value) for value in (0.9996, 1.0004, -0.9996)] == ["0.9996", "1", "−0.9996"]


def test_runs_that_were_probed_otherwise_are_not_mixed(tmp_path):
    runs = open_runs([synthetic.write_run(tmp_path / f"seed-{seed}", seed, "addition") for seed in (1, 2)])
    for name in ("goal", "lifetime", "robustness", "basins"):
        figures.drawing(figures.find("4" if name == "robustness" else name), runs)
    with h5py.File(runs[1].path / "probe-goal.h5", "r+") as file:
        file["epsilon"][:] = 10.0 ** -np.arange(1, 10)
    for number, (kind, option) in enumerate(
        (("lifetime", "step_cap"), ("basins", "steps"), ("robustness", "distribution"))
    ):
        for run, value in zip(runs, "ab"):
            (run.path / f"probe-{kind}.json").write_text(json.dumps({"kind": kind, option: value}))
    for name in ("goal", "lifetime", "4", "basins"):
        with pytest.raises(Missing, match="probed with"):
            figures.drawing(figures.find(name), runs)
    with h5py.File(runs[1].path / "probe-settle.h5", "r+") as file:
        file.attrs["changed"], file["steps"][-1] = "a.b=9", 3000
    assert [run.probe_remark("settle") for run in runs] == ["", "with a.b=9"]
    (runs[1].path / "probe-settle.json").write_text('{"kind": "settle", "changed": "a.b=9"}')
    with pytest.raises(Missing, match="probed with changed a.b=9"):
        figures.drawing(figures.find("settle"), runs)
    assert not any("2\u00a0000 steps" in row.what for row in statements.rows(runs))


def test_the_mean_of_packed_inputs_has_their_sign(tmp_path):
    bytes_ = np.arange(200, 230, dtype=np.uint8).reshape(10, 3)
    run = synthetic.write_run(tmp_path / "run", kind="addition")
    text = (run / "config.yaml").read_text().replace("kind: addition", f"kind: hdf5\n  path: {tmp_path}/d.h5")
    (run / "config.yaml").write_text(text)
    with h5py.File(tmp_path / "d.h5", "w") as file:
        file["x"] = bytes_.view(np.int8)
        file["x"].attrs.update(_Unsigned="true", scale_factor=0.5)
    assert np.allclose(data.input_mean(Run(run)), bytes_.mean(axis=0) / 2)


def test_mean_of_the_data(tmp_path):
    random = np.random.default_rng(2)
    images = random.integers(0, 256, (50, 8, 8), dtype=np.uint8)
    header = np.array([0x803, 50, 8, 8], dtype=">i4").tobytes()
    run = Run(synthetic.write_run(tmp_path / "run", kind="idx"))
    folder = tmp_path / "absent/mnist"  # the name in the synthetic configuration, found beside the run
    folder.mkdir(parents=True)
    (folder / "train-images.idx3-ubyte").write_bytes(header + images.tobytes())
    (folder / "train-images-idx3-ubyte").write_bytes(b"")  # hides nothing
    mean = data.input_mean(run)
    one_by_one = np.mean([data.resize(image / 255, 6, 6) for image in images], axis=0)
    assert mean.shape == (6, 6) and np.abs(mean - one_by_one).max() < 1e-12
    (folder / "train-images-idx3-ubyte").write_bytes(b"<html>404</html>")  # nor does this
    (folder / "train-images.idx3-ubyte").write_bytes(gzip.compress(header + images.tobytes()))
    assert np.array_equal(data.input_mean(run), mean)
    (folder / "train-images.idx3-ubyte").rename(folder / "train-images.idx3-ubyte.gz")
    (folder / "train-images.idx3-ubyte.gz").write_bytes(header + images.tobytes())
    assert np.array_equal(data.input_mean(run), mean)
    assert np.abs(data.resize(np.arange(4.0)[None], 1, 2) - [0.5, 2.5]).max() < 1e-12  # half-pixel centres
    (folder / "train-images-idx3-ubyte").write_bytes(header + images.tobytes()[:100])
    with pytest.raises(Damaged, match="ends early"):
        data.input_mean(run)


def test_a_seed_counts_once(tmp_path):
    for name in ("seed-1", "seed-2"):
        synthetic.write_run(tmp_path / name, seed=1)
    with pytest.raises(Missing, match="the same run, of seed 1"):
        experiments(open_runs([tmp_path]))


def test_a_line_of_another_probe_is_not_shown(tmp_path):
    run = synthetic.write_run(tmp_path / "run", kind="addition")
    with h5py.File(run / "probe-goal.h5", "r+") as file:
        file.attrs["fingerprint"] = np.uint64(int(Run(run).metrics["fingerprint"].iloc[-1], 16))
        file.attrs["epoch"] = epoch = int(Run(run).metrics["epoch"].iloc[-1])
    for line in (
        f'"epoch": {epoch + 1}',
        f'"epoch": {epoch}, "fingerprint": "00000000deadbeef"',
        '"seed": 77',
    ):
        (run / "probe-goal.json").write_text(f'{{"kind": "goal", {line}}}')
        with pytest.raises(Damaged, match="does not belong to probe-goal.h5"):
            Run(run).probe_summary("goal")


def test_a_row_made_of_an_old_probe_says_so(tmp_path):
    run = synthetic.write_run(tmp_path / "run", kind="addition", epochs=20)
    found = {row.what: row.ours for row in statements.rows([Run(run)])}
    assert "probed" not in found["Output difference after substitution"]
    with h5py.File(run / "probe-substitution.h5", "r+") as file:
        file.attrs["epoch"] = 12
    found = {row.what: row.ours for row in statements.rows([Run(run)])}
    assert found["Output difference after substitution"].endswith("(probed at epoch 12, not at its last)")
