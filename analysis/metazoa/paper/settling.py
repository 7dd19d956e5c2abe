"""Ways to make self-replicators of an organism that was trained by the task alone: what becomes of particles and task."""

import numpy as np

from ..mathematics import particle
from ..mathematics.statistics import number
from ..reading import hdf5
from ..reading.errors import Missing
from . import double
from .sources import middle, shares, table, three

FEW = 5  # seeds of the ways that only numpy has: they take long
STEPS = (2000, 4000)
SHAPE = 3, 3  # of particles


def ways(source):
    """A row for each way: how many replicate, how exactly, what happens to the effective weights, how far particles move."""
    runs = [run for run in source.runs("images-task-self") if run.particle == SHAPE]
    try:
        before = {run.seed: weights(run, _switch(run)) for run in runs}
    except Missing:
        before = {}
    if not before:
        return ["not run"]
    few = dict(list(before.items())[:FEW])
    settled = {run.seed: run for run in source.runs("images-task-only") if run.seed in before}
    rows = [
        _row(f"`settle: plain`, {number(_plain_steps(runs[0]))} steps", before, {run.seed: weights(run, _end(run)) for run in runs},
             [run.metrics["test_accuracy"].iloc[-1] for run in runs]),
        _row("`settle: project`", before, {seed: weights(run, _end(run)) for seed, run in settled.items()},
             [run.summary["test_accuracy"] for run in settled.values()]),
        _row("the same projection, but no power of two moves", before, {seed: projected(w) for seed, w in before.items()}),
    ]  # fmt: skip
    for name, free in (("gradient steps, effective weight held", None), ("gradient steps in columns 0 to 3 of W₁", FREE)):
        states = {seed: state_of(runs[0], w) for seed, w in few.items()}
        done = 0
        for steps in STEPS:
            for state in states.values():
                state.self_train_held(steps - done) if free is None else state.self_train(steps - done, free)
            rows.append(_row(f"{name}, {steps} steps", few, {seed: state.weights.T for seed, state in states.items()}))
            done = steps
    return table(("settling after the task alone", "seeds", "self-replicators", "largest change by self-application",
                  "effective weights change by at most", "particles move: median, farthest", "accuracy then"), rows)  # fmt: skip


def _row(name, before, after, scores=()):
    found = []
    for seed, w in after.items():
        moved = np.linalg.norm(w - before[seed], axis=1)
        found.append((
            (particle.census(w, *SHAPE) == particle.SELF_REPLICATOR).mean(),
            np.abs(particle.apply_self(w, *SHAPE) - w).max(),
            np.abs(particle.effective(w, *SHAPE) - particle.effective(before[seed], *SHAPE)).max(),
            np.median(moved), moved.max(),
        ))  # fmt: skip
    if not found:
        return name, 0, *("not run" for _ in range(5))
    share, change, effective, moved, most = np.array(found).T
    return (name, len(after), shares(share), number(change.max(), 2), number(effective.max(), 2),
            f"{number(np.median(moved), 3)}, {number(most.max(), 3)}", middle(scores, three) if len(scores) else "")  # fmt: skip


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
