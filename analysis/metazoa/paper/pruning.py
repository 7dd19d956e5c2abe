"""Tables of pruning and of settling: section 3 and 4 of the page."""

import numpy as np

from ..mathematics.statistics import number
from ..reading import hdf5
from .sources import middle, percent, shares, spread, table

STRATEGIES = {
    "replicators": "self-replicators, or their positions",
    "magnitude": "smallest abs(w) (l1 norm)",
    "activity": "smallest abs(w) rms(x)",
    "gradient": "smallest gradient",
    "taylor": "smallest abs(w g) (Taylor)",
    "magnitude_layers": "abs(w), the same share of each layer",
    "activity_layers": "abs(w) rms(x), by layer",
    "gradient_layers": "gradient, by layer",
    "taylor_layers": "abs(w g), by layer",
    "random": "at random",
}


def _four(value):
    return f"{value:.4f}".replace("-", "−")


def left(lines, strategy, network="organism"):
    """Score that is left, by seed, when as many connections are dropped as there are self-replicators."""
    return np.array([line["same_count"][network][strategy] for line in lines])


def whole(lines, network="organism"):
    return np.array([line["baseline" if network == "organism" else "conventional"] for line in lines])


def lost(lines, strategy, network="organism"):
    return whole(lines, network) - left(lines, strategy, network)


def better(lines, strategy, network="organism"):
    """In how many seeds dropping the self-replicators, or their positions, leaves more than this strategy."""
    return int((left(lines, "replicators", network) > left(lines, strategy, network)).sum())


def dropout(source, variant="images"):
    lines = [line for line in source.lines(variant, "dropout") if line.get("conventional") is not None]
    if not lines:
        return ["not run"]
    count = np.array([line["same_count"]["dropped"] for line in lines])
    rows = []
    for strategy, name in STRATEGIES.items():
        cells = []
        for network in ("organism", "conventional"):
            overlap = [line["overlap_with_replicators"][network][strategy] for line in lines] / count
            itself = strategy == "replicators"
            cells += [middle(lost(lines, strategy, network), _four),
                      "" if itself else better(lines, strategy, network),
                      "" if itself else f"{percent(np.median(overlap), 2)} %"]  # fmt: skip
        rows.append((name, *cells))
    head = (f"{len(lines)} seeds, {number(np.median(count))} dropped ({count.min()} to {count.max()})",
            "organism: lost", "SR better", "overlap", "conventional network: lost", "SR better", "overlap")  # fmt: skip
    return table(head, rows)


def replication(source):
    """Experiment 2 when self-training cannot disturb the task, beside the paper's."""
    rows = []
    for name, variant in (("`all` (the paper's)", "images"), ("`replication`", "images-replication")):
        lines = source.lines(variant, "dropout")
        if not lines:
            continue
        dropped = [line["same_count"]["dropped"] for line in lines]
        rows.append((
            name,
            len(lines),
            spread(dropped),
            *(middle(values, _four) for values in (
                whole(lines), lost(lines, "replicators"), lost(lines, "magnitude"), lost(lines, "activity"),
                lost(lines, "taylor"), lost(lines, "random"),
            )),
            middle([line["score_without"]["other"] for line in lines], _four),
            f"{better(lines, 'magnitude')}, {better(lines, 'activity')}",
        ))  # fmt: skip
    head = ("self-training", "seeds", "self-replicators", "accuracy", "lost without them", "lost by abs(w)",
            "by abs(w) rms(x)", "by Taylor", "at random", "left without all others",
            "SR better than abs(w), abs(w) rms(x)")  # fmt: skip
    return table(head, rows)


def settle(source):
    """Shares of self-replicators by steps of self-training alone."""
    found = {}
    for run in source.runs("images"):
        if not (run.path / "probe-settle.h5").is_file():
            continue
        with run.probe("settle") as file:
            types = hdf5.read(file, "types")
            for step, row in zip(hdf5.read(file, "steps"), types):
                found.setdefault(int(step), []).append(row[2] / row.sum())
    wanted = [step for step in (0, 10, 50, 100, 200, 500, 2000) if step in found]
    median = ("self-replicators, median", *(f"{percent(np.median(found[step]))} %" for step in wanted))
    ends = (
        "range",
        *(f"{percent(min(found[step]), 2)} to {percent(max(found[step]), 2)}" for step in wanted),
    )
    return table(("self-training steps alone", *wanted), [median, ends])


def short_steps(source):
    """Shares of self-replicators, and of others, whose last task step was shorter than the tolerance: two lists over seeds."""
    ours, others = [], []
    for run in source.runs("images"):
        if not (run.path / "probe-settle.h5").is_file():
            continue
        rate = run.setting("training", "learning_rate", 0.004)
        with run.probe("settle") as file:
            step, kind = (hdf5.read(file, f"gradient/{name}") for name in ("velocity", "type_before"))
        short = rate * step < run.epsilon
        ours.append(short[kind == 2].mean())
        others.append(short[kind != 2].mean())
    return ours, others


def settled(source):
    """(seeds, of which all particles became self-replicators, changes of the score) by the probe settle."""
    lines = source.lines("images", "settle")
    all_of = [line["types_after"]["self_replicator"] == sum(line["types_after"].values()) for line in lines]
    return len(lines), sum(all_of), [line["score_after"] - line["score_before"] for line in lines]


def steps(source):
    rows = list(zip(("self-replicators", "others"), map(shares, short_steps(source))))
    return table(("last task step shorter than the tolerance", "share"), rows)
