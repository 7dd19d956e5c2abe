"""xarray (by h5netcdf and netCDF4), netCDF4 and h5netcdf open and read every HDF5 file of a run, group by group."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import h5netcdf
import h5py
import netCDF4
import numpy
import pytest
import xarray

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "analysis"))
from metazoa import commands  # noqa: E402
from metazoa.mathematics.particle import TYPES  # noqa: E402

METAZOA = os.path.join(os.environ.get("BUILD", "build"), "metazoa")


# Runs whose files differ: name and what is set beside small.yaml.
RUNS = {
    "whole": ("archive.fraction=1",),
    "part": ("archive.fraction=0.4", "archive.moments=true"),
    "scalar": ("organism.edges=scalar", "interaction.attack=0"),
    "adam": ("training.optimizer=adam", "training.self_train_optimizer=sgd", "interaction.attack=0"),
    "pruned": (
        *("pruning.schedule=gradual", "pruning.begin=1", "pruning.every=1", "pruning.rounds=2"),
        *("pruning.rewind=init", "pruning.regrow=0.2", "interaction.attack=0"),
    ),
    "batches": ("archive.trajectory_steps=[1, 3]", "checkpoint.every=1", "archive.layers=[1]"),
    "settled": ("training.settle=project", "interaction.attack=0"),
}
# What is made of them: subcommands and their words after the run.
MADE = [
    *(("probe", kind, "whole", "--seeds", "2", "--particles", "3") for kind in ("robustness", "basins")),
    ("probe", "stability", "whole", "--seeds", "2", "--random", "2"),
    ("probe", "lifetime", "whole", "--particles", "40", "--steps", "50"),
    *(("probe", kind, "whole") for kind in ("goal", "substitution", "settle")),
    ("probe", "dropout", "whole", "--seeds", "2", "--points", "3", "--baseline", "scalar"),
    *(("pca", "whole", "--scope", scope) for scope in ("organism", "layer", "type", "particle")),
    *(("pca", "part", "--scope", scope, "--whiten", "--origin", "start") for scope in ("organism", "cell")),
    ("pca", "part", "--moments", "--output", "part/moments.h5"),
    ("pca", "batches", "--no-scores", "--walks", "0"),
    ("replay", "pruned", "--epochs", "2:3", "--every-batch", "--quiet"),
    ("compile", "settled"),
    *(("archive", "merge", name, "--output", f"{name}/merged.h5") for name in RUNS),
]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """All HDF5 files that the program writes, and the data set of metazoa-export."""
    folder = tmp_path_factory.mktemp("conventions")
    (folder / "small.yaml").write_text(
        "task: {kind: addition, samples: 100, test_samples: 20}\n"
        "organism: {hidden: [3, 4]}\ntraining: {epochs: 4, batch: 50, self_train_steps: 2}\n"
        "interaction: {attack: 0.1}\n"
    )

    def program(*words):
        words = [Path(METAZOA).resolve(), *words]
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, f"{words}: {done.stderr}"

    for name, options in RUNS.items():
        sets = [word for option in options for word in ("--set", option)]
        program("train", "small.yaml", "--quiet", "--output", name, *sets)
    for words in MADE:
        program(*words)
    assert commands.main("export", [str(folder / "whole"), "--records", "all"]) == 0
    return sorted(folder.rglob("*.h5"))


def read(group):
    for variable in group.variables.values():
        assert len(variable.dimensions) == len(variable.shape)
        numpy.asarray(variable[...])
    for child in group.groups.values():
        read(child)


def groups(group, path="/"):
    yield path
    for name, child in group.groups.items():
        yield from groups(child, f"{path}{name}/")


def test_there_are_files_of_every_kind(runs):
    names = {path.name for path in runs}
    assert {"archive.h5", "merged.h5", "checkpoint-4.h5", "segment-000000.h5", "dataset.h5"} <= names
    scopes = ("organism", "layer", "type", "particle", "cell")
    assert {"moments.h5", *(f"pca-{scope}.h5" for scope in scopes)} <= names
    told = subprocess.run([METAZOA, "probe", "--help"], capture_output=True, text=True, check=True).stdout
    kinds = re.findall(r"^  (\w+) ", told[told.index("KIND is one") :], re.M)
    assert len(kinds) >= 8 and {f"probe-{kind}.h5" for kind in kinds} <= names
    assert any("replay-2-3" in str(path) for path in runs) and any("compiled" in str(path) for path in runs)


def test_netcdf4(runs):
    for path in runs:
        with netCDF4.Dataset(path) as file:
            read(file)


def test_h5netcdf(runs):
    for path in runs:
        with h5netcdf.File(path, "r") as file:
            read(file)


@pytest.mark.parametrize("engine", ["h5netcdf", "netcdf4"])
def test_xarray(runs, engine):
    for path in runs:
        with netCDF4.Dataset(path) as file:
            names = list(groups(file))
        for name in names:
            with xarray.open_dataset(path, engine=engine, group=name) as data:
                data.load()


def test_trajectory_has_named_axes(runs):
    path = next(path for path in runs if path.name == "archive.h5" and path.parent.name == "whole")
    with xarray.open_dataset(path, engine="h5netcdf", group="layers/1") as layer:
        assert layer["trajectory"].dims == ("epoch", "cell", "edge", "weight")
        assert layer["trajectory"].shape == (5, 4, 3, 27)
        assert bool(numpy.isfinite(layer["trajectory"]).all())


def test_examples_of_the_page_on_analysis(tmp_path):
    """docs/analysis.md, literally, block by block."""
    root = Path(__file__).resolve().parent.parent
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/metazoa").symlink_to(Path(METAZOA).resolve())
    for command in (root / "analysis").glob("metazoa-*"):
        (tmp_path / "bin" / command.name).symlink_to(command)
    environment = {
        **os.environ,
        "PATH": f"{tmp_path}/bin:{os.environ['PATH']}",
        "METAZOA_PYTHON": sys.executable,
        "PYTHONPATH": str(root / "analysis"),
    }
    blocks = re.findall(r"^```(sh|python)\n(.*?)^```$", (root / "docs/analysis.md").read_text(), re.M | re.S)
    assert [kind for kind, _ in blocks].count("python") >= 6 and shutil.which("sh")
    printed = ""
    for kind, text in blocks:
        words = ["sh", "-euc", text] if kind == "sh" else [sys.executable, "-c", text]
        done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, text + done.stderr
        printed += done.stdout
    assert (
        "explained variance" in printed
        and "for random walks" in printed
        and "are self-replicators" in printed
        and printed.count("finished") >= 5
        and "farthest: {'layer':" in printed
    )
    assert (tmp_path / "small/weights.csv").stat().st_size > 10_000


def test_files_describe_themselves(runs):
    """What netCDF's climate conventions ask of every file and variable, and the meanings of types."""
    for path in runs:
        with h5py.File(path) as file:
            assert file.attrs["Conventions"] in (b"CF-1.8", "CF-1.8"), path
            file.visititems(
                lambda name, item: isinstance(item, h5py.Dataset)
                and [item.attrs[key] for key in ("long_name", "units")]
                and None
            )
    with h5py.File(next(path for path in runs if path.match("whole/archive.h5"))) as file:
        kinds = file["layers/0/type"].attrs
        assert list(kinds["flag_values"]) == list(range(len(TYPES))) and kinds["flag_values"].dtype == "uint8"
        assert kinds["flag_meanings"].decode().split() == list(
            TYPES
        )  # the program's list and that of the analysis
