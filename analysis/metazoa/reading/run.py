"""A run's folder: configuration, metrics, summary, provenance, archive and probes, each read when asked for."""

import json
import os
import re
from pathlib import Path

import numpy as np

from ..mathematics import particle
from . import config, hdf5, members
from .archive import Archive
from .errors import Damaged, Missing

CLASSES = {
    "addition": False,
    "idx": True,
    "cifar10": True,
}  # tasks that are known to be, or not to be, classification
DEFAULT_NAME = "mnist"  # of run.name
TEXTS = ("fingerprint",)  # columns of metrics.csv that are no numbers


class Run:
    """One run. Nothing but the configuration is read before it is asked for."""

    def __init__(self, path):
        self.path = Path(path)
        file = self.path / "config.yaml"
        if not file.is_file():
            raise Missing(f"{self} is no run: config.yaml is not there")
        self.config_text = _text(file)
        try:
            self.config = config.parse(self.config_text)
        except ValueError as error:
            raise Damaged(f"{shown(file)}: {error}") from None
        self._metrics = None

    def __str__(self):
        return shown(self.path)

    def __repr__(self):
        return f"metazoa.open({str(self.path)!r})"

    def setting(self, section, key, default=None):
        """A value of the configuration; of the default's type, where that is a number, a truth value or a list (or its name)."""
        value = (self.config.get(section) or {}).get(key)
        if value is None:
            return default
        kinds = {
            bool: (bool, "true or false"),
            int: (members.NUMBER, "a number"),
            float: (members.NUMBER, "a number"),
            list: ((list, str), "a list"),
        }
        kind, word = kinds.get(type(default), (object, ""))
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is members.NUMBER):
            raise Damaged(
                f"{shown(self.path / 'config.yaml')}: {section}.{key} must be {word}, not {json.dumps(value, default=str)[:60]}"
            )
        return value

    @property
    def name(self):
        """The run's name; its folder's, where the configuration leaves it at the program's default and the data are others."""
        name = str(self.setting("run", "name", DEFAULT_NAME))
        return shown(self.path.resolve().name) if name == DEFAULT_NAME and self.kind != "idx" else name

    @property
    def seed(self):
        return self.setting("run", "seed", 0)

    @property
    def kind(self):
        """The task's kind, as the configuration names it."""
        return self.setting("task", "kind", "idx")

    @property
    def scalar(self):
        """Whether the edges are plain numbers: a conventional network."""
        return self.setting("organism", "edges", "particle") == "scalar"

    @property
    def particle(self):
        """Width and layers of a particle; layers 0 for scalars."""
        return self.setting("particle", "width", 3), 0 if self.scalar else self.setting(
            "particle", "layers", 3
        )

    @property
    def epsilon(self):
        """The census' tolerance."""
        return float(self.setting("measure", "epsilon", 1e-5))

    @property
    def metrics(self):
        """metrics.csv as a pandas.DataFrame, a row an epoch; what was not measured, or is not finite, is NaN or infinite."""
        if self._metrics is None:
            self._metrics = _read_metrics(self.path / "metrics.csv")
            self._check_metrics()
        return self._metrics

    def _check_metrics(self):
        """Damaged if rows are missing at the end of the metrics, or summary.json is of another run."""
        last, summary = int(self._metrics["epoch"].iloc[-1]), self._json("summary.json")
        names = (re.fullmatch(r"checkpoint-(\d+)(-\d+)?\.h5", file.name) for file in self.path.iterdir())
        newest = max((int(name[1]) for name in names if name), default=0)
        cure = f"metazoa train {self}/config.yaml --output {self} --resume writes it anew"
        if newest > last:
            raise Damaged(f"{self}: metrics.csv ends at epoch {last}, the run at epoch {newest}: {cure}")
        known = summary.get("fingerprint")
        if known and "fingerprint" in self._metrics and known not in set(self._metrics["fingerprint"]):
            raise Damaged(
                f"{self}: summary.json (epoch {summary.get('epochs')}, fingerprint {known}) is of another run, or metrics.csv "
                f"(to epoch {last}) lacks rows: {cure}"
            )

    @property
    def census(self):
        """Particles of each type, a pandas.DataFrame with a row for each epoch that has a census."""
        columns = [name for name in particle.TYPES if name in self.metrics]
        return self.metrics.set_index("epoch")[columns].dropna().astype(int)

    @property
    def measure(self):
        """`accuracy` or `mae`: how the task's success is measured."""
        return "mae" if "test_mae" in self.metrics or "train_mae" in self.metrics else "accuracy"

    @property
    def data(self):
        """What run.json says of the data that the run was trained on: digest, shapes, numbers of samples. Empty in version 0.1."""
        return self.provenance.get("data") or {}

    @property
    def classification(self):
        """Whether the task tells classes apart."""
        known = self.data.get("classification", CLASSES.get(self.kind))
        return self.measure == "accuracy" if known is None else bool(known)

    @property
    def image(self):
        """Planes, rows and columns of the inputs as pictures; None where they are none, or of unknown size."""
        shape = self.data.get("inputs_shape")
        if shape is None and self.kind in ("idx", "cifar10"):
            size = self.setting("task", "size", [15, 15])
            size = [0, 0] if size == "original" else size
            shape = [n or (32 if self.kind == "cifar10" else 0) for n in size]
            shape = [3 if self.kind == "cifar10" and self.setting("task", "colour", True) else 1, *shape]
        shape = [1, *shape][-3:] if shape and len(shape) > 1 else []
        return tuple(shape) if shape and all(shape) else None

    @property
    def summary(self):
        if (self.path / "metrics.csv").is_file():
            self.metrics  # of the same run
        return self._json("summary.json")

    @property
    def provenance(self):
        return self._json("run.json")

    @property
    def starts(self):
        """What run.json says of every start of the run, the first one first."""
        latest = dict(self.provenance)
        earlier = latest.pop("starts", None) or []
        before = latest.pop("before", None)  # version 0.1: nested
        while isinstance(before, dict):
            before = dict(before)
            inner = before.pop("before", None)
            earlier.insert(0, before)
            before = inner
        return earlier + [latest] if latest else earlier

    def _json(self, name):
        file = self.path / name
        if not file.is_file():
            return {}
        try:
            found = json.loads(_text(file))
        except ValueError as error:
            raise Damaged(f"{shown(file)} is no JSON: {error}") from None
        if not isinstance(found, dict):
            raise Damaged(f"{shown(file)} holds no object of names and values")
        members.check(shown(file), found, name)
        return found

    def archive(self):
        """The archive, open: `with run.archive() as archive`."""
        file = self.path / "archive.h5"
        if not file.is_file():
            raise Missing(f"{self}: no archive.h5 (train with archive.trajectory_every > 0)")
        archive = Archive(file, self.particle, self.epsilon)
        if (self.path / "metrics.csv").is_file() and "fingerprint" in self.metrics:
            known = dict(zip(self.metrics["epoch"], self.metrics["fingerprint"]))
            for epoch, theirs in archive.fingerprints():
                if known.get(epoch, theirs) != theirs:
                    archive.close()
                    raise Damaged(
                        f"{shown(file)} is of another run, or another state of it, than metrics.csv: at epoch {epoch} it has the "
                        f"fingerprint {theirs}, there it is {known[epoch]} (metazoa verify {self} says more)"
                    )
        return archive

    @property
    def trajectory(self):
        """Weights by layer: run.trajectory[layer][record, cell, edge, weight], read when an element is asked for."""
        return {number: layer.trajectory for number, layer in self.archive().layers.items()}

    def probe(self, kind):
        """A probe's results, open for reading: `with run.probe("dropout") as file`. Damaged if they are not of this run."""
        path = self.path / f"probe-{kind}.h5"
        if not path.is_file():
            raise Missing(f"{self}: no probe-{kind}.h5 (run: metazoa probe {kind} {self})")
        file = hdf5.open_whole(path)
        other = self._stranger(kind, file.attrs)
        if other:
            file.close()
            raise Damaged(
                f"{shown(path)} is no probe of this run as it is now: {other}; metazoa probe {kind} {self} makes it anew"
            )
        return file

    def _stranger(self, kind, found):
        """What tells a probe's attributes from those of a probe of this run; None if nothing does. Version 0.1 wrote no fingerprint."""
        epoch, batch, rows = found.get("epoch", -1), found.get("batch", 0), self.metrics
        if hdf5.text(found.get("kind", kind)) != kind:
            return f"it is of kind {hdf5.text(found['kind'])}"
        if found.get("seed", self.seed) != self.seed:
            return f"it has seed {found['seed']}, the run {self.seed}"
        if "fingerprint" in found and batch == 0 and "fingerprint" in rows:
            ours = rows["fingerprint"][rows["epoch"] == epoch]
            theirs = f"{int(found['fingerprint']):016x}"
            if theirs not in set(ours):
                return (
                    f"at epoch {epoch} it has the fingerprint {theirs}, the run {', '.join(ours) or 'none'}"
                )
        return None

    def probe_remark(self, kind):
        """What must be said of a probe: that it looked at another epoch than the run's last, or at other data; "" if nothing."""
        with self.probe(kind) as file:
            epoch, data = int(file.attrs.get("epoch", -1)), file.attrs.get("data_digest")
        last, ours = int(self.metrics["epoch"].iloc[-1]), self.data.get("digest")
        said = [f"at epoch {epoch}, not at its last"] if epoch not in (-1, last) else []
        said += ["on other data than it was trained on"] if data and ours and f"{data:016x}" != ours else []
        return ", ".join(said)

    def effective_weights(self, layer, record=-1):
        """Effective weights and types of a layer (a Layer of the archive) in one record."""
        return particle.effective(layer.trajectory[record], *self.particle), layer.types(record)


