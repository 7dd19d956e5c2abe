"""What an earlier review of the project expected, with its numbers, beside what these runs say."""

import numpy as np

from . import controls, pruning, robustness, trajectories
from . import sources as s
from .claims import LACKING, count


def _mean(values, digits=4):
    return f"{np.mean(values):.{digits}f}"


def _first_twenty(source, what):
    lines = [line for line in source.lines("images", "dropout") if line["seed"] <= 20]
    return pruning.whole(lines) if what is None else pruning.left(lines, what)


def _drop_row(source):
    names = (None, "replicators", "magnitude", "activity", "taylor")
    return ", ".join(_mean(_first_twenty(source, name)) for name in names)


def _wins(source):
    ours = _first_twenty(source, "replicators")
    return ", ".join(
        f"{int((ours > _first_twenty(source, name)).sum())} of {len(ours)}"
        for name in ("magnitude", "activity")
    )


def _published(source):
    found = [np.median(robustness.steps_at(source, name, "organism", counting=how))
             for name, how in (("addition", "mean"), ("addition", "published"), ("images", "mean"))]  # fmt: skip
    return "{:.1f} becomes {:.1f}; {:.1f}".format(*found)


def _observed(source):
    lines = source.lines("addition", "stability")
    return ", ".join(
        f"{np.median([line[f'random_{n}_layers']['steps_per_decade_observed'] for line in lines]):.2f}"
        for n in (2, 3, 4)
    )


def _settled(source):
    seeds, whole, change = pruning.settled(source)
    return f"all particles in {whole} of {seeds} seeds; the accuracy changes by {s.spread(change, pruning._four)}"


def _projected(source):
    runs = source.runs("images-task-only")
    whole = [run.summary["census"]["self_replicator"] == run.summary["particles"] for run in runs]
    same = [run.summary["test_accuracy"] == run.summary["test_accuracy_before_settling"] for run in runs]
    return f"all particles in {count(whole)}, the same accuracy in {count(same)}"


def _free(source):
    """Whether training with `replication` learns to the last digit what the task alone learns."""
    alone = {run.seed: run for run in source.runs("images-task-only")}
    both = [(run, alone[run.seed]) for run in source.runs("images-replication") if run.seed in alone]
    return "equal in " + count([_same_scores(*pair) for pair in both])


def _same_scores(one, other):
    columns = ["task_loss", "train_accuracy", "test_accuracy"]
    return one.metrics[columns].iloc[:200].equals(other.metrics[columns].iloc[:200])


def _five(source):
    found = source.each("images", s.score)
    return f"seeds 1 to 5 {_mean(found[:5], 3)}, all {len(found)} {_mean(found, 3)}"


def _three_components(source, measure):
    found = source.each("images", measure)
    return " against ".join(
        ", ".join(f"{100 * value:.0f}" for value in np.median([one[kind][0] for one in found], axis=0)) + " %"
        for kind in (0, 1)
    )


def _of_displacements(source):
    return _three_components(source, trajectories.of_displacements)


def _between(source):
    return s.shares([one[3] for one in source.each("images", trajectories.path)])


def _epoch_one(source):
    return s.shares([one[0] for one in source.each("images", trajectories.path)])


def _reset(source):
    found = source.each("images-momentum-reset", s.share)
    return f"mean {s.percent(np.mean(found))} %, median {s.shares(found)}"


def _switched(source):
    found = np.array(source.each("images-task-self", controls.switch))
    return f"{s.shares(found[:, 3])} replicate; accuracy {s.spread(found[:, 0], s.three)}, then {s.spread(found[:, 2], s.three)}"


def _left_over(source):
    return s.shares(np.array(source.each("images-self-task", controls.switch))[:, 3])


def _by_steps(source):
    names = ("images-task-only", "images", "images-steps-25", "images-epochs-2000")
    found = [source.each(name, s.share) for name in names]
    return ", ".join(f"{s.percent(np.median(one), 2)} % ({len(one)})" if one else "not run" for one in found)


EXPECTED = (
    ("settling after the task alone: all but about 18 of 1200 replicate, the accuracy falls from .82 to .10", _switched),
    ("self-training first, then the task alone: 5 % of the self-replicators are left", _left_over),
    ("projection: 1200 of 1200, no output changes", _projected),
    ("`replication`: the task's path is that without self-training", _free),
    ("counters never reset: 3.7 becomes 20.5; 2.2 stays", _published),
    ("steps per decade for n = 2, 3, 4: 1.97, 1.62, 1.42 measured", _observed),
    ("pruning, means of seeds 1 to 20: nothing .7996, self-replicators .7954, abs(w) .6484, abs(w) rms(x) .7996, Taylor .7941", _drop_row),
    ("self-replicators beat abs(w) in 20 of 20 seeds, abs(w) rms(x) in 3", _wins),
    ("99.8 % of the pooled variance is between particles", _between),
    ("displacements: 11, 10, 9 % against 5, 5, 5 % of walks", _of_displacements),
    ("67 to 92 % of each path lies in epoch 1", _epoch_one),
    ("five seeds, .828 ± .009, exclude the mean of thirty, .774", _five),
    ("momentum `reset`: 21 % self-replicators", _reset),
    ("0, 29, 42 % at 0, 5, 25 steps; 31 to 33 % after 2000 epochs (seeds)", _by_steps),
    ("settling after both tasks: all replicate, the accuracy stays", _settled),
)  # fmt: skip


def table(source):
    rows = []
    for expected, find in EXPECTED:
        try:
            rows.append((expected, find(source)))
        except LACKING:
            rows.append((expected, "not run"))
    return s.table(("it expected", "these runs"), rows)
