"""Runs that belong together: the seeds of an experiment as one object, and which runs are of one experiment."""

import json
import os
from pathlib import Path

import numpy as np

from .errors import Damaged, Missing
from .run import Run
from .text import shown


class Ensemble(list):
    """Runs as one object: a list of Run, with the attributes that a Run has (run.py), of all runs together.

    Tables (metrics, census, particles) follow each other, with the run's key as the first level of the index. Every other
    attribute (config, fingerprint, score, replicators, resumed, trajectory, ...) is a pandas.Series with an entry for each run.
    The key is the run's seed; if two runs have the same seed, the name of the run's folder. Tables and series are read anew at each use.

        runs = metazoa.open("runs/mnist-30")      # a folder that holds runs
        runs.score.median()                       # over the seeds
        runs.metrics.loc[3]                       # of seed 3
        runs.trajectory[3][0][-1]                 # of seed 3: first layer, last record
    """

    @property
    def labels(self):
        """What tells the runs apart, a list: their seeds, or the names of their folders."""
        return list(self._index())

    def probe(self, kind):
        """The results of a probe of each run, a pandas.Series of open h5py.File."""
        return self._series([run.probe(kind) for run in self])

    def probe_summary(self, kind):
        """The numbers of a probe, of each run: a pandas.DataFrame, a row for each run; `score_without.zero` is a column's name."""
        import pandas

        return pandas.json_normalize([run.probe_summary(kind) for run in self]).set_index(self._index())

    def _index(self):
        import pandas

        names = {"seed": [run.seed for run in self], "run": [shown(run.path.resolve().name) for run in self]}
        names["path"] = [str(run) for run in self]
        name = next(name for name in names if name == "path" or len(set(names[name])) == len(self))
        return pandas.Index(names[name], name=name)

    def _series(self, values):
        import pandas

        held = np.empty(len(values), object)  # a list or a table is one value
        for k, value in enumerate(values):
            held[k] = value
        return pandas.Series(held, index=self._index()).infer_objects()

    def __getattr__(self, name):
        if name.startswith("_") or callable(getattr(Run, name, None)) or not self:
            raise AttributeError(f"an ensemble has no {name}; of each run: [run.{name} for run in runs]")
        import pandas

        values = [getattr(run, name) for run in self]
        if not isinstance(values[0], pandas.DataFrame):
            return self._series(values)
        index = self._index()
        return pandas.concat(values, keys=index, names=[index.name])

    def __dir__(self):
        return sorted(
            {
                *super().__dir__(),
                *(
                    name
                    for run in self[:1]
                    for name in dir(run)
                    if name[0] != "_" and not callable(getattr(Run, name, None))
                ),
            }
        )

    def __repr__(self):
        return f"<ensemble of {len(self)} runs: {', '.join(map(str, self[:3]))}{', ...' if len(self) > 3 else ''}>"


def open_runs(paths):
    """Runs in these folders; a folder that holds runs (an ensemble) stands for all of them, in order of their names."""
    found = {}
    for path in map(Path, paths):
        inner = sorted(path.glob("*/config.yaml"), key=lambda p: (len(str(p)), str(p)))
        if not (path / "config.yaml").is_file() and not inner:
            raise Missing(f"{shown(path)} is no run and holds none: config.yaml is not there")
        lost = {file.parent for file in path.glob("seed-*/metrics.csv")} - {file.parent for file in inner}
        if lost and not (path / "config.yaml").is_file():
            raise Damaged(
                f"{shown(min(lost))}: config.yaml is missing (a resume of the ensemble writes it anew)"
            )
        for folder in [path] if (path / "config.yaml").is_file() else [file.parent for file in inner]:
            found.setdefault(folder.resolve(), folder)  # a run that is named twice counts once
    return Ensemble(map(Run, found.values()))


def open_any(path):
    """The run in a folder. Of a folder that holds runs (an ensemble's), or of a list of folders: an Ensemble."""
    if not isinstance(path, (str, os.PathLike)):
        return open_runs(path)
    runs = open_runs([path])
    return runs[0] if (Path(path) / "config.yaml").is_file() else runs


_UNIMPORTANT = {"run", "parallel", "checkpoint", "io"}  # sections that make no other experiment


def _experiment(run):
    """What makes runs seeds of one experiment when it is equal: section.key and value, and the data."""
    settings = {
        f"{section}.{key}": value
        for section, keys in run.config.items()
        if section not in _UNIMPORTANT
        for key, value in (keys or {}).items()
    }
    if "digest" in run.data:  # then it does not matter where they were
        settings.pop("task.path", None)
    return {**settings, "their data": run.data.get("digest")}


def experiments(runs):
    """Lists of runs that differ in seed, name, output and the like alone: the seeds of one experiment, in order of appearance.

    Missing: a seed is there twice, and would count twice in medians and intervals.
    """
    groups = {}
    for run in runs:
        group = groups.setdefault(json.dumps(_experiment(run), sort_keys=True, default=str), Ensemble())
        same = [other for other in group if other.seed == run.seed]
        if same:
            raise Missing(f"{same[0]} and {run} are the same run, of seed {run.seed}: name one of them")
        group.append(run)
    return list(groups.values())


def differing(one, other):
    """The first thing in which two runs differ as experiments, with both values."""
    one, other = _experiment(one), _experiment(other)
    key = min(key for key in {*one, *other} if one.get(key) != other.get(key))
    return f"{key}: {one.get(key)} and {other.get(key)}"
