"""The claims of the paper: what it says, in our words; when it counts as confirmed; what these runs say; the verdict.

A verdict is True, False where the opposite of the rule holds (the whole interval on the other side of a bound; in four of five seeds
the other way), OPEN where neither does, or None where the runs were not made. Intervals are .95 intervals of the median, by the
bootstrap over seeds.
"""

from dataclasses import dataclass
from typing import Callable

import numpy as np

from ..mathematics.statistics import interval, number
from ..reading.errors import Missing
from . import controls, places, pruning, robustness, trajectories
from . import sources as s

OPEN = "open"
WORDS = {True: "**confirmed**", False: "**contradicted**", OPEN: "**not confirmed**", None: "not run"}
MOST = 0.8  # of the seeds
LACKING = (Missing, IndexError, KeyError, ValueError)  # what comes of runs or probes that are not there


@dataclass
class Claim:
    says: str
    rule: str
    find: Callable  # of the source: (text, verdict)
    long: bool = False  # whether that takes long: minutes for thirty seeds


def _bounds(values):
    return tuple(map(float, interval(np.asarray(values, float))))


def _above(values, bound):
    """Whether the interval lies above a bound, or that of other values."""
    low, high = (bound, bound) if np.isscalar(bound) else _bounds(bound)[1:]
    _, ours, most = _bounds(values)
    return True if ours > high else False if most < low else OPEN


def _most(hits):
    if len(hits) == 0:
        raise Missing("no run says anything of this")
    share = np.mean(hits)
    return True if share >= MOST else False if share <= 1 - MOST else OPEN


def _both(*verdicts):
    return False if False in verdicts else OPEN if OPEN in verdicts else True


def count(hits):
    return f"{sum(map(bool, hits))} of {len(hits)} seeds"


def _all_since(run):
    """The first epoch from which all particles are self-replicators until the end; None if they are not in the end."""
    every = (run.metrics["self_replicator"] == run.summary["particles"]).to_numpy()
    if not every[-1]:
        return None
    return int(run.metrics["epoch"].iloc[len(every) - np.argmin(every[::-1]) if not every.all() else 0])


def all_replicate(source):
    since = source.each("addition", _all_since)
    known = [epoch for epoch in since if epoch is not None]
    text = f"all 18 in {count([epoch is not None for epoch in since])}"
    return text + (f", since epoch {min(known)} to {max(known)}" if known else ""), len(known) == len(since)


def small_losses(source):
    parts = [source.each("addition", s.last(f"{task}_loss")) for task in ("self_train", "task")]
    text = f"self-training {s.spread(parts[0])}; task {s.spread(parts[1])}; error {s.spread(source.each('addition', s.score))}"
    return text, max(map(max, parts)) < 1e-6


def _longer(source, group):
    ours, theirs = (robustness.steps_at(source, "addition", name) for name in ("organism", group))
    return f"organism {s.middle(ours)}, {group} {s.middle(theirs)}", _above(ours, theirs)


def longer_than_alone(source):
    return _longer(source, "single")


def longer_than_perfect(source):
    return _longer(source, "perfect")


def under_noise(source):
    found = robustness.steps_at(source, "addition", "organism", 5)
    return f"{s.middle(found)} steps at 10⁻⁵, {s.middle(robustness.steps_at(source, 'addition', 'organism', 6))} at 10⁻⁶", _above(found, 1)  # fmt: skip


def _second_lives(source):
    return [robustness.steps_at(source, name, "organism") for name in ("addition", "images")]


def less_robust(source):
    first, second = _second_lives(source)
    return f"{s.middle(first)} against {s.middle(second)}", _above(first, second)


def much_less_robust(source):
    first, second = _second_lives(source)
    ratio = np.median(second) / np.median(first)
    published = np.median(robustness.steps_at(source, "addition", "organism", counting="published"))
    return (
        f"{number(ratio, 2)} of it; by the published counting {number(np.median(second) / published, 2)}",
        ratio < 0.5,
    )


