"""Nothing wrong is shown as right: what HDF5 fills in, results of another state, the user's surroundings, bad input."""

import os
import resource
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
from metazoa.mathematics import pca  # noqa: E402
from metazoa.reading import data  # noqa: E402
from metazoa.reading.archive import Archive  # noqa: E402

RECORDS = 20


@pytest.fixture
def segmented(tmp_path):
    """A run with an archive of four segments: the run's folder, and what the archive holds."""
    run = synthetic.write_run(tmp_path / "run")
    with h5py.File(run / "archive.h5") as file:
        held = {
            int(n): (file[f"layers/{n}/trajectory"][:], file[f"layers/{n}/type"][:]) for n in file["layers"]
        }
    synthetic.split_archive(run / "archive.h5", 6)
    return run, held


def started(name, *arguments, **environment):
    """A command, started as users start it: exit code, standard output and error."""
    environment = {**os.environ, "METAZOA_PYTHON": sys.executable, **environment}
    words = [ROOT / "analysis" / f"metazoa-{name}", *map(str, arguments)]
    done = subprocess.run(words, capture_output=True, env=environment, timeout=300)
    return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")


@pytest.fixture
def command(capsys):
    """The same, run in this process: faster."""

    def run(name, *arguments):
        code = commands.main(name, [str(argument) for argument in arguments])
        return (code, *capsys.readouterr())

    return run


def test_segments_read_like_one_file(segmented):
    run, held = segmented
    with Run(run).archive() as archive:
        for number, (weights, types) in held.items():
            x = archive.layers[number].trajectory
            for key in (
                (),
                slice(3, 15),
                slice(None, None, 5),
                -1,
                (7, 2),
                (slice(5, 7), slice(1, 3), 4),
                [1, 6, 19],
                slice(4, 4),
            ):
                assert np.array_equal(x[key], weights[key]), key
            assert np.array_equal(archive.layers[number].types(-1), types[-1])


def test_more_segments_than_open_files(tmp_path):
    run = synthetic.write_run(tmp_path / "run", epochs=59)
    synthetic.split_archive(run / "archive.h5", 1)
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))\n"
        "import metazoa; print(all(abs(x[:]).sum() > 0 and (x[:] == x[:]).all() for x in metazoa.open(sys.argv[1]).trajectory.values()))"
    )
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 40
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "analysis")}
    done = subprocess.run([sys.executable, "-c", code, run], capture_output=True, text=True, env=environment)
    assert done.stdout == "True\n", done.stderr


def remove(segment):
    segment.unlink()


