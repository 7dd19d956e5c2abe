"""Tables of robustness, stability, basins, and of particles alone, in single and in double precision."""

import numpy as np

from ..mathematics.statistics import number
from . import double as twin
from .sources import middle, percent, shares, spread, table

NOISE = slice(5, 10)  # 1e-5 to 1e-9 among the probe's magnitudes


def _steps(lines, group, counting="mean"):
    """Mean steps as a self-replicator [run, magnitude] of the runs that probed this group."""
    found = [line[group] for line in lines if line.get(group, {}).get("particles")]
    return np.array([one[f"steps_replicator_{counting}"] for one in found])


def steps_at(source, variant, group, noise=9, counting="mean"):
    """The same at 10^-noise, a list over the seeds."""
    found = _steps(source.lines(variant, "robustness"), group, counting)
    return list(found[:, noise]) if len(found) else []


def lifetimes(source):
    rows = []
    for name, variant, group, counting in (
        ("Exp. 1, each draw for itself", "addition", "organism", "mean"),
        ("Exp. 1, as published", "addition", "organism", "published"),
        ("Exp. 1, trained alone", "addition", "single", "mean"),
        ("Exp. 1, perfect fixpoint", "addition", "perfect", "mean"),
        ("Exp. 2, each draw for itself", "images", "organism", "mean"),
        ("Exp. 2, as published (one draw)", "images", "organism", "mean"),
    ):
        found = _steps(source.lines(variant, "robustness"), group, counting)
        if len(found):
            cells = [number(value, 3) for value in np.median(found, axis=0)[NOISE]]
            cells[-1] = middle(found[:, -1])
            rows.append((name, *cells))
    return table(("mean steps as self-replicator, noise", "10⁻⁵", "10⁻⁶", "10⁻⁷", "10⁻⁸", "10⁻⁹"), rows)


def stability(source):
    rows = []
    for name, variant, group in (
        ("random fixpoints, n = 2", "addition", "random_2_layers"),
        ("random fixpoints, n = 3", "addition", "random_3_layers"),
        ("random fixpoints, n = 4", "addition", "random_4_layers"),
        ("self-replicators of experiment 1", "addition", "organism"),
        ("self-replicators of experiment 2", "images", "organism"),
    ):
        found = [line[group] for line in source.lines(variant, "stability") if group in line]
        if found:
            column = {key: [one[key] for one in found] for key in found[0]}
            rows.append((
                name,
                number(np.median(column["steps_per_decade_theorem"]), 4),
                number(np.median(column["steps_per_decade_predicted"]), 4),
                spread(column["steps_per_decade_observed"], lambda value: number(value, 4)),
                f"{percent(np.mean(column['share_above_theorem']), 2)} %",
            ))  # fmt: skip
    head = (
        "particles",
        "by 1 + n",
        "by each one's largest eigenvalue",
        "observed",
        "another eigenvalue is larger",
    )
    return table(head, rows)


def basins(source):
    lines = source.lines("addition", "basins")
    if not lines:
        return ["not run"]
    median = {key: np.nanmedian(np.array([line[key] for line in lines], float), axis=0)
              for key, value in lines[0].items() if isinstance(value, list)}  # fmt: skip
    rows = []
    for name, key in (
        ("become self-replicators", "share_self_replicators"),
        ("of these nearest to their own parent", "share_nearest_to_parent"),
    ):
        rows.append((name, *(f"{percent(value)} %" for value in median[key])))
    for name, key in (
        ("distance to the parent, before", "distance_start_median"),
        ("after", "distance_end_median"),
        ("after, modulo permutations of hidden cells", "distance_permuted_median"),
    ):
        rows.append((name, *(f"{value:.3g}" for value in median[key])))
    return table(("noise", *(f"{value:.0e}".replace("e-0", "e-") for value in median["noise"])), rows)


def alone(source):
    """Section II: random particles without an organism."""
    lines = source.lines("addition", "lifetime")
    if not lines:
        return ["not run"]
    rows = []
    for what, end in (("vanish", "zero"), ("diverge", "divergent")):
        part = [line["application"] for line in lines]
        rows.append((
            f"self-application alone: {what}",
            shares([one["share"][end] for one in part]),
            "after {} (quartiles {} to {}, at most {}) applications".format(
                *(number(np.median([one[f"steps_to_{end}"][k] for one in part])) for k in (2, 1, 3)),
                number(max(one[f"steps_to_{end}"][4] for one in part)),
            ),
        ))  # fmt: skip
    rows.append(
        (
            "self-application alone: neither",
            shares([line["application"]["share"]["other"] for line in lines]),
            "",
        )
    )
    part = [line["training"] for line in lines]
    steps = [np.median([one["steps_to_self_replicator"][k] for one in part]) for k in (2, 1, 3)]
    rows.append((
        f"self-training alone, {lines[0]['steps']} steps: self-replicators",
        shares([one["share"]["self_replicator"] for one in part]),
        "after {} (quartiles {} to {}) steps, at most {}".format(
            *map(number, steps), number(max(one["steps_to_self_replicator"][4] for one in part))),
    ))  # fmt: skip
    for k, epsilon in enumerate(part[0]["epsilon_list"]):
        rows.append(
            (
                f"of these, within {epsilon:.0e}".replace("e-0", "e-"),
                shares([one["share_fixpoints"][k] for one in part]),
                "",
            )
        )
    return table(("10000 random particles, each seed", "share", "when"), rows)


def double(source):
    """Experiment 1 and section II in double precision beside single precision, by tolerance."""
    single = source.lines("addition", "goal")
    if not single:
        return ["not run"]
    made = twins(source)
    at = {epsilon: k for k, epsilon in enumerate(single[0]["epsilon_list"])}
    random = source.lines("addition", "lifetime")
    rows = []
    for k, epsilon in enumerate(twin.EPSILON):
        alone_at = (
            {value: i for i, value in enumerate(random[0]["training"]["epsilon_list"])} if random else {}
        )
        rows.append((
            f"{epsilon:.0e}".replace("e-0", "e-"),
            shares([line["share_self_replicators"][at[epsilon]] for line in single]) if epsilon in at else "",
            shares(list(made.organism[:, k])),
            shares([line["training"]["share_fixpoints"][alone_at[epsilon]] for line in random]) if epsilon in alone_at else "",
            shares(list(made.alone[:, k])),
        ))  # fmt: skip
    head = (
        "tolerance ε",
        "exp. 1, single",
        "exp. 1, double",
        "random particles alone, single",
        "the same, double",
    )
    return table(head, rows)


def twins(source):
    """The double-precision twins of experiment 1, made once."""
    if "twins" not in source.made:
        source.made["twins"] = twin.run(source.runs("addition"))
    return source.made["twins"]
