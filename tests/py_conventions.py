"""xarray (by h5netcdf and netCDF4), netCDF4 and h5netcdf open and read every HDF5 file of a run, group by group."""

import os
import subprocess

import h5netcdf
import netCDF4
import numpy
import pytest
import xarray

METAZOA = os.path.join(os.environ.get("BUILD", "build"), "metazoa")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("conventions")
    config = folder / "small.yaml"
    config.write_text(
        "task: {kind: addition, samples: 100, test_samples: 20}\n"
        "organism: {hidden: [3, 4]}\ntraining: {epochs: 4, batch: 50, self_train_steps: 2}\n"
        "interaction: {attack: 0.1}\n"
    )
    for name, option in (
        ("whole", "archive.fraction=1"),
        ("part", "archive.fraction=0.4"),
        ("scalar", "organism.edges=scalar"),
    ):
        options = ["--set", option] + (["--set", "interaction.attack=0"] if name == "scalar" else [])
        subprocess.run([METAZOA, "train", config, "--quiet", "--output", folder / name, *options], check=True)
        subprocess.run(
            [METAZOA, "archive", "merge", folder / name, "--output", folder / name / "merged.h5"], check=True
        )
    for probe in "goal", "robustness", "settle":
        subprocess.run([METAZOA, "probe", probe, folder / "whole"], check=True, stdout=subprocess.DEVNULL)
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


def test_there_are_files(runs):
    names = {path.name for path in runs}
    assert {"archive.h5", "merged.h5", "checkpoint-4.h5", "segment-000000.h5", "probe-robustness.h5"} <= names


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
