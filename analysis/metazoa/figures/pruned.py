"""Figure `pruned`: what networks that were pruned while they were trained achieve, against what was kept."""

import numpy as np

from ..mathematics.statistics import interval
from ..reading.errors import Missing
from . import style


def kept(run):
    """Shares of the particles that lived, in percent, and the test score with which their training ended; 100 % first."""
    metrics = run.metrics
    score = f"test_{run.measure}"
    if "pruned" not in metrics:
        raise Missing(f"{run}: was trained without pruning")
    n = run.summary.get("particles") or run.census.sum(axis=1).max()  # no summary: it is being trained
    rows = metrics[metrics["epoch"] <= run.trained][["pruned", score]].dropna().groupby("pruned").last()
    if rows.empty:
        raise Missing(f"{run}: metrics.csv has no test score (measure.validate_every)")
    return 100 * (1 - rows.index.to_numpy() / n), rows[score].to_numpy()


def label(run):
    """What tells a run's pruning from that of others: the score, and what is not usual."""
    rewind = str(run.setting("pruning", "rewind", "none"))
    regrow = float(run.setting("pruning", "regrow", 0))
    words = [run.setting("pruning", "score", "magnitude"), run.setting("pruning", "schedule", "none")]
    words += [f"back to {rewind}"] if rewind != "none" else []
    words += [f"regrow {regrow:g}"] if regrow > 0 else []
    return ", ".join(words)


def pruned(runs):
    """Test score against the share that is kept; organism beside conventional network, a line for each way to prune."""
    figure, ((organism, conventional),) = style.new(style.PAGE, 2.6, columns=2, sharey=True)
    groups = {}
    for run in runs:
        groups.setdefault((run.scalar, label(run)), []).append(run)
    names = sorted({name for _, name in groups})
    for (scalar, name), members in sorted(groups.items()):
        shares, scores = zip(*(kept(run) for run in members))
        if any(not np.array_equal(shares[0], other) for other in shares):
            raise Missing(f'{members[0]} and another run of "{name}" kept other shares: draw them apart')
        _, dash, _ = style.STRATEGIES.get(name.split(",")[0], (None, "-", None))
        colour = style.CYCLE[names.index(name) % len(style.CYCLE)]
        style.band(
            conventional if scalar else organism, shares[0], interval(scores), colour, name, dash, marker="."
        )
    for axes, title in ((organism, "organism"), (conventional, "conventional")):
        axes.set_title(title)
        axes.set_xlabel("kept (%)")
        if axes.lines:
            axes.set_xscale("log")
            axes.invert_xaxis()
            axes.set_xticks([100, 50, 20, 10, 5, 2], ["100", "50", "20", "10", "5", "2"])
            axes.minorticks_off()
        else:
            style.note(axes, "no such run")
    organism.set_ylabel(f"test {runs[0].measure}")
    every = {line.get_label(): line for axes in (organism, conventional) for line in axes.lines}
    style.legend_above(figure, list(every.values()))
    style.letters((organism, conventional))
    style.remark(conventional, style.seeds_text(range(max(map(len, groups.values())))))
    return figure
