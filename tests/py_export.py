"""metazoa-export: what other programs get is what the archive and metrics.csv hold."""

import csv
import os
import struct
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "analysis"), str(ROOT / "tests")]
import synthetic  # noqa: E402
from metazoa import Run  # noqa: E402
from metazoa.export import rows, tensorboard  # noqa: E402
from metazoa.mathematics.particle import TYPES, effective  # noqa: E402


@pytest.fixture
def runs(tmp_path):
    """Two runs in a folder; the second one has an archive in segments, of a part of the particles."""
    one = synthetic.write_run(tmp_path / "runs" / "seed-1", seed=1)
    two = synthetic.write_run(tmp_path / "runs" / "seed-2", seed=2)
    synthetic.write_archive(two / "archive.h5", ((5, 36), (5, 5), (10, 5)), records=21, seed=2, fraction=True)
    prints = np.full(21, 0x0123456789ABCDEF, np.uint64)  # those of metrics.csv
    synthetic.split_archive(two / "archive.h5", 6, prints)
    return one, two


def held(run, records):
    """(layer, cell, edge, record) -> weights and type, read plainly."""
    found = {}
    with Run(run).archive() as archive:
        for number, layer in archive.layers.items():
            cells, edges = (np.ravel(axis) for axis in layer.positions())
            for k in records:
                weights = layer.trajectory[k].reshape(-1, 27)
                types = layer.types(k).ravel()
                for i in range(len(weights)):
                    found[number, int(cells[i]), int(edges[i]), k] = weights[i], types[i]
    return found


@pytest.mark.parametrize("budget", [rows.BUDGET, 40_000])  # one slab; many
def test_csv_reads_back_to_the_same_bits(runs, tmp_path, command, monkeypatch, budget):
    monkeypatch.setattr(rows, "BUDGET", budget)
    code, out, error = command(
        "export", *runs, "--to", "csv", "--records", "3:5", "--output", tmp_path / "w.csv"
    )
    assert code == 0 and out.strip() == str(tmp_path / "w.csv"), error
    seen = 0
    expected = [held(run, (3, 4, 5)) for run in runs]
    with open(tmp_path / "w.csv", newline="") as file:
        for row in csv.DictReader(file):
            at = int(row["layer"]), int(row["cell"]), int(row["edge"]), int(row["epoch"])
            weights, code = expected[int(row["run"])][at]
            assert np.array_equal(np.array([row[f"w{i}"] for i in range(27)], np.float32), weights)
            assert row["type"] == TYPES[code] and int(row["seed"]) == 1 + int(row["run"])
            seen += 1
    assert seen == sum(map(len, expected)) > 1000


def test_dataset_has_weights_and_labels(runs, tmp_path, command):
    code, _, error = command("export", tmp_path / "runs", "--records", "all", "--output", tmp_path / "d.h5")
    assert code == 0, error
    expected = [held(run, range(21)) for run in runs]
    with h5py.File(tmp_path / "d.h5") as file:
        data = {name: file[name][:] for name in file}
        assert file.attrs["measure"] == "test_accuracy" and list(file.attrs["types"]) == list(TYPES)
    n = len(data["weights"])
    assert n == sum(map(len, expected)) and all(len(data[name]) == n for name in ("type", "score", "epoch"))
    for i in range(0, n, 101):
        at = (*(int(data[name][i]) for name in ("layer", "cell", "edge")), int(data["epoch"][i]))
        weights, code = expected[data["run"][i]][at]
        assert np.array_equal(data["weights"][i], weights) and data["type"][i] == code
        assert data["effective"][i] == np.float32(effective(weights, 3, 3))
    prints = h5py.File(runs[1] / "archive.h5")["metrics/fingerprint"][:]
    second = data["run"] == 1
    assert np.array_equal(data["fingerprint"][second], prints[data["epoch"][second]])


def fields(data):
    """The fields of a protocol buffer: (number, value)."""

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    at = 0
    while at < len(data):
        key = varint()
        size = {0: 0, 1: 8, 5: 4}.get(key & 7)
        if key & 7 == 0:
            yield key >> 3, varint()
            continue
        size = varint() if size is None else size
        yield key >> 3, data[at : at + size]
        at += size


def events(path):
    """The events of a file, every checksum compared."""
    data, at = path.read_bytes(), 0
    while at < len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        for begin, size in ((at, 8), (at + 12, length)):
            crc = tensorboard.crc32c(data[begin : begin + size])
            turned = ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
            assert struct.unpack_from("<I", data, begin + size)[0] == turned
        yield dict(fields(data[at + 12 : at + 12 + length]))
        at += 16 + length


