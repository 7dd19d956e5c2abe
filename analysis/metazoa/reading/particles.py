"""The particles of a run as a table (Run.particles)."""

import numpy as np

from ..mathematics import particle


def table(run):
    """A pandas.DataFrame with a row for each archived particle, as Run.particles describes it."""
    import pandas

    with run.archive() as archive:
        return pandas.concat([_layer(run, layer) for layer in archive.layers.values()], ignore_index=True)


def _layer(run, layer):
    import pandas

    cell, edge = layer.positions()
    last, first = (layer.trajectory[k].reshape(-1, layer.n_weights) for k in (-1, 0))
    with np.errstate(invalid="ignore", over="ignore"):
        effective = particle.effective(last, *run.particle)
        distance = np.linalg.norm(last - first.astype(float), axis=-1)
    return pandas.DataFrame(
        {
            "layer": layer.number,
            "cell": np.ravel(cell),
            "edge": np.ravel(edge),
            "type": pandas.Categorical.from_codes(layer.types(-1).ravel(), particle.TYPES),
            "effective": effective,
            "distance": distance,
        }
    )