class Ensemble(list):
    """Runs that were made together, a list of Run: the seeds of one experiment."""

    @property
    def metrics(self):
        """All runs' metrics, one below the other; the index is (seed, row)."""
        import pandas

        return pandas.concat({run.seed: run.metrics for run in self}, names=["seed", "row"])

    @property
    def census(self):
        """All runs' censuses; the index is (seed, epoch)."""
        import pandas

        return pandas.concat({run.seed: run.census for run in self}, names=["seed"])


def _read_metrics(file):
    import pandas  # takes a while to load, and principal components do not need it

    if not file.is_file():
        raise Missing(f"{shown(file.parent)}: no metrics.csv")
    lines = [
        line for line in _text(file).splitlines(keepends=True) if line.strip() and not line.startswith("#")
    ]
    if lines and not lines[-1].endswith("\n"):
        lines.pop()  # the program is writing it
    if len(lines) < 2:
        raise Missing(f"{shown(file.parent)}: metrics.csv has no epoch yet")
    names = [name.strip() for name in lines[0].split(",")]
    rows = [line.rstrip("\r\n").split(",") for line in lines[1:]]
    wrong = next((k for k, row in enumerate(rows) if len(row) != len(names)), None)
    if wrong is not None or "epoch" not in names:
        raise Damaged(f"{shown(file)}: row {2 + (wrong or -1)} has other columns than it must have")
    table = pandas.DataFrame(rows, columns=names)
    for name in names:
        if name not in TEXTS:
            try:
                table[name] = np.array([float(value) if value.strip() else np.nan for value in table[name]])
            except ValueError as error:
                raise Damaged(f"{shown(file)}: column {name}: {error}") from None
    epochs = table["epoch"].to_numpy()
    if not (np.isfinite(epochs).all() and (np.diff(epochs) > 0).all()):
        raise Damaged(f"{shown(file)}: the epochs do not ascend")
    holes = np.flatnonzero(np.diff(epochs) > 1)
    if len(holes):
        raise Damaged(f"{shown(file)} has no row of epoch {epochs[holes[0]] + 1:.0f}")
    table["epoch"] = epochs.astype(np.int64)
    return table


