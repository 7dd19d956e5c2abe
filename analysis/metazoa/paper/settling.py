"""Ways to make self-replicators of an organism that was trained by the task alone: what becomes of particles and task."""

from dataclasses import dataclass

import numpy as np

from ..mathematics import particle
from ..mathematics.statistics import number
from ..reading import hdf5
from ..reading.errors import Missing
from . import double
from . import sources as s

FEW = 5  # seeds of the ways that only numpy has: they take long
STEPS = (2000, 4000)
SHAPE = 3, 3  # of particles
PROJECT, UNBALANCED = "`settle: project`", "the same projection, but no power of two moves"
HELD, COLUMNS = "gradient steps, effective weight held", "gradient steps in columns 0 to 3 of W₁"


@dataclass
class Way:
    """What a way to settle made of organisms: one number for each seed."""

    share: np.ndarray  # self-replicators
    change: np.ndarray  # the largest change of a weight by one self-application
    effective: np.ndarray  # the largest change of an effective weight
    median: np.ndarray  # how far the particles moved
    farthest: np.ndarray
    scores: list  # test accuracies, where the program measured them


def measured(source):
    """The ways by name, computed once; Missing where the runs or their checkpoints are not there."""
    if "settling" not in source.made:
        source.made["settling"] = _measure(source)
    return source.made["settling"]


def _measure(source):
    runs = [run for run in source.runs("images-task-self") if run.particle == SHAPE]
    if not runs:
        raise Missing("no run was trained by the task alone and then by self-training alone")
    before = {run.seed: weights(run, _switch(run)) for run in runs}
    settled = [run for run in source.runs("images-task-only") if run.seed in before]
    found = {
        f"`settle: plain`, {number(_plain_steps(runs[0]))} steps": _way(
            before, {run.seed: weights(run, _end(run)) for run in runs}, [s.score(run) for run in runs]
        ),
        PROJECT: _way(
            before,
            {run.seed: weights(run, _end(run)) for run in settled},
            [run.summary["test_accuracy"] for run in settled],
        ),
        UNBALANCED: _way(before, {seed: projected(w) for seed, w in before.items()}),
    }
    few = dict(list(before.items())[:FEW])
    for name, free in ((HELD, None), (COLUMNS, FREE)):
        states = {seed: state_of(runs[0], w) for seed, w in few.items()}
        done = 0
        for steps in STEPS:
            for state in states.values():
                state.self_train_held(steps - done) if free is None else state.self_train(steps - done, free)
            found[f"{name}, {steps} steps"] = _way(
                few, {seed: state.weights.T for seed, state in states.items()}
            )
            done = steps
    return found


def _way(before, after, scores=()):
    rows = []
    for seed, w in after.items():
        moved = np.linalg.norm(w - before[seed], axis=1)
        rows.append((
            (particle.census(w, *SHAPE) == particle.SELF_REPLICATOR).mean(),
            np.abs(particle.apply_self(w, *SHAPE) - w).max(),
            np.abs(particle.effective(w, *SHAPE) - particle.effective(before[seed], *SHAPE)).max(),
            np.median(moved), moved.max(),
        ))  # fmt: skip
    return Way(*np.array(rows).reshape(-1, 5).T, list(scores))


def ways(source):
    """A row for each way: how many replicate, how exactly, what happens to the effective weights, how far particles move."""
    try:
        found = measured(source)
    except Missing:
        return ["not run"]
    rows = [
        (name, len(way.share), s.shares(way.share), number(way.change.max(), 2), number(way.effective.max(), 2),
         number(np.median(way.median)), number(way.farthest.max()), s.middle(way.scores, s.three) if way.scores else "")
        for name, way in found.items() if len(way.share)
    ]  # fmt: skip
    head = ("settling after the task alone", "seeds", "self-replicators", "largest change by self-application",
            "effective weights change by at most", "median particle moves", "farthest", "accuracy then")  # fmt: skip
    return s.table(head, rows)


# ---- compiled ----


def compiled(source):
    """What `metazoa compile` made of trained networks: their outputs on the test data are compared with those of the organisms."""
    rows = []
    for name, variant in (
        ("225-5-5-10, conventional", "images-conventional"),
        ("784-128-64-10, conventional", "images-wide-conventional"),
        ("225-5-5-10, organism, after the task alone", "images-task-self"),
    ):
        lines = source.compiled(variant)
        if lines:
            column = {key: np.array([line[key] or 0 for line in lines]) for key in ("particles", "share_self_replicators",
                      "largest_output_change", "largest_relative_output_change")}  # fmt: skip
            rows.append((name, len(lines), number(column["particles"][0]), s.shares(column["share_self_replicators"]),
                         number(column["largest_output_change"].max()), number(column["largest_relative_output_change"].max())))  # fmt: skip
    if not rows:
        return ["not run"]
    head = ("compiled", "seeds", "connections", "self-replicators", "largest change of an output", "relative")
    return s.table(head, rows)


# ---- parts ----


def _switch(run):
    """The epoch at which the first phase ends."""
    return int(next(iter(run.setting("training", "phases")[0].values())))


def _end(run):
    return int(run.metrics["epoch"].iloc[-1])


def _plain_steps(run):
    """Steps of self-training alone in the second phase: as many in an epoch as there are in one of training both tasks."""
    batches = -(-run.data["training_samples"] // run.setting("training", "batch"))
    return batches * run.setting("training", "self_train_steps") * (_end(run) - _switch(run))


def weights(run, epoch):
    """All particles' weights in the checkpoint of an epoch: [particle, weight]."""
    path = run.path / f"checkpoint-{epoch}.h5"
    if not path.is_file():
        raise Missing(f"{run}: no {path.name}")
    with hdf5.open_file(path) as file:
        layers = [hdf5.read(file, f"layers/{number}/weights") for number in range(len(file["layers"]))]
    return np.concatenate([layer.reshape(-1, layer.shape[-1]) for layer in layers]).astype(np.float64)


def state_of(run, weights):
    return double.State(weights, run.particle[0], run.setting("training", "learning_rate"), run.setting("training", "momentum"))  # fmt: skip


# Weights of the particle 5-3-3-1 that replication alone may move: columns 0 to 3 of W1.
FREE = np.concatenate([np.tile([1.0, 1, 1, 1, 0], 3), np.zeros(12)])[:, None]


def projected(weights):
    """The projection in closed form (docs/mathematics.md, section 4), rounded to single precision."""
    one, two, three_ = weights[:, :15].reshape(-1, 3, 5), weights[:, 15:24].reshape(-1, 3, 3), weights[:, 24:]
    u = np.einsum("ni,nij->nj", three_, two)
    short = np.array([1, 0, 0, 0]) - np.einsum("nj,njk->nk", u, one[:, :, :4])
    one = one.copy()
    one[:, :, :4] += u[:, :, None] * short[:, None] / (u**2).sum(axis=1)[:, None, None]
    found = np.concatenate([one.reshape(-1, 15), weights[:, 15:]], axis=1)
    return found.astype(np.float32).astype(np.float64)