def substitution(source):
    largest = [
        [line["largest"] for line in source.lines(name, "substitution")] for name in ("addition", "images")
    ]
    size = [
        [line["output_mean_magnitude"] for line in source.lines(name, "substitution")]
        for name in ("addition", "images")
    ]
    text = "; ".join(
        f"exp. {k + 1}: largest {s.spread(largest[k])}, outputs of size {s.middle(size[k])}" for k in (0, 1)
    )
    return text, max(map(max, largest)) <= 1e-8


def accuracy(source):
    found = source.each("images", s.score)
    return (
        f"{s.spread(found, s.three)}; above in {count([value > 0.8 for value in found])}",
        _above(found, 0.8),
    )


def _loss_and_score(run):
    rows = run.metrics.set_index("epoch")
    good = rows["test_accuracy"] >= 0.9 * rows["test_accuracy"].iloc[-1]
    small = rows["self_train_loss"] < 1e-6
    return (int(small.idxmax()) if small.any() else 10**9), int(good.idxmax())


def loss_first(source):
    found = np.array(source.each("images", _loss_and_score))
    loss, score = found.T
    return f"epoch {np.median(loss):g} ({loss.min()} to {loss.max()}) against {np.median(score):g} ({score.min()} to {score.max()})", bool((loss < score).all())  # fmt: skip


def a_quarter(source):
    found = source.each("images", s.share)
    _, low, high = _bounds(found)
    return s.shares(found), 0.2 <= low and high <= 0.3 or (OPEN if low <= 0.3 and high >= 0.2 else False)


def _growth(run):
    share = run.metrics.set_index("epoch")["self_replicator"] / run.summary["particles"]
    return float(share.loc[181:200].mean() - share.loc[81:100].mean())


def still_grows(source):
    found = source.each("images", _growth)
    return f"{s.spread(found, s.signed_points)} points; up in {count([value > 0 for value in found])}", _most([value > 0 for value in found])  # fmt: skip


def cheap_to_drop(source):
    lines = source.lines("images", "dropout")
    found = pruning.whole(lines) - [line["score_without"]["self_replicator"] for line in lines]
    return s.spread(found, pruning._four), _above(-found, -0.005)


def others_needed(source):
    found = [line["score_without"]["other"] for line in source.lines("images", "dropout")]
    return s.spread(found, s.three), max(found) < 0.11


def _beats(source, strategy, network="organism"):
    lines = source.lines("images", "dropout")
    wins = pruning.better(lines, strategy, network)
    lost = [pruning.lost(lines, name, network) for name in ("replicators", strategy)]
    text = f"{wins} of {len(lines)} seeds; lost {s.middle(lost[0], pruning._four)} against {s.middle(lost[1], pruning._four)}"
    return text, _most([True] * wins + [False] * (len(lines) - wins))


def beats_l1(source):
    return _beats(source, "magnitude")


def beats_l1_conventional(source):
    return _beats(source, "magnitude", "conventional")


def beats_activity(source):
    return _beats(source, "activity")


def _places(source, k):
    return [one[k] for one in source.each("images", places.of)]


def in_first_layer(source):
    found = _places(source, 0)
    return s.shares(found), min(found) >= 0.9


def at_the_edges(source):
    rim, inside = _places(source, 2), _places(source, 3)
    return f"{s.shares(rim)} against {s.shares(inside)}", np.median(rim) >= 5 * np.median(inside)


def keep_weights(source):
    ours, others = _places(source, 4), _places(source, 5)
    return f"abs(w) {s.spread(ours)}, others {s.spread(others)}", np.median(ours) >= 0.5 * np.median(others)


def _axes(source, place, k):
    """The first component's share among self-replicators, others, and the self-replicators' walks, each by seed."""
    found = [one[place] for one in source.each("images", trajectories.axes_of) if place in one]
    return [np.array([one[kind][at] for one in found]) for kind, at in ((0, k), (1, k), (0, k + 2))]


