"""The tables of docs/training.md, from the runs of `make training`: a folder for each configuration, and those of wide organisms."""

import numpy as np

from ..figures.pruned import kept
from .sources import last, middle, percent, score, share, spread, table, three

OPTIMIZERS = {
    "train-sgd": "SGD (the paper)",
    "train-sgd-decay-hundredth": "SGD, weight decay 0.00001 for the task",
    "train-sgd-decay-tenth": "SGD, weight decay 0.0001 for the task",
    "train-sgd-decay": "SGD, weight decay 0.001 for the task",
    "train-sgd-decay-self": "SGD, weight decay 0.001 for both",
    "train-sgd-cosine": "SGD, cosine to 0",
    "train-sgd-step": "SGD, a third every 60 epochs",
    "train-sgd-warmup": "SGD, warm-up to 0.016, cosine to 0",
    "train-adam-self": "SGD for the task, Adam for the self-training",
    "train-adam-task": "Adam for the task, SGD for the self-training",
    "train-adam": "Adam",
    "train-adamw": "AdamW, weight decay 0.01 for the task",
    "train-adam-cosine": "Adam, cosine to 0",
    "train-adam-cosine-task": "Adam, cosine to 0 for the task alone",
    "train-adam-cosine-self": "Adam, cosine to 0 for the self-training alone",
    "train-adam-last": "Adam, a hundredth in the last 20 epochs",
}
PRUNED = {
    "whole-%s": "not pruned",
    "oneshot-%s-activity": "`oneshot`, `activity`",
    "oneshot-%s-replicators": "`oneshot`, `replicators`",
    "oneshot-%s-magnitude": "`oneshot`, `magnitude`",
    "oneshot-%s-random": "`oneshot`, `random`",
    "gradual-%s-activity": "`gradual`, `activity`, 10 rounds",
    "ticket-%s-none": "`iterative`, `activity`, 4 rounds, `rewind: none`",
    "ticket-%s-init": "the same, `rewind: init`",
    "ticket-%s-5": "the same, `rewind: 5`",
    "long-%s-none": "the same for 800 epochs, `rewind: none`",
    "long-%s-init": "the same for 800 epochs, `rewind: init`",
}
NETWORKS = "organism", "conventional"
SCORES = "activity", "taylor", "replicators", "magnitude", "random"


def _signed(value):
    return f"{value:+.3f}".replace("-", "−")


def _validation(source, name):
    """Validation accuracies with which training ended; none where no samples were held out."""
    held = all("validation_accuracy" in run.metrics for run in source.runs(name))
    return source.each(name, last("validation_accuracy")) if held else []


def _by_seed(source, variant, measure=score):
    return dict(zip((run.seed for run in source.runs(variant)), source.each(variant, measure)))


def paired(one, other):
    """What `one` has more than `other`, over the seeds that both have: numbers by seed."""
    return np.array([one[seed] - other[seed] for seed in sorted(one.keys() & other.keys())])


def difference(one, other):
    """The median difference, its interval, and in how many seeds it is above zero."""
    more = paired(one, other)
    if not len(more):
        return "not run"
    return f"{middle(more, _signed)}; above in {int((more > 0).sum())} of {len(more)}"


# ---- optimizers ----


def optimizers(source):
    particles = {run.summary["particles"] for name in OPTIMIZERS for run in source.runs(name)}
    rows = [
        (
            text,
            len(source.runs(name)),
            middle(_validation(source, name), three),
            middle(source.each(name, score), three),
            spread([round(part * max(particles)) for part in source.each(name, share)]),
        )
        for name, text in OPTIMIZERS.items()
        if source.runs(name)
    ]
    head = "run", "seeds", "validation accuracy", "test accuracy"
    return table((*head, f"self-replicators of {max(particles, default=0)}"), rows)


def against_sgd(source):
    """Each way to train beside the paper's, seed by seed: they begin with the same weights and the same samples."""
    plain = [_by_seed(source, "train-sgd", measure) for measure in (score, share)]
    rows = []
    for name, text in OPTIMIZERS.items():
        if name == "train-sgd" or not source.runs(name):
            continue
        replicate = paired(_by_seed(source, name, share), plain[1])
        rows.append((
            text,
            difference(_by_seed(source, name), plain[0]),
            f"{middle(replicate, lambda value: percent(value).replace('-', '−'))} points" if len(replicate) else "not run",
        ))  # fmt: skip
    return table(("minus SGD (the paper), same seeds", "test accuracy", "self-replicators"), rows)


def early(source):
    """As many epochs as the validation loss allows, beside a number that was written down."""
    rows = [
        (
            text,
            len(source.runs(name)),
            spread([run.summary["epochs"] for run in source.runs(name)]),
            middle(_validation(source, name), three),
            middle(source.each(name, score), three),
        )
        for name, text in (("train-adam", "`epochs: 200`"), ("train-adam-early", "`patience: 20`"))
        if source.runs(name)
    ]
    return table(("Adam", "seeds", "epochs", "validation accuracy", "test accuracy"), rows)


# ---- pruning ----