def cut(segment):
    with open(segment, "r+b") as file:
        file.truncate(segment.stat().st_size // 2)


def unwritten(segment):
    """As large as it was, but a part was never written: it would read as zeros."""
    with h5py.File(segment, "r+") as file:
        shape = file["layers/1/trajectory"].shape
        del file["layers/1/trajectory"]
        file.create_dataset("layers/1/trajectory", shape, np.float32, chunks=(1,) + shape[1:])[0] = 1


def of_another_run(segment):
    with h5py.File(segment, "r+") as file:
        file["metrics/fingerprint"][1] += 1


def of_another_shape(segment):
    with h5py.File(segment, "r+") as file:
        values = file["layers/0/trajectory"][:, :-1]
        del file["layers/0/trajectory"]
        file["layers/0/trajectory"] = values


@pytest.mark.parametrize("harm", [remove, cut, unwritten, of_another_run, of_another_shape])
def test_a_segment_that_is_not_sound_is_named(segmented, harm, command):
    run, _ = segmented
    harm(run / "archive/segment-000006.h5")
    with pytest.raises(Damaged, match="segment-000006.h5"):
        Run(run).archive()
    for name, arguments in (("figure", ("11",)), ("pca", ()), ("table", ())):
        code, out, error = command(name, *arguments, run)
        assert code == 3 and error.count("\n") == 1 and "segment-000006.h5" in error, error
        assert error.startswith(f"metazoa-{name}: ") and not out
    assert not list(run.glob("pca-*"))
    code, _, error = command("report", run, "--quiet", "--output", run / "report.html")
    assert code == 3 and "segment-000006.h5" in error
    assert "Damaged" in (run / "report.html").read_text(encoding="utf-8")


def test_a_gap_between_segments_is_named(tmp_path):
    path = synthetic.write_archive(tmp_path / "archive.h5", layers=((2, 3),))
    folder = synthetic.split_archive(path, 5)
    with h5py.File(path, "r+") as file:
        del file["layers/0/type"]
        layout = h5py.VirtualLayout((RECORDS, 2, 3), np.uint8)
        for lo in (0, 10, 15):
            layout[lo : lo + 5] = h5py.VirtualSource(
                f"archive/segment-{lo:06}.h5", "layers/0/type", (5, 2, 3)
            )
        file.create_virtual_dataset("layers/0/type", layout, fillvalue=255)
    with pytest.raises(Damaged, match="rows 5 to 9"):
        Archive(path)
    assert folder.is_dir()


def test_locks_are_not_needed(segmented, tmp_path):
    """On a file system without locks."""
    source, library = tmp_path / "nolock.c", tmp_path / "nolock.so"
    source.write_text(
        "#include <errno.h>\nint flock(int f, int o) { (void)f; (void)o; errno = ENOLCK; return -1; }\n"
    )
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
    read = "import sys, metazoa; print(abs(metazoa.open(sys.argv[1]).trajectory[0][:]).sum() > 0)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "analysis"), "LD_PRELOAD": str(library)}
    environment.pop("HDF5_USE_FILE_LOCKING", None)
    plain = "import sys, h5py; h5py.File(sys.argv[1] + '/archive.h5')"
    for code, more, good in (
        (plain, {}, False),  # the library works
        (read, {}, True),
        (read, {"HDF5_USE_FILE_LOCKING": "TRUE"}, True),
        ("import h5py; " + read, {}, True),  # in a notebook that has HDF5 already
    ):
        words = [sys.executable, "-c", code, segmented[0]]
        done = subprocess.run(words, capture_output=True, text=True, env={**environment, **more})
        assert (done.returncode == 0) == good and done.stdout == ("True\n" if good else ""), done.stderr


def test_results_belong_to_the_state_of_the_archive(tmp_path):
    """An analysis that is newer than the archive, but of another state of it, is not used; one of the same state is."""
    run = synthetic.write_run(tmp_path / "run", seed=1)
    file = pca.ensure(Run(run))
    first = file.read_bytes()
    assert pca.ensure(Run(run)) == file and file.read_bytes() == first
    shutil.copy(synthetic.write_run(tmp_path / "other", seed=2, epochs=25) / "archive.h5", run / "archive.h5")
    os.utime(run / "archive.h5", (1, 1))
    with h5py.File(pca.ensure(Run(run))) as found:
        assert found["layers/0/projection"].shape[0] == 26
    # what a user made with other options is neither shown as if it were the default nor replaced
    with Run(run).archive() as archive:
        pca.analyse(archive, file, whiten=True)
    whitened = file.read_bytes()
    other = pca.ensure(Run(run))
    assert other != file and file.read_bytes() == whitened and pca.ensure(Run(run)) == other


def test_layers_without_particles_and_single_records(tmp_path):
    path = synthetic.write_archive(tmp_path / "archive.h5", layers=((3, 4), (2, 3)))
    with h5py.File(path, "r+") as file:
        del file["layers/1/trajectory"], file["layers/1/type"]
        file.create_dataset("layers/1/trajectory", (RECORDS, 0, 27), np.float32)
        file.create_dataset("layers/1/type", (RECORDS, 0), np.uint8)
        file["layers/1/cell"] = file["layers/1/edge"] = np.zeros(0, np.int32)
    for scope in pca.SCOPES:
        with Archive(path) as archive:
            pca.analyse(archive, tmp_path / "pca.h5", scope)
        with h5py.File(tmp_path / "pca.h5") as file:
            assert np.isfinite(file["layers/0/projection"][:]).all() and file[
                "layers/1/projection"
            ].shape == (RECORDS, 0, 3)
    one = synthetic.write_archive(tmp_path / "one.h5", records=1)
    with Archive(one) as archive, pytest.raises(Missing, match="two records"):
        pca.analyse(archive, tmp_path / "none.h5")
    assert sorted(p.name for p in tmp_path.glob("*.h5")) == ["archive.h5", "one.h5", "pca.h5"]


def bare(run):
    """The run without archive and probes: faster to report."""
    for file in [run / "archive.h5", *run.glob("probe-*.h5")]:
        file.unlink()
    return run


@pytest.fixture
def figure(tmp_path):
    """The bytes of figure 3 of a run, drawn by the command in a given environment."""
    run = synthetic.write_run(tmp_path / "run", kind="addition")

    def draw(name, **environment):
        code, _, error = started(
            "figure", "3", run, "--output", tmp_path / name, "--formats", "svg", **environment
        )
        assert code == 0 and not error, error
        return (tmp_path / name / "figure-3.svg").read_bytes()

    return draw


def test_figures_take_nothing_from_the_user_s_settings(figure, tmp_path):
    plain = figure("plain")
    settings = tmp_path / "settings"
    (settings / "stylelib").mkdir(parents=True)
    (settings / "matplotlibrc").write_text(
        "text.usetex: True\nlines.linewidth: 9\nfont.size: 20\nbackend: nonsense\nnonsense: 1\n"
    )
    (settings / "stylelib/broken.mplstyle").write_text("nonsense\n")
    assert figure("mine", MPLCONFIGDIR=str(settings)) == plain
    assert figure("file", MATPLOTLIBRC=str(settings / "matplotlibrc")) == plain
    assert figure("backend", MPLBACKEND="nonsense") == plain


def test_the_user_s_settings_stay_in_a_notebook(tmp_path):
    import matplotlib

    run = metazoa.open(synthetic.write_run(tmp_path / "run", kind="addition"))
    from metazoa import figures

    matplotlib.rcParams["lines.linewidth"] = 7
    before = dict(matplotlib.rcParams)
    drawing = figures.drawing(figures.find("3"), [run])
    assert drawing.axes[0].lines[0].get_linewidth() != 7 and dict(matplotlib.rcParams) == before
    matplotlib.rcdefaults()


@pytest.mark.parametrize("locale", ["POSIX", "en_US.ISO-8859-1"])
def test_texts_are_utf_8_in_every_locale(tmp_path, locale):
    run = bare(synthetic.write_run(tmp_path / "Größe", kind="addition"))
    text = (run / "config.yaml").read_text(encoding="utf-8").replace("name: addition", 'name: "Maßstab ≤"')
    (run / "config.yaml").write_text(text, encoding="utf-8")
    environment = {"LC_ALL": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    if locale.startswith("en"):
        if not shutil.which("localedef"):
            pytest.skip("no localedef")
        subprocess.run(
            ["localedef", "-i", "en_US", "-f", "ISO-8859-1", tmp_path / locale],
            check=True,
            capture_output=True,
        )
        environment["LOCPATH"] = str(tmp_path)
    code, _, _ = started("report", run, "--output", tmp_path / "page.html", "--quiet", **environment)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert code == 0 and "<title>Metazoa: Maßstab ≤" in page and "Größe" in page
    code, out, _ = started("table", run, **environment)
    assert code == 0 and "Maßstab ≤" in out
    # and where no launcher asks Python for UTF-8: the entry points of pip
    environment = {**os.environ, **environment, "PYTHONPATH": str(ROOT / "analysis")}
    done = subprocess.run(
        [sys.executable, "-m", "metazoa", "table", run], capture_output=True, env=environment
    )
    assert done.returncode == 0 and "Maßstab ≤" in done.stdout.decode("utf-8")


def test_bytes_that_are_no_utf_8(tmp_path, command):
    run = bare(synthetic.write_run(tmp_path / os.fsdecode(b"run-\xff"), kind="addition"))
    code, _, _ = command("report", run, "--output", tmp_path / "page.html", "--quiet")
    assert code == 0 and "run-\ufffd" in (tmp_path / "page.html").read_text(encoding="utf-8")
    (run / "config.yaml").write_bytes(b"run: {name: \xff}\n")
    code, _, error = command("table", run)
    assert code == 3 and error.count("\n") == 1 and "config.yaml" in error


def bad_metrics(run):
    (run / "metrics.csv").write_text("epoch,task_loss,test_mae,fingerprint\n1,2,3,x\n2,nonsense,3,x\n")


def bad_columns(run):
    (run / "metrics.csv").write_text("epoch,task_loss,test_mae,fingerprint\n1,2,3,x\n2,3\n3,1,1,x\n")


def bad_order(run):
    (run / "metrics.csv").write_text("epoch,task_loss,test_mae,fingerprint\n2,2,3,x\n1,3,2,x\n")


def bad_configuration(run):
    (run / "config.yaml").write_text("run: [1, 2\n")


def bad_summary(run):
    (run / "summary.json").write_text('{"epochs": 3')


def bad_probe(run):
    with h5py.File(run / "probe-substitution.h5", "r+") as file:
        del file["difference"]


@pytest.mark.parametrize(
    "harm", [bad_metrics, bad_columns, bad_order, bad_configuration, bad_summary, bad_probe]
)
def test_bad_input_is_one_line_and_exit_code_3(tmp_path, harm, command):
    run = synthetic.write_run(tmp_path / "run", kind="addition")
    harm(run)
    code, out, error = command("table", run)
    assert code == 3 and error.count("\n") == 1 and error.startswith("metazoa-table: ") and not out
    assert "METAZOA_TRACEBACK" not in error  # it was understood


def test_fields_that_were_not_measured_or_are_not_finite(tmp_path):
    run = synthetic.write_run(tmp_path / "run", kind="addition")
    text = "epoch,task_loss,test_mae,self_replicator,other,fingerprint,seconds\n0,,3,1,2,a,0\n1,nan,inf,,,b,1\n2,1,2,3,0,c,2\n3,2,"
    (run / "metrics.csv").write_text(text)  # the last row is being written
    metrics = metazoa.open(run).metrics
    assert list(metrics["epoch"]) == [0, 1, 2] and list(metrics["fingerprint"]) == ["a", "b", "c"]
    assert np.isnan(metrics["task_loss"][:2]).all() and metrics["test_mae"][1] == np.inf
    assert metazoa.open(run).census.to_dict("index") == {
        0: {"self_replicator": 1, "other": 2},
        2: {"self_replicator": 3, "other": 0},
    }


def test_runs_of_two_experiments_are_no_seeds_of_one(tmp_path, command):
    runs = [synthetic.write_run(tmp_path / kind, kind=kind) for kind in ("idx", "addition")]
    code, _, error = command("figure", "5", *runs, "--output", tmp_path)
    assert code == 2 and "organism.hidden" in error and error.count("\n") == 1
    assert (
        len(metazoa.reading.run.open_runs([runs[0], f"{runs[0]}/", runs[0]])) == 1
    )  # a run that is named twice counts once


def test_old_probes_are_said_to_be_old(tmp_path, command):
    run = synthetic.write_run(tmp_path / "run", kind="addition", epochs=20)
    shutil.copy(run / "probe-goal.h5", tmp_path)
    shutil.move(tmp_path / "probe-goal.h5", bare(run))
    with h5py.File(run / "probe-goal.h5", "r+") as file:
        file.attrs["epoch"] = 12
    code, _, error = command("figure", "goal", run, "--output", tmp_path, "--formats", "svg")
    assert code == 0 and "at epoch 12" in error and "metazoa probe goal" in error
    command("report", run, "--quiet", "--output", tmp_path / "page.html")
    assert "at epoch 12" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_a_folder_that_cannot_be_written(tmp_path, command):
    run = synthetic.write_run(tmp_path / "run", kind="addition")
    (tmp_path / "file").write_text("no folder")
    code, _, error = command("figure", "3", run, "--output", tmp_path / "file")
    assert code == 1 and error.count("\n") == 1 and str(tmp_path / "file") in error


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
    layout = h5py.VirtualLayout((50, 6), np.float32)
    layout[:] = h5py.VirtualSource("absent.h5", "x", (50, 6))
    with h5py.File(tmp_path / "d.h5", "w") as file:
        file.create_virtual_dataset("x", layout)
    with pytest.raises(Damaged, match="absent.h5"):
        data.input_mean(run)


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
    counts = np.arange(3 * 64)
    assert run.image == (3, 8, 8) and run.classification
    assert np.array_equal(data.picture(counts, run), counts.reshape(3, 8, 8).sum(axis=0))


def test_an_interpreter_is_found_or_what_it_lacks_is_said(tmp_path):
    """PATH's python3 has no packages."""
    (tmp_path / "python3").write_text(f'#!/bin/sh\nexec {sys.executable} -S -I "$@"\n')
    (tmp_path / "python3").chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    code, _, error = started("table", "--help", METAZOA_PYTHON=str(tmp_path / "python3"))
    assert (
        code == 2
        and error.count("\n") == 1
        and f"{tmp_path}/python3 lacks h5py" in error
        and "apt install" in error
    )
    if (
        subprocess.run(
            ["/usr/bin/python3", "-c", "import h5py, pandas, scipy, matplotlib, yaml"], capture_output=True
        ).returncode
        == 0
    ):
        code, out, _ = started("table", "--help", METAZOA_PYTHON="", PATH=path)
        assert code == 0 and "RUN" in out
    code, _, error = started("table", "--help", METAZOA_PYTHON=str(tmp_path / "nothing"))
    assert code == 2 and "nothing" in error