def test_tensorboard_s_events_are_metrics(runs, tmp_path, command):
    assert tensorboard.crc32c(b"123456789") == 0xE3069283  # the check value of CRC-32C
    code, out, error = command("export", *runs, "--to", "tensorboard", "--output", tmp_path / "board")
    assert code == 0, error
    for run in runs:
        table = Run(run).metrics
        first, *found = events(tmp_path / "board" / run.name / "events.out.tfevents.0.metazoa")
        assert first[3] == b"brain.Event:2" and len(found) == len(table)
        for event, (_, row) in zip(found, table.iterrows()):
            assert event[2] == row["epoch"]
            values = {}
            for _, value in fields(event[5]):
                parts = dict(fields(value))
                values[parts[1].decode()] = struct.unpack("<f", parts[2])[0]
            for tag, name in (
                ("loss", "task_loss"),
                ("score", "test_accuracy"),
                ("particles", "self_replicator"),
            ):
                known = values.get(f"{tag}/{name}", np.nan)  # what was not measured is left out
                assert np.array_equal(known, np.float32(row[name]), equal_nan=True)
            assert len(values) > 5
    assert tensorboard._tag("validation_accuracy") == "score/validation_accuracy"


def test_parquet_or_one_line(runs, tmp_path, command):
    code, _, error = command("export", runs[0], "--to", "parquet", "--output", tmp_path / "w.parquet")
    try:
        from pyarrow import parquet
    except ImportError:
        assert code == 2 and "pyarrow" in error and error.count("\n") == 1 and not list(tmp_path.glob("w.*"))
        return
    assert code == 0, error
    table = parquet.read_table(tmp_path / "w.parquet").to_pydict()
    expected = held(runs[0], (20,))
    assert len(table["weights"]) == len(expected)
    for i, weights in enumerate(table["weights"]):
        found, code = expected[table["layer"][i], table["cell"][i], table["edge"][i], 20]
        assert np.array_equal(np.array(weights, np.float32), found) and table["type"][i] == TYPES[code]


def test_wrong_usage(runs, tmp_path, command):
    for arguments, text in (
        ((runs[0], "--records", "some"), "choose last, all"),
        ((runs[0], "--records", "2:3", "--to", "tensorboard"), "every row of metrics.csv"),
        ((runs[0], "--records", "90:99"), "no record of epochs"),
        ((tmp_path / "nothing",), "config.yaml"),
    ):
        try:
            code, _, error = command("export", *arguments, "--output", tmp_path / "none")
        except SystemExit as stop:
            code, error = stop.code, text
        assert code == 2 and text in error
    assert not list(tmp_path.glob("none*"))


def test_a_pipe_is_not_replaced_and_two_exports_at_once_are_not_mixed(runs, tmp_path, command):
    os.mkfifo(tmp_path / "pipe")
    code, _, error = command("export", runs[0], "--to", "csv", "--output", tmp_path / "pipe")
    assert code == 2 and "is no regular file" in error and (tmp_path / "pipe").is_fifo()
    with rows.replaced(tmp_path / "two") as first:
        with rows.replaced(tmp_path / "two") as second:
            first.write_text("first"), second.write_text("second")
        assert (tmp_path / "two").read_text() == "second"
    assert (tmp_path / "two").read_text() == "first" and not list(tmp_path.glob("*.partial"))


def test_memory_is_bounded(tmp_path):
    """200 MB of trajectories: the process stays well below them."""
    run = tmp_path / "run"
    synthetic.write_run(run, kind="addition", epochs=49)
    synthetic.write_large_archive(run / "archive.h5", 200)
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from metazoa import commands; assert commands.main('export', sys.argv[2:]) == 0\n"
        "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    words = [
        sys.executable,
        "-c",
        code,
        ROOT / "analysis",
        run,
        "--records",
        "all",
        "--output",
        tmp_path / "d.h5",
    ]
    done = subprocess.run(words, check=True, capture_output=True, text=True, timeout=400)
    peak = int(done.stdout.split()[-1]) / 1024
    print(f"peak {peak:.0f} MiB")
    assert peak < 320 and (tmp_path / "d.h5").stat().st_size > 200e6


def test_runs_of_the_same_name_keep_their_own_events(runs, tmp_path, command):
    twin = synthetic.write_run(tmp_path / "others" / "seed-1", seed=3)
    code, _, error = command("export", runs[0], twin, "--to", "tensorboard", "--output", tmp_path / "board")
    assert code == 0, error
    for folder in ("runs/seed-1", "others/seed-1"):
        assert (tmp_path / "board" / folder / "events.out.tfevents.0.metazoa").is_file()


@pytest.mark.parametrize("kind", ["csv", "dataset"])
def test_particles_of_different_shapes_are_not_one_table(runs, tmp_path, command, kind):
    config = runs[1] / "config.yaml"
    config.write_text(config.read_text().replace("edges: particle", "edges: scalar"))
    code, _, error = command("export", *runs, "--to", kind, "--output", tmp_path / "w")
    assert code == 2 and "different shapes" in error
    assert not list(tmp_path.glob("w*"))


def test_a_file_that_may_not_grow_is_a_message_and_no_crash(runs, tmp_path):
    words = [ROOT / "analysis" / "metazoa-export", *runs, "--output", tmp_path / "w.h5"]
    done = subprocess.run(
        ["sh", "-c", 'ulimit -f 16; exec "$@"', "sh", *map(str, words)],
        capture_output=True,
        text=True,
        env={**os.environ, "METAZOA_PYTHON": sys.executable},
        timeout=300,
    )
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "too large" in done.stderr
    assert not list(tmp_path.glob("w*"))