def pruned(source):
    rows = []
    for pattern, text in PRUNED.items():
        found = [source.each(pattern % network, score) for network in NETWORKS]
        if any(found):
            cells = ((len(values), spread(values, three)) if values else ("–", "–") for values in found)
            rows.append((text, *(cell for pair in cells for cell in pair)))
    return table(("10 % kept", "seeds", "organism", "seeds", "conventional"), rows)


def _curve(source, network, way):
    """By share kept in percent: test accuracy by seed."""
    found = {}
    for run in source.runs(f"curve-{network}-{way}"):
        for part, value in zip(*kept(run)):
            found.setdefault(round(float(part)), {})[run.seed] = float(value)
    return found


def _curves(source):
    found = {(network, way): _curve(source, network, way) for network in NETWORKS for way in SCORES}
    found = {key: curve for key, curve in found.items() if curve}
    return found, sorted({part for curve in found.values() for part in curve}, reverse=True)


def curve(source):
    found, parts = _curves(source)
    rows = [
        (
            f"{network}, `{way}`",
            max(map(len, line.values())),
            *(three(np.median(list(line[part].values()))) if part in line else "" for part in parts),
        )
        for (network, way), line in found.items()
    ]
    return table(("kept", "seeds", *(f"{part} %" for part in parts)), rows)


def scores(source):
    """`activity` beside each other score, seed by seed, at each share."""
    found, parts = _curves(source)
    rows = []
    for (network, way), line in found.items():
        best = found.get((network, "activity"))
        if way == "activity" or not best:
            continue
        more = [paired(best.get(part, {}), line.get(part, {})) for part in parts[1:]]
        cells = (
            f"{_signed(np.median(d))} ({int((d > 0).sum())} of {len(d)})" if len(d) else "" for d in more
        )
        rows.append((f"{network}, `{way}`", *cells))
    return table(("`activity` minus", *(f"{part} %" for part in parts[1:])), rows)


def rewind(source):
    rows = []
    for text, one, other in (
        ("`rewind: init` minus `none`", "ticket-%s-init", "ticket-%s-none"),
        ("`rewind: 5` minus `none`", "ticket-%s-5", "ticket-%s-none"),
        ("`rewind: init` minus `none`, 800 epochs", "long-%s-init", "long-%s-none"),
        ("four rounds minus one (`activity`)", "ticket-%s-none", "oneshot-%s-activity"),
        ("10 gradual rounds minus one (`activity`)", "gradual-%s-activity", "oneshot-%s-activity"),
        ("10 % kept, four rounds, minus all kept", "ticket-%s-none", "whole-%s"),
    ):
        cells = (
            difference(_by_seed(source, one % network), _by_seed(source, other % network))
            for network in NETWORKS
        )
        rows.append((text, *cells))
    rows.append((
        "organism minus conventional network, not pruned",
        difference(_by_seed(source, "whole-organism"), _by_seed(source, "whole-conventional")), "",
    ))  # fmt: skip
    rows.append((
        "organism minus conventional network, four rounds",
        difference(_by_seed(source, "ticket-organism-none"), _by_seed(source, "ticket-conventional-none")), "",
    ))  # fmt: skip
    return table(("same seeds", *NETWORKS), rows)


# ---- wide organisms ----

TRIED = {
    "wide-sgd-0.01": "SGD, 0.01",
    "wide-sgd-0.02": "SGD, 0.02",
    "wide-sgd-0.04": "SGD, 0.04",
    "wide-sgd-cosine": "SGD, 0.02, cosine to 0",
    "wide-sgd-decay": "SGD, 0.02, weight decay 0.0001",
    "wide-adam-cosine": "Adam, 0.001, cosine to 0",
}
WIDE = {
    "mnist-wide": "`conf/mnist-wide.yaml`",
    "mnist-wide-adam": "with Adam and a cosine to 0",
    "fashion-wide": "`conf/fashion-wide.yaml`",
}


def _four(value):
    return f"{value:.4f}"


def tried(source):
    """Validation samples alone: these runs are for choosing."""
    rows = [
        (
            text,
            len(source.runs(name)),
            *(
                f"{_four(np.median(found))} ({_four(min(found))} to {_four(max(found))})"
                for found in (_validation(source, name), source.each(name, last("validation_loss")))
            ),
            f"{percent(np.median(source.each(name, share)))} %",
        )
        for name, text in TRIED.items()
        if source.runs(name)
    ]
    return table(
        ("MNIST, 2 epochs", "seeds", "validation accuracy", "validation loss", "self-replicators"), rows
    )


def wide(source):
    rows = [
        (
            f"{text}, {source.runs(name)[0].setting('training', 'epochs', 12)} epochs",
            len(source.runs(name)),
            spread(source.each(name, score), _four),
            f"{spread(source.each(name, share), percent)} %",
            f"{spread(source.each(name, _settled), percent)} %",
        )
        for name, text in WIDE.items()
        if source.runs(name)
    ]
    return table(("", "seeds", "test accuracy", "self-replicators before settling", "after it"), rows)


def _settled(run):
    return run.summary["census"]["self_replicator"] / run.summary["particles"]


TABLES = {
    "optimizers": optimizers,
    "against-sgd": against_sgd,
    "early": early,
    "pruned": pruned,
    "curve": curve,
    "scores": scores,
    "rewind": rewind,
    "tried": tried,
    "wide": wide,
}
