"""A run's folder: configuration, metrics, summary, provenance, archive and probes, each read when asked for."""

import json
import math
import os
import re
import time
from pathlib import Path


from ..mathematics import particle
from . import config, hdf5, hold, members, metrics, particles, program, settings
from .archive import Archive, absent
from .errors import Damaged, Missing
from .text import read_text, shown

DEFAULT_NAME = "mnist"  # of run.name


TRIES, PAUSE = 20, 0.05  # how often, and seconds between, where a run writes what is read


class Run:
    """One run, `metazoa.open(folder)`. Files are read when they are asked for, and metrics once: open the run again for newer ones.

    path: its folder, a pathlib.Path. config: the configuration with all defaults, sections of keys and values:
    run.config["training"]["batch"]; config_text: the same as it is written in config.yaml.
    """

    def __init__(self, path):
        self.path = Path(path)
        file = self.path / "config.yaml"
        if not file.is_file():
            raise Missing(f"{self} is no run: config.yaml is not there")
        self.config_text = read_text(file)
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
        return settings.value(self, section, key, default)

    @property
    def name(self):
        """The run's name; its folder's, where the configuration leaves it at the program's default and the data are others."""
        name = str(self.setting("run", "name", DEFAULT_NAME))
        return shown(self.path.resolve().name) if name == DEFAULT_NAME and self.kind != "idx" else name

    @property
    def seed(self):
        """The seed of the run's random numbers, run.seed in the configuration."""
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
        """Width and layers of a particle; layers 0 for scalars; a third item, True, where particles have biases."""
        if self.scalar:
            return self.setting("particle", "width", 3), 0
        shape = self.setting("particle", "width", 3), self.setting("particle", "layers", 3)
        return (*shape, True) if self.setting("organism", "edges", "particle") == "affine" else shape

    @property
    def epsilon(self):
        """The tolerance of the census (measure.epsilon)."""
        return float(self.setting("measure", "epsilon", 1e-5))

    @property
    def metrics(self):
        """metrics.csv as a pandas.DataFrame, a row for each epoch, from 0 (before training) on; NaN: not measured, or no number.

        epoch; task_loss and self_train_loss, means over the epoch's batches; train_accuracy and test_accuracy, shares from 0 to 1,
        or train_mae and test_mae, mean absolute errors; divergent, zero, self_replicator, secondary, other: numbers of particles;
        fingerprint of all weights, a text; seconds of wall time since the row before.
        """
        if self._metrics is None:  # last, as a run that goes on writes its rows before what tells of them
            newest, summary = self._newest(), self._json("summary.json")
            self._metrics, self._measured = metrics.read(self.path / "metrics.csv")
            self._check_metrics(newest, summary)
        return self._metrics

    def _newest(self):
        """The epoch of the newest checkpoint."""
        names = (re.fullmatch(r"checkpoint-(\d+)(-\d+)?\.h5", file.name) for file in self.path.iterdir())
        return max((int(name[1]) for name in names if name), default=0)

    def _check_metrics(self, newest, summary):
        """Damaged if rows are missing at the end of the metrics, or summary.json is of another run."""
        last = int(self._metrics["epoch"].iloc[-1])
        cure = f"{program.resuming(self)} writes it anew"
        if newest > last:
            raise Damaged(f"{self}: metrics.csv ends at epoch {last}, the run at epoch {newest}: {cure}")
        known = summary.get("fingerprint")
        if known and "fingerprint" in self._metrics and known not in set(self._metrics["fingerprint"]):
            raise Damaged(
                f"{self}: summary.json (epoch {summary.get('epochs')}, fingerprint {known}) is of another run, or metrics.csv "
                f"(to epoch {last}) lacks rows: {cure}"
            )

    def looks(self, column):
        """A column of the metrics at the epochs at which it was measured, a pandas.Series; NaN: the result is no number, as after
        a divergence."""
        table = self.metrics.set_index("epoch")
        if column not in table:
            return table[[]].sum(axis=1)[:0]
        return table[column][self._measured[column].to_numpy()]

    @property
    def census(self):
        """Numbers of particles of each type, a pandas.DataFrame: the index is the epoch, the columns are the types."""
        columns = [name for name in particle.TYPES if name in self.metrics]
        return self.metrics.set_index("epoch")[columns].dropna().astype(int)

    @property
    def measure(self):
        """`accuracy` or `mae`: how the task's success is measured."""
        return "mae" if "test_mae" in self.metrics or "train_mae" in self.metrics else "accuracy"

    @property
    def data(self):
        """What run.json says of the data that the run was trained on: digest, shapes, numbers of samples. Empty for runs whose run.json has none."""
        return self.provenance.get("data") or {}

    @property
    def classification(self):
        """Whether the task tells classes apart."""
        known = self.data.get("classification")
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
    def epochs(self):
        """Epochs that are done; 0 for a run that has not begun. The last one may be a settling phase."""
        return int(self.metrics["epoch"].iloc[-1]) if self.begun else 0

    @property
    def trained(self):
        """Epochs that are done, without a settling phase, which is one epoch more."""
        epochs, summary = self.epochs, self._json("summary.json")
        known = "census_before_settling" in summary and summary.get("epochs") == epochs
        return epochs - (known or epochs > self.setting("training", "epochs", epochs))

    @property
    def score(self):
        """The last test accuracy (0 to 1) or mean absolute error, as `measure` says; NaN if it was never measured, or is no number."""
        values = self.looks(f"test_{self.measure}")
        return float(values.iloc[-1]) if len(values) else math.nan

    @property
    def replicators(self):
        """The share of self-replicators among the particles that live, in the last census, 0 to 1; NaN without a census."""
        shares = particle.replicator_shares(self.census)
        return float(shares.iloc[-1]) if shares.size else math.nan

    @property
    def fingerprint(self):
        """Of all weights after the last epoch: 16 hexadecimal digits, equal in equal runs; "" in files without."""
        return str(self.metrics["fingerprint"].iloc[-1]) if "fingerprint" in self.metrics else ""

    @property
    def begun(self):
        """Whether an epoch, or the state before the first one, was recorded."""
        return metrics.recorded(self.path / "metrics.csv")

    @property
    def finished(self):
        """Whether the last epoch of the training is done."""
        return self.state == "finished"

    @property
    def state(self):
        """`not begun`, `running` (a job works in the folder now), `finished`, or `stopped`; see `stopped_by`."""
        if hold.held(self.path):
            return "running"
        if not self.begun:
            return "not begun"
        summary = self._json("summary.json")
        return "finished" if summary.get("finished") and summary.get("epochs") == self.epochs else "stopped"

    @property
    def stopped_by(self):
        """What stopped it in an orderly way, a text as "SIGTERM"; "" for a run that was killed, or did not stop."""
        summary = self._json("summary.json")
        here = self.state == "stopped" and summary.get("epochs") == self.epochs
        return str(summary.get("stopped_by") or "") if here else ""

    @property
    def summary(self):
        """summary.json: the last row of the metrics, the times of the training in seconds, and more (docs/formats.md)."""
        if self.begun:
            self.metrics  # of the same run
        return self._json("summary.json")

    @property
    def provenance(self):
        """run.json: where, when and by what the run was started last (docs/formats.md)."""
        return self._json("run.json")

    @property
    def starts(self):
        """What run.json says of every start of the run, the first one first: a list of dictionaries."""
        return members.starts(self.provenance)

    @property
    def resumed(self):
        """How often the run was resumed: 0 for one that was trained in one go."""
        return max(0, len(self.starts) - 1)

    @property
    def ranks(self):
        """MPI ranks of the last start; None if unknown."""
        return self.provenance.get("ranks")

    def _json(self, name):
        file = self.path / name
        if not file.is_file():
            return {}
        try:
            found = json.loads(read_text(file))
        except ValueError as error:
            raise Damaged(f"{shown(file)} is no JSON: {error}") from None
        if not isinstance(found, dict):
            raise Damaged(f"{shown(file)} holds no object of names and values")
        if name in members.MEMBERS:
            members.check(shown(file), found, name)
        return found

    def archive(self):
        """The archive of trajectories, open: `with run.archive() as archive` (Archive: epochs, layers, types)."""
        return self._steady(self._archive)

    def _steady(self, read):
        """What `read` reads from the archive: once more if the run has replaced files of the archive meanwhile."""
        for _ in range(TRIES):
            before = self._state()
            try:
                return read()
            except (Damaged, FileNotFoundError):
                if not hold.held(self.path) and self._state() == before:
                    raise
            time.sleep(PAUSE)
        return read()

    def _state(self):
        try:
            status = os.stat(self.path / "archive.h5")
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns

    def _archive(self):
        file = self.path / "archive.h5"
        if not file.is_file():
            raise Missing(f"{self}: no archive.h5 ({absent(self.path)})")
        archive = Archive(file, self.particle, self.epsilon, self.epochs)
        if (self.path / "metrics.csv").is_file() and "fingerprint" in self.metrics:
            known = dict(zip(self.metrics["epoch"], self.metrics["fingerprint"]))
            for epoch, theirs in archive.fingerprints():
                if known.get(epoch, theirs) != theirs:
                    archive.close()
                    raise Damaged(
                        f"{shown(file)} is of another run, or another state of it, than metrics.csv: at epoch {epoch} it has the "
                        f"fingerprint {theirs}, there it is {known[epoch]} "
                        f"({program.command('verify', self)} says more)"
                    )
        return archive

    @property
    def trajectory(self):
        """Weights of the archived layers, lazily: run.trajectory[layer][record, cell, edge, weight], float32.

        Layers are numbered from 0; so are records, which are those of `epoch` (run.trajectory[0].epoch). What an index selects is
        read then, and nothing else: run.trajectory[0][-1] is the first layer after the last epoch. With archive.fraction below 1
        the axes cell and edge are one, particle.
        """
        archive = self.archive()
        for layer in archive.layers.values():
            layer.trajectory.epoch = archive.epoch
        return {number: layer.trajectory for number, layer in archive.layers.items()}

    @property
    def particles(self):
        """All archived particles in the last record: a pandas.DataFrame, a row for each.

        layer, cell, edge: its place, each from 0 (`edge` is the cell of the layer before, or the input, that it reads); type: a
        category; effective: its effective weight, what it multiplies its input by; distance: the Euclidean distance of its weights
        from those in the first record.
        """
        return self._steady(lambda: particles.table(self))

    @property
    def probes(self):
        """The kinds of probes whose results are there, a list."""
        return sorted(file.stem.removeprefix("probe-") for file in self.path.glob("probe-*.h5"))

    def probe_summary(self, kind):
        """The numbers of a probe that a reader would quote, a dictionary (probe-KIND.json). Damaged if they are not of this run."""
        with self.probe(kind) as file:
            found, theirs = self._json(f"probe-{kind}.json"), dict(file.attrs)
        if name := members.apart(found, theirs):
            raise Damaged(f"{self}: probe-{kind}.json does not belong to probe-{kind}.h5: its {name}")
        return found

    def probe(self, kind):
        """A probe's results, an h5py.File open for reading: `with run.probe("dropout") as file`. Its datasets: docs/probes.md.

        Missing if the probe was not made; Damaged if it is not of this run.
        """
        path = self.path / f"probe-{kind}.h5"
        if not path.is_file():
            lost = path.with_suffix(".json").is_file()
            beside = f", which probe-{kind}.json belongs to" if lost else ""
            cure = program.command("probe", kind, self)
            raise (Damaged if lost else Missing)(f"{self}: no probe-{kind}.h5{beside} (run: {cure})")
        file = hdf5.open_whole(path)
        other = self._stranger(kind, file.attrs)
        if other:
            file.close()
            raise Damaged(
                f"{shown(path)} is no probe of this run as it is now: {other}; "
                f"{program.command('probe', kind, self)} makes it anew"
            )
        return file

    def _stranger(self, kind, found):
        """What tells a probe's attributes from those of a probe of this run; None if nothing does. Version 0.1 wrote no fingerprint."""
        epoch, batch, rows = found.get("epoch", -1), found.get("batch", 0), self.metrics
        if hdf5.text(found.get("kind", kind)) != kind:
            return f"it is of kind {hdf5.text(found['kind'])}"
        if found.get("seed", self.seed) != self.seed:
            return f"it has seed {found['seed']}, the run {self.seed}"
        alike = math.isclose(found.get("epsilon", self.epsilon), self.epsilon, rel_tol=1e-6)
        if not alike and "measure.epsilon=" not in hdf5.text(found.get("changed", "")):
            return f"it has measure.epsilon {found['epsilon']:g}, the run {self.epsilon:g}"
        if "fingerprint" in found and batch == 0 and "fingerprint" in rows:
            ours = rows["fingerprint"][rows["epoch"] == epoch]
            theirs = f"{int(found['fingerprint']):016x}"
            if theirs not in set(ours):
                return (
                    f"at epoch {epoch} it has the fingerprint {theirs}, the run {', '.join(ours) or 'none'}"
                )
        return None

    def probe_remark(self, kind):
        """What must be said of a probe: that it looked at another epoch than the run's last, at other data, or with changed keys; "" if nothing."""
        with self.probe(kind) as file:
            epoch, data = int(file.attrs.get("epoch", -1)), file.attrs.get("data_digest")
            changed = hdf5.text(file.attrs.get("changed", ""))
        last, ours = int(self.metrics["epoch"].iloc[-1]), self.data.get("digest")
        said = [f"at epoch {epoch}, not at its last"] if epoch not in (-1, last) else []
        said += ["on other data than it was trained on"] if data and ours and f"{data:016x}" != ours else []
        said += [f"with {changed}"] if changed else []
        return ", ".join(said)

    def effective_weights(self, layer, record=-1):
        """Effective weights and types of a layer (a Layer of the archive) in one record."""
        return particle.effective(layer.trajectory[record], *self.particle), layer.types(record)