def _text(file):
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise Damaged(f"{shown(file)} is no UTF-8: byte {error.start}") from None
    except OSError as error:
        raise Damaged(f"{shown(file)} cannot be read: {error.strerror}") from None


def shown(path):
    """A path as text: UTF-8 whatever the locale; a replacement character for bytes that are none."""
    return os.fsencode(path).decode("utf-8", "replace")


def open_runs(paths):
    """Runs in these folders; a folder that holds runs (an ensemble) stands for all of them, in order of their names."""
    found = {}
    for path in map(Path, paths):
        inner = sorted(path.glob("*/config.yaml"), key=lambda p: (len(str(p)), str(p)))
        if not (path / "config.yaml").is_file() and not inner:
            raise Missing(f"{shown(path)} is no run and holds none: config.yaml is not there")
        for folder in [path] if (path / "config.yaml").is_file() else [file.parent for file in inner]:
            found.setdefault(folder.resolve(), folder)  # a run that is named twice counts once
    return Ensemble(map(Run, found.values()))


def open_any(path):
    """The run in a folder, or all runs that the folder holds."""
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
    """Lists of runs that differ in seed, name, output and the like alone: the seeds of one experiment, in order of appearance."""
    groups = {}
    for run in runs:
        groups.setdefault(json.dumps(_experiment(run), sort_keys=True, default=str), Ensemble()).append(run)
    return list(groups.values())


def differing(one, other):
    """The first thing in which two runs differ as experiments, with both values."""
    one, other = _experiment(one), _experiment(other)
    key = min(key for key in {*one, *other} if one.get(key) != other.get(key))
    return f"{key}: {one.get(key)} and {other.get(key)}"