def _one_axis(source, place, k):
    ours, others, _ = _axes(source, place, k)
    text = f"{s.middle(ours, s.percent)} %, others {s.middle(others, s.percent)} %; more than others in {count(ours > others)}"
    return text, _both(_above(ours, 0.5), _most(ours > others))


def one_axis_first(source):
    return _one_axis(source, "first", 1)


def one_axis_last(source):
    return _one_axis(source, "last", 1)


def one_axis_each(source):
    return _one_axis(source, "first", 2)


def one_axis_each_last(source):
    return _one_axis(source, "last", 2)


def more_than_walks(source):
    ours, _, walks = _axes(source, "first", 2)
    return f"walks {s.middle(walks, s.percent)} %; more than walks in {count(ours > walks)}", _most(
        ours > walks
    )


def vanish_or_diverge(source):
    found = [line["application"]["share"] for line in source.lines("addition", "lifetime")]
    if not found:
        raise Missing("probe lifetime was not run")
    text = f"zero {s.shares([one['zero'] for one in found])}, divergent {s.shares([one['divergent'] for one in found])}"
    return text, all(one["other"] == 0 for one in found)


def _within(source, epsilon):
    found = [line["training"] for line in source.lines("addition", "lifetime")]
    return [one["share_fixpoints"][one["epsilon_list"].index(epsilon)] for one in found]


def alone_become_fixpoints(source):
    found = _within(source, 1e-5)
    return s.shares(found), _above(found, 0.99)


def alone_within_1e_7(source):
    single, double = _within(source, 1e-7), robustness.twins(source).alone[:, 2]
    return f"single precision {s.shares(single)}; double {s.shares(double)}", _above(single, 0.99)


def goal_within_1e_7(source):
    single = [
        line["share_self_replicators"][line["epsilon_list"].index(1e-7)]
        for line in source.lines("addition", "goal")
    ]
    double = robustness.twins(source).organism[:, 2]
    return f"single precision {s.shares(single)}; double {s.shares(double)}", _above(double, 0.99)


def switching_disturbs(source):
    texts, hits = [], []
    for experiment in ("addition", "images"):
        task_first = np.array(source.each(f"{experiment}-task-self", controls.switch))
        self_first = np.array(source.each(f"{experiment}-self-task", controls.switch))
        if not len(task_first) or not len(self_first):
            continue
        before, after = task_first[:, 0], task_first[:, 2]
        worse = after > 2 * before if experiment == "addition" else after < 0.5 * before
        gone = self_first[:, 3] < 0.5 * self_first[:, 1]
        hits += [*worse, *gone]
        texts.append(f"exp. {1 if experiment == 'addition' else 2}: {count(worse)}, {count(gone)}")
    return "; ".join(texts), all(hits) if hits else None


