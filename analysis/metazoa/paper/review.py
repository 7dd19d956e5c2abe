"""What an earlier review of the project expected, with its numbers, beside what these runs say."""

import numpy as np
from scipy import stats

from ..mathematics.particle import SELF_REPLICATOR
from ..mathematics.statistics import number
from ..reading.errors import Missing
from . import controls, pruning, robustness, settling, trajectories
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
    return (
        f"seeds 1 to 5 {_mean(found[:5], 3)} ± {_t_band(found[:5]):.3f}, all {len(found)} {_mean(found, 3)}"
    )


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
    found = np.array(source.each("images", trajectories.path))
    return f"{s.shares(found[:, 0])} of the length of all paths, {s.shares(found[:, 1])} of the median particle's"


def _projection(source):
    ways = settling.measured(source)
    with_, without = ways[settling.PROJECT], ways[settling.UNBALANCED]
    return (
        f"residual {number(without.change.max(), 2)}, {number(with_.change.max(), 2)} with the power of two; moves up to "
        f"{number(without.farthest.max())}, {number(with_.farthest.max())}"
    )


def _held(source):
    ways = settling.measured(source)
    counts = [ways[f"{settling.HELD}, {steps} steps"].share * 1200 for steps in settling.STEPS]
    return "; ".join(f"{', '.join(f'{n:.0f}' for n in found)} after {steps} steps" for steps, found in zip(settling.STEPS, counts))  # fmt: skip


def _compiled(source):
    lines = source.compiled("images-conventional") + source.compiled("images-wide-conventional")
    whole = [line["share_self_replicators"] == 1 for line in lines]
    return f"all edges replicate in {count(whole)}; outputs change by at most {number(max(line['largest_output_change'] for line in lines))}"  # fmt: skip


def _eigenvalue(source):
    lines = [line["organism"] for line in source.lines("addition", "stability")]
    return f"median of the largest modulus {s.spread([line['radius_median'] for line in lines], lambda value: f'{value:.6f}')}"


def _theorem(source):
    line = source.lines("addition", "stability")[0]
    return ", ".join(f"{line[f'random_{n}_layers']['steps_per_decade_theorem']:.2f}" for n in (2, 3, 4))


def _last_layer(run):
    with run.archive() as archive:
        types = list(archive.layers.values())[-1].types(-1)
    return int((types == SELF_REPLICATOR).sum()), types.size


def _of_last_layer(source):
    found = np.array(source.each("images", _last_layer))
    return f"of {found[0, 1]}, {s.spread(found[:, 0])} are self-replicators; at least one in {count(found[:, 0] > 0)}"


def _t_band(values):
    """Half the width of a .95 interval of the mean by Student's t, over the first axis."""
    n = len(values)
    if n < 2:
        raise Missing("one seed has no interval")
    return stats.t.ppf(0.975, n - 1) * np.std(values, axis=0, ddof=1) / np.sqrt(n)


def _three_seeds(source):
    """Epochs at which the t-band of three seeds leaves [0, 1]: self-replicators of experiment 1."""
    found = np.array(
        [run.metrics["self_replicator"] / run.summary["particles"] for run in source.runs("addition")[:3]]
    )
    mean, half = found.mean(axis=0), _t_band(found)
    outside = (mean + half > 1 + 1e-9) | (mean - half < -1e-9)
    return f"shares of self-replicators in experiment 1, seeds 1 to 3: in {outside.sum()} of {found.shape[1]} epochs"


def _median_of_all(source):
    return s.spread(source.each("images", s.score), s.three)


def _reset(source):
    found = source.each("images-momentum-reset", s.share)
    return f"mean {s.percent(np.mean(found))} %, median {s.shares(found)}"


def _switched(source):
    """Self-training alone after the task alone, by the probe settle."""
    lines = source.lines("images-task-self", "settle")
    rest = [sum(line["types_after"].values()) - line["types_after"]["self_replicator"] for line in lines]
    before, after = ([line[f"score_{when}"] for line in lines] for when in ("before", "after"))
    return f"all but {s.spread(rest)}; {s.spread(before, s.three)} falls to {s.spread(after, s.three)}"


def _left_over(source):
    return s.shares(np.array(source.each("images-self-task", controls.switch))[:, 3])


def _by_steps(source):
    names = ("images-task-only", "images", "images-steps-25", "images-epochs-2000")
    found = [source.each(name, s.share) for name in names]
    return ", ".join(f"{s.percent(np.median(one), 2)} % ({len(one)})" for one in found)


EXPECTED = (
    ("2000 steps of self-training after the task alone: all but about 18 of 1200 replicate, .82 falls to .10", _switched),
    ("projection: residual up to 1.3 × 10⁻⁶, particles move by up to 120, a power of two cures that", _projection),
    ("gradient steps with the effective weight held: 1186 and 1185 of 1200", _held),
    ("any conventional network can be compiled: all edges replicate, the same function", _compiled),
    ("self-training first, then the task alone: 5 % of the self-replicators are left", _left_over),
    ("projection: 1200 of 1200, no output changes", _projected),
    ("`replication`: the task's path is that without self-training", _free),
    ("counters never reset: 3.7 becomes 20.5; 2.2 stays", _published),
    ("self-application has the eigenvalue 1 + n at a fixpoint, 4 for 5-3-3-1", _eigenvalue),
    ("steps per decade for n = 2, 3, 4: 2.10, 1.66, 1.43 by the theorem", _theorem),
    ("steps per decade for n = 2, 3, 4: 1.97, 1.62, 1.42 measured", _observed),
    ("pruning, means of seeds 1 to 20: nothing .7996, self-replicators .7954, abs(w) .6484, abs(w) rms(x) .7996, Taylor .7941", _drop_row),
    ("self-replicators beat abs(w) in 20 of 20 seeds, abs(w) rms(x) in 3", _wins),
    ("99.8 % of the pooled variance is between particles", _between),
    ("displacements: 11, 10, 9 % against 5, 5, 5 % of walks", _of_displacements),
    ("67 to 92 % of each path lies in epoch 1", _epoch_one),
    ("figure 12's layer: 8 self-replicators and 42 others", _of_last_layer),
    ("t-bands of three seeds leave [0, 1]", _three_seeds),
    ("30 seeds: accuracy .50 to .87, median .815", _median_of_all),
    ("five seeds, .828 ± .009, exclude the mean of thirty, .774", _five),
    ("momentum `reset`: 21 % self-replicators", _reset),
    ("0, 29, 42 % at 0, 5, 25 steps; 31 to 33 % after 2000 epochs (seeds)", _by_steps),
    ("settling after both tasks: all replicate, the accuracy stays", _settled),
)  # fmt: skip


def table(source):
    rows = []
    for expected, find in EXPECTED:
        try:
            rows.append((expected, find(s.Needed(source))))
        except LACKING:
            rows.append((expected, "not run"))
    return s.table(("it expected", "these runs"), rows)
