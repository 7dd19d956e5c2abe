"""Archives in segments: read like one file, and whatever is missing, cut or of another run is named and never drawn."""

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
import synthetic  # noqa: E402
from metazoa import Damaged, Missing, Run  # noqa: E402
from metazoa.mathematics import pca  # noqa: E402
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
    pca.analyse(run, file, "organism", "--whiten")
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
    for scope in ("organism", "layer", "type", "particle", "cell"):
        pca.analyse(tmp_path, tmp_path / "pca.h5", scope)
        with h5py.File(tmp_path / "pca.h5") as file:
            assert np.isfinite(file["layers/0/projection"][:]).all() and file[
                "layers/1/projection"
            ].shape == (RECORDS, 0, 3)
    synthetic.write_archive(path, records=1)
    with pytest.raises(Missing, match="two records"):
        pca.analyse(tmp_path, tmp_path / "none.h5")
    assert sorted(p.name for p in tmp_path.glob("*.h5*")) == ["archive.h5", "pca.h5"]
