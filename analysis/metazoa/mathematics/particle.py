"""The algebra of particles in numpy (float64): responses, effective weights, self-application, census.

A particle is a linear network 5, w, ..., w, 1 without bias; its weights are ordered layer by layer, row-major [cell][edge].
Its row a = W_n ... W_1 has five numbers; a[4] is the effective weight. `layers` = 0 is a scalar, the edge of a conventional
network: its weight is its effective weight. With `bias` the last edge of every cell is a bias, and the row has a sixth number, the
constant.
"""

import numpy as np

# The types of a census, and pruned particles, which it leaves out.
TYPES = ("divergent", "zero", "self_replicator", "secondary", "other", "pruned")
DIVERGENT, ZERO, SELF_REPLICATOR, SECONDARY, OTHER, PRUNED = range(6)
CENSUS = TYPES[:PRUNED]
INPUTS = 5


def replicator_shares(census):
    """Of each row of a census (a pandas.DataFrame), the share of self-replicators among the particles that live; 0 if none does."""
    living = census[[name for name in CENSUS if name in census]].sum(axis=1)
    return census["self_replicator"] / living.clip(lower=1) if census.size else living


def shapes(width, layers, bias=False):
    """The (cells, edges) of each weight layer."""
    sizes = [INPUTS] + [width] * (layers - 1) + [1]
    return [(sizes[k + 1], sizes[k] + bias) for k in range(layers)]


def n_weights(width, layers, bias=False):
    return sum(cells * edges for cells, edges in shapes(width, layers, bias)) if layers else 1


def positions(width, layers, bias=False):
    """The fixed columns of the input rows: layer, cell and edge index over its maximum + 1e-8; [3, weights]."""
    rows = [
        (k, cell, edge)
        for k, (cells, edges) in enumerate(shapes(width, layers, bias))
        for cell in range(cells)
        for edge in range(edges)
    ]
    index = np.array(rows, dtype=np.float64).T
    return index / (index.max(axis=1, keepdims=True) + 1e-8)


def response(weights, width, layers, bias=False):
    """a0 ... a4, and the constant, of every particle: weights [..., weights] -> [..., 5 or 6], float64."""
    weights = np.asarray(weights, dtype=np.float64)
    if layers == 0:
        out = np.zeros(weights.shape[:-1] + (INPUTS,))
        out[..., 0], out[..., 4] = 1, weights[..., 0]
        return out
    row, end = None, weights.shape[-1]
    with np.errstate(invalid="ignore", over="ignore"):
        for cells, edges in reversed(
            shapes(width, layers, bias)
        ):  # from the output to the input: always one row
            matrix = weights[..., end - cells * edges : end].reshape(weights.shape[:-1] + (cells, edges))
            below = matrix if row is None else row[..., :cells] @ matrix
            if bias and row is not None:
                below[..., -1:] += row[..., cells:]  # what the biases above add up to
            row = below
            end -= cells * edges
    return row[..., 0, :]


def effective(weights, width, layers, bias=False):
    """Effective weights: [..., weights] -> [...]."""
    return response(weights, width, layers, bias)[..., 4]


def apply_self(weights, width, layers, bias=False, by=None):
    """Self-application: w' = a0 w + a1 L + a2 C + a3 E (+ b), with the response of `by` (default: of the weights themselves)."""
    weights = np.asarray(weights, dtype=np.float64)
    a = response(weights if by is None else by, width, layers, bias)
    with np.errstate(invalid="ignore", over="ignore"):
        moved = a[..., :1] * weights + a[..., 1:4] @ positions(width, layers, bias)
        return moved + a[..., INPUTS:] if bias else moved


def census(weights, width, layers, bias=False, epsilon=1e-5):
    """Type of every particle, uint8 [...], in the program's order of tests."""
    weights = np.asarray(weights, dtype=np.float64)
    types = np.full(weights.shape[:-1], OTHER, dtype=np.uint8)
    if layers:
        once = apply_self(weights, width, layers, bias)
        twice = apply_self(once, width, layers, bias, by=weights)
        with np.errstate(invalid="ignore"):
            types[(np.abs(twice - weights) <= epsilon).all(axis=-1)] = SECONDARY
            types[(np.abs(once - weights) <= epsilon).all(axis=-1)] = SELF_REPLICATOR
    with np.errstate(invalid="ignore"):
        types[(np.abs(weights) <= epsilon).all(axis=-1)] = ZERO
    types[~np.isfinite(weights).all(axis=-1)] = DIVERGENT
    return types
