"""Where self-replicators are, and what weights they have: one run of experiment 2."""

import numpy as np

from ..mathematics.particle import SELF_REPLICATOR

RIM = 2  # pixels at the picture's edge


def of(run):
    """(share in the first layer, self-replicators of later layers, shares at the rim and inside, median |w| of both kinds there)."""
    with run.archive() as archive:
        found = [layer.types(-1) == SELF_REPLICATOR for layer in archive.layers.values()]
        first = archive.layers[0]
        weights = np.abs(run.effective_weights(first)[0])
    counts = [int(part.sum()) for part in found]
    planes, rows, columns = run.image
    inside = np.zeros((planes, rows, columns), bool)
    inside[:, RIM:-RIM, RIM:-RIM] = True
    inside = inside.ravel()
    return (
        counts[0] / max(sum(counts), 1),
        sum(counts[1:]),
        found[0][:, ~inside].mean(),
        found[0][:, inside].mean(),
        float(np.median(weights[found[0]])),
        float(np.median(weights[~found[0]])),
    )
