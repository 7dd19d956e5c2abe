"""A run's folder: configuration, metrics, summary, provenance, archive and probes, each read when asked for."""

import csv
import json
from pathlib import Path

import h5py
import numpy as np

from . import config, particle
from .archive import Archive


class Missing(Exception):
    """An input that a figure or table needs is not there. The text says which and how to make it."""


class Run:
    def __init__(self, path):
        self.path = Path(path)
        file = self.path / "config.yaml"
        if not file.is_file():
            raise Missing(f"{self.path} is no run: config.yaml is not there")
        self.config = config.parse(file.read_text())
        self.config_text = file.read_text()
        self._metrics = None

    def __str__(self):
        return str(self.path)

    def setting(self, section, key, default=None):
        value = (self.config.get(section) or {}).get(key)
        return default if value is None else value

    @property
    def name(self):
        return str(self.setting("run", "name", self.path.name))

    @property
    def seed(self):
        return self.setting("run", "seed", 0)

    @property
    def scalar(self):
        return self.setting("organism", "edges", "particle") == "scalar"

    @property
    def particle(self):
        """Width and layers of a particle; layers 0 for scalars."""
        return self.setting("particle", "width", 3), 0 if self.scalar else self.setting("particle", "layers", 3)

    @property
    def epsilon(self):
        return float(self.setting("measure", "epsilon", 1e-5))

    @property
    def metrics(self):
        """Columns of metrics.csv: float64 arrays with NaN for empty fields; `fingerprint` is a list of strings."""
        if self._metrics is None:
            file = self.path / "metrics.csv"
            if not file.is_file():
                raise Missing(f"{self.path}: no metrics.csv")
            with open(file, newline="") as stream:
                rows = [row for row in csv.reader(stream) if row and not row[0].startswith("#")]
            if len(rows) < 2:
                raise Missing(f"{self.path}: metrics.csv has no epoch yet")
            names = [name.strip() for name in rows[0]]
            columns = dict(zip(names, zip(*(row + [""] * (len(names) - len(row)) for row in rows[1:]))))
            self._metrics = {name: list(values) if name == "fingerprint" else np.array([_number(v) for v in values])
                             for name, values in columns.items()}
        return self._metrics

    @property
    def measure(self):
        """`accuracy` or `mae`: how the task's success is measured."""
        return "mae" if "test_mae" in self.metrics or "train_mae" in self.metrics else "accuracy"

    @property
    def summary(self):
        return self._json("summary.json")

    @property
    def provenance(self):
        return self._json("run.json")

    def _json(self, name):
        file = self.path / name
        try:
            return json.loads(file.read_text())
        except (OSError, ValueError):
            return {}

    def archive(self):
        """The archive, open: `with run.archive() as archive`."""
        file = self.path / "archive.h5"
        if not file.is_file():
            raise Missing(f"{self.path}: no archive.h5 (train with archive.trajectory_every > 0)")
        return Archive(file, self.particle, self.epsilon)

    def probe(self, kind):
        """A probe's results, open for reading: `with run.probe("dropout") as file`."""
        file = self.path / f"probe-{kind}.h5"
        if not file.is_file():
            raise Missing(f"{self.path}: no probe-{kind}.h5 (run: metazoa probe {kind} {self.path})")
        return h5py.File(file, "r")

    def effective_weights(self, layer, record=-1):
        """Effective weights and types of a layer (a Layer of the archive) in one record."""
        weights = layer.record(record)
        return particle.effective(weights, *self.particle), layer.types(record)


def _number(text):
    try:
        return float(text)
    except ValueError:
        return np.nan


def open_runs(paths):
    """Runs in these folders; a folder that holds runs (an ensemble) stands for all of them, in order of their names."""
    runs = []
    for path in map(Path, paths):
        if (path / "config.yaml").is_file():
            runs.append(Run(path))
            continue
        inner = sorted(path.glob("*/config.yaml"), key=lambda p: (len(str(p)), str(p)))
        if not inner:
            raise Missing(f"{path} is no run and holds none: config.yaml is not there")
        runs += [Run(file.parent) for file in inner]
    return runs


def experiments(runs):
    """Lists of runs that differ in seed, name and output alone: the seeds of one experiment, in order of appearance."""
    groups = {}
    for run in runs:
        sections = {key: value for key, value in run.config.items() if key not in ("run", "parallel", "checkpoint")}
        groups.setdefault(json.dumps(sections, sort_keys=True, default=str), []).append(run)
    return list(groups.values())