CLAIMS = {
    "C1": Claim("Exp. 1: every particle becomes a self-replicator (2)", "all 18 in every seed", all_replicate),
    "C2": Claim("Exp. 1: both losses end well below 10⁻⁵ (3)", "largest seed below 10⁻⁶", small_losses),
    "C3a": Claim("Exp. 1: the organism's self-replicators keep the property longer than ones trained alone (4)", "mean steps at noise 10⁻⁹: interval above that of those alone", longer_than_alone),
    "C3b": Claim("longer even than perfect ones (4)", "the same, perfect ones", longer_than_perfect),
    "C4": Claim("some even under noise above 10⁻⁵ (4)", "mean steps at 10⁻⁵: interval above 1", under_noise),
    "C5a": Claim("Exp. 2's self-replicators are less robust (7)", "mean steps at 10⁻⁹, same counting: interval below that of exp. 1", less_robust),
    "C5b": Claim("*much* less (7)", "less than half as many steps", much_less_robust),
    "C6": Claim("substitution changes outputs by at most 10⁻⁸ (5; its axis says 10⁻⁷)", "largest difference of all seeds at most 10⁻⁸", substitution),
    "C7": Claim("Exp. 2: test accuracy above 0.8 (6)", "interval of the median above 0.8", accuracy),
    "C8": Claim("the self-training loss converges long before the accuracy (6)", "epoch of loss < 10⁻⁶ before that of 90 % of the final accuracy in all seeds", loss_first),
    "C9": Claim("about a quarter of the particles are self-replicators (9)", "interval within 20 to 30 %", a_quarter),
    "C10": Claim("their number still grows slowly (9)", "share in epochs 181 to 200 above that of 81 to 100 in four of five seeds", still_grows),
    "C11": Claim("dropping the self-replicators costs almost nothing (8)", "accuracy lost: interval below 0.005", cheap_to_drop),
    "C12": Claim("dropping the others disables classification (8)", "below 0.11 in all seeds", others_needed),
    "C13": Claim("dropping self-replicators beats the global l1 norm (8)", "loses less in four of five seeds, same count", beats_l1),
    "C14": Claim("so do the same positions in a conventional network (8)", "the same there", beats_l1_conventional),
    "C15": Claim("so self-replication is a new pruning strategy", "beats abs(w) rms(x), which knows the inputs' scale, in four of five seeds", beats_activity),
    "C16": Claim("self-replicators sit in the first layer (11)", "at least 90 % of them in every seed", in_first_layer),
    "C17": Claim("there, at the picture's empty edges (10)", "share at the outer two pixels at least five times that inside, medians", at_the_edges),
    "C18": Claim("they keep weights of their own although they do not matter (10)", "median abs(w) at least half of the others'", keep_weights),
    "C19a": Claim("trajectories of self-replicators lie along one axis, others' do not (12): all of the first layer's along one", "first component of their movement: interval above 50 %, and above others' in four of five seeds", one_axis_first, long=True),
    "C19b": Claim("the same in the last layer that has both types, as in the paper's figure", "the same", one_axis_last, long=True),
    "C19c": Claim("each self-replicator of the first layer along an axis of its own", "the same, median particle", one_axis_each, long=True),
    "C19d": Claim("each of the last layer's", "the same, median particle", one_axis_each_last, long=True),
    "C19e": Claim("and that says something of how they move", "C19c: more than random walks with the same lengths of steps, in four of five seeds", more_than_walks, long=True),
    "C20": Claim("II: random particles under self-application alone vanish or diverge", "all 10000 in every seed", vanish_or_diverge),
    "C21a": Claim("II: under self-training alone they become fixpoints", "at least 99 % within 10⁻⁵", alone_become_fixpoints),
    "C21b": Claim("II: up to a small ε ≤ 10⁻⁷", "at least 99 % within 10⁻⁷, in single precision", alone_within_1e_7, long=True),
    "C22": Claim("footnote 2: one task first, then the other, disturbs what was trained first", "in every seed the accuracy halves (exp. 1: the error doubles), and more than half of the self-replicators are lost", switching_disturbs),
    "C23": Claim("Exp. 1 reaches its goal at ε = 10⁻⁷ too", "at least 99 % self-replicators within 10⁻⁷, in double precision", goal_within_1e_7, long=True),
}  # fmt: skip


def decide(source, claim):
    """What the runs say, and the verdict; "not run" where some of them are missing."""
    try:
        text, verdict = claim.find(s.Needed(source))
    except LACKING:
        return "", None
    return text, verdict if verdict in (None, OPEN) else bool(verdict)


def table(source):
    rows = []
    for name, claim in CLAIMS.items():
        text, verdict = decide(source, claim)
        rows.append((name, claim.says, claim.rule, text, WORDS[verdict]))
    seeds = sorted({len(source.runs(name)) for name in ("addition", "images")})
    shown = " and ".join(map(str, seeds))
    return s.table(
        ("", "the paper says (figure)", "counts as confirmed if", f"here, {shown} seeds", "verdict"), rows
    )
